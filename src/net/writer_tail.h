#ifndef NET_WRITER_TAIL_H
#define NET_WRITER_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "net/writer_batch.h"

/*
 * writer_tail.h - the end of a file, which waits until it fills a block.
 *
 * Where hundreds of flows take turns, a batch has a few kilobytes for each of
 * their files.  Written as they come, every call begins and ends in the middle
 * of a page, and the kernel takes three times as long as for whole blocks (1.3
 * GB to 600 files: 1.1 s in pieces of 7,000 bytes, 1.0 of 14,000, 0.47 of
 * 16,384 at their multiples, 0.39 of 32,768).  So what is left over the last
 * whole block of a file is kept, and goes out with what follows, or
 * WRITER_AGE_NS later.
 *
 * Only files whose offsets mean something have a tail: what they hold is no
 * record that might be torn.  @port waits for it as it does for a batch.
 *
 * Private to net/writer*.c; on the writer's thread.
 */

struct writer_file;
struct writer_port;

/** WRITER_BLOCK - Bytes that are written at once, at multiples of it. */
#define WRITER_BLOCK ((size_t)16 * 1024)

/**
 * WRITER_TAILS - Tails that a writer keeps at most: 16 MiB
 *
 * With 512 of them 600 flows took 1.24 GB/s of a capture file where they take
 * 1.45 now.
 */
#define WRITER_TAILS 1024

/** WRITER_TAILS_OF_LIMIT - They are never more than so many times the queue. */
#define WRITER_TAILS_OF_LIMIT 4

/**
 * struct writer_tail - What is kept of a file
 * @node:	In the list of all
 * @file:	Its @len bytes go to the end of this one
 * @port:	They came from here
 * @since_ns:	When the first of them came; monotonic
 * @sum:	What they stand for
 */
struct writer_tail {
	struct list node;
	struct writer_file *file;
	struct writer_port *port;
	uint64_t since_ns;
	size_t len;
	struct writer_sum sum;
	uint8_t bytes[WRITER_BLOCK];
};

/**
 * struct writer_tail_set - All tails of a writer
 * @held:	@n of them, the oldest first
 * @max:	There are never more
 */
struct writer_tail_set {
	struct list held;
	size_t n;
	size_t max;
};

/** writer_tail_set_init() - None; @limit is that of the writer's queue. */
void writer_tail_set_init(struct writer_tail_set *t, size_t limit);

/** writer_tail_set_oldest() - The first to be written; NULL: there is none. */
struct writer_tail *writer_tail_set_oldest(const struct writer_tail_set *t);

/** writer_tail_set_is_full() - Must one be written before another is made? */
bool writer_tail_set_is_full(const struct writer_tail_set *t);

/** writer_tail_set_due_ns() - When the oldest is to be written; CLOCK_NEVER. */
uint64_t writer_tail_set_due_ns(const struct writer_tail_set *t);

/**
 * writer_tail_new() - An empty one for @f, the youngest
 * @now_ns:	Monotonic
 *
 * Return: NULL without memory
 */
struct writer_tail *writer_tail_new(struct writer_tail_set *t,
    struct writer_file *f, struct writer_port *port,
    uint64_t now_ns) ATTR_WUNRES;

/** writer_tail_begin() - It holds nothing, and is the youngest. */
void writer_tail_begin(
    struct writer_tail_set *t, struct writer_tail *tail, uint64_t now_ns);

/** writer_tail_put() - Add @len bytes, for which there is room. */
void writer_tail_put(struct writer_tail *tail, const void *data, size_t len);

/** writer_tail_free() - Forget what it holds; its file has none then. */
void writer_tail_free(struct writer_tail_set *t, struct writer_tail *tail);

#endif /* NET_WRITER_TAIL_H */
