#ifndef NET_WRITER_THREAD_H
#define NET_WRITER_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/attr.h"
#include "base/list.h"
#include "base/obuf.h"
#include "net/writer.h"
#include "net/writer_batch.h"
#include "net/writer_file.h"
#include "net/writer_tail.h"

/*
 * writer_thread.h - what a writer and its ports share with its thread.
 *
 * How it works.  A port fills its batch without any lock.  A batch that is
 * handed over is on the queue, then in work, then among the spare ones of
 * its port: three places, all under one lock, which is taken once per batch
 * by either side (and once per file for the counters, see on_settle()).
 *
 * Nobody waits for the thread but writer_drain(), and that only until its
 * deadline.  When the kernel still holds the thread then, the rest is counted
 * under the lock and the thread is marked as left behind: if it ever returns
 * from its write it finds the mark, touches nothing and ends.
 *
 * Private to net/writer*.c.
 */

struct sink_count;
struct worker;

/**
 * struct writer - See writer.h
 * @batch_max:	Bytes at which a batch is handed over,
 * @busy_max:	and at which while the thread is busy
 * @lock:	Guards everything down to @left_behind
 * @wake:	Something for the thread to do
 * @ended:	The thread is about to end, or a port has no batch away
 * @queue:	Batches handed over
 * @rotating:	Files that rotate; only grows
 * @work:	The batch being carried out; NULL: none
 * @renew:	writer_reopen() was called
 * @done:	The thread touches nothing any more
 * @left_behind: It may still be in a write, but nobody waits for it
 * @joined:	It has ended
 * @deadline_ns: CLOCK_NEVER until writer_drain(); nothing is written later
 * @queued:	Bytes in the queue and in work
 * @was_full:	Somebody waits for worker_room()
 * @tails:	The thread's: what waits for the rest of its block
 * @failing:	The thread's: a write has failed, no batch has succeeded since
 * @failed_now:	The thread's: a write of this batch has failed
 * @unread:	The thread's: the reader of standard output has gone
 * @stuck:	The thread's: a file could not be finished, and none has been
 *		since; the user knows
 * @told:	The thread's: the user knows about it
 * @told_ns:	The thread's: since when
 * @rest_ns:	The thread's: when spare batches are looked through; or
 *		CLOCK_NEVER
 */
struct writer {
	char *name;
	size_t limit;
	size_t batch_max;
	size_t busy_max;
	writer_notice *notice;
	void *notice_self;

	uv_mutex_t lock;
	uv_cond_t wake;
	uv_cond_t ended;
	struct list queue;
	struct list rotating;
	struct list ports;
	struct writer_batch *work;
	bool closing;
	bool renew;
	bool done;
	bool left_behind;

	uv_thread_t thread;
	bool joined;
	_Atomic uint64_t deadline_ns;
	_Atomic size_t queued;
	_Atomic bool was_full;
	struct writer_file_set files;
	struct writer_tail_set tails;
	bool failing;
	bool failed_now;
	bool unread;
	bool stuck;
	bool told;
	uint64_t told_ns;
	uint64_t rest_ns;
};

/**
 * struct writer_port - See writer.h
 * @node:	In the writer's list
 * @batch:	Being filled; NULL until there is something to say
 * @mark:	Where the record in it starts
 * @flushed_ns:	When a turn last handed a batch over
 * @none:	What writer_begin() returns without memory: it takes nothing
 * @lost:	Payload that there was no batch for
 * @spare:	@nspare empty batches; guarded by the writer's lock
 * @came_ns:	When one came back; likewise
 * @away:	Batches on the queue or in work; likewise
 * @held:	Payload of it that is in tails; likewise
 */
struct writer_port {
	struct writer *writer;
	struct worker *worker;
	struct sink_count *count;
	struct list node;
	struct writer_batch *batch;
	size_t mark;
	uint64_t flushed_ns;
	struct obuf none;
	struct writer_sum lost;
	struct list spare;
	unsigned nspare;
	uint64_t came_ns;
	unsigned away;
	struct writer_sum held;
};

/** writer_thread_start() - Start it; 0 or -errno. */
int writer_thread_start(struct writer *w) ATTR_WUNRES;

/**
 * writer_thread_end() - Let it finish the queue, until @w->deadline_ns
 *
 * Return: 0 when it has ended; -ETIMEDOUT when it is left behind, and what
 *	   was not written is counted
 */
int writer_thread_end(struct writer *w) ATTR_WUNRES;

/** writer_thread_stdout_gone() - See writer_stdout_gone(). */
bool writer_thread_stdout_gone(void);

#endif /* NET_WRITER_THREAD_H */
