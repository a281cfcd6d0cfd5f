#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/port_range.h"

static void
test_lends_each_port_once(void **state)
{
	struct port_range r;

	(void)state;
	port_range_init(&r, 5000, 5002);
	assert_int_equal(port_range_count(&r), 3);
	assert_int_equal(port_range_take(&r), 5000);
	assert_int_equal(port_range_take(&r), 5001);
	assert_int_equal(port_range_take(&r), 5002);
	assert_int_equal(port_range_take(&r), 0);
	port_range_give(&r, 5001);
	assert_int_equal(port_range_take(&r), 5001);
	assert_int_equal(port_range_take(&r), 0);
	port_range_done(&r);
}

/* A consumer that is late must not meet the next session. */
static void
test_comes_back_to_a_port_last(void **state)
{
	struct port_range r;

	(void)state;
	port_range_init(&r, 5000, 5002);
	assert_int_equal(port_range_take(&r), 5000);
	port_range_give(&r, 5000);
	assert_int_equal(port_range_take(&r), 5001);
	assert_int_equal(port_range_take(&r), 5002);
	assert_int_equal(port_range_take(&r), 5000);
	port_range_done(&r);
}

static void
test_reaches_to_the_last_port_there_is(void **state)
{
	struct port_range r;

	(void)state;
	port_range_init(&r, 65534, 65535);
	assert_int_equal(port_range_take(&r), 65534);
	assert_int_equal(port_range_take(&r), 65535);
	assert_int_equal(port_range_take(&r), 0);
	port_range_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lends_each_port_once),
		cmocka_unit_test(test_comes_back_to_a_port_last),
		cmocka_unit_test(test_reaches_to_the_last_port_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
