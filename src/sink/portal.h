#ifndef SINK_PORTAL_H
#define SINK_PORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/list.h"
#include "core/event.h"
#include "net/deadline.h"
#include "sink/feed.h"
#include "sink/outq_lane.h"
#include "sink/port_range.h"

/*
 * portal.h - a port of our own where one direction of one session can be
 * heard.
 *
 *	OPEN	The session goes on.  One consumer at a time; others wait in the
 *		kernel's queue until it has gone.
 *	ENDING	The session is over.  A consumer that is there gets the rest;
 *		if none came yet, one may still come for what was kept, for a
 *		while.
 *
 * When it closes, its port goes back to the range, and who connects then is
 * refused.
 */

struct err;
struct session;

/**
 * struct portal_lane - What the portals of one worker share
 * @at:		@nat addresses to listen at; the port is that of each portal
 * @range:	Where ports come from
 * @feed:	What is kept, and how much
 * @outq:	Queues
 * @portals:	All of them
 * @patience:	With consumers that have not come; @npatient portals
 */
struct portal_lane {
	const struct addr *at;
	size_t nat;
	struct port_range *range;
	struct feed_opts feed;
	struct outq_lane outq;
	struct list portals;
	struct deadline_queue patience;
	unsigned npatient;
};

struct portal;

/**
 * portal_open() - Listen for consumers of a direction, as @what says
 * @port:	0: the next free one of the range; else this one
 *
 * Ports that others use are passed over.
 *
 * Return: NULL with errno: EADDRNOTAVAIL, EADDRINUSE or EACCES when there is no
 *	   free port
 */
struct portal *portal_open(struct portal_lane *l, const struct feed_what *what,
    uint16_t port) ATTR_WUNRES;

/** portal_port() - Where it listens. */
uint16_t portal_port(const struct portal *p);

/** portal_full() - Is its consumer behind by the limit? */
bool portal_full(const struct portal *p);

/** portal_missed() - See feed_missed(). */
void portal_missed(struct portal *p, uint64_t len);

/** portal_put() - Bytes of its direction. */
void portal_put(struct portal *p, const struct chunk *c);

/** portal_end() - No more will come; the owner lets go.  NULL: a no-op. */
void portal_end(struct portal *p, enum how how);

/** portal_cut() - Reset the consumer and close; NULL is a no-op. */
void portal_cut(struct portal *p);

/** portal_lane_turn() - See sink_ops.turn. */
uint64_t portal_lane_turn(struct portal_lane *l, uint64_t mono_ns);

#endif /* SINK_PORTAL_H */
