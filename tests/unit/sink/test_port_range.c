#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sink/port_range.h"

static void
test_lends_each_port_once(void **state)
{
	struct port_range r;

	(void)state;
	port_range_init(&r, 5000, 5002);
	assert_int_equal(port_range_count(&r), 3);
	assert_int_equal(port_range_take(&r), 5000);
	assert_int_equal(port_range_take(&r), 5001);
	assert_int_equal(port_range_take(&r), 5002);
	assert_int_equal(port_range_take(&r), 0);
	port_range_give(&r, 5001);
	assert_int_equal(port_range_take(&r), 5001);
	assert_int_equal(port_range_take(&r), 0);
	port_range_done(&r);
}

/* A consumer that is late must not meet the next session. */
static void
test_comes_back_to_a_port_last(void **state)
{
	struct port_range r;

	(void)state;
	port_range_init(&r, 5000, 5002);
	assert_int_equal(port_range_take(&r), 5000);
	port_range_give(&r, 5000);
	assert_int_equal(port_range_take(&r), 5001);
	assert_int_equal(port_range_take(&r), 5002);
	assert_int_equal(port_range_take(&r), 5000);
	port_range_done(&r);
}

static void
test_reaches_to_the_last_port_there_is(void **state)
{
	struct port_range r;

	(void)state;
	port_range_init(&r, 65534, 65535);
	assert_int_equal(port_range_take(&r), 65534);
	assert_int_equal(port_range_take(&r), 65535);
	assert_int_equal(port_range_take(&r), 0);
	port_range_done(&r);
}

#define ROUNDS 20000
#define HELD   60

/** struct borrower - A thread that lends ports and gives them back. */
struct borrower {
	struct port_range *range;
	_Atomic int *holders; /* by port */
	unsigned short held[HELD];
	unsigned twice;
	unsigned none;
};

static void *
borrow(void *self)
{
	struct borrower *b = self;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned short *slot = &b->held[i * 7 % HELD];

		if (*slot != 0) {
			atomic_fetch_sub(&b->holders[*slot], 1);
			port_range_give(b->range, *slot);
		}
		*slot = port_range_take(b->range);
		if (*slot == 0)
			b->none++;
		else if (atomic_fetch_add(&b->holders[*slot], 1) != 0)
			b->twice++;
	}
	return NULL;
}

/* Two workers, in turn with ports enough and with too few. */
static void
test_no_port_is_lent_to_two_threads(void **state)
{
	static const struct {
		uint16_t last;
		bool enough;
	} rows[] = { { 1000 + 2 * HELD - 1, true }, { 1000 + HELD, false } };

	(void)state;
	for (size_t r = 0; r < 2; r++) {
		static _Atomic int holders[65536];
		struct borrower b[2] = { { .twice = 0 }, { .twice = 0 } };
		struct port_range range;
		pthread_t thread[2];

		port_range_init(&range, 1000, rows[r].last);
		for (int i = 0; i < 2; i++) {
			b[i].range = &range;
			b[i].holders = holders;
			assert_int_equal(
			    pthread_create(&thread[i], NULL, borrow, &b[i]), 0);
		}
		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_int_equal(b[0].twice + b[1].twice, 0);
		/* Nobody goes without as long as there is one. */
		assert_int_equal(b[0].none + b[1].none == 0, rows[r].enough);
		for (int i = 0; i < 2; i++)
			for (int j = 0; j < HELD; j++)
				if (b[i].held[j] != 0) {
					holders[b[i].held[j]] = 0;
					port_range_give(&range, b[i].held[j]);
				}
		/* All have come back. */
		for (uint32_t n = port_range_count(&range); n > 0; n--)
			assert_int_not_equal(port_range_take(&range), 0);
		assert_int_equal(port_range_take(&range), 0);
		port_range_done(&range);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lends_each_port_once),
		cmocka_unit_test(test_comes_back_to_a_port_last),
		cmocka_unit_test(test_reaches_to_the_last_port_there_is),
		cmocka_unit_test(test_no_port_is_lent_to_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
