#include "run_scene.h"

/* --- tests ------------------------------------------------------------- */

/* The end of one input is not the end of the others. */
static void
inputs_end_one_by_one(void **state)
{
	json_t *all, *web, *stats;

	(void)state;
	add_read("old");
	(void)add_proxy("web", 1);
	add_sink("jsonl", "all", NULL);
	add_sink("jsonl", "web", "web");
	begin(1);
	UNTIL(was_said("input old is over"));
	talk(0);
	assert_int_equal(ended(), RUN_OK);
	all = load_lines("all");
	expect_dense(all, 2);
	assert_int_equal(count_events(all, "open", "old"), 1);
	assert_int_equal(count_events(all, "open", "web"), 1);
	assert_int_equal(count_events(all, "close", NULL), 2);
	web = load_lines("web");
	assert_int_equal(count_events(web, "open", NULL), 1);
	assert_int_equal(count_events(web, "open", "web"), 1);
	stats = load_stats();
	assert_int_equal(
	    number_of(json_object_get(stats, "sessions"), "total"), 2);
	assert_int_equal(number_of(named(stats, "sinks", "jsonl"), "offered"),
	    strlen("hi") + strlen("pingpong!"));
	assert_int_equal(number_of(named(stats, "sinks", "jsonl-2"), "offered"),
	    strlen("pingpong!"));
	assert_string_equal(
	    text_of(named(stats, "inputs", "old"), "source"), "read");
	json_decref(stats);
	json_decref(web);
	json_decref(all);
}

/* Numbers are unique however many proxies and workers give them. */
static void
proxies_side_by_side(void **state)
{
	json_t *all, *stats;

	(void)state;
	(void)add_proxy(NULL, 10);
	(void)add_proxy(NULL, 12);
	add_sink("jsonl", "all", NULL);
	begin(2);
	for (size_t i = 0; i < 22; i++)
		talk(i < 20 ? i % 2 : 1);
	assert_int_equal(ended(), RUN_OK);
	all = load_lines("all");
	expect_dense(all, 22);
	/* Nobody has named them, but there are two. */
	assert_int_equal(count_events(all, "open", "proxy"), 10);
	assert_int_equal(count_events(all, "open", "proxy-2"), 12);
	stats = load_stats();
	assert_int_equal(
	    number_of(
		json_object_get(named(stats, "inputs", "proxy-2"), "sessions"),
		"total"),
	    12);
	json_decref(stats);
	json_decref(all);
}

/* One signal ends them all, and each session says why. */
static void
a_signal_stops_all(void **state)
{
	const json_t *o;
	json_t *all;
	int c[2], s[2];
	size_t i;

	(void)state;
	(void)add_proxy("a", 0);
	(void)add_proxy("b", 0);
	add_tap("net");
	add_sink("jsonl", "all", NULL);
	begin(2);
	for (size_t k = 0; k < 2; k++) {
		c[k] = loopback_connect(&sc.front.addrs[k]);
		s[k] = loopback_accept(sc.server);
		say(c[k], s[k], "ping");
	}
	assert_int_equal(kill(sc.pid, SIGTERM), 0);
	assert_int_equal(ended(), RUN_OK);
	all = load_lines("all");
	expect_dense(all, 4);
	assert_int_equal(count_events(all, "open", "net"), 2);
	assert_int_equal(count_events(all, "close", NULL), 4);
	json_array_foreach(all, i, o)
	{
		/* The tap may still see how the proxies cut theirs. */
		if (strcmp(text_of(o, "event"), "close") == 0 &&
		    strcmp(input_of(all, number_of(o, "session")), "net") != 0)
			assert_string_equal(text_of(o, "reason"), "stop");
	}
	json_decref(all);
	for (size_t k = 0; k < 2; k++) {
		close(c[k]);
		close(s[k]);
	}
}

static void
a_signal_shows_the_sheet(void **state)
{
	(void)state;
	(void)add_proxy("first", 0);
	(void)add_proxy("second", 0);
	add_sink("jsonl", "all", "second");
	begin(2);
	talk(1);
	assert_int_equal(kill(sc.pid, SIGUSR1), 0);
	UNTIL(was_said("first     sessions 0  c2s 0  s2c 0\n"
		       "second    sessions 1  c2s 4  s2c 5\n"));
	assert_int_equal(kill(sc.pid, SIGTERM), 0);
	assert_int_equal(ended(), RUN_OK);
}

