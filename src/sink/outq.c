#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <uv.h>

#include "core/count.h"
#include "net/socket.h"
#include "net/worker.h"

#include "sink/outbuf.h"
#include "sink/outcall.h"
#include "sink/outq.h"
#include "sink/outq_lane.h"
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

/* Bytes of answers taken before others get their turn. */
#define ANSWERS_MAX ((size_t)1024 * 1024)

/**
 * struct outq - See outq.h
 * @place:	In its lane.  While it is to be sent soon, what is queued waits
 *		for that, not for the socket
 * @end:	How it is to finish
 * @plug:	NULL: no consumer
 * @call:	To one; its target is NULL if there is nobody to call
 * @head:	Made when the owner let go before there was one
 * @buf:	What waits
 * @was_full:	Somebody may wait for room
 * @fin_due:	Nothing is put in any more
 * @peer_ended:	The consumer has sent FIN,
 * @fin_sent:	and so have we
 * @unsent:	Bytes that the consumer's system had still to take when its
 *		time to end in began, or was looked at last
 * @busy:	Calls of ours on the stack that go on using it
 * @peer:	Who is at the other end,
 * @local:	and our end of the connection
 */
struct outq {
	struct outq_place place;
	enum outq_end end;
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
	size_t unsent;
	unsigned busy;
	struct addr peer;
	struct addr local;
};

static struct outq_lane *
lane_of(const struct outq *q)
{
	return q->place.lane;
}

/* Does what is queued wait for the end of the turn? */
static bool
is_soon(const struct outq *q)
{
	return !list_is_empty(&q->place.soon);
}

/* --- letting go -------------------------------------------------------- */

static void
unplug(struct outq *q, bool reset)
{
	if (q->plug != NULL)
		plug_close(q->plug, reset);
	q->plug = NULL;
	list_remove(&q->place.soon);
}

static void
free_queue(struct outq *q)
{
	if (q->busy > 0)
		return;
	outbuf_done(&q->buf);
	obuf_done(&q->head);
	news_tally_unref(q->o.tally);
	free(q);
}

/* Lets whoever waits for room know, once half of it is free. */
static void
tell_room(struct outq *q)
{
	struct outq_lane *l = lane_of(q);

	outq_lane_lost(l);
	if (!q->was_full || q->buf.len > q->o.limit / 2 ||
	    outq_lane_has_too_much(l, q->buf.len))
		return;
	q->was_full = false;
	worker_room(l->worker);
}

/* The one way out of the lane; for those who are @busy with it. */
static void
leave_lane(struct outq *q, enum drop_reason why, bool reset)
{
	outbuf_drop_all(&q->buf, why);
	tell_room(q);
	unplug(q, reset);
	if (q->call.target != NULL)
		outcall_cancel(&q->call);
	q->state = OUTQ_OVER;
	outq_lane_leave(&q->place);
}

static void
become_over(struct outq *q, enum drop_reason why, bool reset)
{
	leave_lane(q, why, reset);
	free_queue(q);
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
	bool waits = q->buf.len > 0 && !is_soon(q);

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
		else
			outq_lane_reset_soon(&q->place);
		return;
	}
	if (!q->fin_sent) {
		q->fin_sent = true;
		plug_shutdown(q->plug);
	}
	if (q->peer_ended && q->state == OUTQ_FINISHING)
		leave_lane(q, DROP_GONE, false);
}

/* What the consumer's system has still to take. */
static size_t
unsent(const struct outq *q)
{
	return q->buf.len + plug_unsent(q->plug);
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
	if (lane_of(q)->patient && q->state == OUTQ_FINISHING)
		outq_lane_linger(&q->place);
}

