#ifndef NET_WRITER_RUN_H
#define NET_WRITER_RUN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * writer_run.h - carrying out a batch: what reaches the files, and what is
 * counted.
 *
 * Private to net/writer*.c; on the writer's thread.
 */

struct writer_batch;
struct writer_file;
struct writer_file_set;
struct writer_port;
struct writer_sum;
struct writer_tail_set;

/** enum writer_fate - What became of payload. */
enum writer_fate {
	WRITER_WRITTEN,
	WRITER_FAILED,
	WRITER_LATE, /* the drain time is over */
	WRITER_HELD, /* it is in a tail, whose fate is told later */
};

/**
 * struct writer_work - What carrying out a batch needs of the writer
 * @files:	Its open files
 * @tails:	What waits for the rest of a block
 * @now_ns:	Monotonic
 * @self:	Passed on
 * @settle:	Payload of a batch has met its fate
 * @settle_held: Payload that was WRITER_HELD has, too
 * @failed:	Something could not be written: tell the user
 * @rotate:	Finish this file, which rotates, and begin another
 * @late:	Is it too late to write?
 */
struct writer_work {
	struct writer_file_set *files;
	struct writer_tail_set *tails;
	uint64_t now_ns;
	void *self;
	void (*settle)(void *self, struct writer_batch *b,
	    enum writer_fate fate, const struct writer_sum *sum);
	void (*settle_held)(void *self, struct writer_port *port,
	    enum writer_fate fate, const struct writer_sum *sum);
	void (*failed)(void *self, const struct writer_file *f, int rc);
	void (*rotate)(void *self, struct writer_file *f);
	bool (*late)(void *self);
};

/** writer_run() - Carry out a batch, which is empty then. */
void writer_run(struct writer_batch *b, const struct writer_work *work);

/** writer_run_tail() - Write the tail of @f, which has one. */
void writer_run_tail(struct writer_file *f, const struct writer_work *work);

#endif /* NET_WRITER_RUN_H */
