#include "base/attr.h"
#include "flow_scene.h"

/*
 * Connections as the flow table's sinks hear of them: each step is a segment
 * as it would be captured.  See flow_scene.h for the vocabulary.
 */

/* --- openings ---------------------------------------------------------- */

static void
an_ordinary_conversation(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	expect(sc, "open 1;1 p;");
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 101, 501, "");
	client(sc, "A", 101, 501, "GET");
	server(sc, "A", 501, 104, "here");
	expect(sc, "1 p;1 p;1 p;1 c2s 0 GET;1 p;1 s2c 0 here;");
	client(sc, "FA", 104, 505, "");
	server(sc, "FA", 505, 105, "");
	expect(sc, "1 p;1 end c2s 3 fin client;1 p;1 end s2c 4 fin server;");
	client(sc, "A", 105, 506, "");
	expect(sc, "1 p;close 1 fin;");
	assert_int_equal(flow_table_live(sc->t), 0);
}

static void
syn_ack_is_seen_first(void **state)
{
	struct flow_scene *sc = *state;

	server(sc, "SA", 500, 101, "");
	expect(sc, "open 1;1 p;");
	client(sc, "S", 100, 0, "");
	client(sc, "A", 101, 501, "abc");
	expect(sc, "1 p;1 p;1 c2s 0 abc;");
}

static void
syn_ack_is_seen_last(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	client(sc, "A", 101, 501, "abc");
	server(sc, "SA", 500, 101, "");
	server(sc, "A", 501, 104, "x");
	expect(sc, "open 1;1 p;1 p;1 c2s 0 abc;1 p;1 p;1 s2c 0 x;");
}

/* The SYN came late: the start of the stream is where it says. */
static void
syn_is_seen_after_its_data(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "A", 101, 501, "abc");
	client(sc, "S", 100, 0, "");
	server(sc, "SA", 500, 101, "");
	server(sc, "A", 501, 104, "x");
	expect(sc, "open 1 midstream;1 p;1 c2s 0 abc;1 p;1 p;1 p;1 s2c 0 x;");
}

static void
repeated_syns_are_one_connection(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	client(sc, "S", 100, 0, "");
	server(sc, "SA", 500, 101, "");
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 101, 501, "abc");
	client(sc, "S", 100, 0, "");
	expect(sc, "open 1;1 p;1 p;1 p;1 p;1 p;1 c2s 0 abc;1 p;");
}

static void
both_sides_open_at_once(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	server(sc, "S", 500, 0, "");
	client(sc, "SA", 100, 501, "");
	server(sc, "SA", 500, 101, "");
	server(sc, "A", 501, 101, "x");
	client(sc, "A", 101, 501, "y");
	expect(sc, "open 1;1 p;1 p;1 p;1 p;1 p;1 s2c 0 x;1 p;1 c2s 0 y;");
}

static void
handshake_split_in_four(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	server(sc, "S", 500, 0, "");
	client(sc, "SA", 100, 501, "");
	server(sc, "A", 501, 101, "");
	client(sc, "A", 101, 501, "y");
	expect(sc, "open 1;1 p;1 p;1 p;1 p;1 p;1 c2s 0 y;");
}

static void
what_opens_nothing(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "A", 101, 501, "");
	assert_int_equal(sc->verdict, FLOW_STRAY);
	client(sc, "FA", 101, 501, "");
	client(sc, "RA", 101, 501, "");
	client(sc, "R", 101, 501, "reason");
	client(sc, "SR", 101, 501, "");
	expect(sc, "- p;- p;- p;- p;- p;");
}

static void
numbers_wrap_around(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", UINT32_MAX, 0, "");
	server(sc, "SA", UINT32_MAX - 2, 0, "");
	client(sc, "A", 0, UINT32_MAX - 1, "ab");
	server(sc, "A", UINT32_MAX - 1, 2, "cdef");
	client(sc, "FA", 2, 2, "");
	expect(sc, "open 1;1 p;1 p;1 p;1 c2s 0 ab;1 p;1 s2c 0 cdef;"
		   "1 p;1 end c2s 2 fin client;");
}

/* --- data on SYNs ------------------------------------------------------ */

static void
syn_data_is_delivered_once_acknowledged(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "early");
	expect(sc, "open 1;1 p;");
	server(sc, "SA", 500, 106, "at once");
	expect(sc, "1 p;1 c2s 0 early;1 s2c 0 at once;");
	client(sc, "A", 106, 508, "more");
	expect(sc, "1 p;1 c2s 5 more;");
}

/* RFC 7413: the server did not take it; the client's second copy counts. */
static void
syn_data_is_refused_and_sent_again(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "first");
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 101, 501, "other");
	expect(sc, "open 1;1 p;1 p;1 p;1 c2s 0 other;");
	assert_int_equal(strays(sc, DIR_CLIENT), 5);
}

