#include "mover_scene.h"

/* --- all ways ---------------------------------------------------------- */

static void
small_messages_are_copied(void **state)
{
	(void)state;
	for (size_t len = 1; len < 5000; len += 77) {
		peer_sends(len);
		assert_int_equal(pull(), MOVER_ENOUGH);
		assert_int_equal(sc.m.way, MOVER_COPY);
		/* Recorded at once, not only when settled. */
		assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	}
	assert_int_equal(pull(), MOVER_EMPTY);
	expect_whole();
	assert_int_equal(sc.rec.takes, 0);
}

static void
empty_is_not_the_end_and_the_end_is(void **state)
{
	(void)state;
	assert_int_equal(pull(), MOVER_EMPTY);
	peer_sends(3);
	assert_int_equal(shutdown(sc.peer_from, SHUT_WR), 0);
	assert_int_equal(pull(), MOVER_ENOUGH);
	loopback_wait(sc.from, POLLIN);
	assert_int_equal(pull(), MOVER_FIN);
	assert_int_equal(pull(), MOVER_FIN);
	expect_whole();
}

static void
reset_comes_after_the_bytes_before_it(void **state)
{
	(void)state;
	peer_sends(3);
	loopback_rst(sc.peer_from);
	sc.peer_from = -1;
	assert_int_equal(pull(), MOVER_ENOUGH);
	assert_int_equal(pull(), MOVER_READ);
	assert_int_equal(sc.m.error, ECONNRESET);
	expect_whole();
}

static void
without_zero_copy_everything_is_copied(void **state)
{
	(void)state;
	sc.m.zero_copy = false;
	reach(MOVER_COPY);
	expect_whole();
	assert_int_equal(sc.rec.takes, 0);
}

static void
slow_receiver_gets_everything_in_order(void **state)
{
	(void)state;
	hold();
	assert_int_equal(mover_push(&sc.m, sc.to), MOVER_HELD);
	push_all();
	expect_whole();
	hold(); /* again, now from the way that was reached */
	push_all();
	expect_whole();
}

/* An end is announced while bytes are held: they are recorded, and stay. */
static void
settling_while_holding_records_all_and_loses_none(void **state)
{
	size_t held;

	(void)state;
	hold();
	held = mover_held(&sc.m);
	mover_settle(&sc.m);
	assert_int_equal(mover_held(&sc.m), held);
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	mover_settle(&sc.m);
	push_all();
	expect_whole();
}

static void
what_is_held_at_the_end_is_the_loss(void **state)
{
	size_t held;

	(void)state;
	hold();
	held = mover_held(&sc.m);
	assert_int_equal(mover_done(&sc.m), held);
	assert_int_equal(mover_held(&sc.m), 0);
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	assert_int_equal(mover_done(&sc.m), 0);
	sc.sent -= held;
	peer_receives_all();
}

/* What was read is recorded, although its receiver is gone. */
static void
receiver_gone_is_no_reason_not_to_record(void **state)
{
	(void)state;
	loopback_rst(sc.peer_to);
	sc.peer_to = -1;
	loopback_wait(sc.to, POLLIN);
	peer_sends(100 * KIB);
	assert_int_equal(pull(), MOVER_WRITTEN);
	assert_true(sc.m.error == ECONNRESET || sc.m.error == EPIPE);
	assert_int_equal(mover_done(&sc.m), sc.rec.off[DIR_SERVER]);
	assert_true(sc.rec.off[DIR_SERVER] > 0);
}

static void
receiver_gone_in_bulk(void **state)
{
	size_t lost;

	(void)state;
	hold();
	lost = mover_held(&sc.m);
	loopback_rst(sc.peer_to);
	sc.peer_to = -1;
	loopback_wait(sc.to, POLLERR);
	assert_int_equal(mover_push(&sc.m, sc.to), MOVER_WRITTEN);
	assert_int_equal(mover_held(&sc.m), lost);
	assert_int_equal(mover_done(&sc.m), lost);
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
}

/* Whatever way each message takes, and however often that changes. */
static void
a_long_talk_of_all_sizes(void **state)
{
	static const size_t size[] = { 1, 70 * KIB, 100 * KIB, 300, 200 * KIB,
		65 * KIB, 64 * KIB, 64 * KIB + 1, 16 * KIB - 1, 2 };
	unsigned random = 1;

	(void)state;
	for (int i = 0; i < 400; i++) {
		random = random * 1103515245 + 12345;
		peer_sends(size[(random >> 16) % ATTR_COUNT(size)]);
		while (pull() == MOVER_MORE)
			peer_receives_all();
		push_all();
		if (random >> 28 == 0)
			mover_settle(&sc.m);
	}
	expect_whole();
}

#ifndef TEELINE_PORTABLE

/* --- pipes ------------------------------------------------------------- */

static void
bulk_is_spliced_when_nobody_needs_bytes(void **state)
{
	(void)state;
	reach(MOVER_SPLICE);
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	assert_int_equal(pull(), MOVER_EMPTY);
	assert_null(sc.m.pipe); /* an idle session keeps no pipe */
	expect_whole();
}

static void
bulk_is_doubled_for_a_file(void **state)
{
	(void)state;
	reach(MOVER_TEE);
	for (int i = 0; i < 50; i++)
		pass(100 * KIB);
	assert_true(sc.rec.takes > 10);
	assert_int_equal(pull(), MOVER_EMPTY);
	assert_null(sc.m.pipe);
	expect_whole();
}

static void
bulk_is_copied_for_memory(void **state)
{
	(void)state;
	reach(MOVER_COPY);
	expect_whole();
}

