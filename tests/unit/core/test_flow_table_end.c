#include "core/source.h"
#include "flow_scene.h"

/*
 * What comes from outside while sessions are open: an end to one of them,
 * other limits for all.
 */

static void
end(struct flow_scene *sc, uint64_t id)
{
	struct session *s = fanout_find(sc->fan, id);

	assert_non_null(s);
	flow_table_end(sc->t, s, HOW_STOP);
	assert_null(fanout_find(sc->fan, id));
	assert_int_equal(flow_table_live(sc->t), 0);
}

static void
what_is_held_is_told_first(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	client(sc, "A", 106, 501, "held");
	hush(sc);
	end(sc, 1);
	expect(sc, "1 gap c2s 3+2 lost;1 c2s 5 held;1 end c2s 9 stop us;"
		   "1 end s2c 0 stop us;close 1 stop;");
}

/* Near or far, soon or late: all of it are strays. */
static void
nothing_more_of_it_is_recorded(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	end(sc, 1);
	hush(sc);
	for (unsigned i = 0; i < 10; i++) {
		pass(sc, 100 * SECOND);
		client(sc, "A", 104 + i * (200U << 20), 501, "on");
		server(sc, "A", 501 + i * (900U << 20), 104, "and on");
		expect(sc, "- p;- p;");
	}
	assert_int_equal(strays(sc, DIR_CLIENT), 20);
	assert_int_equal(strays(sc, DIR_SERVER), 60);
	client(sc, "FA", 104, 501, "");
	server(sc, "R", 501, 0, "");
	client(sc, "A", 104, 501, "more");
	expect(sc, "- p;- p;- p;");
}

static void
only_a_new_number_opens_another(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	end(sc, 1);
	hush(sc);
	/* The old SYNs again, late, are none. */
	client(sc, "S", 100, 0, "");
	server(sc, "SA", 500, 101, "");
	/* Nor is an answer: its question would have been heard. */
	server(sc, "SA", 900, 701, "");
	expect(sc, "- p;- p;- p;");
	client(sc, "S", 700, 0, "");
	server(sc, "SA", 900, 701, "");
	client(sc, "A", 701, 901, "new");
	expect(sc, "open 2;2 p;2 p;2 p;2 c2s 0 new;");
}

/* Its answer is still on its way. */
static void
one_that_nobody_has_answered(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	end(sc, 1);
	hush(sc);
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 101, 501, "abc");
	client(sc, "S", 100, 0, "");
	expect(sc, "- p;- p;- p;");
}

/* Both FINs were seen: it was over already, and is buried as such. */
static void
one_that_is_over(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 101, 501, "");
	server(sc, "FA", 501, 102, "");
	hush(sc);
	end(sc, 1);
	expect(sc, "close 1 fin;");
	pass(sc, 100 * SECOND);
	client(sc, "A", 101, 501, "abc");
	expect(sc, "open 2 midstream;2 p;2 c2s 0 abc;");
}

/* It waits in a list of the table's: that does not miss it. */
static void
many_are_ended_in_the_middle(void **state)
{
	struct flow_scene *sc = *state;
	uint64_t before;

	for (uint16_t i = 0; i < 100; i++) {
		sc->ends[0].port = i;
		client(sc, "S", 100, 0, "");
		server(sc, "SA", 500, 101, "");
		client(sc, "FA", 101, 501, "bye");
		if (i % 2 == 0)
			server(sc, "FA", 501, 105, "");
		hush(sc);
	}
	for (uint64_t id = 1; id <= 100; id += 3) {
		struct session *s = fanout_find(sc->fan, id);

		before = flow_table_live(sc->t);
		assert_non_null(s);
		flow_table_end(sc->t, s, HOW_STOP);
		assert_int_equal(flow_table_live(sc->t), before - 1);
	}
	hush(sc);
	pass(sc, 10 * SECOND);
	assert_int_equal(flow_table_live(sc->t), 33);
	hush(sc);
}

/* --- limits that change while sessions are open -------------------------- */

