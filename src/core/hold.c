#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/hold.h"

/*
 * What an allocation takes up beyond what was asked for: most allocators keep
 * a word beside it and round up to 16 bytes.  Without this, an attacker's
 * pieces of one byte would get several times the memory of the budget.
 */
static size_t
allocated(size_t size)
{
	return (size + 8 + 15) & ~(size_t)15;
}

size_t
hold_cost_new(size_t len)
{
	return allocated(sizeof(struct hold_piece) + len);
}

size_t
hold_cost_other(size_t len)
{
	return allocated(sizeof(struct hold_other) + len);
}

size_t
hold_cost(const struct hold_piece *piece)
{
	return hold_cost_new(piece->room) + piece->other_cost;
}

struct hold_piece *
hold_piece_new(uint64_t off, const uint8_t *data, uint32_t len)
{
	uint32_t room = data != NULL ? len : 0;
	struct hold_piece *piece = malloc(sizeof(*piece) + room);

	assert(len > 0);
	if (piece == NULL)
		return NULL;
	*piece = (struct hold_piece){
		.off = off,
		.len = len,
		.room = room,
		.edges = { off, off + len },
		.height = 1,
	};
	if (data != NULL)
		memcpy(piece->data, data, len);
	return piece;
}

/* Put @o behind the last one of @piece. */
static void
append_other(struct hold_piece *piece, struct hold_other *o)
{
	struct hold_other *last = piece->others;

	o->next = last != NULL ? last->next : o;
	if (last != NULL)
		last->next = o;
	piece->others = o;
	piece->other_cost += (uint32_t)hold_cost_other(o->room);
}

/* Take off the first one of @piece; NULL: it has none. */
static struct hold_other *
shift_other(struct hold_piece *piece)
{
	struct hold_other *last = piece->others;
	struct hold_other *first;

	if (last == NULL)
		return NULL;
	first = last->next;
	last->next = first->next;
	if (first == last)
		piece->others = NULL;
	piece->other_cost -= (uint32_t)hold_cost_other(first->room);
	return first;
}

void
hold_piece_free(struct hold_piece *piece)
{
	struct hold_other *o;

	while ((o = shift_other(piece)) != NULL)
		free(o);
	free(piece);
}

static uint8_t
height(const struct hold_piece *piece)
{
	return piece != NULL ? piece->height : 0;
}

static void
measure(struct hold_piece *piece)
{
	uint8_t a = height(piece->child[0]);
	uint8_t b = height(piece->child[1]);

	piece->height = (uint8_t)((a > b ? a : b) + 1);
}

/* Hang @new (or nothing) where @old hangs. */
static void
replace(struct hold_piece **root, const struct hold_piece *old,
    struct hold_piece *new)
{
	struct hold_piece *parent = old->parent;

	if (parent == NULL)
		*root = new;
	else
		parent->child[parent->child[1] == old] = new;
	if (new != NULL)
		new->parent = parent;
}

/* Let @piece sink to @side, and its child of the other side take its place. */
static struct hold_piece *
rotate(struct hold_piece **root, struct hold_piece *piece, bool side)
{
	struct hold_piece *up = piece->child[!side];
	struct hold_piece *across = up->child[side];

	replace(root, piece, up);
	piece->child[!side] = across;
	if (across != NULL)
		across->parent = piece;
	up->child[side] = piece;
	piece->parent = up;
	measure(piece);
	measure(up);
	return up;
}

/* From @piece, below which something changed, up to where nothing does. */
static void
rebalance(struct hold_piece **root, struct hold_piece *piece)
{
	while (piece != NULL) {
		uint8_t before = piece->height;
		int lean =
		    (int)height(piece->child[1]) - (int)height(piece->child[0]);

		if (lean > 1 || lean < -1) {
			bool side = lean > 0;
			struct hold_piece *low = piece->child[side];

			if (height(low->child[!side]) >
			    height(low->child[side]))
				(void)rotate(root, low, side); /* to be next */
			piece = rotate(root, piece, !side);
		} else {
			measure(piece);
		}
		if (piece->height == before)
			return;
		piece = piece->parent;
	}
}

void
hold_insert(struct hold_piece **root, struct hold_piece *piece)
{
	struct hold_piece *parent = NULL;
	struct hold_piece **link = root;

	while (*link != NULL) {
		parent = *link;
		link = &parent->child[piece->off > parent->off];
	}
	piece->parent = parent;
	piece->child[0] = NULL;
	piece->child[1] = NULL;
	piece->height = 1;
	*link = piece;
	rebalance(root, parent);
}

