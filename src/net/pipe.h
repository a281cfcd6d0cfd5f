#ifndef NET_PIPE_H
#define NET_PIPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

/*
 * pipe.h - pipes for splice(2) and tee(2), lent out while bytes are in them.
 *
 * An ordinary user gets 64 pipes of 1 MiB, after that 8 KiB ones and then
 * EPERM (pipe(7), pipe-user-pages-soft).  So pipes are kept per worker and
 * lent to a session only while bytes are in flight.  When none can be had the
 * relay copies.
 */

struct pipe_pool;

/**
 * struct pipe - A pipe on loan
 * @rd:		Read end
 * @wr:		Write end
 * @size:	Capacity in bytes, as the kernel granted it
 * @fill:	Bytes in it; kept by whoever has the loan
 * @node:	For whoever has the loan
 * @home:	Where it is returned to
 */
struct pipe {
	int rd;
	int wr;
	size_t size;
	size_t fill;
	struct list node;
	struct pipe_pool *home;
};

/* What is asked for; the kernel's limit for ordinary users. */
#define PIPE_WANTED ((size_t)1024 * 1024)

/* Kept open although nobody uses them, in each pool. */
#define PIPE_KEPT 32

/** pipe_pool_new() - An empty pool; NULL without memory. */
struct pipe_pool *pipe_pool_new(void);

/**
 * pipe_pool_free() - Close the pipes that are at home; NULL is a no-op
 *
 * Pipes still on loan keep the pool's memory until the last is returned.
 */
void pipe_pool_free(struct pipe_pool *p);

/**
 * pipe_pool_limit() - Have so many at most, on loan and at home
 * @most:	0: none.  Without this call: as many as can be had
 *
 * Before any is lent.  Of those nobody uses PIPE_KEPT are kept open at most.
 */
void pipe_pool_limit(struct pipe_pool *p, unsigned most);

/**
 * pipe_lend() - Get an empty pipe; from any thread
 *
 * Return: NULL when no pipe of at least 64 KiB can be had, or the pool is at
 *	   its limit: copy instead
 */
struct pipe *pipe_lend(struct pipe_pool *p);

/**
 * pipe_return() - Give it back; from any thread
 *
 * A pipe that still holds bytes (@fill > 0) is closed instead of kept.
 */
void pipe_return(struct pipe *p);

#endif /* NET_PIPE_H */
