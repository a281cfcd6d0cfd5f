#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"

static char folder[] = "/tmp/teeline-log-XXXXXX";

static const char *
in_folder(const char *name, char path[128])
{
	(void)snprintf(path, 128, "%s/%s", folder, name);
	return path;
}

/* The file, in a static buffer. */
static const char *
slurp(const char *path)
{
	static char text[8192];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static int
make_folder(void **state)
{
	(void)state;
	(void)setenv("TZ", "UTC", 1);
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
remove_folder(void **state)
{
	static const char *const names[] = { "a", "b", "err" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(names); i++)
		(void)unlink(in_folder(names[i], path)); /* perhaps not made */
	return rmdir(folder);
}

/* What is written to standard error while @act runs. */
static const char *
errors_of(void (*act)(void))
{
	char path[128];
	int saved = dup(STDERR_FILENO);
	int fd = open(in_folder("err", path), O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	act();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(fd);
	return slurp(path);
}

static void
say_all(void)
{
	log_error("e %d", 1);
	log_warn("w");
	log_info("i");
	log_debug("d");
}

static void
test_levels(void **state)
{
	static const char *const lines[LOG_NLEVELS] = {
		"t: e 1\n",
		"t: e 1\nt: w\n",
		"t: e 1\nt: w\nt: i\n",
		"t: e 1\nt: w\nt: i\nt: d\n",
	};

	(void)state;
	for (unsigned i = 0; i < LOG_NLEVELS; i++) {
		log_init("t", (enum log_level)i);
		assert_int_equal(log_level(), i);
		assert_string_equal(errors_of(say_all), lines[i]);
		log_set_level(LOG_LEVEL_ERROR);
		assert_string_equal(errors_of(say_all), lines[0]);
	}
}

/* @text is "2026-11-21 08:30:00.123" and then what is returned. */
static const char *
behind_stamp(const char *text)
{
	static const char shape[] = "dddd-dd-dd dd:dd:dd.ddd ";

	for (size_t i = 0; shape[i] != '\0'; i++, text++) {
		if (shape[i] == 'd')
			assert_in_range(*text, '0', '9');
		else
			assert_int_equal(*text, shape[i]);
	}
	return text;
}

static void
test_stamps(void **state)
{
	(void)state;
	log_init("t", LOG_LEVEL_ERROR);
	log_set_stamps(true);
	assert_string_equal(behind_stamp(errors_of(say_all)), "t: e 1\n");
	log_set_stamps(false);
	assert_string_equal(errors_of(say_all), "t: e 1\n");
}

static void
say_warning(void)
{
	log_warn("w");
}

/* A level of its own, and no name of a program before each line. */
static void
test_file(void **state)
{
	struct err err = { "" };
	struct stat st;
	char path[128];

	(void)state;
	log_init("t", LOG_LEVEL_ERROR);
	assert_false(log_is_on(LOG_LEVEL_INFO));
	assert_int_equal(
	    log_open_file(in_folder("a", path), LOG_LEVEL_INFO, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(log_is_on(LOG_LEVEL_INFO));
	assert_false(log_is_on(LOG_LEVEL_DEBUG));
	assert_string_equal(errors_of(say_warning), "");
	assert_string_equal(behind_stamp(slurp(path)), "warn: w\n");
	assert_int_equal(log_open_file(NULL, LOG_LEVEL_DEBUG, &err), 0);
	assert_false(log_is_on(LOG_LEVEL_INFO));
	assert_string_equal(errors_of(say_warning), "");
	assert_string_equal(behind_stamp(slurp(path)), "warn: w\n");
}

/* As logrotate does it: moved away, and opened anew. */
static void
test_reopen(void **state)
{
	struct err err = { "" };
	char old[128];
	char path[128];

	(void)state;
	log_init("t", LOG_LEVEL_ERROR);
	(void)unlink(in_folder("a", path)); /* of the last test */
	assert_int_equal(log_open_file(path, LOG_LEVEL_WARN, &err), 0);
	log_warn("1");
	assert_int_equal(rename(path, in_folder("b", old)), 0);
	log_warn("2");
	assert_int_equal(log_reopen_file(&err), 0);
	log_warn("3");
	assert_string_equal(behind_stamp(slurp(path)), "warn: 3\n");
	assert_non_null(strstr(slurp(old), "warn: 2\n"));
	assert_null(strstr(slurp(old), "warn: 3\n"));
	/* Added to, not begun anew. */
	assert_int_equal(log_reopen_file(&err), 0);
	log_warn("4");
	assert_non_null(strstr(slurp(path), "warn: 3\n"));
	assert_non_null(strstr(slurp(path), "warn: 4\n"));
	assert_int_equal(log_open_file(NULL, LOG_LEVEL_WARN, &err), 0);
	assert_int_equal(log_reopen_file(&err), 0);
}

/* The file that was open stays the one that is written to. */
static void
test_cannot_open(void **state)
{
	struct err err = { "" };
	char path[128];
	char bad[128];

	(void)state;
	log_init("t", LOG_LEVEL_ERROR);
	(void)unlink(in_folder("a", path)); /* of the last test */
	assert_int_equal(log_open_file(path, LOG_LEVEL_WARN, &err), 0);
	assert_int_equal(
	    log_open_file(in_folder("no/log", bad), LOG_LEVEL_INFO, &err),
	    -ENOENT);
	assert_non_null(strstr(err.text, "no/log: No such file"));
	assert_false(log_is_on(LOG_LEVEL_INFO));
	log_warn("still here");
	assert_string_equal(behind_stamp(slurp(path)), "warn: still here\n");
	assert_int_equal(log_open_file(NULL, LOG_LEVEL_WARN, &err), 0);
}

static void
say_much(void)
{
	char text[6000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
}

/* A line too long is cut, and is a line all the same. */
static void
test_long(void **state)
{
	const char *text;
	size_t n;

	(void)state;
	log_init("t", LOG_LEVEL_ERROR);
	log_set_stamps(true);
	text = errors_of(say_much);
	log_set_stamps(false);
	n = strlen(text);
	assert_in_range(n, 4096, 4196);
	assert_ptr_equal(strchr(text, '\n'), text + n - 1);
}

static void
keep(void *self, enum log_level level, const char *line)
{
	(void)snprintf(self, 64, "%s/%s", log_level_name(level), line);
}

/* Whoever took standard error's place gets what it would get. */
static void
test_writer(void **state)
{
	struct err err = { "" };
	char kept[64] = "";
	char path[128];

	(void)state;
	log_init("t", LOG_LEVEL_WARN);
	log_set_writer(keep, kept);
	assert_int_equal(
	    log_open_file(in_folder("b", path), LOG_LEVEL_DEBUG, &err), 0);
	log_warn("w");
	assert_string_equal(kept, "warn/w");
	log_debug("d");
	assert_string_equal(kept, "warn/w");
	assert_non_null(strstr(slurp(path), "debug: d\n"));
	log_set_writer(NULL, NULL);
	assert_int_equal(log_open_file(NULL, LOG_LEVEL_WARN, &err), 0);
}

static void
say_evil(void)
{
	log_warn("cannot open %s", "\x1b[2J\n<0>teeline: fine\xc2\x9b\\x");
	log_print("%s on", "\x07here");
}

/* What strangers call themselves is no escape, and no line of ours. */
static void
test_controls(void **state)
{
	(void)state;
	log_init("us", LOG_LEVEL_WARN);
	assert_string_equal(errors_of(say_evil),
	    "us: cannot open \\x1b[2J\\n<0>teeline: fine\\xc2\\x9b\\x\n"
	    "\\x07here on\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_cannot_open),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
