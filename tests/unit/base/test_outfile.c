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

#include "base/outfile.h"

/*
 * What others lay in the way is made by others in tests/e2e/test_disk_sides.py;
 * here everybody is the same user.
 */

static char folder[] = "/tmp/teeline-outfile-XXXXXX";
static char path[64];
static char other[64];

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/x", folder);
	(void)snprintf(other, sizeof(other), "%s/y", folder);
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	(void)unlink(path);  /* perhaps not made */
	(void)unlink(other); /* likewise */
	return chmod(folder, 0700);
}

static int
tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* What it says, or the size of the file. */
static int
try(int flags, enum outfile_what what)
{
	int fd = outfile_open(path, flags, 0600, what);
	struct stat st;

	if (fd < 0)
		return fd;
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_APPEND, flags & O_APPEND);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return (int)st.st_size;
}

static void
put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
test_flags(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(try(0, OUTFILE_FILE), -ENOENT);
	assert_int_equal(try(O_CREAT, OUTFILE_FILE), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(try(O_CREAT | O_EXCL, OUTFILE_FILE), -EEXIST);
	put(path, "hello");
	assert_int_equal(try(0, OUTFILE_FILE), 5);
	assert_int_equal(try(O_CREAT | O_APPEND, OUTFILE_NAMED), 5);
	assert_int_equal(try(O_CREAT | O_TRUNC, OUTFILE_FILE), 0);
}

/* Ours are followed, but not by who makes a file of a name of its own. */
static void
test_links(void **state)
{
	(void)state;
	put(other, "hello");
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(try(O_CREAT, OUTFILE_FILE), 5);
	assert_int_equal(try(O_CREAT | O_EXCL, OUTFILE_FILE), -EEXIST);
	assert_int_equal(try(O_CREAT | O_TRUNC, OUTFILE_FILE), 0);
}

static void
test_names(void **state)
{
	(void)state;
	put(other, "hello");
	assert_int_equal(link(other, path), 0);
	assert_int_equal(try(0, OUTFILE_FILE), 5);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(try(O_TRUNC, OUTFILE_FILE), -EMLINK);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(try(0, OUTFILE_FILE), 5);
}

static void
test_pipes(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(try(O_CREAT, OUTFILE_FILE), -ENOTSUP);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(try(O_CREAT, OUTFILE_FILE), -ENOTSUP);
	assert_int_equal(try(O_CREAT | O_TRUNC, OUTFILE_NAMED), 0);
	close(fd);
}

static void
test_words(void **state)
{
	(void)state;
	assert_string_equal(outfile_why(-ENOSPC), strerror(ENOSPC));
	assert_string_not_equal(outfile_why(-EUSERS), strerror(EUSERS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_flags, clean),
		cmocka_unit_test_teardown(test_links, clean),
		cmocka_unit_test_teardown(test_names, clean),
		cmocka_unit_test_teardown(test_pipes, clean),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
