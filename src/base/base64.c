#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/obuf.h"

/*
 * How it works: twelve bits at a time.  A table of 4096 pairs of characters
 * (8 KiB, a quarter of the first-level cache) turns three bytes into two
 * lookups and two moves; a table of 64 characters needs four of each, and
 * half the speed is gone.
 *
 * The table is spelled by the preprocessor, so that it is constant data and
 * needs no start-up: PAIRS(c) are all pairs that begin with c.
 */
/* clang-format off */
#define PAIRS(c) \
	{ c, 'A' }, { c, 'B' }, { c, 'C' }, { c, 'D' }, \
	{ c, 'E' }, { c, 'F' }, { c, 'G' }, { c, 'H' }, \
	{ c, 'I' }, { c, 'J' }, { c, 'K' }, { c, 'L' }, \
	{ c, 'M' }, { c, 'N' }, { c, 'O' }, { c, 'P' }, \
	{ c, 'Q' }, { c, 'R' }, { c, 'S' }, { c, 'T' }, \
	{ c, 'U' }, { c, 'V' }, { c, 'W' }, { c, 'X' }, \
	{ c, 'Y' }, { c, 'Z' }, { c, 'a' }, { c, 'b' }, \
	{ c, 'c' }, { c, 'd' }, { c, 'e' }, { c, 'f' }, \
	{ c, 'g' }, { c, 'h' }, { c, 'i' }, { c, 'j' }, \
	{ c, 'k' }, { c, 'l' }, { c, 'm' }, { c, 'n' }, \
	{ c, 'o' }, { c, 'p' }, { c, 'q' }, { c, 'r' }, \
	{ c, 's' }, { c, 't' }, { c, 'u' }, { c, 'v' }, \
	{ c, 'w' }, { c, 'x' }, { c, 'y' }, { c, 'z' }, \
	{ c, '0' }, { c, '1' }, { c, '2' }, { c, '3' }, \
	{ c, '4' }, { c, '5' }, { c, '6' }, { c, '7' }, \
	{ c, '8' }, { c, '9' }, { c, '+' }, { c, '/' },

static const char pair[4096][2] = {
	PAIRS('A') PAIRS('B') PAIRS('C') PAIRS('D') PAIRS('E') PAIRS('F')
	PAIRS('G') PAIRS('H') PAIRS('I') PAIRS('J') PAIRS('K') PAIRS('L')
	PAIRS('M') PAIRS('N') PAIRS('O') PAIRS('P') PAIRS('Q') PAIRS('R')
	PAIRS('S') PAIRS('T') PAIRS('U') PAIRS('V') PAIRS('W') PAIRS('X')
	PAIRS('Y') PAIRS('Z') PAIRS('a') PAIRS('b') PAIRS('c') PAIRS('d')
	PAIRS('e') PAIRS('f') PAIRS('g') PAIRS('h') PAIRS('i') PAIRS('j')
	PAIRS('k') PAIRS('l') PAIRS('m') PAIRS('n') PAIRS('o') PAIRS('p')
	PAIRS('q') PAIRS('r') PAIRS('s') PAIRS('t') PAIRS('u') PAIRS('v')
	PAIRS('w') PAIRS('x') PAIRS('y') PAIRS('z') PAIRS('0') PAIRS('1')
	PAIRS('2') PAIRS('3') PAIRS('4') PAIRS('5') PAIRS('6') PAIRS('7')
	PAIRS('8') PAIRS('9') PAIRS('+') PAIRS('/')
};

/* clang-format on */

static inline void
encode_group(char *to, unsigned bits)
{
	memcpy(to, pair[bits >> 12], 2);
	memcpy(to + 2, pair[bits & 0xfff], 2);
}

void
base64_encode(char *to, const void *data, size_t len)
{
	const uint8_t *p = data;
	unsigned bits;

	for (; len >= 3; len -= 3, p += 3, to += 4) {
		bits = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
		encode_group(to, bits);
	}
	if (len == 0)
		return;
	bits = (unsigned)p[0] << 16 | (len == 2 ? (unsigned)p[1] << 8 : 0);
	encode_group(to, bits);
	to[3] = '=';
	if (len == 1)
		to[2] = '=';
}

void
base64_put(struct obuf *o, const void *data, size_t len)
{
	uint8_t *room;

	if (len == 0)
		return;
	room = obuf_room(o, base64_len(len));
	if (room == NULL)
		return;
	base64_encode((char *)room, data, len);
	o->len += base64_len(len);
}

/* The value of a character; anything above 63 is not one of them. */
static unsigned
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : 64;
}

/* One group; @n is the number of bytes in it, 1 to 3. */
static int
decode_group(uint8_t *to, const char *text, unsigned n)
{
	unsigned bits = 0, v;

	for (unsigned i = 0; i < 4; i++) {
		v = i <= n ? value_of(text[i]) : 0;
		if (v > 63)
			return -EINVAL;
		bits = bits << 6 | v;
	}
	if ((bits & ((1U << (3 - n) * 8) - 1)) != 0)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++)
		to[i] = (uint8_t)(bits >> (16 - 8 * i));
	return 0;
}

int
base64_decode(uint8_t *to, size_t *to_len, const char *text, size_t len)
{
	size_t done = 0;
	unsigned n = 3;
	int err;

	if (len % 4 != 0)
		return -EINVAL;
	for (; len > 0; len -= 4, text += 4, done += n) {
		if (len == 4 && text[3] == '=')
			n = text[2] == '=' ? 1 : 2;
		err = decode_group(to + done, text, n);
		if (err != 0)
			return err;
	}
	*to_len = done;
	return 0;
}
