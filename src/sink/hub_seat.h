#ifndef SINK_HUB_SEAT_H
#define SINK_HUB_SEAT_H

#include <stdbool.h>

#include "net/mail.h"

/*
 * hub_seat.h - whether a client of a live capture listens to a port, which may
 * be another worker's.
 *
 * A letter goes there and comes back; for a port of the hub's own worker the
 * way is none.  Letters and batches of a port come in the order they were
 * sent, so a seat says exactly which batches are for the client.
 */

struct hub_client;
struct hub_port;

/**
 * enum hub_seat_state - What a seat is
 *
 * EMPTY	The client does not listen: not yet, or never again.
 * ASKED	The letter that asks for it is on its way there and back; it
 *		becomes SEATED then.
 * SEATED	It listens; hub_seat_give_up() ends that.
 * LEAVING	The letter that says so is on its way; EMPTY then.
 */
enum hub_seat_state {
	HUB_SEAT_EMPTY,
	HUB_SEAT_ASKED,
	HUB_SEAT_SEATED,
	HUB_SEAT_LEAVING,
};

/**
 * struct hub_seat - See above; embedded in the client, which outlives letters
 * @state:	Read-only
 * @client:	Set by the owner, and the next two
 * @port:	Where
 * @home:	The letter has come back, on the hub's thread
 * @mail:	Private
 */
struct hub_seat {
	enum hub_seat_state state;
	struct hub_client *client;
	struct hub_port *port;
	void (*home)(struct hub_seat *seat);
	struct mail mail;
};

/**
 * hub_seat_ask() - Begin to listen
 *
 * The port posts what it has collected, then what the client must know.  At
 * once where the port is direct, and home() is not called then.
 */
void hub_seat_ask(struct hub_seat *seat);

/**
 * hub_seat_give_up() - From SEATED
 * @over:	All ports have finished, or their workers may be gone: nobody is
 *		told
 */
void hub_seat_give_up(struct hub_seat *seat, bool over);

#endif /* SINK_HUB_SEAT_H */
