#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <uv.h>

#include "base/attr.h"
#include "base/clock.h"
#include "core/count.h"
#include "net/worker.h"

#include "sink/outbuf.h"
#include "sink/outcall.h"
#include "sink/outq.h"
#include "sink/plug.h"

/*
 * How it works.  A long record goes to the socket at once if nothing waits;
 * what the socket does not take is copied (sink/outbuf.h) and sent when it can
 * be.  Short ones, as a capture has them, are copied and go out together: at
 * the end of the loop's turn, or when they have become a batch.  An error is
 * left for the handle to report, so that nobody is called back from within
 * outq_put().
 *
 * A consumer that has sent FIN may still read: its end of input is no reason
 * to stop.  It is then not polled for reading any more, which would report it
 * for ever.
 */

/* Blocks handed to one system call. */
#define BATCH 16

/*
 * Shorter than this is copied: that costs less than a system call by some
 * orders of magnitude.
 */
#define SHORT ((size_t)8 * 1024)

/* Short records that do not wait for the end of the turn: a system call's
 * worth, and never so many that they would fill the queue by themselves. */
#define TOGETHER ((size_t)64 * 1024)

/* How often a queue to be reset is looked at: its bytes are on their way. */
#define RESET_LOOK_NS (5 * CLOCK_NS_PER_MS)

/* Bytes of answers taken before others get their turn. */
#define ANSWERS_MAX ((size_t)1024 * 1024)

/**
 * struct outq - See outq.h
 * @node:	In the lane's list of all
 * @late:	In its list of those that finish
 * @reset:	In its list of those that only have to be reset
 * @soon:	In its list of those to be sent at the end of the turn: what is
 *		queued waits for that, not for the socket
 * @end:	How it is to finish
 * @plug:	NULL: no consumer
 * @call:	To one; its target is NULL if there is nobody to call
 * @head:	Made when the owner let go before there was one
 * @buf:	What waits
 * @was_full:	Somebody may wait for room
 * @fin_due:	Nothing is put in any more
 * @peer_ended:	The consumer has sent FIN,
 * @fin_sent:	and so have we
 * @busy:	Calls of ours on the stack that go on using it
 */
struct outq {
	struct list node;
	struct deadline late;
	struct list reset;
	struct list soon;
	enum outq_end end;
	struct outq_lane *lane;
	struct outq_opts o;
	enum outq_state state;
	struct plug *plug;
	struct outcall call;
	struct obuf head;
	struct outbuf buf;
	bool was_full;
	bool fin_due;
	bool peer_ended;
	bool fin_sent;
	unsigned busy;
};

/* --- letting go -------------------------------------------------------- */

static void
unplug(struct outq *q, bool reset)
{
	if (q->plug != NULL)
		plug_close(q->plug, reset);
	q->plug = NULL;
	list_remove(&q->soon);
}

static void
free_queue(struct outq *q)
{
	if (q->busy > 0)
		return;
	outbuf_done(&q->buf);
	obuf_done(&q->head);
	free(q);
}

/*
 * All queues together hold too much.  Then those are full that hold more than
 * their share: whoever keeps up with its session never does.
 */
static bool
has_too_much(const struct outq *q)
{
	const struct outq_lane *l = q->lane;

	return l->queued >= l->most && q->buf.len >= l->most / l->nqueues;
}

/* Sessions may wait for others' queues to get shorter. */
static void
tell_lane_room(struct outq_lane *l)
{
	if (!l->was_full || l->queued > l->most / 2)
		return;
	l->was_full = false;
	worker_room(l->worker);
}

/* The one way out of the lane; for those who are @busy with it. */
static void
leave_lane(struct outq *q, enum drop_reason why, bool reset)
{
	outbuf_drop_all(&q->buf, why);
	unplug(q, reset);
	if (q->call.target != NULL)
		outcall_cancel(&q->call);
	list_remove(&q->node);
	q->lane->nqueues--;
	list_remove(&q->reset);
	deadline_cancel(&q->late);
	q->state = OUTQ_OVER;
	tell_lane_room(q->lane);
	/* It may have been the last that its lane waited for. */
	worker_touch(q->lane->worker);
}

