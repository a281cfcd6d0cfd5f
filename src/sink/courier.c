#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/clock.h"
#include "core/count.h"
#include "net/worker.h"

#include "sink/courier.h"
#include "sink/plug.h"

/*
 * How it works.  There is a connection, or a call for one, whenever something
 * waits.  What was sent of the first record is only remembered (sent); its
 * bytes leave the queue when the last one was taken.  So a lost connection
 * costs nothing but to begin again at 0.
 *
 * A target that has sent FIN may go on listening, as one-way consumers do, or
 * may be gone: that shows only when it answers by RST.  From then on a record
 * leaves the queue when it was acknowledged; if RST comes first, it is sent
 * again.
 */

/* Blocks handed to one system call. */
#define BATCH 16

/* Sent before the end of the turn: so a long turn does not fill the queue. */
#define MUCH ((size_t)64 * 1024)

/*
 * For the target to read the rest, answer and close.  With so many of them, it
 * is asked for no more (a queue of 128 is what most listeners have at least,
 * and beyond it calls get lost) until it closes one; or, as it may never do
 * so, for a while: then the oldest is let go of.  What the kernel holds of
 * that is still delivered.
 */
#define PARTING_NS  (10 * CLOCK_NS_PER_S)
#define PARTING_MAX 100
#define CROWD_NS    (100 * CLOCK_NS_PER_MS)

/*
 * At the end of the run, if no other time is set for it: beyond the pause
 * between two calls, for a target that takes nothing.
 */
#define PATIENCE_NS (10 * CLOCK_NS_PER_S)

/* How often it is asked whether a target has acknowledged. */
#define LOOK_NS (5 * CLOCK_NS_PER_MS)

/* Bytes of answers taken before others get their turn. */
#define ANSWERS_MAX ((size_t)1024 * 1024)

/**
 * struct courier_line - A connection, from the call to the end
 * @courier:	Whose it is
 * @call:	Its entry among our own connections ends with it
 * @plug:	NULL: not connected yet
 * @to:		Where it leads to, if it is of interest
 * @until:	While it parts
 * @peer_ended:	The target has sent FIN
 */
struct courier_line {
	struct courier *courier;
	struct outcall call;
	struct plug *plug;
	struct addr to;
	struct deadline until;
	bool peer_ended;
};

static void begin(struct courier *c, bool at_once);
static void pump(struct courier *c);

/* --- what is over ------------------------------------------------------ */

static void
end_line(struct courier_line *l, bool reset)
{
	if (l->plug != NULL)
		plug_close(l->plug, reset);
	deadline_cancel(&l->until);
	outcall_cancel(&l->call);
	free(l);
}

static void
end_parting(struct courier_line *l, bool reset)
{
	l->courier->nparting--;
	worker_touch(l->courier->worker); /* it may be the last one */
	end_line(l, reset);
}

/* The one that has parted first; NULL: none has. */
static struct courier_line *
oldest(struct courier *c)
{
	struct list *first = c->parting.waiting.next;
	struct deadline *d = LIST_ENTRY(first, struct deadline, node);

	if (first == &c->parting.waiting)
		return NULL;
	return ATTR_CONTAINER(d, struct courier_line, until);
}

/* There is one. */
static void
end_oldest(struct courier *c)
{
	struct list *first = list_shift(&c->parting.waiting);
	struct deadline *d = LIST_ENTRY(first, struct deadline, node);

	assert(first != NULL);
	end_parting(ATTR_CONTAINER(d, struct courier_line, until), false);
}

/* It has got all that is for it. */
static void
part(struct courier *c)
{
	struct courier_line *l = c->line;

	c->line = NULL;
	plug_shutdown(l->plug);
	plug_watch(l->plug, l->peer_ended ? 0 : UV_READABLE);
	c->nparting++;
	deadline_arm(&c->parting, &l->until, clock_mono_ns());
	if (l->peer_ended)
		end_parting(l, false);
}

