#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "net/pipe.h"
#include "net/worker.h"

/**
 * struct worker - See worker.h
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
	uv_prepare_t prepare;
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

	/* The prepare callback comes next in the same turn. */
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
on_prepare(uv_prepare_t *prepare)
{
	struct worker *w = prepare->data;
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
	uv_close((uv_handle_t *)&w->prepare, NULL);
	uv_close((uv_handle_t *)&w->timer, NULL);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
}

static int
open_loop(struct worker *w)
{
	int rc = uv_loop_init(&w->loop);

	if (rc != 0)
		return rc;
	rc = mail_init(&w->box, &w->loop);
	if (rc != 0) {
		(void)uv_loop_close(&w->loop);
		return rc;
	}
	/* These three cannot fail (libuv documents 0 as their result). */
	(void)uv_prepare_init(&w->loop, &w->prepare);
	(void)uv_timer_init(&w->loop, &w->timer);
	(void)uv_prepare_start(&w->prepare, on_prepare);
	w->prepare.data = w;
	w->timer.data = w;
	uv_unref((uv_handle_t *)&w->prepare);
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

	if (w->begin != NULL)
		w->begin(w->begin_self);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
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
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
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
	if (w->holds++ == 0)
		uv_ref((uv_handle_t *)&w->prepare);
}

void
worker_let_go(struct worker *w)
{
	assert(w->holds > 0);
	if (--w->holds == 0)
		uv_unref((uv_handle_t *)&w->prepare);
}

void
worker_touch(struct worker *w)
{
	w->touched = true;
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
