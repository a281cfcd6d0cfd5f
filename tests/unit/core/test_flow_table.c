#include <stdlib.h>

#include "flow_scene.h"

/*
 * Limits, idleness, tombstones, and who makes room for whom.  See
 * flow_scene.h for the vocabulary; how connections go is test_connection.c's.
 */

/* --- tombstones -------------------------------------------------------- */

static void
converse(struct flow_scene *sc)
{
	handshake(sc);
	client(sc, "FA", 101, 501, "abc");
	server(sc, "FA", 501, 105, "");
	client(sc, "A", 105, 502, "");
	hush(sc);
}

static void
stragglers_make_no_ghosts(void **state)
{
	struct flow_scene *sc = *state;

	converse(sc);
	client(sc, "A", 105, 502, "");
	client(sc, "FA", 101, 501, "abc");
	server(sc, "SA", 500, 101, "");
	client(sc, "S", 100, 0, "");
	server(sc, "R", 502, 0, "why");
	expect(sc, "- p;- p;- p;- p;- p;");
	assert_int_equal(strays(sc, DIR_CLIENT), 3);
	assert_int_equal(strays(sc, DIR_SERVER), 3);
	assert_int_equal(flow_table_live(sc->t), 0);
}

/*
 * A lingering connection makes way, and no tombstone of it comes before its
 * successor, also when the map has grown and moved them all.
 */
static void
successors_are_not_buried(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 101, 501, "");
	server(sc, "FA", 501, 102, "");
	client(sc, "S", 9000, 0, "");
	server(sc, "SA", 9500, 9001, "");
	sc->is_mute = true;
	for (unsigned i = 0; i < 5000; i++) {
		sc->ends[0].port = (uint16_t)i;
		client(sc, "S", 100, 0, "");
		if (i % 100 != 0)
			continue;
		sc->ends[0].port = 40000;
		client(sc, "A", 9001 + i / 100, 9501, "x");
		assert_int_equal(sc->verdict, FLOW_SESSION);
	}
}

static void
new_number_is_a_new_session(void **state)
{
	struct flow_scene *sc = *state;

	converse(sc);
	client(sc, "S", 101, 0, "");
	expect(sc, "open 2;2 p;");
}

/* The refusal was forged, or the server was late: its SYN-ACK is news. */
static void
answer_after_a_refusal_is_a_new_session(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	server(sc, "RA", 0, 101, "");
	hush(sc);
	server(sc, "FA", 0, 101, "");
	client(sc, "S", 100, 0, "");
	expect(sc, "- p;- p;");
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 101, 501, "GET");
	expect(sc, "open 2;2 p;2 p;2 c2s 0 GET;");
}

/* Its SYN was not captured, but its numbers are of another stream. */
static void
payload_of_another_stream_is_a_new_session(void **state)
{
	struct flow_scene *sc = *state;

	converse(sc);
	client(sc, "A", (64 << 20), 501, "near");
	expect(sc, "- p;");
	server(sc, "A", 2000000000, 101, "new");
	expect(sc, "open 2 midstream;2 p;2 s2c 0 new;");
}

static void
tombstones_are_forgotten_in_time(void **state)
{
	struct flow_scene *sc = *state;

	converse(sc);
	pass(sc, 60 * SECOND - 1);
	client(sc, "A", 105, 502, "x");
	expect(sc, "- p;");
	pass(sc, 1);
	client(sc, "A", 105, 502, "x");
	expect(sc, "open 2 midstream;2 p;2 c2s 0 x;");
}

/* After a reset that somebody forged the peers go on; it was a reset. */
static void
stream_after_a_reset_is_counted(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	server(sc, "R", 501, 0, "");
	hush(sc);
	client(sc, "A", 101, 501, "abc");
	client(sc, "A", 104, 501, "def");
	expect(sc, "- p;- p;");
	assert_int_equal(strays(sc, DIR_CLIENT), 6);
}

static void
tombstones_are_bounded(void **state)
{
	struct flow_scene *sc = *state;

	for (unsigned i = 0; i < 65536 + 1; i++) {
		sc->ends[0].port = (uint16_t)i;
		sc->ends[1].port = (uint16_t)(80 + (i >> 16));
		client(sc, "S", 100, 0, "");
		server(sc, "RA", 0, 101, "");
		hush(sc);
	}
	client(sc, "S", 100, 0, "");
	expect(sc, "- p;");
	/* The first one had to make room. */
	sc->ends[0].port = 0;
	sc->ends[1].port = 80;
	client(sc, "S", 100, 0, "");
	expect(sc, "open 65538;65538 p;");
	sc->ends[0].port = 1;
	client(sc, "S", 100, 0, "");
	expect(sc, "- p;");
}

