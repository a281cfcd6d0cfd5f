#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/history.h"
#include "core/hold.h"
#include "core/late.h"
#include "core/reasm.h"
#include "core/reasm_backlog.h"
#include "core/reasm_overlap.h"
#include "core/reasm_pool.h"
#include "core/session.h"

/*
 * How it works.  A segment is taken apart from its first byte on:
 *
 *	below the next offset	late, a duplicate, or it differs: classify()
 *	at the next offset	delivered, in turn with pieces held
 *	beyond it		compared with the pieces held there, and what
 *				fills holes between them is held too
 *
 * Between calls neither a piece held nor a mark begins at the next offset or
 * below: run() delivers what follows as soon as the next offset moves.  So
 * "something is held" and "there is a hole before it" are the same, and to
 * give up the first hole always makes progress.
 *
 * Each captured byte is counted once as received and then moves: held may
 * become delivered, duplicate, differing or strays; nothing else moves.
 *
 * Waiting.  A direction is on the pool's list while its other side has
 * acknowledged bytes beyond the next offset: those are lost, or come still
 * (taps often show the acknowledgement first).  All that was acknowledged when
 * it came onto the list is given up hold_ns later.  If the acknowledged part
 * reaches further by then, it comes onto the list anew: each hole is waited
 * for at least hold_ns from its acknowledgement, and at most twice as long,
 * however many there are.  Times only grow, so the list is in order.
 *
 * Budgets (reasm_pool.h).  Room is made before a piece is made, so they are
 * never exceeded.  No memory is the same as no room.
 */

/* Pieces longer than this are cut: sinks size their buffers for such. */
#define PIECE_MAX ((uint32_t)64 << 10)

/* What a segment can cover at most: the largest window (RFC 7323, 2.3). */
#define WIRE_MAX ((uint32_t)1 << 30)

void
reasm_init(struct reasm *r, struct session *s, enum dir dir)
{
	*r = (struct reasm){
		.s = s,
		.dir = (uint8_t)dir,
		.trail = HISTORY_NOTHING,
	};
}

static void
stop_waiting(struct reasm_backlog *b)
{
	list_remove(&b->wait);
	b->forced = false;
}

void
reasm_done(struct reasm_pool *p, struct reasm *r)
{
	struct reasm_backlog *b;

	reasm_discard(p, r);
	b = r->backlog;
	if (b == NULL)
		return;
	stop_waiting(b);
	free(b->late);
	b->late = NULL;
	reasm_backlog_leave(p, r);
}

static uint64_t
next_off(const struct reasm *r)
{
	return r->s->off[r->dir];
}

static bool
has_ended(const struct reasm *r)
{
	return r->s->ended[r->dir];
}

static const struct late *
late_of(const struct reasm *r)
{
	return r->backlog != NULL ? r->backlog->late : NULL;
}

void
reasm_start(struct reasm *r, uint32_t seq)
{
	assert(!r->started);
	r->started = true;
	r->next_seq = seq + (uint32_t)next_off(r);
}

int64_t
reasm_offset(const struct reasm *r, uint32_t seq)
{
	assert(r->started);
	return (int64_t)next_off(r) + (int32_t)(seq - r->next_seq);
}

static void
see_time(struct reasm_pool *p, uint64_t ts_ns)
{
	if (ts_ns > p->now_ns)
		p->now_ns = ts_ns;
}

static void
count_held(struct reasm_pool *p, const struct reasm *r, uint64_t more)
{
	count_add(&p->payload[r->dir].held, more);
}

static void
count_not_held(struct reasm_pool *p, const struct reasm *r, uint64_t less)
{
	count_add(&p->payload[r->dir].held, 0 - less);
}

/* --- Waiting for acknowledged holes --- */

/* After the next offset or the acknowledged one has moved. */
static void
settle(struct reasm_pool *p, struct reasm *r)
{
	struct reasm_backlog *b = r->backlog;

	if (b == NULL)
		return;
	if (reasm_backlog_waits(r)) {
		if (b->forced || next_off(r) < b->hole_acked)
			return;
		list_remove(&b->wait);
	}
	if (next_off(r) >= b->acked)
		return;
	b->hole_acked = b->acked;
	b->hole_ns = p->now_ns;
	list_append(&p->wait, &b->wait);
}

/* Let the next tick tell the connection of @r that it has moved on. */
static void
force(struct reasm_pool *p, struct reasm *r)
{
	struct reasm_backlog *b = r->backlog;

	list_remove(&b->wait);
	/* Before the first, that is, at the end of the ring it begins. */
	list_append(p->wait.next, &b->wait);
	b->forced = true;
}

