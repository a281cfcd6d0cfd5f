#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/deadline.h"

#define N 4

struct scene {
	struct deadline_queue q;
	struct deadline d[N];
};

static int
set_up(void **state)
{
	static struct scene sc;

	deadline_queue_init(&sc.q, 100);
	for (int i = 0; i < N; i++)
		list_init(&sc.d[i].node);
	*state = &sc;
	return 0;
}

static void
empty_queue_never_fires(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(deadline_next(&sc->q), CLOCK_NEVER);
	assert_null(deadline_take(&sc->q, 0));
	assert_null(deadline_take(&sc->q, CLOCK_NEVER));
}

static void
waits_end_in_the_order_they_began(void **state)
{
	struct scene *sc = *state;

	for (unsigned i = 0; i < N; i++)
		deadline_arm(&sc->q, &sc->d[i], 10 * i);
	assert_int_equal(deadline_next(&sc->q), 100);
	assert_null(deadline_take(&sc->q, 99));
	assert_ptr_equal(deadline_take(&sc->q, 110), &sc->d[0]);
	assert_ptr_equal(deadline_take(&sc->q, 110), &sc->d[1]);
	assert_null(deadline_take(&sc->q, 110));
	assert_int_equal(deadline_next(&sc->q), 120);
}

static void
arming_again_begins_anew(void **state)
{
	struct scene *sc = *state;

	deadline_arm(&sc->q, &sc->d[0], 0);
	deadline_arm(&sc->q, &sc->d[1], 10);
	deadline_arm(&sc->q, &sc->d[0], 20);
	assert_ptr_equal(deadline_take(&sc->q, 500), &sc->d[1]);
	assert_int_equal(deadline_next(&sc->q), 120);
	assert_ptr_equal(deadline_take(&sc->q, 500), &sc->d[0]);
	assert_null(deadline_take(&sc->q, 500));
}

static void
cancelling_is_idempotent(void **state)
{
	struct scene *sc = *state;

	deadline_cancel(&sc->d[0]);
	deadline_arm(&sc->q, &sc->d[0], 0);
	deadline_arm(&sc->q, &sc->d[1], 0);
	deadline_cancel(&sc->d[0]);
	deadline_cancel(&sc->d[0]);
	assert_ptr_equal(deadline_take(&sc->q, 100), &sc->d[1]);
	deadline_cancel(&sc->d[1]);
	assert_int_equal(deadline_next(&sc->q), CLOCK_NEVER);
}

static void
span_of_zero_is_off(void **state)
{
	struct scene *sc = *state;

	deadline_queue_init(&sc->q, 0);
	deadline_arm(&sc->q, &sc->d[0], 5);
	assert_int_equal(deadline_next(&sc->q), CLOCK_NEVER);
	assert_null(deadline_take(&sc->q, CLOCK_NEVER));
}

#define SCENE(f) cmocka_unit_test_setup(f, set_up)

/* They began when they began: the order stays, some are over at once. */
static void
another_length_holds_for_those_that_wait(void **state)
{
	struct scene *sc = *state;

	deadline_arm(&sc->q, &sc->d[0], 0);
	deadline_arm(&sc->q, &sc->d[1], 50);
	deadline_queue_change(&sc->q, 30);
	assert_ptr_equal(deadline_take(&sc->q, 60), &sc->d[0]);
	assert_null(deadline_take(&sc->q, 60));
	assert_int_equal(deadline_next(&sc->q), 80);
	deadline_queue_change(&sc->q, 1000);
	deadline_arm(&sc->q, &sc->d[2], 60);
	assert_int_equal(deadline_next(&sc->q), 1050);
	assert_ptr_equal(deadline_take(&sc->q, 2000), &sc->d[1]);
	assert_ptr_equal(deadline_take(&sc->q, 2000), &sc->d[2]);
}

static void
no_length_cancels_all(void **state)
{
	struct scene *sc = *state;

	deadline_arm(&sc->q, &sc->d[0], 0);
	deadline_arm(&sc->q, &sc->d[1], 50);
	deadline_queue_change(&sc->q, 0);
	assert_int_equal(deadline_next(&sc->q), CLOCK_NEVER);
	assert_true(list_is_empty(&sc->d[1].node));
	deadline_arm(&sc->q, &sc->d[0], 0);
	assert_int_equal(deadline_next(&sc->q), CLOCK_NEVER);
	deadline_queue_change(&sc->q, 10);
	deadline_arm(&sc->q, &sc->d[0], 5);
	assert_int_equal(deadline_next(&sc->q), 15);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(empty_queue_never_fires),
		SCENE(waits_end_in_the_order_they_began),
		SCENE(arming_again_begins_anew),
		SCENE(cancelling_is_idempotent),
		SCENE(span_of_zero_is_off),
		SCENE(another_length_holds_for_those_that_wait),
		SCENE(no_length_cancels_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
