#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

#include "wire/community_id.h"

static struct addr
numeric(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, ip), 0);
	a.port = port;
	return a;
}

/*
 * The first is the specification's own; the others were computed by a program
 * that shares nothing with this one.  Both directions give the same.
 */
static void
vectors(void **state)
{
	static const struct {
		const char *client;
		uint16_t client_port;
		const char *server;
		uint16_t server_port;
		const char *want;
	} row[] = {
		{ "128.232.110.120", 34855, "66.35.250.204", 80,
		    "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
		{ "127.0.0.1", 40112, "192.0.2.7", 21,
		    "1:yUPZKCNXXKSUKk2K09DJaDdvCKM=" },
		{ "2001:db8::5", 40000, "fe80::1", 443,
		    "1:a5x3/1W5vea1Ea4ihEqWjyoBlXk=" },
		/* The same address: the ports decide. */
		{ "::1", 40000, "::1", 443, "1:tYQIaE6aISTYb9ZCu9tlAAvKvdY=" },
	};
	struct addr client, server;
	char buf[COMMUNITY_ID_MAX];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		client = numeric(row[i].client, row[i].client_port);
		server = numeric(row[i].server, row[i].server_port);
		assert_true(community_id_format(&client, &server, buf));
		assert_string_equal(buf, row[i].want);
		assert_true(community_id_format(&server, &client, buf));
		assert_string_equal(buf, row[i].want);
	}
}

static void
none(void **state)
{
	struct addr v4 = numeric("127.0.0.1", 1), v6 = numeric("::1", 1);
	struct addr here = { .family = AF_UNIX, .path = "/run/x" };
	struct addr nobody = { .family = AF_UNSPEC };
	char buf[COMMUNITY_ID_MAX] = "left over";

	(void)state;
	assert_false(community_id_format(&v4, &v6, buf));
	assert_string_equal(buf, "");
	assert_false(community_id_format(&here, &here, buf));
	assert_false(community_id_format(&v4, &here, buf));
	assert_false(community_id_format(&nobody, &nobody, buf));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
