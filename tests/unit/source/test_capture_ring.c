#include "capture_scene.h"

/* --- ends -------------------------------------------------------------- */

/* What the kernel has captured is read, also if we are told to stop at once. */
static void
test_stop_reads_out(void **state)
{
	(void)state;
	scene_start();
	scene_say(2000);
	scene_stop(10 * CLOCK_NS_PER_S);
	assert_int_equal(sc.nheard, 2000);
	for (unsigned i = 0; i < sc.nheard; i++)
		assert_int_equal(sc.heard[i].number, i);
}

/* What comes later is not waited for, however much it is. */
static void
test_stop_under_load(void **state)
{
	uint64_t begin_ns;

	(void)state;
	scene_start();
	scene_say(1);
	UNTIL(scene_heard() == 1);
	begin_ns = clock_mono_ns();
	sc.src->ops->stop(sc.src, 30 * CLOCK_NS_PER_S);
	while (atomic_load(&sc.stopped) == 0 && sc.sent < MAX_PACKETS - 1)
		scene_say(1);
	UNTIL(atomic_load(&sc.stopped) == 1);
	assert_true(clock_mono_ns() - begin_ns < 20 * CLOCK_NS_PER_S);
	worker_stop(sc.worker[0]);
	worker_join(sc.worker[0]);
	/* The letter takes a moment: some of them may count. */
	assert_true(sc.nheard < sc.sent);
}

static void
test_max_packets(void **state)
{
	(void)state;
#ifndef TEELINE_PORTABLE
	sc.o.rings = 2;
#endif
	sc.o.max_packets = 100;
	scene_start();
	/* Of different ports, so that both rings get some. */
	for (int i = 0; i < 64; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		for (int j = 0; j < 10; j++)
			scene_say_from(fd, 100);
		close(fd);
	}
	UNTIL(atomic_load(&sc.finished) == 1);
	scene_stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.nheard, 100);
	assert_int_equal(atomic_load(&sc.finished), 1);
}

static void
test_max_sessions(void **state)
{
	(void)state;
	sc.session_each = true;
	sc.o.max_sessions = 5;
	/* Of other inputs: no matter to this one. */
	atomic_store(&sc.numbers.sessions, 100);
	scene_start();
	scene_say(4);
	UNTIL(scene_heard() == 4);
	assert_int_equal(atomic_load(&sc.finished), 0);
	scene_say(3);
	UNTIL(atomic_load(&sc.finished) == 1);
	scene_stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.ids, 105);
	assert_int_equal(atomic_load(&sc.finished), 1);
	assert_int_equal(sc.refused, sc.nheard - 5);
}

/* Each ring has the sessions of its own fan-out. */
static void
test_end_session(void **state)
{
	struct session s;
	unsigned rings = 1;

	(void)state;
#ifndef TEELINE_PORTABLE
	rings = 2;
#endif
	sc.o.rings = rings;
	scene_start();
	scene_stop(CLOCK_NS_PER_S);
	/* The workers have ended: this thread stands for theirs. */
	for (unsigned i = 0; i < rings; i++) {
		session_init(&s, sc.fan[i], NULL);
		sc.src->ops->end_session(sc.src, &s);
		assert_ptr_equal(scene_ended_by->ended, &s);
		assert_ptr_equal(scene_ended_by->fan, sc.fan[i]);
	}
}

static unsigned
limited(void)
{
	unsigned n;

	pthread_mutex_lock(&sc.lock);
	n = sc.limited;
	pthread_mutex_unlock(&sc.lock);
	return n;
}

