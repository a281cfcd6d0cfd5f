#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_rig.h"

#include "sink/stream.h"

static struct rig rig;

static int
set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_done(&rig);
	return 0;
}

static void
one_file_for_all_sessions(void **state)
{
	struct session *a, *b;

	(void)state;
	rig_make(&rig, stream_make, "raw", "all.raw");
	a = rig_open(&rig, 1);
	b = rig_open(&rig, 2);
	rig_say(a, DIR_CLIENT, "one ");
	rig_say(b, DIR_SERVER, "two ");
	rig_say(a, DIR_SERVER, "three");
	rig_close(a, HOW_FIN);
	rig_close(b, HOW_FIN);
	rig_finish(&rig);
	rig_assert_file(&rig, "all.raw", "one two three");
	assert_int_equal(count_get(&rig.count.offered), 13);
	assert_int_equal(count_get(&rig.count.written), 13);
}

static void
file_is_there_at_once_and_private(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/new", rig.dir);
	rig_make(&rig, stream_make, "raw", "new");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	rig_finish(&rig);

	(void)snprintf(path, sizeof(path), "%s/open", rig.dir);
	rig.spec.mode = 0604;
	rig_make(&rig, stream_make, "raw", "open");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0604);
	rig_finish(&rig);
}

static void
existing_file_needs_overwrite(void **state)
{
	struct err err;

	(void)state;
	rig_put(&rig, "there", "old text");
	assert_int_equal(
	    rig_try(&rig, stream_make, "raw", "there", &err), -EEXIST);
	assert_non_null(strstr(err.text, "there"));
	assert_non_null(strstr(err.text, "--overwrite"));
	rig_assert_file(&rig, "there", "old text");

	rig.env.overwrite = true;
	rig_make(&rig, stream_make, "raw", "there");
	rig_finish(&rig);
	rig_assert_file(&rig, "there", "");

	rig_put(&rig, "there", "old text");
	rig.env.overwrite = false;
	rig.spec.overwrite = true;
	rig_make(&rig, stream_make, "raw", "there");
	rig_finish(&rig);
	rig_assert_file(&rig, "there", "");
}

/* A service that is started again; what was there is never cut. */
static void
existing_file_can_go_on(void **state)
{
	struct session *s;
	struct err err;

	(void)state;
	assert_int_equal(sink_spec_set(&rig.spec, "append", "yes"), 0);
	rig.env.overwrite = true;
	for (int run = 0; run < 2; run++) {
		rig_make(&rig, stream_make, "raw", "there");
		s = rig_open(&rig, 1);
		rig_say(s, DIR_CLIENT, run == 0 ? "one " : "two");
		rig_close(s, HOW_FIN);
		rig_finish(&rig);
	}
	rig_assert_file(&rig, "there", "one two");
	assert_int_equal(
	    rig_try(&rig, stream_make, "raw", "{id}.raw", &err), -EINVAL);
	assert_non_null(strstr(err.text, "append=yes is for one file of all "
					 "sessions, not for "));
	assert_int_equal(rig_try(&rig, stream_make, "raw", "-", &err), -EINVAL);
	assert_non_null(strstr(err.text, "not for -"));

	rig.env.overwrite = false;
	assert_int_equal(sink_spec_set(&rig.spec, "append", "no"), 0);
	assert_int_equal(
	    rig_try(&rig, stream_make, "raw", "there", &err), -EEXIST);
	assert_int_equal(sink_spec_set(&rig.spec, "append", "maybe"), 0);
	assert_int_equal(
	    rig_try(&rig, stream_make, "raw", "there", &err), -EINVAL);
	assert_non_null(strstr(err.text, "append=maybe: yes or no"));
	rig_assert_file(&rig, "there", "one two");
}

static void
wrong_arguments_are_named(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(
	    rig_try(&rig, stream_make, "hex", "{idd}.txt", &err), -EINVAL);
	assert_non_null(strstr(err.text, "{idd}"));
	assert_int_equal(rig_try(&rig, stream_make, "hex", "", &err), -EINVAL);
	assert_non_null(strstr(err.text, "hex"));
	rig_put(&rig, "file", "");
	assert_int_equal(
	    rig_try(&rig, stream_make, "hex", "file/below", &err), -ENOTDIR);
	assert_non_null(strstr(err.text, "file/below"));
}

