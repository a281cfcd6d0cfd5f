#ifndef RUN_MAINLOOP_H
#define RUN_MAINLOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/attr.h"
#include "net/mail.h"

/*
 * mainloop.h - the loop of the main thread: signals, letters from other
 * threads, a clock.  It carries no traffic.
 */

struct err;

/** enum mainloop_signal - The signals that are heard. */
enum mainloop_signal {
	MAINLOOP_INT,
	MAINLOOP_TERM,
	MAINLOOP_HUP,
	MAINLOOP_USR1,
};
#define MAINLOOP_NSIGNALS (MAINLOOP_USR1 + 1)

/**
 * struct mainloop_ops - What its owner does
 * @stop:	SIGINT or SIGTERM, @number, has come for the first time
 * @reopen:	SIGHUP
 * @show:	SIGUSR1
 * @tick:	The time of mainloop_tick() has come again
 *
 * All on the main thread, from within mainloop_run().
 */
struct mainloop_ops {
	void (*stop)(void *self, int number);
	void (*reopen)(void *self);
	void (*show)(void *self);
	void (*tick)(void *self);
};

/** struct mainloop - Private; zeroed, it is one that was never opened. */
struct mainloop {
	uv_loop_t loop;
	struct mail_box box;
	uv_signal_t signals[MAINLOOP_NSIGNALS];
	uv_timer_t timer;
	const struct mainloop_ops *ops;
	void *self;
	bool is_open;
	bool ended;
};

/** mainloop_open() - From now on signals are heard; 0 or -errno with @err. */
int mainloop_open(struct mainloop *m, const struct mainloop_ops *ops,
    void *self, struct err *err) ATTR_WUNRES;

/** mainloop_tick() - Call ops->tick every @ms, > 0, as long as it runs. */
void mainloop_tick(struct mainloop *m, unsigned ms);

/**
 * mainloop_loop() - For handles of others; on the main thread
 *
 * They are unreferenced or closed before mainloop_end(), and closed before
 * mainloop_close().
 */
uv_loop_t *mainloop_loop(struct mainloop *m);

/** mainloop_send() - Deliver @letter on the main thread; from any thread. */
void mainloop_send(struct mainloop *m, struct mail *letter);

/** mainloop_run() - Until mainloop_end(). */
void mainloop_run(struct mainloop *m);

/**
 * mainloop_stop_is_final() - The next signal to stop ends the process at once
 *
 * Also while the main thread is held up by a sink that drains and no loop runs
 * any more.  The exit code is 128 and the signal's number.
 */
void mainloop_stop_is_final(struct mainloop *m);

/** mainloop_end() - On the main thread; letters are kept from now on. */
void mainloop_end(struct mainloop *m);

/**
 * mainloop_close() - Deliver the letters that are left, release everything
 *
 * When no other thread can send any more.  A loop that was never opened is
 * fine.
 */
void mainloop_close(struct mainloop *m);

#endif /* RUN_MAINLOOP_H */
