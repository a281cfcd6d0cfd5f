#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/attr.h"
#include "run/descriptors.h"

#define MAX_SHARES 4

static void
test_share(void **state)
{
	static const struct {
		uint64_t fit;
		size_t n;
		uint64_t want[MAX_SHARES];
		uint64_t get[MAX_SHARES];
	} rows[] = {
		{ 100, 1, { 0 }, { 100 } },
		{ 100, 1, { 7 }, { 7 } },
		{ 100, 1, { 101 }, { 100 } },
		{ 100, 2, { 0, 0 }, { 50, 50 } },
		/* What one does not want goes to the others. */
		{ 100, 2, { 0, 10 }, { 90, 10 } },
		{ 100, 3, { 10, 40, 0 }, { 10, 40, 50 } },
		{ 100, 4, { 0, 10, 35, 26 }, { 32, 10, 32, 26 } },
		{ 100, 3, { 5, 6, 7 }, { 5, 6, 7 } },
		/* Too little for all: one each, so that each can do something.
		 */
		{ 1, 3, { 0, 0, 5 }, { 1, 1, 1 } },
		{ 3, 3, { 1, 1, 0 }, { 1, 1, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		uint64_t want[MAX_SHARES];

		memcpy(want, rows[i].want, sizeof(want));
		descriptors_share(rows[i].fit, want, rows[i].n);
		for (size_t j = 0; j < rows[i].n; j++)
			assert_int_equal(want[j], rows[i].get[j]);
	}
	descriptors_share(100, NULL, 0);
}

static void
test_consumers_of_sessions_that_are_over(void **state)
{
	(void)state;
	assert_int_equal(descriptors_lingering(1024, 0), 64);
	assert_int_equal(descriptors_lingering(1024, 4), 64);
	assert_int_equal(descriptors_lingering(1024, 8), 32);
	assert_int_equal(descriptors_lingering(1 << 20, 1), 65536);
	assert_int_equal(descriptors_lingering(64, 8), 4);
	assert_int_equal(descriptors_lingering(8, 1), 4);
}

static void
test_files_of_sinks(void **state)
{
	(void)state;
	assert_int_equal(descriptors_per_sink(8, 1, 0, true), 2);
	assert_int_equal(descriptors_per_sink(1024, 1, 0, true), 64);
	assert_int_equal(descriptors_per_sink(1 << 20, 1, 0, true), 4096);
	/* Of many each gets less, so that half is left for sessions. */
	assert_int_equal(descriptors_per_sink(1024, 8, 0, true), 64);
	assert_int_equal(descriptors_per_sink(1024, 16, 0, true), 32);
	assert_int_equal(descriptors_per_sink(1024, 64, 0, true), 8);
	assert_int_equal(descriptors_per_sink(1024, 1000, 0, true), 2);
	/* One record of all sessions is few files. */
	assert_int_equal(descriptors_per_sink(1024, 16, 15, true), 64);
	assert_int_equal(descriptors_per_sink(1024, 20, 4, true), 31);
	assert_int_equal(descriptors_per_sink(1024, 20, 20, true), 64);
	assert_int_equal(descriptors_per_sink(64, 20, 19, true), 2);
	/* Without sockets a quarter of all. */
	assert_int_equal(descriptors_per_sink(8, 1, 0, false), 2);
	assert_int_equal(descriptors_per_sink(1024, 1, 0, false), 256);
	assert_int_equal(descriptors_per_sink(1024, 8, 0, false), 64);
	assert_int_equal(descriptors_per_sink(1 << 20, 1, 0, false), 16384);
}

/* Pipes are a luxury: sessions need what they would take. */
static void
test_pipes(void **state)
{
	(void)state;
	assert_int_equal(descriptors_pipes(255, 1), 0);
	assert_int_equal(descriptors_pipes(256, 1), 16);
	assert_int_equal(descriptors_pipes(1024, 2), 32);
	assert_int_equal(descriptors_pipes(1024, 64), 1);
	assert_int_equal(descriptors_pipes(1024, 1000), 0);
}

static void
test_raise(void **state)
{
	struct rlimit rl;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_true(descriptors_raise() > 64 || rl.rlim_max == 64);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_true(rl.rlim_cur == rl.rlim_max);
}

static void
open_some(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
}

/* What is open now, and what the sinks may open, is not for sessions. */
static void
test_sessions(void **state)
{
	uint64_t before;
	int fds[60];

	(void)state;
	/* Also between those that whoever runs this has left open. */
	open_some(fds, 40);
	before = descriptors_left(1000);
	assert_true(before > 0 && before < 1000);
	open_some(fds + 40, 20);
	assert_int_equal(descriptors_left(1000), before - 20);
	for (size_t i = 0; i < ATTR_COUNT(fds); i++)
		close(fds[i]);
	assert_int_equal(descriptors_left(3), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_files_of_sinks),
		cmocka_unit_test(test_consumers_of_sessions_that_are_over),
		cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