static void
file_for_each_session(void **state)
{
	struct session *a, *b;

	(void)state;
	/* Made by an earlier run: it must survive, whatever was asked for. */
	rig_put(&rig, "000002.raw", "old");
	rig.env.overwrite = true;
	rig_make(&rig, stream_make, "raw", "{id}.raw");
	a = rig_open(&rig, 1);
	b = rig_open(&rig, 2);
	rig_say(a, DIR_CLIENT, "one ");
	rig_say(b, DIR_CLIENT, "two");
	rig_say(a, DIR_SERVER, "three");
	rig_close(a, HOW_FIN);
	rig_close(b, HOW_FIN);
	rig_finish(&rig);
	rig_assert_file(&rig, "000001.raw", "one three");
	rig_assert_file(&rig, "000002.raw", "old");
	rig_assert_file(&rig, "000002-2.raw", "two");
}

static void
file_for_each_direction(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, stream_make, "jsonl", "{client_port}/{dir}.jsonl");
	s = rig_open(&rig, 1);
	rig_say(s, DIR_CLIENT, "one");
	rig_say(s, DIR_SERVER, "three");
	rig_lose(s, DIR_SERVER, 4);
	rig_close(s, HOW_RST);
	rig_finish(&rig);
	/* Both know of the session; each of its own direction only. */
	rig_assert_holds(&rig, "40001/c2s.jsonl", "\"open\"");
	rig_assert_holds(&rig, "40001/c2s.jsonl", "\"b25l\"");
	rig_assert_holds(&rig, "40001/c2s.jsonl", "\"close\"");
	rig_assert_holds(&rig, "40001/s2c.jsonl", "\"open\"");
	rig_assert_holds(&rig, "40001/s2c.jsonl", "\"dGhyZWU=\"");
	rig_assert_holds(&rig, "40001/s2c.jsonl", "\"gap\"");
	rig_assert_holds(&rig, "40001/s2c.jsonl", "\"close\"");
	for (unsigned i = 0; i < 2; i++) {
		size_t len;
		char *text = rig_read(
		    &rig, i == 0 ? "40001/c2s.jsonl" : "40001/s2c.jsonl", &len);

		assert_non_null(text);
		assert_null(strstr(
		    text, i == 0 ? "\"dir\":\"s2c\"" : "\"dir\":\"c2s\""));
		free(text);
	}
}

static void
directions_have_lines_of_their_own(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, stream_make, "text", "{dir}.txt");
	s = rig_open(&rig, 1);
	/* In one file the answer would break the line of the question. */
	rig_say(s, DIR_CLIENT, "how are ");
	rig_say(s, DIR_SERVER, "fine\n");
	rig_say(s, DIR_CLIENT, "you\n");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_holds(&rig, "c2s.txt", "how are you\\n\n");
	rig_assert_holds(&rig, "s2c.txt", "fine\\n\n");
}

static uint64_t
turn(uint64_t mono_ns)
{
	return fanout_turn(rig.fan, mono_ns);
}

/* Wait until the writer has put @part into the file. */
static void
await_in_file(const char *name, const char *part)
{
	uint64_t end_ns = clock_mono_ns() + 20 * CLOCK_NS_PER_S;

	for (bool found = false; !found;) {
		size_t len;
		char *text = rig_read(&rig, name, &len);

		found = text != NULL && strstr(text, part) != NULL;
		free(text);
		if (clock_mono_ns() > end_ns)
			fail_msg("%s never held \"%s\"", name, part);
	}
}

static void
beginning_of_a_line_is_shown_after_silence(void **state)
{
	const uint64_t t = 1000 * CLOCK_NS_PER_S, ms = CLOCK_NS_PER_MS;
	struct session *a, *b, *c;

	(void)state;
	rig_make(&rig, stream_make, "text", "f");
	a = rig_open(&rig, 1);
	b = rig_open(&rig, 2);
	c = rig_open(&rig, 3);
	rig_say(a, DIR_CLIENT, "first");
	assert_int_equal(turn(t), t + 200 * ms);
	rig_say(b, DIR_CLIENT, "second");
	rig_say(c, DIR_CLIENT, "third");
	assert_int_equal(turn(t + 60 * ms), t + 200 * ms);
	/* It speaks again: its silence begins anew. */
	rig_say(a, DIR_CLIENT, " more");
	assert_int_equal(turn(t + 120 * ms), t + 260 * ms);
	/* The next one is over before its time comes. */
	rig_close(c, HOW_FIN);
	(void)turn(t + 130 * ms);
	assert_int_equal(turn(t + 260 * ms), t + 320 * ms);
	await_in_file("f", "second");
	/* What was shown waits no more; a turn too early shows nothing. */
	assert_int_equal(turn(t + 319 * ms), t + 310 * ms + 10 * ms);
	assert_int_equal(turn(t + 320 * ms), CLOCK_NEVER);
	await_in_file("f", "first more");
	rig_close(a, HOW_FIN);
	rig_close(b, HOW_FIN);
	rig_finish(&rig);
}

