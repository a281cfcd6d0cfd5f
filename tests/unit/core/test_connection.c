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

/* --- windows ----------------------------------------------------------- */

static void
beyond_the_window_is_a_stray(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101 + 2 * 10000 + (1 << 20) + 1, 501, "wild");
	assert_int_equal(sc->verdict, FLOW_STRAY);
	expect(sc, "- p;");
	assert_int_equal(strays(sc, DIR_CLIENT), 4);
	client(sc, "A", 101 + 2 * 10000 + (1 << 20), 501, "hm");
	assert_int_equal(sc->verdict, FLOW_SESSION);
}

static void
far_before_is_a_stray(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101 - (1U << 30) - 5, 501, "wild");
	expect(sc, "- p;");
	assert_int_equal(strays(sc, DIR_CLIENT), 4);
}

/* Both must offer window scaling, else windows are as they are written. */
static void
scale_counts_when_both_offer_it(void **state)
{
	static const struct {
		uint8_t client;
		uint8_t server;
		enum flow_verdict want;
	} rows[] = {
		{ 0, 10, FLOW_SESSION },
		{ SEGMENT_NO_SCALE, 10, FLOW_STRAY },
		{ 10, SEGMENT_NO_SCALE, FLOW_STRAY },
	};
	struct flow_scene *sc = *state;

	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		sc->ends[0].port++;
		sc->scale = rows[i].client;
		client(sc, "S", 100, 0, "");
		sc->scale = rows[i].server;
		server(sc, "SA", 500, 101, "");
		client(sc, "A", 101, 501, "a");
		server(sc, "A", 501, 102, "");
		client(sc, "A", 102 + 10000 * (1 << 10), 501, "b");
		assert_int_equal(sc->verdict, rows[i].want);
		hush(sc);
	}
}

/* A filter took the ACKs: what continues is taken, however far it goes. */
static void
missed_acknowledgements_lose_nothing(void **state)
{
	static char bulk[50001];
	struct flow_scene *sc = *state;

	memset(bulk, 'x', sizeof(bulk) - 1);
	handshake(sc);
	for (unsigned i = 0; i < 100; i++) {
		client(sc, "A", 101 + i * 50000, 501, bulk);
		assert_int_equal(sc->verdict, FLOW_SESSION);
		hush(sc);
	}
	flow_table_stop(sc->t, HOW_STOP);
	expect(
	    sc, "1 end c2s 5000000 stop us;1 end s2c 0 stop us;close 1 stop;");
}

/* Packets and ACKs were lost: one segment is the price for being sure. */
static void
stream_that_went_on_without_us(void **state)
{
	const uint32_t far = 101 + 50000000;
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", far, 501, "abc");
	expect(sc, "- p;");
	client(sc, "A", far + 3, 501, "def");
	expect(sc, "1 p;");
	flow_table_stop(sc->t, HOW_STOP);
	expect(sc,
	    "1 gap c2s 0+50000003 lost;1 c2s 50000003 def;"
	    "1 end c2s 50000006 stop us;1 end s2c 0 stop us;close 1 stop;");
}

/* Acknowledgements say so; the first one alone is not believed. */
static void
acknowledgement_moves_the_window(void **state)
{
	const uint32_t far = 101 + 50000000;
	struct flow_scene *sc = *state;

	handshake(sc);
	server(sc, "A", 501, far, "");
	client(sc, "A", far, 501, "one");
	expect(sc, "1 p;- p;");
	server(sc, "A", 501, far, "");
	client(sc, "A", far, 501, "abc");
	expect(sc, "1 p;1 p;");
	pass(sc, 3 * SECOND);
	expect(sc, "1 gap c2s 0+50000000 lost;1 c2s 50000000 abc;");
}

static void
server_that_never_answers_in_our_sight(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	client(sc, "A", 101, 501, "abc");
	client(sc, "A", 104, 504, "def");
	flow_table_stop(sc->t, HOW_STOP);
	expect(sc, "open 1;1 p;1 p;1 c2s 0 abc;1 p;1 c2s 3 def;"
		   "1 gap s2c 0+3 lost;"
		   "1 end c2s 6 stop us;1 end s2c 3 stop us;close 1 stop;");
}

