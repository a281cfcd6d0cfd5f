#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fanout_scene.h"

static void
need_is_the_strongest(void **state)
{
	static const struct {
		enum need a, b, want;
	} row[] = {
		{ NEED_NOTHING, NEED_NOTHING, NEED_NOTHING },
		{ NEED_NOTHING, NEED_FILE, NEED_FILE },
		{ NEED_FILE, NEED_NOTHING, NEED_FILE },
		{ NEED_FILE, NEED_FILE, NEED_MEMORY },
		{ NEED_FILE, NEED_MEMORY, NEED_MEMORY },
		{ NEED_MEMORY, NEED_NOTHING, NEED_MEMORY },
	};
	struct scene *sc = *state;

	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		fanout_free(sc->fan);
		sc->fan = NULL;
		sc->n = 0;
		add(sc, row[i].a, ON_FULL_DROP);
		add(sc, row[i].b, ON_FULL_DROP);
		begin(sc);
		assert_int_equal(fanout_need(&sc->s), row[i].want);
	}
}

static void
need_ignores_sinks_that_do_not_watch(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_FILE, ON_FULL_DROP);
	add(sc, NEED_FILE, ON_FULL_DROP);
	sc->fake[0].sink.match.port = 99;
	sc->fake[1].open_rc = -ECANCELED;
	begin(sc);
	assert_int_equal(fanout_need(&sc->s), NEED_FILE);
	feed(sc, DIR_CLIENT, 5, 1);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "");
	assert_string_equal(sc->fake[1].log, "");
	assert_int_equal(count_get(&counts(sc, 0)->offered), 0);
	assert_int_equal(count_get(&counts(sc, 1)->offered), 0);
	assert_int_equal(count_get(&counts(sc, 2)->offered), 5);
}

static void
no_sinks_at_all(void **state)
{
	struct scene *sc = *state;

	begin(sc);
	assert_int_equal(fanout_need(&sc->s), NEED_NOTHING);
	assert_false(fanout_blocked(&sc->s));
	feed(sc, DIR_CLIENT, 5, 1);
	finish(sc);
	assert_int_equal(fanout_turn(sc->fan, 1), CLOCK_NEVER);
	assert_int_equal(sc->s.bytes[DIR_CLIENT], 5);
}

static void
counting_sinks_have_written_at_once(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_NOTHING, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	sc->fake[0].ops.data = NULL;
	begin(sc);
	feed(sc, DIR_SERVER, 10, 1);
	assert_int_equal(count_get(&counts(sc, 0)->offered), 10);
	assert_int_equal(count_get(&counts(sc, 0)->written), 10);
	assert_int_equal(count_get(&counts(sc, 1)->offered), 10);
	assert_int_equal(count_get(&counts(sc, 1)->written), 0);
	finish(sc);
}

static void
dropped_bytes_become_one_gap(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	begin(sc);
	feed(sc, DIR_CLIENT, 3, 1);
	sc->fake[0].full = true;
	feed(sc, DIR_CLIENT, 4, 2);
	feed(sc, DIR_SERVER, 7, 3);
	feed(sc, DIR_CLIENT, 5, 4);
	sc->fake[0].full = false;
	feed(sc, DIR_CLIENT, 6, 5);
	feed(sc, DIR_CLIENT, 1, 6);
	finish(sc);
	/* The server's direction is told no sooner than its own next event. */
	assert_string_equal(sc->fake[0].log,
	    "open;c2s 0+3;gap c2s 3+9 queue @4;c2s 12+6;c2s 18+1;"
	    "end c2s 19 fin by us;gap s2c 0+7 queue @3;"
	    "end s2c 7 fin by us;close fin;");
	assert_string_equal(sc->fake[1].log,
	    "open;c2s 0+3;c2s 3+4;s2c 0+7;c2s 7+5;c2s 12+6;c2s 18+1;"
	    "end c2s 19 fin by us;end s2c 7 fin by us;close fin;");
	assert_int_equal(count_get(&counts(sc, 0)->offered), 26);
	assert_drops(sc, 0, DROP_QUEUE_FULL, 16, 3);
	assert_drops(sc, 1, DROP_QUEUE_FULL, 0, 0);
}

