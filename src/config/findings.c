#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obuf.h"
#include "base/text.h"
#include "config/findings.h"

/* As long as a struct err, and a key before it. */
#define MAX_SENTENCE 640

static void
add(struct findings *f, struct jsonish_pos pos, const char *fmt, va_list ap)
{
	char text[MAX_SENTENCE];
	struct finding *more;

	if (f->n == FINDINGS_MAX) {
		f->more++;
		return;
	}
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	more = realloc(f->v, (f->n + 1) * sizeof(*more));
	if (more == NULL) {
		f->failed = true;
		return;
	}
	f->v = more;
	more[f->n] = (struct finding){ .pos = pos, .text = strdup(text) };
	if (more[f->n].text == NULL)
		f->failed = true;
	else
		f->n++;
}

void
findings_error(struct findings *f, struct jsonish_pos pos, const char *fmt, ...)
{
	size_t n = f->n;
	va_list ap;

	va_start(ap, fmt);
	add(f, pos, fmt, ap);
	va_end(ap);
	f->errors++;
	if (f->n > n)
		f->v[n].is_error = true;
}

void
findings_warn(struct findings *f, struct jsonish_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, pos, fmt, ap);
	va_end(ap);
}

bool
findings_are_bad(const struct findings *f)
{
	return f->failed || f->errors > 0;
}

static bool
is_before(struct jsonish_pos a, struct jsonish_pos b)
{
	return a.line < b.line || (a.line == b.line && a.column < b.column);
}

/* By insertion: qsort(3) would not keep the order of those at one place. */
static void
sort(struct findings *f)
{
	for (size_t i = 1; i < f->n; i++) {
		struct finding one = f->v[i];
		size_t j = i;

		for (; j > 0 && is_before(one.pos, f->v[j - 1].pos); j--)
			f->v[j] = f->v[j - 1];
		f->v[j] = one;
	}
}

static void
put_shown(struct obuf *out, const char *text)
{
	text_escape_put(out, text, TEXT_WORDS);
}

void
findings_put(struct findings *f, const char *file, struct obuf *out)
{
	sort(f);
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *one = &f->v[i];

		put_shown(out, file);
		obuf_printf(out, ":%u:%u: %s", one->pos.line, one->pos.column,
		    one->is_error ? "" : "warning: ");
		put_shown(out, one->text);
		obuf_putc(out, '\n');
	}
	if (f->more > 0) {
		put_shown(out, file);
		obuf_printf(out, ": and %zu more like these\n", f->more);
	}
}

void
findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].text);
	free(f->v);
	*f = (struct findings){ .n = 0 };
}
