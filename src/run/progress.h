#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * progress.h - how far the reading of files has come, on a terminal.
 *
 *	net.pcapng   43 %   1,204 of 2,800 MB   3,456,789 packets
 *
 * One line on standard error, which is drawn over again and again, and erased
 * at the end.  Nobody sees it who reads a small file: it begins after a
 * second.  What is logged meanwhile comes above it.
 */

struct plan;
struct savefile_progress;
struct source;

/** struct progress - Private; zeroed, it is one that is never shown. */
struct progress {
	const struct source *src;
	uint64_t start_ns;
	pthread_mutex_t lock;
	bool is_drawn;
};

/**
 * progress_wanted() - Does this plan want it?
 *
 * It reads files and does nothing else, is not quiet, nobody else watches it,
 * standard error is a
 * terminal that can erase a line, and no record goes to a terminal.
 */
bool progress_wanted(const struct plan *p);

/**
 * progress_start() - Begin
 * @src:	Made by savefile_new(); outlives this
 * @mono_ns:	Monotonic time
 *
 * From here on the log is written by it.  Before there are other threads.
 */
void progress_start(
    struct progress *p, const struct source *src, uint64_t mono_ns);

/** progress_draw() - Now and then. */
void progress_draw(struct progress *p, uint64_t mono_ns);

/** progress_hide() - Before something else is written there. */
void progress_hide(struct progress *p);

/** progress_stop() - After the other threads; one never started is fine. */
void progress_stop(struct progress *p);

/**
 * progress_line() - The line, printable ASCII
 * @out:	@size bytes, > 0: what does not fit is cut off
 */
void progress_line(char *out, size_t size, const struct savefile_progress *at);

#endif /* RUN_PROGRESS_H */
