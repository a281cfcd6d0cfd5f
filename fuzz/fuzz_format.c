#include <ctype.h>
#include <time.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/obuf.h"
#include "base/text.h"
#include "core/sink.h"
#include "events.h"
#include "sink/formats.h"

/*
 * Events of sessions (events.h) in a format (sink/format.h).  Byte 0 is the
 * format, byte 1 how it is to look, byte 2 the pieces of the second time.
 *
 * What was said stands in hex, c and jsonl, and can be read back.  Formats that
 * do not tell of pieces are the same whatever pieces it came in.  What is meant
 * to be looked at drives no terminal.
 */

/* What the sink keeps for a session; the format's state follows. */
struct slot {
	uint64_t due;
	const struct session *s;
	_Alignas(max_align_t) uint8_t st[];
};

/**
 * struct scene - One format, played once
 * @out:	What it has written
 * @said:	The bytes of all chunks, in order
 * @slot:	[session] of the events; NULL: not open
 */
struct scene {
	struct sink_ops ops;
	const struct format *format;
	struct format_opts o;
	struct obuf out;
	struct obuf said;
	struct slot *slot[EVENTS_SESSIONS];
	struct events ev;
	bool failed;
};

static struct scene *
scene_of(const struct sink_lane *lane)
{
	return lane->sink->self;
}

/* --- the smallest sink there can be ------------------------------------ */

static int
on_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)lane;
	(void)w;
	(void)err;
	return 0;
}

static void
on_lane_free(struct sink_lane *lane)
{
	(void)lane;
}

/* As sink/stream.c: a buffer that has failed is begun anew. */
static void
wrote(struct scene *sc)
{
	FUZZ_CHECK(!sc->out.failed || memory_is_short());
	sc->failed = sc->failed || sc->out.failed;
	sc->out.failed = false;
}

static int
on_open(struct sink_lane *lane, void *state, const struct session *s)
{
	struct scene *sc = scene_of(lane);
	struct slot *slot = state;

	slot->s = s;
	sc->slot[s == &sc->ev.s[1]] = slot;
	if (sc->format->open != NULL)
		sc->format->open(&sc->o, slot->st, s, &sc->out);
	wrote(sc);
	return 0;
}

static void
on_data(struct sink_lane *lane, void *state, const struct session *s,
    const struct chunk *c)
{
	struct scene *sc = scene_of(lane);
	struct slot *slot = state;
	uint64_t silence = 0;

	if (sc->format->data != NULL)
		silence = sc->format->data(&sc->o, slot->st, s, c, &sc->out);
	slot->due = silence == 0 ? 0 : c->ts_ns + silence;
	wrote(sc);
}

static void
on_gap(struct sink_lane *lane, void *state, const struct session *s,
    const struct gap *g)
{
	struct scene *sc = scene_of(lane);

	if (sc->format->gap != NULL)
		sc->format->gap(
		    &sc->o, ((struct slot *)state)->st, s, g, &sc->out);
	wrote(sc);
}

static void
on_conflict(struct sink_lane *lane, void *state, const struct session *s,
    const struct conflict *c)
{
	struct scene *sc = scene_of(lane);

	if (sc->format->conflict != NULL)
		sc->format->conflict(
		    &sc->o, ((struct slot *)state)->st, s, c, &sc->out);
	wrote(sc);
}

static void
on_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	struct scene *sc = scene_of(lane);

	if (sc->format->end != NULL)
		sc->format->end(
		    &sc->o, ((struct slot *)state)->st, s, e, &sc->out);
	wrote(sc);
}

static void
on_close(struct sink_lane *lane, void *state, const struct session *s)
{
	struct scene *sc = scene_of(lane);
	struct slot *slot = state;

	if (sc->format->close != NULL)
		sc->format->close(&sc->o, slot->st, s, &sc->out);
	sc->slot[s == &sc->ev.s[1]] = NULL;
	wrote(sc);
}

static void
on_idle(void *self, size_t i)
{
	struct scene *sc = self;
	struct slot *slot = sc->slot[i];

	if (slot == NULL || slot->due == 0 || slot->due > sc->ev.now_ns)
		return;
	slot->due = 0;
	sc->format->idle(&sc->o, slot->st, slot->s, &sc->out);
	wrote(sc);
}

static void
on_said(void *self, const struct session *s, const struct chunk *c)
{
	struct scene *sc = self;

	(void)s;
	memory_pause(true);
	obuf_put(&sc->said, c->data, c->len);
	memory_pause(false);
}

