#ifndef CORE_HOLD_H
#define CORE_HOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * hold.h - pieces of a stream that cannot be delivered yet, by offset.
 *
 * A tree is a pointer to its root, NULL when empty.  Its pieces never overlap:
 * who inserts one sees to that.  It is height-balanced (AVL): no order of
 * arrival makes a search longer than 1.44 times the logarithm of the number of
 * pieces, since the order is an attacker's.
 *
 * Pieces are allocated one by one: only what arrived out of order is held,
 * its amount is bounded by the budget, and what hold_cost() says is charged.
 */

/**
 * struct hold_edges - Where the segment that a byte came in began and ended
 *
 * In stream offsets, as it was sent; the rules for overlaps look at them.
 */
struct hold_edges {
	uint64_t off;
	uint64_t end;
};

/**
 * struct hold_other - Bytes that lost against those of a piece, and differ
 * @next:	The one that lost after it; of the last one, the first
 * @off:	Stream offset of @data
 * @len:	Bytes of it that count, > 0
 * @room:	Bytes that were allocated for @data
 */
struct hold_other {
	struct hold_other *next;
	uint64_t off;
	uint32_t len;
	uint32_t room;
	uint8_t data[];
};

/**
 * struct hold_piece - Consecutive bytes of a stream
 * @parent, @child, @height: The tree's
 * @off:	Stream offset of @data; the key, not to be changed in a tree
 * @len:	Bytes of it that count, > 0
 * @room:	Bytes that were allocated for @data
 * @edges:	Of the segment that its bytes came in
 * @others:	The last of them; to be told when the piece is delivered; NULL:
 *		none
 * @other_cost:	What they cost
 *
 * A piece may stand for bytes that are not there (a mark): @room is 0 then.
 */
struct hold_piece {
	struct hold_piece *parent;
	struct hold_piece *child[2];
	uint64_t off;
	uint32_t len;
	uint32_t room;
	struct hold_edges edges;
	struct hold_other *others;
	uint32_t other_cost;
	uint8_t height;
	uint8_t data[];
};

/**
 * hold_piece_new() - Make a piece that is in no tree
 * @data:	Copied; NULL: make a mark
 * @len:	> 0
 *
 * Return: NULL: ENOMEM
 */
struct hold_piece *hold_piece_new(
    uint64_t off, const uint8_t *data, uint32_t len) ATTR_WUNRES;

/** hold_piece_free() - With its others; it is in no tree. */
void hold_piece_free(struct hold_piece *piece);

/** hold_cost() - Memory that a piece and its others take up. */
size_t hold_cost(const struct hold_piece *piece);

/** hold_cost_new() - Memory that a new piece of @len bytes will take up. */
size_t hold_cost_new(size_t len);

/** hold_cost_other() - Memory that a new other of @len bytes will take up. */
size_t hold_cost_other(size_t len);

/** hold_end() - Offset behind the last byte. */
static inline uint64_t
hold_end(const struct hold_piece *piece)
{
	return piece->off + piece->len;
}

/** hold_insert() - Put in a piece that overlaps none. */
void hold_insert(struct hold_piece **root, struct hold_piece *piece);

/** hold_remove() - Take out a piece; it is the caller's again. */
void hold_remove(struct hold_piece **root, struct hold_piece *piece);

/** hold_first() - The piece of the lowest offset; NULL: the tree is empty. */
struct hold_piece *hold_first(struct hold_piece *root);

/** hold_find() - The first piece that ends beyond @off; NULL: none. */
struct hold_piece *hold_find(struct hold_piece *root, uint64_t off);

/** hold_next() - The one behind @piece; NULL: it is the last. */
struct hold_piece *hold_next(struct hold_piece *piece);

/**
 * hold_join() - Make one piece out of several that follow one another
 * @first:	The first of them; its edges become those of all
 * @end:	The piece behind the last of them; NULL: none is
 * @len:	Bytes that they have together
 *
 * Return: it, in their place; NULL: ENOMEM, nothing changed
 */
struct hold_piece *hold_join(struct hold_piece **root, struct hold_piece *first,
    const struct hold_piece *end, uint32_t len) ATTR_WUNRES;

/**
 * hold_split() - Make two pieces out of one that is in the tree
 * @off:	Where the second begins: inside of @piece
 *
 * Each gets the others of its bytes; one across the border is divided, and
 * its second half is forgotten when there is no memory for it.  @piece keeps
 * its @room.
 *
 * Return: the second one, also in the tree; NULL: ENOMEM, nothing changed
 */
struct hold_piece *hold_split(struct hold_piece **root,
    struct hold_piece *piece, uint64_t off) ATTR_WUNRES;

/**
 * hold_add_other() - Keep what lost against bytes of @piece
 * @off:	Offset of @data, inside of @piece
 *
 * Return: 0 or -ENOMEM
 */
int hold_add_other(struct hold_piece *piece, uint64_t off, const uint8_t *data,
    uint32_t len) ATTR_WUNRES;

#endif /* CORE_HOLD_H */
