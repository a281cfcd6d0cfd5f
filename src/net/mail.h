#ifndef NET_MAIL_H
#define NET_MAIL_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#include "base/attr.h"
#include "base/list.h"

/*
 * mail.h - how anything gets from one thread to another.
 *
 * A box belongs to a loop.  Any thread may send; letters are delivered on the
 * loop's thread, in the order sent, at most one turn later.  Letters are
 * embedded in the object they are about, so that sending cannot fail and does
 * not allocate; a letter must not be sent again before it was delivered.
 *
 * The lock is held for a few instructions, once per batch or connection,
 * never per chunk.
 */

/**
 * struct mail - A letter
 * @node:	Private
 * @deliver:	Called on the receiving thread; owns the letter from then on
 *		and may free it
 */
struct mail {
	struct list node;
	void (*deliver)(struct mail *m);
};

/**
 * struct mail_box - Private; embedded in a worker or the main loop
 * @closed:	Letters wait in it, since nobody is there: not yet, or no more
 */
struct mail_box {
	uv_async_t async;
	pthread_mutex_t lock;
	struct list letters;
	bool closed;
};

/** mail_init() - mail_prepare() and mail_open(); 0 or -errno. */
int mail_init(struct mail_box *b, uv_loop_t *loop) ATTR_WUNRES;

/**
 * mail_prepare() - A box for a loop that others will have begun to use
 *
 * Letters wait in it until mail_open(), or mail_done().  0 or -errno.
 */
int mail_prepare(struct mail_box *b) ATTR_WUNRES;

/** mail_open() - Deliver on @loop, on its thread; 0, or -errno: they wait. */
int mail_open(struct mail_box *b, uv_loop_t *loop) ATTR_WUNRES;

/** mail_send() - From any thread; delivered later, never at once. */
void mail_send(struct mail_box *b, struct mail *m);

/**
 * mail_close() - Stop delivering; on the loop's thread
 *
 * Letters sent later are kept until mail_done() hands them out.
 */
void mail_close(struct mail_box *b);

/**
 * mail_done() - After mail_close() and the loop: deliver what is left, release
 * the box
 *
 * That includes what these letters send to this very box.  One that was never
 * opened need not be closed.
 */
void mail_done(struct mail_box *b);

#endif /* NET_MAIL_H */
