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

	scene_make(sc, 1000, 0, OUTQ_KEEP_ALL);
	scene_put_stream(sc, 0, 1000);
	assert_true(outq_full(sc->q));
	wait_for_room(sc, &w);
	scene_attach(sc, "");
	scene_hear_stream(sc, 0, 1000);
	LOOPBACK_STEP_UNTIL(sc->live.w, w.woken == 1);
}

/* What is kept has a bound of its own, which nobody waits for. */
static void
test_what_is_kept_fills_the_queue_once_it_is_sent(void **state)
{
	struct scene *sc = *state;
	struct waiting w;

	scene_make(sc, 1000, 10000, OUTQ_KEEP_HEAD);
	scene_put_stream(sc, 0, 9000);
	assert_false(outq_full(sc->q));
	scene_attach(sc, "");
	assert_true(outq_full(sc->q));
	wait_for_room(sc, &w);
	scene_hear_stream(sc, 0, 9000);
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

/* What the consumer takes at once, without a turn of the loop. */
static void
hear_now(struct scene *sc)
{
	uint8_t buf[65536];

	while (recv(sc->consumer, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

/* Not scene_attach()'s, which take a few bytes at a time. */
static void
attach_wide(struct scene *sc)
{
	int fd[2], bytes = 256 << 10;

	loopback_pair(fd);
	assert_int_equal(
	    setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
	sc->head = "";
	sc->consumer = fd[1];
	assert_int_equal(outq_attach(sc->q, fd[0]), 0);
}

/* A source that reads for long must not fill a queue that could be sent. */
static void
test_the_socket_is_tried_again_within_a_turn(void **state)
{
	const size_t step = 2000, steps = 10000;
	struct scene *sc = *state;
	size_t before;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach_wide(sc);
	while (outq_queued(sc->q) == 0)
		scene_put_stream(sc, 0, 300000);
	before = outq_queued(sc->q);
	for (size_t i = 0; i < steps; i++) {
		hear_now(sc);
		scene_put_stream(sc, 0, step);
	}
	assert_in_range(outq_queued(sc->q), 0, before + steps * step / 10);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_room_after_the_first_consumer_came),
		TEST(test_what_is_kept_fills_the_queue_once_it_is_sent),
		TEST(test_room_after_the_head),
		TEST(test_room_after_a_finished_queue_was_lost),
		TEST(test_room_after_a_queue_was_aborted),
		TEST(test_the_socket_is_tried_again_within_a_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
