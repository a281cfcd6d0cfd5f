#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "net/own.h"

static struct addr
end(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, ip), 0);
	a.port = port;
	return a;
}

/* In both orders, which must agree. */
static bool
had(struct addr a, struct addr b, uint64_t ts_ns)
{
	bool found = own_has(&a, &b, ts_ns);

	assert_int_equal(own_has(&b, &a, ts_ns), found);
	return found;
}

/* ... for a packet that is captured when all that leave have left. */
static bool
has(struct addr a, struct addr b)
{
	return had(a, b, UINT64_MAX);
}

static void
test_connection(void **state)
{
	struct own o = { end("192.0.2.1", 40000), end("192.0.2.9", 80), { 0 } };

	(void)state;
	assert_false(has(o.local, o.remote));
	own_enter(&o);
	assert_true(has(o.local, o.remote));
	/* One thing different each time. */
	assert_false(has(end("192.0.2.1", 40001), end("192.0.2.9", 80)));
	assert_false(has(end("192.0.2.1", 40000), end("192.0.2.9", 81)));
	assert_false(has(end("192.0.2.2", 40000), end("192.0.2.9", 80)));
	assert_false(has(end("192.0.2.1", 40000), end("192.0.2.8", 80)));
	assert_false(has(end("192.0.2.1", 80), end("192.0.2.9", 40000)));
	own_leave(&o);
	assert_false(has(o.local, o.remote));
}

static void
test_listener(void **state)
{
	struct own o = { end("2001:db8::1", 5000), { .family = AF_UNSPEC },
		{ 0 } };

	(void)state;
	own_enter(&o);
	assert_true(has(end("2001:db8::77", 1), o.local));
	assert_true(has(end("2001:db8::78", 5000), o.local));
	assert_false(has(end("2001:db8::77", 5000), end("2001:db8::2", 5000)));
	own_leave(&o);
	assert_false(has(end("2001:db8::77", 1), o.local));
}

/* Conversations of other machines may have the port as well. */
static void
test_listener_at_every_address(void **state)
{
	struct own o = { end("0.0.0.0", 5000), { .family = AF_UNSPEC }, { 0 } };

	(void)state;
	own_enter(&o);
	assert_true(has(end("192.0.2.7", 1), end("127.0.0.1", 5000)));
	assert_true(has(end("192.0.2.7", 5000), end("127.0.0.1", 5000)));
	assert_false(has(end("127.0.0.1", 5001), end("192.0.2.7", 5000)));
	assert_false(has(end("192.0.2.7", 5000), end("192.0.2.8", 1)));
	assert_false(has(end("192.0.2.7", 5000), end("192.0.2.8", 5000)));
	own_leave(&o);
	assert_false(has(end("192.0.2.7", 1), end("127.0.0.1", 5000)));
	assert_true(had(end("192.0.2.7", 1), end("127.0.0.1", 5000), 0));
}

/* A scope stands in what the kernel told us, and not in packets. */
static void
test_scope(void **state)
{
	struct own o = { end("fe80::1", 40000), end("fe80::2", 80), { 0 } };

	(void)state;
	o.local.scope = 3;
	o.remote.scope = 3;
	own_enter(&o);
	assert_true(has(end("fe80::1", 40000), end("fe80::2", 80)));
	own_leave(&o);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/*
 * It was refused, say, before its SYN was read from the ring; the port may
 * be somebody else's afterwards.
 */
static void
test_packet_from_before_it_left(void **state)
{
	struct own o = { end("192.0.2.1", 40000), end("192.0.2.9", 81), { 0 } };
	uint64_t before = now_ns();
	uint64_t after;

	(void)state;
	own_enter(&o);
	own_leave(&o);
	after = now_ns() + 1;
	assert_true(had(o.local, o.remote, before));
	assert_false(had(o.local, o.remote, after));
	assert_false(had(o.local, end("192.0.2.9", 82), before));
}

/* What is remembered has an end: the oldest are forgotten. */
static void
test_remembers_the_last_ones(void **state)
{
	struct own o = { end("192.0.2.1", 1), end("192.0.2.9", 83), { 0 } };

	(void)state;
	for (uint32_t i = 0; i <= OWN_REMEMBERED; i++) {
		o.local.port = (uint16_t)(1 + i);
		own_enter(&o);
		own_leave(&o);
	}
	assert_false(had(end("192.0.2.1", 1), o.remote, 0));
	assert_true(had(end("192.0.2.1", 2), o.remote, 0));
	assert_true(had(o.local, o.remote, 0));
}

/* More than there are lists, in and out in any order. */
static void
test_many(void **state)
{
	static struct own all[1000];

	(void)state;
	for (uint16_t i = 0; i < 1000; i++) {
		all[i].local = end("192.0.2.1", (uint16_t)(30000 + i));
		all[i].remote = end("192.0.2.9", 80);
		own_enter(&all[i]);
	}
	for (uint16_t i = 0; i < 1000; i += 2)
		own_leave(&all[i]);
	for (uint16_t i = 0; i < 1000; i++)
		assert_int_equal(has(all[i].local, all[i].remote), i % 2);
	for (uint16_t i = 1; i < 1000; i += 2)
		own_leave(&all[i]);
	for (uint16_t i = 0; i < 1000; i++)
		assert_false(has(all[i].local, all[i].remote));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connection),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_listener_at_every_address),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_packet_from_before_it_left),
		cmocka_unit_test(test_remembers_the_last_ones),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
