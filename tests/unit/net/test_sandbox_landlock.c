#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/capability.h"
#include "net/sandbox_landlock.h"

/*
 * What is entered is entered for good, so each test enters it in a child, and
 * what the child finds there is its status: 0, or the number of the line that
 * did not hold.
 */

static char folder[] = "/tmp/teeline-landlock-XXXXXX";

#define HOLDS(what)                                                            \
	do {                                                                   \
		if (!(what))                                                   \
			_exit(__LINE__ > 255 ? 255 : __LINE__);                \
	} while (0)

static void
in_child(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		fail_msg("line %d does not hold", WEXITSTATUS(status));
}

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Folders "in" and "out" of the test's own, with a file in each. */
static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL && chdir(folder) == 0 &&
		       mkdir("in", 0700) == 0 && mkdir("out", 0700) == 0 &&
		       try_open("in/old", O_WRONLY | O_CREAT) == 0 &&
		       try_open("out/old", O_WRONLY | O_CREAT) == 0
		   ? 0
		   : -1;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
remove_folder(void **state)
{
	(void)state;
	return chdir("/") == 0
		   ? nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS)
		   : -1;
}

#ifdef TEELINE_PORTABLE

static void
test_there_is_none(void **state)
{
	struct err err = { "" };

	(void)state;
	(void)in_child; /* nothing could be entered */
	assert_int_equal(sandbox_landlock_version(), -ENOSYS);
	assert_null(sandbox_landlock_new(&err));
	assert_string_not_equal(err.text, "");
	assert_int_equal(sandbox_landlock_find(NULL, "/"), 0);
	sandbox_landlock_free(NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_there_is_none),
};

#else

/* A kernel may have none; then that is what is to be said. */
static struct sandbox_landlock *
begin(void)
{
	struct err err = { "" };
	struct sandbox_landlock *l = sandbox_landlock_new(&err);

	if (l == NULL) {
		HOLDS(sandbox_landlock_version() < 0 && err.text[0] != '\0');
		_exit(0);
	}
	return l;
}

static void
enter(struct sandbox_landlock *l)
{
	struct err err = { "" };

	HOLDS(capability_no_new(&err) == 0);
	HOLDS(sandbox_landlock_enter(l, &err) == 0);
}

static void
nothing(void)
{
	struct sandbox_landlock *l = begin();

	enter(l);
	HOLDS(try_open("in/old", O_RDONLY) == -EACCES);
	HOLDS(try_open("in/new", O_WRONLY | O_CREAT) == -EACCES);
	HOLDS(try_open("/", O_RDONLY | O_DIRECTORY) == -EACCES);
	HOLDS(sandbox_landlock_find(l, "in/new") == -EXDEV);
	sandbox_landlock_free(l);
}

static void
writing(void)
{
	struct sandbox_landlock *l = begin();

	HOLDS(sandbox_landlock_allow(l, "in", SANDBOX_LANDLOCK_WRITE) == 0);
	enter(l);
	HOLDS(try_open("in/new", O_WRONLY | O_CREAT) == 0);
	HOLDS(try_open("in/old", O_WRONLY | O_TRUNC) == 0);
	HOLDS(mkdir("in/deep", 0700) == 0 || errno == EEXIST);
	HOLDS(rename("in/new", "in/deep/new") == 0);
	HOLDS(link("in/deep/new", "in/deep/other") == 0);
	HOLDS(unlink("in/deep/other") == 0 && unlink("in/deep/new") == 0);
	HOLDS(try_open("in/old", O_RDONLY) == -EACCES);
	HOLDS(try_open("out/old", O_WRONLY) == -EACCES);
	HOLDS(unlink("out/old") != 0 && errno == EACCES);
	HOLDS(symlink("x", "in/link") != 0 && errno == EACCES);
	sandbox_landlock_free(l);
}

static void
reading(void)
{
	struct sandbox_landlock *l = begin();

	HOLDS(sandbox_landlock_allow(l, "in", SANDBOX_LANDLOCK_READ) == 0);
	HOLDS(sandbox_landlock_allow(l, "out/old", SANDBOX_LANDLOCK_READ) == 0);
	enter(l);
	HOLDS(try_open("in", O_RDONLY | O_DIRECTORY) == 0);
	HOLDS(try_open("in/old", O_RDONLY) == 0);
	HOLDS(try_open("out/old", O_RDONLY) == 0);
	HOLDS(try_open("out", O_RDONLY | O_DIRECTORY) == -EACCES);
	HOLDS(try_open("in/old", O_WRONLY) == -EACCES);
	sandbox_landlock_free(l);
}