/* --- roles ------------------------------------------------------------- */

/* The client is who was heard first, if only with an ACK. */
static void
roles_by_the_first_packet(void **state)
{
	struct flow_scene *sc = *state;

	server(sc, "A", 501, 101, "");
	client(sc, "A", 101, 501, "");
	client(sc, "A", 101, 501, "abc");
	server(sc, "A", 501, 104, "x");
	expect(sc, "- p;- p;open 1 midstream;1 p;1 s2c 0 abc;1 p;1 c2s 0 x;");
}

/* ... unless somebody says it who knows. */
static void
roles_by_the_handshake(void **state)
{
	struct flow_scene *sc = *state;

	server(sc, "A", 501, 101, "");
	client(sc, "S", 4000, 0, "");
	client(sc, "A", 4001, 0, "abc");
	expect(sc, "- p;open 1;1 p;1 p;1 c2s 0 abc;");
	sc->ends[0].port++;
	client(sc, "A", 101, 501, "");
	client(sc, "SA", 500, 101, "");
	client(sc, "A", 501, 101, "x");
	expect(sc, "- p;open 2;2 p;2 p;2 s2c 0 x;");
}

/* --- limits ------------------------------------------------------------ */

static void
idle_sessions_end(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.idle_ns = 10 * SECOND;
	scene_start(sc);
	handshake(sc);
	sc->ends[0].port++;
	client(sc, "S", 100, 0, "");
	hush(sc);
	pass(sc, 9 * SECOND);
	server(sc, "SA", 500, 101, "");
	hush(sc);
	pass(sc, SECOND);
	expect(sc,
	    "1 end c2s 0 timeout us;1 end s2c 0 timeout us;close 1 timeout;");
	/* What is heard of it again is worth hearing, in the same roles. */
	sc->ends[0].port--;
	server(sc, "A", 501, 101, "back");
	expect(sc, "open 3 midstream;3 p;3 s2c 0 back;");
	pass(sc, 9 * SECOND);
	expect(sc,
	    "2 end c2s 0 timeout us;2 end s2c 0 timeout us;close 2 timeout;");
	scene_done(sc);
}

static void
syns_without_an_answer_end_by_idleness(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.idle_ns = 10 * SECOND;
	scene_start(sc);
	client(sc, "S", 100, 0, "");
	hush(sc);
	pass(sc, 10 * SECOND);
	expect(sc,
	    "1 end c2s 0 timeout us;1 end s2c 0 timeout us;close 1 timeout;");
	scene_done(sc);
}

/* Nobody calls tick: the packets' times do it. */
static void
time_passes_with_packets(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.idle_ns = 10 * SECOND;
	scene_start(sc);
	handshake(sc);
	sc->ends[0].port++;
	sc->now_ns += 11 * SECOND;
	client(sc, "A", 7, 7, "");
	expect(sc,
	    "1 end c2s 0 timeout us;1 end s2c 0 timeout us;close 1 timeout;"
	    "- p;");
	scene_done(sc);
}

static void
time_that_jumps_back_ends_nothing(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.idle_ns = 10 * SECOND;
	scene_start(sc);
	handshake(sc);
	sc->now_ns -= 500 * SECOND;
	client(sc, "A", 101, 501, "abc");
	client(sc, "A", 107, 501, "ghi");
	server(sc, "A", 501, 110, "");
	hush(sc);
	pass(sc, 100 * SECOND);
	expect(sc, "");
	pass(sc, 402 * SECOND);
	expect(sc, "1 gap c2s 3+3 lost;1 c2s 6 ghi;");
	scene_done(sc);
}

static void
the_idlest_makes_room(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.max_concurrent = 2;
	scene_start(sc);
	handshake(sc);
	sc->ends[0].port = 40001;
	handshake(sc);
	sc->ends[0].port = 40000;
	client(sc, "A", 101, 501, "abc");
	sc->ends[0].port = 40002;
	hush(sc);
	client(sc, "S", 100, 0, "");
	expect(sc,
	    "2 end c2s 0 evicted us;2 end s2c 0 evicted us;close 2 evicted;"
	    "open 3;3 p;");
	assert_int_equal(flow_table_live(sc->t), 2);
	scene_done(sc);
}

