#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"
#include "core/count.h"
#include "net/deadline.h"
#include "net/worker.h"

#include "sink/tee_copy.h"

/** enum tee_copy_state - See tee_copy.h */
enum tee_copy_state {
	TEE_COPY_CALLING,
	TEE_COPY_COPYING,
	TEE_COPY_ENDING,
	TEE_COPY_OVER,
};

/**
 * struct tee_copy - See tee_copy.h
 * @node:	In the lane's list
 * @q:		NULL when it is OVER
 * @lost:	What becomes of bytes then
 * @end:	How it ends when all is out
 * @has_end:	@end is known: nothing is put in any more
 * @released:	The session has let go
 * @compared:	The verdict was counted
 */
struct tee_copy {
	struct list node;
	struct tee_copy_lane *lane;
	enum tee_copy_state state;
	struct outcall call;
	struct outq *q;
	enum drop_reason lost;
	enum outq_end end;
	bool has_end;
	bool released;
	bool compared;
	struct deadline patience;
	struct compare compare;
};

static void
count_verdict(struct tee_copy *c)
{
	struct sink_count *count = c->lane->outq.count;

	if (c->lane->compare == 0 || c->compared)
		return;
	c->compared = true;
	switch (compare_verdict(&c->compare)) {
	case COMPARE_EQUAL:
		count_add(&count->equal, 1);
		return;
	case COMPARE_DIFFERENT:
		count_add(&count->different, 1);
		return;
	case COMPARE_UNKNOWN:
		count_add(&count->incomparable, 1);
		return;
	}
}

/* Nobody needs it any more. */
static void
free_copy(struct tee_copy *c)
{
	count_verdict(c);
	outcall_cancel(&c->call);
	deadline_cancel(&c->patience);
	list_remove(&c->node);
	compare_done(&c->compare);
	free(c);
}

/* The queue sends the rest by itself. */
static void
let_queue_go(struct tee_copy *c)
{
	struct outq *q = c->q;

	c->q = NULL;
	c->state = TEE_COPY_OVER;
	outq_finish(q, c->end);
}

/* The copy is at its end: what was not compared by now is not. */
static void
become_over(struct tee_copy *c, enum drop_reason lost)
{
	c->lost = lost;
	c->state = TEE_COPY_OVER;
	c->q = NULL;
	if (c->released)
		free_copy(c);
}

/* --- what the other server does ---------------------------------------- */

static void
on_called(void *self, int fd)
{
	struct tee_copy *c = self;

	if (outq_attach(c->q, fd, "", 0) != 0) {
		outq_finish(c->q, OUTQ_RST); /* has nobody: drops all */
		compare_lost(&c->compare);
		become_over(c, DROP_NO_CONSUMER);
		return;
	}
	if (c->state == TEE_COPY_CALLING)
		c->state = TEE_COPY_COPYING;
	/* The session is over: unless answers are awaited, so is this. */
	if (c->released && (c->lane->compare == 0 || c->end == OUTQ_RST)) {
		let_queue_go(c);
		free_copy(c);
	}
}

static void
on_call_failed(void *self, int error)
{
	struct tee_copy *c = self;

	(void)error; /* who is absent, and why, the counters say for all */
	outq_finish(c->q, OUTQ_RST);
	compare_lost(&c->compare);
	become_over(c, DROP_NO_CONSUMER);
}

/* Closed or reset: no resuming in the middle (decision 7). */
static void
on_gone(void *self, int error)
{
	struct tee_copy *c = self;
	struct outq *q = c->q;

	(void)error;
	if (c->state != TEE_COPY_ENDING || error != 0)
		compare_lost(&c->compare);
	outq_abort(q);
	become_over(c, DROP_GONE);
}

static void
on_answer(void *self, const uint8_t *data, size_t len)
{
	struct tee_copy *c = self;

	if (c->lane->compare > 0)
		compare_add(&c->compare, COMPARE_OTHER, data, len);
}

static void
on_answered(void *self)
{
	struct tee_copy *c = self;

	if (!c->released)
		return;
	let_queue_go(c);
	free_copy(c);
}

/* --- what the session does --------------------------------------------- */

struct tee_copy *
tee_copy_new(struct tee_copy_lane *lane)
{
	struct tee_copy *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->q = outq_new(&lane->outq, &(struct outq_opts){
					 .limit = lane->limit,
					 /* full() has the last word. */
					 .startup = SIZE_MAX,
					 .absent = OUTQ_KEEP_HEAD,
					 .gone = on_gone,
					 .answer = on_answer,
					 .answered = on_answered,
					 .self = c,
				     });
	if (c->q == NULL) {
		free(c);
		return NULL;
	}
	c->lane = lane;
	c->state = TEE_COPY_CALLING;
	list_init(&c->node);
	list_init(&c->patience.node);
	list_append(&lane->copies, &c->node);
	compare_init(&c->compare, lane->compare);
	outcall_init(&c->call, &lane->target);
	c->call.answered = on_called;
	c->call.failed = on_call_failed;
	c->call.self = c;
	outcall_start(&c->call, true);
	return c;
}

