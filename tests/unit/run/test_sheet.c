#include "sheet_scene.h"

static void
an_empty_run_has_lost_nothing(void **state)
{
	struct scene *sc = *state;

	take(sc);
	assert_int_equal(sc->sh.sessions, NWORKERS);
	assert_int_equal(sc->sh.open, NWORKERS);
	assert_int_equal(sc->sh.nsinks, 2);
	assert_string_equal(sc->sh.sinks[0].name, "flows");
	assert_string_equal(sc->sh.sinks[1].name, "a-long-name");
	assert_false(sheet_has_loss(&sc->sh));
	assert_false(sheet_has_failure(&sc->sh));
	expect_sums(sc);
}

static void
all_workers_are_added_up(void **state)
{
	struct scene *sc = *state;

	feed(&sc->s[0], DIR_CLIENT, 100);
	feed(&sc->s[1], DIR_CLIENT, 20);
	feed(&sc->s[1], DIR_SERVER, 3);
	session_close(&sc->s[0], 1, HOW_FIN, PARTY_CLIENT);
	session_close(&sc->s[1], 1, HOW_RST, PARTY_CLIENT);
	write_all(sc, 123);
	take(sc);
	assert_int_equal(sc->sh.bytes[DIR_CLIENT], 120);
	assert_int_equal(sc->sh.bytes[DIR_SERVER], 3);
	assert_int_equal(sc->sh.sinks[0].offered, 123);
	assert_int_equal(sc->sh.sinks[0].written, 123);
	assert_int_equal(sc->sh.sinks[1].offered, 123);
	assert_int_equal(sc->sh.sessions, 2);
	assert_int_equal(sc->sh.open, 0);
	assert_int_equal(sc->sh.ended[HOW_FIN], 1);
	assert_int_equal(sc->sh.ended[HOW_RST], 1);
	expect_sums(sc);
	assert_false(sheet_has_loss(&sc->sh));
}

static void
what_is_neither_written_nor_dropped_is_queued(void **state)
{
	struct scene *sc = *state;

	feed(&sc->s[0], DIR_CLIENT, 100);
	sc->dropping.full = true;
	feed(&sc->s[0], DIR_CLIENT, 30);
	write_all(sc, 60);
	take(sc);
	assert_int_equal(sc->sh.sinks[1].offered, 130);
	assert_int_equal(sc->sh.sinks[1].written, 60);
	assert_int_equal(sc->sh.sinks[1].queued, 40);
	assert_int_equal(sc->sh.sinks[1].drop_bytes[DROP_QUEUE_FULL], 30);
	assert_int_equal(sc->sh.sinks[1].drop_chunks[DROP_QUEUE_FULL], 1);
	expect_sums(sc);
	assert_true(sheet_has_loss(&sc->sh));
	assert_false(sheet_has_failure(&sc->sh));
}

/* A writer's counter may be read after it has run ahead. */
static void
a_snapshot_in_flight_is_never_absurd(void **state)
{
	struct scene *sc = *state;

	feed(&sc->s[0], DIR_CLIENT, 100);
	write_all(sc, 200);
	take(sc);
	assert_int_equal(sc->sh.sinks[1].queued, 0);
}

static void
each_kind_of_loss_is_one(void **state)
{
	struct scene *sc = *state;
	struct gap g = { .dir = DIR_SERVER, .len = 7, .why = GAP_LOST };

	take(sc);
	assert_false(sheet_has_loss(&sc->sh));
	session_gap(&sc->s[0], &g);
	take(sc);
	assert_int_equal(sc->sh.gap_bytes[DIR_SERVER], 7);
	assert_true(sheet_has_loss(&sc->sh));

	sc->sh.gap_bytes[DIR_SERVER] = 0;
	sc->sh.lost_bytes[DIR_CLIENT] = 1;
	assert_true(sheet_has_loss(&sc->sh));
	sc->sh.lost_bytes[DIR_CLIENT] = 0;
	sc->sh.sinks[1].missed = 1;
	assert_true(sheet_has_loss(&sc->sh));
	sc->sh.sinks[1].missed = 0;
	for (int r = 0; r < DROP_NREASONS; r++) {
		sc->sh.sinks[0].drop_chunks[r] = 1; /* of no bytes */
		assert_true(sheet_has_loss(&sc->sh));
		assert_int_equal(
		    sheet_has_failure(&sc->sh), r == DROP_WRITE_ERROR);
		sc->sh.sinks[0].drop_chunks[r] = 0;
		sc->sh.sinks[0].drop_records[r] = 1;
		assert_true(sheet_has_loss(&sc->sh));
		assert_int_equal(
		    sheet_has_failure(&sc->sh), r == DROP_WRITE_ERROR);
		sc->sh.sinks[0].drop_records[r] = 0;
	}
	assert_false(sheet_has_loss(&sc->sh));
}

