#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "writer_rig.h"

#include "net/pipe.h"

static int
set_up(void **state)
{
	(void)state;
	rig_init(&rig, 1 << 20, 0);
	return 0;
}

static int
set_up_two_open(void **state)
{
	(void)state;
	rig_init(&rig, 1 << 20, 2);
	return 0;
}

static void
make(const char *name, const char *text)
{
	char path[256];
	FILE *f = fopen(rig_path(&rig, name, path), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Records, a close, and what the file then holds. */
static void
write_file(const char *name, struct writer_file_opts o, const char *text)
{
	struct writer_file *f = rig_file(&rig, name, o);

	if (text != NULL)
		rig_say(&rig, f, text);
	writer_close(rig.port, f);
}

static void
folders_and_modes(void **state)
{
	struct writer_file_opts o = { .mode = 0640 };
	char path[256];
	struct stat st;
	mode_t old = umask(022);

	(void)state;
	write_file("a/b/c.txt", o, "hello");
	write_file("plain.txt", (struct writer_file_opts){ 0 }, "x");
	rig_finish(&rig);
	(void)umask(old);
	rig_assert_file(&rig, "a/b/c.txt", "hello");
	assert_int_equal(stat(rig_path(&rig, "a/b/c.txt", path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(stat(rig_path(&rig, "plain.txt", path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(rig_path(&rig, "a/b", path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void
names_that_clash_get_a_suffix(void **state)
{
	static const struct writer_file_opts o = { 0 };

	(void)state;
	make("x.log", "old");
	write_file("x.log", o, "one");
	write_file("x.log", o, "two");
	make("127.0.0.1-40112", "old");
	write_file("127.0.0.1-40112", o, "ip");
	make(".hidden", "old");
	write_file(".hidden", o, "dot");
	make("x.tar.gz", "old");
	write_file("x.tar.gz", o, "gz");
	make("log.averylongend", "old");
	write_file("log.averylongend", o, "long");
	rig_finish(&rig);
	rig_assert_file(&rig, "x.log", "old");
	rig_assert_file(&rig, "x-2.log", "one");
	rig_assert_file(&rig, "x-3.log", "two");
	rig_assert_file(&rig, "127.0.0.1-40112-2", "ip");
	rig_assert_file(&rig, ".hidden-2", "dot");
	rig_assert_file(&rig, "x.tar-2.gz", "gz");
	rig_assert_file(&rig, "log.averylongend-2", "long");
}

static void
existing_files_by_rule(void **state)
{
	struct writer_file_opts o = { .head = "HEAD;", .head_len = 5 };

	(void)state;
	make("over", "old text that is longer");
	make("more", "old;");
	make("empty", "");
	o.exists = WRITER_EXISTS_OVERWRITE;
	write_file("over", o, "new");
	o.exists = WRITER_EXISTS_APPEND;
	write_file("more", o, "new");
	write_file("empty", o, "new");
	rig_finish(&rig);
	rig_assert_file(&rig, "over", "HEAD;new");
	rig_assert_file(&rig, "more", "old;new");
	rig_assert_file(&rig, "empty", "HEAD;new");
}

static void
refused_file_names_the_option(void **state)
{
	struct writer_file_opts o = { .exists = WRITER_EXISTS_REFUSE };
	struct writer_file *f;
	struct err err;

	(void)state;
	make("there", "old");
	f = rig_file(&rig, "there", o);
	assert_int_equal(writer_file_open(f, &err), -EEXIST);
	assert_non_null(strstr(err.text, "--overwrite"));
	writer_file_free(f);

	f = rig_file(&rig, "there/below", o);
	assert_int_equal(writer_file_open(f, &err), -ENOTDIR);
	assert_non_null(strstr(err.text, "there/below"));
	writer_file_free(f);

	f = rig_file(&rig, "new", o);
	assert_int_equal(writer_file_open(f, &err), 0);
	rig_assert_file(&rig, "new", "");
	writer_file_free(f);
	rig_assert_file(&rig, "there", "old");
}

static void
lazy_files_wait_for_a_byte(void **state)
{
	struct writer_file_opts lazy = { .lazy = true };
	struct writer_file_opts head = {
		.lazy = true, .head = "H", .head_len = 1
	};
	struct writer_file *f;

	(void)state;
	write_file("never", lazy, NULL);
	write_file("no-head", head, NULL);
	write_file("eager", (struct writer_file_opts){ 0 }, NULL);
	write_file("written", head, "text");
	f = rig_file(&rig, "hole", lazy);
	writer_hole(rig.port, f, 10);
	writer_close(rig.port, f);
	rig_finish(&rig);
	rig_assert_file(&rig, "never", NULL);
	rig_assert_file(&rig, "no-head", NULL);
	rig_assert_file(&rig, "hole", NULL);
	rig_assert_file(&rig, "eager", "");
	rig_assert_file(&rig, "written", "Htext");
}

static void
holes_read_as_zeros(void **state)
{
	struct writer_file_opts o = {
		.head = "H", .head_len = 1, .lazy = true
	};
	struct writer_file *f = rig_file(&rig, "f", o);
	size_t len = 0;
	char *text;

	(void)state;
	writer_hole(rig.port, f, 3);
	rig_say(&rig, f, "ab");
	writer_hole(rig.port, f, 1);
	writer_hole(rig.port, f, 1);
	rig_say(&rig, f, "c");
	writer_hole(rig.port, f, 2);
	writer_close(rig.port, f);
	rig_finish(&rig);
	text = rig_read(&rig, "f", &len);
	assert_non_null(text);
	assert_int_equal(len, 11);
	assert_memory_equal(text, "H\0\0\0ab\0\0c\0\0", 11);
	free(text);
}

static void
holes_far_beyond_4_gib_are_sparse(void **state)
{
	struct writer_file *f =
	    rig_file(&rig, "f", (struct writer_file_opts){ 0 });
	char path[256];
	struct stat st;

	(void)state;
	writer_hole(rig.port, f, 5ULL << 30);
	rig_say(&rig, f, "end");
	writer_close(rig.port, f);
	rig_finish(&rig);
	assert_int_equal(stat(rig_path(&rig, "f", path), &st), 0);
	assert_int_equal(st.st_size, (5LL << 30) + 3);
	assert_true(st.st_blocks < 1024);
}

static unsigned
open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#define MANY 40

static void
few_files_are_open_at_a_time(void **state)
{
	struct writer_file *f[MANY];
	unsigned before = open_descriptors();
	uint64_t payload = 0;
	char name[32], want[64];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		f[i] = rig_file(&rig, name, (struct writer_file_opts){ 0 });
	}
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < MANY; i++) {
			(void)snprintf(name, sizeof(name), "%u.%02u;", turn, i);
			rig_say(&rig, f[i], name);
			payload += strlen(name);
		}
		writer_flush(rig.port);
		rig_wait(&rig.count.written, payload);
		assert_in_range(open_descriptors(), before, before + 2);
	}
	for (unsigned i = 0; i < MANY; i++)
		writer_close(rig.port, f[i]);
	rig_finish(&rig);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		(void)snprintf(
		    want, sizeof(want), "0.%02u;1.%02u;2.%02u;", i, i, i);
		rig_assert_file(&rig, name, want);
	}
	assert_int_equal(rig.ntold, 0);
}

static void
descriptors_that_run_out_are_given_back(void **state)
{
	struct rlimit old, few;
	struct writer_file *f[MANY];
	char name[32];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		f[i] = rig_file(&rig, name, (struct writer_file_opts){ 0 });
	}
	few = old;
	few.rlim_cur = open_descriptors() + 4;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (unsigned i = 0; i < MANY; i++)
		rig_say(&rig, f[i], "text");
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 4UL * MANY);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (unsigned i = 0; i < MANY; i++)
		writer_close(rig.port, f[i]);
	rig_finish(&rig);
	rig_assert_file(&rig, "f0", "text");
	assert_int_equal(rig.ntold, 0);
}

/* With two open at a time the first of them is shut then. */
static void
write_three(struct writer_file *f[3])
{
	char name[32];

	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		f[i] = rig_file(&rig, name, (struct writer_file_opts){ 0 });
		rig_say(&rig, f[i], "text");
	}
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 12);
}

static void
removed_file_is_not_made_anew(void **state)
{
	struct writer_file *f[3];
	char path[256];

	(void)state;
	write_three(f);
	/* Two are open: the first was shut.  One is removed, then replaced. */
	assert_int_equal(unlink(rig_path(&rig, "f0", path)), 0);
	rig_say(&rig, f[0], "more");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 4);
	make("f0", "stranger");
	rig_say(&rig, f[0], "more");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 8);
	assert_int_equal(rig_ntold(&rig), 1);
	assert_non_null(strstr(rig.told, "removed, replaced"));
	for (unsigned i = 0; i < 3; i++)
		writer_close(rig.port, f[i]);
	rig_finish(&rig);
	rig_assert_file(&rig, "f0", "stranger");
	rig_assert_file(&rig, "f2", "text");
}

/* What joins the head later stands there, and in every file made after. */
/* Another file of the same size: its number alone tells. */
static void
file_in_its_place_is_not_written(void **state)
{
	struct writer_file *f[3];
	char from[256], to[256];

	(void)state;
	write_three(f);
	/* Made while the first is there, so that they differ for sure. */
	make("other", "else");
	assert_int_equal(
	    rename(rig_path(&rig, "other", from), rig_path(&rig, "f0", to)), 0);
	rig_say(&rig, f[0], "more");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 4);
	for (unsigned i = 0; i < 3; i++)
		writer_close(rig.port, f[i]);
	rig_finish(&rig);
	rig_assert_file(&rig, "f0", "else");
}