static void
become_over(struct outq *q, enum drop_reason why, bool reset)
{
	leave_lane(q, why, reset);
	free_queue(q);
}

/* Lets whoever waits for room know, once half of it is free. */
static void
tell_room(struct outq *q)
{
	tell_lane_room(q->lane);
	if (!q->was_full || q->buf.len > q->o.limit / 2 || has_too_much(q))
		return;
	q->was_full = false;
	worker_room(q->lane->worker);
}

/* The consumer is lost: what is queued will never reach it. */
static void
fail(struct outq *q, int error)
{
	if (q->state == OUTQ_FINISHING) {
		leave_lane(q, DROP_GONE, true);
		return;
	}
	outbuf_drop_all(&q->buf, DROP_GONE);
	unplug(q, true);
	q->state = OUTQ_ABSENT;
	if (!q->o.keep_always)
		q->o.absent = OUTQ_DROP;
	tell_room(q);
	if (q->o.redial && q->call.target != NULL)
		outcall_start(&q->call, false);
	if (q->o.gone != NULL)
		q->o.gone(q->o.self, error);
}

/* --- the socket -------------------------------------------------------- */

static void
watch(struct outq *q)
{
	bool waits = q->buf.len > 0 && list_is_empty(&q->soon);

	plug_watch(q->plug,
	    (q->peer_ended ? 0 : UV_READABLE) | (waits ? UV_WRITABLE : 0));
}

/*
 * Everything is out.  FIN: say so, and wait for the consumer to close.  RST
 * would throw away what has not arrived, so it waits for that.
 */
static void
end_it(struct outq *q)
{
	if (q->state == OUTQ_FINISHING && q->end == OUTQ_RST) {
		if (plug_unsent(q->plug) == 0)
			leave_lane(q, DROP_GONE, true);
		else if (list_is_empty(&q->reset))
			list_append(&q->lane->resets, &q->reset);
		worker_touch(q->lane->worker);
		return;
	}
	if (!q->fin_sent) {
		q->fin_sent = true;
		plug_shutdown(q->plug);
	}
	if (q->peer_ended && q->state == OUTQ_FINISHING)
		leave_lane(q, DROP_GONE, false);
}

/* Is there nothing to do for the socket but to end? */
static bool
is_to_end(const struct outq *q)
{
	return q->plug != NULL && q->buf.len == 0 &&
	       (q->state == OUTQ_FINISHING || q->fin_due);
}

/* From outside of on_poll(): what the handle would do if it had a reason. */
static void
end_soon(struct outq *q)
{
	if (!is_to_end(q) || q->busy > 0)
		return;
	q->busy++;
	end_it(q);
	if (q->plug != NULL)
		watch(q);
	q->busy--;
	if (q->state == OUTQ_OVER)
		free_queue(q);
}

/* Slow is not stuck, for whom the traffic waits. */
static void
wait_on(struct outq *q)
{
	if (q->lane->patient && q->state == OUTQ_FINISHING)
		deadline_arm(&q->lane->late, &q->late, clock_mono_ns());
}

/* Return: 0, or -errno when the consumer is lost */
static int
push(struct outq *q)
{
	struct iovec iov[BATCH];

	list_remove(&q->soon);
	while (q->buf.len > 0) {
		size_t blocks = outbuf_peek(&q->buf, iov, BATCH);
		ssize_t n = plug_send(q->plug, iov, blocks);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		outbuf_written(&q->buf, (size_t)n);
		wait_on(q);
	}
	tell_room(q);
	return 0;
}

