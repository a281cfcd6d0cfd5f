#include "base/attr.h"
#include "flow_scene.h"

/*
 * What is part of a connection and what is not: windows, resets, and the same
 * 4-tuple used again.  See flow_scene.h for the vocabulary.
 */

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

/* Two strays that have nothing to do with each other prove nothing. */
static void
strays_here_and_there(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 50000000, 501, "abc");
	client(sc, "A", 50000004, 501, "def");
	client(sc, "A", 70000000, 501, "ghi");
	expect(sc, "- p;- p;- p;");
}

/* The windows of SYNs are never scaled. */
static void
window_of_a_syn(void **state)
{
	struct flow_scene *sc = *state;

	sc->scale = 14;
	client(sc, "S", 100, 0, "");
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 101 + 2 * 10000 + (1 << 20) + 1, 501, "wild");
	assert_int_equal(sc->verdict, FLOW_STRAY);
	server(sc, "A", 501, 101, "");
	client(sc, "A", 101 + 2 * 10000 + (1 << 20) + 1, 501, "fine");
	assert_int_equal(sc->verdict, FLOW_SESSION);
}

/* Its SYN-ACK went past us: it must answer this connection nevertheless. */
static void
first_of_the_server_is_no_syn(void **state)
{
	struct flow_scene *sc = *state;

	client(sc, "S", 3000000000, 0, "");
	hush(sc);
	server(sc, "", 501, 0, "old");
	server(sc, "A", 501, 2999999999, "old");
	server(sc, "A", 501, 3000000001 + (1U << 30) + 1, "old");
	expect(sc, "- p;- p;- p;");
	server(sc, "A", 501, 3000000001, "hello");
	expect(sc, "1 p;1 s2c 0 hello;");
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

/* A server that offers a connection and takes it back: that is no refusal. */
static void
answer_is_taken_back(void **state)
{
	struct flow_scene *sc = *state;

	server(sc, "SA", 500, 101, "");
	server(sc, "R", 501, 0, "");
	expect(sc,
	    "open 1;1 p;1 p;1 end c2s 0 rst server;1 end s2c 0 rst server;"
	    "close 1 rst;");
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

static void
resets_prove_no_new_syn(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "S", 2000000000, 0, "");
	server(sc, "RA", 3000000000, 2000000001, "");
	expect(sc, "- p;- p;");
}

/* A SYN forged with the number that is acknowledged next. */
static void
acknowledgements_of_our_own_prove_no_new_syn(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "A", 101, 501, "abc");
	client(sc, "S", 103, 0, "");
	server(sc, "A", 501, 104, "");
	client(sc, "A", 104, 501, "def");
	expect(sc, "1 p;1 c2s 0 abc;- p;1 p;1 p;1 c2s 3 def;");
}

/* Both have ended, what is missing can come no more. */
static void
new_syn_while_a_hole_is_waited_for(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	client(sc, "FA", 104, 501, "def");
	server(sc, "FA", 501, 101, "");
	hush(sc);
	client(sc, "S", 2000000000, 0, "");
	expect(sc, "1 gap c2s 0+3 lost;1 c2s 3 def;1 end c2s 6 fin client;"
		   "close 1 fin;open 2;2 p;");
}

static void
new_syn_to_itself_while_lingering(void **state)
{
	struct flow_scene *sc = *state;

	sc->ends[1] = sc->ends[0];
	client(sc, "S", 100, 0, "");
	client(sc, "SA", 100, 101, "");
	client(sc, "FA", 101, 101, "");
	hush(sc);
	client(sc, "S", 2000000000, 0, "");
	expect(sc, "close 1 fin;open 2;2 p;");
}

/* What its SYN said holds for the new connection. */
static void
new_syn_brings_its_scale(void **state)
{
	struct flow_scene *sc = *state;

	handshake(sc);
	sc->scale = 10;
	client(sc, "S", 2000000000, 0, "");
	server(sc, "SA", 3000000000, 2000000001, "");
	client(sc, "A", 2000000001, 3000000001, "");
	assert_int_equal(sc->verdict, FLOW_SESSION);
	server(sc, "A", 3000000001 + (10000 << 10), 2000000001, "far");
	assert_int_equal(sc->verdict, FLOW_SESSION);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(beyond_the_window_is_a_stray),
		SCENE(far_before_is_a_stray),
		SCENE(scale_counts_when_both_offer_it),
		SCENE(missed_acknowledgements_lose_nothing),
		SCENE(stream_that_went_on_without_us),
		SCENE(acknowledgement_moves_the_window),
		SCENE(strays_here_and_there),
		SCENE(window_of_a_syn),
		SCENE(first_of_the_server_is_no_syn),
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
		SCENE(answer_is_taken_back),
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
		SCENE(resets_prove_no_new_syn),
		SCENE(acknowledgements_of_our_own_prove_no_new_syn),
		SCENE(new_syn_while_a_hole_is_waited_for),
		SCENE(new_syn_to_itself_while_lingering),
		SCENE(new_syn_brings_its_scale),
		SCENE(numbers_that_have_nothing_to_do_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
