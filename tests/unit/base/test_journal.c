#include <fcntl.h>
#include <inttypes.h>
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

#include "base/journal.h"

/* Standard error is a pipe meanwhile. */
static int saved, ours;

static int
set_up(void **state)
{
	int ends[2];

	(void)state;
	saved = dup(STDERR_FILENO);
	if (saved < 0 || pipe(ends) != 0)
		return -1;
	ours = ends[0];
	if (dup2(ends[1], STDERR_FILENO) < 0)
		return -1;
	close(ends[1]);
	return unsetenv("JOURNAL_STREAM");
}

static int
tear_down(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ours);
	return 0;
}

static void
name_stream(uintmax_t more_dev, uintmax_t more_ino)
{
	char text[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(text, sizeof(text), "%ju:%ju", st.st_dev + more_dev,
	    st.st_ino + more_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
}

static void
is_there_if_the_stream_is_this_one(void **state)
{
	(void)state;
	assert_false(journal_is_stderr());
	name_stream(0, 0);
	assert_true(journal_is_stderr());
	name_stream(0, 1);
	assert_false(journal_is_stderr());
	name_stream(1, 0);
	assert_false(journal_is_stderr());
	setenv("JOURNAL_STREAM", "", 1);
	assert_false(journal_is_stderr());
}

/* A terminal or a file that the program was sent to later. */
static void
is_gone_when_stderr_is_another(void **state)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	name_stream(0, 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
	assert_false(journal_is_stderr());
}

static void
check_line(enum log_level level, const char *expected)
{
	char got[64] = "";
	ssize_t n;

	journal_write(NULL, level, "words");
	n = read(ours, got, sizeof(got) - 1);
	assert_true(n > 0);
	assert_string_equal(got, expected);
}

static void
line_begins_with_its_priority(void **state)
{
	(void)state;
	check_line(LOG_LEVEL_ERROR, "<3>words\n");
	check_line(LOG_LEVEL_WARN, "<4>words\n");
	check_line(LOG_LEVEL_INFO, "<6>words\n");
	check_line(LOG_LEVEL_DEBUG, "<7>words\n");
}

static void
long_line_is_cut_and_ends(void **state)
{
	char line[4096], got[4096];
	ssize_t n;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	journal_write(NULL, LOG_LEVEL_ERROR, line);
	n = read(ours, got, sizeof(got));
	assert_true(n > 1024 && n < (ssize_t)sizeof(line));
	assert_int_equal(got[n - 1], '\n');
	assert_int_equal(got[n - 2], 'x');
	assert_ptr_equal(memchr(got, '\n', (size_t)n), got + n - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    is_there_if_the_stream_is_this_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    is_gone_when_stderr_is_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    line_begins_with_its_priority, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    long_line_is_cut_and_ends, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