static void
gap_comes_before_end_though_still_full(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	begin(sc);
	sc->fake[0].full = true;
	feed(sc, DIR_SERVER, 4, 2);
	session_end(&sc->s, DIR_SERVER, 3, HOW_RST, PARTY_SERVER);
	finish(sc);
	assert_string_equal(sc->fake[0].log,
	    "open;gap s2c 0+4 queue @2;end s2c 4 rst by server;"
	    "end c2s 0 fin by us;close rst;");
}

static void
lost_bytes_are_held_back_and_joined(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	begin(sc);
	sc->fake[0].full = true;
	lose(sc, DIR_CLIENT, 10, 1);
	lose(sc, DIR_CLIENT, 10, 2);
	lose(sc, DIR_SERVER, 1, 3);
	feed(sc, DIR_SERVER, 1, 4);
	lose(sc, DIR_SERVER, 1, 5);
	assert_string_equal(sc->fake[0].log, "open;");
	sc->fake[0].full = false;
	lose(sc, DIR_SERVER, 5, 6);
	feed(sc, DIR_CLIENT, 2, 7);
	/* Of one reason it stays; mixed it is the queue's. */
	assert_string_equal(sc->fake[0].log,
	    "open;gap s2c 0+3 queue @5;gap s2c 3+5 lost @6;"
	    "gap c2s 0+20 lost @2;c2s 20+2;");
	assert_drops(sc, 0, DROP_QUEUE_FULL, 1, 1);
	finish(sc);
}

static void
conflicts_are_left_out_when_full(void **state)
{
	struct scene *sc = *state;
	struct conflict c = {
		.dir = DIR_CLIENT,
		.off = 0,
		.kept = (const uint8_t *)"a",
		.other = (const uint8_t *)"b",
		.len = 1,
	};

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	begin(sc);
	feed(sc, DIR_CLIENT, 1, 1);
	session_conflict(&sc->s, &c);
	sc->fake[0].full = true;
	session_conflict(&sc->s, &c);
	feed(sc, DIR_CLIENT, 2, 3);
	sc->fake[0].full = false;
	session_conflict(&sc->s, &c);
	assert_string_equal(sc->fake[0].log,
	    "open;c2s 0+1;conflict c2s 0+1;gap c2s 1+2 queue @3;"
	    "conflict c2s 0+1;");
	assert_drops(sc, 0, DROP_QUEUE_FULL, 2, 2);
	finish(sc);
}

static void
sessions_that_open_while_full_are_missed(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_PAUSE);
	sc->fake[0].full = true;
	sc->fake[1].full = true;
	begin(sc);
	sc->fake[0].full = false;
	feed(sc, DIR_CLIENT, 5, 1);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "");
	assert_int_equal(count_get(&counts(sc, 0)->missed), 1);
	assert_int_equal(count_get(&counts(sc, 0)->offered), 5);
	assert_drops(sc, 0, DROP_QUEUE_FULL, 5, 1);
	/* Who pauses misses nothing. */
	assert_string_equal(sc->fake[1].log,
	    "open;c2s 0+5;end c2s 5 fin by us;end s2c 0 fin by us;"
	    "close fin;");
	assert_int_equal(count_get(&counts(sc, 1)->missed), 0);
	/* The next session finds room. */
	begin(sc);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "open;" ENDS0);
}

static void
close_policy_aborts_once(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_CLOSE);
	begin(sc);
	feed(sc, DIR_CLIENT, 3, 1);
	sc->fake[0].full = true;
	feed(sc, DIR_CLIENT, 4, 2);
	assert_int_equal(fanout_need(&sc->s), NEED_NOTHING);
	feed(sc, DIR_SERVER, 5, 3);
	sc->fake[0].full = false;
	feed(sc, DIR_CLIENT, 6, 4);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "open;c2s 0+3;abort;");
	assert_int_equal(count_get(&counts(sc, 0)->offered), 18);
	assert_drops(sc, 0, DROP_QUEUE_FULL, 4, 1);
	assert_drops(sc, 0, DROP_GONE, 11, 2);
}

