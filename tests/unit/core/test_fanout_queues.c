#include "fanout_scene.h"

/*
 * Sinks with a queue for each session and direction: whose consumer is stuck
 * costs its own session, and there one direction.
 */

#define ENDS "end s2c 0 fin by us;close fin;"

static void
add_live(struct scene *sc, enum on_full on_full)
{
	add(sc, NEED_MEMORY, on_full);
	fake_own_queues(&sc->fake[sc->n - 1]);
}

static void
full_direction_drops_alone(void **state)
{
	struct scene *sc = *state;

	add_live(sc, ON_FULL_DROP);
	begin(sc);
	sc->fake[0].full = true; /* some queue of some session */
	sc->fake[0].full_id[DIR_CLIENT] = sc->s.id;
	feed(sc, DIR_CLIENT, 3, 1);
	feed(sc, DIR_SERVER, 5, 2);
	sc->fake[0].full_id[DIR_CLIENT] = 0;
	feed(sc, DIR_CLIENT, 4, 3);
	finish(sc);
	assert_string_equal(sc->fake[0].log,
	    "open;s2c 0+5;gap c2s 0+3 queue @1;c2s 3+4;"
	    "end c2s 7 fin by us;end s2c 5 fin by us;close fin;");
	assert_drops(sc, 0, DROP_QUEUE_FULL, 3, 1);
	assert_int_equal(count_get(&counts(sc, 0)->offered), 12);
}

/* That another session's queue is full is no reason to miss this one. */
static void
session_opens_though_others_are_full(void **state)
{
	struct scene *sc = *state;

	add_live(sc, ON_FULL_DROP);
	add_live(sc, ON_FULL_CLOSE);
	sc->fake[0].full = true;
	sc->fake[1].full = true;
	begin(sc);
	feed(sc, DIR_CLIENT, 3, 1);
	finish(sc);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(
		    sc->fake[i].log, "open;c2s 0+3;end c2s 3 fin by us;" ENDS);
		assert_int_equal(count_get(&counts(sc, i)->missed), 0);
		assert_drops(sc, i, DROP_QUEUE_FULL, 0, 0);
	}
}

static void
close_gives_up_the_session_for_both_directions(void **state)
{
	struct scene *sc = *state;

	add_live(sc, ON_FULL_CLOSE);
	begin(sc);
	feed(sc, DIR_CLIENT, 3, 1);
	sc->fake[0].full_id[DIR_CLIENT] = sc->s.id;
	feed(sc, DIR_SERVER, 5, 2);
	feed(sc, DIR_CLIENT, 4, 3);
	sc->fake[0].full_id[DIR_CLIENT] = 0;
	feed(sc, DIR_CLIENT, 6, 4);
	feed(sc, DIR_SERVER, 7, 5);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "open;c2s 0+3;s2c 0+5;abort;");
	assert_drops(sc, 0, DROP_QUEUE_FULL, 4, 1);
	assert_drops(sc, 0, DROP_GONE, 13, 2);
	assert_int_equal(count_get(&counts(sc, 0)->offered), 25);
}

/* Either queue holds the session back, and no other session. */
static void
pause_holds_back_its_own_session(void **state)
{
	struct scene *sc = *state;

	add_live(sc, ON_FULL_PAUSE);
	begin(sc);
	sc->fake[0].full = true;
	assert_false(fanout_blocked(&sc->s));
	for (int d = 0; d < DIR_NDIRS; d++) {
		sc->fake[0].full_id[d] = sc->s.id;
		assert_true(fanout_blocked(&sc->s));
		sc->fake[0].full_id[d] = sc->s.id + 1;
		assert_false(fanout_blocked(&sc->s));
	}
	/* What was read before it could be held back is taken. */
	sc->fake[0].full_id[DIR_CLIENT] = sc->s.id;
	feed(sc, DIR_CLIENT, 3, 1);
	finish(sc);
	assert_string_equal(
	    sc->fake[0].log, "open;c2s 0+3;end c2s 3 fin by us;" ENDS);
	assert_drops(sc, 0, DROP_QUEUE_FULL, 0, 0);
}

static void
full_live_sinks_that_drop_hold_nobody_back(void **state)
{
	struct scene *sc = *state;

	add_live(sc, ON_FULL_DROP);
	add_live(sc, ON_FULL_CLOSE);
	begin(sc);
	for (size_t i = 0; i < 2; i++)
		sc->fake[i].full_id[DIR_SERVER] = sc->s.id;
	assert_false(fanout_blocked(&sc->s));
	finish(sc);
}

/* A gap of the source may be what a full queue cannot take. */
static void
gaps_and_conflicts_ask_their_own_queue(void **state)
{
	struct scene *sc = *state;
	struct conflict c = { .dir = DIR_SERVER, .len = 1 };

	add_live(sc, ON_FULL_DROP);
	begin(sc);
	sc->fake[0].full_id[DIR_SERVER] = sc->s.id;
	lose(sc, DIR_CLIENT, 3, 1);
	lose(sc, DIR_SERVER, 4, 2);
	session_conflict(&sc->s, &c);
	c.dir = DIR_CLIENT;
	session_conflict(&sc->s, &c);
	finish(sc);
	assert_string_equal(sc->fake[0].log,
	    "open;gap c2s 0+3 lost @1;conflict c2s 0+1;"
	    "end c2s 3 fin by us;gap s2c 0+4 lost @2;"
	    "end s2c 4 fin by us;close fin;");
	assert_drops(sc, 0, DROP_QUEUE_FULL, 0, 1);
}

/* Traffic that has come to its end by itself waits for those it waited for. */
static void
finish_grants_time_to_whom_traffic_waits_for(void **state)
{
	struct scene *sc = *state;

	add_live(sc, ON_FULL_DROP);
	add_live(sc, ON_FULL_PAUSE);
	add_live(sc, ON_FULL_CLOSE);
	add(sc, NEED_MEMORY, ON_FULL_PAUSE); /* has no finish() */
	start(sc);
	fanout_finish(sc->fan, 70, false);
	assert_int_equal(sc->fake[0].finish_ns, 70);
	assert_int_equal(sc->fake[1].finish_ns, CLOCK_NEVER);
	assert_int_equal(sc->fake[2].finish_ns, 70);
}

static void
finish_when_told_has_one_deadline(void **state)
{
	struct scene *sc = *state;

	add_live(sc, ON_FULL_DROP);
	add_live(sc, ON_FULL_PAUSE);
	start(sc);
	fanout_finish(sc->fan, 70, true);
	assert_int_equal(sc->fake[0].finish_ns, 70);
	assert_int_equal(sc->fake[1].finish_ns, 70);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(full_direction_drops_alone),
		SCENE(session_opens_though_others_are_full),
		SCENE(close_gives_up_the_session_for_both_directions),
		SCENE(pause_holds_back_its_own_session),
		SCENE(full_live_sinks_that_drop_hold_nobody_back),
		SCENE(gaps_and_conflicts_ask_their_own_queue),
		SCENE(finish_grants_time_to_whom_traffic_waits_for),
		SCENE(finish_when_told_has_one_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
