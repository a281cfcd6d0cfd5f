#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sink/outbuf.h"

/* Records for which there may be room although nothing waits. */
#define ROOM_KEPT 64

void
outbuf_init(struct outbuf *b, struct sink_count *count, size_t *all,
    struct outblock_pool *pool)
{
	*b = (struct outbuf){ .count = count, .all = all, .pool = pool };
	list_init(&b->blocks);
}

void
outbuf_done(struct outbuf *b)
{
	assert(b->len == 0 && b->nrecords == 0);
	free(b->records);
	b->records = NULL;
}

static void
gained(struct outbuf *b, size_t n)
{
	b->len += n;
	*b->all += n;
}

static struct outblock *
block_of(struct list *node)
{
	return LIST_ENTRY(node, struct outblock, node);
}

static struct outbuf_record *
record_at(const struct outbuf *b, size_t i)
{
	assert(b->room > 0); /* it grows before the first one */
	return &b->records[(b->first + i) % b->room];
}

void
outbuf_count_written(const struct outbuf *b, uint64_t n)
{
	count_add(&b->count->written, n);
	if (b->also != NULL)
		count_add(&b->also->written, n);
}

void
outbuf_count_drop(
    const struct outbuf *b, enum drop_reason why, const struct outbuf_record *r)
{
	count_add(&b->count->drop_bytes[why], r->payload);
	count_add(&b->count->drop_chunks[why], r->chunks);
	if (b->also == NULL)
		return;
	count_add(&b->also->drop_bytes[why], r->payload);
	count_add(&b->also->drop_chunks[why], r->chunks);
}

static bool
grow_records(struct outbuf *b)
{
	size_t room = b->room > 0 ? b->room * 2 : 8;
	struct outbuf_record *v;

	if (b->nrecords < b->room)
		return true;
	v = calloc(room, sizeof(*v));
	if (v == NULL)
		return false;
	for (size_t i = 0; i < b->nrecords; i++)
		v[i] = *record_at(b, i);
	free(b->records);
	b->records = v;
	b->room = room;
	b->first = 0;
	return true;
}

static struct outblock *
block_new(const struct outbuf *b, struct list *before)
{
	struct outblock *k = outblock_new(b->pool);

	if (k != NULL)
		list_append(before, &k->node);
	return k;
}

/* The last block, if it has room; NULL without memory. */
static struct outblock *
block_to_fill(struct outbuf *b)
{
	if (!list_is_empty(&b->blocks) &&
	    block_of(b->blocks.prev)->to < OUTBLOCK_SIZE)
		return block_of(b->blocks.prev);
	return block_new(b, &b->blocks);
}

static size_t
least(size_t x, size_t y)
{
	return x < y ? x : y;
}

/* Takes @n bytes off the end again. */
static void
cut(struct outbuf *b, size_t n)
{
	while (n > 0) {
		struct outblock *k = block_of(b->blocks.prev);
		size_t part = least(k->to - k->from, n);

		k->to -= part;
		n -= part;
		if (k->to == k->from)
			outblock_free(b->pool, block_of(list_pop(&b->blocks)));
	}
}

static bool
copy(struct outbuf *b, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		struct outblock *k = block_to_fill(b);
		size_t part;

		if (k == NULL) {
			cut(b, done);
			return false;
		}
		part = least(len - done, OUTBLOCK_SIZE - k->to);
		memcpy(k->data + k->to, data + done, part);
		k->to += part;
		done += part;
	}
	return true;
}

static bool
joined(struct outbuf *b, const struct outbuf_record *r)
{
	struct outbuf_record *last;

	if (b->nrecords == 0 || r->framed)
		return false;
	last = record_at(b, b->nrecords - 1);
	if (last->framed)
		return false;
	last->len += r->len;
	last->payload += r->payload;
	last->chunks += r->chunks;
	return true;
}

bool
outbuf_append(struct outbuf *b, const void *data, const struct outbuf_record *r,
    bool join)
{
	if (!grow_records(b) || !copy(b, data, r->len)) {
		outbuf_count_drop(b, DROP_QUEUE_FULL, r);
		return false;
	}
	if (!join || !joined(b, r))
		*record_at(b, b->nrecords++) = *r;
	gained(b, r->len);
	return true;
}

void
outbuf_gather(struct outbuf *b, const struct outbuf_part *parts, size_t n,
    const struct outbuf_record *r)
{
	size_t done = 0;
	bool fits = grow_records(b);

	for (size_t i = 0; fits && i < n; i++) {
		fits = copy(b, parts[i].data, parts[i].len);
		if (fits)
			done += parts[i].len;
	}
	if (!fits) {
		cut(b, done);
		outbuf_count_drop(b, DROP_QUEUE_FULL, r);
		return;
	}
	assert(done == r->len);
	*record_at(b, b->nrecords++) = *r;
	gained(b, r->len);
}