/* What a sink only looks at is none of its figures, also when it is over. */
static void
other_direction_is_not_counted(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_CLOSE);
	sc->fake[0].sink.aside[DIR_SERVER] = true;
	begin(sc);
	feed(sc, DIR_CLIENT, 3, 1);
	feed(sc, DIR_SERVER, 5, 2);
	sc->fake[0].full = true;
	feed(sc, DIR_SERVER, 7, 3); /* refuses nothing either */
	feed(sc, DIR_CLIENT, 11, 4);
	feed(sc, DIR_SERVER, 13, 5);
	feed(sc, DIR_CLIENT, 17, 6);
	finish(sc);
	assert_string_equal(
	    sc->fake[0].log, "open;c2s 0+3;s2c 0+5;s2c 5+7;abort;");
	assert_int_equal(count_get(&counts(sc, 0)->offered), 3 + 11 + 17);
	assert_drops(sc, 0, DROP_QUEUE_FULL, 11, 1);
	assert_drops(sc, 0, DROP_GONE, 17, 1);
}

static void
close_policy_does_not_outlive_a_gap(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_CLOSE);
	begin(sc);
	sc->fake[0].full = true;
	lose(sc, DIR_CLIENT, 3, 1);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "open;abort;");
}

static void
failed_open_detaches_and_counts(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_PAUSE);
	add(sc, NEED_MEMORY, ON_FULL_PAUSE);
	sc->fake[0].open_rc = -ENOMEM;
	begin(sc);
	feed(sc, DIR_CLIENT, 3, 1);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "");
	assert_drops(sc, 0, DROP_GONE, 3, 1);
	assert_string_equal(sc->fake[1].log,
	    "open;c2s 0+3;end c2s 3 fin by us;end s2c 0 fin by us;"
	    "close fin;");
}

static void
only_full_pausing_sinks_block(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_PAUSE);
	add(sc, NEED_MEMORY, ON_FULL_CLOSE);
	add(sc, NEED_MEMORY, ON_FULL_PAUSE);
	sc->fake[3].sink.match.port = 99;
	begin(sc);
	sc->fake[0].full = true;
	sc->fake[2].full = true;
	sc->fake[3].full = true; /* watches other sessions */
	assert_false(fanout_blocked(&sc->s));
	sc->fake[1].full = true;
	assert_true(fanout_blocked(&sc->s));
	/* What was read before is not lost. */
	feed(sc, DIR_CLIENT, 3, 1);
	assert_string_equal(sc->fake[1].log, "open;c2s 0+3;");
	assert_drops(sc, 1, DROP_QUEUE_FULL, 0, 0);
	finish(sc);
}

static void
pipes_are_taken_once_and_always_given_back(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_NOTHING, ON_FULL_DROP);
	add(sc, NEED_FILE, ON_FULL_DROP);
	begin(sc);
	take(sc, DIR_CLIENT, 3);
	sc->fake[1].full = true;
	take(sc, DIR_CLIENT, 4);
	assert_int_equal(sc->fake[1].discarded, 1);
	sc->fake[1].full = false;
	take(sc, DIR_CLIENT, 5);
	assert_int_equal(sc->fake[1].discarded, 1);
	finish(sc);
	assert_string_equal(sc->fake[0].log,
	    "open;c2s 0+3;c2s 3+4;c2s 7+5;end c2s 12 fin by us;"
	    "end s2c 0 fin by us;close fin;");
	assert_string_equal(sc->fake[1].log,
	    "open;take c2s 0+3;gap c2s 3+4 queue @0;take c2s 7+5;"
	    "end c2s 12 fin by us;end s2c 0 fin by us;close fin;");
	assert_drops(sc, 1, DROP_QUEUE_FULL, 4, 1);
	assert_int_equal(count_get(&counts(sc, 0)->written), 12);
}

