#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "base/addr.h"
#include "base/obuf.h"

#include "wire/jsonl.h"

#define START_NS 1795336200123456789

/* What was put is one line, and exactly @want; the buffer is empty again. */
static void
assert_line(struct obuf *o, const char *want)
{
	assert_false(o->failed);
	assert_int_equal(o->len, strlen(want));
	assert_memory_equal(o->data, want, o->len);
	assert_int_equal(o->data[o->len - 1], '\n');
	obuf_clear(o);
}

static struct addr
numeric(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, ip), 0);
	a.port = port;
	return a;
}

static void
events_of_a_stream(void **state)
{
	const struct jsonl_place at = {
		.head = { START_NS, 12 },
		.dir = "s2c",
		.off = 1448,
	};
	struct obuf o = { .data = NULL };

	(void)state;
	jsonl_data_put(&o, &at, (const uint8_t *)"hey\n", 4);
	assert_line(&o, "{\"v\":1,\"ts\":\"2026-11-22T08:30:00.123456789Z\","
			"\"event\":\"data\",\"session\":12,\"dir\":\"s2c\","
			"\"offset\":1448,\"len\":4,\"data\":\"aGV5Cg==\"}\n");
	jsonl_gap_put(&o, &at, UINT64_MAX, "lost");
	assert_line(&o, "{\"v\":1,\"ts\":\"2026-11-22T08:30:00.123456789Z\","
			"\"event\":\"gap\",\"session\":12,\"dir\":\"s2c\","
			"\"offset\":1448,\"len\":18446744073709551615,"
			"\"why\":\"lost\"}\n");
	jsonl_conflict_put(
	    &o, &at, (const uint8_t *)"a", (const uint8_t *)"b", 1);
	assert_line(&o, "{\"v\":1,\"ts\":\"2026-11-22T08:30:00.123456789Z\","
			"\"event\":\"conflict\",\"session\":12,\"dir\":\"s2c\","
			"\"offset\":1448,\"len\":1,\"kept\":\"YQ==\","
			"\"other\":\"Yg==\"}\n");
	jsonl_end_put(&o, &at, "rst");
	assert_line(&o, "{\"v\":1,\"ts\":\"2026-11-22T08:30:00.123456789Z\","
			"\"event\":\"end\",\"session\":12,\"dir\":\"s2c\","
			"\"offset\":1448,\"how\":\"rst\"}\n");
	obuf_done(&o);
}

/* The identifier is that of the connection beside the client. */
static void
open_of_a_relay(void **state)
{
	const struct addr client = numeric("127.0.0.1", 40112);
	const struct addr server = numeric("198.51.100.1", 8080);
	const struct addr listen = numeric("192.0.2.7", 21);
	const struct addr local = numeric("127.0.0.1", 5);
	const struct jsonl_open e = {
		.head = { START_NS, 1 },
		.source = "proxy",
		.input = "in",
		.client = &client,
		.server = &server,
		.listen = &listen,
		.local = &local,
		.target = "a.example:80",
	};
	struct obuf o = { .data = NULL };

	(void)state;
	jsonl_open_put(&o, &e);
	assert_line(&o,
	    "{\"v\":1,\"ts\":\"2026-11-22T08:30:00.123456789Z\","
	    "\"event\":\"open\",\"session\":1,\"source\":\"proxy\","
	    "\"input\":\"in\",\"client\":\"127.0.0.1:40112\","
	    "\"server\":\"198.51.100.1:8080\",\"listen\":\"192.0.2.7:21\","
	    "\"local\":\"127.0.0.1:5\",\"target\":\"a.example:80\","
	    "\"community_id\":\"1:yUPZKCNXXKSUKk2K09DJaDdvCKM=\"}\n");
	obuf_done(&o);
}

