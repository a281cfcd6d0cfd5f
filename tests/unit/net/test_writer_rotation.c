#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <time.h>

#include "writer_rig.h"

#include "core/sink_spec.h"

/* A span that no test waits for. */
#define LONG_NS (3600 * CLOCK_NS_PER_S)

static struct writer_file *file;

static int
set_up(void **state)
{
	(void)state;
	rig_init(&rig, 1 << 20, 0);
	file = NULL;
	return 0;
}

/* Everything is written, and has its name. */
static void
finish(void)
{
	rig_finish(&rig);
	writer_file_free(file);
	file = NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_limit_files(RLIM_INFINITY);
	if (rig.w != NULL)
		finish();
	rig_done(&rig);
	return 0;
}

static void
begin(const char *name, struct sink_rotation want)
{
	char path[512];
	struct writer_file_opts o = {
		.path = path,
		.fd = -1,
		.mode = 0600,
		.head = "H;",
		.head_len = 2,
		.rotation = &want,
	};
	struct err err;

	(void)snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
	file = writer_file_new(&o);
	assert_non_null(file);
	if (writer_file_open(file, &err) != 0)
		fail_msg("%s", err.text);
	writer_rotate(rig.w, file);
}

static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f = fopen(rig_path(&rig, name, path), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* How many files the folder holds. */
static unsigned
nfiles(void)
{
	char path[256];
	unsigned n = 0;
	glob_t g;

	if (glob(rig_path(&rig, "*", path), 0, NULL, &g) != 0)
		return 0;
	n = (unsigned)g.gl_pathc;
	globfree(&g);
	return n;
}

/* --- by length --------------------------------------------------------- */

/* A file ends before the record that would make it too long. */
static void
files_end_before_they_are_too_long(void **state)
{
	(void)state;
	begin("x.log", (struct sink_rotation){ .bytes = 10 });
	rig_say(&rig, file, "aaaa");
	rig_say(&rig, file, "bbbb");
	rig_say(&rig, file, "c");
	rig_say(&rig, file, "ddddddd");
	rig_say(&rig, file, "ee");
	finish();
	rig_assert_file(&rig, "x-00001.log", "H;aaaabbbb");
	rig_assert_file(&rig, "x-00002.log", "H;cddddddd");
	rig_assert_file(&rig, "x-00003.log", "H;ee");
	assert_int_equal(nfiles(), 3);
	assert_int_equal(count_get(&rig.count.written), 18);
	assert_int_equal(rig.ntold, 0);
}

/* One that no file could take is not split, and shares none. */
static void
long_record_has_a_file_of_its_own(void **state)
{
	(void)state;
	begin("x.log", (struct sink_rotation){ .bytes = 10 });
	rig_say(&rig, file, "a");
	rig_say(&rig, file, "longer than ten");
	rig_say(&rig, file, "b");
	finish();
	rig_assert_file(&rig, "x-00001.log", "H;a");
	rig_assert_file(&rig, "x-00002.log", "H;longer than ten");
	rig_assert_file(&rig, "x-00003.log", "H;b");
}

/* More records than one call writes, in one batch and in several. */
static void
many_records_in_many_files(void **state)
{
	char name[32], *text;
	size_t len = 0, records = 0;

	(void)state;
	begin("x.log", (struct sink_rotation){ .bytes = 1000 });
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(name, sizeof(name), "%07u;", i);
		rig_say(&rig, file, name);
		if (i == 1000)
			writer_flush(rig.port);
	}
	finish();
	for (unsigned i = 1; records < 2000; i++) {
		(void)snprintf(name, sizeof(name), "x-%05u.log", i);
		text = rig_read(&rig, name, &len);
		if (text == NULL)
			fail_msg("%s does not exist", name);
		assert_true(len == 2 + 124 * 8 || records + 124 > 2000);
		for (size_t at = 2; at < len; at += 8)
			assert_int_equal(
			    strtol(text + at, NULL, 10), records++);
		free(text);
	}
	assert_int_equal(nfiles(), (2000 + 123) / 124);
	assert_int_equal(count_get(&rig.count.written), 16000);
}

/* --- names ------------------------------------------------------------- */

static void
names_that_are_taken_are_passed_over(void **state)
{
	(void)state;
	put("x.log", "user's");
	put("x.log.tmp", "of a crash");
	put("x-00001.log", "earlier");
	put("x-00003.log", "earlier");
	begin("x.log", (struct sink_rotation){ .bytes = 6 });
	rig_say(&rig, file, "aaaa");
	rig_say(&rig, file, "bbbb");
	rig_say(&rig, file, "cccc");
	finish();
	rig_assert_file(&rig, "x.log", "user's");
	rig_assert_file(&rig, "x.log.tmp", "of a crash");
	rig_assert_file(&rig, "x-00001.log", "earlier");
	rig_assert_file(&rig, "x-00002.log", "H;aaaa");
	rig_assert_file(&rig, "x-00003.log", "earlier");
	rig_assert_file(&rig, "x-00004.log", "H;bbbb");
	rig_assert_file(&rig, "x-00005.log", "H;cccc");
	assert_int_equal(nfiles(), 7);
}

