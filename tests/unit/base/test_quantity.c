#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/quantity.h"

static const struct quantity_range all = { 0, UINT64_MAX };

struct good {
	enum quantity_kind kind;
	const char *text;
	uint64_t value;
};

static const struct good goods[] = {
	{ QUANTITY_COUNT, "0", 0 },
	{ QUANTITY_COUNT, "007", 7 },
	{ QUANTITY_COUNT, "18446744073709551615", UINT64_MAX },
	{ QUANTITY_SIZE, "65536", 65536 },
	{ QUANTITY_SIZE, "64KiB", 65536 },
	{ QUANTITY_SIZE, "64ki", 65536 },
	{ QUANTITY_SIZE, "64k", 64000 },
	{ QUANTITY_SIZE, "64kB", 64000 },
	{ QUANTITY_SIZE, "1M", 1000000 },
	{ QUANTITY_SIZE, "1MiB", 1048576 },
	{ QUANTITY_SIZE, "2GB", 2000000000 },
	{ QUANTITY_SIZE, "2GiB", 2147483648 },
	{ QUANTITY_SIZE, "3T", 3000000000000 },
	{ QUANTITY_SIZE, "3TiB", 3298534883328 },
	{ QUANTITY_SIZE, "17B", 17 },
	{ QUANTITY_TIME, "1", 1000000000 },
	{ QUANTITY_TIME, "1.5", 1500000000 },
	{ QUANTITY_TIME, ".25", 250000000 },
	{ QUANTITY_TIME, "3.", 3000000000 },
	{ QUANTITY_TIME, "500ms", 500000000 },
	{ QUANTITY_TIME, "0.5ms", 500000 },
	{ QUANTITY_TIME, "250us", 250000 },
	{ QUANTITY_TIME, "7ns", 7 },
	{ QUANTITY_TIME, "10s", 10000000000 },
	{ QUANTITY_TIME, "2m", 120000000000 },
	{ QUANTITY_TIME, "2min", 120000000000 },
	{ QUANTITY_TIME, "1.5m", 90000000000 },
	{ QUANTITY_TIME, "1h", 3600000000000 },
	{ QUANTITY_TIME, "0.1d", 8640000000000 },
	{ QUANTITY_TIME, "0.123456789", 123456789 },
	{ QUANTITY_TIME, "0.1234567899", 123456789 },
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		struct err err = { "" };
		uint64_t value = 0;

		if (quantity_parse(
			goods[i].kind, goods[i].text, &all, &value, &err) != 0)
			fail_msg("%s: %s", goods[i].text, err.text);
		if (value != goods[i].value)
			fail_msg("%s is %llu", goods[i].text,
			    (unsigned long long)value);
	}
}

struct bad {
	enum quantity_kind kind;
	const char *text;
	int rc;
	const char *says;
};

static const struct bad bads[] = {
	{ QUANTITY_COUNT, "", -EINVAL, "\"\" is no whole number" },
	{ QUANTITY_COUNT, "-1", -ERANGE, "-1 is out of range" },
	{ QUANTITY_TIME, "-1.5ms", -ERANGE, "-1.5ms is out of range" },
	{ QUANTITY_COUNT, "--1", -EINVAL, "\"--1\" is no whole number" },
	{ QUANTITY_COUNT, "-", -EINVAL, "\"-\" is no whole number" },
	{ QUANTITY_COUNT, "+1", -EINVAL, "no whole number" },
	{ QUANTITY_COUNT, " 1", -EINVAL, "no whole number" },
	{ QUANTITY_COUNT, "1 ", -EINVAL, "no whole number" },
	{ QUANTITY_COUNT, "1k", -EINVAL, "no whole number" },
	{ QUANTITY_COUNT, "0x10", -EINVAL, "no whole number" },
	{ QUANTITY_COUNT, "1.5", -EINVAL, "no whole number" },
	{ QUANTITY_COUNT, "18446744073709551616", -ERANGE, "out of range" },
	{ QUANTITY_SIZE, "12x", -EINVAL, "\"12x\" is no size" },
	{ QUANTITY_SIZE, "1.5M", -EINVAL, "a whole number" },
	{ QUANTITY_SIZE, "M", -EINVAL, "no size" },
	{ QUANTITY_SIZE, "20000000T", -ERANGE, "out of range: 0 or more" },
	{ QUANTITY_TIME, "soon", -EINVAL, "as in 1.5, 500ms or 2m" },
	{ QUANTITY_TIME, ".", -EINVAL, "no time" },
	{ QUANTITY_TIME, "1.2.3", -EINVAL, "no time" },
	{ QUANTITY_TIME, "1e3", -EINVAL, "no time" },
	{ QUANTITY_TIME, "18446744073.8", -ERANGE, "out of range" },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct err err = { "" };
		uint64_t value = 42;

		assert_int_equal(quantity_parse(bads[i].kind, bads[i].text,
				     &all, &value, &err),
		    bads[i].rc);
		if (strstr(err.text, bads[i].says) == NULL)
			fail_msg("%s: %s", bads[i].text, err.text);
		assert_int_equal(value, 42);
	}
}

static void
test_range(void **state)
{
	const struct quantity_range range = { 1024, 1048576 };
	struct err err;
	uint64_t value;

	(void)state;
	assert_int_equal(
	    quantity_parse(QUANTITY_SIZE, "1024", &range, &value, &err), 0);
	assert_int_equal(
	    quantity_parse(QUANTITY_SIZE, "1MiB", &range, &value, &err), 0);
	assert_int_equal(
	    quantity_parse(QUANTITY_SIZE, "1023", &range, &value, &err),
	    -ERANGE);
	assert_string_equal(err.text, "1023 is out of range: 1KiB to 1MiB");
	assert_int_equal(
	    quantity_parse(QUANTITY_SIZE, "1048577", &range, &value, &err),
	    -ERANGE);
}

/* What is shown can be typed, and means the same. */
static void
test_format(void **state)
{
	static const struct good shown[] = {
		{ QUANTITY_COUNT, "1000", 1000 },
		{ QUANTITY_SIZE, "0", 0 },
		{ QUANTITY_SIZE, "1KiB", 1024 },
		{ QUANTITY_SIZE, "1M", 1000000 },
		{ QUANTITY_SIZE, "1025", 1025 },
		{ QUANTITY_SIZE, "64MiB", 67108864 },
		{ QUANTITY_TIME, "1ms", 1000000 },
		{ QUANTITY_TIME, "90s", 90000000000 },
		{ QUANTITY_TIME, "1h", 3600000000000 },
		{ QUANTITY_TIME, "1500ms", 1500000000 },
		{ QUANTITY_TIME, "1d", 86400000000000 },
	};
	char buf[QUANTITY_TEXT_MAX];
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		quantity_format(shown[i].kind, shown[i].value, buf);
		assert_string_equal(buf, shown[i].text);
		assert_int_equal(
		    quantity_parse(shown[i].kind, buf, &all, &value, NULL), 0);
		assert_int_equal(value, shown[i].value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
