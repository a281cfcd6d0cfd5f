#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/plan.h"

/* What the manual says when nothing is said. */
static void
test_defaults(void **state)
{
	struct plan p;

	(void)state;
	plan_init(&p);
	assert_int_equal(p.proxy.connect_timeout_ns, 10000000000);
	assert_int_equal(p.proxy.backlog, 1024);
	assert_int_equal(p.proxy.source.family, AF_UNSPEC);
	assert_int_equal(p.drain_ns, 2000000000);
	assert_int_equal(p.idle_timeout_ns, 0);
	assert_int_equal(p.color, PLAN_COLOR_AUTO);
	assert_int_equal(p.input, PLAN_PROXY);
	assert_null(p.capture.iface);
	assert_null(p.capture.filter);
	assert_int_equal(p.capture.snaplen, 262144);
	assert_int_equal(p.capture.buffer, 67108864);
	assert_true(p.capture.promiscuous);
	assert_int_equal(p.capture.hold, 4194304);
	assert_int_equal(p.capture.hold_total, 268435456);
	assert_int_equal(p.capture.hold_ns, 2000000000);
	assert_int_equal(p.capture.overlap, REASM_FIRST);
	assert_int_equal(p.capture.decap, 4);
	assert_int_equal(p.capture.nfiles, 0);
	assert_int_equal(p.nsinks + p.proxy.npairs, 0);
	plan_done(&p);
}

static void
test_takes_over(void **state)
{
	struct plan p;

	(void)state;
	plan_init(&p);
	for (int i = 0; i < 3; i++) {
		struct endpoint client = { .how = ENDPOINT_LISTEN };
		struct endpoint server = { .how = ENDPOINT_DIAL };
		struct sink_spec spec;

		client.port = (uint16_t)(100 + i);
		server.host = strdup("h");
		assert_non_null(server.host);
		assert_int_equal(plan_add_pair(&p, &client, &server), 0);
		/* So that the caller may call _done in any case. */
		assert_null(server.host);
		assert_int_equal(sink_spec_init(&spec, "text", "-"), 0);
		assert_int_equal(plan_add_sink(&p, &spec), 0);
		assert_null(spec.kind);
	}
	for (int i = 0; i < 3; i++) {
		char path[] = "a.pcap";

		path[0] = (char)('a' + i);
		assert_int_equal(plan_add_file(&p, path), 0);
	}
	assert_int_equal(p.capture.nfiles, 3);
	assert_string_equal(p.capture.files[0], "a.pcap");
	assert_string_equal(p.capture.files[2], "c.pcap");
	p.capture.iface = strdup("eth0");
	p.capture.filter = strdup("tcp");
	p.user = strdup("nobody");
	p.stats = strdup("-");
	assert_int_equal(p.proxy.npairs, 3);
	assert_int_equal(p.proxy.pairs[0].client.port, 100);
	assert_int_equal(p.proxy.pairs[2].client.port, 102);
	assert_string_equal(p.proxy.pairs[2].server.host, "h");
	assert_int_equal(p.nsinks, 3);
	assert_string_equal(p.sinks[0].kind, "text");
	plan_done(&p);
	assert_int_equal(p.nsinks, 0);
	assert_null(p.user);
	plan_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_takes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
