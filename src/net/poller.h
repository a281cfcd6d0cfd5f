#ifndef NET_POLLER_H
#define NET_POLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"

/*
 * poller.h - which descriptors are ready: the wait of a worker's loop.
 *
 * What carries traffic is polled here and not through libuv, whose handles cost
 * eight system calls more for each session: it asks the kernel whether a
 * descriptor can be polled before it polls it.  Here it is one call to begin,
 * one for each change of what is wanted, and one to end.  That closing takes a
 * descriptor out is true only while nobody else has it open: not in a process
 * that was forked.  Everything else of a worker stays on libuv's
 * loop, whose descriptor is one among ours (net/worker.c).
 *
 * Level-triggered.  All calls on the worker's thread, or while it has none.
 */

struct poller;

/* What may be wanted of a descriptor, and what is told. */
#define POLLER_IN  1U /* can be read, or has come to its end */
#define POLLER_OUT 2U /* can be written to */
#define POLLER_PRI 4U /* urgent data (RFC 9293, 3.8.5) */
#define POLLER_ERR 8U /* told only: an error waits (SO_ERROR) */

/**
 * struct poller_fd - One descriptor; embedded
 * @ready:	It is: @events holds what is wanted and can be done, and
 *		POLLER_ERR.  An error or a hang-up that comes alone counts as
 *		all that is wanted.  May call anything here.
 * @closed:	See poller_close()
 * @interest:	What is wanted; 0: nothing is told, not even errors
 * @at:		Its place, where one is kept
 */
struct poller_fd {
	void (*ready)(struct poller_fd *f, unsigned events);
	void (*closed)(struct poller_fd *f);
	struct list node;
	int fd;
	uint8_t interest;
	size_t at;
};

/**
 * poller_new() - An empty set
 * @also:	A descriptor that is watched beside it: poller_tell()
 *
 * Return: NULL with errno
 */
struct poller *poller_new(int also) ATTR_WUNRES;

/** poller_free() - When it is empty; NULL is a no-op. */
void poller_free(struct poller *p);

/**
 * poller_open() - Begin to poll
 * @f:		Its @ready is set; where it is until it is closed
 * @fd:		Of the caller
 * @interest:	Any of POLLER_IN, POLLER_OUT, POLLER_PRI
 *
 * Return: 0 or -errno: out of memory or of what may be watched
 */
int poller_open(struct poller *p, struct poller_fd *f, int fd,
    unsigned interest) ATTR_WUNRES;

/** poller_set() - Something else is wanted; idempotent. */
void poller_set(struct poller *p, struct poller_fd *f, unsigned interest);

/**
 * poller_close() - No more; the descriptor is still open
 * @closed:	Called at the end of a turn, never at once: memory may go then
 */
void poller_close(
    struct poller *p, struct poller_fd *f, void (*closed)(struct poller_fd *f));

/** poller_count() - How many are open or closing. */
size_t poller_count(const struct poller *p);

/**
 * poller_wait() - Wait until something is ready; tell nobody yet
 * @timeout_ms:	0: do not wait; -1: for ever
 *
 * May be called again before poller_tell(): what is ready stays so.
 *
 * Return: how many are ready, the descriptor of poller_new() with them
 */
size_t poller_wait(struct poller *p, int timeout_ms);

/**
 * poller_tell() - Tell those that poller_wait() found, let go of the closed
 *
 * Return: true if the descriptor of poller_new() is ready
 */
bool poller_tell(struct poller *p);

#endif /* NET_POLLER_H */
