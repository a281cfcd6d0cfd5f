#ifndef CORE_REASM_BACKLOG_H
#define CORE_REASM_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "core/reasm.h"

/*
 * reasm_backlog.h - what a direction has that is not in order.
 *
 * Of a million directions nearly all have none of it, so it is no part of
 * struct reasm: it is taken from the pool when the first piece waits, the
 * first hole is waited for or given up, and goes back when there is nothing
 * of these any more.
 *
 * Bound: one for each direction that has a reason, so two for each session,
 * and REASM_BACKLOG_SPARE that nobody has.
 *
 * Private to core/reasm*.c and its tests.
 */

struct hold_piece;
struct late;

/*
 * Most that are kept for the next who needs one: enough for the holes that
 * come and go with every burst of packets, and an eighth of a MiB.
 */
#define REASM_BACKLOG_SPARE 1024

/**
 * struct reasm_backlog - One direction's
 * @r:		The direction
 * @acked:	Offset up to which the other side has acknowledged; not beyond
 *		the next offset if it is waited for nothing
 * @hole_acked:	Offset up to which the other side had acknowledged at @hole_ns
 * @hole_ns:	When the first hole was found to be acknowledged; valid while
 *		@wait is on the pool's list
 * @wait:	Among the directions whose hole waits for @hold_ns
 * @held:	Root of the pieces held; NULL: none
 * @cut:	Root of the marks for bytes beyond @r->next_seq that were sent
 *		but cut off; they may overlap pieces held
 * @held_bytes:	What all of them cost
 * @other_bytes: ... of which: copies kept for conflict events
 * @by_held:	Place in the pool's order of who holds how much
 * @late:	Holes that were given up lately; NULL: none
 * @forced:	On the list of @wait to be told of: the pool's budget took a
 *		hole
 */
struct reasm_backlog {
	struct reasm *r;
	uint64_t acked;
	uint64_t hole_acked;
	uint64_t hole_ns;
	struct list wait;
	struct hold_piece *held;
	struct hold_piece *cut;
	size_t held_bytes;
	size_t other_bytes;
	struct list by_held;
	struct late *late;
	bool forced;
};

/**
 * reasm_backlog_make() - That of @r, or a new one
 *
 * Return: NULL: ENOMEM
 */
struct reasm_backlog *reasm_backlog_make(
    struct reasm_pool *p, struct reasm *r) ATTR_WUNRES;

/** reasm_backlog_leave() - Give back that of @r if there is nothing in it. */
void reasm_backlog_leave(struct reasm_pool *p, struct reasm *r);

/** reasm_backlog_done() - Free those that nobody has. */
void reasm_backlog_done(struct reasm_pool *p);

/** reasm_backlog_is_held() - Is anything held or marked? */
bool reasm_backlog_is_held(const struct reasm *r);

/** reasm_backlog_bytes() - What the pieces and marks of @r cost. */
static inline size_t
reasm_backlog_bytes(const struct reasm *r)
{
	return r->backlog != NULL ? r->backlog->held_bytes : 0;
}

/** reasm_backlog_others() - ... of which: copies kept for conflict events. */
static inline size_t
reasm_backlog_others(const struct reasm *r)
{
	return r->backlog != NULL ? r->backlog->other_bytes : 0;
}

/** reasm_backlog_held() - Root of the pieces held; NULL: none. */
static inline struct hold_piece *
reasm_backlog_held(const struct reasm *r)
{
	return r->backlog != NULL ? r->backlog->held : NULL;
}

/** reasm_backlog_cut() - Root of the marks; NULL: none. */
static inline struct hold_piece *
reasm_backlog_cut(const struct reasm *r)
{
	return r->backlog != NULL ? r->backlog->cut : NULL;
}

/** reasm_backlog_waits() - Is a hole of @r waited for? */
static inline bool
reasm_backlog_waits(const struct reasm *r)
{
	return r->backlog != NULL && !list_is_empty(&r->backlog->wait);
}

#endif /* CORE_REASM_BACKLOG_H */