/* --- Delivering --- */

static void
deliver(struct reasm_pool *p, struct reasm *r, uint64_t ts_ns,
    const uint8_t *data, size_t len)
{
	struct chunk c = {
		.dir = (enum dir)r->dir,
		.off = next_off(r),
		.ts_ns = ts_ns,
		.data = data,
		.len = len,
	};

	session_data(r->s, &c);
	r->next_seq += (uint32_t)len;
	r->trail = history_add(&p->history, r->trail, c.off, data, len);
}

static void
deliver_piece(struct reasm_pool *p, struct reasm *r, uint64_t ts_ns,
    struct hold_piece *piece)
{
	reasm_pool_take_out(p, r, &r->backlog->held, piece);
	count_not_held(p, r, piece->len);
	deliver(p, r, ts_ns, piece->data, piece->len);
	reasm_overlap_tell_others(r, piece, ts_ns);
	hold_piece_free(piece);
}

static void
declare(struct reasm_pool *p, struct reasm *r, uint64_t ts_ns, uint64_t upto,
    enum gap_why why)
{
	struct reasm_backlog *b;
	struct gap g = {
		.dir = (enum dir)r->dir,
		.off = next_off(r),
		.ts_ns = ts_ns,
		.len = upto - next_off(r),
		.why = why,
	};

	session_gap(r->s, &g);
	r->next_seq += (uint32_t)g.len;
	b = reasm_backlog_make(p, r);
	/* Without memory nothing is known of it, as in late_add(). */
	if (b != NULL)
		late_add(&b->late, g.off, upto);
}

/* Drop the marks below the next offset; the first beyond, or across, it. */
static struct hold_piece *
first_mark(struct reasm_pool *p, struct reasm *r)
{
	struct hold_piece *mark;

	while ((mark = hold_first(reasm_backlog_cut(r))) != NULL &&
	       hold_end(mark) <= next_off(r)) {
		reasm_pool_take_out(p, r, &r->backlog->cut, mark);
		hold_piece_free(mark);
	}
	return mark;
}

/* Deliver what follows without a hole; bytes known to be cut are no hole. */
static void
run(struct reasm_pool *p, struct reasm *r, uint64_t ts_ns)
{
	while (reasm_backlog_is_held(r)) {
		struct hold_piece *piece = hold_first(reasm_backlog_held(r));
		const struct hold_piece *mark;
		uint64_t end;

		if (piece != NULL && piece->off == next_off(r)) {
			deliver_piece(p, r, ts_ns, piece);
			continue;
		}
		assert(piece == NULL || piece->off > next_off(r));
		mark = first_mark(p, r);
		if (mark == NULL || mark->off > next_off(r))
			return;
		end = hold_end(mark);
		if (piece != NULL && piece->off < end)
			end = piece->off;
		declare(p, r, ts_ns, end, GAP_SNAPLEN);
	}
}

/* Give up the first hole as far as it reaches, but not beyond @limit. */
static void
give_up(struct reasm_pool *p, struct reasm *r, uint64_t limit,
    const struct gap *how)
{
	const struct hold_piece *piece = hold_first(reasm_backlog_held(r));
	const struct hold_piece *mark = hold_first(reasm_backlog_cut(r));
	uint64_t end = limit;

	if (piece != NULL && piece->off < end)
		end = piece->off;
	if (mark != NULL && mark->off < end)
		end = mark->off;
	declare(p, r, how->ts_ns, end, how->why);
	run(p, r, how->ts_ns);
}

/* --- Holding --- */

/* Let another direction pay for what @r is to hold; false: there is none. */
static bool
take_from_richest(struct reasm_pool *p, const struct reasm *r, uint64_t ts_ns)
{
	const struct gap how = { .ts_ns = ts_ns, .why = GAP_BUDGET };
	struct reasm *rich = reasm_pool_richest(p);

	if (rich == NULL || rich == r)
		return false;
	/* What a connection should have discarded when it ended. */
	if (has_ended(rich)) {
		reasm_discard(p, rich);
		return true;
	}
	give_up(p, rich, UINT64_MAX, &how);
	force(p, rich);
	return true;
}

/*
 * Give up holes until there is room for @cost, at most those before @off.
 * Return: there is; else the next offset is @off or beyond it.
 */
