#include "relay_scene.h"

/* --- orderly ends ------------------------------------------------------ */

static void
half_close(enum dir d)
{
	enum dir other = dir_other(d);

	begin();
	sends(d, 1000);
	fins(d);
	expect_fin(d);
	assert_int_equal(sc.over, 0);
	sends(other, 3000); /* still goes through, long after */
	receives_all(other);
	assert_true(is_asleep());
	sends(other, 5);
	fins(other);
	expect_fin(other);
	expect_close(HOW_FIN, party_of(d));
	expect_end(d, HOW_FIN, party_of(d));
	expect_end(other, HOW_FIN, party_of(other));
	assert_int_equal(sc.rec.off[d], 1000);
	assert_int_equal(sc.rec.off[other], 3005);
	expect_balance(d);
	expect_balance(other);
}

static void
client_half_closes(void **state)
{
	(void)state;
	half_close(DIR_CLIENT);
}

static void
server_half_closes(void **state)
{
	(void)state;
	half_close(DIR_SERVER);
}

static void
bytes_held_at_a_fin_come_before_it(void **state)
{
	(void)state;
	begin();
	sends_until_stuck(DIR_SERVER);
	fins(DIR_SERVER);
	fins(DIR_CLIENT);
	expect_fin(DIR_CLIENT);
	expect_fin(DIR_SERVER);
	assert_int_equal(sc.received[DIR_SERVER], sc.sent[DIR_SERVER]);
	expect_close(HOW_FIN, PARTY_CLIENT);
}

/* Both at once, of all sizes; sleepy receivers; every byte is checked. */
static void
a_long_talk(void **state)
{
	unsigned random = 7;
	uint64_t late = clock_mono_ns() + LOOPBACK_DEADLINE_NS;

	(void)state;
	begin();
	while (sc.sent[DIR_CLIENT] < 3000 * KIB ||
	       sc.sent[DIR_SERVER] < 9000 * KIB) {
		assert_true(clock_mono_ns() < late);
		random = random * 1103515245 + 12345;
		if (sc.sent[DIR_CLIENT] < 3000 * KIB)
			(void)send_some(DIR_CLIENT, 1 + (random >> 20));
		if (sc.sent[DIR_SERVER] < 9000 * KIB)
			(void)send_some(DIR_SERVER, 256 * (size_t)KIB);
		if (random & 1U << 16)
			(void)receives_some(DIR_CLIENT);
		if (random & 1U << 17)
			(void)receives_some(DIR_SERVER);
		loopback_step(sc.w);
	}
	fins(DIR_CLIENT);
	fins(DIR_SERVER);
	expect_fin(DIR_CLIENT);
	expect_fin(DIR_SERVER);
	UNTIL(sc.over == 1);
	for (int d = 0; d < DIR_NDIRS; d++) {
		assert_int_equal(sc.received[d], sc.sent[d]);
		assert_int_equal(sc.rec.off[d], sc.sent[d]);
	}
	assert_int_equal(sc.rec.reason, HOW_FIN);
}

/* --- resets ------------------------------------------------------------ */

static void
reset_by(enum dir d, size_t bytes_before)
{
	enum dir other = dir_other(d);

	begin();
	sends(other, 10);
	receives_all(other);
	if (bytes_before > 0)
		sends(d, bytes_before);
	resets(d);
	expect_rst(d); /* behind the bytes */
	expect_close(HOW_RST, party_of(d));
	expect_end(d, HOW_RST, party_of(d));
	expect_end(other, HOW_RST, party_of(d));
	assert_int_equal(sc.received[d], bytes_before);
	assert_int_equal(sc.rec.off[d], bytes_before);
}

static void
client_resets_silently(void **state)
{
	(void)state;
	reset_by(DIR_CLIENT, 0);
}

static void
server_resets_silently(void **state)
{
	(void)state;
	reset_by(DIR_SERVER, 0);
}

static void
client_resets_behind_bytes(void **state)
{
	(void)state;
	reset_by(DIR_CLIENT, 40000);
}

static void
server_resets_behind_bytes(void **state)
{
	(void)state;
	reset_by(DIR_SERVER, 40000);
}

