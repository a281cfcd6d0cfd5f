#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/glimpse.h"

static int
begin(void **state)
{
	*state = calloc(1, sizeof(struct glimpse));
	return *state == NULL ? -1 : 0;
}

static int
end(void **state)
{
	free(*state);
	return 0;
}

static void
first_one_heard_is_remembered_once(void **state)
{
	struct glimpse *g = *state;
	unsigned at = 7;

	assert_false(glimpse_take(g, 5, &at));
	assert_int_equal(at, 7);
	glimpse_note(g, 5, 1);
	glimpse_note(g, 5, 0);
	glimpse_note(g, 5, 1);
	assert_true(glimpse_take(g, 5, &at));
	assert_int_equal(at, 1);
	assert_false(glimpse_take(g, 5, &at));
	glimpse_note(g, 5, 0);
	assert_true(glimpse_take(g, 5, &at));
	assert_int_equal(at, 0);
}

static void
hash_of_zero_is_one_like_any(void **state)
{
	struct glimpse *g = *state;
	unsigned at = 7;

	assert_false(glimpse_take(g, 0, &at));
	glimpse_note(g, 0, 1);
	assert_true(glimpse_take(g, 0, &at));
	assert_int_equal(at, 1);
}

/* One bit of difference, wherever it is, is another connection. */
static void
connections_are_told_apart(void **state)
{
	struct glimpse *g = *state;
	uint32_t hash = 0x9e3779b9;
	unsigned at;

	for (unsigned bit = 0; bit < 32; bit++) {
		glimpse_note(g, hash, 1);
		assert_false(glimpse_take(g, hash ^ UINT32_C(1) << bit, &at));
		assert_true(glimpse_take(g, hash, &at));
	}
}

static void
newer_one_takes_the_slot(void **state)
{
	struct glimpse *g = *state;
	unsigned at;

	glimpse_note(g, 1, 1);
	glimpse_note(g, 2, 0);
	assert_false(glimpse_take(g, 1, &at));
	assert_true(glimpse_take(g, 2, &at));
	assert_int_equal(at, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    first_one_heard_is_remembered_once, begin, end),
		cmocka_unit_test_setup_teardown(
		    hash_of_zero_is_one_like_any, begin, end),
		cmocka_unit_test_setup_teardown(
		    connections_are_told_apart, begin, end),
		cmocka_unit_test_setup_teardown(
		    newer_one_takes_the_slot, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