/* Return: 0, or -errno when the consumer is lost */
static int
push(struct outq *q)
{
	struct iovec iov[BATCH];

	list_remove(&q->place.soon);
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
pull(struct outq *q, struct plug *p)
{
	uint8_t *buf = worker_buffer(lane_of(q)->worker);
	size_t taken = 0;

	/* Whoever is told may attach another one, or none. */
	while (taken < ANSWERS_MAX && q->plug == p) {
		ssize_t n = plug_receive(p, buf, WORKER_BUFFER);

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
		error = pull(q, p);
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
	q->o = *o;
	q->state = OUTQ_ABSENT;
	outbuf_init(&q->buf, l->count, &l->queued, &l->blocks);
	outq_lane_enter(l, &q->place, q);
	if (news_tally_ref(o->tally) != NULL)
		q->buf.also = &o->tally->count[o->stream];
	return q;
}

/* It has got longer: whoever finds it full waits to be told of room. */
static void
mark_full(struct outq *q)
{
	q->was_full = q->was_full || outq_full(q);
	outq_lane_gained(lane_of(q));
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
	const struct outq_lane *l = lane_of(q);
	bool own = l->own && q->call.target == NULL;
	int rc;

	assert(q->plug == NULL);
	q->plug = plug_open(l->worker, fd, own, on_event, q);
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
	socket_peer(fd, &q->peer);
	socket_local(fd, &q->local);
	if (q->state == OUTQ_ABSENT) {
		q->state = OUTQ_LIVE;
		if (q->o.came != NULL)
			q->o.came(q->o.self);
	}
	mark_full(q); /* what was kept may be more than the limit */
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

const struct addr *
outq_peer(const struct outq *q)
{
	return &q->peer;
}

const struct addr *
outq_local(const struct outq *q)
{
	return &q->local;
}

/* Is something kept for a first consumer that bounds itself? */
static bool
keeps_some(const struct outq *q)
{
	return q->state == OUTQ_ABSENT &&
	       (q->o.absent == OUTQ_KEEP_HEAD || q->o.absent == OUTQ_KEEP_TAIL);
}

bool
outq_full(const struct outq *q)
{
	return (q->buf.len >= q->o.limit && !keeps_some(q)) ||
	       outq_lane_has_too_much(lane_of(q), q->buf.len);
}

size_t
outq_queued(const struct outq *q)
{
	return q->buf.len;
}

/* There is no consumer: keep it for one, or let it go.  As outq_put(). */
static bool
keep(struct outq *q, const void *data, const struct outbuf_record *r)
{
	size_t startup = q->o.startup;
	bool fits = true;

	switch (q->o.absent) {
	case OUTQ_DROP:
		outbuf_count_drop(&q->buf, DROP_NO_CONSUMER, r);
		break;
	case OUTQ_KEEP_HEAD:
		fits = outbuf_keep_head(&q->buf, data, r, startup);
		break;
	case OUTQ_KEEP_TAIL:
		fits = outbuf_keep_tail(&q->buf, data, r, startup);
		break;
	case OUTQ_KEEP_ALL:
		fits = outbuf_append(&q->buf, data, r, true);
		break;
	}
	return fits || r->framed;
}

void
outq_flush(struct outq *q)
{
	if (q->plug == NULL)
		return;
	(void)push(q); /* what fails, the handle will report */
	watch(q);
}

/* What waits for the end of the turn waits no longer. */
static void
flush_soon(struct outq *q)
{
	if (is_soon(q))
		outq_flush(q);
}

/* Short records go together.  As outq_put(). */
static bool
put_soon(struct outq *q, const void *data, const struct outbuf_record *r)
{
	size_t limit = q->o.limit / 2;
	bool fits;

	if (q->buf.len == 0)
		outq_lane_send_soon(&q->place);
	fits = outbuf_append(&q->buf, data, r, true);
	if (q->buf.len >= (limit < TOGETHER ? limit : TOGETHER))
		outq_flush(q);
	return fits || r->framed;
}

/* What the socket takes of it at once. */
static size_t
send_now(struct outq *q, const void *data, size_t len)
{
	ssize_t n = q->buf.len > 0 ? 0 : plug_send_bytes(q->plug, data, len);

	/* The handle will report what failed. */
	return n > 0 ? (size_t)n : 0;
}

/*
 * Others wait for the socket already.  It is asked now and then whether it has
 * room again: a source that has much to read lets the loop wait.
 */
static bool
is_worth_a_try(const struct outq *q, size_t waited)
{
	return waited > 0 && q->buf.len / TOGETHER > waited / TOGETHER;
}

/* A long one, or one behind others.  As outq_put(). */
static bool
put_now(struct outq *q, const uint8_t *data, struct outbuf_record r)
{
	size_t n, waited;
	bool fits = true;

	flush_soon(q);
	waited = q->buf.len;
	n = send_now(q, data, r.len);
	if (!r.framed || n == r.len) {
		size_t paid = r.framed ? r.payload : n;

		outbuf_count_written(&q->buf, paid);
		r.payload -= paid;
	}
	r.len -= n;
	if (r.len > 0)
		fits = outbuf_append(&q->buf, data + n, &r, true);
	if (is_worth_a_try(q, waited))
		outq_flush(q);
	else
		watch(q);
	return fits || (r.framed && n == 0);
}

bool
outq_put(struct outq *q, const void *data, size_t len, size_t payload)
{
	return outq_put_batch(q, data, len, payload, 1);
}

bool
outq_put_batch(
    struct outq *q, const void *data, size_t len, size_t payload, size_t chunks)
{
	const struct outbuf_record r = {
		.len = len,
		.payload = payload,
		.chunks = chunks,
		.framed = payload != len,
	};
	bool whole;

	assert(q->state == OUTQ_ABSENT || q->state == OUTQ_LIVE);
	assert(payload <= len && !q->fin_due);
	if (len == 0)
		return true;
	if (q->state == OUTQ_ABSENT)
		whole = keep(q, data, &r);
	else if (len < SHORT && (q->buf.len == 0 || is_soon(q)))
		whole = put_soon(q, data, &r);
	else
		whole = put_now(q, data, r);
	mark_full(q);
	return whole;
}

void
outq_forget(struct outq *q, size_t len)
{
	assert(q->state == OUTQ_ABSENT);
	outbuf_drop_front(&q->buf, len, DROP_STARTUP_FULL);
	tell_room(q);
}

void
outq_fin(struct outq *q)
{
	assert(q->state == OUTQ_ABSENT || q->state == OUTQ_LIVE);
	q->fin_due = true;
	flush_soon(q);
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
	q->unsent = SIZE_MAX;
	outq_lane_linger(&q->place);
	if (q->plug != NULL) {
		flush_soon(q);
		q->unsent = unsent(q);
		end_soon(q);
	}
}

void
outq_abort(struct outq *q)
{
	if (q == NULL)
		return;
	assert(q->state == OUTQ_ABSENT || q->state == OUTQ_LIVE);
	become_over(q, q->plug != NULL ? DROP_GONE : DROP_NO_CONSUMER, true);
}

/* --- for its lane ------------------------------------------------------ */

void
outq_cut_off(struct outq *q)
{
	bool whole = q->plug != NULL && q->buf.len == 0 && q->end == OUTQ_FIN;

	assert(q->state == OUTQ_FINISHING);
	if (whole && !q->fin_sent)
		plug_shutdown(q->plug);
	become_over(
	    q, q->plug != NULL ? DROP_CLOSING : DROP_NO_CONSUMER, !whole);
}

bool
outq_look(struct outq *q)
{
	size_t before = q->unsent;

	assert(q->state == OUTQ_FINISHING);
	if (q->plug == NULL)
		return false;
	q->unsent = unsent(q);
	/* What we have ourselves has a time to go out in. */
	return q->unsent < before && q->unsent > 0 &&
	       (q->buf.len == 0 || lane_of(q)->patient);
}

void
outq_try_reset(struct outq *q)
{
	assert(q->state == OUTQ_FINISHING && q->plug != NULL);
	if (plug_unsent(q->plug) == 0)
		become_over(q, DROP_GONE, true);
}