static void
the_end_is_seen_through_a_pipe(void **state)
{
	enum mover_way way =
	    sc.rec.ops.need == NEED_FILE ? MOVER_TEE : MOVER_SPLICE;

	(void)state;
	reach(way);
	assert_int_equal(shutdown(sc.peer_from, SHUT_WR), 0);
	loopback_wait(sc.from, POLLIN);
	assert_int_equal(pull(), MOVER_FIN);
	expect_whole();
}

static void
a_reset_is_seen_through_a_pipe(void **state)
{
	enum mover_way way =
	    sc.rec.ops.need == NEED_FILE ? MOVER_TEE : MOVER_SPLICE;

	(void)state;
	reach(way);
	peer_sends(5);
	loopback_rst(sc.peer_from);
	sc.peer_from = -1;
	assert_int_equal(pull(), MOVER_ENOUGH);
	assert_int_equal(pull(), MOVER_READ);
	assert_int_equal(sc.m.error, ECONNRESET);
	expect_whole();
}

static void
many_small_reads_lead_back_to_copying(void **state)
{
	(void)state;
	reach(MOVER_TEE);
	for (int i = 0; sc.m.way == MOVER_TEE; i++) {
		assert_true(i < 100);
		peer_sends(100);
		assert_int_equal(pull(), MOVER_ENOUGH);
	}
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	assert_null(sc.m.copy);
	expect_whole();
	reach(MOVER_TEE); /* and there again */
	expect_whole();
}

/* A copy that waits for more is on the list of those that age. */
static void
aged_copies_can_be_flushed(void **state)
{
	(void)state;
	reach(MOVER_TEE);
	mover_flush_copy(&sc.m);
	peer_sends(30 * KIB);
	assert_int_equal(pull(), MOVER_MORE);
	assert_ptr_equal(sc.copies.next, &sc.m.copy_node);
	assert_true(sc.rec.off[DIR_SERVER] < sc.sent);
	mover_flush_copy(&sc.m);
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	assert_true(list_is_empty(&sc.copies));
	expect_whole();
}

/* The sink gives the session up, and nobody needs its bytes any more. */
static void
the_way_follows_the_need(void **state)
{
	(void)state;
	reach(MOVER_TEE);
	mover_settle(&sc.m);
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	sc.s.active = 0;
	pass(100 * KIB);
	assert_int_equal(sc.m.way, MOVER_COPY);
	assert_int_equal(sc.received, sc.sent);
	assert_int_equal(sc.s.off[DIR_SERVER], sc.sent);
}

static void
without_pipes_it_copies(void **state)
{
	struct loopback_famine f;

	(void)state;
	loopback_starve(&f, 0);
	for (int i = 0; i < 12; i++)
		pass(100 * KIB);
	assert_int_equal(sc.rec.takes, 0);
	expect_whole();
	loopback_feed(&f);
	for (int i = 0; i < 4; i++) /* asks again after a streak */
		pass(100 * KIB);
	assert_int_not_equal(sc.m.way, MOVER_COPY);
	expect_whole();
}

/* One pipe to be had, but not the second. */
static void
without_a_second_pipe_the_bytes_are_taken_out(void **state)
{
	struct loopback_famine f;

	(void)state;
	loopback_starve(&f, 2);
	for (int i = 0; i < 12; i++) {
		pass(100 * KIB);
		assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	}
	assert_int_equal(sc.rec.takes, 0);
	loopback_feed(&f);
	expect_whole();
}

static void
without_a_second_pipe_and_a_slow_receiver(void **state)
{
	struct loopback_famine f;

	(void)state;
	reach(MOVER_TEE);
	mover_settle(&sc.m);
	loopback_starve(&f, 0);
	hold();
	push_all();
	loopback_feed(&f);
	expect_whole();
}

#endif

#define NOTHING(f) cmocka_unit_test_setup_teardown(f, set_up_nothing, tear_down)
#define FILE_(f)   cmocka_unit_test_setup_teardown(f, set_up_file, tear_down)
#define MEMORY(f)  cmocka_unit_test_setup_teardown(f, set_up_memory, tear_down)
#define EACH(f)    NOTHING(f), FILE_(f), MEMORY(f)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		EACH(small_messages_are_copied),
		EACH(empty_is_not_the_end_and_the_end_is),
		EACH(reset_comes_after_the_bytes_before_it),
		EACH(without_zero_copy_everything_is_copied),
		EACH(slow_receiver_gets_everything_in_order),
		EACH(settling_while_holding_records_all_and_loses_none),
		EACH(what_is_held_at_the_end_is_the_loss),
		EACH(receiver_gone_is_no_reason_not_to_record),
		EACH(receiver_gone_in_bulk),
		EACH(a_long_talk_of_all_sizes),
#ifndef TEELINE_PORTABLE
		NOTHING(bulk_is_spliced_when_nobody_needs_bytes),
		FILE_(bulk_is_doubled_for_a_file),
		MEMORY(bulk_is_copied_for_memory),
		NOTHING(the_end_is_seen_through_a_pipe),
		FILE_(the_end_is_seen_through_a_pipe),
		NOTHING(a_reset_is_seen_through_a_pipe),
		FILE_(a_reset_is_seen_through_a_pipe),
		FILE_(many_small_reads_lead_back_to_copying),
		FILE_(aged_copies_can_be_flushed),
		FILE_(the_way_follows_the_need),
		NOTHING(without_pipes_it_copies),
		FILE_(without_pipes_it_copies),
		FILE_(without_a_second_pipe_the_bytes_are_taken_out),
		FILE_(without_a_second_pipe_and_a_slow_receiver),
#endif
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
