/* Counters with one writer. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/count.h"

static void
test_sum(void **state)
{
	struct count c = { 0 };

	(void)state;
	count_add(&c, 1);
	count_add(&c, (uint64_t)1 << 40);
	assert_true(count_get(&c) == ((uint64_t)1 << 40) + 1);
}

/*
 * Somebody else's counter is not stored to by who has nothing to add: between
 * load and store the owner's addition would be lost.  This one cannot be.
 */
static void
test_nothing_is_not_written(void **state)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct count *c = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(c != MAP_FAILED);
	count_add(c, 7);
	assert_int_equal(mprotect(c, size, PROT_READ), 0);
	count_add(c, 0);
	assert_true(count_get(c) == 7);
	assert_int_equal(munmap(c, size), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_nothing_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
