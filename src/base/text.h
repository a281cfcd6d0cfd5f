#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct obuf;

/*
 * text.h - bytes, numbers and times as people read them.
 *
 * What comes from a stranger must not drive a terminal: text_escape() lets
 * through printable characters and nothing else.  Everything here may be used
 * by any thread at any time.
 */

/** enum text_utf8 - What the bytes at a place are. */
enum text_utf8 {
	TEXT_UTF8_CHAR, /* a character, encoded as it should be */
	TEXT_UTF8_CUT,  /* the beginning of one; the rest is not there */
	TEXT_UTF8_BAD,  /* the first byte belongs to no character */
};

/**
 * text_utf8() - Look at the first character
 * @p:		At least one byte
 * @n:		Bytes at @p, > 0
 * @len:	TEXT_UTF8_CHAR: its length, 1 to 4; else unchanged
 * @code:	TEXT_UTF8_CHAR: the code point; else unchanged
 *
 * RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
enum text_utf8 text_utf8(
    const uint8_t *p, size_t n, size_t *len, uint32_t *code);

/** enum text_look - What text_escape() may use. */
enum text_look {
	TEXT_PICTURES, /* UTF-8, and control pictures for CR, LF and TAB */
	TEXT_PLAIN,    /* UTF-8, and \r, \n and \t for these */
	TEXT_ASCII,    /* as TEXT_PLAIN, but every other byte escaped */
	TEXT_WORDS,    /* as TEXT_PLAIN, but the backslash stays one */
};
#define TEXT_NLOOKS (TEXT_WORDS + 1)

/* Bytes of room that text_escape() needs for @n bytes: it may write a few
 * more than it returns. */
#define TEXT_ESCAPE_ROOM(n) ((size_t)(n)*4 + 8)

/**
 * text_escape() - Make bytes safe to be shown
 * @out:	TEXT_ESCAPE_ROOM(@n) bytes
 * @p:		Any bytes; @n may be 0
 * @look:	See enum text_look
 *
 * Printable characters stay.  The backslash becomes "\\".  Controls (C0, DEL,
 * C1), bidirectional controls, the line and paragraph separators (U+2028,
 * U+2029) and bytes that are not UTF-8 become "\xNN", byte by byte.
 *
 * TEXT_WORDS is for sentences of ours with words of strangers in them: it may
 * be used on what was escaped before.
 *
 * Return: bytes written; no NUL is added
 */
size_t text_escape(
    uint8_t *out, const uint8_t *p, size_t n, enum text_look look);

/** text_escape_put() - The same for a C string, appended to @o. */
void text_escape_put(struct obuf *o, const char *text, enum text_look look);

/**
 * text_json_put() - Append a C string as a JSON string, quotes included
 *
 * Whatever the bytes, the result is valid JSON: what is not UTF-8 becomes
 * U+FFFD.
 */
void text_json_put(struct obuf *o, const char *text);

/* Room for the digits of a uint64_t. */
#define TEXT_DECIMAL_MAX 20

/** text_decimal() - Write digits, no NUL.  Return: their number */
size_t text_decimal(uint8_t out[TEXT_DECIMAL_MAX], uint64_t n);

/** text_decimal_put() - The same, appended to @o. */
void text_decimal_put(struct obuf *o, uint64_t n);

/* Room for what the next three make. */
#define TEXT_NUMBER_MAX 48

/** text_number() - "2,896".  Return: @buf */
const char *text_number(uint64_t n, char buf[TEXT_NUMBER_MAX]);

/** text_size() - "2,896 B".  Return: @buf */
const char *text_size(uint64_t bytes, char buf[TEXT_NUMBER_MAX]);

/**
 * text_duration() - "16.577 s", "2 min 16.577 s", "1 h 02 min 16.577 s"
 *
 * Return: @buf
 */
const char *text_duration(uint64_t ns, char buf[TEXT_NUMBER_MAX]);

/* "08:30:00.123" and a NUL. */
#define TEXT_CLOCK_MAX 13

/** text_clock() - Local time of day; cheap within a second.  Return: @buf */
const char *text_clock(uint64_t ts_ns, char buf[TEXT_CLOCK_MAX]);

/* "2026-11-21 08:30:00.123" and a NUL. */
#define TEXT_DATE_MAX 24

/** text_date() - Local date and time; likewise.  Return: @buf */
const char *text_date(uint64_t ts_ns, char buf[TEXT_DATE_MAX]);

/* "2026-11-21T08:30:00.123456789Z" and a NUL. */
#define TEXT_STAMP_MAX 31

/** text_stamp() - RFC 3339 in UTC with nanoseconds; likewise. */
const char *text_stamp(uint64_t ts_ns, char buf[TEXT_STAMP_MAX]);

#endif /* BASE_TEXT_H */