static void
syn_data_counts_when_the_client_goes_on(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "early");
	client(sc, "S", 100, 0, "early");
	expect(sc, "open 1;1 p;1 p;");
	assert_int_equal(duplicates(sc, DIR_CLIENT), 5);
	client(sc, "A", 106, 501, "more");
	expect(sc, "1 p;1 c2s 0 early;1 c2s 5 more;");
}

static void
syn_data_counts_before_a_fin(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "four");
	client(sc, "FA", 105, 0, "");
	expect(sc, "open 1;1 p;1 p;1 c2s 0 four;1 end c2s 4 fin client;");
}

static void
syn_data_without_an_answer_is_told_at_the_end(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "early");
	flow_table_stop(sc->t, HOW_STOP);
	expect(sc, "open 1;1 p;1 c2s 0 early;1 end c2s 5 stop us;"
		   "1 end s2c 0 stop us;close 1 stop;");
}

static void
syn_data_of_a_refused_connection_is_none(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "early");
	server(sc, "RA", 0, 106, "");
	expect(sc, "open 1;1 p;1 p;close 1 refused;");
	assert_int_equal(strays(sc, DIR_CLIENT), 5);
}

/* A flood of SYNs with data costs no more than its budget. */
static void
syn_data_is_held_within_a_budget(void **state)
{
	static char data[50001];
	struct flow_scene *sc = *state;

	memset(data, 'x', sizeof(data) - 1);
	for (unsigned i = 0; i < 20; i++) {
		sc->ends[0].port++;
		client(sc, "S", 100, 0, data);
	}
	assert_null(strstr(sc->log, "c2s"));
	sc->ends[0].port++;
	client(sc, "S", 100, 0, data);
	assert_non_null(strstr(sc->log, "21 c2s 0+50000;"));
	hush(sc);
	/* It had bytes: this is no refusal any more. */
	server(sc, "RA", 0, 101, "");
	expect(sc, "21 p;21 end c2s 50000 rst server;21 end s2c 0 rst server;"
		   "close 21 rst;");
	/* The others' leave room when they go. */
	sc->ends[0].port--;
	server(sc, "RA", 0, 101, "");
	hush(sc);
	client(sc, "S", 200, 0, data);
	expect(sc, "open 22;22 p;");
}

/* --- middle of the stream ---------------------------------------------- */

static void
midstream_starts_with_its_first_byte(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "A", 5000, 9000, "abc");
	server(sc, "A", 9000, 5003, "x");
	expect(sc, "open 1 midstream;1 p;1 c2s 0 abc;1 p;1 s2c 0 x;");
}

/* The acknowledgement tells where the answer starts: nothing is lost. */
static void
midstream_answer_comes_in_the_wrong_order(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "A", 5000, 9000, "abc");
	server(sc, "A", 9003, 5003, "def");
	server(sc, "A", 9000, 5003, "abc");
	expect(sc, "open 1 midstream;1 p;1 c2s 0 abc;1 p;1 p;1 s2c 0 abc;"
		   "1 s2c 3 def;");
}

/* Acknowledged after we began to listen: these were lost to us. */
static void
midstream_answer_that_we_missed(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "A", 5000, 9000, "abc");
	client(sc, "A", 5003, 9048, "");
	hush(sc);
	pass(sc, 3 * SECOND);
	server(sc, "A", 9048, 5003, "def");
	expect(sc, "1 gap s2c 0+48 lost;1 p;1 s2c 48 def;");
}

/* ... but not where forged packets say nonsense. */
static void
midstream_acknowledgement_is_nonsense(void **state)
{
	static const uint32_t starts[] = { 3000000000, 70000, 4294967290 };
	struct flow_scene *sc = *state;

	for (unsigned i = 0; i < ATTR_COUNT(starts); i++) {
		sc->ends[0].port++;
		client(sc, "A", 5000, 0, "abc");
		hush(sc);
		server(sc, "A", starts[i], 5003, "def");
		server(sc, "A", starts[i] + 3, 5003, "ghi");
		flow_table_stop(sc->t, HOW_LIMIT);
		assert_non_null(strstr(sc->log, "s2c 0 def;"));
		assert_non_null(strstr(sc->log, "s2c 3 ghi;"));
		assert_null(strstr(sc->log, "gap"));
		hush(sc);
	}
}

/* Windows are unscaled here only for us, who did not hear the scale. */
static void
midstream_assumes_the_largest_scale(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "A", 5000, 9000, "abc");
	server(sc, "A", 9000, 5003, "");
	client(sc, "A", 5003 + 9000 * (1 << 14), 9000, "far");
	assert_int_equal(sc->verdict, FLOW_SESSION);
	assert_int_equal(strays(sc, DIR_CLIENT), 0);
}

