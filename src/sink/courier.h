#ifndef SINK_COURIER_H
#define SINK_COURIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/list.h"
#include "net/deadline.h"
#include "sink/outbuf.h"
#include "sink/outcall.h"

/*
 * courier.h - records that reach one target whole and in order: all on one
 * connection, or each on its own.
 *
 *	put ─► queue (bounded) ─► first record ─► connection ─► target
 *	                                 ▲             └── lost: again, whole
 *	                                 └── so many tries, then it is "gone"
 *
 * Unlike an outq, which belongs to a conversation and ends with it, a courier
 * serves a worker as long as that runs.  It lives on the worker's loop and
 * never waits.  A record counts as written when the system has taken all of
 * it, and stays in the queue until then.
 *
 * With a connection for each record, the next one is called when the one
 * before is connected and the system has taken its record: so the target
 * accepts them in the order in which they were put in.
 */

struct err;
struct sink_count;
struct worker;

/**
 * struct courier_opts - How records are delivered
 * @call:	Where to, and how; @call.tries is not looked at
 * @tries:	Connections that may fail or be lost while a record is the
 *		first, before it is dropped as "gone"; > 0
 * @limit:	Bytes; courier_is_full() from there on
 * @keep:	One connection for all of them
 * @sent:	A record of @len bytes has gone out whole, to @to; NULL: of no
 *		interest
 * @self:	Passed to it
 */
struct courier_opts {
	struct outcall_opts call;
	unsigned tries;
	size_t limit;
	bool keep;
	void (*sent)(void *self, size_t len, const struct addr *to);
	void *self;
};

struct courier_line;

/**
 * struct courier - Private; embedded in a lane
 * @buf:	What waits; its first record is the one that is on its way
 * @queued:	Its bytes; there is no other to add up
 * @blocks:	Where they are kept
 * @sent:	Bytes at its beginning that the system has taken already
 * @failed:	Connections that failed the first record
 * @line:	The connection in use, or the call for one; NULL: none
 * @parting:	@nparting connections that have all that was for them: they
 *		have got FIN, and may still answer
 * @finish_ns:	When whatever is left is cut off
 * @moved_ns:	When the target took something last
 * @held:	The worker's loop waits for that
 */
struct courier {
	struct worker *worker;
	struct courier_opts o;
	struct outcall_target target;
	struct outbuf buf;
	size_t queued;
	struct outblock_pool blocks;
	size_t sent;
	unsigned failed;
	struct courier_line *line;
	struct deadline_queue parting;
	size_t nparting;
	uint64_t finish_ns;
	uint64_t moved_ns;
	bool was_full;
	bool held;
};

/**
 * courier_init() - Look the target up; nothing is called yet
 * @count:	Where written and dropped payload is added, and what was sent:
 *		records, their bytes, tries that failed
 *
 * Return: 0, or -errno with @err when the name has no address
 */
int courier_init(struct courier *c, const struct courier_opts *o,
    struct worker *w, struct sink_count *count, struct err *err) ATTR_WUNRES;

/** courier_done() - After the loop has ended, and courier_finish(). */
void courier_done(struct courier *c);

/** courier_is_full() - Does what waits reach the limit? */
bool courier_is_full(const struct courier *c);

/**
 * courier_put() - Send a record
 * @parts:	@n of them, one behind the other; copied
 * @payload:	What it counts for
 *
 * Taken also when it exceeds the limit: whoever minds asks courier_is_full()
 * first.  It is sent in the next turn, or now, if much waits.
 */
void courier_put(struct courier *c, const struct outbuf_part *parts, size_t n,
    size_t payload);

/**
 * courier_turn() - Send what waits, make the calls that are due
 *
 * Return: when to be called again at the latest (monotonic ns), or
 *	   CLOCK_NEVER
 */
uint64_t courier_turn(struct courier *c, uint64_t mono_ns);

/**
 * courier_finish() - The worker is to end: until when records may go out
 * @deadline_ns: Monotonic.  What waits then is dropped as "closing", as
 *		"no_consumer" without a connection.  CLOCK_NEVER: when the
 *		target takes nothing any more.
 *
 * Keeps the loop running until the target's system has all.
 */
void courier_finish(struct courier *c, uint64_t deadline_ns);

/** courier_finished() - Is nothing of it left on the loop? */
bool courier_finished(const struct courier *c);

#endif /* SINK_COURIER_H */