/* Take what the consumer says.  Return: 0; -errno when it is lost */
static int
pull(struct outq *q)
{
	uint8_t *buf = worker_buffer(q->lane->worker);
	const struct plug *p = q->plug;
	size_t taken = 0;

	/* Whoever is told may attach another one, or none. */
	while (taken < ANSWERS_MAX && q->plug == p) {
		ssize_t n = plug_receive(q->plug, buf, WORKER_BUFFER);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		if (n == 0) {
			q->peer_ended = true;
			if (q->state == OUTQ_LIVE && q->o.answered != NULL)
				q->o.answered(q->o.self);
			return 0;
		}
		taken += (size_t)n;
		if (q->state == OUTQ_LIVE && q->o.answer != NULL)
			q->o.answer(q->o.self, buf, (size_t)n);
	}
	return 0;
}

static void
on_event(void *self, struct plug *p, int error, int events)
{
	struct outq *q = self;

	q->busy++;
	if (error == 0 && (events & UV_READABLE) != 0)
		error = pull(q);
	if (error == 0 && q->plug == p)
		error = push(q);
	if (error != 0 && q->plug == p)
		fail(q, error);
	if (is_to_end(q))
		end_it(q);
	if (q->plug != NULL)
		watch(q);
	q->busy--;
	if (q->state == OUTQ_OVER)
		free_queue(q);
}

/* --- for the owner ----------------------------------------------------- */

struct outq *
outq_new(struct outq_lane *l, const struct outq_opts *o)
{
	struct outq *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->lane = l;
	q->o = *o;
	q->state = OUTQ_ABSENT;
	list_init(&q->node);
	list_init(&q->late.node);
	list_init(&q->reset);
	list_init(&q->soon);
	outbuf_init(&q->buf, l->count, &l->queued);
	l->nqueues++;
	list_append(&l->all, &q->node);
	return q;
}

/* What goes before all that is queued; made by the owner as long as it is. */
static int
put_head(struct outq *q)
{
	int rc;

	if (q->o.head != NULL && q->state != OUTQ_FINISHING) {
		obuf_clear(&q->head);
		q->o.head(q->o.self, &q->head);
	}
	rc = q->head.failed
		 ? -ENOMEM
		 : outbuf_prepend(&q->buf, q->head.data, q->head.len);
	obuf_done(&q->head);
	return rc;
}

int
outq_attach(struct outq *q, int fd)
{
	/* A call has entered it before its first packet. */
	bool own = q->lane->own && q->call.target == NULL;
	int rc;

	assert(q->plug == NULL);
	q->plug = plug_open(q->lane->worker, fd, own, on_event, q);
	if (q->plug == NULL)
		return -ENOMEM;
	rc = put_head(q);
	if (rc != 0) {
		unplug(q, true);
		return rc;
	}
	q->buf.head_over = false;
	q->peer_ended = false;
	q->fin_sent = false;
	if (q->state == OUTQ_ABSENT)
		q->state = OUTQ_LIVE;
	watch(q);
	end_soon(q);
	return 0;
}

/* There is nobody, and there will be nobody. */
static void
give_up_calling(struct outq *q, int error)
{
	if (q->state == OUTQ_FINISHING) {
		become_over(q, DROP_NO_CONSUMER, false);
		return;
	}
	outbuf_drop_all(&q->buf, DROP_NO_CONSUMER);
	q->o.absent = OUTQ_DROP;
	tell_room(q);
	if (q->o.gone != NULL)
		q->o.gone(q->o.self, error);
}

static void
on_answered(void *self, int fd)
{
	struct outq *q = self;
	int rc = outq_attach(q, fd);

	if (rc != 0)
		give_up_calling(q, rc);
}

static void
on_call_failed(void *self, int error)
{
	give_up_calling(self, error);
}

void
outq_call(struct outq *q, struct outcall_target *t)
{
	assert(q->state == OUTQ_ABSENT && q->call.target == NULL);
	outcall_init(&q->call, t);
	q->call.answered = on_answered;
	q->call.failed = on_call_failed;
	q->call.self = q;
	outcall_start(&q->call, true);
}

enum outq_state
outq_state(const struct outq *q)
{
	return q->state;
}

bool
outq_full(const struct outq *q)
{
	return q->buf.len >= q->o.limit || has_too_much(q);
}

size_t
outq_queued(const struct outq *q)
{
	return q->buf.len;
}

