#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/obuf.h"
#include "base/text.h"

/* The answer of a plain, slow decoder written from the table of RFC 3629. */
static enum text_utf8
model_utf8(const uint8_t *p, size_t n, size_t *len)
{
	static const struct {
		uint8_t first[2], second[2];
		size_t len;
	} row[] = {
		{ { 0x00, 0x7f }, { 0, 0 }, 1 },
		{ { 0xc2, 0xdf }, { 0x80, 0xbf }, 2 },
		{ { 0xe0, 0xe0 }, { 0xa0, 0xbf }, 3 },
		{ { 0xe1, 0xec }, { 0x80, 0xbf }, 3 },
		{ { 0xed, 0xed }, { 0x80, 0x9f }, 3 },
		{ { 0xee, 0xef }, { 0x80, 0xbf }, 3 },
		{ { 0xf0, 0xf0 }, { 0x90, 0xbf }, 4 },
		{ { 0xf1, 0xf3 }, { 0x80, 0xbf }, 4 },
		{ { 0xf4, 0xf4 }, { 0x80, 0x8f }, 4 },
	};

	for (size_t r = 0; r < ATTR_COUNT(row); r++) {
		if (p[0] < row[r].first[0] || p[0] > row[r].first[1])
			continue;
		for (size_t i = 1; i < row[r].len; i++) {
			uint8_t low = i == 1 ? row[r].second[0] : 0x80;
			uint8_t high = i == 1 ? row[r].second[1] : 0xbf;

			if (i == n)
				return TEXT_UTF8_CUT;
			if (p[i] < low || p[i] > high)
				return TEXT_UTF8_BAD;
		}
		*len = row[r].len;
		return TEXT_UTF8_CHAR;
	}
	return TEXT_UTF8_BAD;
}

static void
utf8_agrees_with_the_table_of_the_rfc(void **state)
{
	/* Both sides of every border in that table. */
	static const uint8_t edge[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
		0xa0, 0xbf, 0xc0, 0xff };
	uint8_t p[4];

	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned k = 0; k < 1000; k++) {
			p[0] = (uint8_t)first;
			p[1] = edge[k % 10];
			p[2] = edge[k / 10 % 10];
			p[3] = edge[k / 100];
			for (size_t n = 1; n <= 4; n++) {
				size_t want = 0;
				size_t len = 0;
				uint32_t code = 0;

				assert_int_equal(text_utf8(p, n, &len, &code),
				    model_utf8(p, n, &want));
				assert_int_equal(len, want);
			}
		}
	}
}