static void
head_grows(void **state)
{
	struct writer_file_opts o = { .head = "A;", .head_len = 2 };
	struct writer_file *f = rig_file(&rig, "f", o);
	char path[256], moved[256];

	(void)state;
	rig_say(&rig, f, "1;");
	assert_int_equal(writer_head(rig.port, f, "B;", 2), 0);
	rig_say(&rig, f, "2;");
	assert_int_equal(writer_head(rig.port, f, "C;", 2), 0);
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 4);
	(void)rig_path(&rig, "f.1", moved);
	assert_int_equal(rename(rig_path(&rig, "f", path), moved), 0);
	writer_reopen(rig.w);
	rig_wait_for(&rig, "f");
	rig_say(&rig, f, "3;");
	writer_close(rig.port, f);
	rig_finish(&rig);
	rig_assert_file(&rig, "f.1", "A;1;B;2;C;");
	rig_assert_file(&rig, "f", "A;B;C;3;");
}

/* Opened at start, moved and reopened before anything came for it. */
static void
unused_files_are_reopened_as_well(void **state)
{
	struct writer_file_opts o = { .head = "H;", .head_len = 2 };
	struct writer_file *used = rig_file(&rig, "used", o);
	struct writer_file *f = rig_file(&rig, "f", o);
	char path[256], moved[256];
	struct err err = { "" };

	(void)state;
	assert_int_equal(writer_file_open(f, &err), 0);
	rig_say(&rig, used, "old");
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 3);
	(void)rig_path(&rig, "f.1", moved);
	assert_int_equal(rename(rig_path(&rig, "f", path), moved), 0);
	(void)rig_path(&rig, "used.1", moved);
	assert_int_equal(rename(rig_path(&rig, "used", path), moved), 0);
	writer_reopen(rig.w);
	rig_wait_for(&rig, "used");
	rig_say(&rig, f, "new");
	writer_close(rig.port, f);
	writer_close(rig.port, used);
	rig_finish(&rig);
	rig_assert_file(&rig, "f.1", "H;");
	rig_assert_file(&rig, "f", "H;new");
}

