#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/addr_net.h"
#include "base/attr.h"
#include "base/err.h"

static void
test_who_belongs(void **state)
{
	static const struct {
		const char *net, *in, *out;
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
		{ "10.0.0.0/8", "10.255.255.255", "11.0.0.0" },
		{ "10.0.0.0/9", "10.127.0.1", "10.128.0.0" },
		{ "192.0.2.128/25", "192.0.2.255", "192.0.2.127" },
		{ "192.0.2.6/31", "192.0.2.7", "192.0.2.8" },
		{ "0.0.0.0/0", "255.255.255.255", "::" },
		{ "::/0", "ff::1", "0.0.0.0" },
		{ "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::" },
		{ "::1", "::1", "::" },
		{ "::1/128", "::1", "::3" },
	};
	struct addr_net net;
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		assert_int_equal(addr_net_parse(&net, rows[i].net, NULL), 0);
		assert_int_equal(addr_parse_ip(&a, rows[i].in), 0);
		a.port = 5;
		assert_true(addr_net_has(&net, &a));
		assert_int_equal(addr_parse_ip(&a, rows[i].out), 0);
		assert_false(addr_net_has(&net, &a));
	}
	assert_int_equal(addr_net_parse(&net, "192.0.2.7/32", NULL), 0);
	assert_true(addr_net_is_one(&net));
	assert_int_equal(addr_net_parse(&net, "192.0.2.6/31", NULL), 0);
	assert_false(addr_net_is_one(&net));
}

static void
test_what_is_wrong(void **state)
{
	static const char *const bad[] = { "", "localhost", "10.0.0.0/33",
		"::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "/8",
		"10.0.0.0/8x", "1.2.3.4:5" };
	struct addr_net net = { .bits = 7 };
	struct err err = { "" };

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(bad); i++)
		assert_int_equal(addr_net_parse(&net, bad[i], NULL), -EINVAL);
	assert_int_equal(net.bits, 7);
	assert_int_equal(addr_net_parse(&net, "10.1.2.3/8", &err), -EINVAL);
	assert_string_equal(err.text,
	    "\"10.1.2.3/8\" has bits behind its prefix (did you mean "
	    "10.0.0.0/8?)");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_belongs),
		cmocka_unit_test(test_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
