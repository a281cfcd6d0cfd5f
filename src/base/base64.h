#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct obuf;

/*
 * base64.h - base64 (RFC 4648, section 4): the standard alphabet, padded, no
 * line breaks.
 */

/** base64_len() - Characters that @len bytes become, at most SIZE_MAX / 2. */
static inline size_t
base64_len(size_t len)
{
	return (len + 2) / 3 * 4;
}

/**
 * base64_encode() - Write the text of @len bytes
 * @to:		Room for base64_len(@len) characters; no NUL is added
 */
void base64_encode(char *to, const void *data, size_t len);

/** base64_put() - Append the text of @len bytes. */
void base64_put(struct obuf *o, const void *data, size_t len);

/**
 * base64_decode() - Read what base64_encode() wrote
 * @to:		Room for @len / 4 * 3 bytes; undefined on failure
 * @to_len:	Bytes written
 * @text:	@len characters; need not end with a NUL
 *
 * Strict: whole groups of four, padding only at the end, unused bits zero.
 *
 * Return: 0, or -EINVAL when @text is not base64
 */
int base64_decode(
    uint8_t *to, size_t *to_len, const char *text, size_t len) ATTR_WUNRES;

#endif /* BASE_BASE64_H */
