#ifndef SINK_OUTQ_LANE_H
#define SINK_OUTQ_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "net/deadline.h"

#include "sink/outblock.h"

/*
 * outq_lane.h - the queues of one sink on one worker: what they share, and
 * when each of them is due.
 *
 * Together they have a bound; they go out at the end of the loop's turn, make
 * their calls, and have a time to end in once nobody owns them.
 */

struct outcall_target;
struct outq;
struct sink_count;
struct worker;

/*
 * Most bytes that the queues of one lane hold together; then those with more
 * than their share are full, whatever their limit is.
 */
#define OUTQ_LANE_MAX ((size_t)256 * 1024 * 1024)

/* A connection for each direction. */
#define OUTQ_LANE_TARGETS 2

/**
 * struct outq_lane_share - Descriptors that the lanes of a sink share
 * @most:	For connections whose sessions are over, which have descriptors
 *		of their own no more; 0: any number
 * @lanes:	Among so many lanes; each counts itself when it is made
 */
struct outq_lane_share {
	unsigned most;
	_Atomic unsigned lanes;
};

/** outq_lane_part() - What one of the lanes may have; UINT_MAX: any number. */
unsigned outq_lane_part(const struct outq_lane_share *s);

/**
 * struct outq_lane - See above; private, but for what is set by the owner
 * @worker:	Its loop; outlives the lane
 * @targets:	@ntargets of them, which queues call; set by the owner
 * @count:	Where written and dropped payload is added
 * @all:	Every queue that is not OVER, @nqueues of them
 * @queued:	Bytes that wait in them
 * @blocks:	Where they keep them
 * @most:	That they may hold together
 * @was_full:	They held as much: somebody may wait for room
 * @late:	Those that are FINISHING, @nlate of them
 * @finish_ns:	When whatever is left is cut off
 * @held:	The worker's loop waits for that
 * @resets:	Queues that are empty, and to be reset when their consumer's
 *		system has everything
 * @soon:	Queues with short records, which go out together
 * @own:	Connections are entered as ours (net/own.h); set by the owner
 *		after outq_lane_init()
 * @share:	Set likewise: how many may be FINISHING at a time, or the one
 *		that waits longest is cut off; NULL: any number
 * @patient:	Set likewise, where traffic waits for consumers (ON_FULL_PAUSE):
 *		the linger time of a queue begins anew whenever its consumer
 *		takes something
 */
struct outq_lane {
	struct worker *worker;
	struct outcall_target *targets[OUTQ_LANE_TARGETS];
	size_t ntargets;
	struct sink_count *count;
	struct list all;
	size_t nqueues;
	size_t queued;
	struct outblock_pool blocks;
	size_t most;
	bool was_full;
	struct deadline_queue late;
	unsigned nlate;
	uint64_t finish_ns;
	struct list resets;
	struct list soon;
	bool held;
	bool own;
	const struct outq_lane_share *share;
	bool patient;
};

/**
 * outq_lane_init() - No queue yet
 * @linger_ns:	How long a finished queue may take to go out and be closed by
 *		its consumer; 0: until the worker ends.  Once nothing of it is
 *		left here, the time begins anew as long as the consumer's system
 *		takes what it was sent.
 */
void outq_lane_init(struct outq_lane *l, struct worker *w,
    struct sink_count *count, uint64_t linger_ns);

/**
 * outq_lane_finish() - The worker is to end: until when queues may go out
 * @deadline_ns: Monotonic.  What is queued then is dropped as "closing" (as
 *		no_consumer where there is none) and its consumer reset, so
 *		that it does not take a part for the whole.  By then every
 *		owner has let go of its queue.
 *
 * Keeps the worker's loop running until the last queue is over.
 */
void outq_lane_finish(struct outq_lane *l, uint64_t deadline_ns);

/**
 * outq_lane_finished() - Is nothing of it left on the loop?
 *
 * After outq_lane_finish(); as sink_ops.finished wants it.
 */
bool outq_lane_finished(const struct outq_lane *l);

/** outq_lane_full() - Is any queue of the lane full? */
bool outq_lane_full(const struct outq_lane *l);

/**
 * outq_lane_turn() - Cut off what is late, make the calls that are due
 *
 * Return: when to be called again at the latest (monotonic ns), or
 *	   CLOCK_NEVER
 */
uint64_t outq_lane_turn(struct outq_lane *l, uint64_t mono_ns);

/* --- for queues -------------------------------------------------------- */

/**
 * struct outq_place - A queue's place in its lane; embedded in it
 * @q:		The queue
 * @all:	In the list of all
 * @soon:	In that of those to be sent at the end of the turn
 * @reset:	In that of those that only have to be reset
 * @late:	In that of those that finish, if it @lingers
 */
struct outq_place {
	struct outq_lane *lane;
	struct outq *q;
	struct list all;
	struct list soon;
	struct list reset;
	struct deadline late;
	bool lingers;
};

/** outq_lane_enter() - One more queue. */
void outq_lane_enter(struct outq_lane *l, struct outq_place *p, struct outq *q);

/** outq_lane_leave() - It is over, and empty. */
void outq_lane_leave(struct outq_place *p);

/**
 * outq_lane_has_too_much() - Is a queue full because all of them are?
 * @len:	Bytes that wait in it
 *
 * Only those that hold more than their share: whoever keeps up with its
 * session never does.
 */
bool outq_lane_has_too_much(const struct outq_lane *l, size_t len);

/** outq_lane_gained() - A queue has got longer. */
void outq_lane_gained(struct outq_lane *l);

/** outq_lane_lost() - It has got shorter: sessions may wait for that. */
void outq_lane_lost(struct outq_lane *l);

/** outq_lane_send_soon() - Let it be sent at the end of the turn. */
void outq_lane_send_soon(struct outq_place *p);

/** outq_lane_reset_soon() - Reset it once its consumer's system has all. */
void outq_lane_reset_soon(struct outq_place *p);

/** outq_lane_linger() - Its time to end in begins now. */
void outq_lane_linger(struct outq_place *p);

#endif /* SINK_OUTQ_LANE_H */
