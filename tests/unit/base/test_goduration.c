#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/goduration.h"

/* Up to the largest int64_t these are from the tests of Go itself, or alike. */
static void
as_go_prints_them(void **state)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} row[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 999, "999ns" },
		{ 1000, "1\xc2\xb5s" },
		{ 1100, "1.1\xc2\xb5s" },
		{ 12300, "12.3\xc2\xb5s" },
		{ 999999, "999.999\xc2\xb5s" },
		{ 1000000, "1ms" },
		{ 2200000, "2.2ms" },
		{ 250000000, "250ms" },
		{ 250000001, "250.000001ms" },
		{ 999999999, "999.999999ms" },
		{ 1000000000, "1s" },
		{ 3300000000, "3.3s" },
		{ 10000000000, "10s" },
		{ 16576948100, "16.5769481s" },
		{ 60000000000, "1m0s" },
		{ 62500000000, "1m2.5s" },
		{ 245000000000, "4m5s" },
		{ 245001000000, "4m5.001s" },
		{ 3600000000000, "1h0m0s" },
		{ 18367001000000, "5h6m7.001s" },
		{ 480000000001, "8m0.000000001s" },
		{ 9223372036854775807ULL, "2562047h47m16.854775807s" },
		{ UINT64_MAX, "5124095h34m33.709551615s" },
	};
	char buf[GODURATION_MAX];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++)
		assert_string_equal(
		    goduration_format(row[i].ns, buf), row[i].want);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_go_prints_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