/* A flood of SYNs drives out its own. */
static void
unanswered_make_room_first(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.max_concurrent = 16;
	scene_start(sc);
	for (unsigned i = 0; i < 12; i++) {
		sc->ends[0].port = (uint16_t)(1000 + i);
		handshake(sc);
		hush(sc);
	}
	for (unsigned i = 0; i < 1000; i++) {
		sc->ends[0].port = (uint16_t)(2000 + i);
		client(sc, "S", 100, 0, "");
		hush(sc);
	}
	assert_int_equal(flow_table_live(sc->t), 16);
	for (unsigned i = 0; i < 12; i++) {
		sc->ends[0].port = (uint16_t)(1000 + i);
		client(sc, "A", 101, 501, "abc");
		assert_int_equal(sc->verdict, FLOW_SESSION);
	}
	assert_null(strstr(sc->log, "open"));
	hush(sc);
	scene_done(sc);
}

/* ... but a few of them are not what is wrong when there are too many. */
static void
few_unanswered_do_not_make_room_first(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.max_concurrent = 16;
	scene_start(sc);
	for (unsigned i = 0; i < 16; i++) {
		sc->ends[0].port = (uint16_t)(1000 + i);
		sc->now_ns++;
		if (i < 14)
			handshake(sc);
		else
			client(sc, "S", 100, 0, "");
	}
	hush(sc);
	sc->ends[0].port = 1;
	client(sc, "S", 100, 0, "");
	expect(sc,
	    "1 end c2s 0 evicted us;1 end s2c 0 evicted us;close 1 evicted;"
	    "open 17;17 p;");
	scene_done(sc);
}

/* ... unless one of them has been silent for longer than anybody. */
static void
unanswered_and_the_idlest_makes_room(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.max_concurrent = 16;
	scene_start(sc);
	for (unsigned i = 0; i < 16; i++) {
		sc->ends[0].port = (uint16_t)(1000 + i);
		sc->now_ns++;
		if (i > 0)
			handshake(sc);
		else
			client(sc, "S", 100, 0, "");
	}
	hush(sc);
	sc->ends[0].port = 1;
	client(sc, "S", 100, 0, "");
	expect(sc,
	    "1 end c2s 0 evicted us;1 end s2c 0 evicted us;close 1 evicted;"
	    "open 17;17 p;");
	scene_done(sc);
}

static void
sessions_of_so_many_bytes_end(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.max_bytes = 8;
	scene_start(sc);
	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	server(sc, "A", 501, 104, "defg");
	client(sc, "A", 110, 505, "held");
	hush(sc);
	client(sc, "A", 104, 505, "h");
	expect(sc, "1 p;1 c2s 3 h;1 end c2s 4 limit us;1 end s2c 4 limit us;"
		   "close 1 limit;");
	assert_int_equal(strays(sc, DIR_CLIENT), 4);
	/* It lives on, and nothing of it is recorded, however long. */
	for (unsigned i = 0; i < 10; i++) {
		pass(sc, 100 * SECOND);
		client(sc, "A", 105 + i * (50 << 20), 505, "on");
		expect(sc, "- p;");
	}
	/* Its ends again: another one. */
	client(sc, "S", 7, 0, "");
	expect(sc, "open 2;2 p;");
	scene_done(sc);
}

static void
no_more_sessions_are_wanted(void **state)
{
	struct flow_scene *sc = *state;

	scene_start(sc);
	handshake(sc);
	sc->ids = UINT64_MAX;
	sc->ends[0].port++;
	client(sc, "S", 100, 0, "");
	client(sc, "A", 101, 501, "abc");
	expect(sc, "- p;- p;");
	sc->ends[0].port--;
	client(sc, "A", 101, 501, "abc");
	expect(sc, "1 p;1 c2s 0 abc;");
	scene_done(sc);
}

