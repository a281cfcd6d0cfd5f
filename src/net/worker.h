#ifndef NET_WORKER_H
#define NET_WORKER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attr.h"
#include "base/list.h"
#include "core/dir.h"
#include "net/mail.h"

/*
 * worker.h - a thread that carries traffic: one loop, its own sessions,
 * buffers and batches.
 *
 * A turn of the loop: poll, callbacks, then (if anything was touched, or a
 * time asked for has come) the turn hook, in which sinks flush their batches.
 * Sessions are polled by worker_poller(), everything else by libuv.
 * Everything that crosses threads comes in through worker_post().
 */

struct err;
struct pipe_pool;
struct poller;
struct worker;

/* Room for one read.  256 KiB: 64 KiB costs a third more CPU in bulk. */
#define WORKER_BUFFER ((size_t)256 * 1024)

/**
 * worker_turn - The turn hook
 *
 * Return: when to be called again at the latest (monotonic ns), or
 *	   CLOCK_NEVER
 */
typedef uint64_t worker_turn(void *self, uint64_t mono_ns);

/** worker_new() - A worker that does not run yet; NULL with @err. */
struct worker *worker_new(unsigned index, struct err *err) ATTR_WUNRES;

/** worker_set_turn() - Before worker_start(); one hook. */
void worker_set_turn(struct worker *w, worker_turn *turn, void *self);

/**
 * worker_set_begin() - Before worker_start(); one hook
 * @begin:	Called on the worker's thread before anything else is: what
 *		lives on the loop may be opened there
 */
void worker_set_begin(struct worker *w, void (*begin)(void *self), void *self);

/**
 * worker_set_finish() - Before worker_start(); one hook
 * @finish:	Called on the worker's thread when worker_stop() has arrived:
 *		whoever still has something to send begins to end.  The turn
 *		hook goes on being called as long as handles are open.  A worker
 *		that was never started has nothing to finish.
 */
void worker_set_finish(
    struct worker *w, void (*finish)(void *self), void *self);

/** worker_start() - Start the thread; 0 or -errno with @err. */
int worker_start(struct worker *w, struct err *err) ATTR_WUNRES;

/**
 * worker_stop() - Ask the loop to end once nothing is active on it
 *
 * From any thread, once.  Handles that others opened on the loop must be
 * closed by them.
 */
void worker_stop(struct worker *w);

/** worker_join() - Wait for the thread to end. */
void worker_join(struct worker *w);

/**
 * worker_free() - After the join, or if never started; NULL is a no-op
 *
 * Handles may still be closed between the join and this.
 */
void worker_free(struct worker *w);

/** worker_index() - As given to worker_new(). */
unsigned worker_index(const struct worker *w);

/** worker_loop() - For handles; used on the worker's thread alone. */
uv_loop_t *worker_loop(struct worker *w);

/** worker_poller() - For descriptors; used on the worker's thread alone. */
struct poller *worker_poller(struct worker *w);

/**
 * worker_step() - One turn, of a worker that has no thread
 * @timeout_ms:	How long to wait at most for something to do
 *
 * Return: how many descriptors were ready
 */
size_t worker_step(struct worker *w, int timeout_ms);

/** worker_buffer() - WORKER_BUFFER bytes of scratch; valid within a turn. */
uint8_t *worker_buffer(struct worker *w);

/** worker_pipes() - This worker's pool of pipes (net/pipe.h). */
struct pipe_pool *worker_pipes(struct worker *w);

/**
 * worker_hold() - Keep the loop running though no handle is open
 *
 * For whoever has been told to finish and waits for a time to come.  Counted:
 * each is undone by a worker_let_go().  On the worker's thread.
 */
void worker_hold(struct worker *w);

/** worker_let_go() - See worker_hold(). */
void worker_let_go(struct worker *w);

/**
 * worker_touch() - Something was delivered: run the hook after this turn
 *
 * From within the hook: after the next one.
 */
void worker_touch(struct worker *w);

/**
 * worker_passed() - @len bytes of @dir were passed on
 * @who:	Tells directions of sessions apart; never looked into
 *
 * If few, an answer may come at once: the worker may look for it before it
 * sleeps (net/patience.h).
 */
void worker_passed(struct worker *w, const void *who, enum dir dir, size_t len);

/** worker_post() - Deliver @m on the worker's thread; from any thread. */
void worker_post(struct worker *w, struct mail *m);

/**
 * struct worker_waiter - Waits for room in a full sink
 * @node:	list_init() before first use
 * @room:	Called once, on the worker's thread, after some sink that was
 *		full has room again; it asks fanout_blocked() anew
 */
struct worker_waiter {
	struct list node;
	void (*room)(struct worker_waiter *waiter);
};

/** worker_wait_room() - Wait; idempotent. */
void worker_wait_room(struct worker *w, struct worker_waiter *waiter);

/** worker_room() - A queue has drained; from any thread. */
void worker_room(struct worker *w);

#endif /* NET_WORKER_H */
