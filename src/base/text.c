#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/obuf.h"
#include "base/table.h"

#include "base/text.h"

enum text_utf8
text_utf8(const uint8_t *p, size_t n, size_t *len, uint32_t *code)
{
	/* The least code point that needs so many bytes. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t first = p[0];
	uint32_t c = first;
	size_t want = 1;

	if (first >= 0x80) {
		if (first < 0xc2 || first > 0xf4)
			return TEXT_UTF8_BAD;
		want = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
		c = first & (0x7fU >> want);
	}
	for (size_t i = 1; i < want; i++) {
		if (i == n)
			return TEXT_UTF8_CUT;
		if ((p[i] & 0xc0) != 0x80)
			return TEXT_UTF8_BAD;
		c = c << 6 | (p[i] & 0x3fU);
		/*
		 * The second byte already tells an overlong form, a surrogate
		 * and what is too large; those are never "cut".
		 */
		if (i == 1 && want > 2) {
			uint32_t low = c << 6 * (want - 2);
			uint32_t high = low | ((1U << 6 * (want - 2)) - 1);

			if (high < least[want] || low > 0x10ffff ||
			    (low >= 0xd800 && high <= 0xdfff))
				return TEXT_UTF8_BAD;
		}
	}
	*len = want;
	*code = c;
	return TEXT_UTF8_CHAR;
}

/* Characters that do something instead of showing something. */
static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
	       c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/*
 * What a byte becomes: @len bytes of @text.  Eight bytes, so that one store
 * writes any of them.
 */
struct entry {
	char text[7];
	uint8_t len;
};
static_assert(sizeof(struct entry) == 8, "one store per entry");

#define SHORT(b)                                                               \
	((b) == '\r'      ? 'r'                                                \
	    : (b) == '\n' ? 'n'                                                \
	    : (b) == '\t' ? 't'                                                \
	    : (b) == '\\' ? '\\'                                               \
			  : 0)

#define PLAIN_0(b)   (char)(SHORT(b) || !TABLE_IS_PRINT(b) ? '\\' : (b))
#define PLAIN_1(b)   (char)(SHORT(b) ? SHORT(b) : TABLE_IS_PRINT(b) ? 0 : 'x')
#define PLAIN_2(b)   (char)TABLE_DIGIT((b) >> 4)
#define PLAIN_3(b)   (char)TABLE_DIGIT((b)&15)
#define PLAIN_LEN(b) (SHORT(b) ? 2 : TABLE_IS_PRINT(b) ? 1 : 4)
#define PLAIN(b)                                                               \
	{                                                                      \
		{ PLAIN_0(b), PLAIN_1(b), PLAIN_2(b), PLAIN_3(b) },            \
		    PLAIN_LEN(b)                                               \
	}

/* U+2409, U+240A, U+240D: E2 90 and 80 plus the control itself. */
#define HAS_PICTURE(b) ((b) == '\r' || (b) == '\n' || (b) == '\t')
#define PICTURE(b)                                                             \
	{                                                                      \
		{ HAS_PICTURE(b) ? (char)0xe2 : PLAIN_0(b),                    \
			HAS_PICTURE(b) ? (char)0x90 : PLAIN_1(b),              \
			HAS_PICTURE(b) ? (char)(0x80 + (b)) : PLAIN_2(b),      \
			PLAIN_3(b) },                                          \
		    HAS_PICTURE(b) ? 3 : PLAIN_LEN(b)                          \
	}

/* A backslash is one of ours, or has been put there by an escape before. */
#define IS_OURS(b) ((b) == '\\')
#define WORDS(b)                                                               \
	{                                                                      \
		{ IS_OURS(b) ? (char)(b) : PLAIN_0(b),                         \
			IS_OURS(b) ? (char)0 : PLAIN_1(b), PLAIN_2(b),         \
			PLAIN_3(b) },                                          \
		    IS_OURS(b) ? 1 : PLAIN_LEN(b)                              \
	}

