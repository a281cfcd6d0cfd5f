#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/obuf.h"
#include "control/metrics.h"
#include "control/metrics_process.h"

static const char sheet_text[] =
    "{\"bytes\":{\"c2s\":{\"delivered\":30,\"gap\":1,\"undelivered\":5},"
    "\"s2c\":{\"delivered\":40,\"gap\":2,\"undelivered\":6}},"
    "\"sessions\":{\"total\":9,\"open\":2,\"ends\":{\"fin\":6,\"rst\":1}},"
    "\"conflicts\":3,\"inputs\":["
    "{\"name\":\"one\",\"packets\":{\"received\":100},"
    "\"kernel\":{\"received\":1,\"dropped\":7,\"interface_dropped\":8},"
    "\"bytes\":{\"c2s\":{\"delivered\":10},\"s2c\":{\"delivered\":20}}},"
    "{\"name\":\"two\",\"packets\":{\"received\":1000},"
    "\"kernel\":{\"received\":1,\"dropped\":70,\"interface_dropped\":80},"
    "\"bytes\":{\"c2s\":{\"delivered\":20},\"s2c\":{\"delivered\":20}}},"
    "{\"name\":\"three\",\"packets\":null,\"kernel\":null,"
    "\"bytes\":{\"c2s\":{\"delivered\":0},\"s2c\":{\"delivered\":0}}}],"
    "\"sinks\":[{\"name\":\"log\",\"offered\":50,\"written\":33,"
    "\"queued\":11,\"dropped\":{\"closing\":{\"chunks\":1,\"bytes\":6,"
    "\"records\":5}}}]}";

static const char inputs_text[] =
    "[{\"name\":\"one\",\"interface\":\"eth\\\"0\\\\\"},"
    "{\"name\":\"two\",\"interface\":\"eth\\\"0\\\\\"},"
    "{\"name\":\"three\",\"interface\":null}]";

/* The metrics of the above, as a C string. */
static char *
metrics_text(struct obuf *o)
{
	json_t *sheet = json_loads(sheet_text, 0, NULL);
	json_t *inputs = json_loads(inputs_text, 0, NULL);
	const struct metrics m = {
		.sheet = sheet,
		.inputs = inputs,
		.start_ns = UINT64_C(1795284714198173445),
		.server = { .clients = 4,
		    .streams = 3,
		    .requests = { 0, 0, 20, 30, 40, 50 },
		    .refused = 2 },
	};

	assert_non_null(sheet);
	assert_non_null(inputs);
	metrics_put(o, &m);
	obuf_putc(o, '\0');
	assert_false(o->failed);
	json_decref(sheet);
	json_decref(inputs);
	return (char *)o->data;
}

static void
test_lines(void **state)
{
	static const char *const lines[] = {
		"teeline_sessions_active 2",
		"teeline_sessions_opened_total 9",
		"teeline_sessions_total{end=\"fin\"} 6",
		"teeline_sessions_total{end=\"rst\"} 1",
		"teeline_stream_bytes_total{input=\"one\",direction=\"s2c\"} "
		"20",
		"teeline_stream_gap_bytes_total 3",
		"teeline_stream_undelivered_bytes_total 11",
		"teeline_stream_overlap_conflicts_total 3",
		"teeline_capture_packets_total{iface=\"eth\\\"0\\\\\"} 1100",
		"teeline_capture_dropped_packets_total{iface=\"eth\\\"0\\\\\","
		"reason=\"kernel\"} 77",
		"teeline_capture_dropped_packets_total{iface=\"eth\\\"0\\\\\","
		"reason=\"nic\"} 88",
		"teeline_output_offered_bytes_total{output=\"log\"} 50",
		"teeline_output_written_bytes_total{output=\"log\"} 33",
		"teeline_output_queue_bytes{output=\"log\"} 11",
		"teeline_output_dropped_bytes_total{output=\"log\","
		"reason=\"closing\"} 6",
		"teeline_output_dropped_bytes_total{output=\"log\","
		"reason=\"queue_full\"} 0",
		"teeline_output_dropped_records_total{output=\"log\","
		"reason=\"closing\"} 5",
		"teeline_output_dropped_records_total{output=\"log\","
		"reason=\"gone\"} 0",
		"teeline_control_clients 4",
		"teeline_control_streams 3",
		"teeline_control_refused_connections_total 2",
		"teeline_control_responses_total{class=\"4xx\"} 40",
		"process_start_time_seconds 1795284714.198173445",
	};
	struct obuf o = { .data = NULL };
	char *text = metrics_text(&o);

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[256];
		char *at;

		(void)snprintf(line, sizeof(line), "\n%s\n", lines[i]);
		at = strstr(text, line);
		if (at == NULL)
			fail_msg("%s is not there", lines[i]);
		else
			assert_null(strstr(at + 1, line));
	}
	obuf_done(&o);
}

/* HELP and TYPE once, before the samples, which stand together. */
static void
test_families(void **state)
{
	struct obuf o = { .data = NULL };
	char *text = metrics_text(&o), *rest = NULL;
	char family[128] = "", seen[8192] = "";

	(void)state;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char name[128];

		if (sscanf(line, "# HELP %127s", name) == 1) {
			char mark[160];

			(void)snprintf(mark, sizeof(mark), " %s ", name);
			assert_null(strstr(seen, mark));
			strcat(seen, mark);
			strcpy(family, name);
			continue;
		}
		if (sscanf(line, "# TYPE %127s", name) == 1) {
			assert_string_equal(name, family);
			continue;
		}
		assert_int_equal(sscanf(line, "%127[a-z_]", name), 1);
		assert_string_equal(name, family);
	}
	obuf_done(&o);
}

static void
test_labels(void **state)
{
	const struct metrics_label l[] = { { "a", "x\ny" }, { "b", "\"\\" } };
	struct obuf o = { .data = NULL };

	(void)state;
	metrics_sample(&o, "n", l, 2, UINT64_MAX);
	metrics_sample(&o, "n", NULL, 0, 0);
	obuf_putc(&o, '\0');
	assert_string_equal((char *)o.data,
	    "n{a=\"x\\ny\",b=\"\\\"\\\\\"} 18446744073709551615\nn 0\n");
	obuf_done(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
