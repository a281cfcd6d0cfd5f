#ifndef RUN_ERRAND_H
#define RUN_ERRAND_H

#include <pthread.h>
#include <stdbool.h>

#include "net/mail.h"

/*
 * errand.h - something that may take its time, on a thread of its own: opening
 * files, looking a name up, bringing out what is queued.  The main thread hears
 * when it is over.
 *
 * Not libuv's pool of threads: names for traffic are looked up there.
 */

struct mainloop;

/** struct errand - Private; embedded; zeroed it is one that never ran. */
struct errand {
	struct mainloop *loop;
	pthread_t thread;
	bool has_thread;
	bool is_under_way;
	struct mail mail;
	void (*work)(void *self);
	void (*over)(void *self);
	void *self;
};

/**
 * errand_start() - Run @work
 * @over:	Then called on the main thread, never from within this call
 * @self:	Passed to both
 *
 * One at a time.  Without a thread to be had it is done at once, here.
 */
void errand_start(struct errand *e, struct mainloop *loop,
    void (*work)(void *self), void (*over)(void *self), void *self);

/**
 * errand_wait() - Until @work has returned; @over is not called any more
 *
 * The main loop has ended; it outlives the letter that is under way then.
 */
void errand_wait(struct errand *e);

#endif /* RUN_ERRAND_H */
