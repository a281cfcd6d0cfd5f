#include "watch_rig.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* --- credit ------------------------------------------------------------ */

static void
no_more_comes_than_there_is_credit_for(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	rig_open(&r, 0);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, 100);
	rig_settle(&r);
	rig_feed(&r, 0, DIR_CLIENT, 60);
	rig_feed(&r, 0, DIR_CLIENT, 60);
	rig_feed(&r, 0, DIR_CLIENT, 60);
	rig_lose(&r, 0, DIR_CLIENT, 5);
	rig_feed(&r, 0, DIR_SERVER, 1);
	rig_settle(&r);
	assert_told(&ear, "live;c2s 0+60;c2s 60+40;");
	assert_int_equal(follower_missed(ear.f), 20 + 60 + 1);
	/* What was left out is said as soon as anything can be said. */
	follower_grant(ear.f, 10);
	rig_settle(&r);
	assert_told(&ear, "gap c2s 100+85 queue;gap s2c 0+1 queue;");
	rig_feed(&r, 0, DIR_CLIENT, 10);
	rig_settle(&r);
	assert_told(&ear, "c2s 185+10;");
	/* Ends and the close need no credit. */
	rig_feed(&r, 0, DIR_CLIENT, 1);
	rig_close(&r, 0);
	rig_settle(&r);
	assert_told(&ear, "gap c2s 195+1 queue;end c2s 196 fin by us;"
			  "end s2c 1 fin by us;close fin by us;");
	ear_stop(&ear);
	rig_stop(&r);
}

/* What differed is told after the gap that it lies in. */
static void
a_conflict_in_what_was_left_out(void **state)
{
	static const uint8_t kept[] = "kept", sent[] = "sent";
	const struct conflict c = {
		.off = 6, .kept = kept, .other = sent, .len = 4
	};
	struct rig r;
	struct ear ear = { .id = 0 };

	(void)state;
	rig_start(&r, 0, 0);
	rig_open(&r, 0);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, false, 5);
	rig_settle(&r);
	rig_feed(&r, 0, DIR_CLIENT, 20);
	session_conflict(&r.session[0].s, &c);
	follower_grant(ear.f, 5);
	session_conflict(&r.session[0].s, &c);
	rig_settle(&r);
	assert_told(&ear, "c2s 0+5;gap c2s 5+5 queue;conflict c2s 6+4;");
	/* It has taken all the credit there was. */
	follower_grant(ear.f, 1);
	rig_settle(&r);
	assert_told(&ear, "gap c2s 10+10 queue;");
	ear_stop(&ear);
	rig_stop(&r);
}

/* The history waits for credit; nothing of it is left out meanwhile. */
static void
a_history_is_told_in_portions(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	rig_open(&r, 0);
	rig_feed(&r, 0, DIR_CLIENT, 100);
	rig_feed(&r, 0, DIR_SERVER, 100);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, 30);
	rig_settle(&r);
	assert_told(&ear, "c2s 0+30;");
	rig_feed(&r, 0, DIR_SERVER, 100);
	follower_grant(ear.f, 100);
	rig_settle(&r);
	assert_told(&ear, "c2s 30+70;s2c 0+30;");
	/* What came later is not what the history had. */
	follower_grant(ear.f, 80);
	rig_settle(&r);
	assert_told(&ear, "s2c 30+70;live;s2c 100+10;");
	follower_grant(ear.f, 90);
	rig_settle(&r);
	assert_told(&ear, "s2c 110+90;");
	assert_int_equal(follower_missed(ear.f), 0);
	follower_grant(ear.f, SIZE_MAX);
	follower_grant(ear.f, SIZE_MAX);
	rig_feed(&r, 0, DIR_SERVER, 5);
	rig_settle(&r);
	assert_told(&ear, "s2c 200+5;");
	ear_stop(&ear);
	rig_stop(&r);
}

/* The history moves on under a follower that reads it too slowly. */
static void
a_slow_reader_of_a_history_is_told_what_it_lost(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };

	(void)state;
	rig_start(&r, 8 * KIB, MIB);
	rig_open(&r, 0);
	rig_feed(&r, 0, DIR_SERVER, 6000);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, 10);
	rig_settle(&r);
	assert_told(&ear, "s2c 0+10;");
	for (int i = 0; i < 10; i++)
		rig_feed(&r, 0, DIR_SERVER, 6000);
	follower_grant(ear.f, MIB);
	rig_settle(&r);
	assert_true(ear.is_live);
	assert_int_equal(ear.off[DIR_SERVER], 66000);
	assert_true(ear.left_out[DIR_SERVER] > 50000);
	assert_true(ear.bytes[DIR_SERVER] > 6000);
	ear_stop(&ear);
	rig_stop(&r);
}

/* --- a slow main thread ------------------------------------------------ */

/*
 * Nobody reads while 100 MB pass: what waits is bounded, what does not fit is
 * left out, and both together are all.
 */
