#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_clock.h"

#include "sink/netrecord.h"

/* A session that opened 1 ms after the start. */
static struct session *
begin(uint64_t id)
{
	struct session *s = at(rig_session(&rig, id), 1);

	session_open(s);
	return s;
}

/* One that passed by. */
static struct session *
overhear(uint64_t id)
{
	struct session *s = at(rig_session(&rig, id), 1);

	s->source = "read";
	session_open(s);
	return s;
}

/* One that the proxy could not connect to its server. */
static struct session *
begin_unreached(uint64_t id)
{
	struct session *s = at(rig_session(&rig, id), 1);

	s->more->local.family = AF_UNSPEC;
	session_open(s);
	return s;
}

static void
a_conversation(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, netrecord_kind.make, "netrecord", "log");
	s = begin(7);
	s->open_ns = START_NS + 999999999;
	rig_say(s, DIR_SERVER, "220 hi\r\n");
	rig_say(at(s, 2000), DIR_CLIENT, "QUIT\n");
	/* Both sides hang up, in the order they did. */
	end(at(s, 2001), DIR_CLIENT, HOW_FIN, PARTY_CLIENT);
	rig_say(at(s, 2002), DIR_SERVER, "bye");
	end(at(s, 2003), DIR_SERVER, HOW_FIN, PARTY_SERVER);
	shut(at(s, 2004), HOW_FIN, PARTY_CLIENT);
	rig_finish(&rig);
	rig_assert_file(&rig, "log_7",
	    "c 0.001000 con\n"
	    "s 0.999999 8\n220 hi\r\n"
	    "c 2.000000 5\nQUIT\n"
	    "c 2.001000 hup\n"
	    "s 2.002000 3\nbye"
	    "s 2.003000 hup\n");
	assert_int_equal(rig_nfiles(&rig, ""), 1);
	assert_int_equal(count_get(&rig.count.written), 16);
}

static void
failures(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, netrecord_kind.make, "netrecord", "log");
	/* A reset by the client ends both directions: one "err". */
	shut(at(begin(1), 3), HOW_RST, PARTY_CLIENT);
	shut(at(begin(2), 3), HOW_ERROR, PARTY_SERVER);
	/* Stopped by us: nobody hung up, nobody failed. */
	shut(at(begin(3), 3), HOW_STOP, PARTY_US);
	/* Refused, and never reached: no end record. */
	shut(at(begin_unreached(4), 3), HOW_REFUSED, PARTY_SERVER);
	shut(at(begin_unreached(5), 3), HOW_ERROR, PARTY_SERVER);
	/* ... but a client that gave up meanwhile is told of. */
	shut(at(begin_unreached(6), 3), HOW_RST, PARTY_CLIENT);
	/* A tap knows no ends of a proxy: the server did fail. */
	s = begin_unreached(7);
	s->more->listen.family = AF_UNSPEC;
	shut(at(s, 3), HOW_RST, PARTY_SERVER);
	rig_finish(&rig);
	rig_assert_file(&rig, "log_1", "c 0.001000 con\nc 0.003000 err\n");
	rig_assert_file(&rig, "log_2", "c 0.001000 con\ns 0.003000 err\n");
	rig_assert_file(&rig, "log_3", "c 0.001000 con\n");
	rig_assert_file(&rig, "log_4", "c 0.001000 con\n");
	rig_assert_file(&rig, "log_5", "c 0.001000 con\n");
	rig_assert_file(&rig, "log_6", "c 0.001000 con\nc 0.003000 err\n");
	rig_assert_file(&rig, "log_7", "c 0.001000 con\ns 0.003000 err\n");
}

static void
gaps_go_to_a_file_beside(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, netrecord_kind.make, "netrecord", "log");
	s = begin(1);
	rig_say(at(s, 2), DIR_SERVER, "ab");
	rig_lose(at(s, 3), DIR_SERVER, 100);
	rig_say(at(s, 4), DIR_SERVER, "cd");
	shut(s, HOW_STOP, PARTY_US);
	rig_finish(&rig);
	rig_assert_file(
	    &rig, "log_1", "c 0.001000 con\ns 0.002000 2\nabs 0.004000 2\ncd");
	rig_assert_file(&rig, "log_1.gaps",
	    "{\"v\":1,\"ts\":\"2026-11-21T08:30:00.003000000Z\","
	    "\"event\":\"gap\",\"session\":1,\"dir\":\"s2c\",\"offset\":2,"
	    "\"len\":100,\"why\":\"lost\"}\n");
}

/* A time before the start does not wrap. */
static void
early_times_are_zero(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, netrecord_kind.make, "netrecord", "log");
	s = rig_session(&rig, 1);
	s->open_ns = START_NS - 1;
	session_open(s);
	shut(at(s, 1), HOW_STOP, PARTY_US);
	rig_finish(&rig);
	rig_assert_file(&rig, "log_1", "c 0.000000 con\n");
}

static void
talk_once(const char *text)
{
	struct session *s;

	rig_make(&rig, netrecord_kind.make, "netrecord", "log");
	s = begin(1);
	rig_say(at(s, 2), DIR_CLIENT, text);
	shut(s, HOW_STOP, PARTY_US);
	rig_finish(&rig);
}

static void
files_that_are_there(void **state)
{
	(void)state;
	talk_once("first");
	talk_once("second");
	rig_assert_file(&rig, "log_1", "c 0.001000 con\nc 0.002000 5\nfirst");
	rig_assert_file(
	    &rig, "log_1-2", "c 0.001000 con\nc 0.002000 6\nsecond");
	rig.spec.overwrite = true;
	talk_once("3");
	rig_assert_file(&rig, "log_1", "c 0.001000 con\nc 0.002000 1\n3");
	assert_int_equal(rig_nfiles(&rig, ""), 2);
}

/* Captures were made at some other time: theirs counts from themselves. */
static void
captures_begin_at_zero(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, netrecord_kind.make, "netrecord", "log");
	s = overhear(1); /* at 1 ms */
	rig_say(at(s, 251), DIR_CLIENT, "x");
	end(s, DIR_CLIENT, HOW_FIN, PARTY_CLIENT);
	end(s, DIR_SERVER, HOW_FIN, PARTY_SERVER);
	shut(s, HOW_FIN, PARTY_CLIENT);
	s = overhear(2);
	rig_say(at(s, 1001), DIR_SERVER, "y");
	end(s, DIR_SERVER, HOW_FIN, PARTY_SERVER);
	end(s, DIR_CLIENT, HOW_FIN, PARTY_CLIENT);
	shut(s, HOW_FIN, PARTY_SERVER);
	/* A proxy beside it counts from the start of the run. */
	shut(begin(3), HOW_RST, PARTY_CLIENT);
	rig_finish(&rig);
	rig_assert_file(&rig, "log_1",
	    "c 0.000000 con\n"
	    "c 0.250000 1\nx"
	    "c 0.250000 hup\ns 0.250000 hup\n");
	rig_assert_file(&rig, "log_2",
	    "c 0.000000 con\n"
	    "s 1.000000 1\ny"
	    "s 1.000000 hup\nc 1.000000 hup\n");
	rig_assert_file(&rig, "log_3",
	    "c 0.001000 con\n"
	    "c 0.001000 err\n");
}

static void
no_root(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(
	    rig_try(&rig, netrecord_kind.make, "netrecord", "", &err), -EINVAL);
	assert_string_not_equal(err.text, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_conversation),
		TEST(failures),
		TEST(gaps_go_to_a_file_beside),
		TEST(early_times_are_zero),
		TEST(files_that_are_there),
		TEST(captures_begin_at_zero),
		TEST(no_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
