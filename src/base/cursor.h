#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * cursor.h - outside bytes, read in order and never beyond their end.
 *
 * Whoever parses bytes from a network or a file reads them through this.  A
 * read that does not fit sets @bad, moves nothing and gives 0 or NULL; so do
 * all reads after it.  A parser may hence read a whole header and ask once:
 *
 *	kind = cursor_be16(&c);
 *	len = cursor_be16(&c);
 *	if (c.bad)
 *		return ... too short ...
 *
 * It asks before it uses a value as a length, a count or a pointer.  A fixed
 * header is cheapest with one cursor_take() and bytes_get_...() of its parts.
 */

/**
 * struct cursor - What is left to be read
 * @p:		Next byte
 * @end:	Behind the last one; never below @p
 * @bad:	Something was asked for that is not there
 */
struct cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

/** cursor_init() - Read the @len bytes at @data, which are borrowed. */
static inline void
cursor_init(struct cursor *c, const void *data, size_t len)
{
	c->p = data;
	c->end = c->p + len;
	c->bad = false;
}

/** cursor_left() - Bytes left; 0 once it is bad. */
static inline size_t
cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/**
 * cursor_take() - Step over @len bytes
 *
 * Return: the first of them; NULL, and the cursor is bad, if fewer are left
 */
static inline const uint8_t *
cursor_take(struct cursor *c, size_t len)
{
	const uint8_t *p = c->p;

	if (__builtin_expect(len > cursor_left(c), 0)) {
		c->bad = true;
		c->end = c->p; /* so that nothing else fits either */
		return NULL;
	}
	c->p += len;
	return p;
}

/** cursor_skip() - Likewise; false if fewer are left. */
static inline bool
cursor_skip(struct cursor *c, size_t len)
{
	return cursor_take(c, len) != NULL;
}

/**
 * cursor_peek() - Look @len bytes ahead without a step
 *
 * Return: the next byte; NULL if fewer than @len are left, which makes nothing
 *	   bad
 */
static inline const uint8_t *
cursor_peek(const struct cursor *c, size_t len)
{
	return len > cursor_left(c) ? NULL : c->p;
}

/** cursor_limit() - Forget what lies beyond the next @len bytes, if any. */
static inline void
cursor_limit(struct cursor *c, size_t len)
{
	if (len < cursor_left(c))
		c->end = c->p + len;
}

/** cursor_u8() - The next byte. */
static inline uint8_t
cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);

	return p != NULL ? *p : 0;
}

/** cursor_be16() - The next number, most significant byte first. */
static inline uint16_t
cursor_be16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	return p != NULL ? bytes_get_be16(p) : 0;
}

/** cursor_be32() - Likewise, 4 bytes. */
static inline uint32_t
cursor_be32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p != NULL ? bytes_get_be32(p) : 0;
}

/** cursor_be64() - Likewise, 8 bytes. */
static inline uint64_t
cursor_be64(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 8);

	return p != NULL ? bytes_get_be64(p) : 0;
}

/** cursor_le16() - The next number, least significant byte first. */
static inline uint16_t
cursor_le16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	return p != NULL ? bytes_get_le16(p) : 0;
}

/** cursor_le32() - Likewise, 4 bytes. */
static inline uint32_t
cursor_le32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p != NULL ? bytes_get_le32(p) : 0;
}

/** cursor_le64() - Likewise, 8 bytes. */
static inline uint64_t
cursor_le64(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 8);

	return p != NULL ? bytes_get_le64(p) : 0;
}

#endif /* BASE_CURSOR_H */
