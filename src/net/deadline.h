#ifndef NET_DEADLINE_H
#define NET_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

/*
 * deadline.h - many timeouts of the same length, at the cost of a list node.
 *
 * All entries of a queue wait equally long, so the queue is sorted by being
 * appended to: arming, re-arming and cancelling take constant time, and one
 * timer of the loop serves ten thousand sessions.
 */

/** struct deadline - One wait; list_init(&node) before first use. */
struct deadline {
	struct list node;
	uint64_t at_ns;
};

/**
 * struct deadline_queue - Waits of one length
 * @span_ns:	The length; 0: this kind of wait is off
 */
struct deadline_queue {
	struct list waiting;
	uint64_t span_ns;
};

/** deadline_queue_init() - An empty queue. */
static inline void
deadline_queue_init(struct deadline_queue *q, uint64_t span_ns)
{
	list_init(&q->waiting);
	q->span_ns = span_ns;
}

/**
 * deadline_queue_change() - Another length, for those under way too
 *
 * They began when they began: some may be over at once.  With 0 all are
 * cancelled.
 */
static inline void
deadline_queue_change(struct deadline_queue *q, uint64_t span_ns)
{
	struct list *node = q->waiting.next;

	while (span_ns == 0 && !list_is_empty(&q->waiting))
		(void)list_shift(&q->waiting);
	for (; span_ns > 0 && node != &q->waiting; node = node->next) {
		struct deadline *d = LIST_ENTRY(node, struct deadline, node);

		d->at_ns = d->at_ns - q->span_ns + span_ns;
	}
	q->span_ns = span_ns;
}

/** deadline_arm() - Wait from @now_ns on; begins anew when already waiting. */
static inline void
deadline_arm(struct deadline_queue *q, struct deadline *d, uint64_t now_ns)
{
	if (q->span_ns == 0)
		return;
	list_remove(&d->node);
	d->at_ns = now_ns + q->span_ns;
	list_append(&q->waiting, &d->node);
}

/** deadline_cancel() - Wait no more; idempotent. */
static inline void
deadline_cancel(struct deadline *d)
{
	list_remove(&d->node);
}

/** deadline_next() - When the first wait ends, or CLOCK_NEVER. */
static inline uint64_t
deadline_next(const struct deadline_queue *q)
{
	if (list_is_empty(&q->waiting))
		return CLOCK_NEVER;
	return LIST_ENTRY(q->waiting.next, struct deadline, node)->at_ns;
}

/** deadline_take() - Take off one wait that is over; NULL if none is. */
static inline struct deadline *
deadline_take(struct deadline_queue *q, uint64_t now_ns)
{
	if (deadline_next(q) > now_ns || list_is_empty(&q->waiting))
		return NULL;
	return LIST_ENTRY(list_shift(&q->waiting), struct deadline, node);
}

#endif /* NET_DEADLINE_H */
