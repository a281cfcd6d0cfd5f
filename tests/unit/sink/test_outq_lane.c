#include "outq_scene.h"

#define MS CLOCK_NS_PER_MS

/* Many stuck consumers: none of them makes another's session suffer. */
static void
test_all_together_hold_too_much(void **state)
{
	struct scene *sc = *state;
	const struct outq_opts o = {
		.limit = 50000, .startup = 50000, .absent = OUTQ_KEEP_HEAD
	};
	struct outq *small;

	scene_make(sc, 50000, 50000, OUTQ_KEEP_HEAD);
	small = outq_new(&sc->lane, &o);
	assert_non_null(small);
	sc->lane.most = 10000;
	scene_put_stream(sc, 0, 6000);
	assert_false(outq_full(sc->q));
	scene_put_stream(sc, 6000, 1000);
	outq_put(small, "0123456789", 10, 10);
	assert_false(outq_full(sc->q));
	scene_put_stream(sc, 7000, 3000);
	assert_true(outq_full(sc->q));
	assert_false(outq_full(small));
	outq_abort(small);
	assert_int_equal(sc->lane.queued, 10000);
	scene_attach(sc, "");
	scene_hear_stream(sc, 0, 10000);
	assert_int_equal(sc->lane.queued, 0);
	assert_false(outq_full(sc->q));
	sc->put += 10; /* what the small one was given, and dropped */
}

static void
test_patience_with_finished_queues_ends(void **state)
{
	struct scene *sc = *state;
	uint64_t now = clock_mono_ns();

	sc->lane.late.span_ns = 5 * CLOCK_NS_PER_S;
	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	assert_true(outq_lane_turn(&sc->lane, now) >= now + 4000 * MS);
	assert_false(list_is_empty(&sc->lane.all));
	(void)outq_lane_turn(&sc->lane, clock_mono_ns() + 5001 * MS);
	assert_true(list_is_empty(&sc->lane.all));
	assert_true(scene_dropped(sc, DROP_CLOSING) > 0);
}

/* Where traffic waits for consumers, slow is not stuck. */
static void
test_patience_begins_anew_with_what_is_taken(void **state)
{
	struct scene *sc = *state;
	uint64_t began;

	sc->lane.late.span_ns = 5 * CLOCK_NS_PER_S;
	sc->lane.patient = true;
	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	began = deadline_next(&sc->lane.late);
	scene_hear_stream(sc, 0, 200000);
	assert_true(deadline_next(&sc->lane.late) > began);
	(void)outq_lane_turn(&sc->lane, began);
	assert_false(list_is_empty(&sc->lane.all));
	scene_hear_stream(sc, 200000, 100000);
	assert_int_equal(scene_dropped(sc, DROP_CLOSING), 0);
}

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	struct scene *sc = self;

	return outq_lane_turn(&sc->lane, mono_ns);
}

/* Nobody waits for a deadline once the last queue is out. */
static void
test_end_of_the_last_queue_ends_the_worker(void **state)
{
	struct scene *sc = *state;

	worker_set_turn(sc->live.w, on_turn, sc);
	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	outq_lane_finish(&sc->lane, CLOCK_NEVER);
	scene_hear_stream(sc, 0, 300000);
	scene_hear_end(sc);
	assert_true(sc->lane.held);
	close(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_STEP_UNTIL(sc->live.w, !sc->lane.held);
}

static void
test_end_of_the_worker_ends_patience(void **state)
{
	struct scene *sc = *state;
	uint64_t end = clock_mono_ns() + 1000 * MS;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	outq_lane_finish(&sc->lane, end);
	assert_int_equal(outq_lane_turn(&sc->lane, end - 1), end);
	assert_int_equal(outq_lane_turn(&sc->lane, end), CLOCK_NEVER);
	assert_true(scene_dropped(sc, DROP_CLOSING) > 0);
	assert_true(list_is_empty(&sc->lane.all));
}

/* Its queue was long once: what that took is not kept for ever. */
static void
test_memory_that_nobody_needs_is_given_back(void **state)
{
	struct scene *sc = *state;
	uint64_t now;

	scene_make(sc, (size_t)1 << 20, (size_t)1 << 20, OUTQ_KEEP_HEAD);
	scene_put_stream(sc, 0, (size_t)1 << 20);
	scene_attach(sc, "");
	scene_hear_stream(sc, 0, (size_t)1 << 20);
	assert_true(sc->lane.blocks.nspare > OUTBLOCK_KEPT);
	now = clock_mono_ns();
	assert_true(outq_lane_turn(&sc->lane, now) <= now + OUTBLOCK_REST_NS);
	(void)outq_lane_turn(&sc->lane, now + OUTBLOCK_REST_NS);
	(void)outq_lane_turn(&sc->lane, now + 2 * OUTBLOCK_REST_NS);
	assert_int_equal(sc->lane.blocks.nspare, OUTBLOCK_KEPT);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_together_hold_too_much),
		TEST(test_patience_with_finished_queues_ends),
		TEST(test_patience_begins_anew_with_what_is_taken),
		TEST(test_end_of_the_last_queue_ends_the_worker),
		TEST(test_end_of_the_worker_ends_patience),
		TEST(test_memory_that_nobody_needs_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
