#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/writer.h"
#include "net/writer_file.h"
#include "net/writer_tail.h"

void
writer_tail_set_init(struct writer_tail_set *t, size_t limit)
{
	size_t blocks = limit / WRITER_BLOCK * WRITER_TAILS_OF_LIMIT;

	list_init(&t->held);
	t->n = 0;
	t->max = blocks < WRITER_TAILS ? blocks : WRITER_TAILS;
}

struct writer_tail *
writer_tail_set_oldest(const struct writer_tail_set *t)
{
	if (list_is_empty(&t->held))
		return NULL;
	return LIST_ENTRY(t->held.next, struct writer_tail, node);
}

bool
writer_tail_set_is_full(const struct writer_tail_set *t)
{
	return t->n >= t->max;
}

uint64_t
writer_tail_set_due_ns(const struct writer_tail_set *t)
{
	const struct writer_tail *tail = writer_tail_set_oldest(t);

	return tail == NULL ? CLOCK_NEVER : tail->since_ns + WRITER_AGE_NS;
}

struct writer_tail *
writer_tail_new(struct writer_tail_set *t, struct writer_file *f,
    struct writer_port *port, uint64_t now_ns)
{
	/*
	 * One for a burst of a file, not for each of its records; the bytes
	 * themselves are not touched before they are there.
	 */
	struct writer_tail *tail = malloc(sizeof(*tail));

	assert(f->tail == NULL && !writer_tail_set_is_full(t));
	if (tail == NULL)
		return NULL;
	list_init(&tail->node);
	tail->file = f;
	tail->port = port;
	f->tail = tail;
	t->n++;
	writer_tail_begin(t, tail, now_ns);
	return tail;
}

void
writer_tail_begin(
    struct writer_tail_set *t, struct writer_tail *tail, uint64_t now_ns)
{
	tail->len = 0;
	tail->sum = (struct writer_sum){ 0 };
	tail->since_ns = now_ns;
	list_remove(&tail->node);
	list_append(&t->held, &tail->node);
}

void
writer_tail_put(struct writer_tail *tail, const void *data, size_t len)
{
	assert(len <= WRITER_BLOCK - tail->len);
	memcpy(tail->bytes + tail->len, data, len);
	tail->len += len;
}

void
writer_tail_free(struct writer_tail_set *t, struct writer_tail *tail)
{
	tail->file->tail = NULL;
	list_remove(&tail->node);
	t->n--;
	free(tail);
}
