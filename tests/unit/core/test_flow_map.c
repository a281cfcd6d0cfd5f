#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/flow_map.h"

static struct addr
end_of(const char *ip, unsigned port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, ip), 0);
	a.port = (uint16_t)port;
	return a;
}

static void
key_is_the_same_both_ways(void **state)
{
	static const struct {
		const char *a;
		unsigned a_port;
		const char *b;
		unsigned b_port;
	} rows[] = {
		{ "192.0.2.1", 40000, "192.0.2.2", 80 },
		{ "192.0.2.2", 40000, "192.0.2.1", 80 },
		{ "192.0.2.1", 1, "192.0.2.1", 2 },
		{ "192.0.2.1", 0, "192.0.2.1", 65535 },
		{ "2001:db8::1", 5, "2001:db8::2", 5 },
		{ "2001:db8::1", 6, "2001:db8::1", 5 },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		struct addr a = end_of(rows[i].a, rows[i].a_port);
		struct addr b = end_of(rows[i].b, rows[i].b_port);
		struct flow_key there;
		struct flow_key back;
		unsigned at = flow_map_key(&there, &a, &b);

		assert_int_equal(flow_map_key(&back, &b, &a), 1 - at);
		assert_memory_equal(&there, &back, sizeof(there));
		assert_int_equal(there.port[at], rows[i].a_port);
		assert_memory_equal(there.ip[at], a.ip, 4);
		assert_false(flow_map_key_is_self(&there));
	}
}

static void
a_connection_to_itself(void **state)
{
	struct addr a = end_of("127.0.0.1", 5);
	struct flow_key key;

	(void)state;
	assert_int_equal(flow_map_key(&key, &a, &a), 0);
	assert_true(flow_map_key_is_self(&key));
}

/* An address is not cut down to four bytes, nor is the family forgotten. */
static void
different_ends_are_different_keys(void **state)
{
	static const char *const ips[] = { "2001:db8::1", "2001:db8::2",
		"32.1.13.184", "2001:db8::" };
	struct addr b;
	struct flow_key keys[ATTR_COUNT(ips)];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(ips); i++) {
		struct addr a = end_of(ips[i], 1);

		b = a;
		b.port = 2;
		flow_map_key(&keys[i], &a, &b);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(
			    &keys[i], &keys[j], sizeof(keys[i]));
	}
}

#define MANY 20000

static struct flow_key
nth_key(unsigned n)
{
	struct addr a = end_of("10.0.0.1", n & 0xffff);
	struct addr b = end_of("10.0.0.2", 80 + (n >> 16));
	struct flow_key key;

	flow_map_key(&key, &a, &b);
	return key;
}

static struct flow_node *
look_up(const struct flow_map *m, unsigned n)
{
	struct flow_key key = nth_key(n);

	return flow_map_find(m, &key, flow_map_hash(m, &key));
}

/*
 * Every node is found at every step of its growing, also while half of the
 * buckets have moved; and removed ones are not.
 */
static void
grows_without_losing_anybody(void **state)
{
	struct flow_node *nodes = calloc(MANY, sizeof(*nodes));
	bool was_moving = false;
	struct flow_map m;

	(void)state;
	assert_non_null(nodes);
	assert_int_equal(flow_map_init(&m), 0);
	for (unsigned i = 0; i < MANY; i++) {
		struct flow_key key = nth_key(i);

		assert_null(look_up(&m, i));
		flow_map_insert(&m, &nodes[i], &key, flow_map_hash(&m, &key));
		was_moving |= m.old != NULL;
		assert_ptr_equal(look_up(&m, i), &nodes[i]);
		assert_ptr_equal(look_up(&m, i / 2), &nodes[i / 2]);
		assert_ptr_equal(look_up(&m, 0), &nodes[0]);
	}
	assert_true(was_moving);
	assert_true(m.now_size >= MANY);
	for (unsigned i = 0; i < MANY; i += 2) {
		flow_map_remove(&m, &nodes[i]);
		assert_null(look_up(&m, i));
		assert_ptr_equal(look_up(&m, i + 1), &nodes[i + 1]);
	}
	assert_int_equal(m.count, MANY / 2);
	flow_map_done(&m);
	free(nodes);
}

/* Removal while the map is moving house finds the node where it is. */
static void
removes_while_moving(void **state)
{
	struct flow_node *nodes = calloc(MANY, sizeof(*nodes));
	unsigned n = 0;
	struct flow_map m;

	(void)state;
	assert_non_null(nodes);
	assert_int_equal(flow_map_init(&m), 0);
	while (m.old == NULL) {
		struct flow_key key = nth_key(n);

		flow_map_insert(&m, &nodes[n], &key, flow_map_hash(&m, &key));
		n++;
	}
	assert_true(m.moved < m.old_size);
	for (unsigned i = 0; i < n; i++) {
		flow_map_remove(&m, &nodes[i]);
		assert_null(look_up(&m, i));
	}
	assert_int_equal(m.count, 0);
	flow_map_done(&m);
	free(nodes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_the_same_both_ways),
		cmocka_unit_test(a_connection_to_itself),
		cmocka_unit_test(different_ends_are_different_keys),
		cmocka_unit_test(grows_without_losing_anybody),
		cmocka_unit_test(removes_while_moving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
