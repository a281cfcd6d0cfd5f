#ifndef LIVE_RIG_H
#define LIVE_RIG_H

#include "../net/loopback.h"

#include "core/count.h"
#include "net/worker.h"

/*
 * What tests of live sinks share: a worker whose loop the test itself drives,
 * counters, and the proof that every descriptor is closed again.
 */
struct live {
	struct worker *w;
	unsigned before;
	struct sink_count count;
};

static inline void
live_init(struct live *l)
{
	*l = (struct live){ .w = worker_new(0, NULL) };
	assert_non_null(l->w);
	l->before = loopback_fds();
}

/** live_done() - All handles have been closed, if not by the loop. */
static inline void
live_done(struct live *l)
{
	for (int i = 0; i < 3; i++)
		loopback_step(l->w);
	assert_int_equal(loopback_fds(), l->before);
	worker_free(l->w);
}

/** live_dropped() - Bytes, for one reason. */
static inline uint64_t
live_dropped(const struct live *l, enum drop_reason why)
{
	return count_get(&l->count.drop_bytes[why]);
}

/** live_settled() - Bytes that were written or dropped. */
static inline uint64_t
live_settled(const struct live *l)
{
	uint64_t n = count_get(&l->count.written);

	for (int r = 0; r < DROP_NREASONS; r++)
		n += live_dropped(l, (enum drop_reason)r);
	return n;
}

#endif /* LIVE_RIG_H */
