#ifndef SINK_OUTQ_H
#define SINK_OUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/obuf.h"
#include "core/news.h"

/*
 * outq.h - bytes on their way to one consumer: a bounded queue and the
 * socket behind it.
 *
 * Lives on one worker's loop.  Never waits: what the socket does not take at
 * once is copied and sent when it does.  What a chunk was worth (its payload)
 * is counted as written when the system has taken it, by reason when it has
 * not: written + dropped + queued is what was put in, at any time.
 *
 *	put ─► queue (limit) ─► socket ─► consumer
 *	                          └── answers: read, and dropped or looked at
 *
 * A queue outlives its owner: outq_finish() sends what is left, then FIN,
 * and frees itself when that is done, or when its lane's time is over.
 */

struct outcall_target;
struct outq;
struct outq_lane;

/**
 * enum outq_state - What there is
 *
 * ABSENT	No consumer (yet).  outq_attach(), or an answered call, leaves
 *		it for LIVE; put() keeps or drops by enum outq_absent.
 * LIVE		A socket.  When it fails or is reset: dropped is counted,
 *		gone() is told, and the state is ABSENT again.
 * FINISHING	finish() was called, and nobody owns it any more: what is queued
 *		goes out, once a call that is under way was answered, then FIN
 *		or RST; after a FIN the peer's own end is waited for.
 * OVER		Freed when the loop has let go of the handle.
 */
enum outq_state {
	OUTQ_ABSENT,
	OUTQ_LIVE,
	OUTQ_FINISHING,
	OUTQ_OVER,
};

/** enum outq_absent - What put() does while there is no consumer. */
enum outq_absent {
	OUTQ_DROP,      /* counted as no_consumer */
	OUTQ_KEEP_HEAD, /* the first @startup bytes; then startup_full */
	OUTQ_KEEP_TAIL, /* the last ones; the oldest go as startup_full */
	/* Either to the byte, but for framed records, which are whole. */
	OUTQ_KEEP_ALL, /* whoever minds asks outq_full() first */
};

/**
 * struct outq_opts - What a queue is made from
 * @limit:	Bytes; outq_full() from there on
 * @startup:	Bytes that may wait for a first consumer
 * @absent:	See enum outq_absent; once there was a consumer it is
 *		OUTQ_DROP, unless @keep_always
 * @keep_always: What comes between two consumers is kept as before the first
 * @redial:	Call again when the consumer is lost
 * @tally:	Where this queue is counted beside its lane, as @stream; NULL:
 *		nowhere.  The queue takes its own reference.
 * @head:	Append what the consumer is to get before anything else; NULL:
 *		nothing.  Called for each consumer, and at the latest when the
 *		owner lets go.
 * @came:	A consumer is there, which outq_peer() names; NULL: of no
 *		interest
 * @gone:	The consumer has reset the connection, or could not be called
 *		(@error is a negative errno); the queue is ABSENT and empty.
 *		May attach, call, finish or abort.
 * @answer:	The consumer has sent @len bytes; NULL: they are dropped
 * @answered:	The consumer has ended its direction; NULL: of no interest
 * @self:	Passed to these
 */
struct outq_opts {
	size_t limit;
	size_t startup;
	enum outq_absent absent;
	bool keep_always;
	bool redial;
	struct news_tally *tally;
	enum news_stream stream;
	void (*head)(void *self, struct obuf *out);
	void (*came)(void *self);
	void (*gone)(void *self, int error);
	void (*answer)(void *self, const uint8_t *data, size_t len);
	void (*answered)(void *self);
	void *self;
};

/** outq_new() - A queue without a consumer; NULL without memory. */
struct outq *outq_new(
    struct outq_lane *l, const struct outq_opts *o) ATTR_WUNRES;

/**
 * outq_attach() - The consumer is there
 * @fd:		Connected, non-blocking; owned by the queue from now on, also on
 *		failure
 *
 * Return: 0 or -errno (the state is then as before)
 */
int outq_attach(struct outq *q, int fd) ATTR_WUNRES;

/** outq_call() - Call the consumer; @t is one of the lane's targets. */
void outq_call(struct outq *q, struct outcall_target *t);

/** outq_state() - See enum outq_state. */
enum outq_state outq_state(const struct outq *q);

/** outq_peer() - The consumer, or the one that was there last. */
const struct addr *outq_peer(const struct outq *q);

/** outq_local() - Our end of that connection. */
const struct addr *outq_local(const struct outq *q);

/**
 * outq_full() - Does what waits reach the limit, or too much of them all?
 *
 * While a head or a tail is kept, what does not fit is dropped by itself: then
 * it is never full.
 */
bool outq_full(const struct outq *q);

/** outq_queued() - Bytes that wait. */
size_t outq_queued(const struct outq *q);

/**
 * outq_put() - Send a record: a short one at the end of the loop's turn
 * @data:	@len bytes; copied as far as the socket does not take them
 * @payload:	Stream bytes it stands for: at most @len
 *
 * Taken also when it exceeds the limit: whoever minds asks outq_full() first.
 *
 * Return: false when there was no memory, and the consumer would hear
 * something else than what was said: bytes of a stream are missing (a record
 * that is all payload), or the end of a record that it has begun to get.  What
 * is missing was counted as "queue_full"; a record that is missing whole is no
 * reason.
 */
bool outq_put(struct outq *q, const void *data, size_t len, size_t payload);

/**
 * outq_put_batch() - The same for several records in one, sent or lost together
 * @chunks:	How many, when they are counted as dropped
 */
bool outq_put_batch(struct outq *q, const void *data, size_t len,
    size_t payload, size_t chunks);

/**
 * outq_forget() - Give up the first @len bytes of what is kept
 *
 * For a first consumer, who is not there yet; dropped as "startup_full".
 */
void outq_forget(struct outq *q, size_t len);

/**
 * outq_fin() - Send FIN when all that is queued is out
 *
 * Nothing may be put in after this; answers are still told.  Without a
 * consumer it waits for one, as what is kept does.
 */
void outq_fin(struct outq *q);

/** enum outq_end - How a connection to a consumer ends. */
enum outq_end {
	OUTQ_FIN,
	OUTQ_RST, /* once the consumer's system has all that was sent */
};

/**
 * outq_finish() - Send what is queued, then end; the owner lets go
 *
 * Nothing is told any more.  A call that is under way goes on for what waits
 * for it; without one, what is kept is dropped as no_consumer.  NULL is a
 * no-op.
 */
void outq_finish(struct outq *q, enum outq_end end);

/**
 * outq_abort() - Reset the consumer now; the owner lets go
 *
 * What is queued is dropped as "gone" (as no_consumer where there is none).
 * NULL is a no-op.
 */
void outq_abort(struct outq *q);

/* --- for its lane ------------------------------------------------------ */

/** outq_flush() - Send what waits for the end of the turn. */
void outq_flush(struct outq *q);

/** outq_try_reset() - Reset it, if its consumer's system has everything. */
void outq_try_reset(struct outq *q);

/**
 * outq_cut_off() - Time is up: for whom it waited, and whoever never came
 *
 * Of what only the system still has nothing is taken back: it is sent on, and
 * FIN behind it, as long as the consumer's system takes it.
 */
void outq_cut_off(struct outq *q);

/**
 * outq_look() - Its time is over: cut it off, or is it on its way?
 *
 * Return: true if the consumer has taken something since the last look, or
 *	   since it was finished, and may be waited for
 */
bool outq_look(struct outq *q);

#endif /* SINK_OUTQ_H */
