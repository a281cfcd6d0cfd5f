#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/obuf.h"
#include "http/http_judge.h"

/* Who is judged here answers nothing. */
static void
nobody(struct http_request *rq)
{
	(void)rq;
	fail();
}

static const struct http_route routes[] = {
	{ HTTP_GET, "/api/things", false, { "limit", "q" }, nobody },
	{ HTTP_POST, "/api/things", false, { NULL }, nobody },
	{ HTTP_GET, "/api/things/{}", false, { NULL }, nobody },
	{ HTTP_DELETE, "/api/things/{}", false, { NULL }, nobody },
	{ HTTP_GET, "/api/things/{}/parts", false, { NULL }, nobody },
	{ HTTP_GET, "/open", true, { NULL }, nobody },
};

static const struct http_route files = { HTTP_GET, "", true, { NULL }, nobody };

static bool
has_file(const char *path)
{
	return strcmp(path, "/") == 0;
}

/* --- routes ------------------------------------------------------------ */

static void
test_routes(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		int route; /* -1: none */
		unsigned allow;
		const char *arg;
	} rows[] = {
		{ "GET", "/api/things", 0, HTTP_GET | HTTP_POST, "" },
		{ "HEAD", "/api/things", 0, HTTP_GET | HTTP_POST, "" },
		{ "POST", "/api/things", 1, HTTP_GET | HTTP_POST, "" },
		{ "PUT", "/api/things", -1, HTTP_GET | HTTP_POST, "" },
		{ "BREW", "/api/things", -1, HTTP_GET | HTTP_POST, "" },
		{ "get", "/api/things", -1, HTTP_GET | HTTP_POST, "" },
		{ "GET", "/api/things/", -1, 0, "" },
		{ "GET", "/api/things/x", 2, HTTP_GET | HTTP_DELETE, "x" },
		{ "DELETE", "/api/things/a.b", 3, HTTP_GET | HTTP_DELETE,
		    "a.b" },
		{ "GET", "/api/things/x/", -1, 0, "" },
		{ "GET", "/api/things/x/parts", 4, HTTP_GET, "x" },
		{ "GET", "/api/things//parts", -1, 0, "" },
		{ "GET", "/api/things/x/y/parts", -1, 0, "" },
		{ "GET", "/api/things/x/partsy", -1, 0, "" },
		{ "GET", "/api", -1, 0, "" },
		{ "GET", "", -1, 0, "" },
	};
	struct http_route_match m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		http_route_find(routes, 6, http_route_method(rows[i].method),
		    rows[i].path, &m);
		assert_ptr_equal(m.route,
		    rows[i].route >= 0 ? &routes[rows[i].route] : NULL);
		assert_int_equal(m.allow, rows[i].allow);
		assert_string_equal(m.arg, rows[i].arg);
	}
}

static void
test_the_longest_argument(void **state)
{
	char path[sizeof("/api/things/") + HTTP_ROUTE_ARG_MAX + 1] =
	    "/api/things/";
	size_t head = strlen(path);
	struct http_route_match m;

	(void)state;
	memset(path + head, 'x', HTTP_ROUTE_ARG_MAX);
	http_route_find(routes, 6, HTTP_GET, path, &m);
	assert_ptr_equal(m.route, &routes[2]);
	assert_int_equal(strlen(m.arg), HTTP_ROUTE_ARG_MAX);
	path[head + HTTP_ROUTE_ARG_MAX] = 'x';
	http_route_find(routes, 6, HTTP_GET, path, &m);
	assert_null(m.route);
}

static void
test_allow(void **state)
{
	struct obuf o = { .data = NULL };

	(void)state;
	http_route_allow_put(&o, HTTP_DELETE | HTTP_GET);
	obuf_putc(&o, '\0');
	assert_string_equal((char *)o.data, "GET, HEAD, DELETE");
	obuf_done(&o);
	assert_true(http_route_knows(&routes[0], "q"));
	assert_false(http_route_knows(&routes[0], "Q"));
	assert_false(http_route_knows(&routes[1], "q"));
}

static void
test_unescape(void **state)
{
	static const char *const rows[][2] = {
		{ "plain", "plain" },
		{ "%41%7a%7A", "Azz" },
		{ "a%2Fb", "a/b" },
		{ "%", "%" },
		{ "%4", "%4" },
		{ "%4g", "%4g" },
		{ "%g4", "%g4" },
		{ "%%41", "%A" },
		{ "x%00y", "x%00y" },
		{ "%ff", "\xff" },
		{ "%2541", "%41" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "%s", rows[i][0]);
		assert_int_equal(http_route_unescape(text), strlen(rows[i][1]));
		assert_string_equal(text, rows[i][1]);
	}
}

/* --- Host and Origin --------------------------------------------------- */

