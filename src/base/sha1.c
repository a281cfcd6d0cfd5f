#include <string.h>

#include "base/bytes.h"
#include "base/sha1.h"

#define BLOCK 64
#define WORDS 5

static uint32_t
rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* The function and constant of round @t, RFC 3174 section 5. */
static uint32_t
mix(unsigned t, uint32_t b, uint32_t c, uint32_t d)
{
	if (t < 20)
		return ((b & c) | (~b & d)) + 0x5a827999;
	if (t < 40)
		return (b ^ c ^ d) + 0x6ed9eba1;
	if (t < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	return (b ^ c ^ d) + 0xca62c1d6;
}

static void
add_block(uint32_t h[WORDS], const uint8_t *block)
{
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	uint32_t w[80], next;
	unsigned t;

	for (t = 0; t < 16; t++)
		w[t] = bytes_get_be32(block + (size_t)t * 4);
	for (; t < 80; t++)
		w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	for (t = 0; t < 80; t++) {
		next = rotate(a, 5) + mix(t, b, c, d) + e + w[t];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void
sha1_digest(uint8_t digest[SHA1_LEN], const void *data, size_t len)
{
	uint32_t h[WORDS] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
		0xc3d2e1f0 };
	const uint8_t *p = data;
	uint8_t last[2 * BLOCK] = { 0 };
	size_t left = len, pad;

	for (; left >= BLOCK; left -= BLOCK, p += BLOCK)
		add_block(h, p);
	/* What is left, a one bit, zeros, and the length in bits. */
	if (left > 0)
		memcpy(last, p, left);
	last[left] = 0x80;
	pad = left + 1 + 8 <= BLOCK ? BLOCK : 2 * BLOCK;
	bytes_put_be64(last + pad - 8, (uint64_t)len * 8);
	for (size_t at = 0; at < pad; at += BLOCK)
		add_block(h, last + at);
	for (size_t i = 0; i < WORDS; i++)
		bytes_put_be32(digest + i * 4, h[i]);
}
