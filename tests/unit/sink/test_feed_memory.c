#include "feed_scene.h"

#include "../../../fuzz/memory.h"

/* The header names the first byte that is kept, and no other. */
static void
test_tail_without_memory_is_not_kept(void **state)
{
	struct scene *sc = *state;

	sc->o.keep_tail = true;
	make(sc);
	memory_fail(1, true);
	say(sc, "lost");
	memory_fail(0, false);
	assert_int_equal(live_dropped(&sc->live, DROP_QUEUE_FULL), 4);
	say(sc, "kept");
	attach(sc);
	say(sc, "live");
	hear(sc, HEADER("4") "keptlive");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_tail_without_memory_is_not_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
