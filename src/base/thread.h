#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/attr.h"

/*
 * thread.h - names of threads, for whoever looks which one is busy.
 */

/* What the system shows of a name, without the NUL. */
#define THREAD_NAME_MAX 15

/**
 * thread_name() - How the calling thread is shown (ps -T, top -H)
 * @format:	As printf's; what is longer than THREAD_NAME_MAX is cut off
 *
 * Not for the main thread: its name is the program's.  Where threads cannot be
 * named nothing happens.
 */
void thread_name(const char *format, ...) ATTR_PRINTF(1, 2);

#endif /* BASE_THREAD_H */
