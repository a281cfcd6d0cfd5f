#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/plan.h"

static struct plan_source *
add(struct plan *p, enum plan_input input, const char *name)
{
	struct plan_source *s = plan_add_source(p, input, name);

	assert_non_null(s);
	return s;
}

/* What the manual says when nothing is said. */
static void
test_defaults(void **state)
{
	const struct plan_source *s;
	struct plan p;

	(void)state;
	plan_init(&p);
	assert_int_equal(p.drain_ns, 2000000000);
	assert_int_equal(p.color, PLAN_COLOR_AUTO);
	assert_int_equal(p.nsinks + p.nsources, 0);
	assert_int_equal(p.log.level, LOG_LEVEL_WARN);
	assert_int_equal(p.log.file_level, LOG_LEVEL_INFO);
	assert_null(p.control.listen);
	assert_int_equal(p.control.history, 65536);
	assert_int_equal(p.control.history_total, 67108864);
	s = add(&p, PLAN_PROXY, NULL);
	assert_int_equal(s->input, PLAN_PROXY);
	assert_int_equal(s->proxy.connect_timeout_ns, 10000000000);
	assert_int_equal(s->proxy.backlog, 1024);
	assert_int_equal(s->proxy.source.family, AF_UNSPEC);
	assert_int_equal(s->proxy.npairs, 0);
	assert_int_equal(s->workers, 0);
	plan_done(&p);
}

static void
test_defaults_of_captures(void **state)
{
	const struct plan_source *s;
	struct plan p;

	(void)state;
	plan_init(&p);
	s = add(&p, PLAN_TAP, NULL);
	assert_null(s->capture.iface);
	assert_null(s->capture.filter);
	assert_int_equal(s->capture.snaplen, 262144);
	assert_int_equal(s->capture.buffer, 67108864);
	assert_true(s->capture.promiscuous);
	assert_int_equal(s->capture.hold, 4194304);
	assert_int_equal(s->capture.hold_total, 268435456);
	assert_int_equal(s->capture.hold_ns, 2000000000);
	assert_int_equal(s->capture.overlap, REASM_FIRST);
	assert_int_equal(s->capture.decap, 4);
	assert_int_equal(s->capture.nfiles, 0);
	plan_done(&p);
}

/* Decisions 26 and 39. */
static void
test_limits_are_those_of_the_kind(void **state)
{
	static const struct {
		enum plan_input input;
		uint64_t max_concurrent;
		uint64_t idle_ns;
	} rows[] = {
		{ PLAN_PROXY, 0, 0 },
		{ PLAN_TAP, 1000000, 3600000000000 },
		{ PLAN_READ, 1000000, 0 },
	};
	struct plan p;

	(void)state;
	plan_init(&p);
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		const struct plan_source *s = add(&p, rows[i].input, NULL);

		assert_int_equal(s->max_sessions + s->max_bytes, 0);
		assert_int_equal(s->max_concurrent, rows[i].max_concurrent);
		assert_int_equal(s->idle_timeout_ns, rows[i].idle_ns);
	}
	plan_done(&p);
}

/* So that each can be told from the others, whoever named it. */
static void
test_inputs_have_names(void **state)
{
	static const char *const names[] = { "tap-2", "tap", "tap-3", "proxy" };
	char web[] = "tap-2";
	struct plan p;

	(void)state;
	plan_init(&p);
	assert_true(add(&p, PLAN_TAP, web)->is_named);
	web[0] = 'x'; /* it is a copy */
	assert_true(plan_has_names(&p));
	assert_false(add(&p, PLAN_TAP, NULL)->is_named);
	(void)add(&p, PLAN_TAP, NULL);
	(void)add(&p, PLAN_PROXY, NULL);
	assert_int_equal(p.nsources, ATTR_COUNT(names));
	for (size_t i = 0; i < ATTR_COUNT(names); i++) {
		assert_string_equal(p.sources[i].name, names[i]);
		assert_ptr_equal(plan_find_source(&p, names[i]), &p.sources[i]);
	}
	assert_null(plan_find_source(&p, "xap-2"));
	plan_done(&p);
	assert_int_equal(p.nsources, 0);
	(void)add(&p, PLAN_READ, NULL);
	assert_string_equal(p.sources[0].name, "read");
	assert_false(plan_has_names(&p));
	(void)add(&p, PLAN_READ, NULL);
	assert_true(plan_has_names(&p));
	plan_done(&p);
}

static void
add_pair(struct plan_source *s, uint16_t port)
{
	struct endpoint client = { .how = ENDPOINT_LISTEN, .port = port };
	struct endpoint server = { .how = ENDPOINT_DIAL };

	server.host = strdup("h");
	assert_non_null(server.host);
	assert_int_equal(plan_add_pair(s, &client, &server), 0);
	/* So that the caller may call _done in any case. */
	assert_null(server.host);
}

static void
test_takes_over(void **state)
{
	struct plan_source *s;
	struct plan p;

	(void)state;
	plan_init(&p);
	s = add(&p, PLAN_PROXY, NULL);
	for (uint16_t i = 0; i < 3; i++)
		add_pair(s, (uint16_t)(100 + i));
	s = add(&p, PLAN_READ, NULL);
	for (int i = 0; i < 3; i++) {
		char path[] = "a.pcap";

		path[0] = (char)('a' + i);
		assert_int_equal(plan_add_file(s, path), 0);
	}
	s->capture.iface = strdup("eth0");
	s->capture.filter = strdup("tcp");
	for (int i = 0; i < 3; i++) {
		struct sink_spec spec;

		assert_int_equal(sink_spec_init(&spec, "text", "-"), 0);
		assert_int_equal(plan_add_sink(&p, &spec), 0);
		assert_null(spec.kind);
	}
	p.user = strdup("nobody");
	p.stats = strdup("-");
	p.config = strdup("c");
	p.log.file = strdup("l");
	p.control.listen = strdup("1");
	p.control.token_file = strdup("t");
	assert_int_equal(s->capture.nfiles, 3);
	assert_string_equal(s->capture.files[0], "a.pcap");
	assert_string_equal(s->capture.files[2], "c.pcap");
	s = &p.sources[0];
	assert_int_equal(s->proxy.npairs, 3);
	assert_int_equal(s->proxy.pairs[0].client.port, 100);
	assert_int_equal(s->proxy.pairs[2].client.port, 102);
	assert_string_equal(s->proxy.pairs[2].server.host, "h");
	assert_int_equal(p.nsinks, 3);
	assert_string_equal(p.sinks[0].kind, "text");
	plan_done(&p);
	assert_int_equal(p.nsinks + p.nsources, 0);
	assert_null(p.user);
	plan_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_defaults_of_captures),
		cmocka_unit_test(test_limits_are_those_of_the_kind),
		cmocka_unit_test(test_inputs_have_names),
		cmocka_unit_test(test_takes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
