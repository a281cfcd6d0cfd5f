#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/sha1.h"

static void
check(const void *data, size_t len, const char *want)
{
	uint8_t digest[SHA1_LEN];
	char text[2 * SHA1_LEN + 1];

	sha1_digest(digest, data, len);
	for (size_t i = 0; i < SHA1_LEN; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", (unsigned)digest[i]);
	assert_string_equal(text, want);
}

/* RFC 3174, section 7.3. */
static void
vectors_of_the_rfc(void **state)
{
	static const char ten[] = "01234567012345670123456701234567"
				  "01234567012345670123456701234567";
	char *data = malloc(1000000);

	(void)state;
	assert_non_null(data);
	check("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	check("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
	check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
	    "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	memset(data, 'a', 1000000);
	check(data, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	for (size_t i = 0; i < 10; i++)
		memcpy(data + i * 64, ten, 64);
	check(data, 640, "dea356a2cddd90c7a7ecedc5ebb563934f460452");
	free(data);
}

/* Around the lengths where padding needs another block. */
static void
padding(void **state)
{
	static const struct {
		size_t len;
		const char *want;
	} row[] = {
		{ 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" },
		{ 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
		{ 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5" },
		{ 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
		{ 119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56" },
		{ 120, "f34c1488385346a55709ba056ddd08280dd4c6d6" },
	};
	char data[120];

	(void)state;
	memset(data, 'a', sizeof(data));
	for (size_t i = 0; i < ATTR_COUNT(row); i++)
		check(data, row[i].len, row[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_the_rfc),
		cmocka_unit_test(padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
