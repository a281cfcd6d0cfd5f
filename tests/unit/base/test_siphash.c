#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/siphash.h"

/*
 * The key of the paper: bytes 00 01 .. 0f.  Messages are 00 01 .. as well;
 * one for each way of filling the last word that matters.
 */
static void
counting_bytes(void **state)
{
	static const struct siphash_key key = { {
	    UINT64_C(0x0706050403020100),
	    UINT64_C(0x0f0e0d0c0b0a0908),
	} };
	static const struct {
		size_t len;
		uint64_t want;
	} rows[] = {
		{ 0, UINT64_C(0xabac0158050fc4dc) },
		{ 1, UINT64_C(0xc9f49bf37d57ca93) },
		{ 2, UINT64_C(0x82cb9b024dc7d44d) },
		{ 3, UINT64_C(0x8bf80ab8e7ddf7fb) },
	};
	uint8_t msg[8];

	(void)state;
	for (size_t i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)i;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++)
		assert_int_equal(siphash(&key, msg, rows[i].len), rows[i].want);
}

/* What CPython 3.11 (siphash13) answers for these with a key of zeros. */
static void
words_of_text(void **state)
{
	static const struct siphash_key zero;
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {
		{ "a", UINT64_C(0x407448d2b89b1813) },
		{ "abcdefg", UINT64_C(0x6db12aae9070f506) },
		{ "abcdefgh", UINT64_C(0x3f7b849c0b8e35ea) },
		{ "abcdefghijklmnop", UINT64_C(0x94f60d3d29e6a312) },
		{ "0123456789abcdefghijklmnopqrstuvwxyzAB",
		    UINT64_C(0x9d32224b57507341) },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++)
		assert_int_equal(
		    siphash(&zero, rows[i].text, strlen(rows[i].text)),
		    rows[i].want);
}

static void
keys_are_not_alike(void **state)
{
	struct siphash_key a;
	struct siphash_key b;

	(void)state;
	assert_int_equal(siphash_key_make(&a), 0);
	assert_int_equal(siphash_key_make(&b), 0);
	assert_memory_not_equal(&a.word[0], &b.word[0], sizeof(a.word[0]));
	assert_memory_not_equal(&a.word[1], &b.word[1], sizeof(a.word[1]));
	assert_int_not_equal(siphash(&a, "x", 1), siphash(&b, "x", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting_bytes),
		cmocka_unit_test(words_of_text),
		cmocka_unit_test(keys_are_not_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
