#include <assert.h>
#include <string.h>

#include "base/attr.h"
#include "base/obuf.h"
#include "core/session.h"

#include "sink/format.h"
#include "sink/headline.h"

/* Bytes of each copy that a conflict shows. */
#define CONFLICT_SHOWN ((size_t)32)

#define SGR_OFF "\x1b[0m"
#define SGR_DIM "\x1b[2m"
#define SGR_RED "\x1b[31m"

/* A short constant text. */
struct piece {
	const char *text;
	uint8_t len;
};

#define PIECE(text)                                                            \
	{                                                                      \
		(text), sizeof(text) - 1                                       \
	}

static const struct piece arrow[2][HEADLINE_NMARKS] = {
	{ PIECE("->"), PIECE("<-"), PIECE("* "), PIECE("o ") },
	{ PIECE("\u25b6"), PIECE("\u25c0"), PIECE("\u25cf"), PIECE("\u25cb") },
};

static const struct piece mark_color[] = {
	[HEADLINE_CLIENT] = PIECE("\x1b[36m"),
	[HEADLINE_SERVER] = PIECE("\x1b[32m"),
	[HEADLINE_OPEN] = PIECE(""),
	[HEADLINE_CLOSE] = PIECE(""),
};
static_assert(
    ATTR_COUNT(mark_color) == HEADLINE_NMARKS, "a colour for each mark");

/* Neighbours differ; neither black nor white, which may be the background. */
static const struct piece id_color[] = {
	PIECE("\x1b[33m"),
	PIECE("\x1b[35m"),
	PIECE("\x1b[34m"),
	PIECE("\x1b[93m"),
	PIECE("\x1b[95m"),
	PIECE("\x1b[94m"),
	PIECE("\x1b[96m"),
	PIECE("\x1b[92m"),
	PIECE("\x1b[91m"),
};

static uint8_t *
piece_write(uint8_t *w, struct piece p)
{
	memcpy(w, p.text, p.len);
	return w + p.len;
}

enum headline_mark
headline_mark_of(enum dir dir)
{
	return dir == DIR_CLIENT ? HEADLINE_CLIENT : HEADLINE_SERVER;
}

enum text_look
headline_look(const struct format_opts *o)
{
	if (o->ascii)
		return TEXT_ASCII;
	return o->utf8 ? TEXT_PICTURES : TEXT_PLAIN;
}

/* Columns of "#1" and the spaces behind it: even, and at least one space. */
static size_t
id_columns(size_t len)
{
	size_t even = len / 2 * 2 + 2;

	return even < 4 ? 4 : even;
}

static uint8_t *
id_write(uint8_t *w, const struct format_opts *o, const struct session *s)
{
	static const struct piece off = PIECE(SGR_OFF);
	size_t len;

	if (o->color)
		w = piece_write(w, id_color[s->id % ATTR_COUNT(id_color)]);
	*w = '#';
	len = 1 + text_decimal(w + 1, s->id);
	w += len;
	if (o->color)
		w = piece_write(w, off);
	memset(w, ' ', id_columns(len) - len);
	return w + id_columns(len) - len;
}

size_t
headline_write(uint8_t *out, const struct format_opts *o,
    const struct session *s, uint64_t ts_ns, enum headline_mark mark)
{
	static const struct piece dim = PIECE(SGR_DIM);
	static const struct piece off = PIECE(SGR_OFF);
	static const struct piece gap = PIECE("  ");
	char clock[TEXT_CLOCK_MAX];
	uint8_t *w = out;

	if (o->color)
		w = piece_write(w, dim);
	memcpy(w, text_clock(ts_ns, clock), TEXT_CLOCK_MAX - 1);
	w += TEXT_CLOCK_MAX - 1;
	if (o->color)
		w = piece_write(w, off);
	w = piece_write(w, gap);
	w = id_write(w, o, s);
	if (o->color)
		w = piece_write(w, mark_color[mark]);
	w = piece_write(w, arrow[o->utf8][mark]);
	w = piece_write(w, gap);
	return (size_t)(w - out);
}

void
headline_put(const struct format_opts *o, const struct session *s,
    uint64_t ts_ns, enum headline_mark mark, struct obuf *out)
{
	uint8_t *room = obuf_room(out, HEADLINE_MAX);

	if (room != NULL)
		out->len += headline_write(room, o, s, ts_ns, mark);
}

size_t
headline_columns(const struct format_opts *o, const struct session *s)
{
	uint8_t digits[TEXT_DECIMAL_MAX];

	return TEXT_CLOCK_MAX - 1 + 2 +
	       id_columns(1 + text_decimal(digits, s->id)) + (o->utf8 ? 1 : 2) +
	       2;
}

