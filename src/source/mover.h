#ifndef SOURCE_MOVER_H
#define SOURCE_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "core/dir.h"
#include "core/session.h"

struct pipe;
struct worker;

/*
 * mover.h - moves the bytes of one direction from socket to socket, and has
 * each of them recorded.
 *
 * Three ways, chosen from what the sinks need (core/sink.h) and from how the
 * bytes come, and changed while the session lives:
 *
 *	COPY	recv(2) into the worker's buffer, send(2), then the sinks get
 *		the same buffer.  What the receiver did not take is stashed.
 *	SPLICE	socket -> pipe -> socket.  The sinks get counts only.
 *	TEE	socket -> pipe -> socket, and tee(2) into a second pipe, which
 *		is given to the one sink that wants bytes in a file.
 *
 * Each direction starts with COPY, the best for small messages, and moves to
 * a pipe when reads keep coming back large; and back when they are small.
 *
 * Rules that are easy to break:
 *  - tee(2) doubles from the head of the pipe.  Of a pipe whose head has been
 *    doubled but not yet drained, nothing may be doubled again: @teed bytes
 *    must leave first.
 *  - splice(2) says EAGAIN for a full pipe and for an empty socket alike.  So
 *    a pipe is filled only while it is empty: EAGAIN is an empty socket.
 *  - Bytes are recorded when they have been read, delivered or not.
 *  - What the sinks need may change between any two calls, also while bytes are
 *    in a pipe.  Those that were doubled then go to the sinks in the way that
 *    these need by then; those that were not are taken out of the pipe.
 */

/** enum mover_way - How bytes travel at the moment. */
enum mover_way {
	MOVER_COPY,
	MOVER_SPLICE,
	MOVER_TEE,
};

/** enum mover_result - Outcome of one mover_pull(). */
enum mover_result {
	MOVER_MORE,    /* much came: there may be more at once */
	MOVER_ENOUGH,  /* little came: probably there is no more for now */
	MOVER_EMPTY,   /* nothing there */
	MOVER_HELD,    /* the receiver is slow: bytes are held */
	MOVER_FIN,     /* the sender has finished */
	MOVER_READ,    /* reading failed: ->error */
	MOVER_WRITTEN, /* writing failed: ->error; what is held stays held */
};

/**
 * struct mover - One direction of a relay
 * @session:	Whose bytes these are
 * @worker:	Whose thread, buffer and pipes are used
 * @dir:	Which direction
 * @zero_copy:	Pipes may be used at all (--copy clears it)
 * @way:	See above
 * @streak:	Consecutive reads that speak for changing the way
 * @error:	Positive errno of the last failure
 * @stash:	COPY: bytes that are held; allocated only while there are any
 * @pipe:	SPLICE, TEE: bytes under way; lent only while there are any
 * @teed:	TEE: bytes at the head of @pipe that are doubled already
 * @copy:	TEE: doubled bytes, not yet given to the sink
 * @copy_ns:	Monotonic time of the first byte in @copy
 * @copy_node:	On @copies while @copy is lent
 * @copies:	The worker's list of movers with a @copy, oldest first
 */
struct mover {
	struct session *session;
	struct worker *worker;
	uint8_t dir;
	bool zero_copy;
	uint8_t way;
	uint8_t streak;
	int error;
	uint8_t *stash;
	size_t stash_off;
	size_t stash_len;
	struct pipe *pipe;
	size_t teed;
	struct pipe *copy;
	uint64_t copy_ns;
	struct list copy_node;
	struct list *copies;
};

/**
 * mover_init() - COPY, nothing held
 *
 * The caller sets @zero_copy and @copies afterwards.
 */
void mover_init(
    struct mover *m, struct session *s, struct worker *w, enum dir dir);

/** mover_held() - Bytes read from the sender, not yet taken by the receiver. */
size_t mover_held(const struct mover *m);

/** mover_pending() - Bytes read from the sender, not yet recorded. */
size_t mover_pending(const struct mover *m);

/**
 * mover_pull() - Read once, forward, record
 * @from:	The sender's socket
 * @to:		The receiver's
 *
 * Only while nothing is held.
 */
enum mover_result mover_pull(struct mover *m, int from, int to);

/**
 * mover_push() - Forward what is held
 *
 * Return: MOVER_MORE when all is gone, MOVER_HELD or MOVER_WRITTEN
 */
enum mover_result mover_push(struct mover *m, int to);

/**
 * mover_settle() - Have everything recorded that was read
 *
 * Before an end is announced, and before the sinks are asked to flush.  Bytes
 * held for the receiver stay held.
 */
void mover_settle(struct mover *m);

/**
 * mover_done() - Give everything back
 *
 * Return: bytes that were held and are now lost to the receiver
 */
size_t mover_done(struct mover *m);

/**
 * mover_pull_pipe(), mover_push_pipe(), mover_settle_pipe() - The pipe ways
 *
 * In mover_linux.c; the portable build has none and never gets there.
 * mover_pipe_start() lends the pipe, false when it cannot: copy instead.
 */
bool mover_pipe_start(struct mover *m);
enum mover_result mover_pull_pipe(struct mover *m, int from, int to);
enum mover_result mover_push_pipe(struct mover *m, int to);
void mover_settle_pipe(struct mover *m);

/** mover_flush_copy() - Give the doubled bytes to the sink, now. */
void mover_flush_copy(struct mover *m);

/** mover_record() - Tell the session of bytes read; @data NULL: counts. */
void mover_record(struct mover *m, const uint8_t *data, size_t len);

/**
 * mover_stash() - Keep bytes that the receiver did not take
 *
 * Return: false without memory
 */
bool mover_stash(struct mover *m, const uint8_t *data, size_t len) ATTR_WUNRES;

#endif /* SOURCE_MOVER_H */