static void
tell_room(struct courier *c)
{
	if (!c->was_full || c->buf.len > c->o.limit / 2)
		return;
	c->was_full = false;
	worker_room(c->worker);
}

/* A connection failed the first record, if there is one; try again. */
static void
fail(struct courier *c)
{
	struct courier_line *l = c->line;
	/* A server that has closed an idle connection is no absent one. */
	bool at_once = l->peer_ended && c->failed == 0;

	c->line = NULL;
	end_line(l, true);
	c->sent = 0;
	if (c->buf.len == 0)
		return;
	count_add(&c->buf.count->failed_tries, 1);
	if (++c->failed >= c->o.tries) {
		outbuf_drop_first(&c->buf, DROP_GONE);
		c->failed = 0;
		at_once = false;
		tell_room(c);
	}
	if (c->buf.len > 0)
		begin(c, at_once);
}

/* --- sending ----------------------------------------------------------- */

/* The first record has gone out whole. */
static void
tell_sent(struct courier *c, size_t len)
{
	count_add(&c->buf.count->sent, 1);
	count_add(&c->buf.count->sent_bytes, len);
	if (c->o.sent != NULL)
		c->o.sent(c->o.self, len, &c->line->to);
}

/* Takes what was sent off the queue, record by record. */
static void
settle(struct courier *c)
{
	size_t len;

	while ((len = outbuf_first(&c->buf)) > 0 && c->sent >= len) {
		c->sent -= len;
		c->failed = 0;
		outbuf_written(&c->buf, len);
		tell_sent(c, len);
	}
	tell_room(c);
}

/* Bytes that may go to the connection now. */
static size_t
allowed(const struct courier *c)
{
	size_t all = c->o.keep ? c->buf.len : outbuf_first(&c->buf);

	return all - c->sent;
}

static size_t
clip(struct iovec *iov, size_t n, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len >= len) {
			iov[i].iov_len = len;
			return i + 1;
		}
		len -= iov[i].iov_len;
	}
	return n;
}

/* Return: 0, or -errno when the connection is lost */
static int
push(struct courier *c)
{
	struct iovec iov[BATCH];
	size_t len;

	while ((len = allowed(c)) > 0) {
		size_t n = outbuf_peek_behind(&c->buf, c->sent, iov, BATCH);
		ssize_t taken =
		    plug_send(c->line->plug, iov, clip(iov, n, len));

		if (taken < 0)
			return (int)taken;
		if (taken == 0)
			break;
		c->moved_ns = clock_mono_ns();
		c->sent += (size_t)taken;
		if (!c->line->peer_ended)
			settle(c);
		if (c->sent == 0 && !c->o.keep)
			break;
	}
	return 0;
}

/* After a FIN of the target only what it acknowledges counts. */
static void
look(struct courier *c)
{
	struct courier_line *l = c->line;

	if (l != NULL && l->plug != NULL && l->peer_ended && c->sent > 0 &&
	    plug_unsent(l->plug) == 0)
		settle(c);
}

/* Is the record that the connection was made for delivered? */
static bool
is_served(const struct courier *c, size_t before)
{
	return !c->o.keep && c->buf.nrecords < before;
}

/* Sends on the connection that there is. */
static void
serve(struct courier *c)
{
	struct courier_line *l = c->line;
	size_t before = c->buf.nrecords;
	int rc = push(c);

	if (rc != 0) {
		fail(c);
		return;
	}
	look(c);
	if (is_served(c, before)) {
		part(c);
		pump(c);
		return;
	}
	plug_watch(l->plug, (l->peer_ended ? 0 : UV_READABLE) |
				(allowed(c) > 0 ? UV_WRITABLE : 0));
}

/* --- the connection ---------------------------------------------------- */

/* Read and forget.  Return: 0; -errno when the connection is lost */
static int
drop_answers(struct courier_line *l)
{
	uint8_t *buf = worker_buffer(l->courier->worker);
	size_t taken = 0;

	while (taken < ANSWERS_MAX) {
		ssize_t n = plug_receive(l->plug, buf, WORKER_BUFFER);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		if (n == 0) {
			l->peer_ended = true;
			return 0;
		}
		taken += (size_t)n;
	}
	return 0;
}

