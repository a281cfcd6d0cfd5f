#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/writer_batch.h"

/* Operations that a batch has room for at first. */
#define FIRST_OPS 16

/* What a spare batch may keep: the hex dump of a full read fits. */
#define KEEP_BYTES ((size_t)2 * 1024 * 1024)
#define KEEP_OPS   8192

struct writer_batch *
writer_batch_new(struct writer_port *port)
{
	struct writer_batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	list_init(&b->node);
	b->port = port;
	return b;
}

void
writer_batch_free(struct writer_batch *b)
{
	if (b == NULL)
		return;
	assert(b->nops == 0);
	obuf_done(&b->data);
	free(b->op);
	free(b);
}

void
writer_batch_clear(struct writer_batch *b, bool busy)
{
	obuf_clear(&b->data);
	if (!busy && b->data.cap > KEEP_BYTES)
		obuf_done(&b->data);
	b->nops = 0;
	if (!busy && b->cap > KEEP_OPS) {
		free(b->op);
		b->op = NULL;
		b->cap = 0;
	}
	b->piped = 0;
	b->bytes = 0;
	b->total = (struct writer_sum){ 0 };
	b->settled = (struct writer_sum){ 0 };
	b->silent = (struct writer_sum){ 0 };
	b->lost = (struct writer_sum){ 0 };
}

bool
writer_batch_is_empty(const struct writer_batch *b)
{
	return b->nops == 0 && !writer_batch_any(&b->total);
}

size_t
writer_batch_size(const struct writer_batch *b)
{
	return b->data.len + b->piped + b->nops * sizeof(b->op[0]);
}

struct writer_op *
writer_batch_add(struct writer_batch *b)
{
	if (b->nops == b->cap) {
		size_t cap = b->cap == 0 ? FIRST_OPS : b->cap * 2;
		struct writer_op *op = NULL;

		if (cap < WRITER_NO_OP)
			op = realloc(b->op, cap * sizeof(*op));
		if (op == NULL)
			return NULL;
		b->op = op;
		b->cap = cap;
	}
	memset(&b->op[b->nops], 0, sizeof(b->op[0]));
	return &b->op[b->nops++];
}

void
writer_batch_count(struct writer_sum *sum, size_t payload)
{
	sum->bytes += payload;
	sum->chunks += payload > 0;
	sum->records += payload == 0;
}

bool
writer_batch_any(const struct writer_sum *sum)
{
	return sum->bytes > 0 || sum->chunks > 0 || sum->records > 0;
}

void
writer_batch_sum(struct writer_sum *sum, const struct writer_sum *more)
{
	sum->bytes += more->bytes;
	sum->chunks += more->chunks;
	sum->records += more->records;
}

void
writer_batch_less(struct writer_sum *sum, const struct writer_sum *part)
{
	sum->bytes -= part->bytes;
	sum->chunks -= part->chunks;
	sum->records -= part->records;
}
