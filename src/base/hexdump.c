#include <assert.h>
#include <string.h>

#include "base/obuf.h"
#include "base/table.h"

#include "base/hexdump.h"

#if defined(__x86_64__) || defined(__i386__)
#define HAVE_VECTOR 1
#include <immintrin.h>
#else
#define HAVE_VECTOR 0
#endif

/*
 * A line is the digits of its offset and then a body that does not depend on
 * it.  Of the offset only the last four digits change from line to line; what
 * stands before them is made once per 64 KiB.
 *
 *	0000 0010   20 00 ... 61  62 09 ... 07  | .... tab. bell.|
 *	head tail                 |             ||               |
 *	     body:  2             27            52               70
 */
#define BODY_FIRST  2  /* column of the first byte's digits */
#define BODY_SECOND 27 /* column of the ninth byte's digits */
#define BODY_BAR    52 /* column of the first '|' */
#define BODY_LEN    71 /* with the newline, sixteen bytes */

#define TAIL_DIGITS 4
#define TAIL_SPAN   0x10000U

struct head {
	char digits[16];
	size_t len;
};

#define PAIR(b)                                                                \
	{                                                                      \
		TABLE_DIGIT((b) >> 4), TABLE_DIGIT((b)&15)                     \
	}
#define SHOWN(b) (TABLE_IS_PRINT(b) ? (b) : '.')

static const char pair[256][2] = { TABLE_256(PAIR) };
static const uint8_t shown[256] = { TABLE_256(SHOWN) };

static void
head_set(struct head *h, uint64_t off)
{
	uint64_t high = off / TAIL_SPAN;
	size_t len = 4;

	while (len < 12 && high >> 4 * len != 0)
		len++;
	h->len = len;
	for (size_t i = len; i > 0; i--) {
		h->digits[i - 1] = (char)TABLE_DIGIT((int)(high & 15));
		high >>= 4;
	}
}

/* The offset: four to twelve digits of the head and four of the tail. */
static inline uint8_t *
put_offset(uint8_t *out, const struct head *h, unsigned tail)
{
	memcpy(out, h->digits, sizeof(h->digits));
	out += h->len;
	memcpy(out, pair[tail >> 8], 2);
	memcpy(out + 2, pair[tail & 0xff], 2);
	return out + TAIL_DIGITS;
}

/* A line of one to sixteen bytes after its offset. */
static uint8_t *
body_by_table(uint8_t *out, const uint8_t *p, size_t n)
{
	uint8_t *w = out + BODY_FIRST;

	memset(out, ' ', BODY_BAR);
	for (size_t i = 0; i < n; i++) {
		w += i == HEXDUMP_BYTES / 2;
		memcpy(w, pair[p[i]], 2);
		w += 3;
	}
	out[BODY_BAR] = '|';
	for (size_t i = 0; i < n; i++)
		out[BODY_BAR + 1 + i] = shown[p[i]];
	out[BODY_BAR + 1 + n] = '|';
	out[BODY_BAR + 2 + n] = '\n';
	return out + BODY_BAR + 3 + n;
}

/* @n whole lines whose offsets have the same head. */
static uint8_t *
lines_by_table(uint8_t *out, const struct head *h, unsigned tail,
    const uint8_t *p, size_t n)
{
	for (; n > 0; n--) {
		out = put_offset(out, h, tail);
		out = body_by_table(out, p, HEXDUMP_BYTES);
		tail += HEXDUMP_BYTES;
		p += HEXDUMP_BYTES;
	}
	return out;
}

#if HAVE_VECTOR

#define NONE ((char)0x80)

/*
 * Eight bytes as "20 00 01 80 ff 20 74 61 " from their sixteen digits: the
 * shuffles leave zero bytes where a space is or'ed in.
 */
