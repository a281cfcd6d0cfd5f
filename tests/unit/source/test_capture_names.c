#include "../net/loopback.h"

#include <sched.h>

#include "core/session.h"
#include "source/capture_names.h"

/*
 * Names of this machine: what they are is /etc/hosts' business, but 127.0.0.1
 * has one everywhere.  In a network namespace of our own, where nobody else is
 * asked.
 */

static uv_loop_t loop;
static struct capture_names *names;

static int
enter_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) != 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		fail_msg(
		    "no network namespace of our own: %s", strerror(errno));
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	names = capture_names_new(&loop);
	assert_non_null(names);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	capture_names_stop(names);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	capture_names_free(names);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static struct session
fill(const char *client, uint16_t client_port, uint16_t server_port)
{
	static struct session_more more;
	struct session s = { .open_ns = 0 };

	session_use_more(&s, &more);
	assert_int_equal(addr_parse_ip(&s.client, client), 0);
	assert_int_equal(addr_parse_ip(&s.server, "127.0.0.1"), 0);
	s.client.port = client_port;
	s.server.port = server_port;
	capture_names_fill(names, &s);
	return s;
}

/* Not known at first, then known: also for other ports of the host. */
static void
test_later(void **state)
{
	struct session s = fill("127.0.0.1", 40000, 22);
	const char *host;

	(void)state;
	assert_null(s.more->name[DIR_SERVER].host);
	assert_null(s.more->name[DIR_SERVER].service);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	s = fill("127.0.0.1", 40001, 22);
	host = s.more->name[DIR_SERVER].host;
	assert_non_null(host);
	assert_string_not_equal(host, "127.0.0.1");
	assert_ptr_equal(s.more->name[DIR_CLIENT].host, host);
	assert_non_null(s.more->name[DIR_SERVER].service);
	/* Nobody asked for this port. */
	assert_null(s.more->name[DIR_CLIENT].service);
	assert_false(uv_loop_alive(&loop));
}

/* A host without a name keeps its number, and is not asked for again. */
static void
test_no_name(void **state)
{
	struct session s;

	(void)state;
	(void)fill("0.0.0.0", 40000, 80);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	s = fill("0.0.0.0", 40000, 80);
	assert_null(s.more->name[DIR_CLIENT].host);
	assert_non_null(s.more->name[DIR_SERVER].host);
	assert_false(uv_loop_alive(&loop));
}

/* A flood of addresses costs a bounded number of look-ups at a time. */
static void
test_flood(void **state)
{
	unsigned active;

	(void)state;
	for (uint16_t i = 1; i <= 1000; i++)
		(void)fill("127.0.0.1", i, 80);
	active = loop.active_reqs.count;
	assert_true(active > 0);
	assert_true(active <= 2 * 64);
}

/* Stopping while they are under way: no answer comes any more. */
static void
test_stop(void **state)
{
	struct session s;

	(void)state;
	(void)fill("127.0.0.1", 40000, 80);
	capture_names_stop(names);
	capture_names_stop(names);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	s = fill("127.0.0.1", 40000, 80);
	assert_null(s.more->name[DIR_SERVER].host);
	capture_names_stop(names);
}

static void
test_free_nothing(void **state)
{
	(void)state;
	capture_names_free(NULL);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(test_later),
		SCENE(test_no_name),
		SCENE(test_flood),
		SCENE(test_stop),
		cmocka_unit_test(test_free_nothing),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
