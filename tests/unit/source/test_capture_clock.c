#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source/capture_clock.h"

#define S     UINT64_C(1000000000)
#define START (UINT64_C(1795249800) * S)
#define HOUR  (3600 * S)

static void
time_goes_by(void **state)
{
	struct capture_clock c = { 0 };

	(void)state;
	assert_true(capture_clock_fits(&c, START, START));
	/* It waited in the ring; another processor's clock is ahead. */
	assert_true(capture_clock_fits(&c, START + 5 * S, START + 900 * S));
	assert_true(capture_clock_fits(&c, START + 901 * S, START + 900 * S));
	assert_true(capture_clock_fits(&c, START + 900 * S, START + 901 * S));
	assert_int_equal(c.last_ns, START + 901 * S);
	assert_int_equal(capture_clock_at(&c, START), START);
	/* A silence of an hour that was one. */
	assert_true(
	    capture_clock_fits(&c, START + HOUR, START + HOUR + S / 10));
}

/* It fits again at once, and the next jump is told from that on. */
static void
clock_that_is_set(void **state)
{
	struct capture_clock c = { 0 };

	(void)state;
	assert_true(capture_clock_fits(&c, START, START));
	assert_false(capture_clock_fits(&c, START + HOUR, START + S));
	assert_int_equal(c.last_ns, START);
	assert_int_equal(
	    capture_clock_set(&c, START + HOUR, START + S), HOUR - S);
	assert_int_equal(capture_clock_at(&c, START + 2 * S), START + HOUR + S);
	assert_true(capture_clock_fits(&c, START + HOUR + S, START + 2 * S));
	/* Back, to what it was. */
	assert_false(capture_clock_fits(&c, START + 3 * S, START + 3 * S));
	assert_int_equal(capture_clock_set(&c, START + 3 * S, START + 3 * S),
	    -(int64_t)(HOUR - S));
	assert_int_equal(c.shift_ns, 0);
	assert_true(capture_clock_fits(&c, START + 4 * S, START + 4 * S));
	/* And a day before that. */
	assert_false(capture_clock_fits(&c, START - 24 * HOUR, START + 5 * S));
	assert_int_equal(
	    capture_clock_set(&c, START - 24 * HOUR, START + 5 * S),
	    -(int64_t)(24 * HOUR + 5 * S));
	assert_int_equal(
	    capture_clock_at(&c, START + 5 * S), START - 24 * HOUR);
}

/* Many small steps are a large one. */
static void
small_steps(void **state)
{
	struct capture_clock c = { 0 };
	uint64_t ahead = 0;
	int64_t jumps = 0;

	(void)state;
	for (uint64_t i = 1; i <= 100; i++) {
		uint64_t now = START + i * S;

		ahead += S / 3;
		if (!capture_clock_fits(&c, now + ahead, now))
			jumps += capture_clock_set(&c, now + ahead, now);
		assert_true((int64_t)ahead - jumps <= (int64_t)S);
	}
	assert_int_equal(c.shift_ns, jumps);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_goes_by),
		cmocka_unit_test(clock_that_is_set),
		cmocka_unit_test(small_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
