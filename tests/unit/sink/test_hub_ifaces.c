#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <pthread.h>

#include "sink/hub_ifaces.h"

#define MANY    300
#define THREADS 3

static struct packet_iface
an_iface(uint32_t id)
{
	return (struct packet_iface){
		.id = id,
		.linktype = (uint16_t)(id + 1),
		.snaplen = id + 2,
	};
}

static void
known_ones_come_first(void **state)
{
	const struct packet_iface known[] = { an_iface(70), an_iface(60) };
	const struct packet_iface other = an_iface(UINT32_MAX);
	struct hub_ifaces t;
	uint32_t number = 9;

	(void)state;
	assert_int_equal(hub_ifaces_init(&t, known, 2), 0);
	assert_int_equal(hub_ifaces_number(&t, &known[1], &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(hub_ifaces_count(&t), 2);
	assert_int_equal(hub_ifaces_number(&t, &other, &number), 0);
	assert_int_equal(number, 2);
	/* A guess that is wrong, and one that is right. */
	assert_int_equal(hub_ifaces_number(&t, &known[0], &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(hub_ifaces_number(&t, &known[0], &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(hub_ifaces_count(&t), 3);
	hub_ifaces_done(&t);
}

/* Also those that were there when there was less room. */
static void
none_ever_moves(void **state)
{
	const struct packet_iface *at[MANY];
	struct hub_ifaces t;
	uint32_t number = 0;

	(void)state;
	assert_int_equal(hub_ifaces_init(&t, NULL, 0), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		const struct packet_iface iface = an_iface(i);

		assert_int_equal(hub_ifaces_number(&t, &iface, &number), 0);
		assert_int_equal(number, i);
		at[i] = hub_ifaces_at(&t, i);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		assert_ptr_equal(hub_ifaces_at(&t, i), at[i]);
		assert_int_equal(at[i]->id, i);
		assert_int_equal(at[i]->snaplen, i + 2);
	}
	hub_ifaces_done(&t);
}

/** struct crowd - Threads that enter the same interfaces, each in its order. */
struct crowd {
	pthread_t thread;
	unsigned nth;
	struct hub_ifaces *shared;
	uint32_t number[MANY];
	unsigned wrong;
};

static void *
enter_all(void *self)
{
	struct crowd *c = self;

	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t id = (i * 7 + c->nth * 101) % MANY, number = 0;
		const struct packet_iface iface = an_iface(id);

		if (hub_ifaces_number(c->shared, &iface, &number) != 0)
			c->wrong++;
		c->number[id] = number;
		/* Whoever knows a number may read all below it. */
		for (uint32_t n = 0; n <= number; n++) {
			const struct packet_iface *at =
			    hub_ifaces_at(c->shared, n);

			c->wrong += at->snaplen != at->id + 2;
		}
	}
	return NULL;
}

static void
workers_agree_on_the_numbers(void **state)
{
	static struct crowd crowd[THREADS];
	struct hub_ifaces t;

	(void)state;
	assert_int_equal(hub_ifaces_init(&t, NULL, 0), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		crowd[i].nth = i;
		crowd[i].shared = &t;
		assert_int_equal(pthread_create(&crowd[i].thread, NULL,
				     enter_all, &crowd[i]),
		    0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(crowd[i].thread, NULL), 0);
	assert_int_equal(hub_ifaces_count(&t), MANY);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(crowd[i].wrong, 0);
		assert_memory_equal(
		    crowd[i].number, crowd[0].number, sizeof(crowd[0].number));
	}
	hub_ifaces_done(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_ones_come_first),
		cmocka_unit_test(none_ever_moves),
		cmocka_unit_test(workers_agree_on_the_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
