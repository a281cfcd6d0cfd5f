#include "relay_scene.h"

/* --- cuts -------------------------------------------------------------- */

static void
limit_ends_behind_the_read_that_reached_it(void **state)
{
	(void)state;
	sc.env.max_bytes = 1000;
	begin();
	sends(DIR_CLIENT, 400);
	receives_all(DIR_CLIENT);
	sends(DIR_SERVER, 599);
	receives_all(DIR_SERVER);
	assert_int_equal(sc.over, 0);
	sends(DIR_SERVER, 50);
	expect_rst(DIR_SERVER);
	assert_int_equal(sc.received[DIR_SERVER], 649);
	expect_close(HOW_LIMIT, PARTY_US);
	expect_end(DIR_CLIENT, HOW_LIMIT, PARTY_US);
	expect_end(DIR_SERVER, HOW_LIMIT, PARTY_US);
	expect_rst(DIR_CLIENT);
}

/* Bytes count when they are read, not when their sink gets them. */
static void
limit_holds_for_bytes_on_their_way_to_a_sink(void **state)
{
	(void)state;
	sc.env.max_bytes = 5000 * KIB;
	begin();
	while (sc.sent[DIR_SERVER] < 5000 * KIB) {
		(void)send_some(
		    DIR_SERVER, (size_t)(5000 * KIB - sc.sent[DIR_SERVER]));
		(void)receives_some(DIR_SERVER);
		loopback_step(sc.w);
	}
	/* The server waits for an answer that never comes. */
	expect_rst(DIR_SERVER);
	expect_close(HOW_LIMIT, PARTY_US);
	assert_int_equal(sc.received[DIR_SERVER], 5000 * KIB);
}

static void
stop_delivers_what_was_read(void **state)
{
	(void)state;
	begin();
	sends_until_stuck(DIR_SERVER);
	relay_cut(&sc.r, HOW_STOP, PARTY_US, LOOPBACK_DEADLINE_NS);
	expect_end(DIR_SERVER, HOW_STOP, PARTY_US);
	expect_rst(DIR_SERVER);
	expect_close(HOW_STOP, PARTY_US);
	assert_int_equal(sc.rec.lost[DIR_SERVER], 0);
	expect_balance(DIR_SERVER);
}

static void
stop_ends_when_its_time_is_over(void **state)
{
	uint64_t began = clock_mono_ns();

	(void)state;
	begin();
	sends_until_stuck(DIR_SERVER);
	relay_cut(&sc.r, HOW_STOP, PARTY_US, 1000 * CLOCK_NS_PER_S);
	/* A second cut may shorten the time, but not lengthen it. */
	relay_cut(&sc.r, HOW_TIMEOUT, PARTY_US, 20 * CLOCK_NS_PER_MS);
	relay_cut(&sc.r, HOW_TIMEOUT, PARTY_US, 2000 * CLOCK_NS_PER_S);
	assert_int_equal(sc.over, 0);
	expect_close(HOW_STOP, PARTY_US);
	assert_true(clock_mono_ns() - began >= 20 * CLOCK_NS_PER_MS);
	expect_rst(DIR_SERVER);
	assert_true(sc.rec.lost[DIR_SERVER] > 0);
	expect_balance(DIR_SERVER);
}

static void
stop_without_time_ends_at_once(void **state)
{
	(void)state;
	begin();
	sends_until_stuck(DIR_SERVER);
	relay_cut(&sc.r, HOW_STOP, PARTY_US, 0);
	assert_int_equal(sc.over, 1);
	expect_rst(DIR_SERVER);
	expect_balance(DIR_SERVER);
}

static void
the_receiver_may_go_while_we_deliver(void **state)
{
	(void)state;
	begin();
	sends_until_stuck(DIR_SERVER);
	relay_cut(&sc.r, HOW_STOP, PARTY_US, LOOPBACK_DEADLINE_NS);
	assert_int_equal(sc.over, 0);
	resets(DIR_CLIENT);
	expect_close(HOW_STOP, PARTY_US);
	assert_true(sc.rec.lost[DIR_SERVER] > 0);
}

static void
orderly_cut_ends_with_fin(void **state)
{
	(void)state;
	sc.env.orderly = true;
	begin();
	sends(DIR_SERVER, 5000);
	UNTIL(sc.rec.off[DIR_SERVER] == 5000);
	relay_cut(&sc.r, HOW_LIMIT, PARTY_US, CLOCK_NS_PER_S);
	expect_fin(DIR_SERVER);
	expect_fin(DIR_CLIENT);
	assert_int_equal(sc.received[DIR_SERVER], 5000);
	expect_close(HOW_LIMIT, PARTY_US);
}

/* What a peer did stays what it was, also for the orderly. */
static void
orderly_relay_still_resets_for_a_reset(void **state)
{
	(void)state;
	sc.env.orderly = true;
	begin();
	resets(DIR_SERVER);
	expect_rst(DIR_SERVER);
	expect_close(HOW_RST, PARTY_SERVER);
}

