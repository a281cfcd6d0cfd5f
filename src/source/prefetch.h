#ifndef SOURCE_PREFETCH_H
#define SOURCE_PREFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * prefetch.h - reads files ahead, one after the other, on a thread of its own.
 *
 *	file ── unpack ── [block][block][block][block] ── next() ──► worker
 *	        (thread)                                ◄── give_back()
 *
 * A block is handed over when it is full, or when the file has nothing more to
 * give at the moment: what comes from a pipe is seen at once.  The worker is
 * told only when it has found nothing before.
 */

struct prefetch;

/*
 * Large enough that hand-overs cost nothing beside reading, small enough that
 * all of them stay in a processor's cache.
 */
#define PREFETCH_BLOCK  ((size_t)256 << 10)
#define PREFETCH_BLOCKS 4

/*
 * Descriptors that are kept: a day's captures, a minute each, are more than a
 * process may have open.  Files beyond are opened, looked at, and opened again
 * at their turn.
 */
#define PREFETCH_OPEN_MAX 64

/**
 * struct prefetch_block - Consecutive bytes of a file, unpacked
 * @data:	@len bytes, perhaps none
 * @file:	Which of the paths
 * @first:	The first of its file
 * @last:	The last one
 * @start_ns:	@first of a netrecord log: its time zero, ns since the epoch
 * @err:	@last: what went wrong; "": nothing
 */
struct prefetch_block {
	uint8_t *data;
	size_t len;
	size_t file;
	bool first;
	bool last;
	uint64_t start_ns;
	struct err err;
};

/**
 * struct prefetch_opts - What it is made from
 * @paths:	@npaths of them; "-" is standard input; borrowed
 * @ready:	There is a block, where prefetch_next() said there was none.  On
 *		the thread, never after prefetch_stop().
 */
struct prefetch_opts {
	const char *const *paths;
	size_t npaths;
	void (*ready)(void *self);
	void *self;
};

/**
 * prefetch_new() - Open the files
 *
 * Return: NULL with @err filled in, *@code an -errno
 */
struct prefetch *prefetch_new(
    const struct prefetch_opts *o, int *code, struct err *err) ATTR_WUNRES;

/**
 * prefetch_attach() - Make the thread, which waits for prefetch_start()
 *
 * Return: 0 or -errno with @err
 */
int prefetch_attach(struct prefetch *p, struct err *err) ATTR_WUNRES;

/** prefetch_start() - Read; from any thread. */
void prefetch_start(struct prefetch *p);

/**
 * prefetch_next() - The next block
 *
 * Return: NULL if there is none yet: then @ready will be called.  Otherwise
 *	   a block to be given back before the next one is asked for.
 */
struct prefetch_block *prefetch_next(struct prefetch *p);

/** prefetch_give_back() - The worker is done with its block. */
void prefetch_give_back(struct prefetch *p);

/**
 * prefetch_skip() - Of this file, no more is wanted
 *
 * Blocks of it may still come; the last of them has @last set.
 */
void prefetch_skip(struct prefetch *p, size_t file);

/** prefetch_stop() - Read no more; from any thread; idempotent. */
void prefetch_stop(struct prefetch *p);

/** prefetch_free() - Stop, wait for the thread, close; NULL is a no-op. */
void prefetch_free(struct prefetch *p);

/** prefetch_done() - Bytes of files read so far; from any thread. */
uint64_t prefetch_done(const struct prefetch *p);

/** prefetch_total() - Bytes of all files; 0: one of them is no file. */
uint64_t prefetch_total(const struct prefetch *p);

#endif /* SOURCE_PREFETCH_H */
