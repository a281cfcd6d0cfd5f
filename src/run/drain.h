#ifndef RUN_DRAIN_H
#define RUN_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * drain.h - the last thing that sinks do: bring out what is queued.
 *
 * All at once, each on a thread of its own.  One after the other, a reader of
 * standard output that has stopped would use up the time of the files that
 * come behind it, and what was theirs to write would be lost.
 */

struct sink;

/**
 * drain_all() - Drain every sink that can be drained
 * @sinks:	@n of them; all workers have ended
 * @deadline_ns: Monotonic; for each of them
 * @is_told:	Somebody wants us to end.  If not, sinks for which traffic
 *		waits when they are full (ON_FULL_PAUSE) are waited for as
 *		well, however long they take: else the end of a recording
 *		would be worth less than its middle
 *
 * Returns when the last is done.
 *
 * Return: 0; -ETIMEDOUT: a thread had to be left behind, and neither sinks
 *	   nor lanes may be freed any more (core/sink.h)
 */
int drain_all(struct sink *const *sinks, size_t n, uint64_t deadline_ns,
    bool is_told) ATTR_WUNRES;

#endif /* RUN_DRAIN_H */
