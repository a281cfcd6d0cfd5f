#include <poll.h>

#include "outq_scene.h"

/*
 * Queues whose sessions are over: how long they may take, and what becomes of
 * what is still on its way then.
 */

#define LINGER_NS (3600 * CLOCK_NS_PER_S)

/* With room for all that is put in, in the system, and a slow consumer. */
static void
attach_wide(struct scene *sc)
{
	int fd[2], bytes = 512 << 10, few = 32 << 10;

	loopback_pair(fd);
	assert_int_equal(
	    setsockopt(fd[1], SOL_SOCKET, SO_RCVBUF, &few, sizeof(few)), 0);
	assert_int_equal(
	    setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
	sc->head = "";
	sc->consumer = fd[1];
	assert_int_equal(outq_attach(sc->q, fd[0]), 0);
}

static void
make(struct scene *sc)
{
	outq_lane_init(&sc->lane, sc->live.w, &sc->live.count, LINGER_NS);
	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
}

static void
finish(struct scene *sc, enum outq_end end)
{
	outq_finish(sc->q, end);
	sc->q = NULL;
}

/* The time of every queue that is over is over. */
static void
let_time_pass(struct scene *sc)
{
	(void)outq_lane_turn(&sc->lane, clock_mono_ns() + LINGER_NS + 1);
}

/* Up to so many bytes; fewer at the end of the stream, which is no reset. */
static size_t
hear(struct scene *sc, size_t max)
{
	struct pollfd p = { .fd = sc->consumer, .events = POLLIN };
	uint8_t buf[65536];
	size_t heard = 0;

	while (heard < max) {
		ssize_t n;

		assert_int_equal(poll(&p, 1, 10000), 1);
		n = recv(sc->consumer, buf, sizeof(buf), 0);
		assert_true(n >= 0);
		if (n == 0)
			break;
		heard += (size_t)n;
	}
	return heard;
}

/* It takes nothing for a while, and then it gets all of it, and FIN. */
static void
test_what_the_system_has_is_not_taken_back(void **state)
{
	struct scene *sc = *state;

	make(sc);
	attach_wide(sc);
	scene_put_stream(sc, 0, 200000);
	assert_int_equal(outq_queued(sc->q), 0);
	finish(sc, OUTQ_FIN);
	for (int i = 0; i < 100 && sc->lane.nqueues > 0; i++)
		let_time_pass(sc);
	assert_int_equal(sc->lane.nqueues, 0);
	assert_int_equal(hear(sc, SIZE_MAX), 200000);
	assert_int_equal(scene_dropped(sc, DROP_CLOSING), 0);
}

/* Slow is not stuck. */
static void
test_who_takes_something_is_waited_for(void **state)
{
	struct scene *sc = *state;
	size_t heard = 0;

	make(sc);
	attach_wide(sc);
	scene_put_stream(sc, 0, 400000);
	assert_int_equal(outq_queued(sc->q), 0);
	finish(sc, OUTQ_RST);
	/* Its system may have the last ones already. */
	while (heard < 200000) {
		heard += hear(sc, 50000);
		let_time_pass(sc);
		assert_int_equal(sc->lane.nqueues, 1);
	}
	for (int i = 0; i < 100 && sc->lane.nqueues > 0; i++)
		let_time_pass(sc);
	assert_int_equal(sc->lane.nqueues, 0);
}

/* What we have ourselves when time is over is counted, and the end no FIN. */
static void
test_what_is_queued_is_cut_off(void **state)
{
	struct scene *sc = *state;

	make(sc);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 1000000);
	assert_true(outq_queued(sc->q) > 0);
	finish(sc, OUTQ_FIN);
	let_time_pass(sc);
	assert_int_equal(sc->lane.nqueues, 0);
	assert_true(scene_dropped(sc, DROP_CLOSING) > 0);
}

/* Descriptors are for sessions first: the one that waits longest goes. */
static void
test_no_more_than_the_share(void **state)
{
	struct outq_lane_share share = { .most = 4, .lanes = 2 };
	struct scene *sc = *state;
	int consumers[3];

	make(sc);
	assert_int_equal(outq_lane_part(&share), 2);
	sc->lane.share = &share;
	for (int i = 0; i < 3; i++) {
		if (i > 0)
			scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
		scene_attach(sc, "");
		scene_put_stream(sc, 0, 1000000);
		consumers[i] = sc->consumer;
		sc->consumer = -1;
		assert_int_equal(scene_dropped(sc, DROP_CLOSING), 0);
		finish(sc, OUTQ_FIN);
	}
	assert_int_equal(sc->lane.nqueues, 2);
	assert_true(scene_dropped(sc, DROP_CLOSING) > 0);
	let_time_pass(sc);
	assert_int_equal(sc->lane.nqueues, 0);
	for (int i = 0; i < 3; i++)
		close(consumers[i]);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_the_system_has_is_not_taken_back),
		TEST(test_who_takes_something_is_waited_for),
		TEST(test_what_is_queued_is_cut_off),
		TEST(test_no_more_than_the_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