/* The receiver is slow: all that was read reaches it, and only then the RST */
static void
reset_waits_for_a_slow_receiver(void **state)
{
	(void)state;
	begin();
	sends_until_stuck(DIR_SERVER);
	resets(DIR_SERVER);
	for (int i = 0; i < 5; i++)
		loopback_step(sc.w);
	assert_int_equal(sc.over, 0);
	expect_rst(DIR_SERVER);
	expect_close(HOW_RST, PARTY_SERVER);
	assert_int_equal(sc.rec.lost[DIR_SERVER], 0);
	expect_balance(DIR_SERVER);
	/* What lay in our queue when the reset came was read, too. */
	assert_true(sc.received[DIR_SERVER] > 1000 * KIB);
}

static void
reset_after_half_a_close(void **state)
{
	(void)state;
	begin();
	sends(DIR_CLIENT, 100);
	fins(DIR_CLIENT);
	expect_fin(DIR_CLIENT);
	resets(DIR_CLIENT);
	UNTIL(sc.over == 1);
	expect_end(DIR_CLIENT, HOW_FIN, PARTY_CLIENT);
	expect_end(DIR_SERVER, HOW_RST, PARTY_CLIENT);
	assert_int_equal(sc.rec.reason, HOW_RST);
	/* Behind a FIN there is nothing to read, but writing would fail. */
	loopback_wait(sc.peer[DIR_SERVER], POLLERR);
	assert_int_equal(socket_error(sc.peer[DIR_SERVER]), -EPIPE);
}

/* A peer that closes with bytes unread has reset; so has one that is gone. */
static void
closing_on_unread_bytes_is_a_reset(void **state)
{
	(void)state;
	begin();
	sends(DIR_SERVER, 5000);
	UNTIL(loopback_readable(sc.peer[DIR_CLIENT]) == 5000);
	close(sc.peer[DIR_CLIENT]);
	sc.peer[DIR_CLIENT] = -1;
	expect_rst(DIR_CLIENT);
	expect_close(HOW_RST, PARTY_CLIENT);
}

/*
 * Both in one turn: passing the FIN on fails, since its receiver has just
 * been reset, and nothing else will wake that side again.
 */
static void
fin_and_reset_at_once(enum dir d)
{
	begin();
	assert_true(is_asleep()); /* polled for: the FIN is seen first */
	fins(d);
	loopback_wait(sc.r.side[d].fd, POLLIN);
	resets(dir_other(d));
	loopback_wait(sc.r.side[dir_other(d)].fd, POLLIN);
	expect_close(HOW_RST, party_of(d));
	expect_end(d, HOW_FIN, party_of(d));
	expect_end(dir_other(d), HOW_RST, party_of(dir_other(d)));
}

/* poll(2) tells in the order of its set: there, the reset would be first. */
#ifndef TEELINE_PORTABLE
static void
server_fin_and_client_reset_at_once(void **state)
{
	(void)state;
	fin_and_reset_at_once(DIR_SERVER);
}
#endif

static void
client_fin_and_server_reset_at_once(void **state)
{
	(void)state;
	fin_and_reset_at_once(DIR_CLIENT);
}

/*
 * One that says its last words, ends, and resets, before it is looked at: an
 * error was told, and what recv() says behind the words is a FIN.
 */
static void
a_reset_that_looks_like_a_fin_is_one(void **state)
{
	(void)state;
	begin();
	assert_true(is_asleep());
	sends(DIR_CLIENT, 100);
	fins(DIR_CLIENT);
	resets(DIR_CLIENT);
	loopback_wait(sc.r.side[DIR_CLIENT].fd, POLLIN);
	receives_all(DIR_CLIENT);
	expect_close(HOW_RST, PARTY_CLIENT);
	expect_end(DIR_CLIENT, HOW_RST, PARTY_CLIENT);
	expect_end(DIR_SERVER, HOW_RST, PARTY_CLIENT);
	expect_rst(DIR_CLIENT);
}

/* Who began is who is named, also if the other one follows suit. */
static void
the_first_to_reset_is_named(void **state)
{
	(void)state;
	begin();
	sends_until_stuck(DIR_SERVER);
	sc.rec.full = true; /* keeps the rest from being read */
	resets(DIR_SERVER);
	UNTIL(sc.r.side[DIR_SERVER].error != 0);
	resets(DIR_CLIENT);
	expect_close(HOW_RST, PARTY_SERVER);
}