static void
reopened_files_go_on_under_their_name(void **state)
{
	struct writer_file_opts o = { .head = "H;", .head_len = 2 };
	struct writer_file *f[3];
	char name[32], path[256], moved[256];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		f[i] = rig_file(&rig, name, o);
		rig_say(&rig, f[i], "old");
	}
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 9);
	/* f0 is shut at this time, f1 is open; f2 stays where it is. */
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		(void)snprintf(moved, sizeof(moved), "%s/f%u.1", rig.dir, i);
		assert_int_equal(rename(rig_path(&rig, name, path), moved), 0);
	}
	writer_reopen(rig.w);
	/* An empty queue is enough for it to happen. */
	rig_wait_for(&rig, "f1");
	for (unsigned i = 0; i < 3; i++) {
		rig_say(&rig, f[i], "new");
		writer_close(rig.port, f[i]);
	}
	rig_finish(&rig);
	rig_assert_file(&rig, "f0.1", "H;old");
	rig_assert_file(&rig, "f0", "H;new");
	rig_assert_file(&rig, "f1.1", "H;old");
	rig_assert_file(&rig, "f1", "H;new");
	rig_assert_file(&rig, "f2", "H;oldnew");
	assert_int_equal(rig.ntold, 0);
}

static void
devices_are_written_not_made(void **state)
{
	struct writer_file_opts o = {
		.path = "/dev/null",
		.mode = 0600,
		.exists = WRITER_EXISTS_REFUSE,
	};
	struct writer_file *f = writer_file_new(&o);
	struct err err = { "" };

	(void)state;
	assert_non_null(f);
	assert_int_equal(writer_file_open(f, &err), 0);
	rig_say(&rig, f, "text");
	writer_close(rig.port, f);
	rig_finish(&rig);
	assert_int_equal(access("/dev/null-2", F_OK), -1);
	assert_int_equal(count_get(&rig.count.written), 4);
}

