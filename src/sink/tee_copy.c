#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"
#include "core/count.h"
#include "net/worker.h"

#include "sink/outq.h"
#include "sink/tee_copy.h"

/**
 * struct tee_copy - See tee_copy.h
 * @node:	In the lane's list
 * @q:		NULL: the copy is over, or goes on by itself
 * @lost:	What becomes of bytes then
 * @reached:	The other server was there
 * @cut:	It has ended, or is to end, by RST
 * @fin:	... by FIN
 * @answered:	The other server has said all that it will
 * @released:	The session has let go; answers are waited for
 */
struct tee_copy {
	struct list node;
	struct tee_copy_lane *lane;
	struct outq *q;
	enum drop_reason lost;
	bool reached;
	bool cut;
	bool fin;
	bool answered;
	bool released;
	struct deadline patience;
	struct compare compare;
};

static void
count_verdict(const struct tee_copy *c)
{
	struct sink_count *count = c->lane->outq.count;

	if (c->lane->compare == 0)
		return;
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

static void
free_copy(struct tee_copy *c)
{
	count_verdict(c);
	deadline_cancel(&c->patience);
	if (c->released)
		c->lane->npatient--;
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
	outq_finish(q, c->cut ? OUTQ_RST : OUTQ_FIN);
}

/* --- what the other server does ---------------------------------------- */

/* Never reached, or lost: no resuming in the middle (decision 7). */
static void
on_gone(void *self, int error)
{
	struct tee_copy *c = self;
	struct outq *q = c->q;

	(void)error; /* who is absent, and why, the counters say for all */
	if (!c->answered)
		compare_lost(&c->compare);
	c->lost = c->reached ? DROP_GONE : DROP_NO_CONSUMER;
	c->cut = true;
	c->q = NULL;
	outq_abort(q);
	if (c->released)
		free_copy(c);
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

	c->answered = true;
	if (!c->released)
		return;
	let_queue_go(c);
	free_copy(c);
}

static void
on_reached(void *self, struct obuf *out)
{
	(void)out; /* a copy has no head: this only tells that it is there */
	((struct tee_copy *)self)->reached = true;
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
					 .absent = OUTQ_KEEP_ALL,
					 .head = on_reached,
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
	list_init(&c->node);
	list_init(&c->patience.node);
	list_append(&lane->copies, &c->node);
	compare_init(&c->compare, lane->compare, &lane->ahead);
	outq_call(c->q, &lane->target);
	return c;
}

/* Nobody waits for the other server, which has not answered the call yet. */
static bool
nobody_waits(const struct tee_copy *c)
{
	return !c->reached && !c->lane->outq.patient;
}

bool
tee_copy_full(const struct tee_copy *c)
{
	return c->q != NULL && !nobody_waits(c) && outq_full(c->q);
}

void
tee_copy_put(struct tee_copy *c, const uint8_t *data, size_t len)
{
	struct sink_count *count = c->lane->outq.count;

	if (c->q != NULL && nobody_waits(c) && outq_full(c->q)) {
		tee_copy_cut(c, true);
		c->lost = DROP_NO_CONSUMER;
	}
	if (c->q != NULL && !c->cut && !c->fin) {
		/* A copy with a hole is none. */
		if (!outq_put(c->q, data, len, len))
			tee_copy_cut(c, true);
		return;
	}
	/* What it has not heard, its answer cannot be to. */
	compare_lost(&c->compare);
	count_add(&count->drop_bytes[c->lost], len);
	count_add(&count->drop_chunks[c->lost], 1);
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
	if (c->fin || c->cut)
		return;
	c->fin = true;
	if (c->q != NULL)
		outq_fin(c->q);
}

void
tee_copy_cut(struct tee_copy *c, bool now)
{
	compare_lost(&c->compare);
	if (!c->cut)
		c->lost = DROP_GONE;
	c->cut = true;
	if (c->q == NULL)
		return;
	if (now) {
		outq_abort(c->q);
		c->q = NULL;
	} else {
		let_queue_go(c);
	}
}

/* Its answers took too long. */
static void
end_copy(struct tee_copy *c)
{
	compare_lost(&c->compare);
	let_queue_go(c);
	free_copy(c);
}

/* Descriptors are for sessions first: whoever waits longest waits no more. */
static void
end_longest(struct tee_copy_lane *lane)
{
	struct list *at = list_shift(&lane->patience.waiting);
	struct deadline *d;

	if (at == NULL)
		return;
	d = LIST_ENTRY(at, struct deadline, node);
	end_copy(ATTR_CONTAINER(d, struct tee_copy, patience));
}

void
tee_copy_release(struct tee_copy *c)
{
	/* It was cut by whoever ended the session, unless it ended by FIN. */
	if (!c->fin)
		c->cut = true;
	if (c->q != NULL && (c->lane->compare == 0 || c->cut || c->answered))
		let_queue_go(c);
	if (c->q == NULL) {
		free_copy(c);
		return;
	}
	c->released = true;
	if (++c->lane->npatient > outq_lane_part(c->lane->outq.share))
		end_longest(c->lane);
	deadline_arm(&c->lane->patience, &c->patience, clock_mono_ns());
	worker_touch(c->lane->outq.worker);
}

/* --- lanes ------------------------------------------------------------- */

uint64_t
tee_copy_lane_turn(struct tee_copy_lane *lane, uint64_t mono_ns)
{
	uint64_t due, first;
	struct deadline *d;
	struct list *at;

	/* Before the queues are cut off, which have no owner then. */
	while (mono_ns >= lane->outq.finish_ns &&
	       (at = list_shift(&lane->copies)) != NULL)
		end_copy(LIST_ENTRY(at, struct tee_copy, node));
	while ((d = deadline_take(&lane->patience, mono_ns)) != NULL)
		end_copy(ATTR_CONTAINER(d, struct tee_copy, patience));
	first = deadline_next(&lane->patience);
	due = outq_lane_turn(&lane->outq, mono_ns);
	return due < first ? due : first;
}
