#include "outputs_scene.h"

/* --- answers ----------------------------------------------------------- */

static void
what_is_wrong_is_said(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(scene_add(sc, "nul"), -EINVAL);
	assert_non_null(strstr(sc->text, "null"));
	assert_int_equal(scene_add(sc, "null,name=all"), -EEXIST);
	assert_int_equal(scene_add(sc, "jsonl:%s/no/../../x/\\"), -EINVAL);
	assert_int_equal(scene_add(sc, "tee:127.0.0.1:1,tries=x"), -EINVAL);
	assert_int_equal(scene_remove(sc, "nobody"), -ENOENT);
	assert_non_null(strstr(sc->text, "nobody"));
	assert_int_equal(
	    outputs_rotate(sc->outputs, "all", scene_on_done, sc), 0);
	assert_int_equal(scene_answer(sc), -ENOTSUP);
	assert_int_equal(
	    outputs_rotate(sc->outputs, "nobody", scene_on_done, sc), 0);
	assert_int_equal(scene_answer(sc), -ENOENT);
	assert_int_equal(sc->sinks.n, 1);
}

/* The kind makes it, then its lanes cannot be: all of it is undone. */
static void
a_lane_that_cannot_be_made(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(
	    scene_add(sc, "tee:no-such-name.invalid:9"), -EADDRNOTAVAIL);
	assert_non_null(strstr(sc->text, "tee: "));
	assert_int_equal(sc->sinks.n, 1);
	assert_int_equal(scene_add(sc, "tee:127.0.0.1:9"), 0);
	assert_string_equal(sc->text, "tee");
}

static void
names_are_given_and_free_again(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(scene_add(sc, "null"), 0);
	assert_string_equal(sc->text, "null");
	assert_int_equal(scene_add(sc, "null"), 0);
	assert_string_equal(sc->text, "null-2");
	assert_string_equal(sc->sinks.made[2].text, "null");
	assert_int_equal(scene_remove(sc, "null"), 0);
	assert_string_equal(sc->text, "null");
	assert_int_equal(scene_add(sc, "null"), 0);
	assert_string_equal(sc->text, "null");
	/* Also one of the plan's. */
	assert_int_equal(scene_remove(sc, "all"), 0);
	assert_int_equal(scene_add(sc, "null,name=all,port=1"), 0);
	assert_int_equal(scene_remove(sc, "all"), 0);
	assert_int_equal(sc->sinks.n, 2);
}

static void
standard_output_is_for_one(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(scene_add(sc, "count:-"), 0);
	assert_int_equal(scene_add(sc, "jsonl:-"), -EBUSY);
	assert_int_equal(scene_remove(sc, "count"), 0);
	assert_int_equal(scene_add(sc, "jsonl:-"), 0);
}

/* Requests are carried out in their order, so many at most. */
static void
changes_wait_for_each_other(void **state)
{
	struct scene *sc = *state;
	unsigned n = 0;
	int rc;

	while ((rc = n % 2 == 0 ? outputs_add_text(sc->outputs, "null,name=x",
				      scene_on_done, sc)
				: outputs_remove(sc->outputs, "x",
				      scene_on_done, sc)) == 0)
		n++;
	assert_int_equal(rc, -EAGAIN);
	assert_int_equal(n, OUTPUTS_WAITING);
	for (; n > 0; n--)
		assert_int_equal(scene_answer(sc), 0);
	assert_int_equal(sc->sinks.n, 1);
}

static void
a_file_is_begun_anew(void **state)
{
	struct scene *sc = *state;
	char name[128], moved[128];
	struct stat st;

	assert_int_equal(scene_add(sc, "jsonl:%s/a"), 0);
	(void)snprintf(name, sizeof(name), "%s/a", sc->folder);
	(void)snprintf(moved, sizeof(moved), "%s/b", sc->folder);
	assert_int_equal(rename(name, moved), 0);
	assert_int_equal(
	    outputs_rotate(sc->outputs, "jsonl", scene_on_done, sc), 0);
	assert_int_equal(scene_answer(sc), 0);
	scene_begin_talking(sc);
	SCENE_UNTIL(sc, stat(name, &st) == 0 && st.st_size > 0);
}

/* --- what they hear ---------------------------------------------------- */

static size_t
count_in(const char *path, const char *what)
{
	static char line[1024 * 1024];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, what) != NULL;
	(void)fclose(f);
	return n;
}

