#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/table.h"
#include "base/text.h"

#include "sink/formats.h"
#include "sink/tcpreen_lines.h"

/*
 * tcpreen-c, -hex, -count, -null, -raw, -strip - as tcpreen 1.4.4 prints them.
 *
 * One read is one record.  ">>> " begins what the server said, "<<< " what
 * the client said; raw and strip add nothing after the bytes, so the next
 * mark may stand in the middle of a line.
 */

/* Room for the mark, without its NUL. */
#define MARK_LEN ((size_t)4)

/*
 * C: neither valid C nor easy to read back: \0x01 is six characters, \E is
 * ESC, quotes stand as they are, and so does DEL.
 */
#define C_MAX ((size_t)5)

struct entry {
	char text[C_MAX + 1];
	uint8_t len;
};

#define UPPER(n) ((char)((n) < 10 ? '0' + (n) : 'A' + (n)-10))
#define LETTER(b)                                                              \
	((b) == '\n'      ? 'n'                                                \
	    : (b) == '\r' ? 'r'                                                \
	    : (b) == '\0' ? '0'                                                \
	    : (b) == 0x1b ? 'E'                                                \
	    : (b) == '\\' ? '\\'                                               \
			  : 0)
#define IS_PLAIN(b) (TABLE_IS_PRINT(b) || (b) == 0x7f)
#define ENTRY(b)                                                               \
	{                                                                      \
		{ (char)(LETTER(b) || !IS_PLAIN(b) ? '\\' : (b)),              \
			(char)(LETTER(b) ? LETTER(b) : '0'), 'x',              \
			UPPER((b) >> 4), UPPER((b)&15) },                      \
		    LETTER(b)     ? 2                                          \
		    : IS_PLAIN(b) ? 1                                          \
				  : 5                                          \
	}

static const struct entry entries[256] = { TABLE_256(ENTRY) };

static uint64_t
c_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	uint8_t *room = obuf_room(out, MARK_LEN + c->len * C_MAX + 1);
	uint8_t *w = room;

	(void)o;
	(void)st;
	(void)s;
	if (room == NULL)
		return 0;
	memcpy(w, tcpreen_lines_mark(c->dir), MARK_LEN);
	w += MARK_LEN;
	for (size_t i = 0; i < c->len; i++) {
		const struct entry *e = &entries[c->data[i]];

		memcpy(w, e->text, C_MAX);
		w += e->len;
	}
	*w++ = '\n';
	out->len += (size_t)(w - room);
	return 0;
}

/* --- hex --------------------------------------------------------------- */

#define HEX_COLUMNS ((size_t)16)

/* "0x" eight digits " | ", three per byte, "| ", the text, a newline. */
#define HEX_LINE_MAX (13 + HEX_COLUMNS * 3 + 2 + HEX_COLUMNS + 1)

static const char hex_head[] =
    "   |  0  1  2  3  4  5  6  7  8  9  A  B  C  D  E  F |\n"
    "-------+-------------------------------------------------"
    "+----------------\n";

static const char upper[] = "0123456789ABCDEF";

/* "0x0010 | ": four digits, more when they are needed. */
static uint8_t *
hex_offset(uint8_t *w, size_t off)
{
	int shift = 12;

	while (off >> shift >> 4 != 0)
		shift += 4;
	*w++ = '0';
	*w++ = 'x';
	for (; shift >= 0; shift -= 4)
		*w++ = (uint8_t) "0123456789abcdef"[off >> shift & 15];
	memcpy(w, " | ", 3);
	return w + 3;
}

static uint8_t *
hex_line(uint8_t *w, size_t off, const uint8_t *p, size_t n)
{
	w = hex_offset(w, off);
	memset(w, ' ', HEX_COLUMNS * 3);
	for (size_t i = 0; i < n; i++) {
		w[3 * i] = (uint8_t)upper[p[i] >> 4];
		w[3 * i + 1] = (uint8_t)upper[p[i] & 15];
	}
	w += HEX_COLUMNS * 3;
	*w++ = '|';
	*w++ = ' ';
	for (size_t i = 0; i < n; i++)
		*w++ = TABLE_IS_PRINT(p[i]) ? p[i] : '.';
	*w++ = '\n';
	return w;
}

static uint64_t
hex_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	size_t lines = (c->len + HEX_COLUMNS - 1) / HEX_COLUMNS;
	uint8_t *room, *w;

	(void)o;
	(void)st;
	(void)s;
	obuf_puts(out, tcpreen_lines_mark(c->dir));
	obuf_puts(out, hex_head);
	room = obuf_room(out, lines * HEX_LINE_MAX);
	if (room == NULL)
		return 0;
	w = room;
	for (size_t at = 0; at < c->len; at += HEX_COLUMNS) {
		size_t n = c->len - at;

		w = hex_line(
		    w, at, c->data + at, n < HEX_COLUMNS ? n : HEX_COLUMNS);
	}
	out->len += (size_t)(w - room);
	obuf_printf(out, "Packet length: 0x%04zx (%5zu) %s\n\n", c->len, c->len,
	    tcpreen_lines_unit(c->len));
	return 0;
}

/* --- the simple ones --------------------------------------------------- */

static uint64_t
count_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	(void)o;
	(void)st;
	(void)s;
	obuf_puts(out, tcpreen_lines_mark(c->dir));
	text_decimal_put(out, c->len);
	obuf_putc(out, ' ');
	obuf_puts(out, tcpreen_lines_unit(c->len));
	obuf_putc(out, '\n');
	return 0;
}

static uint64_t
raw_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	(void)o;
	(void)st;
	(void)s;
	obuf_puts(out, tcpreen_lines_mark(c->dir));
	obuf_put(out, c->data, c->len);
	return 0;
}

#define SHOWN(b) ((b) == '\n' || TABLE_IS_PRINT(b) ? (b) : '.')

static const uint8_t shown[256] = { TABLE_256(SHOWN) };

/* tcpreen drops every carriage return, also one that stands alone. */
static uint64_t
strip_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	uint8_t *room = obuf_room(out, MARK_LEN + c->len);
	uint8_t *w = room;

	(void)o;
	(void)st;
	(void)s;
	if (room == NULL)
		return 0;
	memcpy(w, tcpreen_lines_mark(c->dir), MARK_LEN);
	w += MARK_LEN;
	for (size_t i = 0; i < c->len; i++) {
		*w = shown[c->data[i]];
		w += c->data[i] != '\r';
	}
	out->len += (size_t)(w - room);
	return 0;
}

#define TCPREEN_FORMAT(word, what, callback)                                   \
	{                                                                      \
		.name = "tcpreen-" word, .need = (what),                       \
		.session_size = sizeof(struct tcpreen_lines),                  \
		.open = tcpreen_lines_open, .data = (callback),                \
		.gap = tcpreen_lines_gap, .end = tcpreen_lines_end,            \
		.close = tcpreen_lines_close,                                  \
	}

const struct format format_tcpreen_c = TCPREEN_FORMAT("c", NEED_MEMORY, c_data);
const struct format format_tcpreen_hex =
    TCPREEN_FORMAT("hex", NEED_MEMORY, hex_data);
const struct format format_tcpreen_count =
    TCPREEN_FORMAT("count", NEED_NOTHING, count_data);
const struct format format_tcpreen_null =
    TCPREEN_FORMAT("null", NEED_NOTHING, NULL);
const struct format format_tcpreen_raw =
    TCPREEN_FORMAT("raw", NEED_MEMORY, raw_data);
const struct format format_tcpreen_strip =
    TCPREEN_FORMAT("strip", NEED_MEMORY, strip_data);
