#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/sink_spec.h"

static void
test_pairs(void **state)
{
	struct sink_spec spec;
	char key[] = "dir";
	char value[] = "c2s";

	(void)state;
	assert_int_equal(sink_spec_init(&spec, "tee", "h:1"), 0);
	assert_string_equal(spec.kind, "tee");
	assert_string_equal(spec.arg, "h:1");
	assert_null(sink_spec_get(&spec, "dir"));
	assert_int_equal(sink_spec_set(&spec, key, value), 0);
	assert_int_equal(sink_spec_set(&spec, "prefix", "header"), 0);
	/* Keys and values are copies. */
	memset(key, 'x', sizeof(key) - 1);
	memset(value, 'x', sizeof(value) - 1);
	assert_string_equal(sink_spec_get(&spec, "dir"), "c2s");
	assert_int_equal(sink_spec_set(&spec, "dir", "both"), 0);
	assert_string_equal(sink_spec_get(&spec, "dir"), "both");
	assert_string_equal(sink_spec_get(&spec, "prefix"), "header");
	assert_int_equal(spec.npairs, 2);
	sink_spec_done(&spec);
	assert_null(spec.kind);
	assert_null(sink_spec_get(&spec, "dir"));
	sink_spec_done(&spec);
}

static void
test_inputs(void **state)
{
	struct sink_spec spec;
	char name[] = "web";

	(void)state;
	assert_int_equal(sink_spec_init(&spec, "tee", "h:1"), 0);
	assert_true(sink_spec_hears(&spec, "web"));
	assert_true(sink_spec_hears(&spec, ""));
	assert_int_equal(sink_spec_hear(&spec, name), 0);
	name[0] = 'x'; /* it is a copy */
	assert_true(sink_spec_hears(&spec, "web"));
	assert_false(sink_spec_hears(&spec, "we"));
	assert_false(sink_spec_hears(&spec, "webb"));
	assert_int_equal(sink_spec_hear(&spec, "mail"), 0);
	assert_int_equal(sink_spec_hear(&spec, "web"), 0);
	assert_int_equal(spec.ninputs, 2);
	assert_true(sink_spec_hears(&spec, "mail"));
	sink_spec_done(&spec);
	assert_int_equal(spec.ninputs, 0);
	assert_true(sink_spec_hears(&spec, "mail"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_inputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
