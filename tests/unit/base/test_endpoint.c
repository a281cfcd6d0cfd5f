#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/endpoint.h"
#include "base/err.h"

struct good {
	enum endpoint_how natural;
	const char *text;
	enum endpoint_how how;
	enum endpoint_family family;
	const char *host;
	uint16_t port;
	const char *shown; /* what endpoint_format() makes of it */
};

static const struct good goods[] = {
	/* LISTEN */
	{ ENDPOINT_LISTEN, "8081", ENDPOINT_LISTEN, ENDPOINT_ANY, NULL, 8081,
	    "8081" },
	{ ENDPOINT_LISTEN, "0", ENDPOINT_LISTEN, ENDPOINT_ANY, NULL, 0, "0" },
	{ ENDPOINT_LISTEN, "192.0.2.7:80", ENDPOINT_LISTEN, ENDPOINT_ANY,
	    "192.0.2.7", 80, "192.0.2.7:80" },
	{ ENDPOINT_LISTEN, "[::1]:0", ENDPOINT_LISTEN, ENDPOINT_ANY, "::1", 0,
	    "[::1]:0" },
	{ ENDPOINT_LISTEN, "*:65535", ENDPOINT_LISTEN, ENDPOINT_ANY, "*", 65535,
	    "*:65535" },
	{ ENDPOINT_LISTEN, "localhost:http", ENDPOINT_LISTEN, ENDPOINT_ANY,
	    "localhost", 80, "localhost:80" },
	{ ENDPOINT_LISTEN, "ftp", ENDPOINT_LISTEN, ENDPOINT_ANY, NULL, 21,
	    "21" },
	{ ENDPOINT_LISTEN, "unix:/run/a:b", ENDPOINT_LISTEN, ENDPOINT_UNIX,
	    "/run/a:b", 0, "unix:/run/a:b" },
	{ ENDPOINT_LISTEN, "dial:example.com:7", ENDPOINT_DIAL, ENDPOINT_ANY,
	    "example.com", 7, "example.com:7" },
	{ ENDPOINT_LISTEN, "dial:[::1]:7", ENDPOINT_DIAL, ENDPOINT_ANY, "::1",
	    7, "[::1]:7" },
	{ ENDPOINT_LISTEN, "dial:unix:s", ENDPOINT_DIAL, ENDPOINT_UNIX, "s", 0,
	    "unix:s" },
	{ ENDPOINT_LISTEN, "fd:0", ENDPOINT_LISTEN, ENDPOINT_FD, "0", 0,
	    "fd:0" },
	{ ENDPOINT_LISTEN, "fd:web.socket", ENDPOINT_LISTEN, ENDPOINT_FD,
	    "web.socket", 0, "fd:web.socket" },
	/* TARGET */
	{ ENDPOINT_DIAL, "listen:fd:back", ENDPOINT_LISTEN, ENDPOINT_FD, "back",
	    0, "fd:back" },
	/* Who is to be called has no descriptor yet: a host of that name. */
	{ ENDPOINT_DIAL, "fd:80", ENDPOINT_DIAL, ENDPOINT_ANY, "fd", 80,
	    "fd:80" },
	{ ENDPOINT_DIAL, "example.com:21", ENDPOINT_DIAL, ENDPOINT_ANY,
	    "example.com", 21, "example.com:21" },
	{ ENDPOINT_DIAL, "[2001:db8::7]:443", ENDPOINT_DIAL, ENDPOINT_ANY,
	    "2001:db8::7", 443, "[2001:db8::7]:443" },
	{ ENDPOINT_DIAL, "unix:rel/path", ENDPOINT_DIAL, ENDPOINT_UNIX,
	    "rel/path", 0, "unix:rel/path" },
	{ ENDPOINT_DIAL, "listen:9000", ENDPOINT_LISTEN, ENDPOINT_ANY, NULL,
	    9000, "9000" },
	{ ENDPOINT_DIAL, "listen:*:9000", ENDPOINT_LISTEN, ENDPOINT_ANY, "*",
	    9000, "*:9000" },
	{ ENDPOINT_DIAL, "listen:127.0.0.1:0", ENDPOINT_LISTEN, ENDPOINT_ANY,
	    "127.0.0.1", 0, "127.0.0.1:0" },
	{ ENDPOINT_DIAL, "listen:unix:/s", ENDPOINT_LISTEN, ENDPOINT_UNIX, "/s",
	    0, "unix:/s" },
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		const struct good *g = &goods[i];
		struct err err = { "" };
		char shown[ADDR_TEXT_MAX];
		struct endpoint e;

		if (endpoint_parse(&e, g->natural, g->text, &err) != 0)
			fail_msg("%s: %s", g->text, err.text);
		assert_int_equal(e.how, g->how);
		assert_int_equal(e.family, g->family);
		assert_int_equal(e.port, g->port);
		if (g->host == NULL)
			assert_null(e.host);
		else
			assert_string_equal(e.host, g->host);
		assert_string_equal(endpoint_format(&e, shown), g->shown);
		endpoint_done(&e);
		endpoint_done(&e);
	}
}