/* Return: it was played to its end */
static bool
play(struct scene *sc, struct fuzz_in in, size_t cut)
{
	char name[] = "fuzz";
	struct sink sink = { .ops = &sc->ops, .name = name, .self = sc };
	struct sink *sinks[] = { &sink };
	struct err err = { "" };

	sc->ops = (struct sink_ops){
		.kind = "fuzz",
		.need = NEED_MEMORY,
		.session_size = sizeof(struct slot) + sc->format->session_size,
		.lane_new = on_lane_new,
		.lane_free = on_lane_free,
		.open = on_open,
		.data = on_data,
		.gap = on_gap,
		.conflict = on_conflict,
		.end = on_end,
		.close = on_close,
	};
	sc->ev.fan = fanout_new(sinks, 1, NULL, &err);
	FUZZ_CHECK(sc->ev.fan != NULL || memory_is_short());
	if (sc->ev.fan == NULL)
		return false;
	sc->ev.source = "read";
	sc->ev.cut = cut;
	sc->ev.said = on_said;
	sc->ev.idle = on_idle;
	sc->ev.self = sc;
	events_play(&sc->ev, &in);
	fanout_free(sc->ev.fan);
	return !sc->failed;
}

static void
scene_done(struct scene *sc)
{
	obuf_done(&sc->out);
	obuf_done(&sc->said);
}

/* --- reading it back --------------------------------------------------- */

/** struct back - What was read back so far: it must be what was said. */
struct back {
	const struct obuf *said;
	size_t at;
};

static void
back_byte(struct back *b, unsigned byte)
{
	FUZZ_CHECK(b->at < b->said->len);
	FUZZ_CHECK(b->said->data[b->at] == byte);
	b->at++;
}

static unsigned
digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* A row of a dump, as no other line looks: "0000001f  20 00 ...". */
static void
read_hex(struct back *b, const char *line, size_t len)
{
	const char *end = line + len;
	const char *p = line;

	while (p < end && isxdigit((unsigned char)*p))
		p++;
	if (p - line < 8)
		return;
	for (;;) {
		while (p < end && *p == ' ')
			p++;
		FUZZ_CHECK(p + 2 < end);
		if (*p == '|')
			return;
		back_byte(b, digit(p[0]) << 4 | digit(p[1]));
		p += 2;
	}
}

static const char *
read_escape(struct back *b, const char *p)
{
	static const char letters[] = "abtnvfr\"\\?";
	static const char meant[] = "\a\b\t\n\v\f\r\"\\?";
	const char *at = strchr(letters, *p);

	if (at != NULL && *p != '\0') {
		back_byte(b, (uint8_t)meant[at - letters]);
		return p + 1;
	}
	back_byte(b, digit(p[0]) << 6 | digit(p[1]) << 3 | digit(p[2]));
	return p + 3;
}

static bool
has(const char *line, size_t len, const char *mark)
{
	return memmem(line, len, mark, strlen(mark)) != NULL;
}

static void
read_c(struct back *b, const char *line, size_t len)
{
	const char *end = line + len;
	const char *p = memchr(line, '"', len);
	size_t before = p == NULL ? 0 : (size_t)(p - line);

	/* How a session ended may have quotes in it, too. */
	if (p == NULL || has(line, before, " \u25cb ") ||
	    has(line, before, " o "))
		return;
	for (p++; p < end && *p != '"';) {
		if (*p == '\\')
			p = read_escape(b, p + 1);
		else
			back_byte(b, (uint8_t)*p++);
	}
	FUZZ_CHECK(p < end);
}

static void
read_jsonl(struct back *b, const char *line, size_t len)
{
	json_t *o = json_loadb(line, len, 0, NULL);
	const char *what, *text;
	uint8_t *data;
	size_t n = 0;

	FUZZ_CHECK(json_is_object(o));
	what = json_string_value(json_object_get(o, "event"));
	FUZZ_CHECK(what != NULL);
	if (strcmp(what, "data") == 0) {
		text = json_string_value(json_object_get(o, "data"));
		FUZZ_CHECK(text != NULL);
		data = memory_own(strlen(text));
		FUZZ_CHECK(base64_decode(data, &n, text, strlen(text)) == 0);
		FUZZ_CHECK(json_integer_value(json_object_get(o, "len")) ==
			   (json_int_t)n);
		for (size_t i = 0; i < n; i++)
			back_byte(b, data[i]);
		free(data);
	}
	json_decref(o);
}

