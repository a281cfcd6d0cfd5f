#ifndef CORE_REASM_POOL_H
#define CORE_REASM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "core/dir.h"
#include "core/history.h"
#include "core/reasm.h"
#include "core/tally.h"

/*
 * reasm_pool.h - the budget of held bytes, and who holds how much of it.
 *
 * Who holds most is known to within a factor of two, in constant time:
 * level[i] lists the directions whose pieces and marks cost between 2^i and
 * 2^(i+1) bytes.
 *
 * Private to core/reasm*.c.
 */

struct hold_piece;

#define REASM_POOL_NLEVELS 64

/**
 * struct reasm_pool - See reasm.h
 * @now_ns:	Latest packet time seen: never goes back
 * @wait:	Directions whose holes wait, by ascending hole_ns
 * @held_bytes:	What all directions hold
 * @levels:	Bit i: @level[i] is not empty
 * @spare:	Backlogs that nobody has, by their @wait
 * @nspare:	How many
 */
struct reasm_pool {
	struct reasm_opts o;
	struct payload_count payload[DIR_NDIRS];
	struct history history;
	uint64_t now_ns;
	struct list wait;
	size_t held_bytes;
	uint64_t levels;
	struct list level[REASM_POOL_NLEVELS];
	struct list spare;
	size_t nspare;
};

/**
 * reasm_pool_charge() - @r holds @more bytes than before; may be negative
 *
 * It has a backlog.
 */
void reasm_pool_charge(struct reasm_pool *p, struct reasm *r, ptrdiff_t more);

/** reasm_pool_richest() - Who holds most, or at least half as much; or NULL */
struct reasm *reasm_pool_richest(const struct reasm_pool *p);

/** reasm_pool_has_own_room() - Do @cost bytes more fit into @r's budget? */
bool reasm_pool_has_own_room(
    const struct reasm_pool *p, const struct reasm *r, size_t cost);

/** reasm_pool_has_room() - ... and into that of all? */
bool reasm_pool_has_room(
    const struct reasm_pool *p, const struct reasm *r, size_t cost);

/** reasm_pool_insert() - Put a piece into one of @r's trees and charge it. */
void reasm_pool_insert(struct reasm_pool *p, struct reasm *r,
    struct hold_piece **root, struct hold_piece *piece);

/** reasm_pool_take_out() - The way back. */
void reasm_pool_take_out(struct reasm_pool *p, struct reasm *r,
    struct hold_piece **root, struct hold_piece *piece);

#endif /* CORE_REASM_POOL_H */
