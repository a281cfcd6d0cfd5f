#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "sink_rig.h"

#include "sink/gotcpspy.h"

#define NAME "d/log-2026.11.21-08.30.00-0001-10.44.2.21-26311-192.246.40.185-21"

static struct rig rig;

static int
set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_make(&rig, gotcpspy_kind.make, "gotcpspy", "d");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	if (rig.fan != NULL)
		rig_finish(&rig);
	rig_done(&rig);
	return 0;
}

static const char document[] =
    "Connected to ftp.example.com:21 at 2026.11.21-08.30.00\n"
    "Received (#0, 00000000) 24 bytes from 10.44.2.21-26311\n"
    "00000000  32 32 30 2d 66 74 70 2e  69 64 73 6f 66 74 77 61  "
    "|220-ftp.idsoftwa|\n"
    "00000010  72 65 2e 63 6f 6d 0d 0a                           "
    "|re.com..|\n"
    "Sent (#0) to 127.0.0.1-8081\n"
    "Received (#0, 00000000) 1 bytes from 127.0.0.1-8081\n"
    "00000000  55                                                "
    "|U|\n"
    "Sent (#0) to 10.44.2.21-26311\n"
    "Received (#1, 00000001) 1 bytes from 127.0.0.1-8081\n"
    "00000000  53                                                "
    "|S|\n"
    "Sent (#1) to 10.44.2.21-26311\n"
    "Received (#2, 00000002) 10 bytes from 127.0.0.1-8081\n"
    "00000000  45 52 20 61 6e 6f 6e 79  6d 6f                    "
    "|ER anonymo|\n"
    "Sent (#2) to 10.44.2.21-26311\n"
    "Received (#1, 00000018) 70 bytes from 10.44.2.21-26311\n"
    "00000000  33 33 31 20 55 73 65 72  20 6e 61 6d 65 20 6f 6b  "
    "|331 User name ok|\n"
    "00000010  61 79 2c 20 70 6c 65 61  73 65 20 73 65 6e 64 20  "
    "|ay, please send |\n"
    "00000020  63 6f 6d 70 6c 65 74 65  20 45 2d 6d 61 69 6c 20  "
    "|complete E-mail |\n"
    "00000030  61 64 64 72 65 73 73 20  61 73 20 70 61 73 73 77  "
    "|address as passw|\n"
    "00000040  6f 72 64 2e 0d 0a                                 "
    "|ord...|\n"
    "Sent (#1) to 127.0.0.1-8081\n"
    "Disconnected from 10.44.2.21-26311\n"
    "Disconnected from 127.0.0.1-8081\n"
    "Finished at 2026.11.21-08.30.16, duration 16.5769481s\n";

/* The beginning and the end of the talk in gotcpspy's own document. */
static void
talk_of_the_document(void **state)
{
	struct session *s = rig_open(&rig, 1);

	(void)state;
	rig_say(s, DIR_SERVER, "220-ftp.idsoftware.com\r\n");
	rig_say(s, DIR_CLIENT, "U");
	rig_say(s, DIR_CLIENT, "S");
	rig_say(s, DIR_CLIENT, "ER anonymo");
	rig_say(s, DIR_SERVER,
	    "331 User name okay, please send complete E-mail address as "
	    "password.\r\n");
	session_end(s, DIR_SERVER, s->open_ns, HOW_FIN, PARTY_SERVER);
	session_end(s, DIR_CLIENT, s->open_ns, HOW_FIN, PARTY_CLIENT);
	session_close(s, s->open_ns + 16576948100ULL, HOW_FIN, PARTY_CLIENT);
	free(s->slots);
	free(s);
	rig_finish(&rig);
	rig_assert_file(&rig, NAME ".log", document);
	rig_assert_file(&rig,
	    "d/log-binary-2026.11.21-08.30.00-0001-10.44.2.21-26311.log",
	    "USER anonymo");
	rig_assert_file(&rig,
	    "d/log-binary-2026.11.21-08.30.00-0001-192.246.40.185-21.log",
	    "220-ftp.idsoftware.com\r\n"
	    "331 User name okay, please send complete E-mail address as "
	    "password.\r\n");
	assert_int_equal(rig_nfiles(&rig, "d"), 3);
	/* Two records for each read, which counts once. */
	assert_int_equal(count_get(&rig.count.written), 106);
}

static void
silent_session_has_three_files(void **state)
{
	(void)state;
	rig_close(rig_open(&rig, 1), HOW_FIN);
	rig_finish(&rig);
	assert_int_equal(rig_nfiles(&rig, "d"), 3);
	rig_assert_file(&rig, NAME ".log",
	    "Connected to ftp.example.com:21 at 2026.11.21-08.30.00\n"
	    "Disconnected from 127.0.0.1-8081\n"
	    "Disconnected from 10.44.2.21-26311\n"
	    "Finished at 2026.11.21-08.30.00, duration 0s\n");
}