bool
tee_copy_full(const struct tee_copy *c)
{
	return c->q != NULL && outq_queued(c->q) >= c->lane->limit;
}

/* Asked once per block of a capture, not per chunk. */
bool
tee_copy_lane_full(const struct tee_copy_lane *lane)
{
	const struct list *at;

	for (at = lane->copies.next; at != &lane->copies; at = at->next)
		if (tee_copy_full(LIST_ENTRY(at, struct tee_copy, node)))
			return true;
	return false;
}

static void
drop(struct tee_copy *c, size_t len)
{
	struct sink_count *count = c->lane->outq.count;

	count_add(&count->drop_bytes[c->lost], len);
	count_add(&count->drop_chunks[c->lost], 1);
}

void
tee_copy_put(struct tee_copy *c, const uint8_t *data, size_t len)
{
	if (c->q != NULL && !c->has_end)
		outq_put(c->q, data, len, len);
	else
		drop(c, len);
}

void
tee_copy_answer(struct tee_copy *c, const uint8_t *data, size_t len)
{
	if (c->lane->compare > 0)
		compare_add(&c->compare, COMPARE_TRUE, data, len);
}

void
tee_copy_answer_gap(struct tee_copy *c)
{
	compare_lost(&c->compare);
}

void
tee_copy_fin(struct tee_copy *c)
{
	if (c->has_end)
		return;
	c->has_end = true;
	c->end = OUTQ_FIN;
	if (c->q != NULL)
		outq_fin(c->q);
}

void
tee_copy_cut(struct tee_copy *c, bool now)
{
	if (c->q == NULL)
		return;
	c->has_end = true;
	c->end = OUTQ_RST;
	c->lost = DROP_GONE;
	compare_lost(&c->compare);
	if (now) {
		outcall_cancel(&c->call);
		outq_abort(c->q);
		c->q = NULL;
		c->state = TEE_COPY_OVER;
	} else if (c->state == TEE_COPY_COPYING) {
		let_queue_go(c);
	}
}

void
tee_copy_release(struct tee_copy *c)
{
	c->released = true;
	if (c->state == TEE_COPY_OVER) {
		free_copy(c);
		return;
	}
	/* It was cut by whoever ended the session, unless it ended by FIN. */
	if (!c->has_end)
		c->end = OUTQ_RST;
	c->has_end = true;
	if (c->state == TEE_COPY_COPYING &&
	    (c->lane->compare == 0 || c->end == OUTQ_RST)) {
		let_queue_go(c);
		free_copy(c);
		return;
	}
	c->state = TEE_COPY_ENDING;
	deadline_arm(&c->lane->patience, &c->patience, clock_mono_ns());
	worker_touch(c->lane->target.worker);
}

/* --- lanes ------------------------------------------------------------- */

/* Give up on the call or the answers. */
static void
end_copy(struct tee_copy *c)
{
	if (c->q != NULL) {
		compare_lost(&c->compare);
		let_queue_go(c);
	}
	free_copy(c);
}

static void
end_all(struct tee_copy_lane *lane)
{
	outcall_target_stop(&lane->target);
	while (!list_is_empty(&lane->copies))
		end_copy(LIST_ENTRY(lane->copies.next, struct tee_copy, node));
}

/* Told to finish: nothing but what is on its way keeps the loop. */
static void
look_at_end(struct tee_copy_lane *lane, uint64_t mono_ns)
{
	if (!lane->held)
		return;
	if (mono_ns >= lane->outq.finish_ns)
		end_all(lane);
	if (!list_is_empty(&lane->copies))
		return;
	lane->held = false;
	outcall_target_stop(&lane->target);
	worker_let_go(lane->target.worker);
}

uint64_t
tee_copy_lane_turn(struct tee_copy_lane *lane, uint64_t mono_ns)
{
	uint64_t due, first;
	struct deadline *d;

	while ((d = deadline_take(&lane->patience, mono_ns)) != NULL)
		end_copy(ATTR_CONTAINER(d, struct tee_copy, patience));
	look_at_end(lane, mono_ns);
	first = deadline_next(&lane->patience);
	if (lane->held && lane->outq.finish_ns < first)
		first = lane->outq.finish_ns;
	due = outcall_target_turn(&lane->target, mono_ns);
	first = due < first ? due : first;
	due = outq_lane_turn(&lane->outq, mono_ns);
	return due < first ? due : first;
}

void
tee_copy_lane_finish(struct tee_copy_lane *lane, uint64_t deadline_ns)
{
	lane->held = true;
	worker_hold(lane->target.worker);
	outq_lane_finish(&lane->outq, deadline_ns);
}
