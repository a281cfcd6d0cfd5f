#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/obuf.h"
#include "config/plan.h"
#include "config/sink_text.h"
#include "config/stethoscope.h"
#include "core/news.h"

/* The least that a capture says, then more of it; and the rest of io. */
#define FILE_OF(capture, io, rest)                                             \
	"{io: {input: {capture: {iface: 'eth0', local_ip: '192.0.2.1', "       \
	"remote_ip: '192.0.2.7', remote_port: 5000, " capture "}}, " io "}, "  \
	"control: {bind_ip: '::1'}, " rest "}"

/* Reads @text into a plan; there is nothing to be said about it. */
static void
plan_of(struct plan *p, const char *text)
{
	struct findings f = { .n = 0 };
	struct jsonish_pos where;
	struct jsonish root;
	struct err err = { "" };

	plan_init(p);
	assert_int_equal(
	    jsonish_parse(&root, text, strlen(text), &where, &err), 0);
	assert_true(stethoscope_is(&root));
	if (stethoscope_read(p, &root, &f) != 0 || f.n > 0)
		fail_msg("%s", f.n > 0 ? f.v[0].text : "no memory");
	findings_done(&f);
	jsonish_done(&root);
}

static void
assert_filter(const char *capture_text, const char *want)
{
	char text[1024];
	struct plan p;

	(void)snprintf(text, sizeof(text),
	    "{io: {input: {capture: {iface: 'eth0', %s}}}, "
	    "control: {bind_ip: '::1'}}",
	    capture_text);
	plan_of(&p, text);
	assert_string_equal(p.sources[0].capture.filter, want);
	plan_done(&p);
}

#define ENDS "local_ip: '192.0.2.1', remote_ip: '192.0.2.7', remote_port: 5000"
#define LISTS                                                                  \
	"local_ip: ['10.0.0.0/8', '::1'], remote_ip: '192.0.2.7', "            \
	"remote_port: 5000"

static void
test_filters(void **state)
{
	(void)state;
	assert_filter(ENDS,
	    "tcp and ((src host 192.0.2.1 and dst host 192.0.2.7 and dst port "
	    "5000) or (dst host 192.0.2.1 and src host 192.0.2.7 and src port "
	    "5000))");
	assert_filter(LISTS,
	    "tcp and (((src net 10.0.0.0/8 or src host ::1) and dst host "
	    "192.0.2.7 and dst port 5000) or ((dst net 10.0.0.0/8 or dst host "
	    "::1) and src host 192.0.2.7 and src port 5000))");
	assert_filter(ENDS ", 'bpf-filter': 'tcp and host {local_ip} and port "
			   "{remote_port} {local_port}'",
	    "tcp and host 192.0.2.1 and port 5000 ");
	assert_filter(LISTS ", 'bpf-filter': 'host {local_ip} and host "
			    "{remote_ip}'",
	    "net (10.0.0.0/8 or ::1) and host 192.0.2.7");
	assert_filter(ENDS ", 'bpf-filter': 'tcp', local_port: 7",
	    "(tcp) and (tcp port 7)");
	assert_filter(ENDS ", 'bpf-filter': 'port {local_port}', local_port: 7",
	    "port 7");
}

/* The sink of @kind as -o would take it. */
static void
assert_sink(const struct plan *p, size_t i, const char *want)
{
	struct obuf out = { .data = NULL };

	assert_true(i < p->nsinks);
	sink_text_format(&p->sinks[i], &out);
	obuf_putc(&out, '\0');
	assert_string_equal((const char *)out.data, want);
	obuf_done(&out);
}

static void
test_outputs(void **state)
{
	struct plan p;

	(void)state;
	plan_of(&p,
	    FILE_OF("c2s_buffer_bytes: 1, s2c_buffer_bytes: 2",
		"output: {'remote-host': {enabled: true, host: '::1', "
		"requests_port: 1, responses_port: 2, timeouts: {connect: 3, "
		"'retry-every': 4}}, listner: {enabled: true, "
		"port_range_start: 10, port_range_end: 20, "
		"first_requests_port: 5, first_responses_port: 6}, "
		"pcap: {enabled: true, dir: '/x{y}', format: 'pcap', "
		"per_session: true, queue_size: 10}}",
		"runtime: {max_output_buffer_bytes: 77, close_grace_ms: 500, "
		"close_linger_sec: 1}"));
	assert_int_equal(p.nsinks, 3);
	assert_sink(&p, 0,
	    "connect:[::1]:1/2,connect-timeout=3s,retry=4s,role=client,"
	    "local=192.0.2.1,remote-port=5000,startup=1/2,linger=1500ms,"
	    "on-full=drop,queue=77");
	assert_sink(&p, 1,
	    "listen:0.0.0.0:10-20,first=5/6,role=client,local=192.0.2.1,"
	    "remote-port=5000,startup=1/2,linger=1500ms,on-full=drop,"
	    "queue=77");
	assert_string_equal(p.sinks[2].kind, "pcap");
	assert_string_equal(p.sinks[2].arg,
	    "/x{{y}}/{local_ip}_{local_port}__{remote_ip}_{remote_port}__"
	    "{start_ms}__open.pcap");
	assert_string_equal(sink_spec_get(&p.sinks[2], "closed"),
	    "/x{{y}}/{local_ip}_{local_port}__{remote_ip}_{remote_port}__"
	    "{start_ms}__{end_ms}__{reason}.pcap");
	assert_string_equal(
	    sink_spec_get(&p.sinks[2], "timeout-word"), "idle_timeout_120s");
	assert_int_equal(p.sinks[2].queue, 20480);
	assert_int_equal(p.sinks[2].mode, 0666);
	assert_true(p.sinks[2].optional);
	plan_done(&p);
}

