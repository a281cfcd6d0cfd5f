#ifndef CORE_GLIMPSE_H
#define CORE_GLIMPSE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * glimpse.h - who was heard first, of connections that are no sessions yet.
 *
 * A connection that is met in its middle becomes a session with the first
 * payload, but often an acknowledgement without any was heard before.  Its
 * sender is then taken for the client, as Wireshark does: whoever sends the
 * payload is as likely the server.
 *
 * A table of fixed size, in which a newer connection takes the place of an
 * older one of the same slot, so that nobody can make it grow.  What that may
 * cost is the name of a direction, never a byte.
 */

/* Connections whose first payload is awaited at the same time; 64 KiB. */
#define GLIMPSE_BITS  14
#define GLIMPSE_SLOTS (1u << GLIMPSE_BITS)

/** struct glimpse - All zeros: nothing was heard; private */
struct glimpse {
	uint32_t slots[GLIMPSE_SLOTS];
};

/**
 * glimpse_note() - A packet of a connection that is no session was heard
 * @hash:	Of its key (core/flow_map.h)
 * @at:		Which end of the key sent it; only the first call counts
 */
void glimpse_note(struct glimpse *g, uint32_t hash, unsigned at);

/**
 * glimpse_take() - It becomes a session: who was heard first?
 * @at:		Set when that is known
 *
 * Return: is it known?  It is forgotten with this.
 */
bool glimpse_take(struct glimpse *g, uint32_t hash, unsigned *at);

#endif /* CORE_GLIMPSE_H */
