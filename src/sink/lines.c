#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obuf.h"
#include "base/text.h"

#include "sink/format.h"
#include "sink/headline.h"
#include "sink/lines.h"

/* Most lines are shorter than this. */
#define FIRST_CAP 256

/* The ellipsis, the mark of a cut line, and the end of the line. */
#define EXTRA_MAX (32 + TEXT_NUMBER_MAX + HEADLINE_FINISH_MAX)

static_assert(LINES_MAX <= UINT16_MAX, "struct lines_half counts in 16 bits");

/* Where lines go, and what they have in common within a chunk. */
struct target {
	const struct format_opts *o;
	const struct session *s;
	lines_render *render;
	struct obuf *out;
	size_t head_len;
	uint8_t head[HEADLINE_MAX];
};

/*
 * struct line - A line to be shown
 * @more:	Bytes of the stream behind @len that it leaves out
 */
struct line {
	const uint8_t *p;
	size_t len;
	uint64_t more;
	bool middle;
};

static void
target_head(struct target *t, enum dir dir, uint64_t ts_ns)
{
	t->head_len =
	    headline_write(t->head, t->o, t->s, ts_ns, headline_mark_of(dir));
}

static void
target_init(struct target *t, const struct format_opts *o,
    const struct lines *l, const struct session *s, struct obuf *out)
{
	t->o = o;
	t->s = s;
	t->render = l->render;
	t->out = out;
	t->head_len = 0;
}

/* How many of @n bytes to show so that no character is cut in two. */
static size_t
whole_characters(const uint8_t *p, size_t n)
{
	size_t len;
	uint32_t code;

	for (size_t back = 1; back < 4 && back <= n; back++) {
		const uint8_t *last = p + n - back;

		/* A continuation byte: the character begins before it. */
		if ((*last & 0xc0) == 0x80)
			continue;
		return text_utf8(last, back, &len, &code) == TEXT_UTF8_CUT
			   ? n - back
			   : n;
	}
	return n;
}

/* The mark of a line that was cut, which is rare. */
static uint8_t *
more_write(uint8_t *w, const struct format_opts *o, uint64_t more)
{
	const char *dots = o->utf8 ? "\u00b7\u00b7\u00b7" : "...";
	char number[TEXT_NUMBER_MAX];
	char mark[EXTRA_MAX];
	int n = snprintf(mark, sizeof(mark), " %s %s %s more %s", dots,
	    text_number(more, number), more == 1 ? "byte" : "bytes", dots);

	assert(n > 0 && (size_t)n < sizeof(mark));
	memcpy(w, mark, (size_t)n);
	return w + n;
}

static void
line_put(const struct target *t, struct line line)
{
	const char *ellipsis = t->o->utf8 ? "\u2026" : "...";
	uint8_t *room;
	uint8_t *w;

	if (line.len > LINES_MAX) {
		line.more += line.len - LINES_MAX;
		line.len = LINES_MAX;
	}
	if (line.more > 0) {
		size_t len = whole_characters(line.p, line.len);

		line.more += line.len - len;
		line.len = len;
	}
	room = obuf_room(
	    t->out, HEADLINE_MAX + TEXT_ESCAPE_ROOM(line.len) + EXTRA_MAX);
	if (room == NULL)
		return;
	w = room;
	memcpy(w, t->head, t->head_len);
	w += t->head_len;
	if (line.middle) {
		/* Three bytes either way. */
		memcpy(w, ellipsis, 3);
		w += 3;
	}
	w += t->render(t->o, w, line.p, line.len);
	if (line.more > 0)
		w = more_write(w, t->o, line.more);
	w += headline_finish(w, t->o);
	t->out->len += (size_t)(w - room);
}

static bool
half_grow(struct lines_half *h, size_t need)
{
	size_t cap = h->cap == 0 ? FIRST_CAP : h->cap;
	uint8_t *held;

	while (cap < need)
		cap *= 2;
	if (cap == h->cap)
		return true;
	held = realloc(h->held, cap);
	if (held == NULL)
		return false;
	h->held = held;
	h->cap = (uint16_t)cap;
	return true;
}

