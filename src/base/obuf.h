#ifndef BASE_OBUF_H
#define BASE_OBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * obuf.h - a growing byte buffer that formats write into.
 *
 * Formats append without looking at results; when memory runs out the buffer
 * remembers it (@failed), further appends do nothing, and whoever hands the
 * bytes on checks once.  The buffer keeps its size across obuf_clear(), so
 * the data path stops allocating as soon as it has seen its largest record.
 */

/**
 * struct obuf - Bytes to be written
 * @data:	@len valid bytes; owned; NULL while @cap is 0
 * @len:	Bytes used; may be lowered by the owner to take bytes back
 * @cap:	Bytes allocated
 * @failed:	An append did not fit and memory ran out
 */
struct obuf {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool failed;
};

/** obuf_done() - Release the memory; the buffer is empty and usable. */
void obuf_done(struct obuf *o);

/** obuf_clear() - Forget bytes and failure, keep the memory. */
void obuf_clear(struct obuf *o);

/**
 * obuf_room() - Make room for @n more bytes and show where they go
 *
 * The caller writes up to @n bytes there and adds them to @o->len.
 *
 * Return: pointer to the first free byte; NULL when memory ran out
 */
uint8_t *obuf_room(struct obuf *o, size_t n) ATTR_WUNRES;

/** obuf_put() - Append @n bytes. */
void obuf_put(struct obuf *o, const void *data, size_t n);

/** obuf_puts() - Append a C string without its NUL. */
void obuf_puts(struct obuf *o, const char *text);

/** obuf_putc() - Append one byte. */
void obuf_putc(struct obuf *o, char c);

/** obuf_printf() - Append formatted text; meant for short pieces. */
void obuf_printf(struct obuf *o, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif /* BASE_OBUF_H */