size_t
headline_finish(uint8_t out[HEADLINE_FINISH_MAX], const struct format_opts *o)
{
	static const struct piece plain = PIECE("\n");
	static const struct piece color = PIECE(SGR_OFF "\n");

	return (size_t)(piece_write(out, o->color ? color : plain) - out);
}

void
headline_finish_put(const struct format_opts *o, struct obuf *out)
{
	uint8_t *room = obuf_room(out, HEADLINE_FINISH_MAX);

	if (room != NULL)
		out->len += headline_finish(room, o);
}

void
headline_id_put(
    const struct format_opts *o, const struct session *s, struct obuf *out)
{
	uint8_t *room = obuf_room(out, HEADLINE_MAX);

	if (room != NULL)
		out->len += (size_t)(id_write(room, o, s) - room);
}

/*
 * One end.  What its user typed says more than a name that was looked up, and
 * that more than the number; the number stands in brackets then.
 */
static void
party_put(const struct format_opts *o, const struct session *s, enum dir dir,
    struct obuf *out)
{
	const struct addr *a = dir == DIR_CLIENT ? &s->client : &s->server;
	const struct session_name *name = session_name(s, dir);
	enum text_look look = headline_look(o);
	char text[ADDR_TEXT_MAX];
	char ip[ADDR_TEXT_MAX];

	(void)addr_format(a, text);
	if (dir == DIR_SERVER && session_target(s) != NULL &&
	    strcmp(session_target(s), text) != 0) {
		text_escape_put(out, session_target(s), look);
	} else if (name->host != NULL) {
		text_escape_put(out, name->host, look);
		if (name->service != NULL) {
			obuf_putc(out, ':');
			text_escape_put(out, name->service, look);
		} else {
			obuf_printf(out, ":%u", (unsigned)a->port);
		}
	} else {
		text_escape_put(out, text, look);
		return;
	}
	if (a->family == AF_INET || a->family == AF_INET6)
		obuf_printf(out, " (%s)", addr_format_ip(a, ip));
}

void
headline_who_put(
    const struct format_opts *o, const struct session *s, struct obuf *out)
{
	party_put(o, s, DIR_CLIENT, out);
	obuf_puts(out, o->utf8 ? " \u2192 " : " -> ");
	party_put(o, s, DIR_SERVER, out);
	if (s->midstream)
		obuf_puts(out, " (first seen in the middle)");
}

/* How the side that ended first did it. */
static enum how
first_how(const struct session *s)
{
	switch ((enum party)s->first) {
	case PARTY_CLIENT:
		return (enum how)s->how[DIR_CLIENT];
	case PARTY_SERVER:
		return (enum how)s->how[DIR_SERVER];
	case PARTY_US:
		break;
	}
	return (enum how)s->reason;
}

/*
 * Who stopped it, or rather stopped following it: of what is only overheard
 * nothing is closed by us.
 */
static void
closer_put(const struct session *s, struct obuf *out)
{
	if (s->first != PARTY_US)
		obuf_printf(out, "closed by the %s",
		    event_party_name((enum party)s->first));
	else if (session_is_overheard(s))
		obuf_puts(out, "still open");
	else
		obuf_puts(out, "closed by us");
}

/*
 * "refused (Connection refused)", "closed by the server (fin)", "closed by
 * the client (fin), then timeout", "still open (evicted)"
 */
static void
reason_put(
    const struct format_opts *o, const struct session *s, struct obuf *out)
{
	enum how reason = (enum how)s->reason;
	bool is_refused = reason == HOW_REFUSED;
	const char *name = event_how_name(reason);
	const char *first = event_how_name(first_how(s));

	if (is_refused) {
		obuf_puts(out, "refused");
	} else {
		closer_put(s, out);
		obuf_printf(out, " (%s", first);
	}
	if (!is_refused && first != name)
		obuf_printf(out, "), then %s", name);
	if (session_error(s) != NULL) {
		obuf_puts(out, is_refused ? " (" : ": ");
		text_escape_put(out, session_error(s), headline_look(o));
	}
	if (is_refused ? session_error(s) != NULL : first == name)
		obuf_putc(out, ')');
}

