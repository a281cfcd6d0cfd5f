#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source/proxy_room.h"

static void
places_come_back(void **state)
{
	struct proxy_room r;

	(void)state;
	proxy_room_init(&r, 0);
	assert_false(proxy_room_limit(&r, 0, 2));
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
	assert_true(proxy_room_is_free(&r));
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
	assert_false(proxy_room_is_free(&r));
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_FULL);
	assert_true(proxy_room_leave(&r)); /* somebody may wait for it */
	assert_true(proxy_room_is_free(&r));
	assert_false(proxy_room_leave(&r));
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
}

static void
the_last_one_closes_the_room(void **state)
{
	struct proxy_room r;

	(void)state;
	proxy_room_init(&r, 2);
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
	assert_false(r.closed);
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_LAST);
	assert_true(r.closed);
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_NO_MORE);
	assert_int_equal(r.live, 2);
	/* Once it is closed nothing opens it. */
	assert_true(proxy_room_limit(&r, 9, 9));
}

static void
more_room_while_it_is_full(void **state)
{
	struct proxy_room r;

	(void)state;
	proxy_room_init(&r, 0);
	assert_false(proxy_room_limit(&r, 0, 1));
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_FULL);
	assert_false(proxy_room_limit(&r, 0, 2));
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_FULL);
}

/* Nobody is sent away, and nobody comes until enough have left. */
static void
less_room_than_sessions(void **state)
{
	struct proxy_room r;

	(void)state;
	proxy_room_init(&r, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
	assert_false(proxy_room_limit(&r, 0, 2));
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_FULL);
	assert_false(proxy_room_leave(&r)); /* still full */
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_FULL);
	assert_true(proxy_room_leave(&r));
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
}

static void
fewer_in_all_than_there_were(void **state)
{
	struct proxy_room r;

	(void)state;
	proxy_room_init(&r, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
	assert_false(proxy_room_limit(&r, 4, 9));
	assert_true(proxy_room_limit(&r, 3, 9));
	assert_int_equal(r.live, 3);
}

static void
stopped(void **state)
{
	struct proxy_room r;

	(void)state;
	proxy_room_init(&r, 0);
	assert_int_equal(proxy_room_enter(&r), PROXY_ROOM_ENTERED);
	proxy_room_close(&r);
	assert_true(r.closed);
	assert_false(proxy_room_leave(&r));
	assert_int_equal(r.live, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_come_back),
		cmocka_unit_test(the_last_one_closes_the_room),
		cmocka_unit_test(more_room_while_it_is_full),
		cmocka_unit_test(less_room_than_sessions),
		cmocka_unit_test(fewer_in_all_than_there_were),
		cmocka_unit_test(stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
