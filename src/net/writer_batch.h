#ifndef NET_WRITER_BATCH_H
#define NET_WRITER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "base/obuf.h"

/*
 * writer_batch.h - what a worker hands to the writer's thread at a time.
 *
 * A run of bytes, and a list of operations on files that refer to it.  When
 * a batch is carried out its operations are sorted by file: a thousand small
 * records of a hundred sessions cost a hundred calls, not a thousand.  The
 * operations of one file stay in order; records that lie next to each other
 * are written as one piece.
 *
 * Private to net/writer*.c.
 */

struct pipe;
struct writer_file;
struct writer_head;
struct writer_port;

/** WRITER_NO_OP - No operation; also the end of a chain of them. */
#define WRITER_NO_OP UINT32_MAX

/** enum writer_op_kind - What is to be done to a file. */
enum writer_op_kind {
	WRITER_OP_RECORD, /* write @len bytes at @at of the batch */
	WRITER_OP_PIPE,   /* write @len bytes out of @pipe */
	WRITER_OP_HOLE,   /* leave out @hole bytes */
	WRITER_OP_LOST,   /* a record that there was no memory for */
	WRITER_OP_HEAD,   /* from now on files begin with @head too */
	WRITER_OP_NAME,   /* call it @name, which is freed then */
	WRITER_OP_CLOSE,  /* close and free it */
};

/** struct writer_op - An operation; @next is the next on the same file. */
struct writer_op {
	struct writer_file *file;
	size_t at;
	size_t len;
	size_t payload;
	union {
		struct pipe *pipe;
		uint64_t hole;
		struct writer_head *head;
		char *name;
	};
	uint32_t next;
	enum writer_op_kind kind;
};

/**
 * struct writer_sum - What records stand for
 * @bytes:	Of streams
 * @chunks:	Data events that these came in
 * @records:	Records of no bytes
 */
struct writer_sum {
	uint64_t bytes;
	uint64_t chunks;
	uint64_t records;
};

/**
 * struct writer_batch - See above
 * @node:	In the queue, or among the spare ones of its port
 * @data:	The bytes
 * @op:		@nops operations; room for @cap
 * @piped:	Bytes in pipes
 * @bytes:	What it counts against the queue's limit; set at hand-over
 * @rushed:	It was handed over since it was full: more will come soon
 * @total:	Payload of everything in it
 * @settled:	How much of that has been counted
 * @silent:	Payload that no record was made for
 * @lost:	Payload that there was no memory for an operation for
 */
struct writer_batch {
	struct list node;
	struct writer_port *port;
	struct obuf data;
	struct writer_op *op;
	size_t nops;
	size_t cap;
	size_t piped;
	size_t bytes;
	bool rushed;
	struct writer_sum total;
	struct writer_sum settled;
	struct writer_sum silent;
	struct writer_sum lost;
};

/** writer_batch_new() - An empty batch; NULL without memory. */
struct writer_batch *writer_batch_new(struct writer_port *port) ATTR_WUNRES;

/** writer_batch_free() - It is empty; NULL is a no-op. */
void writer_batch_free(struct writer_batch *b);

/**
 * writer_batch_clear() - Make it empty, keep its memory
 * @busy:	All of it; else no more than ordinary batches need
 */
void writer_batch_clear(struct writer_batch *b, bool busy);

/** writer_batch_is_empty() - Is there nothing to carry out or count? */
bool writer_batch_is_empty(const struct writer_batch *b);

/** writer_batch_size() - What it would count against the limit now. */
size_t writer_batch_size(const struct writer_batch *b);

/**
 * writer_batch_add() - Room for one more operation
 *
 * Return: a zeroed operation, in its place; NULL without memory
 */
struct writer_op *writer_batch_add(struct writer_batch *b) ATTR_WUNRES;

/**
 * writer_batch_count() - Add a record to @sum
 * @payload:	Bytes of one data event; 0: it stands for none
 */
void writer_batch_count(struct writer_sum *sum, size_t payload);

/** writer_batch_any() - Is there anything in @sum? */
bool writer_batch_any(const struct writer_sum *sum);

/** writer_batch_sum() - Add @more to @sum. */
void writer_batch_sum(struct writer_sum *sum, const struct writer_sum *more);

/** writer_batch_less() - Take @part, which is in it, from @sum. */
void writer_batch_less(struct writer_sum *sum, const struct writer_sum *part);

#endif /* NET_WRITER_BATCH_H */