static void
pipe_for_a_sink_that_gave_up_is_given_back(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_FILE, ON_FULL_CLOSE);
	begin(sc);
	sc->fake[0].full = true;
	take(sc, DIR_CLIENT, 3);
	take(sc, DIR_SERVER, 4);
	assert_int_equal(sc->fake[0].discarded, 2);
	assert_string_equal(sc->fake[0].log, "open;abort;");
	assert_drops(sc, 0, DROP_QUEUE_FULL, 3, 1);
	assert_drops(sc, 0, DROP_GONE, 4, 1);
	finish(sc);
}

static void
turn_returns_the_earliest(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	sc->fake[2].ops.turn = NULL;
	start(sc);
	assert_int_equal(fanout_turn(sc->fan, 1), CLOCK_NEVER);
	sc->fake[0].due_ns = 70;
	sc->fake[1].due_ns = 50;
	assert_int_equal(fanout_turn(sc->fan, 1), 50);
}

static void
optional_callbacks_may_be_missing(void **state)
{
	struct scene *sc = *state;
	struct conflict c = { .dir = DIR_CLIENT, .len = 1 };

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	sc->fake[0].ops.gap = NULL;
	sc->fake[0].ops.conflict = NULL;
	sc->fake[0].ops.end = NULL;
	begin(sc);
	lose(sc, DIR_CLIENT, 3, 1);
	session_conflict(&sc->s, &c);
	sc->fake[0].full = true;
	feed(sc, DIR_CLIENT, 3, 2);
	sc->fake[0].full = false;
	feed(sc, DIR_CLIENT, 3, 3);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "open;c2s 6+3;close fin;");
}

static void
lanes_are_freed_when_one_cannot_be_made(void **state)
{
	struct scene *sc = *state;
	struct err err;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	sc->fake[1].lane_rc = -ENOMEM;
	assert_null(fanout_new(sc->sink, sc->n, NULL, &err));
}

static void
too_many_sinks_are_refused(void **state)
{
	static struct fake fake[FANOUT_MAX_SINKS + 1];
	struct scene *sc = *state;
	struct sink *many[FANOUT_MAX_SINKS + 1];
	struct err err = { "" };

	for (size_t i = 0; i < ATTR_COUNT(many); i++) {
		fake_init(&fake[i], NEED_MEMORY, ON_FULL_DROP);
		many[i] = &fake[i].sink;
	}
	assert_null(fanout_new(many, ATTR_COUNT(many), NULL, &err));
	assert_string_not_equal(err.text, "");
	/* The last bit works like the others. */
	sc->fan = fanout_new(many, FANOUT_MAX_SINKS, NULL, &err);
	assert_non_null(sc->fan);
	assert_int_equal(fanout_count(sc->fan), FANOUT_MAX_SINKS);
	begin(sc);
	feed(sc, DIR_CLIENT, 5, 1);
	assert_int_equal(
	    count_get(&counts(sc, FANOUT_MAX_SINKS - 1)->offered), 5);
	finish(sc);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(need_is_the_strongest),
		SCENE(need_ignores_sinks_that_do_not_watch),
		SCENE(no_sinks_at_all),
		SCENE(counting_sinks_have_written_at_once),
		SCENE(dropped_bytes_become_one_gap),
		SCENE(gap_comes_before_end_though_still_full),
		SCENE(lost_bytes_are_held_back_and_joined),
		SCENE(conflicts_are_left_out_when_full),
		SCENE(sessions_that_open_while_full_are_missed),
		SCENE(close_policy_aborts_once),
		SCENE(other_direction_is_not_counted),
		SCENE(close_policy_does_not_outlive_a_gap),
		SCENE(failed_open_detaches_and_counts),
		SCENE(only_full_pausing_sinks_block),
		SCENE(pipes_are_taken_once_and_always_given_back),
		SCENE(pipe_for_a_sink_that_gave_up_is_given_back),
		SCENE(turn_returns_the_earliest),
		SCENE(optional_callbacks_may_be_missing),
		SCENE(lanes_are_freed_when_one_cannot_be_made),
		SCENE(too_many_sinks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
