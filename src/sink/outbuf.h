#ifndef SINK_OUTBUF_H
#define SINK_OUTBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/list.h"
#include "core/count.h"

#include "sink/outblock.h"

/*
 * outbuf.h - bytes that wait to be sent, and what they are worth.
 *
 * Bytes are copied into blocks; a second, parallel queue of records says how
 * many bytes each had and how many stream bytes it stands for.  Records that
 * are all payload count byte by byte as they leave, framed ones when their
 * last byte has left; both are dropped whole, as far as they have not left.
 *
 *	blocks	 |....xxxxxxxx|xxxxxxxxxxxx|xxxxx.......|
 *	records	      raw 9 | framed 12/8 | raw 4 ...
 */

/**
 * struct outbuf_record - A record
 * @len:	Bytes of it that still wait
 * @payload:	Stream bytes that are not counted yet
 * @chunks:	Chunks that it stands for
 * @framed:	Counts when its last byte has left
 */
struct outbuf_record {
	size_t len;
	size_t payload;
	size_t chunks;
	bool framed;
};

/**
 * struct outbuf - See above; private, embedded in its owner
 * @count:	Where written and dropped payload is added; any of one thread
 * @also:	Likewise; NULL: nowhere else.  Set by the owner.
 * @all:	Bytes that wait here and in others of its kind are added up in
 * it
 * @pool:	Where blocks come from; outlives it
 * @len:	Bytes that wait
 * @blocks:	They
 * @records:	Ring of @nrecords from @first on, with room for @room
 * @head_over:	outbuf_keep_head() keeps nothing any more, until the owner
 *		says that it is false again
 */
struct outbuf {
	struct sink_count *count;
	struct sink_count *also;
	size_t *all;
	struct outblock_pool *pool;
	size_t len;
	struct list blocks;
	struct outbuf_record *records;
	size_t nrecords;
	size_t first;
	size_t room;
	bool head_over;
};

/* Longest head of outbuf_prepend(). */
#define OUTBUF_HEAD_MAX OUTBLOCK_SIZE

/** outbuf_init() - Nothing waits; the rest as above. */
void outbuf_init(struct outbuf *b, struct sink_count *count, size_t *all,
    struct outblock_pool *pool);

/** outbuf_done() - Release the memory; what waits was dropped before. */
void outbuf_done(struct outbuf *b);

/**
 * outbuf_append() - Copy a record to the end
 * @join:	It may become one with the record before it, if both are all
 *		payload: then neither can be dropped alone
 *
 * Return: false without memory; then it was dropped as "queue_full"
 */
bool outbuf_append(struct outbuf *b, const void *data,
    const struct outbuf_record *r, bool join);

/** struct outbuf_part - Bytes of a record; borrowed. */
struct outbuf_part {
	const void *data;
	size_t len;
};

/** outbuf_gather() - outbuf_append() of a record in @n parts, never joined. */
void outbuf_gather(struct outbuf *b, const struct outbuf_part *parts, size_t n,
    const struct outbuf_record *r);

/**
 * outbuf_prepend() - Bytes worth nothing that go before all others
 * @len:	At most OUTBUF_HEAD_MAX
 *
 * Return: 0 or -ENOMEM
 */
int outbuf_prepend(struct outbuf *b, const void *data, size_t len) ATTR_WUNRES;

/** outbuf_peek() - The first bytes, as system calls want them; how many. */
size_t outbuf_peek(const struct outbuf *b, struct iovec *iov, size_t max);

/** outbuf_peek_behind() - The same without the first @skip bytes. */
size_t outbuf_peek_behind(
    const struct outbuf *b, size_t skip, struct iovec *iov, size_t max);

/** outbuf_first() - Bytes of the first record that wait; 0: there is none. */
size_t outbuf_first(const struct outbuf *b);

/** outbuf_written() - The first @n bytes have left: count them. */
void outbuf_written(struct outbuf *b, size_t n);

/** outbuf_drop_first() - Give the first record up; there is one. */
void outbuf_drop_first(struct outbuf *b, enum drop_reason why);

/**
 * outbuf_drop_front() - Make room: give up the first @n bytes
 *
 * Records that are all payload lose as much of it as it takes, framed ones go
 * whole.
 */
void outbuf_drop_front(struct outbuf *b, size_t n, enum drop_reason why);

/**
 * outbuf_keep_head() - Append a record as far as there is room
 * @most:	Bytes that may wait
 *
 * A framed one is kept whole or not at all.  What is left out is dropped as
 * "startup_full", and then everything that comes later: it is not the head,
 * even if it is short enough.  Return: false without memory for what there is
 * room for
 */
bool outbuf_keep_head(struct outbuf *b, const uint8_t *data,
    const struct outbuf_record *r, size_t most);

/** outbuf_keep_tail() - The same, and the first bytes make room. */
bool outbuf_keep_tail(struct outbuf *b, const uint8_t *data,
    const struct outbuf_record *r, size_t most);

/** outbuf_drop_all() - Give all up. */
void outbuf_drop_all(struct outbuf *b, enum drop_reason why);

/** outbuf_count_written() - Count what left without coming in. */
void outbuf_count_written(const struct outbuf *b, uint64_t n);

/** outbuf_count_drop() - Count what never came in. */
void outbuf_count_drop(const struct outbuf *b, enum drop_reason why,
    const struct outbuf_record *r);

#endif /* SINK_OUTBUF_H */
