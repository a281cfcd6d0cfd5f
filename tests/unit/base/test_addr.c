#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "base/addr.h"
#include "base/attr.h"

/* Every form that is written can be read, and comes out the same. */
static void
test_text_and_back(void **state)
{
	static const char *const ips[] = { "127.0.0.1", "0.0.0.0", "::", "::1",
		"2001:db8::1", "255.255.255.255" };
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(ips); i++) {
		assert_int_equal(addr_parse_ip(&a, ips[i]), 0);
		assert_string_equal(addr_format_ip(&a, text), ips[i]);
	}
}

static void
test_bad_text(void **state)
{
	static const char *const bad[] = { "", "localhost", "1.2.3",
		"1.2.3.4.5", "1.2.3.256", "[::1]", "::1%",
		"::1%nosuchinterface", "127.0.0.1%lo", "1.2.3.4:80" };
	struct addr a = { .family = AF_UNIX, .port = 7 };

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(bad); i++)
		assert_int_equal(addr_parse_ip(&a, bad[i]), -EINVAL);
	assert_int_equal(a.port, 7); /* untouched by failures */
}

static void
test_format(void **state)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse_ip(&a, "192.0.2.7"), 0);
	a.port = 21;
	assert_string_equal(addr_format(&a, text), "192.0.2.7:21");
	assert_int_equal(addr_parse_ip(&a, "::1"), 0);
	a.port = 65535;
	assert_string_equal(addr_format(&a, text), "[::1]:65535");
	a = (struct addr){ .family = AF_UNIX, .path = "/run/x" };
	assert_string_equal(addr_format(&a, text), "unix:/run/x");
	a = (struct addr){ .family = AF_UNSPEC };
	assert_string_equal(addr_format(&a, text), "?");
}

static void
test_scope(void **state)
{
	char text[ADDR_TEXT_MAX];
	struct addr a, b;

	(void)state;
	assert_int_equal(addr_parse_ip(&a, "fe80::1%1"), 0);
	assert_int_equal(a.scope, 1);
	assert_string_equal(addr_format(&a, text), "[fe80::1%1]:0");
	b = a;
	b.scope = 2;
	assert_false(addr_equal(&a, &b));
	assert_true(addr_same_ip(&a, &b));
}

/* What goes to the kernel comes back from it, whatever the family. */
static void
test_kernel_and_back(void **state)
{
	static const char *const ips[] = { "192.0.2.7", "2001:db8::7" };
	struct sockaddr_storage ss;
	struct addr a, b;
	socklen_t len;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(ips); i++) {
		assert_int_equal(addr_parse_ip(&a, ips[i]), 0);
		a.port = 4711;
		assert_int_equal(addr_to_sockaddr(&a, &ss, &len), 0);
		addr_from_sockaddr(&b, (struct sockaddr *)&ss, "");
		assert_true(addr_equal(&a, &b));
	}
	a = (struct addr){ .family = AF_UNIX, .path = "/run/x" };
	assert_int_equal(addr_to_sockaddr(&a, &ss, &len), 0);
	addr_from_sockaddr(&b, (struct sockaddr *)&ss, "/run/x");
	assert_true(addr_equal(&a, &b));
	a = (struct addr){ .family = AF_UNSPEC };
	assert_int_equal(addr_to_sockaddr(&a, &ss, &len), -EAFNOSUPPORT);
}

static void
test_path_too_long(void **state)
{
	struct sockaddr_storage ss;
	char path[200];
	struct addr a = { .family = AF_UNIX, .path = path };
	socklen_t len;

	(void)state;
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(addr_to_sockaddr(&a, &ss, &len), -ENAMETOOLONG);
}

static void
test_mapped_is_v4(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(80) };
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	in6.sin6_addr.s6_addr[12] = 10;
	in6.sin6_addr.s6_addr[15] = 9;
	addr_from_sockaddr(&a, (struct sockaddr *)&in6, "");
	assert_string_equal(addr_format(&a, text), "10.0.0.9:80");
}

static void
test_any(void **state)
{
	static const struct {
		const char *ip;
		bool any;
	} rows[] = { { "0.0.0.0", true }, { "::", true }, { "0.0.0.1", false },
		{ "::1", false }, { "127.0.0.1", false } };
	struct addr a = { .family = AF_UNSPEC };

	(void)state;
	assert_true(addr_is_any(&a));
	a = (struct addr){ .family = AF_UNIX, .path = "" };
	assert_false(addr_is_any(&a));
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		assert_int_equal(addr_parse_ip(&a, rows[i].ip), 0);
		assert_int_equal(addr_is_any(&a), rows[i].any);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_back),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_kernel_and_back),
		cmocka_unit_test(test_path_too_long),
		cmocka_unit_test(test_mapped_is_v4),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