static void
formats_without_bytes_count_once(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, stream_make, "count", "f");
	s = rig_open(&rig, 1);
	assert_int_equal(fanout_need(s), NEED_NOTHING);
	rig_say(s, DIR_CLIENT, "12345");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_holds(&rig, "f", "5 bytes");
	assert_int_equal(count_get(&rig.count.offered), 5);
	assert_int_equal(count_get(&rig.count.written), 5);
}

static void
formats_without_data_work(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, stream_make, "summary", "f");
	s = rig_open(&rig, 1);
	rig_say(s, DIR_CLIENT, "12345");
	rig_lose(s, DIR_CLIENT, 5);
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_holds(&rig, "f", "127.0.0.1:40001");
	assert_int_equal(count_get(&rig.count.written), 5);
}

static void
aborted_session_lets_go_silently(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, stream_make, "text", "{id}.txt");
	s = rig_open(&rig, 1);
	rig_say(s, DIR_CLIENT, "whole\npart");
	rig_abort(&rig, s);
	rig_close(s, HOW_RST);
	rig_finish(&rig);
	rig_assert_holds(&rig, "000001.txt", "whole");
	{
		size_t len;
		char *text = rig_read(&rig, "000001.txt", &len);

		assert_true(text != NULL && strstr(text, "closed") == NULL);
		free(text);
	}
}

/* -- consoles ----------------------------------------------------------- */

static void
standard_output_drops_unless_told(void **state)
{
	static const struct {
		const char *source, *arg;
		bool told;
		enum on_full want;
	} row[] = {
		{ "proxy", "-", false, ON_FULL_DROP },
		{ "tap", "-", false, ON_FULL_DROP },
		{ "read", "-", false, ON_FULL_PAUSE },
		{ "proxy", "&2", false, ON_FULL_DROP },
		{ "proxy", "-", true, ON_FULL_PAUSE },
		{ "proxy", "file", false, ON_FULL_PAUSE },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		rig.env.source = row[i].source;
		rig.spec.has_on_full = row[i].told;
		rig.spec.on_full = ON_FULL_PAUSE;
		rig_make(&rig, stream_make, "text", row[i].arg);
		assert_int_equal(rig.sink.on_full, row[i].want);
		rig_finish(&rig);
	}
}

/* Runs @talk with standard output in the file "out". */
static void
with_output(void (*talk)(void))
{
	char path[128];
	int saved = dup(STDOUT_FILENO), fd;

	(void)snprintf(path, sizeof(path), "%s/out", rig.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(fflush(stdout), 0);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	talk();
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	(void)close(saved);
	(void)close(fd);
}

static void
two_sessions(void)
{
	struct session *a, *b;

	rig_make(&rig, stream_make, "raw", "-");
	a = rig_open(&rig, 1);
	b = rig_open(&rig, 2);
	rig_say(a, DIR_CLIENT, "one;");
	rig_say(b, DIR_CLIENT, "two;");
	rig_close(a, HOW_FIN);
	rig_close(b, HOW_FIN);
	rig_finish(&rig);
}

static void
only_one_session_is_shown(void **state)
{
	(void)state;
	with_output(two_sessions);
	rig_assert_file(&rig, "out", "one;two;");
	rig.env.only = 2;
	with_output(two_sessions);
	rig_assert_file(&rig, "out", "one;two;two;");
	/* What is not wanted is not lost. */
	assert_int_equal(count_get(&rig.count.offered), 4);
	assert_int_equal(count_get(&rig.count.drop_bytes[DROP_GONE]), 0);
}

static void
files_record_all_whatever_is_shown(void **state)
{
	struct session *s;

	(void)state;
	rig.env.only = 2;
	rig_make(&rig, stream_make, "raw", "f");
	s = rig_open(&rig, 1);
	rig_say(s, DIR_CLIENT, "one");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_file(&rig, "f", "one");
}

#define RIG(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(one_file_for_all_sessions),
		RIG(file_is_there_at_once_and_private),
		RIG(existing_file_needs_overwrite),
		RIG(existing_file_can_go_on),
		RIG(wrong_arguments_are_named),
		RIG(file_for_each_session),
		RIG(file_for_each_direction),
		RIG(directions_have_lines_of_their_own),
		RIG(beginning_of_a_line_is_shown_after_silence),
		RIG(formats_without_bytes_count_once),
		RIG(formats_without_data_work),
		RIG(aborted_session_lets_go_silently),
		RIG(standard_output_drops_unless_told),
		RIG(only_one_session_is_shown),
		RIG(files_record_all_whatever_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