void
headline_how_put(
    const struct format_opts *o, const struct session *s, struct obuf *out)
{
	uint64_t gaps =
	    session_gap_bytes(s, DIR_CLIENT) + session_gap_bytes(s, DIR_SERVER);
	uint64_t lost = session_lost_bytes(s, DIR_CLIENT) +
			session_lost_bytes(s, DIR_SERVER);
	uint64_t again =
	    s->retransmitted[DIR_CLIENT] + s->retransmitted[DIR_SERVER];
	char text[TEXT_NUMBER_MAX];

	reason_put(o, s, out);
	obuf_printf(
	    out, " after %s", text_duration(s->last_ns - s->open_ns, text));
	if (s->reason == HOW_REFUSED)
		return;
	for (unsigned d = 0; d < DIR_NDIRS; d++) {
		enum headline_mark mark = headline_mark_of((enum dir)d);

		obuf_printf(out, "   %s %s", arrow[o->utf8][mark].text,
		    text_size(s->bytes[d], text));
	}
	if (gaps > 0)
		obuf_printf(out, "   %s lost", text_size(gaps, text));
	if (lost > 0)
		obuf_printf(out, "   %s undelivered", text_size(lost, text));
	if (again > 0)
		obuf_printf(
		    out, "   %s retransmitted", text_number(again, text));
}

void
headline_size_put(uint64_t len, uint64_t off, struct obuf *out)
{
	char len_text[TEXT_NUMBER_MAX];
	char off_text[TEXT_NUMBER_MAX];

	obuf_puts(out, text_number(len, len_text));
	obuf_puts(out, len == 1 ? " byte at " : " bytes at ");
	obuf_puts(out, text_number(off, off_text));
}

void
headline_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	(void)st;
	headline_put(o, s, s->open_ns, HEADLINE_OPEN, out);
	headline_who_put(o, s, out);
	headline_finish_put(o, out);
}

/* The three dots around what is wrong with a stream. */
static void
dots_put(const struct format_opts *o, struct obuf *out)
{
	obuf_puts(out, o->utf8 ? "\u00b7\u00b7\u00b7" : "...");
}

void
headline_gap(const struct format_opts *o, void *st, const struct session *s,
    const struct gap *g, struct obuf *out)
{
	char len[TEXT_NUMBER_MAX];
	char off[TEXT_NUMBER_MAX];

	(void)st;
	headline_put(o, s, g->ts_ns, headline_mark_of(g->dir), out);
	if (o->color)
		obuf_puts(out, SGR_RED);
	dots_put(o, out);
	obuf_printf(out, " %s %s lost at %s ", text_number(g->len, len),
	    g->len == 1 ? "byte" : "bytes", text_number(g->off, off));
	if (g->why != GAP_LOST)
		obuf_printf(out, "(%s) ", event_gap_name(g->why));
	dots_put(o, out);
	headline_finish_put(o, out);
}

void
headline_quote_put(
    const struct format_opts *o, const uint8_t *p, size_t n, struct obuf *out)
{
	enum text_look look = headline_look(o);
	uint8_t *room = obuf_room(out, TEXT_ESCAPE_ROOM(n) + 2);
	const uint8_t *end = p + n;
	uint8_t *w = room;

	if (room == NULL)
		return;
	*w++ = '"';
	while (p < end) {
		const uint8_t *quote = memchr(p, '"', (size_t)(end - p));
		const uint8_t *stop = quote == NULL ? end : quote;

		w += text_escape(w, p, (size_t)(stop - p), look);
		p = stop;
		if (quote != NULL) {
			*w++ = '\\';
			*w++ = '"';
			p++;
		}
	}
	*w++ = '"';
	out->len += (size_t)(w - room);
}

/* The beginning of one copy. */
static void
copy_put(
    const struct format_opts *o, const uint8_t *p, size_t n, struct obuf *out)
{
	headline_quote_put(o, p, n < CONFLICT_SHOWN ? n : CONFLICT_SHOWN, out);
	if (n > CONFLICT_SHOWN)
		obuf_puts(out, o->utf8 ? "\u2026" : "...");
}

void
headline_conflict(const struct format_opts *o, void *st,
    const struct session *s, const struct conflict *c, struct obuf *out)
{
	(void)st;
	headline_put(o, s, c->ts_ns, headline_mark_of(c->dir), out);
	if (o->color)
		obuf_puts(out, SGR_RED);
	dots_put(o, out);
	obuf_putc(out, ' ');
	headline_size_put(c->len, c->off, out);
	obuf_puts(out, " came twice: kept ");
	copy_put(o, c->kept, c->len, out);
	obuf_puts(out, ", not ");
	copy_put(o, c->other, c->len, out);
	obuf_putc(out, ' ');
	dots_put(o, out);
	headline_finish_put(o, out);
}

void
headline_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	(void)st;
	headline_put(o, s, s->last_ns, HEADLINE_CLOSE, out);
	headline_how_put(o, s, out);
	headline_finish_put(o, out);
}