static void
read_back(const struct scene *sc)
{
	struct back b = { &sc->said, 0 };
	const char *p, *end, *lf;
	void (*line)(struct back *, const char *, size_t) = NULL;

	if (sc->format == &format_hex)
		line = read_hex;
	else if (sc->format == &format_c)
		line = read_c;
	else if (sc->format == &format_jsonl)
		line = read_jsonl;
	if (line == NULL || sc->out.len == 0)
		return;
	p = (const char *)sc->out.data;
	for (end = p + sc->out.len; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		FUZZ_CHECK(lf != NULL);
		line(&b, p, (size_t)(lf - p));
	}
	FUZZ_CHECK(b.at == sc->said.len);
}

/* --- looking at it ----------------------------------------------------- */

/* A colour, which is all that may be; where it ends. */
static size_t
skip_color(const struct obuf *o, size_t at)
{
	FUZZ_CHECK(at + 2 < o->len && o->data[at + 1] == '[');
	for (at += 2; at < o->len && o->data[at] != 'm'; at++)
		FUZZ_CHECK(isdigit(o->data[at]) || o->data[at] == ';');
	FUZZ_CHECK(at < o->len);
	return at + 1;
}

static void
check_look(const struct scene *sc)
{
	const struct obuf *o = &sc->out;
	size_t len;
	uint32_t code;

	for (size_t at = 0; at < o->len; at += len) {
		len = 1;
		if (o->data[at] == '\x1b') {
			FUZZ_CHECK(sc->o.color);
			len = skip_color(o, at) - at;
			continue;
		}
		FUZZ_CHECK(text_utf8(o->data + at, o->len - at, &len, &code) ==
			   TEXT_UTF8_CHAR);
		FUZZ_CHECK(code >= ' ' || code == '\n');
		FUZZ_CHECK(code < 0x7f || code > 0x9f);
		/* JSON is UTF-8. */
		FUZZ_CHECK(
		    code < 0x80 || !sc->o.ascii || sc->format == &format_jsonl);
	}
	FUZZ_CHECK(o->len == 0 || o->data[o->len - 1] == '\n');
}

/* Does it tell nothing of the pieces that things came in? */
static bool
is_without_pieces(const struct format *f)
{
	static const struct format *const all[] = { &format_text, &format_strip,
		&format_raw, &format_password, &format_summary,
		&format_gotcpspy_errors, &format_netrecord_notes,
		&format_tcpreen_errors, &format_tcpreen_null,
		&format_tcpreen_password, &format_tcpreen_peers };

	for (size_t i = 0; i < ATTR_COUNT(all); i++)
		if (all[i] == f)
			return true;
	return false;
}

/* Our own, but the one that is bytes. */
static bool
is_to_be_looked_at(const struct format *f)
{
	return f->help != NULL && f != &format_raw;
}

static struct scene
scene_make(unsigned which, unsigned how)
{
	size_t n = 0;
	struct scene sc = { .failed = false };

	do {
		n++;
	} while (formats_at(n) != NULL);
	sc.format = formats_at(which % n);
	sc.o = (struct format_opts){
		.utf8 = (how & 3) == 1,
		.ascii = (how & 3) == 2,
		.color = (how & 4) != 0,
		.inputs = (how & 8) != 0,
		.start_ns = EVENTS_START_NS,
	};
	/* What stands in quotes there is to be what was said. */
	sc.ev.no_conflict = sc.format == &format_c;
	sc.ev.target = sc.format == &format_c
			   ? "plain:80"
			   : "\"evil\x1b[2J\xc2\x9b\xff\n:80";
	return sc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	unsigned which = fuzz_u8(&in), how = fuzz_u8(&in);
	size_t cut = 1 + fuzz_u8(&in);
	struct scene sc = scene_make(which, how), again = sc;

	/* Local times are those of the machine, but for this. */
	(void)setenv("TZ", "UTC", 1);
	tzset();
	if (play(&sc, in, 0)) {
		memory_pause(true);
		read_back(&sc);
		if (is_to_be_looked_at(sc.format))
			check_look(&sc);
		memory_pause(false);
	}
	if (is_without_pieces(sc.format) && !memory_is_short()) {
		(void)play(&again, in, cut); /* there is memory */
		FUZZ_CHECK(again.out.len == sc.out.len);
		FUZZ_CHECK(
		    sc.out.len == 0 ||
		    memcmp(again.out.data, sc.out.data, sc.out.len) == 0);
	}
	scene_done(&sc);
	scene_done(&again);
	return 0;
}
