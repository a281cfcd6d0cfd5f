#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "config/jsonish_scan.h"

/*
 * The text is looked at twice: first as characters, so that whatever comes
 * later may take every byte for UTF-8; then as tokens.
 */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

#define BOM "\xef\xbb\xbf"

/* A byte that is not the first of a character. */
static bool
is_inner(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static bool
is_among(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* The place of @p, which is not before the last one asked for. */
static struct jsonish_pos
place(struct jsonish_scan *s, const char *p)
{
	for (; s->mark < p; s->mark++) {
		if (*s->mark == '\n') {
			s->at.line++;
			s->at.column = 1;
		} else if (!is_inner(*s->mark)) {
			s->at.column++;
		}
	}
	return s->at;
}

/* The fault is at @pos; hands on @rc, so that it can be an err_set(). */
static int
fault(struct jsonish_scan *s, struct jsonish_pos pos, int rc)
{
	s->fault = pos;
	return rc;
}

/* Stand at the beginning; nothing has been looked at. */
static void
rewind_to(struct jsonish_scan *s, const char *text)
{
	s->p = text;
	s->mark = text;
	s->at = (struct jsonish_pos){ 1, 1 };
	s->pos = s->at;
	s->token = JSONISH_TOKEN_END;
	s->start = text;
	s->len = 0;
}

static int
check_characters(struct jsonish_scan *s)
{
	size_t len = 1;
	uint32_t code;

	for (const char *p = s->p; p < s->end; p += len) {
		uint8_t byte = (uint8_t)*p;

		if (byte == 0)
			return fault(s, place(s, p),
			    err_set(s->err, -EINVAL,
				"a NUL byte: this is no text"));
		len = 1;
		if (byte >= 0x80 &&
		    text_utf8((const uint8_t *)p, (size_t)(s->end - p), &len,
			&code) != TEXT_UTF8_CHAR)
			return fault(s, place(s, p),
			    err_set(s->err, -EINVAL,
				"byte 0x%02x here is not UTF-8", byte));
	}
	return 0;
}

int
jsonish_scan_init(
    struct jsonish_scan *s, const char *text, size_t len, struct err *err)
{
	int rc;

	if (len >= strlen(BOM) && memcmp(text, BOM, strlen(BOM)) == 0) {
		text += strlen(BOM);
		len -= strlen(BOM);
	}
	*s = (struct jsonish_scan){ .end = text + len, .err = err };
	rewind_to(s, text);
	if (len > JSONISH_MAX_BYTES)
		return fault(s, s->at,
		    err_set(err, -EINVAL,
			"%zu bytes are too much for a configuration: %zu are "
			"possible",
			len, JSONISH_MAX_BYTES));
	rc = check_characters(s);
	if (rc == 0)
		rewind_to(s, text);
	return rc;
}

/* --- blanks and comments ------------------------------------------------- */

/* @s->p is behind the opening sign. */
static int
skip_block(struct jsonish_scan *s, struct jsonish_pos begin)
{
	for (; s->p < s->end; s->p++) {
		if (s->p[0] == '*' && s->end - s->p > 1 && s->p[1] == '/') {
			s->p += 2;
			return 0;
		}
	}
	return fault(s, begin,
	    err_set(
		s->err, -EINVAL, "the comment that begins here has no end"));
}

static void
skip_line(struct jsonish_scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

static int
skip_blanks(struct jsonish_scan *s)
{
	for (;;) {
		while (s->p < s->end && is_among(*s->p, " \t\r\n"))
			s->p++;
		size_t left = (size_t)(s->end - s->p);

		if ((left > 0 && *s->p == '#') ||
		    (left > 1 && memcmp(s->p, "//", 2) == 0)) {
			skip_line(s);
		} else if (left > 1 && memcmp(s->p, "/*", 2) == 0) {
			struct jsonish_pos begin = place(s, s->p);
			int rc;

			s->p += 2;
			rc = skip_block(s, begin);
			if (rc != 0)
				return rc;
		} else {
			return 0;
		}
	}
}

/* --- tokens -------------------------------------------------------------- */

static int
find_string(struct jsonish_scan *s)
{
	char quote = *s->p++;

	s->token = JSONISH_TOKEN_STRING;
	s->start = s->p;
	while (s->p < s->end && *s->p != quote && *s->p != '\n')
		s->p += *s->p == '\\' && s->end - s->p > 1 && s->p[1] != '\n'
			    ? 2
			    : 1;
	if (s->p == s->end || *s->p != quote)
		return fault(s, s->pos,
		    err_set(s->err, -EINVAL,
			"the text that begins here has no %c at its end, in "
			"this line",
			quote));
	s->len = (size_t)(s->p++ - s->start);
	return 0;
}

static void
find_run(struct jsonish_scan *s, enum jsonish_token token, const char *set)
{
	s->token = token;
	s->start = s->p;
	while (s->p < s->end && is_among(*s->p, set))
		s->p++;
	s->len = (size_t)(s->p - s->start);
}

/* One character, however many bytes it has, that nothing begins with. */
static int
refuse(struct jsonish_scan *s)
{
	int n = 1;

	while (s->p + n < s->end && is_inner(s->p[n]))
		n++;
	if ((unsigned char)*s->p < 0x20 || *s->p == 0x7f)
		return fault(s, s->pos,
		    err_set(s->err, -EINVAL,
			"a control character (0x%02x) outside of a text",
			(unsigned)*s->p));
	return fault(s, s->pos,
	    err_set(s->err, -EINVAL, "\"%.*s\" means nothing here", n, s->p));
}

int
jsonish_scan_next(struct jsonish_scan *s)
{
	int rc = skip_blanks(s);

	if (rc != 0)
		return rc;
	s->pos = place(s, s->p);
	s->start = s->p;
	s->len = 0;
	s->token = JSONISH_TOKEN_END;
	if (s->p == s->end)
		return 0;
	if (*s->p == '"' || *s->p == '\'')
		return find_string(s);
	if (is_among(*s->p, "{}[]:,")) {
		s->token = JSONISH_TOKEN_SIGN;
		s->len = 1;
		s->p++;
	} else if (is_among(*s->p, LETTERS "_")) {
		find_run(s, JSONISH_TOKEN_WORD, LETTERS DIGITS "_-");
	} else if (is_among(*s->p, DIGITS "+-.")) {
		/* All that belongs together, so that it is named as a whole. */
		find_run(s, JSONISH_TOKEN_NUMBER, LETTERS DIGITS "_+-.");
	} else {
		return refuse(s);
	}
	return 0;
}

/* Moves *@p over digits; is there one? */
static bool
skip_digits(const char **p, const char *end)
{
	const char *from = *p;

	while (*p < end && is_among(**p, DIGITS))
		(*p)++;
	return *p > from;
}

bool
jsonish_scan_number(const struct jsonish_scan *s)
{
	const char *p = s->start;
	const char *end = p + s->len;
	const char *whole;

	if (p < end && *p == '-')
		p++;
	whole = p;
	if (!skip_digits(&p, end) || (*whole == '0' && p - whole > 1))
		return false;
	if (p < end && *p == '.') {
		p++;
		if (!skip_digits(&p, end))
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!skip_digits(&p, end))
			return false;
	}
	return p == end;
}

/* --- strings ------------------------------------------------------------- */

/**
 * struct unescape - A string being copied
 * @p:		Next byte to read
 * @end:	Behind the last one
 * @to:		Next byte to write; the copy is never longer
 */
struct unescape {
	struct jsonish_scan *scan;
	const char *p;
	const char *end;
	char *to;
};

static int
bad_escape(struct unescape *u, const char *from, const char *what)
{
	return fault(u->scan, place(u->scan, from),
	    err_set(u->scan->err, -EINVAL, "%s", what));
}

static void
put_utf8(struct unescape *u, uint32_t c)
{
	if (c < 0x80) {
		*u->to++ = (char)c;
		return;
	}
	if (c < 0x800) {
		*u->to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*u->to++ = (char)(0xe0 | c >> 12);
		*u->to++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*u->to++ = (char)(0xf0 | c >> 18);
		*u->to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*u->to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*u->to++ = (char)(0x80 | (c & 0x3f));
}

/* Reads "\uXXXX" at u->p, and moves behind it. */
static bool
read_unit(struct unescape *u, uint32_t *unit)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	uint32_t v = 0;

	if (u->end - u->p < 6 || u->p[0] != '\\' || u->p[1] != 'u')
		return false;
	for (int i = 2; i < 6; i++) {
		const char *digit = strchr(hex, u->p[i]);

		if (digit == NULL)
			return false;
		v = v << 4 | (uint32_t)((digit - hex) < 16 ? digit - hex
							   : digit - hex - 6);
	}
	u->p += 6;
	*unit = v;
	return true;
}

static int
take_unicode(struct unescape *u)
{
	const char *from = u->p;
	uint32_t c, low;

	if (!read_unit(u, &c))
		return bad_escape(
		    u, from, "\\u needs four hexadecimal digits after it");
	if (c == 0)
		return bad_escape(u, from, "NUL cannot be part of a text");
	if (c >= 0xd800 && c < 0xdc00 && read_unit(u, &low) && low >= 0xdc00 &&
	    low < 0xe000)
		c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
	else if (c >= 0xd800 && c < 0xe000)
		return bad_escape(u, from,
		    "this is half of a surrogate pair, without the other");
	put_utf8(u, c);
	return 0;
}

static int
take_escape(struct unescape *u)
{
	static const char names[] = "\"'\\/bfnrt";
	static const char meant[] = "\"'\\/\b\f\n\r\t";
	/* find_string() has seen that something follows. */
	const char *name = strchr(names, u->p[1]);

	if (u->p[1] == 'u')
		return take_unicode(u);
	if (name == NULL)
		return bad_escape(u, u->p,
		    "no such escape: \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t "
		    "\\uXXXX are possible (a backslash is written \\\\)");
	*u->to++ = meant[name - names];
	u->p += 2;
	return 0;
}

static int
unescape(struct unescape *u)
{
	while (u->p < u->end) {
		int rc;

		if (*u->p == '\\') {
			rc = take_escape(u);
			if (rc != 0)
				return rc;
		} else if ((unsigned char)*u->p < 0x20) {
			return fault(u->scan, place(u->scan, u->p),
			    err_set(u->scan->err, -EINVAL,
				"a control character (0x%02x) in a text: "
				"write \\u%04x",
				(unsigned)*u->p, (unsigned)*u->p));
		} else {
			*u->to++ = *u->p++;
		}
	}
	*u->to = '\0';
	return 0;
}

int
jsonish_scan_text(struct jsonish_scan *s, char **text)
{
	char *copy = malloc(s->len + 1);
	struct unescape u = { s, s->start, s->start + s->len, copy };
	int rc;

	if (copy == NULL)
		return err_set(s->err, -ENOMEM, "out of memory");
	rc = unescape(&u);
	if (rc == 0)
		*text = copy;
	else
		free(copy);
	return rc;
}
