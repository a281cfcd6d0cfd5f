#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "personality/golog.h"

/* "2026/11/21 08:30:00 " */
#define STAMP_LEN 20

/* What was written to standard error since the last call. */
static int heard;

static void
listen_to_stderr(int *old)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	*old = dup(STDERR_FILENO);
	assert_true(*old >= 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
	heard = ends[0];
}

static void
stop_listening(int old)
{
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	close(old);
	close(heard);
}

/* One write(2) is what one read(2) gives, as long as the pipe was empty. */
static const char *
line(char *buf, size_t size)
{
	ssize_t n = read(heard, buf, size - 1);

	assert_true(n > STAMP_LEN);
	buf[n] = '\0';
	return buf + STAMP_LEN;
}

static void
a_line_has_local_date_and_time(void **state)
{
	struct tm tm = { .tm_isdst = 0 };
	char buf[128], again[32];
	time_t before, after, told;
	int old;

	(void)state;
	/* 3 hours east of Greenwich, all year. */
	assert_int_equal(setenv("TZ", "TST-3", 1), 0);
	tzset();
	golog_start("");
	listen_to_stderr(&old);
	before = time(NULL);
	golog_line("hello");
	after = time(NULL);
	(void)line(buf, sizeof(buf));
	stop_listening(old);
	assert_string_equal(buf + STAMP_LEN, "hello\n");
	assert_non_null(strptime(buf, "%Y/%m/%d %H:%M:%S ", &tm));
	assert_int_equal(
	    strftime(again, sizeof(again), "%Y/%m/%d %H:%M:%S ", &tm),
	    STAMP_LEN);
	assert_memory_equal(buf, again, STAMP_LEN);
	told = mktime(&tm);
	assert_in_range(told, before - 1, after + 1);
}

static void
errors_are_told_with_what_failed_until_all_is_ready(void **state)
{
	char buf[128];
	int old;

	(void)state;
	log_init("x", LOG_LEVEL_WARN);
	golog_start("failed to start: ");
	listen_to_stderr(&old);
	log_info("not said");
	log_error("no %s", "rights");
	assert_string_equal(
	    line(buf, sizeof(buf)), "failed to start: no rights\n");
	log_warn("odd");
	assert_string_equal(line(buf, sizeof(buf)), "odd\n");
	golog_ready();
	log_error("no target");
	assert_string_equal(line(buf, sizeof(buf)), "no target\n");
	stop_listening(old);
}

static void
a_long_line_is_whole(void **state)
{
	static char text[3000], buf[4096];
	int old;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	golog_start("");
	listen_to_stderr(&old);
	golog_line(text);
	assert_int_equal(strlen(line(buf, sizeof(buf))), sizeof(text));
	stop_listening(old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_local_date_and_time),
		cmocka_unit_test(
		    errors_are_told_with_what_failed_until_all_is_ready),
		cmocka_unit_test(a_long_line_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
