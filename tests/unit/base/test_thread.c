#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/thread.h"

struct names {
	const char *wanted;
	char seen[64];
};

/* What others see of the calling thread; "" where there are no names. */
static void
read_name(char *out, int size)
{
	FILE *f = fopen("/proc/thread-self/comm", "r");

	out[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(out, size, f) != NULL)
		out[strcspn(out, "\n")] = '\0';
	(void)fclose(f); /* it was only read */
}

static void *
take_a_name(void *self)
{
	struct names *n = self;

	thread_name("%s-%d", n->wanted, 7);
	read_name(n->seen, sizeof(n->seen));
	return NULL;
}

static void
wear(struct names *n)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, take_a_name, n), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
a_thread_has_its_name(void **state)
{
	struct names n = { .wanted = "worker" };
	char before[64], after[64];

	(void)state;
	read_name(before, sizeof(before));
	wear(&n);
	read_name(after, sizeof(after));
	assert_string_equal(after, before);
#ifdef TEELINE_PORTABLE
	assert_string_equal(n.seen, before);
#else
	assert_string_equal(n.seen, "worker-7");
#endif
}

static void
a_long_name_is_cut_off(void **state)
{
	struct names n = { .wanted = "writer with a long name" };

	(void)state;
	wear(&n);
#ifndef TEELINE_PORTABLE
	assert_string_equal(n.seen, "writer with a l");
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_has_its_name),
		cmocka_unit_test(a_long_name_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
