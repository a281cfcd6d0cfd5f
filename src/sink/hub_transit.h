#ifndef SINK_HUB_TRANSIT_H
#define SINK_HUB_TRANSIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * hub_transit.h - how much is under way from the workers to a hub, so that it
 * is bounded.  Any thread.
 */

/*
 * Most bytes: 64 chunks of a relay's largest read, so that a busy first worker
 * does not cost the others anything.
 */
#define HUB_TRANSIT_MAX ((size_t)16 << 20)

/**
 * struct hub_transit - Private; zeroed: nothing is
 * @crowded:	Somebody waits for less of it
 */
struct hub_transit {
	_Atomic size_t len;
	_Atomic bool crowded;
};

/** hub_transit_enter() - So much more is under way. */
void hub_transit_enter(struct hub_transit *t, size_t len);

/** hub_transit_leave() - It has come; true: tell those who wait for room. */
bool hub_transit_leave(struct hub_transit *t, size_t len);

/** hub_transit_is_full() - May no more follow? */
bool hub_transit_is_full(const struct hub_transit *t);

/** hub_transit_wait() - The same; if so, the caller waits for room. */
bool hub_transit_wait(struct hub_transit *t);

#endif /* SINK_HUB_TRANSIT_H */