/* A record that was begun and ended in the middle is whole in itself. */
static void
a_record_ends_when_its_output_goes(void **state)
{
	struct scene *sc = *state;
	char path[128];
	size_t opened, stopped;

	scene_begin_talking(sc);
	(void)snprintf(path, sizeof(path), "%s/a", sc->folder);
	assert_int_equal(scene_add(sc, "jsonl:%s/a"), 0);
	scene_hear(sc, 20);
	assert_int_equal(scene_remove(sc, "jsonl"), 0);
	opened = count_in(path, "\"event\":\"open\"");
	assert_true(opened > 5);
	assert_int_equal(count_in(path, "\"event\":\"close\""), opened);
	assert_int_equal(count_in(path, "\"event\":\"end\""), 2 * opened);
	stopped = count_in(path, "\"reason\":\"stop\"");
	assert_true(stopped < opened);
	scene_hear(sc, 20);
	/* Nobody writes there any more. */
	assert_int_equal(count_in(path, "\"event\":\"open\""), opened);
}

static void
an_output_hears_the_inputs_it_names(void **state)
{
	struct scene *sc = *state;
	struct sink_spec spec;
	struct sheet sh;

	scene_parse("null,name=right", &spec);
	assert_int_equal(sink_spec_hear(&spec, "right"), 0);
	assert_int_equal(outputs_add(sc->outputs, &spec, scene_on_done, sc), 0);
	assert_int_equal(scene_answer(sc), 0);
	scene_parse("null,name=wrong", &spec);
	assert_int_equal(sink_spec_hear(&spec, "wrong"), 0);
	assert_int_equal(outputs_add(sc->outputs, &spec, scene_on_done, sc), 0);
	assert_int_equal(scene_answer(sc), -EINVAL);
	scene_talk(&sc->listening[0], 1000);
	scene_talk(&sc->listening[1], 10);
	scene_end(sc);
	scene_sheet(sc, &sh);
	assert_int_equal(scene_line(&sh, "right")->offered, 20);
	assert_int_equal(scene_line(&sh, "all")->offered, 2020);
	sheet_done(&sh);
}

static void
figures_of_the_gone_are_kept(void **state)
{
	struct scene *sc = *state;
	struct sheet sh;
	char text[64];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(scene_add(sc, "null,name=x"), 0);
		scene_talk(&sc->listening[0], 100);
		assert_int_equal(scene_remove(sc, "x"), 0);
	}
	scene_sheet(sc, &sh);
	assert_int_equal(scene_line(&sh, "x")->written, 400);
	sheet_done(&sh);
	assert_int_equal(scene_add(sc, "null,name=x"), 0);
	scene_talk(&sc->listening[0], 100);
	/* Many others: those that went first share a line. */
	for (int i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof(text), "null,name=n%d", i);
		assert_int_equal(scene_add(sc, text), 0);
		assert_int_equal(scene_remove(sc, text + 10), 0);
	}
	scene_sheet(sc, &sh);
	assert_int_equal(scene_line(&sh, "x")->written, 200);
	assert_int_equal(scene_line(&sh, "(removed)")->written, 400);
	assert_true(sh.nsinks < 70);
	sheet_done(&sh);
}

/* --- full queues ------------------------------------------------------- */

/*
 * It writes into a pipe that nobody reads, and traffic waits for it: until it
 * goes.  The thread in the kernel is let go by the reader then.
 */
static void
traffic_that_waits_for_it_goes_on(void **state)
{
	struct scene *sc = *state;
	char path[128], buf[4096];
	unsigned before;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/pipe", sc->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(
	    scene_add(sc, "raw:%s/pipe,queue=64KiB,on-full=pause"), 0);
	scene_begin_talking(sc);
	do {
		before = atomic_load(&sc->talks);
		for (int i = 0; i < 300; i++)
			loopback_turn(&sc->loop.loop);
	} while (atomic_load(&sc->talks) > before);
	assert_int_equal(
	    outputs_remove(sc->outputs, "raw", scene_on_done, sc), 0);
	scene_hear(sc, 20);
	assert_false(sc->answered); /* it is being drained */
	assert_int_equal(outputs_state(sc->outputs, 1), OUTPUTS_LEAVING);
	SCENE_UNTIL(sc, read(fd, buf, sizeof(buf)) >= 0 && sc->answered);
	assert_int_equal(scene_answer(sc), 0);
	close(fd);
}

/*
 * The reader does not come back: a thread is left in the kernel, with all that
 * it may touch.  That is not freed, so that this test has a scene of its own.
 */
