#include "outq_scene.h"

#include "base/attr.h"

/*
 * Whoever was told that a queue is full waits for room, and is woken when there
 * is some, whatever has become of the queue.
 */

/** struct waiting - A source that waits. */
struct waiting {
	struct worker_waiter waiter;
	unsigned woken;
};

static void
on_room(struct worker_waiter *waiter)
{
	ATTR_CONTAINER(waiter, struct waiting, waiter)->woken++;
}

static void
wait_for_room(struct scene *sc, struct waiting *w)
{
	*w = (struct waiting){ .waiter = { .room = on_room } };
	list_init(&w->waiter.node);
	worker_wait_room(sc->live.w, &w->waiter);
}

/* It filled up before its consumer was there: so nothing had been sent yet. */
static void
test_room_after_the_first_consumer_came(void **state)
{
	struct scene *sc = *state;
	struct waiting w;

	scene_make(sc, 1000, 10000, OUTQ_KEEP_HEAD);
	scene_put_stream(sc, 0, 1000);
	assert_true(outq_full(sc->q));
	wait_for_room(sc, &w);
	scene_attach(sc, "");
	scene_hear_stream(sc, 0, 1000);
	LOOPBACK_STEP_UNTIL(sc->live.w, w.woken == 1);
}

/* Nothing was said yet, but what goes before all else. */
static void
test_room_after_the_head(void **state)
{
	struct scene *sc = *state;
	struct waiting w;

	scene_make(sc, 10, 0, OUTQ_DROP);
	scene_attach(sc, "0123456789");
	assert_true(outq_full(sc->q));
	wait_for_room(sc, &w);
	scene_hear_text(sc, "0123456789");
	LOOPBACK_STEP_UNTIL(sc->live.w, w.woken == 1);
}

/* Its session is over, and then its consumer is lost. */
static void
test_room_after_a_finished_queue_was_lost(void **state)
{
	struct scene *sc = *state;
	struct waiting w;

	scene_make(sc, 1000, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	assert_true(outq_lane_full(&sc->lane));
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	assert_true(outq_lane_full(&sc->lane));
	wait_for_room(sc, &w);
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_STEP_UNTIL(sc->live.w, w.woken == 1);
	assert_false(outq_lane_full(&sc->lane));
}

/* ... or was given up by its owner. */
static void
test_room_after_a_queue_was_aborted(void **state)
{
	struct scene *sc = *state;
	struct waiting w;

	scene_make(sc, 1000, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	wait_for_room(sc, &w);
	outq_abort(sc->q);
	sc->q = NULL;
	LOOPBACK_STEP_UNTIL(sc->live.w, w.woken == 1);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_room_after_the_first_consumer_came),
		TEST(test_room_after_the_head),
		TEST(test_room_after_a_finished_queue_was_lost),
		TEST(test_room_after_a_queue_was_aborted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
