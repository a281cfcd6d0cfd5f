#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"
#include "net/patience.h"
#include "net/pipe.h"
#include "net/poller.h"
#include "net/worker.h"

/**
 * struct worker - See worker.h
 * @poller:	What waits; @loop's descriptor is part of it
 * @patience:	Whether to look for an answer before waiting for it
 * @anchor:	Counts as a handle while libuv knows of none and more is to come
 * @is_anchored: ... that is the case
 * @due_ns:	When @timer will fire; CLOCK_NEVER while it is stopped
 * @touched:	The hook must run before the loop sleeps again
 * @holds:	Of worker_hold()
 * @room_mail:	In the box while @room_sent; so worker_room() may be called
 *		by several writers at once
 */
struct worker {
	unsigned index;
	uv_loop_t loop;
	struct mail_box box;
	struct poller *poller;
	struct patience patience;
	uv_prepare_t anchor;
	bool is_anchored;
	uv_timer_t timer;
	uint64_t due_ns;
	bool touched;
	unsigned holds;
	worker_turn *turn;
	void *turn_self;
	void (*begin)(void *self);
	void *begin_self;
	void (*finish)(void *self);
	void *finish_self;
	struct list waiters;
	struct mail room_mail;
	_Atomic bool room_sent;
	struct mail stop_mail;
	struct pipe_pool *pipes;
	pthread_t thread;
	bool started;
	uint8_t *buffer;
};

static void
on_timer(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	/* The hook runs before the loop sleeps again. */
	w->due_ns = CLOCK_NEVER;
	w->touched = true;
}

static void
arm(struct worker *w, uint64_t now_ns, uint64_t due_ns)
{
	uint64_t ms;

	if (due_ns >= w->due_ns)
		return;
	ms = due_ns <= now_ns
		 ? 0
		 : (due_ns - now_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
	/* The loop's own time may be a turn old; the timer counts from it. */
	uv_update_time(&w->loop);
	(void)uv_timer_start(&w->timer, on_timer, ms, 0);
	w->due_ns = due_ns;
}

static void
on_anchor(uv_prepare_t *anchor)
{
	(void)anchor;
}

static void
run_hook(struct worker *w)
{
	uint64_t now_ns, due_ns;

	if (!w->touched || w->turn == NULL)
		return;
	w->touched = false;
	now_ns = clock_mono_ns();
	due_ns = w->turn(w->turn_self, now_ns);
	/* What the hook itself has done may be news to another part of it. */
	arm(w, now_ns, w->touched ? now_ns : due_ns);
}

static void
on_room(struct mail *m)
{
	struct worker *w = ATTR_CONTAINER(m, struct worker, room_mail);
	struct list batch, *node;

	atomic_store(&w->room_sent, false);
	list_init(&batch);
	while ((node = list_shift(&w->waiters)) != NULL)
		list_append(&batch, node);
	while ((node = list_shift(&batch)) != NULL) {
		struct worker_waiter *waiter =
		    LIST_ENTRY(node, struct worker_waiter, node);

		waiter->room(waiter);
	}
}

/* --- turns ------------------------------------------------------------- */

/* What libuv does not know of keeps the loop alive, too. */
static void
hold_on(struct worker *w)
{
	bool want = w->holds > 0 || poller_count(w->poller) > 0;

	if (want == w->is_anchored)
		return;
	w->is_anchored = want;
	if (want)
		uv_ref((uv_handle_t *)&w->anchor);
	else
		uv_unref((uv_handle_t *)&w->anchor);
}

/*
 * Before it sleeps, where that is worth while.  What is there at once is no
 * answer to what was passed on: nothing is learned from it.
 */
static size_t
look(struct worker *w)
{
	uint64_t until_ns = patience_begin(&w->patience, clock_mono_ns());
	size_t n;

	if (until_ns == 0)
		return 0;
	n = poller_wait(w->poller, 0);
	if (n > 0)
		return n;
	while (n == 0 && clock_mono_ns() < until_ns)
		n = poller_wait(w->poller, 0);
	patience_end(&w->patience, n > 0);
	return n;
}

/*
 * libuv's loop runs when its descriptor is ready, when a timer of it is due,
 * or when it has something to do at once, which it tells by a timeout of 0:
 * handles to close, and descriptors that the kernel does not know of yet.  How
 * to do that is in uv_backend_fd(3) and uv_backend_timeout(3).
 */
static size_t
take_turn(struct worker *w, int limit_ms)
{
	int timeout_ms;
	bool also;
	size_t n = 0;

	run_hook(w);
	hold_on(w);
	/* Timers count from the loop's own time. */
	uv_update_time(&w->loop);
	timeout_ms = uv_backend_timeout(&w->loop);
	if (limit_ms >= 0 && (timeout_ms < 0 || timeout_ms > limit_ms))
		timeout_ms = limit_ms;
	if (timeout_ms != 0)
		n = look(w);
	if (n == 0)
		n = poller_wait(w->poller, timeout_ms);
	also = poller_tell(w->poller);
	if (n == 0 || timeout_ms == 0 || also)
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	hold_on(w);
	return n;
}

/* Until nothing is left that could happen. */
static void
run(struct worker *w)
{
	hold_on(w);
	while (uv_loop_alive(&w->loop))
		(void)take_turn(w, -1);
}

/* --- the end ----------------------------------------------------------- */

/*
 * No letter comes any more, and what is left on the loop ends by itself.  The
 * turn hook goes on meanwhile: it is the clock of those who end.
 */
static void
on_stop(struct mail *m)
{
	struct worker *w = ATTR_CONTAINER(m, struct worker, stop_mail);

	if (w->finish != NULL)
		w->finish(w->finish_self);
	mail_close(&w->box);
}

/* Nothing but our own handles is left. */
static void
close_loop(struct worker *w)
{
	poller_free(w->poller);
	uv_close((uv_handle_t *)&w->anchor, NULL);
	uv_close((uv_handle_t *)&w->timer, NULL);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
}

static int
open_loop(struct worker *w)
{
	int rc = uv_loop_init(&w->loop);

	if (rc != 0)
		return rc;
	w->poller = poller_new(uv_backend_fd(&w->loop));
	rc = w->poller != NULL ? mail_init(&w->box, &w->loop) : -errno;
	if (rc != 0) {
		poller_free(w->poller);
		(void)uv_loop_close(&w->loop);
		return rc;
	}
	/* These three cannot fail (libuv documents 0 as their result). */
	(void)uv_prepare_init(&w->loop, &w->anchor);
	(void)uv_timer_init(&w->loop, &w->timer);
	(void)uv_prepare_start(&w->anchor, on_anchor);
	w->timer.data = w;
	uv_unref((uv_handle_t *)&w->anchor);
	uv_unref((uv_handle_t *)&w->timer);
	return 0;
}

struct worker *
worker_new(unsigned index, struct err *err)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (w == NULL)
		goto fail;
	w->index = index;
	w->due_ns = CLOCK_NEVER;
	list_init(&w->waiters);
	patience_init(&w->patience);
	w->room_mail.deliver = on_room;
	w->stop_mail.deliver = on_stop;
	w->buffer = malloc(WORKER_BUFFER);
	w->pipes = pipe_pool_new();
	if (w->buffer == NULL || w->pipes == NULL)
		goto fail_memory;
	rc = open_loop(w);
	if (rc != 0)
		goto fail_memory;
	return w;

fail_memory:
	pipe_pool_free(w->pipes);
	free(w->buffer);
	free(w);
fail:
	(void)err_set(
	    err, rc, "cannot make worker %u: %s", index, uv_strerror(rc));
	return NULL;
}

