#include "watch_rig.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* --- notes ------------------------------------------------------------- */

/** struct clerk - Writes down what the roster is told. */
struct clerk {
	struct roster_listener listener;
	char log[4096];
	unsigned opened;
	unsigned closed;
};

static void
clerk_say(struct clerk *c, const char *what, uint64_t id)
{
	size_t n = strlen(c->log);

	(void)snprintf(
	    c->log + n, sizeof(c->log) - n, "%s %ju;", what, (uintmax_t)id);
}

static void
on_opened(void *self, struct watch_session *ws)
{
	struct clerk *c = self;

	c->opened++;
	clerk_say(c, "open", ws->id);
}

static void
on_ended(void *self, struct watch_session *ws, enum dir dir)
{
	assert_true((atomic_load(&ws->ended) & (1U << dir)) != 0);
	assert_int_equal(ws->end[dir].how, HOW_FIN);
	clerk_say(self, dir_name(dir), ws->id);
}

static void
on_closed(void *self, struct watch_session *ws)
{
	struct clerk *c = self;

	assert_true(atomic_load(&ws->closed));
	c->closed++;
	clerk_say(c, "close", ws->id);
}

static void
clerk_listen(struct clerk *c, struct rig *r)
{
	memset(c, 0, sizeof(*c));
	c->listener = (struct roster_listener){
		.opened = on_opened,
		.ended = on_ended,
		.closed = on_closed,
		.self = c,
	};
	roster_listen(r->roster, &c->listener);
}

static void
main_thread_hears_of_sessions(void **state)
{
	struct rig r;
	struct clerk c;

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	clerk_listen(&c, &r);
	rig_open(&r, 0);
	assert_string_equal(c.log, "");
	rig_settle(&r);
	assert_string_equal(c.log, "open 1;");
	rig_open(&r, 1);
	rig_end(&r, 0, DIR_SERVER);
	rig_settle(&r);
	rig_end(&r, 0, DIR_CLIENT);
	rig_close(&r, 0);
	rig_settle(&r);
	assert_string_equal(c.log, "open 1;open 2;s2c 1;c2s 1;close 1;");
	rig_stop(&r);
}

/* What happens before anybody hears of it comes at once, and in order. */
static void
notes_of_a_session_are_told_together(void **state)
{
	struct rig r;
	struct clerk c;

	(void)state;
	rig_start(&r, 0, 0);
	clerk_listen(&c, &r);
	for (size_t i = 0; i < 2; i++) {
		rig_open(&r, i);
		rig_end(&r, i, i == 0 ? DIR_SERVER : DIR_CLIENT);
		rig_turn_worker(&r);
		rig_close(&r, i);
		rig_turn_worker(&r);
	}
	rig_settle(&r);
	assert_string_equal(
	    c.log, "open 1;s2c 1;c2s 1;close 1;open 2;c2s 2;s2c 2;close 2;");
	rig_stop(&r);
}

/* With all there is to say at the beginning; @name is the client's. */
static struct session *
open_with_all(struct rig *r, const char *name)
{
	struct rig_session *rs = &r->session[1];
	struct session *s = &rs->s;

	rs->slots = calloc(1, fanout_session_size(r->fan));
	assert_non_null(rs->slots);
	session_init(s, r->fan, rs->slots);
	session_use_more(s, &rs->more);
	rs->open = true;
	s->id = 7;
	s->source = "proxy";
	s->input = "left";
	s->more->target = "server.example:80";
	s->more->name[DIR_CLIENT].host = name;
	s->midstream = true;
	s->no_packets = true;
	s->open_ns = 5;
	session_open(s);
	return s;
}