/* Each ring gets its share; what all have together is counted here. */
static void
test_limits_change(void **state)
{
	struct source_limits l = {
		.sessions = 6, .concurrent = 9, .bytes = 7, .idle_ns = 8
	};

	(void)state;
#ifndef TEELINE_PORTABLE
	sc.o.rings = 2;
#endif
	sc.session_each = true;
	sc.o.max_sessions = 4;
	scene_start();
	scene_say(3);
	UNTIL(scene_heard() == 3);
	sc.src->ops->limit(sc.src, &l);
	UNTIL(limited() == sc.o.rings);
	assert_int_equal(sc.limits.concurrent, sc.o.rings == 2 ? 5 : 9);
	assert_int_equal(sc.limits.bytes, 7);
	assert_int_equal(sc.limits.idle_ns, 8);
	scene_say(2);
	UNTIL(scene_heard() == 5);
	assert_int_equal(atomic_load(&sc.finished), 0);
	scene_say(1);
	UNTIL(atomic_load(&sc.finished) == 1);
	scene_stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.ids, 6);
}

/* So many have been already: it finishes without another packet. */
static void
test_limit_below_what_was(void **state)
{
	struct source_limits l = { .sessions = 2, .concurrent = 9 };

	(void)state;
	sc.session_each = true;
	scene_start();
	scene_say(3);
	UNTIL(scene_heard() == 3);
	sc.src->ops->limit(sc.src, &l);
	UNTIL(atomic_load(&sc.finished) == 1);
	scene_stop(CLOCK_NS_PER_S);
}

/* --- time -------------------------------------------------------------- */

/* Without packets time goes on, but never ahead of what may still come. */
static void
test_ticks(void **state)
{
	uint64_t begin_ns = clock_event_ns();

	(void)state;
	scene_start();
	UNTIL(scene_tick_ns() > begin_ns);
	scene_stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.late_ticks, 0);
}

/* While a sink that wants it is full nothing is read, nor does time pass. */
static void
test_held_up(void **state)
{
	uint64_t begin_ns = clock_event_ns();
	unsigned before;

	(void)state;
	atomic_store(&sc.full, true);
	scene_start();
	scene_say(10);
	UNTIL(scene_ticks() > 3);
	assert_int_equal(scene_heard(), 0);
	assert_true(scene_tick_ns() < begin_ns);
	before = scene_ticks();
	UNTIL(scene_ticks() > before + 2);
	assert_int_equal(scene_heard(), 0);
	atomic_store(&sc.full, false);
	worker_room(sc.worker[0]);
	UNTIL(scene_heard() == 10);
	scene_stop(CLOCK_NS_PER_S);
}

/* Full for good: stopping does not wait for ever, and says what it cost. */
static void
test_held_up_at_stop(void **state)
{
	(void)state;
	atomic_store(&sc.full, true);
	scene_start();
	scene_say(10);
	scene_stop(200 * CLOCK_NS_PER_MS);
	assert_int_equal(sc.nheard, 0);
	assert_int_equal(atomic_load(&sc.troubles), 1);
	assert_non_null(strstr(sc.trouble, "not read"));
}

/* --- interfaces that go ------------------------------------------------ */

static void
test_interface_down(void **state)
{
	(void)state;
	scene_start();
	scene_say(1);
	UNTIL(scene_heard() == 1);
	scene_lo_flags(0);
	UNTIL(atomic_load(&sc.troubles) == 1);
	assert_non_null(strstr(sc.trouble, "lo went down"));
	scene_lo_flags(IFF_UP);
	scene_say(1);
	UNTIL(scene_heard() == 2);
	scene_stop(CLOCK_NS_PER_S);
	assert_int_equal(atomic_load(&sc.finished), 0);
	assert_false(sc.src->ops->failed(sc.src));
}

#define SCENE(test)                                                            \
	cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(test_stop_reads_out),
		SCENE(test_stop_under_load),
		SCENE(test_max_packets),
		SCENE(test_max_sessions),
		SCENE(test_end_session),
		SCENE(test_limits_change),
		SCENE(test_limit_below_what_was),
		SCENE(test_ticks),
		SCENE(test_held_up),
		SCENE(test_held_up_at_stop),
		SCENE(test_interface_down),
	};

	return cmocka_run_group_tests(tests, scene_enter, scene_leave);
}