/* There is no consumer: keep it for one, or let it go. */
static void
keep(struct outq *q, const void *data, const struct outbuf_record *r)
{
	size_t startup = q->o.startup;

	switch (q->o.absent) {
	case OUTQ_DROP:
		outbuf_count_drop(&q->buf, DROP_NO_CONSUMER, r);
		return;
	case OUTQ_KEEP_HEAD:
		outbuf_keep_head(&q->buf, data, r, startup);
		return;
	case OUTQ_KEEP_TAIL:
		outbuf_keep_tail(&q->buf, data, r, startup);
		return;
	}
}

/* What is queued waits no longer.  What fails, the handle will report. */
static void
flush(struct outq *q)
{
	if (list_is_empty(&q->soon))
		return;
	(void)push(q);
	watch(q);
}

/* Short records go together. */
static void
put_soon(struct outq *q, const void *data, const struct outbuf_record *r)
{
	size_t limit = q->o.limit / 2;

	if (q->buf.len == 0) {
		list_append(&q->lane->soon, &q->soon);
		worker_touch(q->lane->worker);
	}
	outbuf_append(&q->buf, data, r, true);
	if (q->buf.len >= (limit < TOGETHER ? limit : TOGETHER))
		flush(q);
}

/* What the socket takes of it at once. */
static size_t
send_now(struct outq *q, const void *data, size_t len)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };
	ssize_t n = q->buf.len > 0 ? 0 : plug_send(q->plug, &iov, 1);

	/* The handle will report what failed. */
	return n > 0 ? (size_t)n : 0;
}

static void
mark_full(struct outq *q)
{
	q->was_full = q->was_full || outq_full(q);
	if (q->lane->queued >= q->lane->most)
		q->lane->was_full = true;
}

void
outq_put(struct outq *q, const void *data, size_t len, size_t payload)
{
	outq_put_batch(q, data, len, payload, 1);
}

void
outq_put_batch(
    struct outq *q, const void *data, size_t len, size_t payload, size_t chunks)
{
	struct outbuf_record r = {
		.len = len,
		.payload = payload,
		.chunks = chunks,
		.framed = payload != len,
	};
	size_t n;

	assert(q->state == OUTQ_ABSENT || q->state == OUTQ_LIVE);
	assert(payload <= len && !q->fin_due);
	if (len == 0)
		return;
	if (q->state == OUTQ_ABSENT) {
		keep(q, data, &r);
		return;
	}
	if (len < SHORT && (q->buf.len == 0 || !list_is_empty(&q->soon))) {
		put_soon(q, data, &r);
		mark_full(q);
		return;
	}
	flush(q);
	n = send_now(q, data, len);
	if (!r.framed || n == len) {
		size_t paid = r.framed ? payload : n;

		count_add(&q->lane->count->written, paid);
		r.payload -= paid;
	}
	r.len -= n;
	if (r.len > 0)
		outbuf_append(&q->buf, (const uint8_t *)data + n, &r, true);
	mark_full(q);
	watch(q);
}

void
outq_fin(struct outq *q)
{
	assert(q->state == OUTQ_ABSENT || q->state == OUTQ_LIVE);
	q->fin_due = true;
	flush(q);
	end_soon(q);
}

/* The owner goes: what only it can tell is written down. */
static void
keep_head(struct outq *q)
{
	if (q->plug == NULL && q->o.head != NULL)
		q->o.head(q->o.self, &q->head);
}

void
outq_finish(struct outq *q, enum outq_end end)
{
	bool calling;

	if (q == NULL)
		return;
	assert(q->state == OUTQ_ABSENT || q->state == OUTQ_LIVE);
	calling = q->call.target != NULL && outcall_is_on(&q->call) &&
		  q->o.absent != OUTQ_DROP;
	if (q->state == OUTQ_ABSENT && !calling) {
		become_over(q, DROP_NO_CONSUMER, false);
		return;
	}
	keep_head(q);
	q->state = OUTQ_FINISHING;
	q->end = end;
	deadline_arm(&q->lane->late, &q->late, clock_mono_ns());
	worker_touch(q->lane->worker);
	if (q->plug != NULL) {
		flush(q);
		end_soon(q);
	}
}