static void
facts_and_counts_are_those_of_the_session(void **state)
{
	struct rig r;
	struct session *s;
	struct watch_session *ws;
	char name[] = "client.example", error[] = "No route";

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	s = open_with_all(&r, name);
	name[0] = 'X';
	rig_feed(&r, 1, DIR_CLIENT, 10);
	rig_lose(&r, 1, DIR_SERVER, 20);
	s->more->lost_bytes[DIR_CLIENT] = 3;
	s->packets[DIR_SERVER] = 4;
	s->retransmitted[DIR_CLIENT] = 5;
	s->more->error = error;
	rig_settle(&r);
	ws = watch_session_ref(roster_find(r.roster, 7));
	assert_false(atomic_load(&ws->closed));
	rig_close(&r, 1);
	error[0] = 'X';
	rig_settle(&r);
	assert_string_equal(ws->source, "proxy");
	assert_string_equal(ws->input, "left");
	assert_string_equal(ws->target, "server.example:80");
	assert_string_equal(ws->host[DIR_CLIENT], "client.example");
	assert_null(ws->host[DIR_SERVER]);
	assert_true(ws->midstream);
	assert_false(ws->has_packets);
	assert_int_equal(ws->open_ns, 5);
	assert_int_equal(atomic_load(&ws->last_ns), r.now_ns);
	assert_int_equal(atomic_load(&ws->bytes[DIR_CLIENT]), 10);
	assert_int_equal(atomic_load(&ws->gap_bytes[DIR_SERVER]), 20);
	assert_int_equal(atomic_load(&ws->lost_bytes[DIR_CLIENT]), 3);
	assert_int_equal(atomic_load(&ws->packets[DIR_SERVER]), 4);
	assert_int_equal(atomic_load(&ws->retransmitted[DIR_CLIENT]), 5);
	assert_true(atomic_load(&ws->closed));
	assert_int_equal(ws->reason, HOW_FIN);
	assert_int_equal(ws->first, PARTY_US);
	assert_string_equal(ws->error, "No route");
	rig_stop(&r);
	/* A reference outlives everything. */
	assert_int_equal(ws->id, 7);
	watch_session_unref(ws);
}

/*
 * The main thread sleeps while three times as many sessions come and go as may
 * wait: the latest are told, the others counted.
 */
static void
a_burst_is_bounded(void **state)
{
	struct rig r;
	struct clerk c;

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	clerk_listen(&c, &r);
	rig_open(&r, 0);
	rig_settle(&r);
	rig_open(&r, 1); /* unheard of, but open: never forgotten */
	for (int i = 0; i < 30000; i++) {
		rig_open(&r, 2);
		rig_feed(&r, 2, DIR_CLIENT, 10);
		rig_close(&r, 2);
		if (i % 100 == 0)
			rig_turn_worker(&r);
	}
	rig_close(&r, 0);
	assert_int_equal(watch_missed(r.watch), 20000);
	for (int i = 0; i < 3; i++)
		rig_settle(&r);
	assert_int_equal(c.opened, 1 + 1 + 10000);
	assert_int_equal(c.closed, 1 + 10000);
	assert_null(roster_find(r.roster, 20002));
	assert_non_null(roster_find(r.roster, 30002));
	assert_non_null(roster_find(r.roster, 2));
	assert_int_equal(roster_open(r.roster), 1);
	rig_stop(&r);
}

/* --- histories --------------------------------------------------------- */

static void
history_is_told_then_what_happens(void **state)
{
	static const uint8_t kept[] = "kept", sent[] = "sent";
	struct rig r;
	struct ear ear = { .id = 0 };
	struct conflict c = { .kept = kept, .other = sent, .len = 4 };

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	rig_open(&r, 0);
	rig_feed(&r, 0, DIR_CLIENT, 5);
	rig_feed(&r, 0, DIR_SERVER, 6);
	rig_lose(&r, 0, DIR_CLIENT, 7);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, MIB);
	assert_told(&ear, "");
	rig_settle(&r);
	assert_told(&ear, "c2s 0+5;s2c 0+6;gap c2s 5+7 lost;live;");
	rig_feed(&r, 0, DIR_CLIENT, 8);
	c.ts_ns = r.now_ns;
	session_conflict(&r.session[0].s, &c);
	rig_lose(&r, 0, DIR_SERVER, 9);
	rig_end(&r, 0, DIR_CLIENT);
	rig_settle(&r);
	assert_told(&ear, "c2s 12+8;conflict c2s 0+4;gap s2c 6+9 lost;"
			  "end c2s 20 fin by client;");
	rig_close(&r, 0);
	rig_settle(&r);
	assert_told(&ear, "end s2c 15 fin by us;close fin by client;");
	assert_int_equal(follower_missed(ear.f), 0);
	ear_stop(&ear);
	/* And the same once more, of a session that is over. */
	memset(&ear, 0, sizeof(ear));
	ear_follow(&ear, &r, 1, true, MIB);
	rig_settle(&r);
	assert_told(&ear,
	    "c2s 0+5;s2c 0+6;gap c2s 5+7 lost;c2s 12+8;conflict c2s 0+4;"
	    "gap s2c 6+9 lost;end c2s 20 fin by client;"
	    "end s2c 15 fin by us;live;close fin by client;");
	ear_stop(&ear);
	rig_stop(&r);
}