static void
our_own_connections_are_none(void **state)
{
	struct flow_scene *sc = *state;

	sc->own_port = 80;
	scene_start(sc);
	client(sc, "S", 100, 0, "");
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 101, 501, "record");
	pass(sc, 1000 * SECOND);
	client(sc, "A", 2000000000, 501, "record");
	/* Nor do their packets reach whoever may have made them. */
	expect(sc, "");
	assert_int_equal(sc->asked, 1);
	/* Also when the beginning was not seen, and nothing is carried. */
	sc->ends[0].port++;
	client(sc, "A", 101, 501, "");
	expect(sc, "");
	sc->ends[0].port--;
	/* The port is free again, and somebody else's. */
	sc->own_port = 0;
	client(sc, "S", 4000, 0, "");
	expect(sc, "open 1;1 p;");
	scene_done(sc);
}

static void
name_it(void *self, struct session *s)
{
	struct flow_scene *sc = self;

	assert_int_equal(s->id, sc->ids);
	assert_int_equal(s->client.port, 40000);
	assert_int_equal(s->server.port, 80);
	assert_string_equal(s->source, "read");
	assert_string_equal(sc->log, "");
	s->more->name[DIR_SERVER].host = "example.com";
	sc->asked = 100;
}

static void
names_come_before_the_open(void **state)
{
	struct flow_scene *sc = *state;

	sc->opts.opening = name_it;
	scene_start(sc);
	server(sc, "SA", 500, 101, "");
	expect(sc, "open 1;1 p;");
	assert_int_equal(sc->asked, 100);
	scene_done(sc);
}

/* --- ends -------------------------------------------------------------- */

static void
stop_tells_what_is_held(void **state)
{
	struct flow_scene *sc = *state;

	scene_start(sc);
	handshake(sc);
	client(sc, "FA", 104, 501, "def");
	server(sc, "FA", 501, 101, "");
	hush(sc);
	flow_table_stop(sc->t, HOW_STOP);
	expect(sc, "1 gap c2s 0+3 lost;1 c2s 3 def;1 end c2s 6 fin client;"
		   "close 1 fin;");
	scene_done(sc);
}

static void
all_kinds_of_ends(void **state)
{
	static const struct {
		const char *ip[2];
		uint16_t port[2];
	} rows[] = {
		{ { "10.0.0.1", "10.0.0.2" }, { 0, 80 } },
		{ { "10.0.0.2", "10.0.0.1" }, { 0, 80 } },
		{ { "10.0.0.1", "10.0.0.2" }, { 0, 0 } },
		{ { "10.0.0.1", "10.0.0.1" }, { 1, 2 } },
		{ { "::1", "::1" }, { 1, 2 } },
		{ { "2001:db8::1", "2001:db8::2" }, { 40000, 80 } },
		{ { "2001:db8::2", "2001:db8::1" }, { 40000, 80 } },
		/* The first 4 bytes of IPv6 addresses, as IPv4. */
		{ { "32.1.13.184", "32.1.13.184" }, { 40000, 80 } },
	};
	struct flow_scene *sc = *state;
	char want[128];

	scene_start(sc);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned d = 0; d < 2; d++)
			sc->ends[d] =
			    scene_addr(rows[i].ip[d], rows[i].port[d]);
		client(sc, "S", 100, 0, "");
		server(sc, "SA", 500, 101, "");
		client(sc, "A", 101, 501, "c");
		server(sc, "A", 501, 102, "s");
		(void)snprintf(want, sizeof(want),
		    "open %u;%u p;%u p;%u p;%u c2s 0 c;%u p;%u s2c 0 s;", i + 1,
		    i + 1, i + 1, i + 1, i + 1, i + 1, i + 1);
		expect(sc, want);
	}
	hush(sc);
	scene_done(sc);
}

static void
counts_of_a_session(void **state)
{
	struct flow_scene *sc = *state;
	const struct payload_count *p;

	scene_start(sc);
	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	client(sc, "A", 101, 501, "abc");
	client(sc, "A", 107, 501, "ghi");
	p = flow_table_payload(sc->t);
	assert_int_equal(count_get(&p[DIR_CLIENT].received), 9);
	assert_int_equal(count_get(&p[DIR_CLIENT].duplicate), 3);
	assert_int_equal(count_get(&p[DIR_CLIENT].held), 3);
	check_sums(sc);
	scene_done(sc);
}

/* --- anything ---------------------------------------------------------- */

static uint64_t
dice(uint64_t *state, uint64_t sides)
{
	/* Numerical Recipes' multiplier; the upper bits are random enough. */
	*state = *state * UINT64_C(6364136223846793005) +
		 UINT64_C(1442695040888963407);
	return (*state >> 33) % sides;
}