void
worker_set_turn(struct worker *w, worker_turn *turn, void *self)
{
	assert(!w->started);
	w->turn = turn;
	w->turn_self = self;
}

void
worker_set_begin(struct worker *w, void (*begin)(void *self), void *self)
{
	assert(!w->started);
	w->begin = begin;
	w->begin_self = self;
}

void
worker_set_finish(struct worker *w, void (*finish)(void *self), void *self)
{
	assert(!w->started);
	w->finish = finish;
	w->finish_self = self;
}

static void *
thread_main(void *self)
{
	struct worker *w = self;

	thread_name("worker-%u", w->index);
	if (w->begin != NULL)
		w->begin(w->begin_self);
	run(w);
	return NULL;
}

int
worker_start(struct worker *w, struct err *err)
{
	sigset_t all, old;
	int rc;

	/* Signals are the main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return err_set(err, -rc, "cannot start worker %u: %s", w->index,
		    strerror(rc));
	w->started = true;
	return 0;
}

void
worker_stop(struct worker *w)
{
	mail_send(&w->box, &w->stop_mail);
}

void
worker_join(struct worker *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
}

void
worker_free(struct worker *w)
{
	int rc;

	if (w == NULL)
		return;
	/* Sinks have been drained: what they were told to do then was last. */
	w->turn = NULL;
	/* Who has not begun has nothing to finish, and nobody would turn it. */
	if (!w->started)
		mail_close(&w->box);
	/* Handles that were closed without a thread, or by the last letters. */
	run(w);
	mail_done(&w->box);
	close_loop(w);
	/* Whoever opened handles on the loop has closed them by now. */
	rc = uv_loop_close(&w->loop);
	assert(rc == 0);
	pipe_pool_free(w->pipes);
	free(w->buffer);
	free(w);
}

unsigned
worker_index(const struct worker *w)
{
	return w->index;
}

uv_loop_t *
worker_loop(struct worker *w)
{
	return &w->loop;
}

struct poller *
worker_poller(struct worker *w)
{
	return w->poller;
}

size_t
worker_step(struct worker *w, int timeout_ms)
{
	return take_turn(w, timeout_ms);
}

uint8_t *
worker_buffer(struct worker *w)
{
	return w->buffer;
}

struct pipe_pool *
worker_pipes(struct worker *w)
{
	return w->pipes;
}

void
worker_hold(struct worker *w)
{
	w->holds++;
}

void
worker_let_go(struct worker *w)
{
	assert(w->holds > 0);
	w->holds--;
}

void
worker_touch(struct worker *w)
{
	w->touched = true;
}

void
worker_passed(struct worker *w, const void *who, enum dir dir, size_t len)
{
	patience_passed(&w->patience, who, dir, len);
}

void
worker_post(struct worker *w, struct mail *m)
{
	mail_send(&w->box, m);
}

void
worker_wait_room(struct worker *w, struct worker_waiter *waiter)
{
	if (list_is_empty(&waiter->node))
		list_append(&w->waiters, &waiter->node);
}

void
worker_room(struct worker *w)
{
	if (!atomic_exchange(&w->room_sent, true))
		mail_send(&w->box, &w->room_mail);
}
