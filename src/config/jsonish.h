#ifndef CONFIG_JSONISH_H
#define CONFIG_JSONISH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/*
 * jsonish.h - JSON as people write it by hand, to a tree with positions.
 *
 * All of JSON (RFC 8259), and besides
 *
 *	bare keys	[A-Za-z_][A-Za-z0-9_-]*
 *	'text'		in single quotes, with the same escapes, and \'
 *	1, 2, ]		a comma after the last element or member
 *	// # and slash-star comments, anywhere outside strings
 *	a byte order mark before everything
 *
 * Strings are what they are: a comment sign, a comma or a colon in one means
 * nothing.  Everything else is refused, with the place: hexadecimal numbers,
 * "+1", bare words as values, "=", two commas, text after the end, a line
 * break or another control character in a string, NUL anywhere (also as an
 * escape), bytes that are not UTF-8, halves of surrogate pairs.
 *
 * Memory is bounded by the limits below, and so is recursion.
 */

struct err;

/* A configuration of this size is a mistake: /dev/zero, a capture. */
#define JSONISH_MAX_BYTES ((size_t)1 << 20)

/* Most lists and objects in one another; ours is 4. */
#define JSONISH_MAX_DEPTH 32

/* Most values in all; a node is about 100 bytes. */
#define JSONISH_MAX_VALUES 65536

/** enum jsonish_kind - What a value is. */
enum jsonish_kind {
	JSONISH_NULL,
	JSONISH_BOOL,
	JSONISH_NUMBER,
	JSONISH_STRING,
	JSONISH_LIST,
	JSONISH_OBJECT,
};

/**
 * struct jsonish_pos - A place in the text
 * @line:	From 1; lines end with LF
 * @column:	From 1, in characters (code points; a tab is one)
 */
struct jsonish_pos {
	unsigned line;
	unsigned column;
};

/**
 * struct jsonish - A value, and the key it stands under
 * @kind:	What it is
 * @pos:	Where it begins
 * @key:	Members of objects: the key; else NULL.  Owned.
 * @key_pos:	Where the key begins
 * @text:	JSONISH_STRING: the text, escapes undone; JSONISH_NUMBER: as it
 *		was written, which is as JSON wants it; else NULL.  Owned.
 * @truth:	JSONISH_BOOL
 * @items:	JSONISH_LIST, JSONISH_OBJECT: @nitems in the order of the text,
 *		keys that come again included; owned
 */
struct jsonish {
	enum jsonish_kind kind;
	struct jsonish_pos pos;
	char *key;
	struct jsonish_pos key_pos;
	char *text;
	bool truth;
	struct jsonish *items;
	size_t nitems;
};

/**
 * jsonish_parse() - Read a text
 * @root:	Set on success; release with jsonish_done().  Whatever kind of
 *		value the text is: its reader says what it wants.
 * @text:	@len bytes, any bytes
 * @where:	Set on -EINVAL: where it went wrong
 * @err:	"a comma or ] is missing before this"
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int jsonish_parse(struct jsonish *root, const char *text, size_t len,
    struct jsonish_pos *where, struct err *err) ATTR_WUNRES;

/** jsonish_done() - Release the tree; idempotent. */
void jsonish_done(struct jsonish *root);

/** jsonish_find() - The last member called @key; NULL: none, or no object. */
const struct jsonish *jsonish_find(
    const struct jsonish *object, const char *key);

/** jsonish_kind_name() - "a number": for messages. */
const char *jsonish_kind_name(enum jsonish_kind kind);

#endif /* CONFIG_JSONISH_H */
