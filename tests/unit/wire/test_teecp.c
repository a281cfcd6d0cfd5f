#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/teecp.h"

static const uint8_t v4_src[4] = { 127, 0, 0, 1 };
static const uint8_t v4_dst[4] = { 10, 0, 0, 4 };

/* From 127.0.0.1:1234 to 10.0.0.4:9999, four bytes of payload. */
static const uint8_t golden[TEECP_HEADER_LEN] = {
	/* length */ 0, 0, 0, 4,
	/* source */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1,
	/* port */ 0, 0, 0x04, 0xd2,
	/* destination */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 4,
	/* port */ 0, 0, 0x27, 0x0f
};

static void
test_exact_bytes(void **state)
{
	struct teecp_header h = { .len = 4, .sport = 1234, .dport = 9999 };
	uint8_t got[TEECP_HEADER_LEN];

	(void)state;
	teecp_address(h.src, 4, v4_src);
	teecp_address(h.dst, 4, v4_dst);
	teecp_put(got, &h);
	assert_memory_equal(got, golden, sizeof(golden));
}

/* An address of version 6 stands as it is, and all 32 bits of a length. */
static void
test_version_6(void **state)
{
	struct teecp_header h = { .len = 0x01020304 };
	uint8_t got[TEECP_HEADER_LEN], ip[16];

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		ip[i] = (uint8_t)(0x20 + i);
	teecp_address(h.dst, 6, ip);
	teecp_put(got, &h);
	assert_memory_equal(got, "\1\2\3\4", 4);
	assert_memory_equal(got + 24, ip, 16);
}

static void
test_what_was_put_is_taken(void **state)
{
	const struct teecp_header h = {
		.len = 0xfffefdfc,
		.sport = 0xdeadbeef,
		.dport = 65535,
		.src = { 1, 2, 3, [15] = 4 },
		.dst = { 5, 6, 7, [15] = 8 },
	};
	struct teecp_header got;
	uint8_t bytes[TEECP_HEADER_LEN + 1] = { 0 };
	struct cursor c;

	(void)state;
	teecp_put(bytes, &h);
	memset(&got, 0, sizeof(got));
	cursor_init(&c, bytes, sizeof(bytes));
	assert_true(teecp_take(&c, &got));
	assert_memory_equal(&got, &h, sizeof(h));
	assert_int_equal(cursor_left(&c), 1);
}

static void
test_half_a_header_is_none(void **state)
{
	(void)state;
	for (size_t len = 0; len < TEECP_HEADER_LEN; len++) {
		struct teecp_header got = { .len = 77 };
		struct cursor c;

		cursor_init(&c, golden, len);
		assert_false(teecp_take(&c, &got));
		assert_int_equal(got.len, 77);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_bytes),
		cmocka_unit_test(test_version_6),
		cmocka_unit_test(test_what_was_put_is_taken),
		cmocka_unit_test(test_half_a_header_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