static void
unreachable_server_has_no_logs(void **state)
{
	struct session *s = rig_session(&rig, 1);

	(void)state;
	s->more->local = (struct addr){ .family = AF_UNSPEC };
	session_open(s);
	rig_close(s, HOW_REFUSED);
	rig_finish(&rig);
	assert_int_equal(rig_nfiles(&rig, "d"), 0);
}

static void
ipv6_keeps_its_brackets(void **state)
{
	struct session *s = rig_session(&rig, 12);

	(void)state;
	rig_address(&s->more->listen, "::1", 8081);
	rig_address(&s->more->local, "::1", 26311);
	rig_address(&s->server, "2001:db8::7", 80);
	session_open(s);
	rig_say(s, DIR_CLIENT, "x");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_holds(&rig,
	    "d/log-2026.11.21-08.30.00-0012-[--1]-26311-[2001-db8--7]-80.log",
	    "1 bytes from [--1]-8081\n");
}

static void
unix_sockets_stay_in_the_folder(void **state)
{
	struct session *s = rig_session(&rig, 1);

	(void)state;
	s->more->local = (struct addr){ .family = AF_UNIX };
	s->more->local.path = "";
	s->server = (struct addr){ .family = AF_UNIX };
	s->server.path = "/run/../x.sock";
	session_open(s);
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	assert_int_equal(rig_nfiles(&rig, "d"), 3);
	rig_assert_holds(&rig,
	    "d/log-2026.11.21-08.30.00-0001-unix--unix--run-..-x.sock.log",
	    "Disconnected");
}

/* A tap has no ends of its own: the true ones stand in. */
static void
without_a_proxy_the_true_ends_are_named(void **state)
{
	struct session *s = rig_session(&rig, 1);

	(void)state;
	s->more->listen = (struct addr){ .family = AF_UNSPEC };
	s->more->local = (struct addr){ .family = AF_UNSPEC };
	s->more->target = NULL;
	session_open(s);
	rig_say(s, DIR_SERVER, "x");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_file(&rig,
	    "d/log-2026.11.21-08.30.00-0001-127.0.0.1-40001-192.246.40.185-21"
	    ".log",
	    "Connected to 192.246.40.185:21 at 2026.11.21-08.30.00\n"
	    "Received (#0, 00000000) 1 bytes from 127.0.0.1-40001\n"
	    "00000000  78                                                "
	    "|x|\n"
	    "Sent (#0) to 192.246.40.185-21\n"
	    "Disconnected from 192.246.40.185-21\n"
	    "Disconnected from 127.0.0.1-40001\n"
	    "Finished at 2026.11.21-08.30.00, duration 0s\n");
}

static void
gaps_stand_beside(void **state)
{
	struct session *s = rig_open(&rig, 1);

	(void)state;
	rig_say(s, DIR_SERVER, "ab");
	rig_lose(s, DIR_SERVER, 10);
	rig_say(s, DIR_SERVER, "c");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_file(&rig, NAME ".log.gaps",
	    "{\"v\":1,\"ts\":\"2026-11-21T08:30:00.123456789Z\","
	    "\"event\":\"gap\",\"session\":1,\"dir\":\"s2c\",\"offset\":2,"
	    "\"len\":10,\"why\":\"lost\"}\n");
	rig_assert_holds(&rig, NAME ".log", "Received (#1, 0000000C) 1 bytes");
	rig_assert_file(&rig,
	    "d/log-binary-2026.11.21-08.30.00-0001-192.246.40.185-21.log",
	    "abc");
}

static void
nothing_is_overwritten(void **state)
{
	struct session *s;

	(void)state;
	rig_close(rig_open(&rig, 1), HOW_FIN);
	s = rig_open(&rig, 1);
	rig_say(s, DIR_CLIENT, "second");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	assert_int_equal(rig_nfiles(&rig, "d"), 6);
	rig_assert_holds(&rig, NAME "-2.log", "|second|");
}

static void
offsets_grow_beyond_eight_digits(void **state)
{
	struct session *s = rig_open(&rig, 1);

	(void)state;
	rig_lose(s, DIR_CLIENT, 0x123456789AULL);
	rig_say(s, DIR_CLIENT, "x");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_holds(&rig, NAME ".log", "(#0, 123456789A) 1 bytes");
}

#define RIG(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(talk_of_the_document),
		RIG(silent_session_has_three_files),
		RIG(unreachable_server_has_no_logs),
		RIG(ipv6_keeps_its_brackets),
		RIG(unix_sockets_stay_in_the_folder),
		RIG(without_a_proxy_the_true_ends_are_named),
		RIG(gaps_stand_beside),
		RIG(nothing_is_overwritten),
		RIG(offsets_grow_beyond_eight_digits),
	};

	/* The logs are in local time. */
	if (setenv("TZ", "UTC", 1) != 0)
		return 1;
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