/* An end stands where it was, between the bytes of the other direction. */
static void
ends_keep_their_place_in_the_history(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	rig_open(&r, 0);
	rig_feed(&r, 0, DIR_SERVER, 1);
	rig_end(&r, 0, DIR_CLIENT);
	rig_feed(&r, 0, DIR_SERVER, 2);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, MIB);
	rig_settle(&r);
	assert_told(&ear, "s2c 0+1;end c2s 0 fin by client;s2c 1+2;live;");
	ear_stop(&ear);
	rig_stop(&r);
}

static void
who_wants_no_history_hears_from_now_on(void **state)
{
	struct rig r;
	struct ear ear = { .off = { 5, 0 } }, late = { .id = 0 };

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	rig_open(&r, 0);
	rig_feed(&r, 0, DIR_CLIENT, 5);
	rig_end(&r, 0, DIR_CLIENT);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, false, MIB);
	rig_settle(&r);
	assert_told(&ear, "");
	rig_feed(&r, 0, DIR_SERVER, 6);
	rig_close(&r, 0);
	rig_settle(&r);
	assert_told(&ear, "s2c 0+6;end s2c 6 fin by us;close fin by client;");
	ear_follow(&late, &r, 1, false, MIB);
	rig_settle(&r);
	assert_told(&late, "close fin by client;");
	ear_stop(&ear);
	ear_stop(&late);
	rig_stop(&r);
}

static void
what_the_history_forgot_is_a_gap(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };
	const struct watch_session *ws;
	uint64_t from;

	(void)state;
	rig_start(&r, 8 * KIB, MIB);
	rig_open(&r, 0);
	rig_feed(&r, 0, DIR_CLIENT, 3);
	for (int i = 0; i < 1000; i++)
		rig_feed(&r, 0, DIR_SERVER, 100);
	rig_settle(&r);
	ws = roster_find(r.roster, 1);
	from = atomic_load(&ws->history[DIR_SERVER]);
	assert_true(from > 90000 && from < 98000);
	assert_int_equal(atomic_load(&ws->history[DIR_CLIENT]), 0);
	ear_follow(&ear, &r, 1, true, MIB);
	rig_settle(&r);
	assert_int_equal(ear.left_out[DIR_SERVER], from);
	assert_int_equal(ear.bytes[DIR_SERVER], 100000 - from);
	assert_int_equal(ear.bytes[DIR_CLIENT], 3);
	assert_int_equal(follower_missed(ear.f), 0);
	ear_stop(&ear);
	rig_stop(&r);
}

/* Ten sessions share what eight pages hold: the one silent longest loses. */
static void
the_history_touched_longest_ago_is_given_up(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };
	const struct watch_session *ws;

	(void)state;
	rig_start(&r, 8 * KIB, 16 * KIB);
	for (size_t i = 0; i < 10; i++) {
		rig_open(&r, i);
		rig_feed(&r, i, DIR_CLIENT, 100 + i);
		rig_feed(&r, 0, DIR_CLIENT, 1);
	}
	rig_close(&r, 9);
	rig_close(&r, 1);
	rig_settle(&r);
	for (uint64_t id = 1; id <= 10; id++) {
		bool given_up = id == 2 || id == 3;

		ws = roster_find(r.roster, id);
		assert_int_equal(atomic_load(&ws->history[DIR_CLIENT]),
		    given_up ? 99 + id : 0);
	}
	ear_follow(&ear, &r, 2, true, MIB);
	rig_settle(&r);
	assert_told(&ear, "gap c2s 0+101 queue;end c2s 101 fin by us;"
			  "end s2c 0 fin by us;live;close fin by us;");
	ear_stop(&ear);
	memset(&ear, 0, sizeof(ear));
	/* Closed, but nobody needed its room. */
	ear_follow(&ear, &r, 10, true, MIB);
	rig_settle(&r);
	assert_told(&ear, "c2s 0+109;end c2s 109 fin by us;end s2c 0 fin by us;"
			  "live;close fin by us;");
	ear_stop(&ear);
	rig_stop(&r);
}