/* What was not named by a user is a file, whatever lies there. */
static void
pipes_in_the_way_are_left_alone(void **state)
{
	static const enum writer_exists how[] = { WRITER_EXISTS_SUFFIX,
		WRITER_EXISTS_OVERWRITE, WRITER_EXISTS_APPEND };
	char path[256];
	struct stat st;

	(void)state;
	assert_int_equal(mkfifo(rig_path(&rig, "x.log", path), 0600), 0);
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++)
		write_file("x.log",
		    (struct writer_file_opts){ .exists = how[i] }, "text");
	rig_finish(&rig);
	rig_assert_file(&rig, "x-2.log", "text");
	assert_int_equal(stat(rig_path(&rig, "x.log", path), &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(count_get(&rig.count.written), 4);
	assert_int_equal(rig.ntold, 1);
}

#ifndef TEELINE_PORTABLE
/* -- pipes -------------------------------------------------------------- */

static struct pipe *
fill_pipe(struct pipe_pool *pool, const char *bytes, size_t len)
{
	struct pipe *pipe = pipe_lend(pool);

	assert_non_null(pipe);
	assert_int_equal(write(pipe->wr, bytes, len), (ssize_t)len);
	pipe->fill = len;
	return pipe;
}

static void
pipes_are_emptied_in_their_place(void **state)
{
	struct pipe_pool *pool = pipe_pool_new();
	struct writer_file *f =
	    rig_file(&rig, "f", (struct writer_file_opts){ 0 });

	(void)state;
	assert_non_null(pool);
	rig_say(&rig, f, "one;");
	writer_splice(rig.port, f, fill_pipe(pool, "two;", 4), 4);
	writer_splice(rig.port, f, fill_pipe(pool, "three;", 6), 6);
	writer_hole(rig.port, f, 0);
	rig_say(&rig, f, "four");
	writer_close(rig.port, f);
	pipe_pool_free(pool);
	rig_finish(&rig);
	rig_assert_file(&rig, "f", "one;two;three;four");
	assert_int_equal(count_get(&rig.count.written), 18);
}

/* Appending files refuse splice(2): the bytes are copied. */
static void
pipes_are_copied_where_splice_is_refused(void **state)
{
	struct pipe_pool *pool = pipe_pool_new();
	struct writer_file_opts o = { .path = NULL };
	struct writer_file *f;
	char path[256], *bytes, *got;
	size_t len = 50000, got_len = 0;

	(void)state;
	assert_non_null(pool);
	make("f", "old;");
	o.fd = open(rig_path(&rig, "f", path), O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(o.fd >= 0);
	f = writer_file_new(&o);
	assert_non_null(f);
	bytes = malloc(len);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7);
	writer_splice(rig.port, f, fill_pipe(pool, bytes, len), len);
	rig_say(&rig, f, "end");
	writer_close(rig.port, f);
	rig_finish(&rig);
	/* It was given, so it is ours to close. */
	assert_int_equal(close(o.fd), 0);
	got = rig_read(&rig, "f", &got_len);
	assert_non_null(got);
	assert_int_equal(got_len, 4 + len + 3);
	assert_memory_equal(got + 4, bytes, len);
	assert_memory_equal(got + 4 + len, "end", 3);
	free(got);
	free(bytes);
	pipe_pool_free(pool);
}

#endif

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(folders_and_modes),
		RIG(names_that_clash_get_a_suffix),
		RIG(existing_files_by_rule),
		RIG(refused_file_names_the_option),
		RIG(lazy_files_wait_for_a_byte),
		RIG(holes_read_as_zeros),
		RIG(holes_far_beyond_4_gib_are_sparse),
		RIG_UP(few_files_are_open_at_a_time, set_up_two_open),
		RIG(descriptors_that_run_out_are_given_back),
		RIG_UP(removed_file_is_not_made_anew, set_up_two_open),
		RIG_UP(file_in_its_place_is_not_written, set_up_two_open),
		RIG_UP(head_grows, set_up_two_open),
		RIG(unused_files_are_reopened_as_well),
		RIG_UP(reopened_files_go_on_under_their_name, set_up_two_open),
		RIG(devices_are_written_not_made),
		RIG(pipes_in_the_way_are_left_alone),
#ifndef TEELINE_PORTABLE
		RIG(pipes_are_emptied_in_their_place),
		RIG(pipes_are_copied_where_splice_is_refused),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
