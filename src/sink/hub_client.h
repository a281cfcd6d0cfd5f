#ifndef SINK_HUB_CLIENT_H
#define SINK_HUB_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"

#include "sink/hub_seat.h"

/*
 * hub_client.h - one reader of a live capture: what it was told, what it has
 * missed, and the queue towards it.
 *
 *	SHB  IDB...  { [IDB...] [ISB...] packets... }  ISB...
 *
 * It gets whole blocks or none.  What it has missed, for want of room here or
 * on the way, is told by statistics before the next packets, and at the end.
 */

struct hub;
struct hub_batch;
struct hub_ifaces;
struct obuf;
struct outq;

/** struct hub_tally - Packets of an interface since the client came. */
struct hub_tally {
	uint64_t received;
	uint64_t lost;
	bool news;
};

/**
 * struct hub_client - See above
 * @node:	In the hub's list, if in any
 * @hub:	Whose it is
 * @q:		Towards it; NULL: it has gone.  The hub's, and the next
 * @over:	Nobody listens to any port any more
 * @ifaces:	Private, and what follows but for the seats
 * @tally:	Of the @ntold interfaces that it knows
 * @scratch:	Where single blocks are put together; borrowed
 * @replay:	The past is heard: times are those of the packets
 * @start_ns:	When it came, or its first packet
 * @last_ns:	Of its last packet
 * @news:	Some tally has lost packets that it was not told of
 * @torn:	It has got a part of a block, for want of memory for the rest
 * @seats:	One for each port, @nseats
 */
struct hub_client {
	struct list node;
	struct hub *hub;
	struct outq *q;
	bool over;
	const struct hub_ifaces *ifaces;
	struct hub_tally *tally;
	uint32_t ntold;
	struct obuf *scratch;
	bool replay;
	bool news;
	bool torn;
	uint64_t start_ns;
	uint64_t last_ns;
	size_t nseats;
	struct hub_seat seats[];
};

/**
 * hub_client_new() - Somebody who has heard nothing yet
 * @nseats:	Room for so many; zeroed
 *
 * Return: NULL without memory
 */
struct hub_client *hub_client_new(const struct hub_ifaces *ifaces,
    struct obuf *scratch, bool replay, size_t nseats) ATTR_WUNRES;

/** hub_client_free() - Its queue is not its any more; NULL is a no-op. */
void hub_client_free(struct hub_client *c);

/**
 * hub_client_sit() - Listen to the ports from now on
 * @ports:	For each seat
 *
 * What the first of them posts may already be the end of @c, freed then.
 */
void hub_client_sit(struct hub_client *c, struct hub_port *const *ports);

/**
 * hub_client_leave() - It has gone, and has no queue any more
 *
 * Taken off the list and freed when no letter of a seat is under way: at once,
 * or later.
 */
void hub_client_leave(struct hub_client *c);

/** hub_client_greet() - Queue what a capture begins with; 0 or -ENOMEM. */
int hub_client_greet(struct hub_client *c) ATTR_WUNRES;

/**
 * hub_client_give() - Queue a batch, and before it whatever it needs
 *
 * Return: 0; -ENOMEM: the batch cannot be understood, it was not queued;
 *	   -EPIPE: it or what was sent before it was torn.  What is not queued
 *	   then was counted, but the client understands nothing any more.
 */
int hub_client_give(
    struct hub_client *c, const struct hub_batch *b) ATTR_WUNRES;

/** hub_client_miss() - A batch that it will not get. */
void hub_client_miss(struct hub_client *c, const struct hub_batch *b);

/** hub_client_stats() - Queue statistics of every interface. */
void hub_client_stats(struct hub_client *c);

#endif /* SINK_HUB_CLIENT_H */