/* What a crash would leave: all that was written, under the other name. */
static void
unfinished_file_is_readable(void **state)
{
	(void)state;
	begin("x.log", (struct sink_rotation){ .bytes = 100 });
	rig_assert_file(&rig, "x.log.tmp", "H;");
	rig_say(&rig, file, "aaaa");
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 4);
	rig_assert_file(&rig, "x.log.tmp", "H;aaaa");
	assert_int_equal(nfiles(), 1);
}

/* The name of this year, in a folder that is made for it. */
static void
times_in_names(void **state)
{
	time_t now = time(NULL);
	char year[8], want[64];
	struct tm tm;

	(void)state;
	assert_non_null(localtime_r(&now, &tm));
	assert_true(strftime(year, sizeof(year), "%Y", &tm) > 0);
	begin("in-%Y/x.log", (struct sink_rotation){ .span_ns = LONG_NS });
	for (unsigned i = 0; i < 2; i++) {
		rig_say(&rig, file, "aaaa");
		writer_flush(rig.port);
		rig_wait(&rig.count.written, (i + 1) * 4U);
		writer_reopen(rig.w);
		(void)snprintf(want, sizeof(want), "in-%s/x%s.log", year,
		    i == 0 ? "" : "-00001");
		rig_wait_for(&rig, want);
		rig_assert_file(&rig, want, "H;aaaa");
	}
	finish();
	(void)snprintf(want, sizeof(want), "in-%s/x-00002.log", year);
	rig_assert_file(&rig, want, "H;");
}

/* Without a span a percent sign is one; with a length there is a number. */
static void
when_names_are_expanded(void **state)
{
	char want[64], year[8];
	time_t now = time(NULL);
	struct tm tm;

	(void)state;
	begin("%Y.log", (struct sink_rotation){ .bytes = 100 });
	finish();
	rig_assert_file(&rig, "%Y-00001.log", "H;");
	rig_remove_dir(&rig);
	rig_init(&rig, 1 << 20, 0);
	begin("%Y.log",
	    (struct sink_rotation){ .bytes = 100, .span_ns = LONG_NS });
	finish();
	assert_non_null(localtime_r(&now, &tm));
	assert_true(strftime(year, sizeof(year), "%Y", &tm) > 0);
	(void)snprintf(want, sizeof(want), "%s-00001.log", year);
	rig_assert_file(&rig, want, "H;");
}

/* --- by time, and when told -------------------------------------------- */

static void
files_end_though_nothing_comes(void **state)
{
	(void)state;
	begin("x.log", (struct sink_rotation){ .span_ns = 1000000 });
	rig_wait_for(&rig, "x-00001.log");
	rig_wait_for(&rig, "x-00003.log");
	finish();
	rig_assert_file(&rig, "x-00001.log", "H;");
	rig_assert_file(&rig, "x-00003.log", "H;");
}

/* Under load the queue is never empty. */
static void
files_end_though_much_comes(void **state)
{
	uint64_t deadline_ns = clock_mono_ns() + RIG_PATIENCE_NS;
	char path[256];

	(void)state;
	begin("x.log", (struct sink_rotation){ .span_ns = 1000000 });
	while (access(rig_path(&rig, "x-00002.log", path), F_OK) != 0) {
		assert_true(clock_mono_ns() < deadline_ns);
		for (unsigned i = 0; i < 8; i++) {
			rig_say(&rig, file, "a");
			writer_flush(rig.port);
		}
	}
}

static void
told_to_rotate_now(void **state)
{
	(void)state;
	begin("x.log", (struct sink_rotation){ .bytes = 100 });
	rig_say(&rig, file, "aaaa");
	assert_int_equal(writer_head(rig.port, file, "I;", 2), 0);
	rig_say(&rig, file, "bbbb");
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 8);
	writer_reopen(rig.w);
	rig_wait_for(&rig, "x-00001.log");
	rig_say(&rig, file, "cccc");
	finish();
	/* The next one begins with all that belongs to the head by then. */
	rig_assert_file(&rig, "x-00001.log", "H;aaaaI;bbbb");
	rig_assert_file(&rig, "x-00002.log", "H;I;cccc");
	assert_int_equal(nfiles(), 2);
}

