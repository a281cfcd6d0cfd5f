#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "core/session.h"
#include "core/sink.h"

static struct addr
ip(const char *text, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, text), 0);
	a.port = port;
	return a;
}

static void
match_table(void **state)
{
	static const struct {
		uint16_t port;
		const char *client, *server;
		bool want;
	} row[] = {
		{ 0, NULL, NULL, true },
		{ 21, NULL, NULL, true },
		{ 40112, NULL, NULL, true },
		{ 22, NULL, NULL, false },
		{ 0, "10.0.0.1", NULL, true },
		{ 0, "10.0.0.2", NULL, false },
		{ 0, NULL, "10.0.0.2", true },
		{ 0, NULL, "10.0.0.1", false },
		{ 0, NULL, "::ffff:1", false },
		{ 21, "10.0.0.1", "10.0.0.2", true },
		{ 22, "10.0.0.1", "10.0.0.2", false },
		{ 21, "10.0.0.1", "10.0.0.3", false },
	};
	struct session s;

	(void)state;
	session_init(&s, NULL, NULL);
	s.client = ip("10.0.0.1", 40112);
	s.server = ip("10.0.0.2", 21);
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		struct sink sink = { .match.port = row[i].port };

		if (row[i].client != NULL)
			sink.match.client = ip(row[i].client, 0);
		if (row[i].server != NULL)
			sink.match.server = ip(row[i].server, 0);
		if (sink_matches(&sink, &s) != row[i].want)
			fail_msg("row %zu", i);
	}
}

static void
policies_have_words(void **state)
{
	enum on_full policy = ON_FULL_CLOSE;

	(void)state;
	for (unsigned i = ON_FULL_DROP; i <= ON_FULL_CLOSE; i++) {
		const char *word = sink_on_full_name((enum on_full)i);

		assert_int_equal(sink_on_full_parse(word, &policy), 0);
		assert_int_equal(policy, i);
	}
	assert_string_equal(sink_on_full_name(ON_FULL_PAUSE), "pause");
	policy = ON_FULL_PAUSE;
	assert_int_equal(sink_on_full_parse("stop", &policy), -EINVAL);
	assert_int_equal(sink_on_full_parse("", &policy), -EINVAL);
	assert_int_equal(sink_on_full_parse("dropp", &policy), -EINVAL);
	assert_int_equal(policy, ON_FULL_PAUSE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(match_table),
		cmocka_unit_test(policies_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