static bool
make_room(struct reasm_pool *p, struct reasm *r, size_t cost, uint64_t off,
    uint64_t ts_ns)
{
	const struct gap how = { .ts_ns = ts_ns, .why = GAP_BUDGET };

	while (next_off(r) < off) {
		if (reasm_pool_has_room(p, r, cost))
			return true;
		if (!reasm_pool_has_own_room(p, r, cost) ||
		    cost > p->o.hold_total || !take_from_richest(p, r, ts_ns))
			give_up(p, r, off, &how);
	}
	return false;
}

/* Hold @part's bytes up to @upto: there is a hole, and one before it. */
static void
hold(struct reasm_pool *p, struct reasm *r, struct reasm_part *part,
    uint64_t upto)
{
	const struct gap how = { .ts_ns = part->ts_ns, .why = GAP_BUDGET };
	uint64_t left = upto - part->off;
	uint32_t len = left < PIECE_MAX ? (uint32_t)left : PIECE_MAX;
	struct hold_piece *piece = NULL;

	if (!make_room(p, r, hold_cost_new(len), part->off, part->ts_ns))
		return;
	if (reasm_backlog_make(p, r) != NULL)
		piece = hold_piece_new(part->off, part->data, len);
	if (piece == NULL) {
		while (next_off(r) < part->off)
			give_up(p, r, part->off, &how);
		return;
	}
	piece->edges = part->edges;
	reasm_pool_insert(p, r, &r->backlog->held, piece);
	count_held(p, r, len);
	part->is_new = true;
	part->off += len;
	part->data += len;
}

/* --- A segment --- */

/* Bytes delivered before, by what came in their place then. */
static void
recall(struct reasm_pool *p, struct reasm *r, const struct reasm_part *part,
    uint64_t upto)
{
	struct history_piece known[HISTORY_STEPS];
	const struct history_range range = { part->off,
		(size_t)(upto - part->off) };
	size_t n = history_find(&p->history, r->trail, &range, known);
	size_t differing = 0;

	for (size_t i = 0; i < n; i++) {
		struct conflict c = {
			.off = known[i].off,
			.ts_ns = part->ts_ns,
			.kept = known[i].data,
			.other = part->data + (known[i].off - part->off),
			.len = known[i].len,
		};
		size_t differ = reasm_overlap_differing(c.kept, c.other, c.len);

		differing += differ;
		if (differ > 0)
			reasm_overlap_tell(r, &c);
	}
	count_add(&p->payload[r->dir].differing, differing);
	count_add(&p->payload[r->dir].duplicate, range.len - differing);
}

/* What lies below the next offset has been delivered or given up before. */
static void
classify(struct reasm_pool *p, struct reasm *r, struct reasm_part *part)
{
	uint64_t end = part->end < next_off(r) ? part->end : next_off(r);

	while (part->off < end) {
		const struct late_range *gone =
		    late_next(late_of(r), part->off);
		uint64_t upto = end;

		if (gone != NULL && gone->off <= part->off) {
			upto = gone->end < end ? gone->end : end;
			count_add(&p->payload[r->dir].late, upto - part->off);
		} else {
			if (gone != NULL && gone->off < end)
				upto = gone->off;
			recall(p, r, part, upto);
		}
		part->data += upto - part->off;
		part->off = upto;
	}
}

/* From the next offset on: up to the first piece held, or that piece. */
static void
proceed(struct reasm_pool *p, struct reasm *r, struct reasm_part *part)
{
	struct hold_piece *piece = hold_first(reasm_backlog_held(r));
	uint64_t upto = part->end;

	if (piece != NULL && piece->off == part->off) {
		reasm_overlap_contest(p, r, part, piece);
		deliver_piece(p, r, part->ts_ns, piece);
		return;
	}
	if (piece != NULL && piece->off < upto)
		upto = piece->off;
	deliver(p, r, part->ts_ns, part->data, (size_t)(upto - part->off));
	part->is_new = true;
	part->data += upto - part->off;
	part->off = upto;
}

/* Beyond the next offset: up to the first piece held there, or with it. */
static void
set_aside(struct reasm_pool *p, struct reasm *r, struct reasm_part *part)
{
	struct hold_piece *piece = hold_find(reasm_backlog_held(r), part->off);
	uint64_t upto = part->end;

	part->npieces++;
	if (piece != NULL && piece->off <= part->off) {
		reasm_overlap_contest(p, r, part, piece);
		return;
	}
	if (piece != NULL && piece->off < upto)
		upto = piece->off;
	hold(p, r, part, upto);
}

