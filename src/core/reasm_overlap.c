#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/reasm_backlog.h"
#include "core/reasm_overlap.h"
#include "core/reasm_pool.h"
#include "core/session.h"

/* Per conflict event: two copies of this must fit into any record. */
#define CONFLICT_MAX ((size_t)4 << 10)

/*
 * Cost of what a direction keeps to tell of conflicts between held copies: an
 * attacker sends as many as there is budget, and a dozen large events or a
 * thousand small ones show what he does.  The rest is counted only.
 */
#define OTHER_MAX ((size_t)64 << 10)

/* Where the bytes of two copies differ. */
struct difference {
	size_t first; /* index of the first */
	size_t last;  /* of the last */
	size_t n;     /* how many; 0: none */
};

static struct difference
compare(const uint8_t *a, const uint8_t *b, size_t len)
{
	struct difference d = { 0, 0, 0 };

	if (memcmp(a, b, len) == 0)
		return d;
	for (size_t i = 0; i < len; i++) {
		if (a[i] == b[i])
			continue;
		if (d.n++ == 0)
			d.first = i;
		d.last = i;
	}
	return d;
}

size_t
reasm_overlap_differing(const uint8_t *a, const uint8_t *b, size_t len)
{
	return compare(a, b, len).n;
}

/* An event per CONFLICT_MAX bytes, from the first that differs to the last. */
void
reasm_overlap_tell(const struct reasm *r, const struct conflict *all)
{
	for (size_t at = 0; at < all->len; at += CONFLICT_MAX) {
		size_t left = all->len - at;
		struct difference d = compare(all->kept + at, all->other + at,
		    left < CONFLICT_MAX ? left : CONFLICT_MAX);
		struct conflict c = {
			.dir = (enum dir)r->dir,
			.off = all->off + at + d.first,
			.ts_ns = all->ts_ns,
			.kept = all->kept + at + d.first,
			.other = all->other + at + d.first,
			.len = d.last - d.first + 1,
		};

		if (d.n > 0)
			session_conflict(r->s, &c);
	}
}

void
reasm_overlap_tell_others(
    const struct reasm *r, const struct hold_piece *piece, uint64_t ts_ns)
{
	const struct hold_other *o = piece->others;

	if (o == NULL)
		return;
	do {
		struct conflict c = { .ts_ns = ts_ns };

		o = o->next;
		c.off = o->off;
		c.kept = piece->data + (o->off - piece->off);
		c.other = o->data;
		c.len = o->len;
		reasm_overlap_tell(r, &c);
	} while (o != piece->others);
}

/*
 * Overlaps of bytes that are both held.  The rules are those that Suricata
 * applies under these names (stream-tcp-list.c there), after J. Novak and
 * S. Sturges, "Target-Based TCP Stream Reassembly", 2007.  Each looks at
 * where the two segments began and ended when they were sent:
 *
 *	first		the copy that came first
 *	last		the copy that came last
 *	bsd, windows	the copy that came first, unless the new segment
 *			begins before the old one
 *	linux		likewise, and also unless both begin at the same byte
 *			and the new one ends beyond the old one
 *
 * The old one is here, byte by byte, the segment whose copy is held.
 */
static bool
reasm_overlap_keeps_new(enum reasm_overlap rule, const struct hold_edges *later,
    const struct hold_edges *held)
{
	switch (rule) {
	case REASM_FIRST:
		break;
	case REASM_LAST:
		return true;
	case REASM_LINUX:
		return later->off < held->off ||
		       (later->off == held->off && later->end > held->end);
	case REASM_WINDOWS:
	case REASM_BSD:
		return later->off < held->off;
	}
	return false;
}

/* Keep the copy that lost, for the event that tells of it. */
static void
keep_other(struct reasm_pool *p, struct reasm *r, struct hold_piece *piece,
    const struct history_piece *lost, const uint8_t *kept)
{
	for (size_t at = 0; at < lost->len; at += CONFLICT_MAX) {
		size_t left = lost->len - at;
		struct difference d = compare(lost->data + at, kept + at,
		    left < CONFLICT_MAX ? left : CONFLICT_MAX);
		uint32_t len = (uint32_t)(d.last - d.first + 1);
		size_t cost = hold_cost_other(len);

		if (d.n == 0)
			continue;
		/* No hole is given up for it: it is but a report. */
		if (!reasm_pool_has_room(p, r, cost) ||
		    r->backlog->other_bytes + cost > OTHER_MAX)
			return;
		if (hold_add_other(piece, lost->off + at + d.first,
			lost->data + at + d.first, len) != 0)
			return;
		r->backlog->other_bytes += cost;
		reasm_pool_charge(p, r, (ptrdiff_t)cost);
	}
}

/*
 * Part the bytes of @piece from @off on from it: they stay another segment's.
 * Without room for that they go along with the new owner of the others: only
 * a third copy of the same bytes could tell.
 */
static void
part_from(struct reasm_pool *p, struct reasm *r, struct hold_piece *piece,
    uint64_t off)
{
	size_t before = hold_cost(piece);
	uint32_t other_before = piece->other_cost;
	uint32_t len = (uint32_t)(hold_end(piece) - off);
	const struct hold_piece *second;

	/* At worst all its others are divided, too. */
	if (!reasm_pool_has_room(
		p, r, hold_cost_new(len) + (size_t)2 * other_before))
		return;
	second = hold_split(&r->backlog->held, piece, off);
	if (second == NULL)
		return;
	r->backlog->other_bytes +=
	    piece->other_cost + second->other_cost - other_before;
	reasm_pool_charge(p, r,
	    (ptrdiff_t)(hold_cost(piece) + hold_cost(second)) -
		(ptrdiff_t)before);
}

void
reasm_overlap_contest(struct reasm_pool *p, struct reasm *r,
    struct reasm_part *part, struct hold_piece *piece)
{
	uint64_t upto =
	    part->end < hold_end(piece) ? part->end : hold_end(piece);
	size_t len = (size_t)(upto - part->off);
	uint8_t *old = piece->data + (part->off - piece->off);
	size_t differing = compare(old, part->data, len).n;
	bool keeps_new =
	    reasm_overlap_keeps_new(p->o.overlap, &part->edges, &piece->edges);
	struct history_piece lost = { .off = part->off, .len = len };

	count_add(&p->payload[r->dir].differing, differing);
	count_add(&p->payload[r->dir].duplicate, len - differing);
	lost.data = keeps_new ? old : part->data;
	if (differing > 0)
		keep_other(p, r, piece, &lost, keeps_new ? part->data : old);
	if (keeps_new) {
		memcpy(old, part->data, len);
		if (upto < hold_end(piece) && p->o.overlap != REASM_LAST)
			part_from(p, r, piece, upto);
		piece->edges = part->edges;
	}
	part->off = upto;
	part->data += len;
}

int
reasm_overlap_parse(const char *text, enum reasm_overlap *o)
{
	static const char *const name[] = {
		[REASM_FIRST] = "first",
		[REASM_LAST] = "last",
		[REASM_LINUX] = "linux",
		[REASM_WINDOWS] = "windows",
		[REASM_BSD] = "bsd",
	};
	static_assert(
	    ATTR_COUNT(name) == REASM_NOVERLAPS, "a name per overlap rule");

	for (unsigned i = 0; i < ATTR_COUNT(name); i++) {
		if (strcmp(text, name[i]) == 0) {
			*o = (enum reasm_overlap)i;
			return 0;
		}
	}
	return -EINVAL;
}