static void
open_of_what_is_overheard(void **state)
{
	const struct addr client = numeric("127.0.0.1", 40112);
	const struct addr server = numeric("192.0.2.7", 21);
	const struct addr none = { .family = AF_UNSPEC };
	const struct jsonl_open e = {
		.head = { START_NS, 1 },
		.source = "tap",
		.client = &client,
		.server = &server,
		.listen = &none,
		.local = &none,
		.midstream = true,
	};
	struct obuf o = { .data = NULL };

	(void)state;
	jsonl_open_put(&o, &e);
	assert_line(&o,
	    "{\"v\":1,\"ts\":\"2026-11-22T08:30:00.123456789Z\","
	    "\"event\":\"open\",\"session\":1,\"source\":\"tap\","
	    "\"client\":\"127.0.0.1:40112\",\"server\":\"192.0.2.7:21\","
	    "\"community_id\":\"1:yUPZKCNXXKSUKk2K09DJaDdvCKM=\","
	    "\"midstream\":true}\n");
	obuf_done(&o);
}

static void
close_says_what_there_is_to_say(void **state)
{
	const uint64_t packets[] = { 7, 8 }, again[] = { 0, 1 };
	struct jsonl_close e = {
		.head = { START_NS + 9, 3 },
		.reason = "fin",
		.first = "client",
		.open_ns = START_NS,
		.bytes = { 1, 2 },
		.gap_bytes = { 3, 4 },
	};
	struct obuf o = { .data = NULL };

	(void)state;
	jsonl_close_put(&o, &e);
	assert_line(&o,
	    "{\"v\":1,\"ts\":\"2026-11-22T08:30:00.123456798Z\","
	    "\"event\":\"close\",\"session\":3,\"reason\":\"fin\","
	    "\"first\":\"client\",\"bytes\":{\"c2s\":1,\"s2c\":2},"
	    "\"gap_bytes\":{\"c2s\":3,\"s2c\":4},\"duration_ns\":9}\n");
	e.lost_bytes[1] = 6;
	e.packets = packets;
	e.retransmitted = again;
	e.error = "no \"route\"";
	jsonl_close_put(&o, &e);
	assert_line(&o, "{\"v\":1,\"ts\":\"2026-11-22T08:30:00.123456798Z\","
			"\"event\":\"close\",\"session\":3,\"reason\":\"fin\","
			"\"first\":\"client\",\"bytes\":{\"c2s\":1,\"s2c\":2},"
			"\"gap_bytes\":{\"c2s\":3,\"s2c\":4},\"duration_ns\":9,"
			"\"lost\":{\"c2s\":0,\"s2c\":6},"
			"\"packets\":{\"c2s\":7,\"s2c\":8},"
			"\"retransmitted\":{\"c2s\":0,\"s2c\":1},"
			"\"error\":\"no \\\"route\\\"\"}\n");
	obuf_done(&o);
}

/* What users write and programs send is JSON, and one line, all the same. */
static void
hostile_text_is_json(void **state)
{
	const struct addr end = { .family = AF_UNIX,
		.path = "/run/a\n\"}\xff\x01b" };
	const struct addr none = { .family = AF_UNSPEC };
	const struct jsonl_open e = {
		.source = "proxy",
		.client = &end,
		.server = &end,
		.listen = &none,
		.local = &none,
		.target = "x\"\\\n\xc3(",
	};
	struct obuf o = { .data = NULL };
	json_t *json;

	(void)state;
	jsonl_open_put(&o, &e);
	assert_ptr_equal(
	    memchr(o.data, '\n', o.len), (char *)o.data + o.len - 1);
	json = json_loadb((char *)o.data, o.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "target")),
	    "x\"\\\n\xef\xbf\xbd(");
	assert_null(json_object_get(json, "community_id"));
	json_decref(json);
	obuf_done(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_of_a_stream),
		cmocka_unit_test(open_of_a_relay),
		cmocka_unit_test(open_of_what_is_overheard),
		cmocka_unit_test(close_says_what_there_is_to_say),
		cmocka_unit_test(hostile_text_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
