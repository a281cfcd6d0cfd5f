#ifndef SINK_COMPARE_H
#define SINK_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/obuf.h"

/*
 * compare.h - are two streams of bytes the same, though they come at their
 * own pace?
 *
 * What one side is ahead by is kept until the other has caught up, up to a
 * limit.
 */

/** enum compare_side - Whose bytes. */
enum compare_side {
	COMPARE_TRUE,  /* of the answer that counts */
	COMPARE_OTHER, /* of the one that is held against it */
};

/** enum compare_verdict - What can be said. */
enum compare_verdict {
	COMPARE_EQUAL,
	COMPARE_DIFFERENT,
	COMPARE_UNKNOWN, /* a gap, or one side was too far ahead */
};
#define COMPARE_NVERDICTS (COMPARE_UNKNOWN + 1)

/**
 * struct compare_pool - What all comparisons of one thread keep
 * @kept:	Bytes
 * @most:	That they may be: beyond it nothing more is kept
 */
struct compare_pool {
	size_t kept;
	size_t most;
};

/**
 * struct compare - Two streams; private
 * @limit:	Most bytes kept
 * @pool:	Where they are counted
 * @counted:	So many of them are
 * @ahead:	What one side has said and the other has not yet
 * @from:	The first of them that counts
 * @who:	Whose they are
 * @equal:	Bytes that were the same
 */
struct compare {
	size_t limit;
	struct compare_pool *pool;
	size_t counted;
	struct obuf ahead;
	size_t from;
	enum compare_side who;
	uint64_t equal;
	bool different;
	bool unknown;
};

/** compare_init() - Nothing was said; @pool outlives it. */
void compare_init(struct compare *c, size_t limit, struct compare_pool *pool);

/** compare_done() - Release what is kept. */
void compare_done(struct compare *c);

/** compare_add() - @side says @len more bytes. */
void compare_add(
    struct compare *c, enum compare_side side, const uint8_t *data, size_t len);

/** compare_lost() - Bytes are missing: nothing can be said any more. */
void compare_lost(struct compare *c);

/** compare_verdict() - Both have ended, here. */
enum compare_verdict compare_verdict(const struct compare *c);

#endif /* SINK_COMPARE_H */