static void
keep_alives_are_no_data(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	server(sc, "A", 501, 104, "");
	hush(sc);
	client(sc, "A", 103, 501, "");
	client(sc, "A", 103, 501, "?");
	expect(sc, "1 p;1 p;");
	assert_int_equal(duplicates(sc, DIR_CLIENT), 1);
	server(sc, "A", 501, 104, "");
	client(sc, "A", 104, 501, "def");
	expect(sc, "1 p;1 p;1 c2s 3 def;");
}

/* A single byte again, before it is acknowledged, is a repetition: it must
 * be the same. */
static void
single_byte_is_not_always_a_keep_alive(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	server(sc, "A", 501, 101, "");
	client(sc, "A", 101, 501, "a");
	hush(sc);
	client(sc, "A", 101, 501, "b");
	expect(sc, "1 p;1 conflict c2s 0+1;");
}

/* Captures show the ACK first at times; the byte is no probe then. */
static void
single_byte_after_its_acknowledgement(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	server(sc, "A", 501, 102, "");
	client(sc, "A", 101, 501, "k");
	expect(sc, "1 p;1 p;1 c2s 0 k;");
}

static void
zero_window_probe_brings_the_next_byte(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	sc->window = 0;
	server(sc, "A", 501, 104, "");
	client(sc, "A", 104, 501, "d");
	server(sc, "A", 501, 104, "");
	hush(sc);
	sc->window = 10000;
	server(sc, "A", 501, 104, "");
	client(sc, "A", 104, 501, "def");
	expect(sc, "1 p;1 p;1 c2s 4 ef;");
}

/* --- resets ------------------------------------------------------------ */

static void
refused(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	server(sc, "RA", 0, 101, "");
	expect(sc, "open 1;1 p;1 p;close 1 refused;");
}

static void
refusal_must_acknowledge_the_syn(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	hush(sc);
	server(sc, "RA", 0, 100, "");
	server(sc, "RA", 0, 102, "");
	server(sc, "R", 0, 101, "");
	expect(sc, "- p;- p;- p;");
	server(sc, "SA", 500, 101, "");
	assert_int_equal(sc->verdict, FLOW_SESSION);
}

/* RFC 5961: what the receiver waits for lies in [acknowledged, sent]. */
static void
reset_must_be_just_next(void **state)
{
	static const struct {
		uint32_t seq;
		enum flow_verdict want;
	} rows[] = {
		{ 103, FLOW_STRAY },
		{ 104, FLOW_SESSION },
		{ 105, FLOW_SESSION },
		{ 107, FLOW_SESSION },
		{ 108, FLOW_STRAY },
		{ 101 + 9999, FLOW_STRAY },
		{ 0, FLOW_STRAY },
	};
	struct flow_scene *sc = *state;

	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		bool obeyed = rows[i].want == FLOW_SESSION;

		sc->ends[0].port++;
		handshake(sc);
		client(sc, "A", 101, 501, "abc");
		server(sc, "A", 501, 104, "");
		client(sc, "A", 104, 501, "def");
		client(sc, "R", rows[i].seq, 0, "");
		assert_int_equal(sc->verdict, rows[i].want);
		assert_int_equal(
		    strstr(sc->log, "c2s 6 rst client;") != NULL, obeyed);
		assert_int_equal(
		    strstr(sc->log, "s2c 0 rst client;") != NULL, obeyed);
		hush(sc);
	}
}

static void
reset_tells_what_was_held_and_lost(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 104, 501, "def");
	client(sc, "A", 107, 510, "");
	server(sc, "RA", 510, 107, "go away");
	expect(sc,
	    "1 p;1 p;1 p;1 gap c2s 0+3 lost;1 c2s 3 def;1 gap s2c 0+9 lost;"
	    "1 end c2s 6 rst server;1 end s2c 9 rst server;close 1 rst;");
	assert_int_equal(strays(sc, DIR_SERVER), 7);
}