static void
utf8_tells_the_code_point(void **state)
{
	static const struct {
		const char *text;
		uint32_t code;
	} row[] = {
		{ "A", 0x41 },
		{ "\xc3\xa9", 0xe9 },
		{ "\xe2\x82\xac", 0x20ac },
		{ "\xf0\x9f\x98\x80", 0x1f600 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		size_t n = strlen(row[i].text);
		size_t len = 0;
		uint32_t code = 0;

		assert_int_equal(
		    text_utf8((const uint8_t *)row[i].text, n, &len, &code),
		    TEXT_UTF8_CHAR);
		assert_int_equal(len, n);
		assert_int_equal(code, row[i].code);
	}
}

static void
check_escape(const char *in, size_t n, enum text_look look, const char *want)
{
	uint8_t out[TEXT_ESCAPE_ROOM(64)];
	size_t len = text_escape(out, (const uint8_t *)in, n, look);

	out[len] = '\0';
	assert_string_equal((char *)out, want);
}

static void
escaping_shows_text_and_disarms_the_rest(void **state)
{
	static const struct {
		const char *in, *pictures, *plain, *ascii;
	} row[] = {
		{ "USER x\r\n", "USER x\u240d\u240a", "USER x\\r\\n",
		    "USER x\\r\\n" },
		{ "a\tb\\c", "a\u2409b\\\\c", "a\\tb\\\\c", "a\\tb\\\\c" },
		{ "\x1b[31m\x07\x7f", "\\x1b[31m\\x07\\x7f",
		    "\\x1b[31m\\x07\\x7f", "\\x1b[31m\\x07\\x7f" },
		{ "caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9",
		    "caf\\xc3\\xa9" },
		/* C1 as UTF-8, and alone */
		{ "\xc2\x9b[1m\x9b", "\\xc2\\x9b[1m\\x9b", "\\xc2\\x9b[1m\\x9b",
		    "\\xc2\\x9b[1m\\x9b" },
		/* right-to-left override and isolate, line separator */
		/* NOLINTNEXTLINE(misc-misleading-bidirectional): on purpose */
		{ "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8",
		    "\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x80\\xa8",
		    "\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x80\\xa8",
		    "\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x80\\xa8" },
		/* the marks, and Arabic's */
		{ "\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c",
		    "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c",
		    "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c",
		    "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c" },
		/* overlong, surrogate, a character that is cut */
		{ "\xc0\xaf\xed\xa0\x80\xe2\x82",
		    "\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82",
		    "\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82",
		    "\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82" },
		/* what follows a broken character is looked at again */
		{ "\xe2\x82"
		  "A",
		    "\\xe2\\x82"
		    "A",
		    "\\xe2\\x82"
		    "A",
		    "\\xe2\\x82"
		    "A" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		size_t n = strlen(row[i].in);

		check_escape(row[i].in, n, TEXT_PICTURES, row[i].pictures);
		check_escape(row[i].in, n, TEXT_PLAIN, row[i].plain);
		check_escape(row[i].in, n, TEXT_ASCII, row[i].ascii);
	}
	check_escape("a\0b", 3, TEXT_PICTURES, "a\\x00b");
	/* A sentence of ours, with what was escaped before and what was not. */
	check_escape("caf\xc3\xa9 \\x1b a\\,b \x1b\n\xc2\x9b", 20, TEXT_WORDS,
	    "caf\xc3\xa9 \\x1b a\\,b \\x1b\\n\\xc2\\x9b");
	check_escape("", 0, TEXT_PLAIN, "");
}

/* Whatever goes in, what comes out has no control and is UTF-8. */
static void
escaping_never_lets_a_control_through(void **state)
{
	uint8_t in[64];
	uint8_t out[TEXT_ESCAPE_ROOM(sizeof(in))];

	(void)state;
	srandom(1);
	for (unsigned round = 0; round < 20000; round++) {
		enum text_look look = (enum text_look)(round % TEXT_NLOOKS);
		size_t len;

		for (size_t i = 0; i < sizeof(in); i++) {
			in[i] = (uint8_t)random();
			/* Continuation bytes make characters likely. */
			if (random() % 2)
				in[i] = 0x80 | (in[i] & 0x3f);
		}
		len = text_escape(out, in, sizeof(in), look);
		assert_true(len <= sizeof(in) * 4);
		for (size_t i = 0; i < len;) {
			size_t step = 0;
			uint32_t code = 0;

			assert_int_equal(
			    text_utf8(out + i, len - i, &step, &code),
			    TEXT_UTF8_CHAR);
			assert_true(code >= 0x20 && code != 0x7f);
			assert_true(code < 0x80 || code >= 0xa0);
			assert_true(code < 0x2028 || code > 0x202e);
			assert_true(code < 0x2066 || code > 0x2069);
			assert_true(look != TEXT_ASCII || code < 0x80);
			i += step;
		}
	}
}

static void
json_strings_are_always_json(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	text_json_put(&o, "a\"b\\c\n\x1b\x7f\xc3\xa9\xff\xe2\x82!");
	obuf_putc(&o, '\0');
	assert_string_equal((char *)o.data,
	    "\"a\\\"b\\\\c\\u000a\\u001b\\u007f\xc3\xa9"
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!\"");
	obuf_done(&o);
}

static void
numbers_have_their_separators(void **state)
{
	static const struct {
		uint64_t n;
		const char *want;
	} row[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 2896, "2,896" },
		{ 1000000, "1,000,000" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	char buf[TEXT_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++)
		assert_string_equal(text_number(row[i].n, buf), row[i].want);
	assert_string_equal(text_size(2896, buf), "2,896 B");
}

static void
durations_read_well(void **state)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} row[] = {
		{ 0, "0.000 s" },
		{ 16577999999ULL, "16.577 s" },
		{ 59999999999ULL, "59.999 s" },
		{ 60000000000ULL, "1 min 00.000 s" },
		{ 3725001000000ULL, "1 h 02 min 05.001 s" },
		{ UINT64_MAX, "5124095 h 34 min 33.709 s" },
	};
	char buf[TEXT_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++)
		assert_string_equal(text_duration(row[i].ns, buf), row[i].want);
}

static void
times_are_those_of_the_zone(void **state)
{
	const uint64_t ts = 1795249800123456789ULL;
	char stamp[TEXT_STAMP_MAX];
	char date[TEXT_DATE_MAX];
	char clock[TEXT_CLOCK_MAX];

	(void)state;
	assert_string_equal(
	    text_stamp(ts, stamp), "2026-11-21T08:30:00.123456789Z");
	assert_string_equal(text_date(ts, date), "2026-11-21 13:15:00.123");
	assert_string_equal(text_clock(ts, clock), "13:15:00.123");
	/* Within the same second, over its edge, and back. */
	assert_string_equal(text_clock(ts + 1000000, clock), "13:15:00.124");
	assert_string_equal(text_clock(ts + 1000000000, clock), "13:15:01.123");
	assert_string_equal(text_clock(ts, clock), "13:15:00.123");
	assert_string_equal(
	    text_stamp(UINT64_MAX, stamp), "2554-07-21T23:34:33.709551615Z");
	assert_string_equal(
	    text_stamp(0, stamp), "1970-01-01T00:00:00.000000000Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_agrees_with_the_table_of_the_rfc),
		cmocka_unit_test(utf8_tells_the_code_point),
		cmocka_unit_test(escaping_shows_text_and_disarms_the_rest),
		cmocka_unit_test(escaping_never_lets_a_control_through),
		cmocka_unit_test(json_strings_are_always_json),
		cmocka_unit_test(numbers_have_their_separators),
		cmocka_unit_test(durations_read_well),
		cmocka_unit_test(times_are_those_of_the_zone),
	};

	/* A zone that is not whole hours away from UTC. */
	if (setenv("TZ", "XXX-4:45", 1) != 0)
		return 1;
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
