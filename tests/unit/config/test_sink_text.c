#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/obuf.h"
#include "config/sink_text.h"

static const struct sink_key tee_keys[] = {
	{ "dir", "c2s|s2c|both", "what to copy" },
	{ "prefix", "header", "put before each payload" },
	{ NULL, NULL, NULL },
};

static const struct sink_kind text_kind = { .name = "text", .arg = "FILE" };
static const struct sink_kind flows_kind = { .name = "flows", .arg = "DIR" };
static const struct sink_kind tee_kind = {
	.name = "tee", .arg = "HOST:PORT", .keys = tee_keys
};
static const struct sink_kind null_kind = { .name = "null" };

static const struct sink_kind void_kind = { .name = "void", .arg = "" };

static const struct sink_kind *const list[] = { &text_kind, &flows_kind,
	&tee_kind, &null_kind, &void_kind };
static const struct sink_text_kinds kinds = { list,
	sizeof(list) / sizeof(list[0]) };

static struct sink_spec
good(const char *text)
{
	struct sink_spec spec;
	struct err err = { "" };

	if (sink_text_parse(&spec, text, &kinds, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return spec;
}

struct arg {
	const char *text;
	const char *kind;
	const char *arg;
};

static void
test_arguments(void **state)
{
	static const struct arg args[] = {
		{ "text:-", "text", "-" },
		{ "text:a/{id}:b.txt", "text", "a/{id}:b.txt" },
		{ "text:a\\,b", "text", "a,b" },
		{ "text:a\\\\b\\c,port=1", "text", "a\\bc" },
		{ "text:a=b", "text", "a=b" },
		{ "tee:[::1]:80", "tee", "[::1]:80" },
		{ "null", "null", "" },
		{ "void", "void", "" },
		{ "null:", "null", "" },
		{ "null,name=x", "null", "" },
		{ "null:,name=x", "null", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		struct sink_spec spec = good(args[i].text);

		assert_string_equal(spec.kind, args[i].kind);
		assert_string_equal(spec.arg, args[i].arg);
		sink_spec_done(&spec);
		sink_spec_done(&spec);
	}
}

static void
test_keys(void **state)
{
	struct sink_spec spec = good("tee:h:1,dir=both,on-full=pause,"
				     "queue=64KiB,name=a.b-1,port=http,"
				     "client=[2001:db8::1],server=192.0.2.7,"
				     "prefix=a\\,b=c");

	(void)state;
	assert_string_equal(sink_spec_get(&spec, "dir"), "both");
	assert_string_equal(sink_spec_get(&spec, "prefix"), "a,b=c");
	assert_null(sink_spec_get(&spec, "queue"));
	assert_int_equal(spec.npairs, 2);
	assert_true(spec.has_on_full);
	assert_int_equal(spec.on_full, ON_FULL_PAUSE);
	assert_int_equal(spec.queue, 65536);
	assert_string_equal(spec.name, "a.b-1");
	assert_int_equal(spec.match.port, 80);
	assert_int_equal(spec.match.client.family, AF_INET6);
	assert_int_equal(spec.match.server.family, AF_INET);
	assert_int_equal(spec.match.server.ip[3], 7);
	assert_true(sink_spec_hears(&spec, "anything"));
	sink_spec_done(&spec);

	spec = good("tee:h:1");
	assert_false(spec.has_on_full);
	assert_int_equal(spec.queue, 0);
	assert_null(spec.name);
	assert_int_equal(spec.match.port, 0);
	assert_int_equal(spec.match.client.family, AF_UNSPEC);
	sink_spec_done(&spec);
	spec = good("tee:h:1,client=::1");
	assert_int_equal(spec.match.client.family, AF_INET6);
	sink_spec_done(&spec);
}

/* The one key that may come again: each time it is one more. */
static void
test_inputs(void **state)
{
	struct sink_spec spec = good("text:-,input=web,name=x,input=wire.1,"
				     "input=web");

	(void)state;
	assert_int_equal(spec.ninputs, 2);
	assert_string_equal(spec.inputs[0], "web");
	assert_string_equal(spec.inputs[1], "wire.1");
	assert_false(sink_spec_hears(&spec, "wire"));
	sink_spec_done(&spec);
}

static void
test_bad(void **state)
{
	static const char *const bads[][2] = {
		{ "", "\"\" is no kind of sink (\"teeline list sinks\"" },
		{ "txet:-", "\"txet\" is no kind of sink (did you mean text" },
		{ "nothing:-", "is no kind of sink (\"teeline list sinks\"" },
		{ "Text:-", "\"Text\" is no kind" },
		{ "text", "FILE is missing: text:FILE" },
		{ "text:", "FILE is missing: text:FILE" },
		{ "text:,name=x", "FILE is missing: text:FILE" },
		{ "null:x", "null takes no argument" },
		{ "void:x", "void takes no argument" },
		{ "text:a\\", "a \\ at the end escapes nothing" },
		{ "text:a,name=b\\", "a \\ at the end escapes nothing" },
		{ "text:a,b.txt", "\"b.txt\" is no key=value (a comma that "
				  "belongs to FILE is written \\,)" },
		{ "text:a,", "\"\" is no key=value" },
		{ "text:a,=b", "\"=b\" is no key=value" },
		{ "text:a,dir=both", "\"dir\" is no key of text: on-full, "
				     "queue, name, input, port, client, "
				     "server" },
		{ "tee:h:1,dri=both", "\"dri\" is no key of tee (did you mean "
				      "dir?): dir, prefix, on-full, queue" },
		{ "tee:h:1,dir=c2s,dir=s2c", "dir= is given twice" },
		{ "text:a,port=1,port=2", "port= is given twice" },
		{ "text:a,on-full=wait", "on-full: \"wait\" is none of drop, "
					 "pause, close" },
		{ "text:a,queue=1", "queue: 1 is out of range: 4KiB to 1TiB" },
		{ "text:a,queue=many", "queue: \"many\" is no size" },
		{ "text:a,name=", "name: \"\" is no name" },
		{ "text:a,name=a b", "name: \"a b\" is no name" },
		{ "text:a,input=a b", "input: \"a b\" is no name" },
		{ "text:a,input=a,input=", "input: \"\" is no name" },
		{ "text:a,input=a,name=x,name=x", "name= is given twice" },
		{ "text:a,port=0", "port: \"0\" is neither" },
		{ "text:a,client=localhost", "client: \"localhost\" is no IP" },
		{ "text:a,server=1.2.3.4:80", "is no IP address: as in "
					      "192.0.2.7 or [2001:db8::7], "
					      "without a port" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct sink_spec spec = { .queue = 7 };
		struct err err = { "" };

		assert_int_equal(
		    sink_text_parse(&spec, bads[i][0], &kinds, &err), -EINVAL);
		if (strstr(err.text, bads[i][1]) == NULL ||
		    strstr(err.text, bads[i][0]) == NULL)
			fail_msg("%s: %s", bads[i][0], err.text);
		assert_int_equal(spec.queue, 7);
	}
}

/* Each key that "teeline list sinks" shows is understood. */
static void
test_shared_keys_are_the_listed_ones(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct sink_key *k = sink_text_keys(); k->key; k++, n++) {
		char text[64];
		struct sink_spec spec;
		struct err err = { "" };

		(void)snprintf(text, sizeof(text), "text:-,%s=\x01", k->key);
		assert_int_equal(
		    sink_text_parse(&spec, text, &kinds, &err), -EINVAL);
		assert_null(strstr(err.text, "is no key"));
	}
	assert_int_equal(n, 7);
}

/* A text is what it was made from, whatever the order; and comes back. */
static void
test_format(void **state)
{
	static const char *const pairs[][2] = {
		{ "text:-", "text:-" },
		{ "null", "null" },
		{ "null:", "null" },
		{ "text:a\\,b\\\\c=d", "text:a\\,b\\\\c=d" },
		{ "tee:h:1,name=x,dir=both,queue=65536",
		    "tee:h:1,dir=both,queue=64KiB,name=x" },
		{ "null,input=b,queue=65536,input=a",
		    "null,queue=64KiB,input=b,input=a" },
		{ "tee:h:1,prefix=a\\,b,server=[::1],client=192.0.2.7,port=80,"
		  "on-full=drop",
		    "tee:h:1,prefix=a\\,b,on-full=drop,port=80,"
		    "client=192.0.2.7,server=::1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct sink_spec spec = good(pairs[i][0]);
		struct sink_spec again;
		struct obuf out = { .data = NULL };

		sink_text_format(&spec, &out);
		obuf_putc(&out, '\0');
		assert_string_equal((char *)out.data, pairs[i][1]);
		again = good((char *)out.data);
		assert_string_equal(again.arg, spec.arg);
		assert_int_equal(again.npairs, spec.npairs);
		sink_spec_done(&again);
		sink_spec_done(&spec);
		obuf_done(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_shared_keys_are_the_listed_ones),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