/* Sessions 1, 2, 3, opened a second after each other. */
static void
three_sessions(struct flow_scene *sc)
{
	for (unsigned i = 0; i < 3; i++) {
		sc->ends[0].port = (uint16_t)(40000 + i);
		handshake(sc);
		pass(sc, SECOND);
	}
	hush(sc);
}

static void
fewer_at_once_evicts_those_idle_longest(void **state)
{
	struct flow_scene *sc = *state;
	struct source_limits l = { .concurrent = 1 };

	three_sessions(sc);
	flow_table_limit(sc->t, &l);
	expect(sc, "1 end c2s 0 evicted us;1 end s2c 0 evicted us;"
		   "close 1 evicted;2 end c2s 0 evicted us;"
		   "2 end s2c 0 evicted us;close 2 evicted;");
	assert_int_equal(flow_table_live(sc->t), 1);
	l.concurrent = UINT64_MAX;
	flow_table_limit(sc->t, &l);
	three_sessions(sc);
	assert_int_equal(flow_table_live(sc->t), 3);
}

static void
less_patience_forgets_what_was_silent(void **state)
{
	struct flow_scene *sc = *state;
	struct source_limits l = { .concurrent = 9, .idle_ns = 2 * SECOND };

	three_sessions(sc);
	flow_table_limit(sc->t, &l);
	flow_table_tick(sc->t, sc->now_ns);
	expect(sc, "1 end c2s 0 timeout us;1 end s2c 0 timeout us;"
		   "close 1 timeout;2 end c2s 0 timeout us;"
		   "2 end s2c 0 timeout us;close 2 timeout;");
	l.idle_ns = 0;
	flow_table_limit(sc->t, &l);
	pass(sc, 1000 * SECOND);
	flow_table_tick(sc->t, sc->now_ns);
	expect(sc, "");
}

static void
fewer_bytes_end_a_session_at_its_next(void **state)
{
	struct flow_scene *sc = *state;
	struct source_limits l = { .concurrent = 9, .bytes = 3 };

	handshake(sc);
	client(sc, "A", 101, 501, "abcd");
	hush(sc);
	flow_table_limit(sc->t, &l);
	expect(sc, "");
	client(sc, "A", 105, 501, "e");
	expect(sc, "1 p;1 c2s 4 e;1 end c2s 5 limit us;1 end s2c 0 limit us;"
		   "close 1 limit;");
}

/* An hour forward, and back: what waits waits for as long as it would have. */
static void
clock_that_is_set(struct flow_scene *sc, int64_t jump_ns)
{
	const struct source_limits l = { .concurrent = 9,
		.idle_ns = 10 * SECOND };

	flow_table_limit(sc->t, &l);
	flow_table_jump(sc->t, jump_ns); /* nothing is there yet */
	handshake(sc);
	client(sc, "A", 107, 501, "ghi");
	server(sc, "A", 501, 110, "");
	hush(sc);
	pass(sc, SECOND);
	flow_table_jump(sc->t, jump_ns);
	sc->now_ns += (uint64_t)jump_ns;
	pass(sc, SECOND / 2);
	expect(sc, "");
	pass(sc, SECOND / 2);
	expect(sc, "1 gap c2s 0+6 lost;1 c2s 6 ghi;");
	pass(sc, 8 * SECOND - 1);
	expect(sc, "");
	pass(sc, 1);
	expect(sc,
	    "1 end c2s 9 timeout us;1 end s2c 0 timeout us;close 1 timeout;");
}

static void
clock_that_is_set_forward(void **state)
{
	clock_that_is_set(*state, 3600 * (int64_t)SECOND);
}

static void
clock_that_is_set_back(void **state)
{
	clock_that_is_set(*state, -3600 * (int64_t)SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(what_is_held_is_told_first),
		SCENE(nothing_more_of_it_is_recorded),
		SCENE(only_a_new_number_opens_another),
		SCENE(one_that_nobody_has_answered),
		SCENE(one_that_is_over),
		SCENE(many_are_ended_in_the_middle),
		SCENE(fewer_at_once_evicts_those_idle_longest),
		SCENE(less_patience_forgets_what_was_silent),
		SCENE(fewer_bytes_end_a_session_at_its_next),
		SCENE(clock_that_is_set_forward),
		SCENE(clock_that_is_set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