/* What was in the kernel's hands when the receiver went is lost as well. */
static void
bytes_that_a_dead_receiver_never_got_are_counted(void **state)
{
	size_t got;

	(void)state;
	begin();
	sends_until_stuck(DIR_CLIENT);
	got = loopback_readable(sc.peer[DIR_SERVER]);
	resets(DIR_SERVER);
	expect_close(HOW_RST, PARTY_SERVER);
	assert_int_equal(sc.rec.lost[DIR_CLIENT], sc.rec.off[DIR_CLIENT] - got);
	assert_int_equal(sc.rec.lost[DIR_SERVER], 0);
}

/* --- sinks that pause -------------------------------------------------- */

static void
make_room(void)
{
	sc.rec.full = false;
	worker_room(sc.w);
}

static void
nothing_is_read_while_a_sink_pauses(void **state)
{
	(void)state;
	begin();
	sc.rec.full = true;
	sends(DIR_CLIENT, 5000);
	assert_true(is_asleep());
	assert_int_equal(sc.rec.off[DIR_CLIENT], 0);
	make_room();
	receives_all(DIR_CLIENT);
	fins(DIR_CLIENT);
	fins(DIR_SERVER);
	expect_close(HOW_FIN, PARTY_CLIENT);
}

static void
a_reset_during_a_pause_loses_nothing(void **state)
{
	(void)state;
	begin();
	sc.rec.full = true;
	sends(DIR_CLIENT, 5000);
	assert_true(is_asleep());
	resets(DIR_CLIENT);
	UNTIL(sc.r.side[DIR_CLIENT].error != 0);
	assert_true(is_asleep());
	assert_int_equal(sc.over, 0);
	make_room();
	expect_rst(DIR_CLIENT);
	assert_int_equal(sc.received[DIR_CLIENT], 5000);
	expect_close(HOW_RST, PARTY_CLIENT);
	assert_int_equal(sc.rec.off[DIR_CLIENT], 5000);
}

static void
an_urgent_byte_during_a_pause_does_not_spin(void **state)
{
	uint8_t byte = recorder_byte(DIR_CLIENT, 10);

	(void)state;
	begin();
	sc.rec.full = true;
	sends(DIR_CLIENT, 10);
	assert_int_equal(send(sc.peer[DIR_CLIENT], &byte, 1, MSG_OOB), 1);
	sc.sent[DIR_CLIENT]++;
	sends(DIR_CLIENT, 10);
	UNTIL(is_asleep());
	make_room();
	receives_all(DIR_CLIENT); /* at its place in the stream */
	fins(DIR_CLIENT);
	fins(DIR_SERVER);
	expect_close(HOW_FIN, PARTY_CLIENT);
	assert_int_equal(sc.rec.off[DIR_CLIENT], 21);
}

static void
a_cut_during_a_pause(void **state)
{
	(void)state;
	begin();
	sc.rec.full = true;
	sends(DIR_CLIENT, 5000);
	assert_true(is_asleep());
	relay_cut(&sc.r, HOW_STOP, PARTY_US, CLOCK_NS_PER_S);
	expect_close(HOW_STOP, PARTY_US);
	worker_room(sc.w); /* nobody waits any more */
	loopback_step(sc.w);
	assert_int_equal(sc.rec.off[DIR_CLIENT], 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		EACH(client_half_closes),
		EACH(server_half_closes),
		EACH(bytes_held_at_a_fin_come_before_it),
		EACH(a_long_talk),
		EACH(client_resets_silently),
		EACH(server_resets_silently),
		EACH(client_resets_behind_bytes),
		EACH(server_resets_behind_bytes),
		EACH(reset_waits_for_a_slow_receiver),
		MEMORY(reset_after_half_a_close),
		MEMORY(closing_on_unread_bytes_is_a_reset),
#ifndef TEELINE_PORTABLE
		MEMORY(server_fin_and_client_reset_at_once),
#endif
		MEMORY(client_fin_and_server_reset_at_once),
		MEMORY(a_reset_that_looks_like_a_fin_is_one),
		MEMORY(the_first_to_reset_is_named),
		EACH(bytes_that_a_dead_receiver_never_got_are_counted),
		EACH(nothing_is_read_while_a_sink_pauses),
		EACH(a_reset_during_a_pause_loses_nothing),
		MEMORY(an_urgent_byte_during_a_pause_does_not_spin),
		MEMORY(a_cut_during_a_pause),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