/* --- without history --------------------------------------------------- */

static void
bytes_are_needed_as_long_as_somebody_follows(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };
	struct session *s;

	(void)state;
	rig_start(&r, 0, MIB);
	s = rig_open(&r, 0);
	rig_feed(&r, 0, DIR_CLIENT, 5);
	rig_settle(&r);
	assert_int_equal(fanout_need(s), NEED_NOTHING);
	ear_follow(&ear, &r, 1, true, MIB);
	rig_settle(&r);
	assert_int_equal(fanout_need(s), NEED_MEMORY);
	assert_told(&ear, "gap c2s 0+5 queue;live;");
	rig_feed(&r, 0, DIR_CLIENT, 6);
	rig_settle(&r);
	assert_told(&ear, "c2s 5+6;");
	ear_stop(&ear);
	rig_settle(&r);
	assert_int_equal(fanout_need(s), NEED_NOTHING);
	rig_stop(&r);
}

/* Bytes that were on their way past us when somebody began to look. */
static void
bytes_that_never_came_here_are_left_out(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };
	struct chunk c = { .dir = DIR_SERVER, .len = 50 };

	(void)state;
	rig_start(&r, 0, MIB);
	rig_open(&r, 0);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, MIB);
	rig_settle(&r);
	/* As from a pipe: the sink gets a count. */
	r.session[0].s.off[DIR_SERVER] += c.len;
	r.session[0].s.bytes[DIR_SERVER] += c.len;
	watch_sink(r.watch)->ops->data(
	    (struct sink_lane *)(uintptr_t)fanout_lane(r.fan, 0),
	    (char *)r.session[0].slots + fanout_lane(r.fan, 0)->slot_off,
	    &r.session[0].s, &c);
	rig_settle(&r);
	assert_told(&ear, "live;gap s2c 0+50 queue;");
	assert_int_equal(follower_missed(ear.f), 50);
	ear_stop(&ear);
	rig_stop(&r);
}

/* --- ending ------------------------------------------------------------ */

static void
a_session_is_ended_once(void **state)
{
	struct rig r;
	struct watch_session *ws;

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	rig_open(&r, 0);
	rig_open(&r, 1);
	rig_settle(&r);
	ws = roster_find(r.roster, 2);
	watch_end(r.watch, ws);
	watch_end(r.watch, ws);
	assert_int_equal(r.ended, 0);
	rig_settle(&r);
	assert_int_equal(r.ended, 2);
	r.ended = 0;
	watch_end(r.watch, ws);
	rig_settle(&r);
	assert_int_equal(r.ended, 0);
	/* One that is over by the time the letter comes. */
	watch_end(r.watch, roster_find(r.roster, 1));
	rig_close(&r, 0);
	rig_settle(&r);
	assert_int_equal(r.ended, 0);
	rig_stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_thread_hears_of_sessions),
		cmocka_unit_test(notes_of_a_session_are_told_together),
		cmocka_unit_test(facts_and_counts_are_those_of_the_session),
		cmocka_unit_test(a_burst_is_bounded),
		cmocka_unit_test(history_is_told_then_what_happens),
		cmocka_unit_test(ends_keep_their_place_in_the_history),
		cmocka_unit_test(who_wants_no_history_hears_from_now_on),
		cmocka_unit_test(what_the_history_forgot_is_a_gap),
		cmocka_unit_test(the_history_touched_longest_ago_is_given_up),
		cmocka_unit_test(bytes_are_needed_as_long_as_somebody_follows),
		cmocka_unit_test(bytes_that_never_came_here_are_left_out),
		cmocka_unit_test(a_session_is_ended_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
