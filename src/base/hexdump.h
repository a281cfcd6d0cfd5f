#ifndef BASE_HEXDUMP_H
#define BASE_HEXDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct obuf;

/*
 * hexdump.h - bytes as the lines of "hexdump -C".
 *
 *	00000010  20 00 01 80 ff 20 74 61  62 09 20 62 65 6c 6c 07  | .... tab.
 *bell.|
 *
 * Sixteen bytes a line; every line is written, also when it repeats the one
 * before.  Offsets have eight digits, and more when they need them.  There is
 * no closing line with the length.
 */

#define HEXDUMP_BYTES 16

/* The longest line: 16 digits of offset instead of 8. */
#define HEXDUMP_LINE_MAX 87

/*
 * Room for the lines of @n bytes.  A few bytes more than they take: lines are
 * written with whole vector stores.
 */
#define HEXDUMP_ROOM(n)                                                        \
	(((size_t)(n) + HEXDUMP_BYTES - 1) / HEXDUMP_BYTES *                   \
		HEXDUMP_LINE_MAX +                                             \
	    16)

/** enum hexdump_by - How it is done; the text is the same. */
enum hexdump_by {
	HEXDUMP_BY_TABLE,  /* everywhere */
	HEXDUMP_BY_VECTOR, /* x86 with SSSE3 */
};

/** hexdump_has() - Can this machine do it this way? */
bool hexdump_has(enum hexdump_by by);

/**
 * hexdump_write() - Write the lines of @n bytes
 * @out:	HEXDUMP_ROOM(@n) bytes
 * @off:	Offset of the first byte; any, also not a multiple of 16
 * @p:		The bytes; @n may be 0
 *
 * The fastest way that the machine has.  Return: bytes written; no NUL
 */
size_t hexdump_write(uint8_t *out, uint64_t off, const uint8_t *p, size_t n);

/** hexdump_write_by() - The same in a given way, which the machine has. */
size_t hexdump_write_by(
    enum hexdump_by by, uint8_t *out, uint64_t off, const uint8_t *p, size_t n);

/** hexdump_put() - The same, appended to @o. */
void hexdump_put(struct obuf *o, uint64_t off, const uint8_t *p, size_t n);

#endif /* BASE_HEXDUMP_H */