/* Hold @n > 0 bytes back.  Return: false without memory, nothing changed. */
static bool
half_hold(struct lines_half *h, const uint8_t *p, size_t n, uint64_t ts_ns)
{
	size_t fits = (size_t)LINES_MAX - h->len;

	if (fits > n)
		fits = n;
	if (!half_grow(h, h->len + fits))
		return false;
	if (h->len == 0)
		h->ts_ns = ts_ns;
	memcpy(h->held + h->len, p, fits);
	h->len = (uint16_t)(h->len + fits);
	h->more += n - fits;
	return true;
}

/* Show what is held; the line is over, or goes on later. */
static void
half_show(
    struct lines_half *h, struct target *t, enum dir dir, bool line_is_over)
{
	struct line line = {
		.p = h->held,
		.len = h->len,
		.more = h->more,
		.middle = h->middle,
	};

	target_head(t, dir, h->ts_ns);
	line_put(t, line);
	free(h->held);
	h->held = NULL;
	h->len = 0;
	h->cap = 0;
	h->more = 0;
	h->middle = !line_is_over;
}

static void
flush(struct lines *l, struct target *t, enum dir dir)
{
	struct lines_half *h = &l->half[dir];

	if (h->len > 0)
		half_show(h, t, dir, false);
}

static void
flush_both(const struct format_opts *o, struct lines *l,
    const struct session *s, struct obuf *out)
{
	struct target t;

	target_init(&t, o, l, s, out);
	flush(l, &t, DIR_CLIENT);
	flush(l, &t, DIR_SERVER);
}

/*
 * The rest of a line whose beginning is held.  Without memory for the rest,
 * both are shown, one by one.  Return: false if the rest is still to be shown
 */
static bool
finish_held(
    struct lines_half *h, struct target *t, const struct chunk *c, size_t rest)
{
	if (half_hold(h, c->data, rest, c->ts_ns)) {
		half_show(h, t, c->dir, true);
		return true;
	}
	half_show(h, t, c->dir, false);
	return false;
}

uint64_t
lines_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	struct lines *l = st;
	struct lines_half *h = &l->half[c->dir];
	const uint8_t *p = c->data;
	const uint8_t *end = p + c->len;
	const uint8_t *lf = memchr(p, '\n', c->len);
	struct target t;

	target_init(&t, o, l, s, out);
	flush(l, &t, dir_other(c->dir));
	if (lf != NULL && h->len > 0 &&
	    finish_held(h, &t, c, (size_t)(lf + 1 - p))) {
		p = lf + 1;
		lf = memchr(p, '\n', (size_t)(end - p));
	}
	if (lf != NULL)
		target_head(&t, c->dir, c->ts_ns);
	while (lf != NULL) {
		line_put(&t, (struct line){
				 .p = p,
				 .len = (size_t)(lf + 1 - p),
				 .middle = h->middle,
			     });
		h->middle = false;
		p = lf + 1;
		lf = memchr(p, '\n', (size_t)(end - p));
	}
	if (p == end)
		return 0;
	if (half_hold(h, p, (size_t)(end - p), c->ts_ns))
		return LINES_SILENCE_NS;
	flush(l, &t, c->dir);
	target_head(&t, c->dir, c->ts_ns);
	line_put(&t, (struct line){
			 .p = p,
			 .len = (size_t)(end - p),
			 .middle = h->middle,
		     });
	h->middle = true;
	return 0;
}

void
lines_idle(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	flush_both(o, st, s, out);
}

void
lines_gap(const struct format_opts *o, void *st, const struct session *s,
    const struct gap *g, struct obuf *out)
{
	flush_both(o, st, s, out);
	headline_gap(o, NULL, s, g, out);
}

void
lines_conflict(const struct format_opts *o, void *st, const struct session *s,
    const struct conflict *c, struct obuf *out)
{
	flush_both(o, st, s, out);
	headline_conflict(o, NULL, s, c, out);
}

void
lines_end(const struct format_opts *o, void *st, const struct session *s,
    const struct end *e, struct obuf *out)
{
	(void)e;
	flush_both(o, st, s, out);
}

void
lines_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	flush_both(o, st, s, out);
	headline_close(o, NULL, s, out);
}