static void
reset_after_one_end(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 101, 501, "");
	server(sc, "R", 501, 0, "");
	expect(sc, "1 p;1 end c2s 0 fin client;1 p;1 end s2c 0 rst server;"
		   "close 1 rst;");
}

static void
reset_after_both_ends_changes_nothing(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 101, 501, "");
	server(sc, "FA", 501, 102, "");
	client(sc, "R", 102, 0, "");
	expect(sc, "1 p;1 end c2s 0 fin client;1 p;1 end s2c 0 fin server;"
		   "1 p;close 1 fin;");
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

/* --- the same ends again ----------------------------------------------- */

static void
new_syn_is_believed_with_its_answer(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	hush(sc);
	client(sc, "S", 2000000000, 0, "");
	expect(sc, "- p;");
	client(sc, "A", 104, 501, "def");
	expect(sc, "1 p;1 c2s 3 def;");
	server(sc, "SA", 3000000000, 2000000001, "");
	expect(sc,
	    "1 end c2s 6 timeout us;1 end s2c 0 timeout us;close 1 timeout;"
	    "open 2;2 p;");
	client(sc, "A", 2000000001, 3000000001, "new");
	expect(sc, "2 p;2 c2s 0 new;");
}

static void
new_syn_of_the_other_side_turns_the_roles(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	server(sc, "S", 2000000000, 0, "");
	client(sc, "SA", 3000000000, 2000000001, "");
	hush(sc);
	server(sc, "A", 2000000001, 3000000001, "mine");
	expect(sc, "2 p;2 c2s 0 mine;");
}

static void
new_syn_whose_answer_went_past_us(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "S", 2000000000, 0, "");
	client(sc, "A", 2000000001, 3000000001, "lost");
	server(sc, "A", 3000000001, 2000000005, "hi");
	flow_table_stop(sc->t, HOW_STOP);
	assert_non_null(strstr(sc->log, "open 2;2 p;2 s2c 0 hi;"));
	assert_non_null(strstr(sc->log, "2 gap c2s 0+4 lost;"));
}

/* Its SYN went past us, and its SYN-ACK alone proves nothing. */
static void
new_answer_is_believed_with_its_acknowledgement(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	server(sc, "SA", 3000000000, 2000000001, "");
	expect(sc, "- p;");
	client(sc, "A", 2000000001, 3000000001, "");
	expect(sc,
	    "1 end c2s 0 timeout us;1 end s2c 0 timeout us;close 1 timeout;"
	    "open 2;2 p;");
	client(sc, "A", 2000000001, 3000000001, "new");
	expect(sc, "2 p;2 c2s 0 new;");
}

static void
forged_syn_ends_nothing(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "S", 2000000000, 0, "");
	server(sc, "A", 501, 101, "");
	client(sc, "A", 101, 501, "abc");
	server(sc, "A", 501, 104, "x");
	expect(sc, "- p;1 p;1 p;1 c2s 0 abc;1 p;1 s2c 0 x;");
}

static void
new_syn_before_any_answer(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	client(sc, "S", 200, 0, "");
	expect(sc, "open 1;1 p;1 end c2s 0 timeout us;1 end s2c 0 timeout us;"
		   "close 1 timeout;open 2;2 p;");
	server(sc, "SA", 500, 201, "");
	client(sc, "A", 201, 501, "x");
	expect(sc, "2 p;2 p;2 c2s 0 x;");
}

/* A SYN was forged between a true one and its answer. */
static void
answer_to_another_syn(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 100, 0, "");
	client(sc, "S", 2000000000, 0, "");
	server(sc, "SA", 500, 101, "");
	assert_int_equal(sc->verdict, FLOW_STRAY);
	hush(sc);
	client(sc, "A", 101, 501, "abc");
	expect(sc,
	    "2 end c2s 0 timeout us;2 end s2c 0 timeout us;close 2 timeout;"
	    "open 3;3 p;3 c2s 0 abc;");
}