__attribute__((target("ssse3"))) static inline void
put_digits(uint8_t *out, __m128i digits)
{
	const __m128i front = _mm_setr_epi8(
	    0, 1, NONE, 2, 3, NONE, 4, 5, NONE, 6, 7, NONE, 8, 9, NONE, 10);
	const __m128i front_space = _mm_setr_epi8(
	    0, 0, ' ', 0, 0, ' ', 0, 0, ' ', 0, 0, ' ', 0, 0, ' ', 0);
	const __m128i back = _mm_setr_epi8(11, NONE, 12, 13, NONE, 14, 15, NONE,
	    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE);
	const __m128i back_space = _mm_setr_epi8(0, ' ', 0, 0, ' ', 0, 0, ' ',
	    ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ');

	_mm_storeu_si128((__m128i *)(void *)out,
	    _mm_or_si128(_mm_shuffle_epi8(digits, front), front_space));
	_mm_storeu_si128((__m128i *)(void *)(out + 16),
	    _mm_or_si128(_mm_shuffle_epi8(digits, back), back_space));
}

__attribute__((target("ssse3"))) static uint8_t *
lines_by_vector(uint8_t *out, const struct head *h, unsigned tail,
    const uint8_t *p, size_t n)
{
	const __m128i hex = _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6',
	    '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f');
	const __m128i nibble = _mm_set1_epi8(15);
	const __m128i dot = _mm_set1_epi8('.');
	const __m128i below = _mm_set1_epi8(0x1f);
	const __m128i above = _mm_set1_epi8(0x7f);

	for (; n > 0; n--) {
		__m128i in = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i high = _mm_shuffle_epi8(
		    hex, _mm_and_si128(_mm_srli_epi16(in, 4), nibble));
		__m128i low = _mm_shuffle_epi8(hex, _mm_and_si128(in, nibble));
		/* Signed: what is 0x80 or more is below the space as well. */
		__m128i print = _mm_and_si128(
		    _mm_cmpgt_epi8(in, below), _mm_cmpgt_epi8(above, in));
		__m128i text = _mm_or_si128(
		    _mm_and_si128(print, in), _mm_andnot_si128(print, dot));

		out = put_offset(out, h, tail);
		out[0] = ' ';
		out[1] = ' ';
		put_digits(out + BODY_FIRST, _mm_unpacklo_epi8(high, low));
		out[BODY_SECOND - 1] = ' ';
		put_digits(out + BODY_SECOND, _mm_unpackhi_epi8(high, low));
		out[BODY_BAR - 1] = ' ';
		out[BODY_BAR] = '|';
		_mm_storeu_si128((__m128i *)(void *)(out + BODY_BAR + 1), text);
		out[BODY_LEN - 2] = '|';
		out[BODY_LEN - 1] = '\n';
		out += BODY_LEN;
		tail += HEXDUMP_BYTES;
		p += HEXDUMP_BYTES;
	}
	return out;
}

#else

static uint8_t *
lines_by_vector(uint8_t *out, const struct head *h, unsigned tail,
    const uint8_t *p, size_t n)
{
	return lines_by_table(out, h, tail, p, n);
}

#endif

bool
hexdump_has(enum hexdump_by by)
{
	switch (by) {
	case HEXDUMP_BY_TABLE:
		return true;
	case HEXDUMP_BY_VECTOR:
#if HAVE_VECTOR
		return __builtin_cpu_supports("ssse3") != 0;
#else
		return false;
#endif
	}
	return false;
}

size_t
hexdump_write_by(
    enum hexdump_by by, uint8_t *out, uint64_t off, const uint8_t *p, size_t n)
{
	uint8_t *w = out;
	struct head head;

	assert(hexdump_has(by));
	while (n > 0) {
		unsigned tail = (unsigned)(off % TAIL_SPAN);
		size_t lines = (TAIL_SPAN - 1 - tail) / HEXDUMP_BYTES + 1;

		head_set(&head, off);
		if (n < HEXDUMP_BYTES) {
			w = put_offset(w, &head, tail);
			w = body_by_table(w, p, n);
			break;
		}
		if (lines > n / HEXDUMP_BYTES)
			lines = n / HEXDUMP_BYTES;
		w = by == HEXDUMP_BY_VECTOR
			? lines_by_vector(w, &head, tail, p, lines)
			: lines_by_table(w, &head, tail, p, lines);
		off += lines * HEXDUMP_BYTES;
		p += lines * HEXDUMP_BYTES;
		n -= lines * HEXDUMP_BYTES;
	}
	return (size_t)(w - out);
}

size_t
hexdump_write(uint8_t *out, uint64_t off, const uint8_t *p, size_t n)
{
	return hexdump_write_by(hexdump_has(HEXDUMP_BY_VECTOR)
				    ? HEXDUMP_BY_VECTOR
				    : HEXDUMP_BY_TABLE,
	    out, off, p, n);
}

void
hexdump_put(struct obuf *o, uint64_t off, const uint8_t *p, size_t n)
{
	uint8_t *room = obuf_room(o, HEXDUMP_ROOM(n));

	if (room != NULL)
		o->len += hexdump_write(room, off, p, n);
}