void
outq_abort(struct outq *q)
{
	if (q == NULL)
		return;
	assert(q->state == OUTQ_ABSENT || q->state == OUTQ_LIVE);
	become_over(q, DROP_GONE, true);
}

/* --- lanes ------------------------------------------------------------- */

void
outq_lane_init(struct outq_lane *l, struct worker *w, struct sink_count *count,
    uint64_t linger_ns)
{
	*l = (struct outq_lane){
		.worker = w,
		.count = count,
		.most = OUTQ_LANE_MAX,
		.finish_ns = CLOCK_NEVER,
	};
	list_init(&l->all);
	list_init(&l->resets);
	list_init(&l->soon);
	deadline_queue_init(&l->late, linger_ns);
}

void
outq_lane_finish(struct outq_lane *l, uint64_t deadline_ns)
{
	l->finish_ns = deadline_ns;
	l->held = true;
	worker_hold(l->worker);
	worker_touch(l->worker);
}

bool
outq_lane_finished(const struct outq_lane *l)
{
	if (l->held)
		return false;
	for (size_t i = 0; i < l->ntargets; i++)
		if (!outcall_target_is_idle(l->targets[i]))
			return false;
	return true;
}

bool
outq_lane_full(const struct outq_lane *l)
{
	struct list *at;

	for (at = l->all.next; at != &l->all; at = at->next)
		if (outq_full(LIST_ENTRY(at, struct outq, node)))
			return true;
	return false;
}

/* Time is up: for whom it waited, and whoever never came. */
static void
cut_off(struct outq *q)
{
	assert(q->state == OUTQ_FINISHING);
	become_over(q, q->plug != NULL ? DROP_CLOSING : DROP_NO_CONSUMER, true);
}

/* Told to finish: nothing but what is on its way keeps the loop. */
static void
look_at_end(struct outq_lane *l, uint64_t mono_ns)
{
	if (!l->held)
		return;
	while (mono_ns >= l->finish_ns && !list_is_empty(&l->all))
		cut_off(LIST_ENTRY(l->all.next, struct outq, node));
	if (!list_is_empty(&l->all))
		return;
	l->held = false;
	for (size_t i = 0; i < l->ntargets; i++)
		outcall_target_stop(l->targets[i]);
	worker_let_go(l->worker);
}

static void
look_at_resets(struct outq_lane *l)
{
	struct list *at, *next;

	for (at = l->resets.next; at != &l->resets; at = next) {
		struct outq *q = LIST_ENTRY(at, struct outq, reset);

		next = at->next;
		if (plug_unsent(q->plug) == 0)
			become_over(q, DROP_GONE, true);
	}
}

/* When turn() is due next, or CLOCK_NEVER. */
static uint64_t
due_ns(const struct outq_lane *l, uint64_t mono_ns)
{
	uint64_t due = deadline_next(&l->late);

	if (l->held && l->finish_ns < due)
		due = l->finish_ns;
	if (!list_is_empty(&l->resets) && mono_ns + RESET_LOOK_NS < due)
		due = mono_ns + RESET_LOOK_NS;
	return due;
}

uint64_t
outq_lane_turn(struct outq_lane *l, uint64_t mono_ns)
{
	uint64_t due, first;
	struct deadline *d;

	while (!list_is_empty(&l->soon))
		flush(LIST_ENTRY(l->soon.next, struct outq, soon));
	look_at_resets(l);
	while ((d = deadline_take(&l->late, mono_ns)) != NULL)
		cut_off(ATTR_CONTAINER(d, struct outq, late));
	look_at_end(l, mono_ns);
	first = due_ns(l, mono_ns);
	for (size_t i = 0; i < l->ntargets; i++) {
		due = outcall_target_turn(l->targets[i], mono_ns);
		first = due < first ? due : first;
	}
	return first;
}
