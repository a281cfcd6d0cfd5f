#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "config/findings.h"
#include "config/jsonish.h"

/*
 * schema.h - the keys of a configuration as rows of a table.
 *
 * One row says everything about a key: what its value may be, what it means,
 * what the manual says about it.  The reader, "teeline check", the tables of
 * the manual and the tests follow from it; there is no second place to change.
 *
 * What every object has in common, and no row needs to say:
 *
 *	a key that begins with "_" is skipped: that is how people switch one
 *	off without deleting it
 *	null is as good as leaving the key out
 *	a key that is not known is an error, with the object that it belongs
 *	to, or the nearest one that is known
 *	a key that comes twice is an error (lenient: the last one counts)
 */

struct err;
struct obuf;
struct schema_row;

/** enum schema_type - What the value of a key may be. */
enum schema_type {
	SCHEMA_BOOL,   /* true, false; number is 1 or 0 */
	SCHEMA_COUNT,  /* a whole number */
	SCHEMA_SIZE,   /* bytes: a number, or "64KiB" */
	SCHEMA_TIME,   /* nanoseconds: a number (of @unit), or "500ms" */
	SCHEMA_WORD,   /* one of @words; number is its index */
	SCHEMA_PLAIN,  /* a text, number or truth (yes, no): @text is it */
	SCHEMA_TEXT,   /* a text; the setter judges it */
	SCHEMA_TEXTS,  /* a text or a list of texts: one call for each */
	SCHEMA_OBJECT, /* an object with keys of its own: @table */
	SCHEMA_LIST,   /* a list: one call for each, the setter judges it */
	SCHEMA_ANY,    /* the setter judges it */
	SCHEMA_UNUSED, /* does nothing here: a warning, @help says why */
};

/**
 * struct schema_reading - What all calls of one reading share
 * @findings:	What is wrong, so far
 * @lenient:	For users of a program that took anything: numbers and truth
 *		as texts ("5", "yes", 1), and keys that come twice, get a
 *		warning instead of an error
 * @elsewhere:	For hints: what the object is called that does have this key,
 *		NULL if none has; may be NULL
 */
struct schema_reading {
	struct findings *findings;
	bool lenient;
	const char *(*elsewhere)(const char *key);
};

/**
 * struct schema_value - What a setter is told
 * @row:	The key
 * @node:	Its value; of a list, one element.  Lives as long as the tree.
 * @text:	PLAIN, TEXT, TEXTS: the text; WORD: as @words spell it; BOOL,
 *COUNT, SIZE, TIME: as written; else NULL
 * @number:	By type: nanoseconds, bytes, a count, an index, 0 or 1
 * @reading:	For setters that read further, or have more to say
 */
struct schema_value {
	const struct schema_row *row;
	const struct jsonish *node;
	const char *text;
	uint64_t number;
	struct schema_reading *reading;
};

/**
 * schema_setter - Take a value in
 * @self:	As given to schema_read()
 * @err:	What is wrong with the value; the reader adds place and key
 *
 * Return: 0, -ENOMEM, or another -errno with @err.  A setter that has added
 *	   its findings itself returns 0.
 */
typedef int schema_setter(
    void *self, const struct schema_value *v, struct err *err);

/**
 * struct schema_row - A key
 * @key:	As written
 * @type:	See enum schema_type
 * @min:	COUNT, SIZE, TIME: least value
 * @max:	COUNT, SIZE, TIME: greatest value
 * @unit:	SIZE, TIME: what a number without unit counts ("ms"); NULL:
 *		bytes, seconds
 * @words:	WORD: ended by NULL
 * @dflt:	The default as it would be written, without quotes; NULL: none
 * @arg:	PLAIN, TEXT, TEXTS: what the text is, for the manual ("FILE");
 *may be NULL
 * @help:	A sentence for the manual, no full stop; NULL: an alias that
 *		is not shown
 * @table:	OBJECT: its keys; read with the same @self
 * @needed:	Leaving it out is an error
 * @clamp:	A value out of range is a warning, and the bound is taken
 * @fold:	WORD: capitals or not is the same
 * @empty:	TEXT: "" is a value, too
 * @at:		For the setters below: offsetof() the field
 * @data:	For the setter alone
 * @set:	Takes it in; NULL for OBJECT and UNUSED
 */
struct schema_row {
	const char *key;
	enum schema_type type;
	uint64_t min;
	uint64_t max;
	const char *unit;
	const char *const *words;
	const char *dflt;
	const char *arg;
	const char *help;
	const struct schema_table *table;
	bool needed;
	bool clamp;
	bool fold;
	bool empty;
	size_t at;
	const void *data;
	schema_setter *set;
};

/**
 * struct schema_table - The keys of an object
 * @name:	What messages and manual call the object: "control", "an
 *		input"; NULL: the whole file
 * @rows:	@nrows of them, at most SCHEMA_MAX_ROWS
 */
struct schema_table {
	const char *name;
	const struct schema_row *rows;
	size_t nrows;
};

#define SCHEMA_MAX_ROWS 64

/**
 * schema_read() - Read an object by its table
 * @node:	Anything; what is no object is a finding
 * @self:	For the setters, which are called in the order of the text
 *
 * Reads everything, however much is wrong.
 *
 * Return: 0; -EINVAL: there is an error among the findings that was not
 *	   there before; -ENOMEM
 */
int schema_read(const struct schema_table *t, const struct jsonish *node,
    void *self, struct schema_reading *reading) ATTR_WUNRES;

/**
 * schema_set_bool() - Setters for fields that take the value as it is
 *
 * Each stores at @self + row->at: a bool; a uint64_t; an unsigned; a size_t;
 * a char *, which is replaced by a copy and has an owner who frees it.
 */
schema_setter schema_set_bool;
schema_setter schema_set_u64;
schema_setter schema_set_unsigned;
schema_setter schema_set_size;
schema_setter schema_set_text;

/** schema_find() - The row of @key; NULL if there is none. */
const struct schema_row *schema_find(
    const struct schema_table *t, const char *key);

#endif /* CONFIG_SCHEMA_H */
