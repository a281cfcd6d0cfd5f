#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "core/fanout.h"
#include "core/session.h"
#include "sink/null.h"

static void
counts_without_bytes(void **state)
{
	struct sink_spec spec = { .kind = (char[]){ "null" },
		.arg = (char[]){ "" } };
	struct sink_env env = { .source = "proxy" };
	struct sink sink = { 0 }, *list = &sink;
	struct chunk c = { .dir = DIR_CLIENT, .len = 1000 };
	struct fanout *fan;
	struct session s;
	struct err err;
	void *slots;

	(void)state;
	assert_int_equal(null_kind.make(&sink, &spec, &env, &err), 0);
	fan = fanout_new(&list, 1, NULL, &err);
	assert_non_null(fan);
	slots = calloc(1, fanout_session_size(fan));
	assert_non_null(slots);
	session_init(&s, fan, slots);
	session_open(&s);
	assert_int_equal(fanout_need(&s), NEED_NOTHING);
	session_data(&s, &c);
	session_close(&s, 1, HOW_FIN, PARTY_CLIENT);
	assert_int_equal(count_get(&fanout_lane(fan, 0)->count.offered), 1000);
	assert_int_equal(count_get(&fanout_lane(fan, 0)->count.written), 1000);
	fanout_free(fan);
	sink.ops->free(&sink);
	free(slots);
}

static void
takes_no_argument(void **state)
{
	struct sink_spec spec = { .kind = (char[]){ "null" },
		.arg = (char[]){ "file" } };
	struct sink_env env = { .source = "proxy" };
	struct sink sink = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(null_kind.make(&sink, &spec, &env, &err), -EINVAL);
	assert_non_null(strstr(err.text, "file"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_without_bytes),
		cmocka_unit_test(takes_no_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
