#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obuf.h"

/* Small records should not realloc their way up. */
#define FIRST_CAP ((size_t)512)

void
obuf_done(struct obuf *o)
{
	free(o->data);
	*o = (struct obuf){ 0 };
}

void
obuf_clear(struct obuf *o)
{
	o->len = 0;
	o->failed = false;
}

static bool
grow(struct obuf *o, size_t need)
{
	size_t cap = o->cap < FIRST_CAP ? FIRST_CAP : o->cap;
	uint8_t *data;

	while (cap < need) {
		if (cap > SIZE_MAX / 2)
			return false;
		cap *= 2;
	}
	data = realloc(o->data, cap);
	if (data == NULL)
		return false;
	o->data = data;
	o->cap = cap;
	return true;
}

uint8_t *
obuf_room(struct obuf *o, size_t n)
{
	if (o->failed)
		return NULL;
	if (n > o->cap - o->len &&
	    (n > SIZE_MAX - o->len || !grow(o, o->len + n))) {
		o->failed = true;
		return NULL;
	}
	return o->data + o->len;
}

void
obuf_put(struct obuf *o, const void *data, size_t n)
{
	uint8_t *room;

	if (n == 0)
		return;
	room = obuf_room(o, n);
	if (room == NULL)
		return;
	memcpy(room, data, n);
	o->len += n;
}

void
obuf_puts(struct obuf *o, const char *text)
{
	obuf_put(o, text, strlen(text));
}

void
obuf_putc(struct obuf *o, char c)
{
	obuf_put(o, &c, 1);
}

void
obuf_printf(struct obuf *o, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	uint8_t *room;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0) {
		o->failed = true;
		return;
	}
	if ((size_t)n < sizeof(text)) {
		obuf_put(o, text, (size_t)n);
		return;
	}
	room = obuf_room(o, (size_t)n + 1);
	if (room == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf((char *)room, (size_t)n + 1, fmt, ap);
	va_end(ap);
	o->len += (size_t)n;
}