static void
test_host(void **state)
{
	static const struct {
		const char *host;
		bool fits;
		bool fits_any;
	} rows[] = {
		{ "192.0.2.7", true, true },
		{ "192.0.2.7:8080", true, true },
		{ "192.0.2.7:9", true, true },
		{ "localhost", true, true },
		{ "LocalHost:80", true, true },
		{ "box.example", true, true },
		{ "BOX.example:8080", true, true },
		{ "127.0.0.1", true, true },
		{ "127.9.9.9:1", true, true },
		{ "[::1]", true, true },
		{ "[::1]:8080", true, true },
		{ "192.0.2.8", false, true },
		{ "[2001:db8::1]:80", false, true },
		{ "box.example.evil.example", false, false },
		{ "evil.box.example", false, false },
		{ "localhost.", false, false },
		{ "192.0.2.7.evil.example", false, false },
		{ "192.0.2.7:", true, true },
		{ "192.0.2.7:80:80", false, false },
		{ "192.0.2.7:x", false, false },
		{ "192.0.2.7 ", false, false },
		{ "::1", false, false },
		{ "[::1", false, false },
		{ "[::1]x", false, false },
		{ "[]", false, false },
		{ ":80", false, false },
		{ "", false, false },
		{ NULL, false, false },
	};
	struct addr local;

	(void)state;
	assert_int_equal(addr_parse_ip(&local, "192.0.2.7"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_host_us us = { "box.example", &local, false };

		assert_int_equal(
		    http_host_fits(&us, rows[i].host), rows[i].fits);
		us.any = true;
		assert_int_equal(
		    http_host_fits(&us, rows[i].host), rows[i].fits_any);
	}
}

static void
test_host_of_a_socket(void **state)
{
	const struct addr local = { .family = AF_UNIX, .path = "" };
	const struct http_host_us us = { NULL, &local, false };

	(void)state;
	assert_true(http_host_fits(&us, "anything"));
	assert_true(http_host_fits(&us, NULL));
}

static void
test_origin(void **state)
{
	(void)state;
	assert_true(http_host_is_origin(NULL, "a:1"));
	assert_true(http_host_is_origin("http://a:1", "a:1"));
	assert_true(http_host_is_origin("HTTP://A:1", "a:1"));
	assert_false(http_host_is_origin("http://a:1", "a"));
	assert_false(http_host_is_origin("http://a", "a:1"));
	assert_false(http_host_is_origin("https://a:1", "a:1"));
	assert_false(http_host_is_origin("http://b:1", "a:1"));
	assert_false(http_host_is_origin("null", "a:1"));
	assert_false(http_host_is_origin("", "a:1"));
	assert_false(http_host_is_origin("http://a:1", NULL));
}

/* --- all of it --------------------------------------------------------- */

static struct addr here;

static struct http_judge
judge_new(void)
{
	assert_int_equal(addr_parse_ip(&here, "127.0.0.1"), 0);
	return (struct http_judge){
		.token = { "0123456789abcdef" },
		.routes = routes,
		.nroutes = 6,
		.files = &files,
		.has_file = has_file,
	};
}

static struct http_asked
asked_new(const char *method, const char *path, bool is_friend)
{
	return (struct http_asked){
		.method = method,
		.path = path,
		.host = "localhost:80",
		.authorization = is_friend ? "Bearer 0123456789abcdef" : NULL,
		.local = &here,
		.mono_ns = 1000000000,
	};
}

static unsigned
judge(struct http_judge *j, const struct http_asked *a)
{
	struct http_route_match m;
	const char *why = NULL;
	unsigned status = http_judge(j, a, &m, &why);

	if (status != 0)
		assert_non_null(why);
	return status;
}

static void
test_who_may_ask(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		unsigned stranger;
		unsigned known;
	} rows[] = {
		{ "GET", "/", 0, 0 },
		{ "POST", "/", 405, 405 },
		{ "GET", "/open", 0, 0 },
		{ "PUT", "/open", 405, 405 },
		{ "GET", "/api/things", 401, 0 },
		{ "POST", "/api/things", 401, 0 },
		{ "PUT", "/api/things", 405, 405 },
		{ "DELETE", "/api/things/x", 401, 0 },
		{ "GET", "/nothing", 404, 404 },
	};
	struct http_judge j = judge_new();
	struct http_asked a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a = asked_new(rows[i].method, rows[i].path, false);
		assert_int_equal(judge(&j, &a), rows[i].stranger);
		a = asked_new(rows[i].method, rows[i].path, true);
		assert_int_equal(judge(&j, &a), rows[i].known);
	}
}

/* What comes from elsewhere learns not even which paths there are. */
static void
test_what_is_refused_first(void **state)
{
	struct http_judge j = judge_new();
	struct http_asked a = asked_new("GET", "/nothing", true);

	(void)state;
	a.repeats = true;
	a.host = "evil.example";
	a.origin = "http://evil.example";
	assert_int_equal(judge(&j, &a), 400);
	a.repeats = false;
	assert_int_equal(judge(&j, &a), 421);
	a.host = "localhost:80";
	assert_int_equal(judge(&j, &a), 403);
	a.origin = "http://localhost:80";
	assert_int_equal(judge(&j, &a), 404);
}

static size_t
ask_until_too_many(struct http_judge *j, const struct http_asked *a)
{
	size_t n = 0;

	while (judge(j, a) != 429)
		n++;
	return n;
}

static void
test_rates(void **state)
{
	struct http_judge j = judge_new();
	struct http_asked stranger = asked_new("GET", "/api/things", false);
	struct http_asked known = asked_new("GET", "/api/things", true);

	(void)state;
	assert_int_equal(ask_until_too_many(&j, &stranger), HTTP_RATE_BURST);
	assert_int_equal(ask_until_too_many(&j, &known), HTTP_RATE_BURST);
	stranger.mono_ns += 100000000;
	assert_int_equal(
	    ask_until_too_many(&j, &stranger), HTTP_RATE_PER_S / 10);
	/* However long it was quiet, there is no more than a burst. */
	stranger.mono_ns += UINT64_C(3600000000000);
	assert_int_equal(ask_until_too_many(&j, &stranger), HTTP_RATE_BURST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_the_longest_argument),
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_unescape),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_host_of_a_socket),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_who_may_ask),
		cmocka_unit_test(test_what_is_refused_first),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
