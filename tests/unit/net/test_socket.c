#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "net/socket.h"

/* Without a host, a family alone still means loopback. */
static void
listens_on_loopback_of_one_family(void **state)
{
	struct endpoint e = {
		.how = ENDPOINT_LISTEN,
		.family = ENDPOINT_TCP4,
	};
	struct socket_listen_opts opts = { .backlog = 1 };
	struct socket_listener out[SOCKET_MAX_ADDRS];
	struct addr loopback;
	struct err err;
	size_t n;

	(void)state;
	assert_int_equal(socket_listen(&e, &opts, out, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(addr_parse_ip(&loopback, "127.0.0.1"), 0);
	assert_true(addr_same_ip(&out[0].addr, &loopback));
	assert_int_not_equal(out[0].addr.port, 0);
	socket_unlisten(&out[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listens_on_loopback_of_one_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