/* A number near where the streams are; at times anywhere. */
static uint32_t
number(uint64_t *state, uint32_t start)
{
	if (dice(state, 50) == 0)
		return (uint32_t)dice(state, UINT32_MAX) * 2;
	return start - 2 + (uint32_t)dice(state, 40);
}

static void
any_segment(struct flow_scene *sc, uint64_t *state)
{
	static const char *const flags[] = { "A", "A", "A", "A", "A", "", "S",
		"SA", "FA", "F", "R", "RA", "SF", "SR", "SFA" };
	static const char text[] = "abcdefghijklmnopqrstuvwxyz";
	const char *f = flags[dice(state, sizeof(flags) / sizeof(flags[0]))];
	/* Mostly the same bytes at the same place, so that copies agree. */
	uint32_t at = number(state, 101);
	const char *data = text + sizeof(text) - 1 - dice(state, 12);

	sc->ends[0].port = (uint16_t)dice(state, 6);
	sc->ends[1].port = (uint16_t)dice(state, 2);
	sc->window = (uint16_t)dice(state, 3) * 1000;
	sc->scale = (uint8_t)(dice(state, 2) * 14);
	sc->cut = dice(state, 8) == 0 ? 3 : 0;
	sc->now_ns += dice(state, 4) * SECOND / 4;
	if (dice(state, 100) == 0)
		sc->now_ns -= 5 * SECOND;
	if (dice(state, 2) == 0)
		data = "";
	if (dice(state, 2) == 0)
		client(sc, f, at, number(state, 501), data);
	else
		server(sc, f, number(state, 501), at, data);
}

/*
 * Whatever comes, in whatever order: the sums hold, no invariant breaks (the
 * assertions are on, also those of sessions), everybody is let go.
 */
static void
random_segments_keep_the_sums(void **state)
{
	struct flow_scene *sc = *state;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		uint64_t dice_state = seed;

		scene_init(sc);
		sc->opts.max_concurrent = 4 + seed % 8;
		sc->opts.idle_ns = seed % 2 * 20 * SECOND;
		sc->opts.max_bytes = seed % 3 * 40;
		sc->opts.reasm.hold = 200 + seed % 4 * 1000;
		scene_start(sc);
		for (unsigned i = 0; i < 3000; i++) {
			any_segment(sc, &dice_state);
			check_sums(sc);
			assert_true(
			    flow_table_live(sc->t) <= sc->opts.max_concurrent);
			hush(sc);
		}
		scene_done(sc);
	}
}

static void
free_accepts_nothing(void **state)
{
	(void)state;
	flow_table_free(NULL);
}

static int
init(void **state)
{
	static struct flow_scene sc;

	scene_init(&sc);
	*state = &sc;
	return 0;
}

#define LIMITS(test) cmocka_unit_test_setup(test, init)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(stragglers_make_no_ghosts),
		SCENE(successors_are_not_buried),
		SCENE(new_number_is_a_new_session),
		SCENE(answer_after_a_refusal_is_a_new_session),
		SCENE(payload_of_another_stream_is_a_new_session),
		SCENE(tombstones_are_forgotten_in_time),
		SCENE(stream_after_a_reset_is_counted),
		SCENE(tombstones_are_bounded),
		SCENE(roles_by_the_first_packet),
		SCENE(roles_by_the_handshake),
		LIMITS(idle_sessions_end),
		LIMITS(syns_without_an_answer_end_by_idleness),
		LIMITS(time_passes_with_packets),
		LIMITS(time_that_jumps_back_ends_nothing),
		LIMITS(the_idlest_makes_room),
		LIMITS(unanswered_make_room_first),
		LIMITS(few_unanswered_do_not_make_room_first),
		LIMITS(unanswered_and_the_idlest_makes_room),
		LIMITS(sessions_of_so_many_bytes_end),
		LIMITS(no_more_sessions_are_wanted),
		LIMITS(names_come_before_the_open),
		LIMITS(our_own_connections_are_none),
		LIMITS(stop_tells_what_is_held),
		LIMITS(all_kinds_of_ends),
		LIMITS(counts_of_a_session),
		LIMITS(random_segments_keep_the_sums),
		LIMITS(free_accepts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