static bool
may_join(const struct reasm_pool *p, const struct hold_piece *a,
    const struct hold_piece *b)
{
	/* The segment has filled the holes between them. */
	assert(hold_end(a) == b->off);
	/* Whose segment a byte came in is of no interest to these. */
	return p->o.overlap == REASM_FIRST || p->o.overlap == REASM_LAST ||
	       (a->edges.off == b->edges.off && a->edges.end == b->edges.end);
}

/*
 * Make few pieces out of many that a segment has covered.  Else whoever sends
 * a thousand single bytes makes every later segment over them cost as much as
 * a thousand; so he pays for each of them once.  The bytes copied are the
 * segment's, and what is held becomes less.
 */
static void
join(struct reasm_pool *p, struct reasm *r, uint64_t off, uint64_t end)
{
	struct hold_piece *piece = hold_find(reasm_backlog_held(r), off);

	if (piece != NULL && piece->off < off)
		piece = hold_next(piece);
	while (piece != NULL && hold_end(piece) <= end) {
		struct hold_piece *first = piece;
		const struct hold_piece *last;
		size_t cost = 0;
		uint32_t len = 0;

		do {
			last = piece;
			len += piece->len;
			cost += hold_cost(piece);
			piece = hold_next(piece);
		} while (piece != NULL && hold_end(piece) <= end &&
			 may_join(p, last, piece) &&
			 piece->len <= PIECE_MAX - len);
		if (last == first)
			continue;
		first = hold_join(&r->backlog->held, first, piece, len);
		if (first != NULL)
			reasm_pool_charge(p, r,
			    (ptrdiff_t)hold_cost(first) - (ptrdiff_t)cost);
	}
}

static void
place(struct reasm_pool *p, struct reasm *r, struct reasm_part *part)
{
	while (part->off < part->end) {
		if (part->off < next_off(r))
			classify(p, r, part);
		else if (part->off == next_off(r))
			proceed(p, r, part);
		else
			set_aside(p, r, part);
	}
	if (part->npieces > 1)
		join(p, r, part->edges.off, part->end);
	run(p, r, part->ts_ns);
}

/* Swallow the marks that touch the range from *@off to *@end. */
static void
join_marks(struct reasm_pool *p, struct reasm *r, uint64_t *off, uint64_t *end)
{
	struct hold_piece *mark;

	while ((mark = hold_find(
		    reasm_backlog_cut(r), *off > 0 ? *off - 1 : 0)) != NULL &&
	       mark->off <= *end) {
		if (mark->off < *off)
			*off = mark->off;
		if (hold_end(mark) > *end)
			*end = hold_end(mark);
		reasm_pool_take_out(p, r, &r->backlog->cut, mark);
		hold_piece_free(mark);
	}
}

/* Bytes up to @end were sent behind those of @part, but not captured. */
static void
mark_cut(struct reasm_pool *p, struct reasm *r, struct reasm_part *part,
    uint64_t end)
{
	const struct gap how = { .ts_ns = part->ts_ns, .why = GAP_SNAPLEN };
	uint64_t off = part->end;
	struct hold_piece *mark = hold_find(reasm_backlog_cut(r), off);

	if (mark != NULL && mark->off <= off && hold_end(mark) >= end)
		return;
	/* Once more after holes were given up to make room. */
	do {
		while (off <= next_off(r) && next_off(r) < end) {
			give_up(p, r, end, &how);
			part->is_new = true;
		}
		if (next_off(r) >= end)
			return;
	} while (!make_room(p, r, hold_cost_new(0), off, part->ts_ns));
	part->is_new = true;
	join_marks(p, r, &off, &end);
	/* Without memory it is a hole like others. */
	if (reasm_backlog_make(p, r) == NULL)
		return;
	mark = hold_piece_new(off, NULL, (uint32_t)(end - off));
	if (mark != NULL)
		reasm_pool_insert(p, r, &r->backlog->cut, mark);
}

/*
 * What a segment brings to the stream, whatever lies before that cut off.
 * Return: where it ended when it was sent; 0: it brings nothing
 */
static uint64_t
trim(struct reasm_pool *p, const struct reasm *r,
    const struct reasm_piece *piece, struct reasm_part *part)
{
	int64_t off = reasm_offset(r, piece->seq);
	uint32_t wire_len =
	    piece->wire_len < WIRE_MAX ? piece->wire_len : WIRE_MAX;
	int64_t end = off + (wire_len > piece->len ? wire_len : piece->len);
	uint32_t before = 0;

	if (off < 0)
		before = -off < piece->len ? (uint32_t)-off : piece->len;
	if (has_ended(r) || end <= 0)
		before = piece->len;
	count_add(&p->payload[r->dir].strays, before);
	if (has_ended(r) || end <= 0)
		return 0;
	part->ts_ns = piece->ts_ns;
	part->off = off < 0 ? 0 : (uint64_t)off;
	part->end = part->off + (piece->len - before);
	part->data = piece->data + before;
	part->edges = (struct hold_edges){ part->off, (uint64_t)end };
	return (uint64_t)end;
}