struct hold_piece *
hold_first(struct hold_piece *root)
{
	struct hold_piece *piece = root;

	while (piece != NULL && piece->child[0] != NULL)
		piece = piece->child[0];
	return piece;
}

/* A piece between two children: its successor takes its place. */
static struct hold_piece *
succeed(struct hold_piece **root, struct hold_piece *piece)
{
	struct hold_piece *heir = hold_first(piece->child[1]);
	struct hold_piece *changed =
	    heir->parent == piece ? heir : heir->parent;

	replace(root, heir, heir->child[1]);
	for (int i = 0; i < 2; i++) {
		heir->child[i] = piece->child[i];
		if (heir->child[i] != NULL)
			heir->child[i]->parent = heir;
	}
	heir->height = piece->height;
	replace(root, piece, heir);
	return changed;
}

void
hold_remove(struct hold_piece **root, struct hold_piece *piece)
{
	struct hold_piece *changed = piece->parent;

	if (piece->child[0] == NULL)
		replace(root, piece, piece->child[1]);
	else if (piece->child[1] == NULL)
		replace(root, piece, piece->child[0]);
	else
		changed = succeed(root, piece);
	rebalance(root, changed);
}

struct hold_piece *
hold_find(struct hold_piece *root, uint64_t off)
{
	struct hold_piece *piece = root;
	struct hold_piece *found = NULL;

	while (piece != NULL) {
		bool beyond = hold_end(piece) > off;

		if (beyond)
			found = piece;
		piece = piece->child[!beyond];
	}
	return found;
}

struct hold_piece *
hold_next(struct hold_piece *piece)
{
	struct hold_piece *parent = piece->parent;

	if (piece->child[1] != NULL)
		return hold_first(piece->child[1]);
	while (parent != NULL && parent->child[1] == piece) {
		piece = parent;
		parent = piece->parent;
	}
	return parent;
}

int
hold_add_other(
    struct hold_piece *piece, uint64_t off, const uint8_t *data, uint32_t len)
{
	struct hold_other *o = malloc(sizeof(*o) + len);

	if (o == NULL)
		return -ENOMEM;
	o->off = off;
	o->len = len;
	o->room = len;
	memcpy(o->data, data, len);
	append_other(piece, o);
	return 0;
}

/* Those of @from that lie (also) at @to's bytes go there, in their order. */
static void
divide_others(struct hold_piece *from, struct hold_piece *to)
{
	struct hold_piece all = *from;
	struct hold_other *o;

	from->others = NULL;
	from->other_cost = 0;
	while ((o = shift_other(&all)) != NULL) {
		uint64_t end = o->off + o->len;

		append_other(o->off < to->off ? from : to, o);
		if (o->off >= to->off || end <= to->off)
			continue;
		o->len = (uint32_t)(to->off - o->off);
		/* Without memory it is not told, only counted. */
		if (hold_add_other(to, to->off, o->data + o->len,
			(uint32_t)(end - to->off)) != 0)
			continue;
	}
}

/* All of @from go behind those of @to, at once. */
static void
move_others(struct hold_piece *to, struct hold_piece *from)
{
	struct hold_other *last = from->others;

	if (last == NULL)
		return;
	if (to->others != NULL) {
		struct hold_other *first = to->others->next;

		to->others->next = last->next;
		last->next = first;
	}
	to->others = last;
	to->other_cost += from->other_cost;
	from->others = NULL;
	from->other_cost = 0;
}

struct hold_piece *
hold_join(struct hold_piece **root, struct hold_piece *first,
    const struct hold_piece *end, uint32_t len)
{
	struct hold_piece *all = malloc(sizeof(*all) + len);
	struct hold_piece *piece = first;

	if (all == NULL)
		return NULL;
	*all = (struct hold_piece){
		.off = first->off,
		.room = len,
		.edges = first->edges,
	};
	while (piece != end) {
		struct hold_piece *next = hold_next(piece);

		memcpy(all->data + all->len, piece->data, piece->len);
		all->len += piece->len;
		move_others(all, piece);
		hold_remove(root, piece);
		hold_piece_free(piece);
		piece = next;
	}
	assert(all->len == len);
	hold_insert(root, all);
	return all;
}

struct hold_piece *
hold_split(struct hold_piece **root, struct hold_piece *piece, uint64_t off)
{
	uint32_t at = (uint32_t)(off - piece->off);
	struct hold_piece *second;

	assert(off > piece->off && off < hold_end(piece));
	second = hold_piece_new(
	    off, piece->room > 0 ? piece->data + at : NULL, piece->len - at);
	if (second == NULL)
		return NULL;
	second->edges = piece->edges;
	piece->len = at;
	divide_others(piece, second);
	hold_insert(root, second);
	return second;
}