static void
what_waits_for_the_main_thread_is_bounded(void **state)
{
	const size_t len = 100 * KIB;
	struct rig r;
	struct ear ear = { .id = 0 };

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	rig_open(&r, 0);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, SIZE_MAX);
	rig_settle(&r);
	for (int i = 0; i < 1000; i++) {
		rig_feed(&r, 0, DIR_SERVER, len);
		rig_turn_worker(&r);
	}
	rig_settle(&r);
	assert_int_equal(ear.off[DIR_SERVER], 1000 * len);
	assert_true(ear.bytes[DIR_SERVER] > WORKER_BUFFER);
	assert_true(ear.bytes[DIR_SERVER] < 8 * WORKER_BUFFER);
	assert_int_equal(
	    follower_missed(ear.f), 1000 * len - ear.bytes[DIR_SERVER]);
	rig_feed(&r, 0, DIR_SERVER, len);
	rig_settle(&r);
	assert_int_equal(ear.off[DIR_SERVER], 1001 * len);
	rig_close(&r, 0);
	rig_settle(&r);
	assert_true(ear.is_closed);
	ear_stop(&ear);
	rig_stop(&r);
}

/* Tiny events are bounded as large ones are, ends and close come anyway. */
static void
tiny_events_are_bounded_too(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };

	(void)state;
	rig_start(&r, 0, MIB);
	rig_open(&r, 0);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, SIZE_MAX);
	rig_settle(&r);
	ear.log[0] = '\0';
	for (int i = 0; i < 100000; i++) {
		rig_feed(&r, 0, DIR_CLIENT, 1);
		rig_lose(&r, 0, DIR_SERVER, 1);
		if (i % 10 == 0)
			rig_turn_worker(&r);
	}
	rig_close(&r, 0);
	rig_settle(&r);
	assert_int_equal(ear.off[DIR_CLIENT], 100000);
	assert_int_equal(ear.off[DIR_SERVER], 100000);
	assert_true(ear.events < 50000);
	assert_true(ear.bytes[DIR_CLIENT] > 1000);
	assert_int_equal(ear.ends, 2);
	assert_true(ear.is_closed);
	ear_stop(&ear);
	rig_stop(&r);
}

/* --- stopping ---------------------------------------------------------- */

static void
nothing_is_told_after_stop(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 }, other = { .id = 0 };

	(void)state;
	rig_start(&r, 64 * KIB, MIB);
	rig_open(&r, 0);
	rig_settle(&r);
	/* Before it has begun; */
	ear_follow(&ear, &r, 1, true, MIB);
	ear_stop(&ear);
	rig_settle(&r);
	/* with events under way; */
	ear_follow(&ear, &r, 1, true, MIB);
	rig_turn_worker(&r);
	rig_feed(&r, 0, DIR_CLIENT, 5);
	rig_turn_worker(&r);
	ear_stop(&ear);
	rig_settle(&r);
	assert_told(&ear, "");
	/* from its own callback, while another goes on. */
	ear.stop_at = 2;
	ear_follow(&ear, &r, 1, true, MIB);
	ear_follow(&other, &r, 1, true, MIB);
	rig_feed(&r, 0, DIR_CLIENT, 5);
	rig_feed(&r, 0, DIR_CLIENT, 5);
	rig_settle(&r);
	assert_told(&ear, "c2s 0+5;c2s 5+5;");
	assert_told(&other, "c2s 0+5;c2s 5+5;c2s 10+5;live;");
	follower_stop(NULL);
	ear_stop(&other);
	rig_stop(&r);
}

/* The worker ends while events wait that nobody has read: they still come. */
static void
the_last_events_come_after_the_worker(void **state)
{
	struct rig r;
	struct ear ear = { .id = 0 };

	(void)state;
	rig_start(&r, 0, MIB);
	rig_open(&r, 0);
	rig_settle(&r);
	ear_follow(&ear, &r, 1, true, MIB);
	rig_settle(&r);
	rig_feed(&r, 0, DIR_CLIENT, 5);
	rig_turn_worker(&r);
	rig_feed(&r, 0, DIR_CLIENT, 6);
	rig_close(&r, 0);
	fanout_finish(r.fan, 0, false);
	rig_settle(&r);
	assert_told(&ear, "live;c2s 0+5;c2s 5+6;end c2s 11 fin by us;"
			  "end s2c 0 fin by us;close fin by us;");
	ear_stop(&ear);
	rig_stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_comes_than_there_is_credit_for),
		cmocka_unit_test(a_conflict_in_what_was_left_out),
		cmocka_unit_test(a_history_is_told_in_portions),
		cmocka_unit_test(
		    a_slow_reader_of_a_history_is_told_what_it_lost),
		cmocka_unit_test(what_waits_for_the_main_thread_is_bounded),
		cmocka_unit_test(tiny_events_are_bounded_too),
		cmocka_unit_test(nothing_is_told_after_stop),
		cmocka_unit_test(the_last_events_come_after_the_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
