#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#include "sink/chorus.h"
#include "sink/formats.h"

static void *
state_of(const struct chorus_part *p, void *st)
{
	return (char *)st + p->off;
}

/* Calls a callback of all parts that have it. */
#define ALL(o, st, callback, ...)                                              \
	do {                                                                   \
		const struct chorus *c_ = (o)->chorus;                         \
                                                                               \
		for (size_t i_ = 0; i_ < c_->n; i_++) {                        \
			const struct chorus_part *p_ = &c_->part[i_];          \
                                                                               \
			if (p_->format->callback != NULL)                      \
				p_->format->callback(                          \
				    (o), state_of(p_, (st)), __VA_ARGS__);     \
		}                                                              \
	} while (0)

static void
on_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	ALL(o, st, open, s, out);
}

static uint64_t
on_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	const struct chorus *chorus = o->chorus;
	uint64_t silence_ns = 0;

	for (size_t i = 0; i < chorus->n; i++) {
		const struct chorus_part *p = &chorus->part[i];
		uint64_t ns;

		if (p->format->data == NULL)
			continue;
		ns = p->format->data(o, state_of(p, st), s, c, out);
		if (silence_ns == 0 || (ns != 0 && ns < silence_ns))
			silence_ns = ns;
	}
	return silence_ns;
}

static void
on_idle(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	ALL(o, st, idle, s, out);
}

static void
on_gap(const struct format_opts *o, void *st, const struct session *s,
    const struct gap *g, struct obuf *out)
{
	ALL(o, st, gap, s, g, out);
}

static void
on_conflict(const struct format_opts *o, void *st, const struct session *s,
    const struct conflict *c, struct obuf *out)
{
	ALL(o, st, conflict, s, c, out);
}

static void
on_end(const struct format_opts *o, void *st, const struct session *s,
    const struct end *e, struct obuf *out)
{
	ALL(o, st, end, s, e, out);
}

static void
on_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	ALL(o, st, close, s, out);
}

static const struct format template = {
	.name = "chorus",
	.need = NEED_NOTHING,
	.open = on_open,
	.data = on_data,
	.idle = on_idle,
	.gap = on_gap,
	.conflict = on_conflict,
	.end = on_end,
	.close = on_close,
};

static int
add(struct chorus *c, const char *name, struct err *err)
{
	const struct format *f = formats_find(name);
	size_t align = alignof(max_align_t);

	if (f == NULL)
		return err_set(err, -EINVAL, "\"%s\" is no format", name);
	c->part[c->n++] = (struct chorus_part){ f, c->format.session_size };
	c->format.session_size += (f->session_size + align - 1) / align * align;
	if (f->need > c->format.need)
		c->format.need = f->need;
	return 0;
}

static size_t
count_words(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == ',';
	return n;
}

struct chorus *
chorus_new(const char *first, const char *more, struct err *err)
{
	size_t n = 1 + count_words(more);
	struct chorus *c = calloc(1, sizeof(*c) + n * sizeof(c->part[0]));
	char *words = strdup(more), *save = NULL;
	int rc = -ENOMEM;

	if (c == NULL || words == NULL) {
		(void)err_set(err, rc, "out of memory");
		goto fail;
	}
	c->format = template;
	rc = add(c, first, err);
	for (char *w = strtok_r(words, ",", &save); w != NULL && rc == 0;
	     w = strtok_r(NULL, ",", &save))
		rc = add(c, w, err);
	if (rc != 0)
		goto fail;
	free(words);
	return c;

fail:
	free(words);
	free(c);
	return NULL;
}

void
chorus_free(struct chorus *c)
{
	free(c);
}
