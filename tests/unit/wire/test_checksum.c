#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#include "wire/checksum.h"

#define SIZE 5000

/* RFC 1071 as its words say: 16 bits at a time, most significant first. */
static uint16_t
by_the_book(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

static void
fill(uint8_t *p, size_t len)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
}

/* The example of RFC 1071, section 3: the sum is ddf2. */
static void
example_of_the_rfc(void **state)
{
	static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5,
		0xf6, 0xf7 };

	(void)state;
	assert_int_equal(checksum_finish(checksum_add(0, data, sizeof(data))),
	    0xffff & ~0xddf2);
	assert_int_equal(checksum_finish(0), 0xffff);
}

/* Every length around the sizes of blocks and words, at every alignment. */
static void
any_length_and_alignment(void **state)
{
	uint8_t data[512];

	(void)state;
	fill(data, sizeof(data));
	for (size_t at = 0; at < 17; at++) {
		for (size_t len = 0; len < 400; len++) {
			assert_int_equal(
			    checksum_finish(checksum_add(0, data + at, len)),
			    by_the_book(data + at, len));
		}
	}
}

/* Carries everywhere: all ones, long enough to overflow 32 bits. */
static void
carries_are_kept(void **state)
{
	size_t len = (size_t)1 << 21;
	uint8_t *data = malloc(len);

	(void)state;
	assert_non_null(data);
	memset(data, 0xff, len);
	data[len - 1] = 0xfe;
	assert_int_equal(checksum_finish(checksum_add(0, data, len)),
	    by_the_book(data, len));
	data[0] = 0x12;
	assert_int_equal(checksum_finish(checksum_add(0, data, len)),
	    by_the_book(data, len));
	free(data);
}

static void
parts_add_up(void **state)
{
	uint8_t data[SIZE];
	uint64_t sum;

	(void)state;
	fill(data, sizeof(data));
	for (size_t cut = 0; cut <= 300; cut++) {
		sum = checksum_add(0, data + cut, sizeof(data) - cut);
		if (cut % 2 == 1)
			sum = checksum_shift(sum);
		sum += checksum_add(0, data, cut);
		assert_int_equal(
		    checksum_finish(sum), by_the_book(data, sizeof(data)));
	}
}

static void
numbers_count_as_bytes(void **state)
{
	static const uint8_t data[] = { 0xbe, 0xef, 0xff, 0xfe };
	uint64_t sum = checksum_add16(checksum_add16(0, 0xbeef), 0xfffe);

	(void)state;
	assert_int_equal(checksum_finish(sum), by_the_book(data, 4));
}

/* A receiver's check: data with its checksum inside sums up to nothing. */
static void
checked_data_gives_zero(void **state)
{
	uint8_t data[40];
	uint16_t check;

	(void)state;
	fill(data, sizeof(data));
	data[16] = data[17] = 0;
	check = checksum_finish(checksum_add(0, data, sizeof(data)));
	data[16] = (uint8_t)(check >> 8);
	data[17] = (uint8_t)check;
	assert_int_equal(
	    checksum_finish(checksum_add(0, data, sizeof(data))), 0);
	data[3] ^= 1;
	assert_int_not_equal(
	    checksum_finish(checksum_add(0, data, sizeof(data))), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_of_the_rfc),
		cmocka_unit_test(any_length_and_alignment),
		cmocka_unit_test(carries_are_kept),
		cmocka_unit_test(parts_add_up),
		cmocka_unit_test(numbers_count_as_bytes),
		cmocka_unit_test(checked_data_gives_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