/* SYN-ACKs that contradict each other: no state may be confused. */
static void
answers_from_both_sides(void **state)
{
	struct flow_scene *sc = *state;

	server(sc, "SA", 500, 101, "");
	client(sc, "SA", 2000000000, 501, "");
	client(sc, "A", 2000000001, 501, "x");
	expect(sc, "open 1;1 p;- p;- p;");
	client(sc, "A", 101, 501, "y");
	expect(sc, "1 p;1 c2s 0 y;");
}

/* A damaged SYN-ACK: the conversation itself says who is right. */
static void
answer_with_a_wrong_number(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 6000000, 0, "");
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 6000001, 501, "abc");
	server(sc, "A", 501, 6000004, "x");
	expect(sc, "open 1;1 p;- p;1 p;1 c2s 0 abc;1 p;1 s2c 0 x;");
}

static void
new_syn_while_lingering(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 101, 501, "");
	server(sc, "FA", 501, 102, "");
	hush(sc);
	client(sc, "S", 9000, 0, "");
	expect(sc, "close 1 fin;open 2;2 p;");
}

/* Hours of the capture are missing: other numbers, and both sides agree. */
static void
numbers_that_have_nothing_to_do_with_it(void **state)
{
	const uint32_t far = 2000000000;
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", far, 3000000000, "abc");
	client(sc, "A", far + 3, 3000000000, "def");
	expect(sc, "- p;- p;");
	server(sc, "A", 3000000000, far + 6, "x");
	expect(sc,
	    "1 end c2s 0 timeout us;1 end s2c 0 timeout us;close 1 timeout;"
	    "open 2 midstream;2 p;2 s2c 0 x;");
	client(sc, "A", far + 6, 3000000001, "ghi");
	expect(sc, "2 p;2 c2s 0 ghi;");
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
		SCENE(beyond_the_window_is_a_stray),
		SCENE(far_before_is_a_stray),
		SCENE(scale_counts_when_both_offer_it),
		SCENE(missed_acknowledgements_lose_nothing),
		SCENE(stream_that_went_on_without_us),
		SCENE(acknowledgement_moves_the_window),
		SCENE(server_that_never_answers_in_our_sight),
		SCENE(keep_alives_are_no_data),
		SCENE(single_byte_is_not_always_a_keep_alive),
		SCENE(single_byte_after_its_acknowledgement),
		SCENE(zero_window_probe_brings_the_next_byte),
		SCENE(refused),
		SCENE(refusal_must_acknowledge_the_syn),
		SCENE(reset_must_be_just_next),
		SCENE(reset_tells_what_was_held_and_lost),
		SCENE(reset_after_one_end),
		SCENE(reset_after_both_ends_changes_nothing),
		SCENE(end_waits_for_what_is_missing),
		SCENE(hole_before_an_end_is_given_up),
		SCENE(tail_before_an_end_is_given_up),
		SCENE(tail_that_only_an_acknowledgement_proves),
		SCENE(acknowledged_fin_that_was_not_seen),
		SCENE(data_after_an_end_is_counted),
		SCENE(end_inside_of_what_was_delivered_is_none),
		SCENE(last_acknowledgement_is_not_waited_for_long),
		SCENE(new_syn_is_believed_with_its_answer),
		SCENE(new_syn_of_the_other_side_turns_the_roles),
		SCENE(new_syn_whose_answer_went_past_us),
		SCENE(new_answer_is_believed_with_its_acknowledgement),
		SCENE(forged_syn_ends_nothing),
		SCENE(new_syn_before_any_answer),
		SCENE(answer_to_another_syn),
		SCENE(answers_from_both_sides),
		SCENE(answer_with_a_wrong_number),
		SCENE(new_syn_while_lingering),
		SCENE(numbers_that_have_nothing_to_do_with_it),
		SCENE(connection_to_itself),
		SCENE(cut_payload_is_a_gap),
		SCENE(all_in_one_packet),
		SCENE(packets_and_repetitions_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