/* Packets as captured, and packets made for the proxy, in one file. */
static void
a_proxy_and_a_tap_in_one_capture(void **state)
{
	const json_t *o, *bytes;
	json_t *all;
	size_t i;

	(void)state;
	(void)add_proxy("web", 0);
	add_tap("net");
	add_sink("pcapng", "cap", NULL);
	add_sink("jsonl", "all", NULL);
	begin(1);
	for (int n = 0; n < 3; n++)
		talk(0);
	assert_int_equal(kill(sc.pid, SIGTERM), 0);
	assert_int_equal(ended(), RUN_OK);
	all = load_lines("all");
	assert_int_equal(count_events(all, "open", "web"), 3);
	assert_int_equal(count_events(all, "open", "net"), 3);
	json_decref(all);
	read_back();
	all = load_lines("again");
	assert_int_equal(count_events(all, "open", NULL), 6);
	assert_int_equal(count_events(all, "gap", NULL), 0);
	assert_int_equal(count_events(all, "conflict", NULL), 0);
	json_array_foreach(all, i, o)
	{
		/* One input without a name: there is nothing to tell. */
		assert_null(json_object_get(o, "input"));
		if (strcmp(text_of(o, "event"), "close") != 0)
			continue;
		bytes = json_object_get(o, "bytes");
		assert_int_equal(number_of(bytes, "c2s"), strlen("ping"));
		assert_int_equal(number_of(bytes, "s2c"), strlen("pong!"));
	}
	json_decref(all);
}

/* What comes from a file is not for a sink that hears the wire alone. */
static void
a_capture_of_one_input(void **state)
{
	json_t *all;

	(void)state;
	add_read("old");
	(void)add_proxy("web", 1);
	add_sink("pcapng", "cap", "web");
	begin(1);
	talk(0);
	assert_int_equal(ended(), RUN_OK);
	read_back();
	all = load_lines("again");
	assert_int_equal(count_events(all, "open", NULL), 1);
	json_decref(all);
}

static void
an_unknown_input_is_told(void **state)
{
	(void)state;
	(void)add_proxy("web", 0);
	add_sink("jsonl", "all", "wbe");
	assert_int_equal(start(), 0);
	assert_int_equal(ended(), RUN_USAGE);
	assert_true(was_said("teeline: jsonl: input: \"wbe\" is no input "
			     "(did you mean web?)\n"));
}

/* The first, which could, does not go on without it. */
static void
an_input_that_cannot_open_is_named(void **state)
{
	struct plan_source *s;

	(void)state;
	(void)add_proxy("a", 0);
	s = add_proxy("b", 0);
	s->proxy.pairs[0].client.port = sc.server_addr.port;
	add_sink("jsonl", "all", NULL);
	assert_int_equal(start(), 0);
	assert_int_equal(ended(), RUN_FAIL);
	assert_true(was_said("teeline: input b: "));
	assert_true(access(path_of("all"), F_OK) != 0);
}

/* Damage in one input is told and counts, and the others go on. */
static void
a_failed_input_fails_the_run(void **state)
{
	json_t *all;

	(void)state;
	add_read("old");
	assert_int_equal(truncate(path_of("old"), 19), 0);
	(void)add_proxy("web", 1);
	add_sink("jsonl", "all", NULL);
	begin(1);
	UNTIL(was_said("input old is over"));
	talk(0);
	assert_int_equal(ended(), RUN_FAIL);
	all = load_lines("all");
	assert_int_equal(count_events(all, "close", NULL), 2);
	json_decref(all);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(inputs_end_one_by_one),
		SCENE(proxies_side_by_side),
		SCENE(a_signal_stops_all),
		SCENE(a_signal_shows_the_sheet),
		SCENE(a_proxy_and_a_tap_in_one_capture),
		SCENE(a_capture_of_one_input),
		SCENE(an_unknown_input_is_told),
		SCENE(an_input_that_cannot_open_is_named),
		SCENE(a_failed_input_fails_the_run),
	};
	int rc;

	if (uv_loop_init(&idle) != 0)
		return 1;
	clock_init();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)uv_loop_close(&idle); /* there is nothing on it */
	return rc;
}