/* --- ends -------------------------------------------------------------- */

static void
end_waits_for_what_is_missing(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 104, 501, "def");
	expect(sc, "1 p;");
	client(sc, "A", 101, 501, "abc");
	expect(sc, "1 p;1 c2s 0 abc;1 c2s 3 def;1 end c2s 6 fin client;");
}

static void
hole_before_an_end_is_given_up(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 104, 501, "def");
	server(sc, "A", 501, 108, "");
	hush(sc);
	pass(sc, SECOND);
	expect(sc, "");
	pass(sc, SECOND);
	expect(sc, "1 gap c2s 0+3 lost;1 c2s 3 def;1 end c2s 6 fin client;");
}

/* Decision 15. */
static void
tail_before_an_end_is_given_up(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	client(sc, "FA", 110, 501, "");
	server(sc, "FA", 501, 111, "");
	client(sc, "A", 111, 502, "");
	expect(sc, "1 p;1 c2s 0 abc;1 p;1 p;1 end s2c 0 fin server;1 p;");
	pass(sc, 2 * SECOND);
	expect(sc, "1 gap c2s 3+6 lost;1 end c2s 9 fin client;close 1 fin;");
}

/* As long as nobody has acknowledged it, it may come. */
static void
hole_that_is_not_acknowledged_is_waited_for(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 104, 501, "def");
	server(sc, "A", 501, 101, "");
	hush(sc);
	pass(sc, 3600 * SECOND);
	expect(sc, "");
	client(sc, "A", 101, 501, "abc");
	expect(sc, "1 p;1 c2s 0 abc;1 c2s 3 def;");
}

/* What was captured behind the FIN before it is none of the stream. */
static void
held_behind_an_end_is_dropped(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 150, 501, "wild");
	client(sc, "FA", 104, 501, "");
	client(sc, "A", 101, 501, "abc");
	expect(sc, "1 p;1 p;1 p;1 c2s 0 abc;1 end c2s 3 fin client;");
	assert_int_equal(strays(sc, DIR_CLIENT), 4);
}

/* Given up by the clock, over by that: not a tick later than the others. */
static void
last_hole_ends_the_session_at_once(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 104, 501, "def");
	server(sc, "FA", 501, 108, "");
	client(sc, "A", 108, 502, "");
	pass(sc, 2 * SECOND - 1);
	sc->ends[0].port++;
	handshake(sc);
	client(sc, "FA", 101, 501, "");
	server(sc, "FA", 501, 102, "");
	hush(sc);
	pass(sc, 1);
	expect(sc, "1 gap c2s 0+3 lost;1 c2s 3 def;1 end c2s 6 fin client;"
		   "close 1 fin;");
}

static void
tail_that_only_an_acknowledgement_proves(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	server(sc, "A", 501, 110, "");
	hush(sc);
	flow_table_stop(sc->t, HOW_STOP);
	expect(sc, "1 gap c2s 3+6 lost;1 end c2s 9 stop us;1 end s2c 0 stop us;"
		   "close 1 stop;");
}

/* One more than was seen may be a FIN's. */
static void
acknowledged_fin_that_was_not_seen(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	server(sc, "A", 501, 105, "");
	hush(sc);
	flow_table_stop(sc->t, HOW_STOP);
	expect(sc, "1 end c2s 3 stop us;1 end s2c 0 stop us;close 1 stop;");
}

static void
data_after_an_end_is_counted(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 101, 501, "abc");
	client(sc, "A", 104, 501, "more");
	client(sc, "A", 102, 501, "bcmore");
	expect(sc, "1 p;1 c2s 0 abc;1 end c2s 3 fin client;1 p;1 p;");
	assert_int_equal(strays(sc, DIR_CLIENT), 8);
	assert_int_equal(duplicates(sc, DIR_CLIENT), 2);
	server(sc, "A", 501, 105, "still here");
	expect(sc, "1 p;1 s2c 0 still here;");
}

/* What was sent before the FIN is believed before the FIN. */
static void
end_inside_of_what_was_delivered_is_none(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abcdef");
	client(sc, "FA", 103, 501, "");
	client(sc, "A", 107, 501, "ghi");
	expect(sc, "1 p;1 c2s 0 abcdef;1 p;1 p;1 c2s 6 ghi;");
}

static void
last_acknowledgement_is_not_waited_for_long(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 101, 501, "");
	server(sc, "FA", 501, 102, "");
	hush(sc);
	pass(sc, SECOND - 1);
	expect(sc, "");
	server(sc, "FA", 501, 102, "");
	expect(sc, "1 p;");
	pass(sc, 1);
	expect(sc, "close 1 fin;");
}