/* --- being active ------------------------------------------------------ */

/* A slow receiver that takes bytes is no silent session. */
static void
bytes_written_count_as_activity(void **state)
{
	unsigned active;

	(void)state;
	begin();
	sends_until_stuck(DIR_SERVER);
	sc.rec.full = true; /* no reads any more */
	active = sc.active;
	UNTIL(receives_some(DIR_SERVER) != 0 &&
	      mover_held(&sc.r.mover[DIR_SERVER]) == 0);
	assert_true(sc.active > active);
	relay_cut(&sc.r, HOW_STOP, PARTY_US, 0);
}

/* --- UNIX sockets ------------------------------------------------------ */

static void
unix_half_close(void **state)
{
	(void)state;
	begin_unix();
	sends(DIR_CLIENT, 300);
	fins(DIR_CLIENT);
	expect_fin(DIR_CLIENT);
	sends(DIR_SERVER, 100000);
	fins(DIR_SERVER);
	expect_fin(DIR_SERVER);
	assert_int_equal(sc.received[DIR_SERVER], 100000);
	expect_close(HOW_FIN, PARTY_CLIENT);
}

/* A hang-up stays raised for ever: polling for it would spin. */
static void
unix_peer_that_is_gone_is_found_out_by_a_write(void **state)
{
	(void)state;
	begin_unix();
	close(sc.peer[DIR_CLIENT]);
	sc.peer[DIR_CLIENT] = -1;
	expect_fin(DIR_CLIENT);
	UNTIL(is_asleep());
	sends(DIR_SERVER, 10);
	expect_close(HOW_RST, PARTY_CLIENT);
	expect_end(DIR_CLIENT, HOW_FIN, PARTY_CLIENT);
	expect_end(DIR_SERVER, HOW_RST, PARTY_CLIENT);
	assert_int_equal(sc.rec.lost[DIR_SERVER], 10);
}

/* Its bytes lie with the reader: a stop need not wait for him. */
static void
unix_stop_does_not_wait_for_the_reader(void **state)
{
	(void)state;
	begin_unix();
	sends(DIR_SERVER, 1000);
	UNTIL(sc.rec.off[DIR_SERVER] == 1000);
	relay_cut(&sc.r, HOW_STOP, PARTY_US, LOOPBACK_DEADLINE_NS);
	assert_int_equal(sc.over, 1);
	assert_int_equal(sc.rec.lost[DIR_SERVER], 0);
	expect_fin(DIR_SERVER);
	assert_int_equal(sc.received[DIR_SERVER], 1000);
}

/* --- failures ---------------------------------------------------------- */

/* What epoll(7) refuses; poll(2) takes everything. */
#ifndef TEELINE_PORTABLE
static void
a_start_that_fails_closes_both(void **state)
{
	int client[2], file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	loopback_pair(client);
	sc.peer[DIR_CLIENT] = client[0];
	sc.peer[DIR_SERVER] = -1;
	assert_true(relay_start(&sc.r, client[1], file) < 0);
	assert_int_equal(loopback_fds(), sc.before + 1);
	assert_false(relay_forget(&sc.r, on_forgotten));
	assert_false(sc.forgotten);
	session_close(&sc.s, 1, HOW_ERROR, PARTY_US);
	UNTIL(has_ended(DIR_SERVER, -ECONNRESET));
}
#endif

static void
a_relay_that_never_started_has_nothing_to_wait_for(void **state)
{
	(void)state;
	sc.peer[DIR_CLIENT] = sc.peer[DIR_SERVER] = -1;
	assert_true(relay_forget(&sc.r, on_forgotten));
	session_close(&sc.s, 1, HOW_REFUSED, PARTY_SERVER);
	sc.forgotten = true;
	sc.rec.ends = 2; /* a refused session has none */
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		EACH(limit_ends_behind_the_read_that_reached_it),
		EACH(limit_holds_for_bytes_on_their_way_to_a_sink),
		EACH(stop_delivers_what_was_read),
		EACH(stop_ends_when_its_time_is_over),
		EACH(stop_without_time_ends_at_once),
		EACH(the_receiver_may_go_while_we_deliver),
		MEMORY(orderly_cut_ends_with_fin),
		MEMORY(orderly_relay_still_resets_for_a_reset),
		EACH(bytes_written_count_as_activity),
		EACH(unix_half_close),
		EACH(unix_peer_that_is_gone_is_found_out_by_a_write),
		EACH(unix_stop_does_not_wait_for_the_reader),
#ifndef TEELINE_PORTABLE
		MEMORY(a_start_that_fails_closes_both),
#endif
		MEMORY(a_relay_that_never_started_has_nothing_to_wait_for),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
