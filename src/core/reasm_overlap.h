#ifndef CORE_REASM_OVERLAP_H
#define CORE_REASM_OVERLAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hold.h"

/*
 * reasm_overlap.h - bytes that were sent twice: which copy wins, and the
 * events that tell of the other.
 *
 * Private to core/reasm*.c.
 */

struct conflict;
struct reasm;
struct reasm_pool;

/**
 * struct reasm_part - What is left to do of a segment's payload
 * @ts_ns:	Time of its packet
 * @off, @end:	Stream offsets; @off moves on as it is done
 * @data:	The byte at @off
 * @edges:	Of the segment as it was sent
 * @is_new:	Some of it had not been seen before
 * @npieces:	Pieces held that it has met or made
 */
struct reasm_part {
	uint64_t ts_ns;
	uint64_t off;
	uint64_t end;
	const uint8_t *data;
	struct hold_edges edges;
	bool is_new;
	unsigned npieces;
};

/**
 * reasm_overlap_contest() - A segment brings bytes that are held already
 * @part:	Its offset lies in @piece; moves on to where the overlap ends
 * @piece:	Of @r's held; holds the copy that has won
 *
 * Counts the bytes of the copy that lost.  What it kept them for is told by
 * reasm_overlap_tell_others().
 */
void reasm_overlap_contest(struct reasm_pool *p, struct reasm *r,
    struct reasm_part *part, struct hold_piece *piece);

/** reasm_overlap_differing() - How many bytes of two copies differ. */
size_t reasm_overlap_differing(const uint8_t *a, const uint8_t *b, size_t len);

/**
 * reasm_overlap_tell() - Tell of a conflict, in as many events as it needs
 * @all:	The whole overlap; @dir is filled in
 */
void reasm_overlap_tell(const struct reasm *r, const struct conflict *all);

/**
 * reasm_overlap_tell_others() - ... of those that lost against @piece
 *
 * Its bytes have just been delivered.
 */
void reasm_overlap_tell_others(
    const struct reasm *r, const struct hold_piece *piece, uint64_t ts_ns);

#endif /* CORE_REASM_OVERLAP_H */