static void
one_that_hangs_stays(void **state)
{
	static void *own;
	struct scene *sc;
	char path[128];
	struct sheet sh;
	int fd, in;

	(void)state;
	scene_drain_ns = CLOCK_NS_PER_S / 2;
	assert_int_equal(scene_set_up(&own), 0);
	scene_drain_ns = 20 * CLOCK_NS_PER_S;
	sc = own;
	(void)snprintf(path, sizeof(path), "%s/pipe", sc->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	/* Not a byte more fits. */
	in = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(in >= 0);
	while (write(in, path, 1) == 1)
		;
	close(in);
	assert_int_equal(
	    scene_add(sc, "raw:%s/pipe,queue=64KiB,on-full=drop"), 0);
	scene_talk(&sc->listening[0], TALK);
	assert_int_equal(scene_remove(sc, "raw"), -EBUSY);
	assert_int_equal(scene_remove(sc, "raw"), -EBUSY);
	assert_int_equal(outputs_state(sc->outputs, 1), OUTPUTS_STUCK);
	/* The others can still be changed, and it is still in the sheet. */
	assert_int_equal(scene_add(sc, "null"), 0);
	assert_int_equal(scene_remove(sc, "null"), 0);
	scene_sheet(sc, &sh);
	assert_true(scene_dropped(scene_line(&sh, "raw")) > 0);
	sheet_done(&sh);
	scene_end(sc);
	assert_int_equal(
	    outputs_drain(sc->outputs, clock_mono_ns(), true), -ETIMEDOUT);
	scene_stop_server(sc);
	scene_remove_folder(sc->folder);
	close(fd);
}

/* --- the end of the run, in the middle of a change --------------------- */

static void
on_maybe(void *self, int error, const char *text)
{
	unsigned *answers = self;

	(void)text;
	assert_int_equal(error, 0);
	(*answers)++;
}

/*
 * After so many turns of the main loop nothing moves any more.  What was half
 * done is either a sink of the run or none, and the sums hold (tear down).
 */
static void
end_in_the_middle(int turns, bool remove)
{
	unsigned answers = 0, asked = 3;
	void *state;
	struct scene *sc;

	scene_drain_ns = CLOCK_NS_PER_S / 10;
	assert_int_equal(scene_set_up(&state), 0);
	scene_drain_ns = 20 * CLOCK_NS_PER_S;
	sc = state;
	assert_int_equal(scene_add(sc, "jsonl:%s/a"), 0);
	assert_int_equal(scene_add(sc, "tee:127.0.0.1:1,tries=1000"), 0);
	scene_begin_talking(sc);
	scene_hear(sc, 10);
	scene_be_quiet(sc);
	for (unsigned i = 0; i < asked; i++)
		assert_int_equal(
		    remove ? outputs_remove(sc->outputs,
				 i == 0 ? "jsonl" : (i == 1 ? "tee" : "all"),
				 on_maybe, &answers)
			   : outputs_add_text(
				 sc->outputs, "null", on_maybe, &answers),
		    0);
	for (int i = 0; i < turns; i++)
		(void)uv_run(&sc->loop.loop, UV_RUN_NOWAIT);
	scene_end(sc);
	assert_true(answers <= asked);
	asked = answers;
	assert_int_equal(
	    outputs_add_text(sc->outputs, "null", on_maybe, &answers),
	    -ESHUTDOWN);
	assert_int_equal(scene_tear_down(&state), 0);
	assert_int_equal(answers, asked);
}

static void
the_run_ends_while_they_come(void **state)
{
	(void)state;
	for (int turns = 0; turns < 8; turns++)
		end_in_the_middle(turns, false);
}

static void
the_run_ends_while_they_go(void **state)
{
	(void)state;
	for (int turns = 0; turns < 8; turns++)
		end_in_the_middle(turns * turns, true);
}

/* --- all of it --------------------------------------------------------- */

#define CYCLES 400

static uint32_t
dice(uint32_t sides)
{
	static uint32_t x = 88172645;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % sides;
}

/* Output @i, which sends to the server of the scene, or waits for consumers. */
static void
add_any_socket(struct scene *sc, unsigned i)
{
	static const struct {
		const char *kind, *keys;
	} row[] = {
		{ "tee", "" },
		{ "tee", ",on-full=pause,queue=4KiB" },
		{ "connect", "" },
		{ "payload", "" },
		{ "pcapng-listen", "" },
	};
	unsigned what = dice(ATTR_COUNT(row));
	unsigned port = sc->server_addr.port;
	char text[128], ports[32];

	if (what == 2)
		(void)snprintf(ports, sizeof(ports), "%u/%u", port, port);
	else
		(void)snprintf(
		    ports, sizeof(ports), "%u", what == 4 ? 0 : port);
	(void)snprintf(text, sizeof(text), "%s:127.0.0.1:%s,name=o%u%s",
	    row[what].kind, ports, i, row[what].keys);
	assert_int_equal(scene_add(sc, text), 0);
}

/* Output @i, which writes as the @n-th where no other has. */
static void
add_any(struct scene *sc, unsigned i, unsigned n)
{
	static const struct {
		const char *kind, *ending, *keys;
	} row[] = {
		{ "jsonl", ".jsonl", "" },
		{ "jsonl", "-{id}.jsonl", "" },
		{ "flows", "", "" },
		{ "flows", "", ",on-full=drop,queue=16KiB" },
		{ "pcapng", ".pcapng", "" },
		{ "text", ".txt", ",on-full=drop,queue=4KiB" },
		{ "hex", "-{id}.hex", "" },
		{ "raw", ".raw", ",on-full=close,queue=16KiB" },
		{ "netrecord", ".log", "" },
		{ "count", ".count", "" },
	};
	unsigned what = dice(ATTR_COUNT(row));
	char text[128];

	if (dice(3) == 0) {
		add_any_socket(sc, i);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s:%%s/%u%s,name=o%u%s",
	    row[what].kind, n, row[what].ending, i, row[what].keys);
	assert_int_equal(scene_add(sc, text), 0);
}

/* Whatever opened there, closed there; and every line is whole. */
static void
check_records(const struct scene *sc, unsigned n)
{
	char path[128];

	for (unsigned i = 0; i < n; i++) {
		size_t lines;

		(void)snprintf(
		    path, sizeof(path), "%s/%u.jsonl", sc->folder, i);
		lines = count_in(path, "{\"v\":1,");
		assert_int_equal(count_in(path, "}\n"), lines);
		assert_int_equal(count_in(path, "\"event\":\"open\""),
		    count_in(path, "\"event\":\"close\""));
	}
}

/*
 * Outputs of all kinds come and go under traffic; the clients look at each
 * byte, the tear down at the sums.
 */
static void
many_come_and_go_under_traffic(void **state)
{
	struct scene *sc = *state;
	bool there[4] = { false };
	char name[8];

	scene_begin_talking(sc);
	for (unsigned n = 0; n < CYCLES; n++) {
		unsigned i = dice(ATTR_COUNT(there));

		(void)snprintf(name, sizeof(name), "o%u", i);
		if (there[i])
			assert_int_equal(scene_remove(sc, name), 0);
		else
			add_any(sc, i, n);
		there[i] = !there[i];
		scene_hear(sc, dice(4));
	}
	scene_be_quiet(sc);
	for (unsigned i = 0; i < ATTR_COUNT(there); i++) {
		(void)snprintf(name, sizeof(name), "o%u", i);
		if (there[i])
			assert_int_equal(scene_remove(sc, name), 0);
	}
	check_records(sc, CYCLES);
	assert_int_equal(sc->sinks.n, 1);
}

/* Nothing is left of them: neither memory, nor threads, nor descriptors. */
static void
a_thousand_leave_nothing_behind(void **state)
{
	struct scene *sc = *state;
	unsigned fds = loopback_fds();

	scene_begin_talking(sc);
	for (unsigned n = 0; n < 1000; n++) {
		assert_int_equal(
		    scene_add(sc, "jsonl:%s/{id}.jsonl,name=x"), 0);
		assert_int_equal(scene_remove(sc, "x"), 0);
	}
	scene_be_quiet(sc);
	assert_true(loopback_fds() <= fds);
}

#define SCENE(f)                                                               \
	cmocka_unit_test_setup_teardown(f, scene_set_up, scene_tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(what_is_wrong_is_said),
		SCENE(a_lane_that_cannot_be_made),
		SCENE(names_are_given_and_free_again),
		SCENE(standard_output_is_for_one),
		SCENE(changes_wait_for_each_other),
		SCENE(a_file_is_begun_anew),
		SCENE(a_record_ends_when_its_output_goes),
		SCENE(an_output_hears_the_inputs_it_names),
		SCENE(figures_of_the_gone_are_kept),
		SCENE(traffic_that_waits_for_it_goes_on),
		SCENE(many_come_and_go_under_traffic),
		SCENE(a_thousand_leave_nothing_behind),
		cmocka_unit_test(the_run_ends_while_they_come),
		cmocka_unit_test(the_run_ends_while_they_go),
		cmocka_unit_test(one_that_hangs_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