static const struct entry plain[256] = { TABLE_256(PLAIN) };
static const struct entry pictures[256] = { TABLE_256(PICTURE) };
static const struct entry words[256] = { TABLE_256(WORDS) };

static const struct entry *const tables[] = {
	[TEXT_PICTURES] = pictures,
	[TEXT_PLAIN] = plain,
	[TEXT_ASCII] = plain,
	[TEXT_WORDS] = words,
};
static_assert(ATTR_COUNT(tables) == TEXT_NLOOKS, "a table for each look");

static uint8_t *
entry_write(uint8_t *w, const struct entry *e)
{
	memcpy(w, e, sizeof(*e));
	return w + e->len;
}

/*
 * May a character of several bytes begin here?  Its first two bytes tell
 * nearly always, which spares binary data a mispredicted branch per byte.
 */
static bool
may_begin(const uint8_t *p)
{
	return ((p[0] >= 0xc2) & (p[0] <= 0xf4) & ((p[1] & 0xc0) == 0x80)) != 0;
}

/* The character at @p, not ASCII: shown, or escaped.  Moves @w on. */
static size_t
escape_wide(uint8_t **w, const uint8_t *p, size_t n)
{
	size_t len = 1;
	uint32_t code = 0;
	enum text_utf8 what = text_utf8(p, n, &len, &code);

	if (what == TEXT_UTF8_CHAR && !is_control(code)) {
		memcpy(*w, p, len);
		*w += len;
		return len;
	}
	for (size_t i = 0; i < len; i++)
		*w = entry_write(*w, &plain[p[i]]);
	return len;
}

/* Are the eight bytes at @p all ASCII? */
static bool
is_ascii(const uint8_t *p)
{
	uint64_t all;

	memcpy(&all, p, sizeof(all));
	return (all & 0x8080808080808080ULL) == 0;
}

size_t
text_escape(uint8_t *out, const uint8_t *p, size_t n, enum text_look look)
{
	const struct entry *table = tables[look];
	bool is_wide = look != TEXT_ASCII;
	uint8_t *w = out;
	size_t i = 0;

	while (i + 1 < n) {
		if (n - i >= 8 && is_ascii(p + i)) {
			for (size_t stop = i + 8; i < stop; i++)
				w = entry_write(w, &table[p[i]]);
			continue;
		}
		if (may_begin(p + i) & is_wide)
			i += escape_wide(&w, p + i, n - i);
		else
			w = entry_write(w, &table[p[i++]]);
	}
	/* Alone, the last byte is no character of several. */
	if (i < n)
		w = entry_write(w, &table[p[i]]);
	return (size_t)(w - out);
}

void
text_escape_put(struct obuf *o, const char *text, enum text_look look)
{
	size_t n = strlen(text);
	uint8_t *room = obuf_room(o, TEXT_ESCAPE_ROOM(n));

	if (room != NULL)
		o->len += text_escape(room, (const uint8_t *)text, n, look);
}

/* One character of a JSON string; what is no character becomes U+FFFD. */
static size_t
json_char(struct obuf *o, const uint8_t *p, size_t n)
{
	size_t len = 1;
	uint32_t code = 0;

	if (text_utf8(p, n, &len, &code) != TEXT_UTF8_CHAR)
		obuf_puts(o, "\xef\xbf\xbd");
	else if (code == '"' || code == '\\')
		obuf_printf(o, "\\%c", (char)code);
	else if (is_control(code))
		obuf_printf(o, "\\u%04x", (unsigned)code);
	else
		obuf_put(o, p, len);
	return len;
}

void
text_json_put(struct obuf *o, const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t n = strlen(text);

	obuf_putc(o, '"');
	for (size_t i = 0; i < n;)
		i += json_char(o, p + i, n - i);
	obuf_putc(o, '"');
}

size_t
text_decimal(uint8_t out[TEXT_DECIMAL_MAX], uint64_t n)
{
	uint8_t digits[TEXT_DECIMAL_MAX];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (uint8_t)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	memcpy(out, digits + i, sizeof(digits) - i);
	return sizeof(digits) - i;
}

