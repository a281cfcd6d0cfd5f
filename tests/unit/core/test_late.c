#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/late.h"

static void
holes_are_found_by_offset(void **state)
{
	struct late *late = NULL;

	(void)state;
	assert_null(late_next(late, 0));
	late_add(&late, 10, 20);
	late_add(&late, 30, 40);
	assert_int_equal(late_next(late, 0)->off, 10);
	assert_int_equal(late_next(late, 19)->off, 10);
	assert_int_equal(late_next(late, 20)->off, 30);
	assert_null(late_next(late, 40));
	free(late);
}

static void
those_that_touch_are_one(void **state)
{
	struct late *late = NULL;

	(void)state;
	for (uint64_t off = 0; off < 10 * LATE_MAX; off += 10)
		late_add(&late, off, off + 10);
	late_add(&late, 1000, 1001);
	assert_int_equal(late_next(late, 5)->off, 0);
	assert_int_equal(late_next(late, 5)->end, 10 * LATE_MAX);
	free(late);
}

static void
the_oldest_is_forgotten(void **state)
{
	struct late *late = NULL;

	(void)state;
	for (uint64_t i = 0; i < 3 * LATE_MAX; i++) {
		uint64_t oldest = i < LATE_MAX ? 0 : i + 1 - LATE_MAX;

		late_add(&late, 10 * i, 10 * i + 1);
		assert_int_equal(late_next(late, 0)->off, 10 * oldest);
		assert_int_equal(late_next(late, 10 * i)->off, 10 * i);
	}
	free(late);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_found_by_offset),
		cmocka_unit_test(those_that_touch_are_one),
		cmocka_unit_test(the_oldest_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