int
outbuf_prepend(struct outbuf *b, const void *data, size_t len)
{
	struct outblock *k;

	assert(len <= OUTBUF_HEAD_MAX);
	if (len == 0)
		return 0;
	k = grow_records(b) ? block_new(b, b->blocks.next) : NULL;
	if (k == NULL)
		return -ENOMEM;
	memcpy(k->data, data, len);
	k->to = len;
	b->first = (b->first + b->room - 1) % b->room;
	b->nrecords++;
	*record_at(b, 0) = (struct outbuf_record){ .len = len, .framed = true };
	gained(b, len);
	return 0;
}

size_t
outbuf_peek_behind(
    const struct outbuf *b, size_t skip, struct iovec *iov, size_t max)
{
	size_t n = 0;

	for (struct list *at = b->blocks.next; at != &b->blocks && n < max;
	     at = at->next) {
		struct outblock *k = block_of(at);
		size_t part = least(k->to - k->from, skip);
		size_t from = k->from + part;

		skip -= part;
		if (from < k->to)
			iov[n++] =
			    (struct iovec){ k->data + from, k->to - from };
	}
	return n;
}

size_t
outbuf_peek(const struct outbuf *b, struct iovec *iov, size_t max)
{
	return outbuf_peek_behind(b, 0, iov, max);
}

size_t
outbuf_first(const struct outbuf *b)
{
	return b->nrecords > 0 ? record_at(b, 0)->len : 0;
}

static void
shift_bytes(struct outbuf *b, size_t n)
{
	b->len -= n;
	*b->all -= n;
	while (n > 0) {
		struct outblock *k = block_of(b->blocks.next);
		size_t part = least(k->to - k->from, n);

		k->from += part;
		n -= part;
		if (k->from == k->to)
			outblock_free(
			    b->pool, block_of(list_shift(&b->blocks)));
	}
}

static void
pop_record(struct outbuf *b)
{
	b->first = (b->first + 1) % b->room;
	b->nrecords--;
	if (b->nrecords > 0 || b->room <= ROOM_KEPT)
		return;
	free(b->records);
	b->records = NULL;
	b->room = b->first = 0;
}

void
outbuf_written(struct outbuf *b, size_t n)
{
	shift_bytes(b, n);
	while (n > 0) {
		struct outbuf_record *r = record_at(b, 0);
		size_t part = least(r->len, n);

		r->len -= part;
		n -= part;
		if (!r->framed) {
			outbuf_count_written(b, part);
			r->payload -= part;
		}
		if (r->len == 0) {
			outbuf_count_written(b, r->payload);
			pop_record(b);
		}
	}
}

void
outbuf_drop_first(struct outbuf *b, enum drop_reason why)
{
	struct outbuf_record *r = record_at(b, 0);

	outbuf_count_drop(b, why, r);
	shift_bytes(b, r->len);
	pop_record(b);
}

/* Takes @n bytes off the first record, which has more. */
static void
shorten_first(struct outbuf *b, size_t n, enum drop_reason why)
{
	struct outbuf_record *r = record_at(b, 0);
	const struct outbuf_record part = { .payload = n, .chunks = 1 };

	outbuf_count_drop(b, why, &part);
	shift_bytes(b, n);
	r->len -= n;
	r->payload -= n;
}

void
outbuf_drop_front(struct outbuf *b, size_t n, enum drop_reason why)
{
	while (n > 0 && b->nrecords > 0) {
		const struct outbuf_record *r = record_at(b, 0);

		if (!r->framed && r->len > n) {
			shorten_first(b, n, why);
			return;
		}
		n -= least(r->len, n);
		outbuf_drop_first(b, why);
	}
}

void
outbuf_drop_all(struct outbuf *b, enum drop_reason why)
{
	while (b->nrecords > 0)
		outbuf_drop_first(b, why);
}

/* The first @n bytes of @r, or all of it. */
static struct outbuf_record
first_of(const struct outbuf_record *r, size_t n)
{
	struct outbuf_record part = *r;

	if (n < r->len)
		part.len = part.payload = n;
	return part;
}

bool
outbuf_keep_head(struct outbuf *b, const uint8_t *data,
    const struct outbuf_record *r, size_t most)
{
	size_t room = most - b->len;
	struct outbuf_record kept, rest;
	bool fits = true;

	assert(b->len <= most);
	if (b->head_over || (r->framed && r->len > room))
		room = 0;
	kept = first_of(r, room);
	rest = first_of(r, r->len - kept.len);
	if (kept.len > 0)
		fits = outbuf_append(b, data, &kept, true);
	b->head_over = b->head_over || rest.len > 0 || !fits;
	if (rest.len > 0)
		outbuf_count_drop(b, DROP_STARTUP_FULL, &rest);
	return fits;
}

bool
outbuf_keep_tail(struct outbuf *b, const uint8_t *data,
    const struct outbuf_record *r, size_t most)
{
	size_t room = r->framed && r->len > most ? 0 : most;
	struct outbuf_record kept = first_of(r, room);
	struct outbuf_record rest = first_of(r, r->len - kept.len);

	if (b->len + r->len > most)
		outbuf_drop_front(b, b->len + r->len - most, DROP_STARTUP_FULL);
	if (rest.len > 0)
		outbuf_count_drop(b, DROP_STARTUP_FULL, &rest);
	return kept.len == 0 || outbuf_append(b, data + rest.len, &kept, true);
}
