#ifndef APP_HALT_H
#define APP_HALT_H

#include <pthread.h>
#include <stdbool.h>

#include "base/attr.h"

/*
 * halt.h - workers stand still, so that the main thread may do for a moment
 * what otherwise is only done before they run.
 *
 * For the few system calls that it takes to open handles on their loops, and
 * for nothing that waits: traffic stands still with them.
 */

/** struct halt - Private; embedded. */
struct halt {
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool is_on;
	unsigned number;
};

/** halt_init() - Nobody is halted; 0 or -errno. */
int halt_init(struct halt *h) ATTR_WUNRES;

/** halt_done() - Release it; nobody is halted. */
void halt_done(struct halt *h);

/** halt_begin() - Another one begins. */
void halt_begin(struct halt *h);

/**
 * halt_number() - Of the one that is on
 *
 * To be asked for before the main thread hears that a worker stands still: the
 * next may have begun by the time that it does.
 */
unsigned halt_number(struct halt *h);

/** halt_here() - On a worker's thread: wait for the end of halt @number. */
void halt_here(struct halt *h, unsigned number);

/** halt_end() - Let all go on; idempotent. */
void halt_end(struct halt *h);

#endif /* APP_HALT_H */
