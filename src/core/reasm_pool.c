#include <assert.h>
#include <stdlib.h>

#include "core/hold.h"
#include "core/reasm_backlog.h"
#include "core/reasm_pool.h"

struct reasm_pool *
reasm_pool_new(const struct reasm_opts *o)
{
	struct reasm_pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->o = *o;
	history_init(&p->history, o->history);
	list_init(&p->wait);
	list_init(&p->spare);
	for (int i = 0; i < REASM_POOL_NLEVELS; i++)
		list_init(&p->level[i]);
	return p;
}

void
reasm_pool_free(struct reasm_pool *p)
{
	if (p == NULL)
		return;
	assert(p->held_bytes == 0 && list_is_empty(&p->wait));
	reasm_backlog_done(p);
	history_done(&p->history);
	free(p);
}

struct payload_count *
reasm_pool_payload(struct reasm_pool *p)
{
	return p->payload;
}

static unsigned
level_of(uint64_t bytes)
{
	return 63 - (unsigned)__builtin_clzll(bytes);
}

void
reasm_pool_charge(struct reasm_pool *p, struct reasm *r, ptrdiff_t more)
{
	struct reasm_backlog *b = r->backlog;
	size_t before = b->held_bytes;
	size_t now = before + (size_t)more;

	p->held_bytes += (size_t)more;
	b->held_bytes = now;
	if (before != 0 && now != 0 && level_of(before) == level_of(now))
		return;
	if (before != 0) {
		unsigned level = level_of(before);

		list_remove(&b->by_held);
		if (list_is_empty(&p->level[level]))
			p->levels &= ~(UINT64_C(1) << level);
	}
	if (now != 0) {
		list_append(&p->level[level_of(now)], &b->by_held);
		p->levels |= UINT64_C(1) << level_of(now);
	}
}

struct reasm *
reasm_pool_richest(const struct reasm_pool *p)
{
	if (p->levels == 0)
		return NULL;
	return LIST_ENTRY(
	    p->level[level_of(p->levels)].next, struct reasm_backlog, by_held)
	    ->r;
}

bool
reasm_pool_has_own_room(
    const struct reasm_pool *p, const struct reasm *r, size_t cost)
{
	return cost <= p->o.hold && reasm_backlog_bytes(r) <= p->o.hold - cost;
}

bool
reasm_pool_has_room(
    const struct reasm_pool *p, const struct reasm *r, size_t cost)
{
	return reasm_pool_has_own_room(p, r, cost) && cost <= p->o.hold_total &&
	       p->held_bytes <= p->o.hold_total - cost;
}

void
reasm_pool_insert(struct reasm_pool *p, struct reasm *r,
    struct hold_piece **root, struct hold_piece *piece)
{
	hold_insert(root, piece);
	reasm_pool_charge(p, r, (ptrdiff_t)hold_cost(piece));
}

void
reasm_pool_take_out(struct reasm_pool *p, struct reasm *r,
    struct hold_piece **root, struct hold_piece *piece)
{
	size_t cost = hold_cost(piece);

	hold_remove(root, piece);
	r->backlog->other_bytes -= piece->other_cost;
	reasm_pool_charge(p, r, -(ptrdiff_t)cost);
}
