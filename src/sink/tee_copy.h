#ifndef SINK_TEE_COPY_H
#define SINK_TEE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "net/deadline.h"
#include "sink/compare.h"
#include "sink/outcall.h"
#include "sink/outq_lane.h"

/*
 * tee_copy.h - the copy of one session on its way to the other server.
 *
 * The other server is called when the session opens; what is said meanwhile
 * waits.  A copy that ended by FIN goes on without its session, until all is
 * sent and, if they are compared, the answers have come.
 */

struct tee_copy;

/**
 * struct tee_copy_lane - What the copies of one worker share
 * @target:	Where they go
 * @outq:	Their queues
 * @copies:	All of them
 * @limit:	Of each queue, bytes
 * @patience:	With answers when the session is over; @npatient copies
 * @compare:	Compare answers; keep at most so many bytes of one side; 0: do
 *		not
 * @ahead:	What is kept so for all of them
 */
struct tee_copy_lane {
	struct outcall_target target;
	struct outq_lane outq;
	struct list copies;
	size_t limit;
	struct deadline_queue patience;
	unsigned npatient;
	size_t compare;
	struct compare_pool ahead;
};

/** tee_copy_new() - Call the other server; NULL without memory. */
struct tee_copy *tee_copy_new(struct tee_copy_lane *lane);

/**
 * tee_copy_full() - What waits has reached the limit
 *
 * Not before the other server is there, unless traffic waits for it: then
 * tee_copy_put() gives the copy up, as one that has no consumer.
 */
bool tee_copy_full(const struct tee_copy *c);

/** tee_copy_put() - Bytes for the other server. */
void tee_copy_put(struct tee_copy *c, const uint8_t *data, size_t len);

/** tee_copy_answer() - Bytes of the true answer, if they are compared. */
void tee_copy_answer(struct tee_copy *c, const uint8_t *data, size_t len);

/** tee_copy_answer_gap() - Bytes of the true answer are missing. */
void tee_copy_answer_gap(struct tee_copy *c);

/**
 * tee_copy_fin() - The copied stream has ended as it should
 *
 * Sent on when everything before it is.  Nothing is put in any more.
 */
void tee_copy_fin(struct tee_copy *c);

/**
 * tee_copy_cut() - It has not: a gap, a reset, a full queue
 * @now:	At once; else what is queued is delivered first
 *
 * Ends the copy with RST.
 */
void tee_copy_cut(struct tee_copy *c, bool now);

/** tee_copy_release() - The session is over, or gave it up; last call. */
void tee_copy_release(struct tee_copy *c);

/** tee_copy_lane_turn() - See sink_ops.turn. */
uint64_t tee_copy_lane_turn(struct tee_copy_lane *lane, uint64_t mono_ns);

#endif /* SINK_TEE_COPY_H */
