#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fanout_scene.h"

/* A sink that keeps packets. */
static void
add_keeper(struct scene *sc, enum on_full on_full)
{
	add(sc, NEED_NOTHING, on_full);
	fake_keep_packets(&sc->fake[sc->n - 1]);
}

/* A packet of the session, or of none, of which @len bytes were captured. */
static void
pass(struct scene *sc, struct session *s, uint32_t len, uint64_t ts_ns)
{
	static const struct packet_iface iface = { .linktype = 1 };
	static const uint8_t bytes[4096];
	const struct packet p = {
		.iface = &iface,
		.ts_ns = ts_ns,
		.data = bytes,
		.len = len,
		.wire_len = len + 1000,
	};

	fanout_packet(sc->fan, s, &p);
}

static void
keepers_get_packets_and_no_events(void **state)
{
	struct scene *sc = *state;

	add_keeper(sc, ON_FULL_DROP);
	add(sc, NEED_NOTHING, ON_FULL_DROP);
	begin(sc);
	assert_int_equal(fanout_need(&sc->s), NEED_NOTHING);
	pass(sc, &sc->s, 60, 1);
	feed(sc, DIR_CLIENT, 5, 2);
	lose(sc, DIR_CLIENT, 7, 3);
	pass(sc, NULL, 70, 4);
	session_end(&sc->s, DIR_CLIENT, 5, HOW_FIN, PARTY_CLIENT);
	finish(sc);
	pass(sc, NULL, 80, 6);
	assert_string_equal(sc->fake[0].log,
	    "open;packet 60 @1;stray 70 @4;close fin;stray 80 @6;");
	assert_string_equal(sc->fake[1].log,
	    "open;c2s 0+5;gap c2s 5+7 lost @3;end c2s 12 fin by client;"
	    "end s2c 0 fin by us;close fin;");
	/* Captured bytes; written is for the sink to say. */
	assert_int_equal(count_get(&counts(sc, 0)->offered), 210);
	assert_int_equal(count_get(&counts(sc, 0)->written), 0);
	assert_int_equal(count_get(&counts(sc, 1)->offered), 5);
}

static void
keepers_of_some_sessions_get_no_other_packets(void **state)
{
	struct scene *sc = *state;

	add_keeper(sc, ON_FULL_DROP);
	add_keeper(sc, ON_FULL_DROP);
	add_keeper(sc, ON_FULL_DROP);
	add_keeper(sc, ON_FULL_DROP);
	sc->fake[0].sink.match.port = 99;
	sc->fake[1].sink.match.server.family = AF_INET;
	sc->fake[2].ops.strays = false;
	sc->fake[3].open_rc = -ECANCELED;
	begin(sc);
	pass(sc, &sc->s, 60, 1);
	pass(sc, NULL, 70, 2);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "");
	assert_string_equal(sc->fake[1].log, "");
	assert_string_equal(sc->fake[2].log, "open;packet 60 @1;close fin;");
	assert_string_equal(sc->fake[3].log, "stray 70 @2;");
	assert_int_equal(count_get(&counts(sc, 0)->offered), 0);
	assert_int_equal(count_get(&counts(sc, 1)->offered), 0);
	assert_int_equal(count_get(&counts(sc, 2)->offered), 60);
	assert_int_equal(count_get(&counts(sc, 3)->offered), 70);
}

static void
full_keepers_lose_packets_one_by_one(void **state)
{
	struct scene *sc = *state;

	add_keeper(sc, ON_FULL_DROP);
	sc->fake[0].full = true;
	start(sc);
	begin(sc);
	pass(sc, &sc->s, 60, 1);
	feed(sc, DIR_CLIENT, 5, 2);
	pass(sc, NULL, 70, 3);
	sc->fake[0].full = false;
	pass(sc, &sc->s, 80, 4);
	finish(sc);
	/* Not missed, though it was full when the session opened. */
	assert_string_equal(sc->fake[0].log, "open;packet 80 @4;close fin;");
	assert_int_equal(count_get(&counts(sc, 0)->missed), 0);
	assert_int_equal(count_get(&counts(sc, 0)->offered), 210);
	assert_drops(sc, 0, DROP_QUEUE_FULL, 130, 2);
}

static void
closing_keepers_give_the_session_up(void **state)
{
	struct scene *sc = *state;

	add_keeper(sc, ON_FULL_CLOSE);
	begin(sc);
	sc->fake[0].full = true;
	pass(sc, NULL, 60, 1);
	pass(sc, &sc->s, 70, 2);
	sc->fake[0].full = false;
	pass(sc, &sc->s, 80, 3);
	pass(sc, NULL, 90, 4);
	feed(sc, DIR_CLIENT, 5, 5);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "open;abort;stray 90 @4;");
	assert_int_equal(count_get(&counts(sc, 0)->offered), 300);
	assert_drops(sc, 0, DROP_QUEUE_FULL, 130, 2);
	assert_drops(sc, 0, DROP_GONE, 80, 1);
}

static void
full_keepers_that_pause_hold_the_source_up(void **state)
{
	struct scene *sc = *state;

	add_keeper(sc, ON_FULL_DROP);
	add_keeper(sc, ON_FULL_CLOSE);
	add_keeper(sc, ON_FULL_PAUSE);
	sc->fake[0].full = true;
	sc->fake[1].full = true;
	start(sc);
	assert_false(fanout_held_up(sc->fan));
	sc->fake[2].full = true;
	/* No session is needed to be held up. */
	assert_true(fanout_held_up(sc->fan));
	/* What was read before is not lost. */
	pass(sc, NULL, 60, 1);
	assert_string_equal(sc->fake[2].log, "stray 60 @1;");
	assert_drops(sc, 2, DROP_QUEUE_FULL, 0, 0);
}

static void
keepers_get_events_of_sessions_without_packets(void **state)
{
	struct scene *sc = *state;

	add_keeper(sc, ON_FULL_DROP);
	add_keeper(sc, ON_FULL_DROP);
	sc->fake[1].ops.data = NULL;
	start(sc);
	sc->slots = calloc(1, fanout_session_size(sc->fan));
	assert_non_null(sc->slots);
	session_init(&sc->s, sc->fan, sc->slots);
	sc->s.id = 7;
	sc->s.no_packets = true;
	session_open(&sc->s);
	assert_int_equal(fanout_need(&sc->s), NEED_MEMORY);
	feed(sc, DIR_CLIENT, 5, 1);
	sc->fake[0].full = true;
	feed(sc, DIR_CLIENT, 6, 2);
	finish(sc);
	assert_string_equal(sc->fake[0].log,
	    "open;c2s 0+5;gap c2s 5+6 queue @2;end c2s 11 fin by us;"
	    "end s2c 0 fin by us;close fin;");
	assert_string_equal(sc->fake[1].log, "");
	/* Its bytes are the stream's, and not written by being counted. */
	assert_int_equal(count_get(&counts(sc, 0)->offered), 11);
	assert_int_equal(count_get(&counts(sc, 0)->written), 0);
	assert_drops(sc, 0, DROP_QUEUE_FULL, 6, 1);
	assert_int_equal(count_get(&counts(sc, 1)->offered), 0);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(keepers_get_packets_and_no_events),
		SCENE(keepers_of_some_sessions_get_no_other_packets),
		SCENE(full_keepers_lose_packets_one_by_one),
		SCENE(closing_keepers_give_the_session_up),
		SCENE(full_keepers_that_pause_hold_the_source_up),
		SCENE(keepers_get_events_of_sessions_without_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
