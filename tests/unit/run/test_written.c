/* Which files a new output may go on with. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "run/written.h"

static enum sink_past
past(const struct written *w, const char *kind, const char *arg)
{
	struct sink_spec spec;
	enum sink_past found;

	assert_int_equal(sink_spec_init(&spec, kind, arg), 0);
	found = written_past(w, &spec);
	sink_spec_done(&spec);
	return found;
}

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct written));
	return *state == NULL;
}

static int
teardown(void **state)
{
	written_done(*state);
	free(*state);
	return 0;
}

static void
test_kinds(void **state)
{
	struct written *w = *state;

	assert_int_equal(past(w, "hex", "a"), SINK_PAST_NONE);
	written_add(w, "hex", "a");
	assert_int_equal(past(w, "hex", "a"), SINK_PAST_SAME);
	assert_int_equal(past(w, "text", "a"), SINK_PAST_OTHER);
	assert_int_equal(past(w, "hex", "b"), SINK_PAST_NONE);
	written_add(w, "hex", "a");
	assert_int_equal(past(w, "hex", "a"), SINK_PAST_SAME);
	assert_int_equal(w->n, 1);
}

/* One kind wrote to it, then another: for neither it is all its own. */
static void
test_mixed(void **state)
{
	struct written *w = *state;

	written_add(w, "hex", "a");
	written_add(w, "text", "a");
	assert_int_equal(past(w, "hex", "a"), SINK_PAST_OTHER);
	assert_int_equal(past(w, "text", "a"), SINK_PAST_OTHER);
	written_add(w, "text", "a");
	assert_int_equal(past(w, "text", "a"), SINK_PAST_OTHER);
}

/* The one that came last longest ago is forgotten. */
static void
test_bound(void **state)
{
	struct written *w = *state;
	char arg[16];

	for (unsigned i = 0; i < WRITTEN_MAX; i++) {
		(void)snprintf(arg, sizeof(arg), "%u", i);
		written_add(w, "hex", arg);
	}
	written_add(w, "hex", "0");
	written_add(w, "hex", "more");
	assert_int_equal(w->n, WRITTEN_MAX);
	assert_int_equal(past(w, "hex", "0"), SINK_PAST_SAME);
	assert_int_equal(past(w, "hex", "1"), SINK_PAST_NONE);
	assert_int_equal(past(w, "hex", "2"), SINK_PAST_SAME);
	assert_int_equal(past(w, "hex", "more"), SINK_PAST_SAME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mixed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
