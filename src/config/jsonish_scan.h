#ifndef CONFIG_JSONISH_SCAN_H
#define CONFIG_JSONISH_SCAN_H

#include <stddef.h>

#include "base/attr.h"
#include "config/jsonish.h"

/*
 * jsonish_scan.h - from bytes to the tokens of jsonish.h.
 *
 * For jsonish.c.  Blanks and comments are skipped, strings and numbers are
 * found but not judged: that is done when they are wanted.
 */

struct err;

/** enum jsonish_token - What stands next. */
enum jsonish_token {
	JSONISH_TOKEN_END,    /* nothing */
	JSONISH_TOKEN_SIGN,   /* one of { } [ ] : , */
	JSONISH_TOKEN_STRING, /* between its quotes */
	JSONISH_TOKEN_WORD,   /* bare: a key, true, false, null */
	JSONISH_TOKEN_NUMBER, /* begins like one */
};

/**
 * struct jsonish_scan - Where the reader is
 * @token:	What was found last
 * @pos:	Where it begins
 * @start:	@len bytes of it; of a string without the quotes
 * @fault:	After -EINVAL: the place to name
 * @err:	After -EINVAL: what is wrong there
 *
 * The rest is jsonish_scan.c's: @p is the next byte, @mark one whose place
 * @at is known; places are asked for in the order of the text.
 */
struct jsonish_scan {
	enum jsonish_token token;
	struct jsonish_pos pos;
	const char *start;
	size_t len;
	struct jsonish_pos fault;
	struct err *err;
	const char *p;
	const char *end;
	const char *mark;
	struct jsonish_pos at;
};

/**
 * jsonish_scan_init() - Look at the whole text
 * @s:		Stands before the first token; borrows @text
 *
 * Return: 0; -EINVAL: it is too long, or no text (UTF-8 without NUL)
 */
int jsonish_scan_init(struct jsonish_scan *s, const char *text, size_t len,
    struct err *err) ATTR_WUNRES;

/** jsonish_scan_next() - Find the next token; 0 or -EINVAL. */
int jsonish_scan_next(struct jsonish_scan *s) ATTR_WUNRES;

/** jsonish_scan_is() - Is the token this sign? */
static inline bool
jsonish_scan_is(const struct jsonish_scan *s, char sign)
{
	return s->token == JSONISH_TOKEN_SIGN && *s->start == sign;
}

/**
 * jsonish_scan_text() - The text of a string, escapes undone
 * @text:	Set on success; to be freed
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int jsonish_scan_text(struct jsonish_scan *s, char **text) ATTR_WUNRES;

/** jsonish_scan_number() - Is the token a number as JSON writes it? */
bool jsonish_scan_number(const struct jsonish_scan *s);

#endif /* CONFIG_JSONISH_SCAN_H */
