#include "mover_scene.h"

/*
 * What the sinks need changes while bytes are on their way: nothing is lost,
 * doubled or out of order, for the receiver and for every sink.  The sinks of
 * the scene look at each byte.
 */

/* The one that records leaves. */
static void
record_no_more(void)
{
	fanout_remove(sc.fan, &sc.rec.sink, 0, NULL, NULL);
	(void)fanout_turn(sc.fan, 1);
	assert_int_equal(sc.rec.closed, 1);
	assert_int_equal(sc.rec.ends, 2);
	assert_int_equal(sc.rec.end[DIR_SERVER].off, sc.rec.off[DIR_SERVER]);
}

/* --- somebody looks ---------------------------------------------------- */

static void
looking_while_the_receiver_is_slow(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		hold();
		sc.looker.wants = i % 2 == 0;
		push_all();
		pass(100);
	}
	expect_whole();
}

static void
looking_and_settling_while_bytes_are_held(void **state)
{
	size_t held;

	(void)state;
	hold();
	held = mover_held(&sc.m);
	sc.looker.wants = true;
	mover_settle(&sc.m);
	assert_int_equal(mover_held(&sc.m), held);
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	push_all();
	expect_whole();
}

/* --- the one that records goes ----------------------------------------- */

static void
going_at_the_very_end(void **state)
{
	size_t held;

	(void)state;
	hold();
	held = mover_held(&sc.m);
	record_no_more();
	assert_int_equal(mover_done(&sc.m), held);
	assert_int_equal(sc.s.off[DIR_SERVER], sc.sent);
	assert_int_equal(sc.looker.off[DIR_SERVER], sc.sent);
	sc.sent -= held;
	peer_receives_all();
}

#ifndef TEELINE_PORTABLE

/* --- through pipes ------------------------------------------------------ */

static void
expect_delivered(void)
{
	peer_receives_all();
	mover_settle(&sc.m);
	assert_int_equal(mover_held(&sc.m), 0);
	assert_int_equal(sc.received, sc.sent);
	assert_int_equal(sc.looker.off[DIR_SERVER], sc.sent);
	assert_int_equal(sc.s.off[DIR_SERVER], sc.sent);
}

static void
looking_ends_the_pipe_and_looking_away_begins_it(void **state)
{
	enum mover_way way =
	    sc.rec.ops.need == NEED_FILE ? MOVER_TEE : MOVER_SPLICE;

	(void)state;
	for (int i = 0; i < 3; i++) {
		reach(way);
		sc.looker.wants = true;
		reach(MOVER_COPY);
		sc.looker.wants = false;
	}
	expect_whole();
}

static void
looking_while_doubled_bytes_wait(void **state)
{
	unsigned takes;

	(void)state;
	reach(MOVER_TEE);
	mover_flush_copy(&sc.m);
	takes = sc.rec.takes;
	peer_sends(30 * KIB);
	assert_int_equal(pull(), MOVER_MORE);
	assert_true(sc.rec.off[DIR_SERVER] < sc.sent);
	sc.looker.wants = true;
	mover_flush_copy(&sc.m);
	/* They have not been seen by the looker before, so it gets them. */
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	assert_int_equal(sc.looker.off[DIR_SERVER], sc.sent);
	assert_int_equal(sc.rec.takes, takes);
	pass(100 * KIB);
	assert_int_equal(sc.m.way, MOVER_COPY);
	expect_whole();
}

static void
going_while_doubled_bytes_wait(void **state)
{
	(void)state;
	reach(MOVER_TEE);
	mover_flush_copy(&sc.m);
	peer_sends(30 * KIB);
	assert_int_equal(pull(), MOVER_MORE);
	record_no_more();
	for (int i = 0; i < 8; i++)
		pass(100 * KIB);
	assert_int_equal(sc.m.way, MOVER_SPLICE);
	expect_delivered();
	assert_true(sc.rec.off[DIR_SERVER] < sc.sent);
}

static void
going_while_the_receiver_is_slow(void **state)
{
	(void)state;
	hold();
	record_no_more();
	push_all();
	for (int i = 0; i < 8; i++)
		pass(100 * KIB);
	assert_int_equal(sc.m.way, MOVER_SPLICE);
	expect_delivered();
}

#endif

/* --- all of it --------------------------------------------------------- */

static void
a_long_talk_with_lookers(void **state)
{
	static const size_t size[] = { 1, 70 * KIB, 100 * KIB, 200 * KIB,
		65 * KIB, 64 * KIB, 16 * KIB - 1, 100 * KIB };
	unsigned random = 7;

	(void)state;
	for (int i = 0; i < 600; i++) {
		random = random * 1103515245 + 12345;
		peer_sends(size[(random >> 16) % ATTR_COUNT(size)]);
		while (pull() == MOVER_MORE) {
			if (random >> 29 == 1)
				sc.looker.wants = !sc.looker.wants;
			else
				peer_receives_all();
		}
		if (random >> 29 == 2)
			sc.looker.wants = !sc.looker.wants;
		if (random >> 29 == 3)
			mover_flush_copy(&sc.m);
		push_all();
	}
	expect_whole();
}

#define NOTHING(f) cmocka_unit_test_setup_teardown(f, set_up_nothing, tear_down)
#define FILE_(f)   cmocka_unit_test_setup_teardown(f, set_up_file, tear_down)
#define MEMORY(f)  cmocka_unit_test_setup_teardown(f, set_up_memory, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		NOTHING(a_long_talk_with_lookers),
		FILE_(a_long_talk_with_lookers),
		MEMORY(a_long_talk_with_lookers),
		NOTHING(looking_while_the_receiver_is_slow),
		FILE_(looking_while_the_receiver_is_slow),
		FILE_(looking_and_settling_while_bytes_are_held),
		FILE_(going_at_the_very_end),
#ifndef TEELINE_PORTABLE
		NOTHING(looking_ends_the_pipe_and_looking_away_begins_it),
		FILE_(looking_ends_the_pipe_and_looking_away_begins_it),
		FILE_(looking_while_doubled_bytes_wait),
		FILE_(going_while_doubled_bytes_wait),
		MEMORY(going_while_the_receiver_is_slow),
		FILE_(going_while_the_receiver_is_slow),
#endif
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
