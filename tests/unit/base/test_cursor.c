#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"

static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10 };

static void
both_orders_of_all_widths(void **state)
{
	struct cursor c;

	(void)state;
	cursor_init(&c, bytes, sizeof(bytes));
	assert_int_equal(cursor_u8(&c), 0x01);
	assert_int_equal(cursor_be16(&c), 0x0203);
	assert_int_equal(cursor_be32(&c), 0x04050607);
	assert_int_equal(cursor_be64(&c), UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(cursor_left(&c), 1);
	assert_false(c.bad);

	cursor_init(&c, bytes, sizeof(bytes));
	assert_int_equal(cursor_le16(&c), 0x0201);
	assert_int_equal(cursor_le32(&c), 0x06050403);
	assert_int_equal(cursor_le64(&c), UINT64_C(0x0e0d0c0b0a090807));
	assert_int_equal(cursor_left(&c), 2);
	assert_false(c.bad);
}

/* Every getter, on every length that is too short for it. */
static void
too_short_for(size_t width, size_t len)
{
	uint8_t *exact = malloc(len + 1);
	struct cursor c;
	uint64_t got;

	assert_non_null(exact);
	memset(exact, 0xff, len + 1);
	/* A heap block ends where the bytes do: an overread is seen. */
	cursor_init(&c, exact + 1, len);
	switch (width) {
	case 1:
		got = cursor_u8(&c);
		break;
	case 2:
		got = cursor_be16(&c) | cursor_le16(&c);
		break;
	case 4:
		got = cursor_be32(&c) | cursor_le32(&c);
		break;
	default:
		got = cursor_be64(&c) | cursor_le64(&c);
		break;
	}
	assert_int_equal(got, 0);
	assert_true(c.bad);
	assert_ptr_equal(c.p, exact + 1);
	free(exact);
}

static void
nothing_is_read_beyond_the_end(void **state)
{
	static const size_t widths[] = { 1, 2, 4, 8 };

	(void)state;
	for (size_t w = 0; w < 4; w++) {
		for (size_t len = 0; len < widths[w]; len++)
			too_short_for(widths[w], len);
	}
}

static void
once_bad_always_bad(void **state)
{
	struct cursor c;

	(void)state;
	cursor_init(&c, bytes, 3);
	assert_int_equal(cursor_be32(&c), 0);
	assert_int_equal(cursor_u8(&c), 0);
	assert_null(cursor_take(&c, 1));
	assert_false(cursor_skip(&c, 1));
	assert_null(cursor_peek(&c, 1));
	assert_int_equal(cursor_left(&c), 0);
}

static void
take_skip_peek_and_limit(void **state)
{
	struct cursor c;

	(void)state;
	cursor_init(&c, bytes, sizeof(bytes));
	assert_ptr_equal(cursor_peek(&c, 16), bytes);
	assert_null(cursor_peek(&c, 17));
	assert_false(c.bad);
	assert_ptr_equal(cursor_take(&c, 4), bytes);
	assert_true(cursor_skip(&c, 2));
	cursor_limit(&c, 100);
	assert_int_equal(cursor_left(&c), 10);
	cursor_limit(&c, 5);
	assert_int_equal(cursor_left(&c), 5);
	assert_false(cursor_skip(&c, SIZE_MAX));
	assert_true(c.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_orders_of_all_widths),
		cmocka_unit_test(nothing_is_read_beyond_the_end),
		cmocka_unit_test(once_bad_always_bad),
		cmocka_unit_test(take_skip_peek_and_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