enum reasm_result
reasm_segment(
    struct reasm_pool *p, struct reasm *r, const struct reasm_piece *piece)
{
	struct reasm_part part = { .is_new = false };
	uint64_t end;

	see_time(p, piece->ts_ns);
	count_add(&p->payload[r->dir].received, piece->len);
	end = trim(p, r, piece, &part);
	if (end == 0)
		return REASM_SEEN;
	place(p, r, &part);
	if (end > part.end)
		mark_cut(p, r, &part, end);
	settle(p, r);
	reasm_backlog_leave(p, r);
	return part.is_new ? REASM_NEW : REASM_SEEN;
}

/* --- Acknowledgements, time, the end --- */

void
reasm_ack(struct reasm_pool *p, struct reasm *r, uint32_t seq, uint64_t ts_ns)
{
	int64_t off = reasm_offset(r, seq);
	struct reasm_backlog *b;

	see_time(p, ts_ns);
	if (off <= (int64_t)next_off(r) || has_ended(r))
		return;
	b = reasm_backlog_make(p, r);
	/* Without memory the next one tells, or the end. */
	if (b == NULL || (uint64_t)off <= b->acked)
		return;
	b->acked = (uint64_t)off;
	settle(p, r);
}

void
reasm_flush(struct reasm_pool *p, struct reasm *r, uint64_t upto,
    uint64_t ts_ns, enum gap_why why)
{
	const struct gap how = { .ts_ns = ts_ns, .why = why };

	if (has_ended(r)) {
		reasm_discard(p, r);
		return;
	}
	while (reasm_backlog_is_held(r))
		give_up(p, r, UINT64_MAX, &how);
	if (upto > next_off(r))
		declare(p, r, ts_ns, upto, why);
	settle(p, r);
	reasm_backlog_leave(p, r);
}

void
reasm_discard(struct reasm_pool *p, struct reasm *r)
{
	struct hold_piece *piece;

	while ((piece = hold_first(reasm_backlog_held(r))) != NULL) {
		reasm_pool_take_out(p, r, &r->backlog->held, piece);
		count_not_held(p, r, piece->len);
		count_add(&p->payload[r->dir].strays, piece->len);
		hold_piece_free(piece);
	}
	while ((piece = hold_first(reasm_backlog_cut(r))) != NULL) {
		reasm_pool_take_out(p, r, &r->backlog->cut, piece);
		hold_piece_free(piece);
	}
	reasm_backlog_leave(p, r);
}

/* The time of @r, the first on the list, has come. */
static void
expire(struct reasm_pool *p, struct reasm_backlog *b)
{
	const struct gap how = { .ts_ns = p->now_ns, .why = GAP_LOST };
	struct reasm *r = b->r;
	bool forced = b->forced;

	stop_waiting(b);
	if (!has_ended(r)) {
		while (!forced && next_off(r) < b->hole_acked)
			give_up(p, r, b->hole_acked, &how);
		settle(p, r);
	}
	reasm_backlog_leave(p, r);
}

void
reasm_pool_jump(struct reasm_pool *p, int64_t jump_ns)
{
	struct list *node;

	if (p->now_ns == 0)
		return;
	p->now_ns += (uint64_t)jump_ns;
	for (node = p->wait.next; node != &p->wait; node = node->next)
		LIST_ENTRY(node, struct reasm_backlog, wait)->hole_ns +=
		    (uint64_t)jump_ns;
}

void
reasm_pool_tick(struct reasm_pool *p, uint64_t now_ns,
    void (*gave_up)(void *self, struct reasm *r), void *self)
{
	see_time(p, now_ns);
	while (!list_is_empty(&p->wait)) {
		struct reasm_backlog *b =
		    LIST_ENTRY(p->wait.next, struct reasm_backlog, wait);
		struct reasm *r = b->r;

		if (!b->forced &&
		    (now_ns < b->hole_ns || now_ns - b->hole_ns < p->o.hold_ns))
			return;
		expire(p, b);
		gave_up(self, r);
	}
}