struct bad {
	enum endpoint_how natural;
	const char *text;
	const char *says;
};

static const struct bad bads[] = {
	{ ENDPOINT_LISTEN, "", "\"\": \"\" is neither a port number (0 to" },
	{ ENDPOINT_LISTEN, "65536", "\"65536\" is neither a port number (0" },
	{ ENDPOINT_LISTEN, "-1", "neither a port number" },
	{ ENDPOINT_LISTEN, "+80", "neither a port number" },
	{ ENDPOINT_LISTEN, " 80", "neither a port number" },
	{ ENDPOINT_LISTEN, "80x", "neither a port number" },
	{ ENDPOINT_LISTEN, "127.0.0.1:0x50", "\"0x50\" is neither a port" },
	{ ENDPOINT_LISTEN, "99999999999999999999", "neither a port number" },
	{ ENDPOINT_LISTEN, "no-such-service", "nor a known service" },
	{ ENDPOINT_LISTEN, ":80", "80 alone listens on loopback, *:80 on" },
	{ ENDPOINT_LISTEN, "::1:80", "stands in brackets, as in [::1]:80" },
	{ ENDPOINT_LISTEN, "[::1:80", "is written [ADDR]:PORT" },
	{ ENDPOINT_LISTEN, "[::1]80", "is written [ADDR]:PORT" },
	{ ENDPOINT_LISTEN, "[127.0.0.1]:80", "\"127.0.0.1\" is no IPv6" },
	{ ENDPOINT_LISTEN, "[]:80", "\"\" is no IPv6 address" },
	{ ENDPOINT_LISTEN, "unix:", "the path is missing: unix:PATH" },
	{ ENDPOINT_LISTEN, "/run/sock", "written unix:PATH" },
	{ ENDPOINT_LISTEN, "fd:", "number or name of the descriptor is" },
	{ ENDPOINT_LISTEN, "dial:80", "HOST:PORT is needed" },
	{ ENDPOINT_LISTEN, "dial:*:80", "* cannot be connected to" },
	{ ENDPOINT_DIAL, "80", "HOST:PORT is needed, as in localhost:80" },
	{ ENDPOINT_DIAL, "example.com", "HOST:PORT is needed" },
	{ ENDPOINT_DIAL, "example.com:", "\"\" is neither a port number (1" },
	{ ENDPOINT_DIAL, "example.com:0", "port 0 cannot be connected to" },
	{ ENDPOINT_DIAL, "[::1]:0", "port 0 cannot be connected to" },
	{ ENDPOINT_DIAL, ":80", "localhost:80 is this machine" },
	{ ENDPOINT_DIAL, "*:80", "* cannot be connected to" },
	{ ENDPOINT_DIAL, "http://example.com:80", "no / in HOST:PORT" },
	{ ENDPOINT_DIAL, "listen:", "neither a port number (0" },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		const struct bad *b = &bads[i];
		struct endpoint e = { .port = 7 };
		struct err err = { "" };

		assert_int_equal(
		    endpoint_parse(&e, b->natural, b->text, &err), -EINVAL);
		if (strstr(err.text, b->says) == NULL ||
		    strstr(err.text, b->text) == NULL)
			fail_msg("%s: %s", b->text, err.text);
		assert_int_equal(e.port, 7);
	}
}

/* The kernel's limit, to the byte: a path cut short is another socket. */
static void
test_lengths(void **state)
{
	char text[512] = "unix:";
	struct err err;
	struct endpoint e;

	(void)state;
	memset(text + 5, 'p', 107);
	assert_int_equal(endpoint_parse(&e, ENDPOINT_LISTEN, text, &err), 0);
	assert_int_equal(strlen(e.host), 107);
	endpoint_done(&e);
	text[5 + 107] = 'p';
	assert_int_equal(
	    endpoint_parse(&e, ENDPOINT_LISTEN, text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "has 108 bytes; a socket's has at "
					 "most 107"));

	memset(text, 'h', sizeof(text));
	memcpy(text + 253, ":80", 4);
	assert_int_equal(endpoint_parse(&e, ENDPOINT_DIAL, text, &err), 0);
	endpoint_done(&e);
	memcpy(text + 253, "h:80", 5);
	assert_int_equal(
	    endpoint_parse(&e, ENDPOINT_DIAL, text, &err), -EINVAL);
}

static void
test_copy_is_deep(void **state)
{
	struct endpoint a;
	struct endpoint b;

	(void)state;
	assert_int_equal(endpoint_parse(&a, ENDPOINT_DIAL, "h:1", NULL), 0);
	assert_int_equal(endpoint_copy(&b, &a), 0);
	endpoint_done(&a);
	assert_string_equal(b.host, "h");
	assert_int_equal(b.port, 1);
	endpoint_done(&b);
	assert_int_equal(endpoint_parse(&a, ENDPOINT_LISTEN, "1", NULL), 0);
	assert_int_equal(endpoint_copy(&b, &a), 0);
	assert_null(b.host);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_copy_is_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
