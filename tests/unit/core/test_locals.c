#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"
#include "core/locals.h"

static struct addr
end(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, ip), 0);
	a.port = port;
	return a;
}

/* Which end is local does not depend on who opened the connection. */
static void
test_which_end(void **state)
{
	static const struct {
		const char *local;
		uint16_t remote_port;
		const char *client;
		uint16_t client_port;
		const char *server;
		uint16_t server_port;
		bool want;
	} rows[] = {
		{ "", 0, "192.0.2.1", 9, "192.0.2.2", 80, true },
		{ "192.0.2.1", 0, "192.0.2.1", 9, "192.0.2.2", 80, true },
		{ "192.0.2.2", 0, "192.0.2.1", 9, "192.0.2.2", 80, false },
		{ "10.0.0.0/8 192.0.2.2", 0, "192.0.2.1", 9, "192.0.2.2", 80,
		    false },
		/* To itself: the port tells. */
		{ "127.0.0.1", 80, "127.0.0.1", 9, "127.0.0.1", 80, true },
		{ "127.0.0.1", 80, "127.0.0.1", 80, "127.0.0.1", 9, false },
		{ "127.0.0.1", 80, "127.0.0.1", 80, "127.0.0.1", 80, true },
		{ "127.0.0.1", 0, "127.0.0.1", 80, "127.0.0.1", 9, true },
		{ "2001:db8::/32", 5, "::1", 9, "2001:db8::7", 5, false },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		struct locals l = { .remote_port = rows[i].remote_port };
		struct addr client = end(rows[i].client, rows[i].client_port);
		struct addr server = end(rows[i].server, rows[i].server_port);

		assert_int_equal(locals_parse(&l, rows[i].local, NULL), 0);
		assert_int_equal(
		    locals_is_client(&l, &client, &server), rows[i].want);
	}
}

static void
test_lists(void **state)
{
	struct locals l = { .n = 0 };
	struct err err = { "" };

	(void)state;
	assert_int_equal(locals_parse(&l, "  ::1   127.0.0.1 ", NULL), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(locals_parse(&l, "127.0.0.1 nobody", &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"nobody\""));
	l.n = 0;
	for (int i = 0; i < LOCALS_MAX; i++)
		assert_int_equal(locals_add(&l, "127.0.0.1", NULL), 0);
	assert_int_equal(locals_add(&l, "127.0.0.1", &err), -EINVAL);
	assert_string_equal(err.text, "too many addresses: 64 are possible");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_end),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