static void
on_event(void *self, struct plug *p, int error, int events)
{
	struct courier_line *l = self;
	struct courier *c = l->courier;

	(void)p;
	if (error == 0 && (events & UV_READABLE) != 0)
		error = drop_answers(l);
	if (l != c->line) {
		if (error != 0 || l->peer_ended)
			end_parting(l, error != 0);
	} else if (error != 0) {
		fail(c);
	} else {
		serve(c);
	}
	worker_touch(c->worker);
}

/* It stays empty when the connection is lost already: nothing will be sent. */
static void
find_peer(int fd, struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getpeername(fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(to, (struct sockaddr *)&ss, NULL);
}

static void
on_answered(void *self, int fd)
{
	struct courier_line *l = self;
	struct courier *c = l->courier;

	if (c->o.sent != NULL)
		find_peer(fd, &l->to);
	l->plug = plug_open(c->worker, fd, false, on_event, l);
	if (l->plug == NULL)
		fail(c);
	else
		serve(c);
}

static void
on_failed(void *self, int error)
{
	struct courier_line *l = self;

	(void)error; /* who is absent, and why, the counters say for all */
	fail(l->courier);
}

/* Calls for the first record. */
static void
begin(struct courier *c, bool at_once)
{
	struct courier_line *l = calloc(1, sizeof(*l));

	assert(c->line == NULL);
	if (l == NULL) { /* the next turn tries again */
		worker_touch(c->worker);
		return;
	}
	l->courier = c;
	list_init(&l->until.node);
	outcall_init(&l->call, &c->target);
	l->call.answered = on_answered;
	l->call.failed = on_failed;
	l->call.self = l;
	c->line = l;
	outcall_start(&l->call, at_once);
}

/* --- for the owner ----------------------------------------------------- */

int
courier_init(struct courier *c, const struct courier_opts *o, struct worker *w,
    struct sink_count *count, struct err *err)
{
	struct outcall_opts call = o->call;

	assert(o->tries > 0);
	*c = (struct courier){
		.worker = w,
		.o = *o,
		.finish_ns = CLOCK_NEVER,
	};
	outblock_pool_init(&c->blocks);
	outbuf_init(&c->buf, count, &c->queued, &c->blocks);
	deadline_queue_init(&c->parting, PARTING_NS);
	call.tries = 1; /* they are counted here */
	return outcall_target_init(&c->target, &call, w, err);
}

void
courier_done(struct courier *c)
{
	assert(c->line == NULL && c->nparting == 0 && c->buf.len == 0);
	outbuf_done(&c->buf);
	outblock_pool_done(&c->blocks);
}

bool
courier_is_full(const struct courier *c)
{
	return c->buf.len >= c->o.limit;
}

/* When the oldest of those that part makes room for another call. */
static uint64_t
crowd_ns(const struct courier *c)
{
	if (c->nparting < PARTING_MAX)
		return 0;
	return deadline_next(&c->parting) - PARTING_NS + CROWD_NS;
}

static bool
has_room(struct courier *c)
{
	uint64_t due = crowd_ns(c);

	if (due == 0)
		return true;
	if (due > clock_mono_ns())
		return false;
	end_oldest(c);
	return true;
}

/* Begins, or goes on, with what waits. */
static void
pump(struct courier *c)
{
	if (c->buf.len == 0)
		return;
	if (c->line == NULL && has_room(c))
		begin(c, true);
	else if (c->line != NULL && c->line->plug != NULL)
		serve(c);
}

void
courier_put(struct courier *c, const struct outbuf_part *parts, size_t n,
    size_t payload)
{
	struct outbuf_record r = {
		.payload = payload,
		.chunks = 1,
		.framed = true,
	};

	for (size_t i = 0; i < n; i++)
		r.len += parts[i].len;
	assert(r.len > 0);
	outbuf_gather(&c->buf, parts, n, &r);
	if (courier_is_full(c))
		c->was_full = true;
	if (c->buf.len - c->sent >= MUCH) {
		pump(c);
		(void)outcall_target_turn(&c->target, clock_mono_ns());
	}
	worker_touch(c->worker);
}

/* The last deadline has passed, or there is nothing to wait for. */
static void
end(struct courier *c)
{
	bool connected = c->line != NULL && c->line->plug != NULL;

	outbuf_drop_all(&c->buf, connected ? DROP_CLOSING : DROP_NO_CONSUMER);
	tell_room(c);
	/* Half a record must not look like a whole one. */
	if (c->line != NULL)
		end_line(c->line, c->sent > 0);
	c->line = NULL;
	c->sent = 0;
	while (c->nparting > 0)
		end_oldest(c);
	outcall_target_stop(&c->target);
	c->held = false;
	worker_let_go(c->worker);
}

/*
 * Those whose target's system has everything need not be waited for; in their
 * order, which is good enough.
 */
static void
end_delivered(struct courier *c)
{
	struct courier_line *l;

	while ((l = oldest(c)) != NULL && plug_unsent(l->plug) == 0)
		end_oldest(c);
}

/* When whatever is left is cut off; CLOCK_NEVER: the run goes on. */
static uint64_t
end_ns(const struct courier *c)
{
	if (!c->held || c->finish_ns != CLOCK_NEVER)
		return c->finish_ns;
	return c->moved_ns + c->o.call.retry_ns + PATIENCE_NS;
}

static void
look_at_end(struct courier *c, uint64_t mono_ns)
{
	if (!c->held)
		return;
	/* A kept connection is not needed any more. */
	if (c->buf.len == 0 && c->line != NULL && c->line->plug != NULL)
		part(c);
	/* Not before: those that part say how fast the target is. */
	if (c->buf.len == 0)
		end_delivered(c);
	if (mono_ns >= end_ns(c) ||
	    (c->buf.len == 0 && c->line == NULL && c->nparting == 0))
		end(c);
}

bool
courier_finished(const struct courier *c)
{
	return !c->held && outcall_target_is_idle(&c->target);
}

/* When turn() is due next, but for calls; CLOCK_NEVER: not at all. */
static uint64_t
due_ns(const struct courier *c, uint64_t mono_ns)
{
	const struct courier_line *l = c->line;
	uint64_t due = deadline_next(&c->parting);

	if (end_ns(c) < due)
		due = end_ns(c);
	if ((c->held || (l != NULL && l->peer_ended && c->sent > 0)) &&
	    mono_ns + LOOK_NS < due)
		due = mono_ns + LOOK_NS;
	if (c->finish_ns != CLOCK_NEVER && !courier_finished(c) &&
	    mono_ns + LOOK_NS < due)
		due = mono_ns + LOOK_NS;
	if (l == NULL && c->buf.len > 0 && crowd_ns(c) < due)
		due = crowd_ns(c);
	return due;
}

uint64_t
courier_turn(struct courier *c, uint64_t mono_ns)
{
	struct deadline *d;
	uint64_t calls, due, blocks;

	pump(c);
	calls = outcall_target_turn(&c->target, mono_ns);
	while ((d = deadline_take(&c->parting, mono_ns)) != NULL)
		end_parting(
		    ATTR_CONTAINER(d, struct courier_line, until), false);
	look_at_end(c, mono_ns);
	due = due_ns(c, mono_ns);
	due = calls < due ? calls : due;
	blocks = outblock_pool_turn(&c->blocks, mono_ns);
	return blocks < due ? blocks : due;
}

void
courier_finish(struct courier *c, uint64_t deadline_ns)
{
	c->finish_ns = deadline_ns;
	c->moved_ns = clock_mono_ns();
	c->held = true;
	worker_hold(c->worker);
	worker_touch(c->worker);
}
