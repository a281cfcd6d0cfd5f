#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * history.h - what was delivered lately, to compare repetitions with.
 *
 * One circular log for all the streams of a worker, of a fixed size: whoever
 * talks most remembers most, and a million silent streams cost nothing.
 *
 *	  ... | A 0+1400 | B 700+20 | A 1400+1400 | B 720+5 | ...
 *	           ^------- prev --------'   ^         head ^
 *	                            trail of A
 *
 * Each entry leads to the one before it of the same stream; the stream keeps
 * the position of its last one, its trail.  Positions grow for ever, 64 bits
 * wide, so whether an entry has been overwritten is a comparison; and since a
 * new stream's trail leads nowhere, it never meets what another one left.
 *
 * Adding costs one copy.  Searching goes back step by step, HISTORY_STEPS at
 * most, since each may cost a cache miss, and an attacker could ask for the
 * oldest bytes with each segment.  A stream that has the log to itself makes
 * few and large entries, so the steps reach over all of it; where
 * many take turns they reach over 64 segments, about what is in flight when a
 * retransmission comes.  What is out of reach is as good as forgotten.
 */

#define HISTORY_STEPS 64

/** A trail that leads nowhere. */
#define HISTORY_NOTHING UINT64_C(0)

/** struct history - Such a log; private */
struct history {
	uint8_t *log;
	size_t size;
	uint64_t head;
};

/** struct history_piece - Bytes remembered; valid until something is added */
struct history_piece {
	uint64_t off;
	const uint8_t *data;
	size_t len;
};

/**
 * history_init() - Make a log that has nothing in it
 * @size:	Bytes, allocated with the first addition; 0: remember nothing.
 *		Without memory nothing is remembered either.
 */
void history_init(struct history *h, size_t size);

/** history_done() - Release it. */
void history_done(struct history *h);

/**
 * history_add() - Remember bytes of a stream
 * @trail:	What the last addition of this stream returned, or
 *		HISTORY_NOTHING
 * @off:	Not below the end of that addition
 * @data:	Copied.  Of what is larger than a quarter of the log, only the
 *		end is: the rest would drive all others out
 *
 * Return: the stream's new trail
 */
uint64_t history_add(struct history *h, uint64_t trail, uint64_t off,
    const uint8_t *data, size_t len);

/** struct history_range - What is asked for: @len bytes from @off */
struct history_range {
	uint64_t off;
	size_t len;
};

/**
 * history_find() - What is known of a part of a stream
 * @out:	The pieces known, cut to @range, by ascending offset
 *
 * Return: how many pieces
 */
size_t history_find(const struct history *h, uint64_t trail,
    const struct history_range *range, struct history_piece out[HISTORY_STEPS]);

#endif /* CORE_HISTORY_H */