static void
removing(void)
{
	struct sandbox_landlock *l = begin();

	HOLDS(try_open("in/gone", O_WRONLY | O_CREAT) == 0);
	HOLDS(sandbox_landlock_allow(l, "in", SANDBOX_LANDLOCK_REMOVE) == 0);
	enter(l);
	HOLDS(unlink("in/gone") == 0);
	HOLDS(try_open("in/gone", O_WRONLY | O_CREAT) == -EACCES);
	HOLDS(unlink("out/old") != 0 && errno == EACCES);
	sandbox_landlock_free(l);
}

static void *
open_there(void *arg)
{
	int *rc = arg;

	*rc = try_open("out/old", O_RDONLY);
	return NULL;
}

static void
threads(void)
{
	struct sandbox_landlock *l = begin();
	pthread_t thread;
	int rc = 0;

	enter(l);
	HOLDS(pthread_create(&thread, NULL, open_there, &rc) == 0);
	HOLDS(pthread_join(thread, NULL) == 0);
	HOLDS(rc == -EACCES);
	sandbox_landlock_free(l);
}

/* What is missing cannot be allowed, and what is no file needs not to be. */
static void
odd_places(void)
{
	struct sandbox_landlock *l = begin();
	char path[32];
	int fds[2];

	HOLDS(sandbox_landlock_allow(l, "nowhere", SANDBOX_LANDLOCK_WRITE) ==
	      -ENOENT);
	HOLDS(pipe(fds) == 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
	HOLDS(sandbox_landlock_allow(l, path, SANDBOX_LANDLOCK_WRITE) == 0);
	HOLDS(sandbox_landlock_allow(l, "/dev/null", SANDBOX_LANDLOCK_WRITE) ==
	      0);
	enter(l);
	HOLDS(try_open(path, O_WRONLY) == 0);
	HOLDS(try_open("/dev/null", O_WRONLY) == 0);
	HOLDS(try_open("/dev/zero", O_WRONLY) == -EACCES);
	sandbox_landlock_free(l);
}

/* It has to know before anything is made what will come of it. */
static void
asking(void)
{
	static const char *const good[] = { "in", "in/", "in/new",
		"in/no/such/folder/x", "./in/../in/x", "out/../in/x" };
	static const char *const bad[] = { "out", "out/in", "new", "/", ".", "",
		"in/../new", "/tmp", "inside" };
	struct sandbox_landlock *l = begin();

	HOLDS(sandbox_landlock_allow(l, "in", SANDBOX_LANDLOCK_WRITE) == 0);
	HOLDS(sandbox_landlock_allow(l, "out", SANDBOX_LANDLOCK_READ) == 0);
	enter(l);
	for (size_t i = 0; i < ATTR_COUNT(good); i++)
		HOLDS(sandbox_landlock_find(l, good[i]) == 0);
	for (size_t i = 0; i < ATTR_COUNT(bad); i++)
		HOLDS(sandbox_landlock_find(l, bad[i]) == -EXDEV);
	sandbox_landlock_free(l);
}

/* That it cannot look is no reason to say that it lies elsewhere. */
static void
no_descriptors(void)
{
	struct rlimit none = { 0, 0 };
	struct sandbox_landlock *l = begin();

	HOLDS(sandbox_landlock_allow(l, "in", SANDBOX_LANDLOCK_WRITE) == 0);
	enter(l);
	HOLDS(setrlimit(RLIMIT_NOFILE, &none) == 0);
	HOLDS(sandbox_landlock_find(l, "in") == -EMFILE);
	HOLDS(sandbox_landlock_find(l, "out") == -EMFILE);
	sandbox_landlock_free(l);
}

#define IN_CHILD(name)                                                         \
	static void test_##name(void **state)                                  \
	{                                                                      \
		(void)state;                                                   \
		in_child(name);                                                \
	}

IN_CHILD(nothing)
IN_CHILD(writing)
IN_CHILD(reading)
IN_CHILD(removing)
IN_CHILD(threads)
IN_CHILD(odd_places)
IN_CHILD(asking)
IN_CHILD(no_descriptors)

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_nothing),
	cmocka_unit_test(test_writing),
	cmocka_unit_test(test_reading),
	cmocka_unit_test(test_removing),
	cmocka_unit_test(test_threads),
	cmocka_unit_test(test_odd_places),
	cmocka_unit_test(test_asking),
	cmocka_unit_test(test_no_descriptors),
};

#endif

int
main(void)
{
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