static void
what_the_kernel_dropped_is_lost(void **state)
{
	struct scene *sc = *state;

	count_packets(sc);
	take(sc);
	/* Nothing of this means that a byte is missing. */
	assert_false(sheet_has_loss(&sc->sh));
	sc->src.tally.kernel_dropped = 1;
	take(sc);
	assert_true(sheet_has_loss(&sc->sh));
	sc->src.tally.kernel_dropped = 0;
	sc->src.tally.interface_dropped = 1;
	take(sc);
	assert_true(sheet_has_loss(&sc->sh));
}

static void
undelivered_bytes_are_those_of_closed_sessions(void **state)
{
	struct scene *sc = *state;

	feed(&sc->s[0], DIR_CLIENT, 100);
	sc->s[0].more->lost_bytes[DIR_CLIENT] = 40;
	session_close(&sc->s[0], 1, HOW_RST, PARTY_SERVER);
	take(sc);
	assert_int_equal(sc->sh.lost_bytes[DIR_CLIENT], 40);
	assert_true(sheet_has_loss(&sc->sh));
}

/* --- as JSON ----------------------------------------------------------- */

/* Decision 40: scripts rely on these names. */
static void
json_has_the_names_that_scripts_rely_on(void **state)
{
	static const char *const per_dir[] = { "received", "delivered",
		"duplicate", "differing", "late", "strays", "held", "gap" };
	struct scene *sc = *state;
	const json_t *o, *sink;
	struct err err = { "" };
	struct stat st;
	json_t *root;

	feed(&sc->s[0], DIR_CLIENT, 100);
	sc->dropping.full = true;
	feed(&sc->s[0], DIR_CLIENT, 30);
	session_close(&sc->s[0], 1, HOW_FIN, PARTY_CLIENT);
	write_all(sc, 100);
	take(sc);
	assert_int_equal(sheet_write(&sc->sh, sc->path, &err), 0);
	assert_int_equal(stat(sc->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	root = json_load_file(sc->path, 0, NULL);
	assert_non_null(root);
	assert_true(json_is_null(json_object_get(root, "packets")));
	assert_true(json_is_null(json_object_get(root, "kernel")));
	for (int d = 0; d < DIR_NDIRS; d++) {
		o = json_object_get(
		    json_object_get(root, "bytes"), dir_name((enum dir)d));
		for (size_t i = 0; i < ATTR_COUNT(per_dir); i++)
			assert_int_equal(number(o, per_dir[i]),
			    d == DIR_CLIENT && i < 2 ? 130 : 0);
	}
	o = json_object_get(root, "sessions");
	assert_int_equal(number(o, "total"), 2);
	assert_int_equal(number(o, "open"), 1);
	for (int i = 0; i < HOW_NHOWS; i++)
		assert_int_equal(number(json_object_get(o, "ends"),
				     event_how_name((enum how)i)),
		    i == HOW_FIN);
	o = json_object_get(root, "sinks");
	assert_int_equal(json_array_size(o), 2);
	sink = json_array_get(o, 1);
	assert_string_equal(
	    json_string_value(json_object_get(sink, "name")), "a-long-name");
	assert_string_equal(
	    json_string_value(json_object_get(sink, "kind")), "fake");
	assert_int_equal(number(sink, "offered"), 130);
	assert_int_equal(number(sink, "written"), 100);
	assert_int_equal(number(sink, "queued"), 0);
	o = json_object_get(json_object_get(sink, "dropped"), "queue_full");
	assert_int_equal(number(o, "chunks"), 1);
	assert_int_equal(number(o, "bytes"), 30);
	assert_int_equal(number(o, "records"), 0);
	o = json_object_get(root, "process");
	assert_true(number(o, "cpu_ns") >= 0);
	assert_true(number(o, "max_rss_bytes") > 0);
	json_decref(root);
}

static json_int_t
sum(const json_t *o)
{
	json_int_t n = 0;
	const char *key;
	const json_t *value;

	json_object_foreach((json_t *)(uintptr_t)o, key, value) n +=
	    json_integer_value(value);
	return n;
}

/* The sums of decision 17, as a script would check them. */
static void
json_of_a_capture_adds_up(void **state)
{
	struct scene *sc = *state;
	struct err err = { "" };
	const json_t *o;
	json_t *root;

	count_packets(sc);
	feed(&sc->s[0], DIR_CLIENT, 130);
	take(sc);
	assert_int_equal(sheet_write(&sc->sh, sc->path, &err), 0);
	root = json_load_file(sc->path, 0, NULL);
	assert_non_null(root);
	o = json_object_get(root, "packets");
	assert_int_equal(number(o, "received"), 1284);
	assert_int_equal(number(o, "received"),
	    number(o, "sessions") + number(o, "not_tcp") +
		sum(json_object_get(o, "undecodable")) +
		number(o, "fragments") + number(o, "strays"));
	assert_int_equal(
	    number(json_object_get(o, "undecodable"), "truncated"), 48);
	assert_int_equal(number(json_object_get(o, "undecodable"), "never"), 0);
	assert_int_equal(number(o, "strays"), 30);
	assert_int_equal(number(o, "fragments"), 4);
	assert_int_equal(number(o, "filtered"), 12345);
	assert_int_equal(number(o, "bad_checksums"), 7);
	o = json_object_get(root, "kernel");
	assert_int_equal(number(o, "received"), 2000);
	assert_int_equal(number(o, "dropped"), 0);
	assert_int_equal(number(o, "interface_dropped"), 0);
	for (int d = 0; d < DIR_NDIRS; d++) {
		o = json_object_get(
		    json_object_get(root, "bytes"), dir_name((enum dir)d));
		assert_int_equal(
		    number(o, "delivered"), d == DIR_CLIENT ? 130 : 0);
		assert_int_equal(number(o, "late"), 30 + d);
		assert_int_equal(number(o, "received"),
		    number(o, "delivered") + number(o, "duplicate") +
			number(o, "differing") + number(o, "late") +
			number(o, "strays") + number(o, "held"));
	}
	json_decref(root);
}

static void
a_file_that_cannot_be_written_is_named(void **state)
{
	struct scene *sc = *state;
	struct err err = { "" };

	take(sc);
	assert_int_equal(
	    sheet_write(&sc->sh, "/dev/null/stats", &err), -ENOTDIR);
	assert_string_equal(
	    err.text, "--stats /dev/null/stats: Not a directory");
	assert_int_equal(sheet_write(&sc->sh, "/dev/full", &err), -ENOSPC);
	assert_non_null(strstr(err.text, "/dev/full"));
}

/* --- for people -------------------------------------------------------- */

static void
lines_for_people_leave_out_what_is_zero(void **state)
{
	struct scene *sc = *state;
	char text[1024];

	feed(&sc->s[0], DIR_CLIENT, 1234);
	session_close(&sc->s[0], 1, HOW_FIN, PARTY_CLIENT);
	session_close(&sc->s[1], 1, HOW_FIN, PARTY_CLIENT);
	write_all(sc, 1234);
	take(sc);
	printed(sc, text, sizeof(text));
	assert_string_equal(text,
	    "sessions     2  fin 2\n"
	    "c2s          1,234 bytes\n"
	    "s2c          0 bytes\n"
	    "flows        offered 1,234  written 1,234\n"
	    "a-long-name  offered 1,234  written 1,234\n");
}

static void
lines_for_people_show_every_loss(void **state)
{
	struct scene *sc = *state;
	struct gap g = { .dir = DIR_SERVER, .len = 7, .why = GAP_LOST };
	char text[1024];

	session_gap(&sc->s[0], &g);
	feed(&sc->s[0], DIR_CLIENT, 10);
	sc->dropping.full = true;
	feed(&sc->s[0], DIR_CLIENT, 20);
	sc->s[0].more->lost_bytes[DIR_CLIENT] = 4;
	session_close(&sc->s[0], 1, HOW_RST, PARTY_CLIENT);
	take(sc);
	sc->sh.sinks[1].missed = 3;
	printed(sc, text, sizeof(text));
	assert_string_equal(text,
	    "sessions     2  rst 1  open 1\n"
	    "c2s          30 bytes, 4 not delivered (the receiver was gone)\n"
	    "s2c          0 bytes, 7 missing\n"
	    "flows        offered 30  written 30\n"
	    "a-long-name  offered 30  written 0  queue_full 20  queued 10"
	    "  sessions missed 3\n");
}

static void
lines_for_people_about_packets(void **state)
{
	struct scene *sc = *state;
	char text[2048];

	count_packets(sc);
	feed(&sc->s[0], DIR_CLIENT, 130);
	write_all(sc, 130);
	sc->src.tally.kernel_dropped = 3;
	take(sc);
	printed(sc, text, sizeof(text));
	assert_string_equal(text,
	    "packets      1,284  in sessions 1,000  not TCP 200  strays 30"
	    "  fragments 4  undecodable 50\n"
	    "             48 undecodable: truncated\n"
	    "             2 undecodable: bad_header\n"
	    "             12,345 more kept out by the filter\n"
	    "             7 with a checksum that does not fit (offloading "
	    "leaves such)\n"
	    "kernel       2,000 received, 3 dropped\n"
	    "sessions     2  open 2\n"
	    "c2s          130 bytes, 10 duplicate, 20 differing, 30 late, "
	    "40 stray, 50 held\n"
	    "s2c          0 bytes, 11 duplicate, 21 differing, 31 late, "
	    "41 stray, 51 held\n"
	    "flows        offered 130  written 130\n"
	    "a-long-name  offered 130  written 130\n");
}

/* Of a sink that sends them: every lane's, in JSON and for people. */
static void
payloads_are_told_of_sinks_that_send_them(void **state)
{
	struct scene *sc = *state;
	struct err err = { "" };
	const json_t *sinks, *o;
	char text[1024];
	json_t *root;

	for (size_t w = 0; w < NWORKERS; w++) {
		struct sink_lane *lane =
		    (struct sink_lane *)(uintptr_t)fanout_lane(sc->fan[w], 1);

		count_add(&lane->count.sent, 1 + 10 * w);
		count_add(&lane->count.sent_bytes, 100 + 1000 * w);
		count_add(&lane->count.failed_tries, 2);
	}
	take(sc);
	assert_int_equal(sheet_write(&sc->sh, sc->path, &err), 0);
	root = json_load_file(sc->path, 0, NULL);
	assert_non_null(root);
	sinks = json_object_get(root, "sinks");
	assert_null(json_object_get(json_array_get(sinks, 0), "payloads"));
	o = json_object_get(json_array_get(sinks, 1), "payloads");
	assert_int_equal(number(o, "sent"), 12);
	assert_int_equal(number(o, "bytes"), 1200);
	assert_int_equal(number(o, "failed_tries"), 4);
	json_decref(root);
	printed(sc, text, sizeof(text));
	assert_non_null(
	    strstr(text, "a-long-name  offered 0  written 0  payloads sent 12"
			 "  tries failed 4\n"));
	assert_non_null(strstr(text, "flows        offered 0  written 0\n"));
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(an_empty_run_has_lost_nothing),
		SCENE(all_workers_are_added_up),
		SCENE(what_is_neither_written_nor_dropped_is_queued),
		SCENE(a_snapshot_in_flight_is_never_absurd),
		SCENE(each_kind_of_loss_is_one),
		SCENE(what_the_kernel_dropped_is_lost),
		SCENE(json_of_a_capture_adds_up),
		SCENE(lines_for_people_about_packets),
		SCENE(undelivered_bytes_are_those_of_closed_sessions),
		SCENE(json_has_the_names_that_scripts_rely_on),
		SCENE(a_file_that_cannot_be_written_is_named),
		SCENE(lines_for_people_leave_out_what_is_zero),
		SCENE(lines_for_people_show_every_loss),
		SCENE(payloads_are_told_of_sinks_that_send_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