void
text_decimal_put(struct obuf *o, uint64_t n)
{
	uint8_t *room = obuf_room(o, TEXT_DECIMAL_MAX);

	if (room != NULL)
		o->len += text_decimal(room, n);
}

const char *
text_number(uint64_t n, char buf[TEXT_NUMBER_MAX])
{
	uint8_t digits[TEXT_DECIMAL_MAX];
	size_t len = text_decimal(digits, n);
	size_t w = 0;

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[w++] = ',';
		buf[w++] = (char)digits[i];
	}
	buf[w] = '\0';
	return buf;
}

const char *
text_size(uint64_t bytes, char buf[TEXT_NUMBER_MAX])
{
	size_t n = strlen(text_number(bytes, buf));

	memcpy(buf + n, " B", 3);
	return buf;
}

const char *
text_duration(uint64_t ns, char buf[TEXT_NUMBER_MAX])
{
	uint64_t ms = ns / CLOCK_NS_PER_MS;
	unsigned sec = (unsigned)(ms / 1000 % 60);
	unsigned min = (unsigned)(ms / 60000 % 60);
	unsigned long long hours = ms / 3600000;
	unsigned rest = (unsigned)(ms % 1000);

	if (hours > 0)
		(void)snprintf(buf, TEXT_NUMBER_MAX,
		    "%llu h %02u min %02u.%03u s", hours, min, sec, rest);
	else if (min > 0)
		(void)snprintf(
		    buf, TEXT_NUMBER_MAX, "%u min %02u.%03u s", min, sec, rest);
	else
		(void)snprintf(buf, TEXT_NUMBER_MAX, "%u.%03u s", sec, rest);
	return buf;
}

/*
 * localtime_r() and gmtime_r() take a lock and search a table, so each thread
 * keeps the text of the second it last asked for.  "" is no second yet.
 */
struct second {
	uint64_t sec;
	char text[TEXT_DATE_MAX]; /* "2026-11-21 08:30:00" */
};

static _Thread_local struct second local_second;
static _Thread_local struct second utc_second;

static const char *
second_text(struct second *s, uint64_t sec,
    struct tm *(*split)(const time_t *, struct tm *))
{
	time_t t = (time_t)sec;
	struct tm tm = { 0 };

	if (s->sec == sec && s->text[0] != '\0')
		return s->text;
	/* 2^64 ns end in the year 2554: neither call can fail. */
	(void)split(&t, &tm);
	if (strftime(s->text, sizeof(s->text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		s->text[0] = '\0';
	s->sec = sec;
	return s->text;
}

/* @n digits of @value, from the left. */
static void
put_digits(char *out, uint64_t value, size_t n)
{
	while (n > 0) {
		out[--n] = (char)('0' + value % 10);
		value /= 10;
	}
}

const char *
text_date(uint64_t ts_ns, char buf[TEXT_DATE_MAX])
{
	const char *second =
	    second_text(&local_second, ts_ns / CLOCK_NS_PER_S, localtime_r);

	memcpy(buf, second, 19);
	buf[19] = '.';
	put_digits(buf + 20, ts_ns / CLOCK_NS_PER_MS % 1000, 3);
	buf[23] = '\0';
	return buf;
}

const char *
text_clock(uint64_t ts_ns, char buf[TEXT_CLOCK_MAX])
{
	char date[TEXT_DATE_MAX];

	(void)text_date(ts_ns, date);
	memcpy(buf, date + 11, TEXT_CLOCK_MAX);
	return buf;
}

const char *
text_stamp(uint64_t ts_ns, char buf[TEXT_STAMP_MAX])
{
	const char *second =
	    second_text(&utc_second, ts_ns / CLOCK_NS_PER_S, gmtime_r);

	memcpy(buf, second, 19);
	buf[10] = 'T';
	buf[19] = '.';
	put_digits(buf + 20, ts_ns % CLOCK_NS_PER_S, 9);
	buf[29] = 'Z';
	buf[30] = '\0';
	return buf;
}