/* --- oddities ---------------------------------------------------------- */

static void
connection_to_itself(void **state)
{
	struct flow_scene *sc = *state;

	sc->ends[1] = sc->ends[0];
	client(sc, "S", 100, 0, "");
	client(sc, "SA", 100, 101, "");
	client(sc, "A", 101, 101, "");
	client(sc, "A", 101, 101, "echo");
	client(sc, "A", 105, 105, "");
	client(sc, "FA", 105, 105, "");
	expect(sc, "open 1;1 p;1 p;1 p;1 p;1 c2s 0 echo;1 p;1 p;"
		   "1 end c2s 4 fin client;1 end s2c 0 fin server;");
	client(sc, "A", 106, 106, "");
	expect(sc, "1 p;close 1 fin;");
}

static void
cut_payload_is_a_gap(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	sc->cut = 2;
	client(sc, "A", 101, 501, "abcd");
	client(sc, "A", 105, 501, "efgh");
	server(sc, "A", 501, 109, "");
	pass(sc, 3 * SECOND);
	flow_table_stop(sc->t, HOW_LIMIT);
	assert_non_null(strstr(sc->log, "1 c2s 0 ab;"));
	assert_non_null(strstr(sc->log, "1 gap c2s 2+2 snaplen;"));
	assert_non_null(strstr(sc->log, "1 c2s 4 ef;"));
}

/* A Christmas tree: SYN, data and FIN in one packet. */
static void
all_in_one_packet(void **state)
{
	struct flow_scene *sc = *state;

	server(sc, "SAF", 500, 101, "bang");
	expect(sc, "open 1;1 p;1 s2c 0 bang;1 end s2c 4 fin server;");
}

/* Strays are not the session's; a keep-alive brings nothing new either. */
static void
packets_and_repetitions_are_counted(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	client(sc, "A", 101, 501, "abc");
	client(sc, "A", 101, 501, "abcdef");
	client(sc, "A", 3000000000, 501, "stray");
	server(sc, "A", 501, 107, "x");
	client(sc, "A", 106, 502, "?");
	client(sc, "A", 107, 502, "");
	flow_table_stop(sc->t, HOW_STOP);
	assert_int_equal(sc->packets_seen[DIR_CLIENT], 7);
	assert_int_equal(sc->packets_seen[DIR_SERVER], 2);
	assert_int_equal(sc->retransmitted[DIR_CLIENT], 2);
	assert_int_equal(sc->retransmitted[DIR_SERVER], 0);
	assert_int_equal(duplicates(sc, DIR_CLIENT), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(an_ordinary_conversation),
		SCENE(syn_ack_is_seen_first),
		SCENE(syn_ack_is_seen_last),
		SCENE(syn_is_seen_after_its_data),
		SCENE(repeated_syns_are_one_connection),
		SCENE(both_sides_open_at_once),
		SCENE(handshake_split_in_four),
		SCENE(what_opens_nothing),
		SCENE(numbers_wrap_around),
		SCENE(syn_data_is_delivered_once_acknowledged),
		SCENE(syn_data_is_refused_and_sent_again),
		SCENE(syn_data_counts_when_the_client_goes_on),
		SCENE(syn_data_counts_before_a_fin),
		SCENE(syn_data_without_an_answer_is_told_at_the_end),
		SCENE(syn_data_of_a_refused_connection_is_none),
		SCENE(syn_data_is_held_within_a_budget),
		SCENE(midstream_starts_with_its_first_byte),
		SCENE(midstream_answer_comes_in_the_wrong_order),
		SCENE(midstream_answer_that_we_missed),
		SCENE(midstream_acknowledgement_is_nonsense),
		SCENE(midstream_assumes_the_largest_scale),
		SCENE(end_waits_for_what_is_missing),
		SCENE(hole_before_an_end_is_given_up),
		SCENE(tail_before_an_end_is_given_up),
		SCENE(hole_that_is_not_acknowledged_is_waited_for),
		SCENE(held_behind_an_end_is_dropped),
		SCENE(last_hole_ends_the_session_at_once),
		SCENE(tail_that_only_an_acknowledgement_proves),
		SCENE(acknowledged_fin_that_was_not_seen),
		SCENE(data_after_an_end_is_counted),
		SCENE(end_inside_of_what_was_delivered_is_none),
		SCENE(last_acknowledgement_is_not_waited_for_long),
		SCENE(connection_to_itself),
		SCENE(cut_payload_is_a_gap),
		SCENE(all_in_one_packet),
		SCENE(packets_and_repetitions_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