/* A part of the head that is still to come counts as a part of the file. */
static void
head_counts(void **state)
{
	(void)state;
	begin("x.log", (struct sink_rotation){ .bytes = 10 });
	rig_say(&rig, file, "aaaa");
	assert_int_equal(writer_head(rig.port, file, "I;", 2), 0);
	rig_say(&rig, file, "bb");
	rig_say(&rig, file, "c");
	finish();
	rig_assert_file(&rig, "x-00001.log", "H;aaaaI;bb");
	rig_assert_file(&rig, "x-00002.log", "H;I;c");
}

/* --- what is kept ------------------------------------------------------ */

static void
the_oldest_of_this_run_goes(void **state)
{
	char path[256];

	(void)state;
	put("x-00001.log", "earlier");
	begin("x.log", (struct sink_rotation){ .bytes = 6, .keep = 2 });
	rig_say(&rig, file, "aaaa");
	rig_say(&rig, file, "bbbb");
	writer_flush(rig.port);
	rig_wait_for(&rig, "x-00002.log");
	/* That its user has taken one away disturbs nobody. */
	assert_int_equal(unlink(rig_path(&rig, "x-00002.log", path)), 0);
	rig_say(&rig, file, "cccc");
	rig_say(&rig, file, "dddd");
	rig_say(&rig, file, "eeee");
	finish();
	rig_assert_file(&rig, "x-00001.log", "earlier");
	rig_assert_file(&rig, "x-00005.log", "H;dddd");
	rig_assert_file(&rig, "x-00006.log", "H;eeee");
	assert_int_equal(nfiles(), 3);
	assert_int_equal(rig.ntold, 0);
}

/* --- trouble ----------------------------------------------------------- */

/* ".tmp" still fits into a name, a number does not. */
static void
file_that_cannot_be_renamed_goes_on(void **state)
{
	char name[252];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	begin(name, (struct sink_rotation){ .bytes = 6 });
	for (unsigned i = 0; i < 5; i++)
		rig_say(&rig, file, "aaaa");
	finish();
	assert_int_equal(nfiles(), 1);
	assert_int_equal(count_get(&rig.count.written), 20);
	assert_int_equal(rig.ntold, 1);
	assert_non_null(strstr(rig.told, "cannot rename"));
}

static void
file_that_was_taken_away_is_told_of(void **state)
{
	char path[256];

	(void)state;
	begin("x.log", (struct sink_rotation){ .bytes = 6 });
	assert_int_equal(unlink(rig_path(&rig, "x.log.tmp", path)), 0);
	rig_say(&rig, file, "aaaa");
	rig_say(&rig, file, "bbbb");
	finish();
	rig_assert_file(&rig, "x-00001.log", "H;bbbb");
	assert_int_equal(nfiles(), 1);
	assert_int_equal(rig.ntold, 1);
	assert_non_null(strstr(rig.told, "deleted by somebody"));
}

/* The disk is full just when another file begins. */
static void
file_that_cannot_begin_is_tried_again(void **state)
{
	(void)state;
	begin("x.log", (struct sink_rotation){ .bytes = 6 });
	rig_say(&rig, file, "aaaa");
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 4);
	rig_limit_files(1);
	rig_say(&rig, file, "lost");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 4);
	rig_say(&rig, file, "lost");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 8);
	assert_int_equal(rig_ntold(&rig), 1);
	rig_limit_files(RLIM_INFINITY);
	rig_say(&rig, file, "bbbb");
	finish();
	rig_assert_file(&rig, "x-00001.log", "H;aaaa");
	rig_assert_file(&rig, "x-00002.log", "H;bbbb");
	assert_int_equal(nfiles(), 2);
}

/* Not even its head: there is nothing to be kept. */
static void
file_of_nothing_leaves_nothing(void **state)
{
	const struct sink_rotation want = { .span_ns = 1000000 };
	struct err err;

	(void)state;
	file = rig_file(
	    &rig, "x.log", (struct writer_file_opts){ .rotation = &want });
	assert_int_equal(writer_file_open(file, &err), 0);
	writer_rotate(rig.w, file);
	finish();
	assert_int_equal(nfiles(), 0);
}

#define ROTATES(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ROTATES(files_end_before_they_are_too_long),
		ROTATES(long_record_has_a_file_of_its_own),
		ROTATES(many_records_in_many_files),
		ROTATES(names_that_are_taken_are_passed_over),
		ROTATES(unfinished_file_is_readable),
		ROTATES(times_in_names),
		ROTATES(when_names_are_expanded),
		ROTATES(files_end_though_nothing_comes),
		ROTATES(files_end_though_much_comes),
		ROTATES(told_to_rotate_now),
		ROTATES(head_counts),
		ROTATES(the_oldest_of_this_run_goes),
		ROTATES(file_that_cannot_be_renamed_goes_on),
		ROTATES(file_that_was_taken_away_is_told_of),
		ROTATES(file_that_cannot_begin_is_tried_again),
		ROTATES(file_of_nothing_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