/* What the original does not have. */
static void
test_more(void **state)
{
	struct plan p;

	(void)state;
	plan_of(
	    &p, FILE_OF("buffer_keep: 'tail'",
		    "output: {'remote-host': {enabled: true, header: true, "
		    "requests_port: 1, responses_port: 2}, listener: {enabled: "
		    "true, port_range_start: 10, port_range_end: 20}, "
		    "pcap: {enabled: true, dir: '/x', rotate_bytes: '5M', "
		    "rotate_sec: 60, rotate_keep: 3}}",
		    "runtime: {user: 'nobody'}"));
	assert_string_equal(sink_spec_get(&p.sinks[0], "keep"), "tail");
	assert_string_equal(sink_spec_get(&p.sinks[0], "header"), "line");
	assert_string_equal(sink_spec_get(&p.sinks[1], "keep"), "tail");
	assert_null(sink_spec_get(&p.sinks[1], "header"));
	assert_string_equal(p.sinks[2].arg, "/x/capture__{start_ms}.pcapng");
	assert_null(sink_spec_get(&p.sinks[2], "closed"));
	assert_int_equal(p.sinks[2].rotation.bytes, 5000000);
	assert_int_equal(p.sinks[2].rotation.span_ns, 60 * CLOCK_NS_PER_S);
	assert_int_equal(p.sinks[2].rotation.keep, 3);
	assert_string_equal(p.user, "nobody");
	plan_done(&p);
}

/* As the server, requests are what comes from there: so are their buffers. */
static void
test_role(void **state)
{
	struct plan p;

	(void)state;
	plan_of(&p,
	    FILE_OF("c2s_buffer_bytes: 1, buffer_bytes: 9",
		"mapping: {role: 'SERVER'}, output: {listener: {enabled: true, "
		"port_range_start: 10, port_range_end: 11}}",
		""));
	assert_string_equal(sink_spec_get(&p.sinks[0], "role"), "server");
	assert_string_equal(sink_spec_get(&p.sinks[0], "startup"), "9/1");
	assert_true(p.lines.is_server);
	plan_done(&p);
}

static void
test_defaults(void **state)
{
	struct plan p;

	(void)state;
	plan_of(&p, FILE_OF("", "", ""));
	assert_int_equal(p.nsinks, 0);
	assert_int_equal(p.sources[0].input, PLAN_TAP);
	assert_string_equal(p.sources[0].capture.iface, "eth0");
	assert_int_equal(p.sources[0].workers, 1);
	assert_int_equal(p.sources[0].capture.decap, 4);
	assert_int_equal(p.sources[0].capture.buffer, 64 << 20);
	assert_int_equal(p.sources[0].idle_timeout_ns, 120 * CLOCK_NS_PER_S);
	assert_string_equal(p.lines.host, "::1");
	assert_int_equal(p.lines.port, 50005);
	assert_int_equal(p.lines.cats, 1U << NEWS_SESSION | 1U << NEWS_PORTS |
					   1U << NEWS_OUTPUT |
					   1U << NEWS_CONTROL);
	assert_string_equal(p.lines.local, "192.0.2.1");
	assert_int_equal(p.lines.stats_ns, 5 * CLOCK_NS_PER_S);
	assert_null(p.lines.token);
	assert_int_equal(p.log.level, LOG_LEVEL_INFO);
	assert_null(p.log.file);
	assert_int_equal(p.drain_ns, 2 * CLOCK_NS_PER_S);
	plan_done(&p);
}

static void
test_the_rest(void **state)
{
	struct plan p;

	(void)state;
	plan_of(&p,
	    FILE_OF("session_idle_sec: 1.5", "",
		"logging: {console: {verbosity: 'warn'}, file: {enabled: true, "
		"verbosity: 'debug'}, stats: {report_interval: 0}}, "
		"runtime: {workers: 3, capture_queue_size: 1000, "
		"stats_interval_sec: 9, drain_timeout_ms: 3000}"));
	assert_int_equal(p.sources[0].idle_timeout_ns, 1500 * CLOCK_NS_PER_MS);
	assert_int_equal(p.sources[0].workers, 3);
	assert_int_equal(p.sources[0].capture.decap, 0);
	assert_int_equal(p.sources[0].capture.buffer, 2048000);
	assert_int_equal(p.log.level, LOG_LEVEL_WARN);
	assert_int_equal(p.log.file_level, LOG_LEVEL_DEBUG);
	assert_string_equal(p.log.file, "stethoscope.log");
	assert_int_equal(p.lines.stats_ns, 0);
	assert_int_equal(p.drain_ns, 3 * CLOCK_NS_PER_S);
	plan_done(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_role),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
