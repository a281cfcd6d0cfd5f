#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/attr.h"
#include "sink/outblock.h"
#include "sink/outbuf.h"

/*
 * What bytes that wait leave behind when they have gone.  How they are sent
 * and counted is tested where they are (test_outq).
 */

#define QUEUES 64
#define KIB    ((size_t)1024)
#define MIB    (1024 * KIB)

/** struct scene - Queues of one thread. */
struct scene {
	struct sink_count count;
	size_t all;
	struct outblock_pool pool;
	struct outbuf b[QUEUES];
	void *between[QUEUES];
};

static uint8_t data[MIB];

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	outblock_pool_init(&sc->pool);
	for (size_t i = 0; i < QUEUES; i++)
		outbuf_init(&sc->b[i], &sc->count, &sc->all, &sc->pool);
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	for (size_t i = 0; i < QUEUES; i++) {
		outbuf_drop_all(&sc->b[i], DROP_GONE);
		outbuf_done(&sc->b[i]);
		free(sc->between[i]);
	}
	assert_int_equal(sc->all, 0);
	outblock_pool_done(&sc->pool);
	assert_int_equal(sc->pool.nspare, 0);
	free(sc);
	return 0;
}

/* The heap: what is in use there, and the holes. */
static size_t
heap(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	return mallinfo2().arena;
#else
	return 0;
#endif
}

static void
put(struct outbuf *b, size_t len, bool framed)
{
	const struct outbuf_record r = {
		.len = len,
		.payload = framed ? len - 1 : len,
		.chunks = 1,
		.framed = framed,
	};

	outbuf_append(b, data, &r, true);
}

/* Consumers that stood still, and what was allocated since: no holes stay. */
static void
the_heap_is_as_it_was(void **state)
{
	struct scene *sc = *state;
	size_t before = heap();

	for (size_t i = 0; i < QUEUES; i++) {
		put(&sc->b[i], MIB, false);
		sc->between[i] = malloc(KIB);
		assert_non_null(sc->between[i]);
	}
	assert_int_equal(sc->all, QUEUES * MIB);
	for (size_t i = 0; i < QUEUES; i++)
		outbuf_drop_all(&sc->b[i], DROP_GONE);
	assert_in_range(heap(), 0, before + MIB);
	assert_int_equal(sc->pool.nspare, OUTBLOCK_SPARE_MAX);
}

/* Blocks that were needed within the second stay, the others go. */
static void
what_nobody_needs_for_a_second_is_given_back(void **state)
{
	struct scene *sc = *state;
	uint64_t now_ns = CLOCK_NS_PER_S, due_ns;

	for (size_t i = 0; i < QUEUES; i++)
		put(&sc->b[i], KIB, false);
	for (size_t i = 0; i < QUEUES; i++)
		outbuf_drop_all(&sc->b[i], DROP_GONE);
	assert_int_equal(sc->pool.nspare, QUEUES);
	due_ns = outblock_pool_turn(&sc->pool, now_ns);
	assert_int_equal(due_ns, now_ns + OUTBLOCK_REST_NS);
	for (size_t i = 0; i < 10; i++)
		put(&sc->b[i], KIB, false);
	for (size_t i = 0; i < 10; i++)
		outbuf_drop_all(&sc->b[i], DROP_GONE);
	assert_int_equal(outblock_pool_turn(&sc->pool, due_ns - 1), due_ns);
	assert_int_equal(sc->pool.nspare, QUEUES);
	now_ns = due_ns;
	due_ns = outblock_pool_turn(&sc->pool, now_ns);
	assert_int_equal(due_ns, now_ns + OUTBLOCK_REST_NS);
	assert_int_equal(sc->pool.nspare, 10);
	assert_int_equal(outblock_pool_turn(&sc->pool, due_ns), CLOCK_NEVER);
	assert_int_equal(sc->pool.nspare, OUTBLOCK_KEPT);
}

/* A queue that was long once is not for ever what that took. */
static void
an_empty_queue_has_forgotten_its_records(void **state)
{
	struct scene *sc = *state;
	struct outbuf *b = &sc->b[0];

	for (size_t i = 0; i < 10000; i++)
		put(b, 100, true);
	assert_true(b->room >= 10000);
	outbuf_written(b, b->len);
	assert_true(b->room <= 64);
	put(b, 100, true);
	assert_int_equal(outbuf_first(b), 100);
}

/* Queues fill and run empty with every turn: that asks for no memory. */
static void
a_block_is_used_again(void **state)
{
	struct scene *sc = *state;
	struct iovec first, next;

	put(&sc->b[0], 100, false);
	assert_int_equal(outbuf_peek(&sc->b[0], &first, 1), 1);
	outbuf_written(&sc->b[0], 100);
	put(&sc->b[1], 100, false);
	assert_int_equal(outbuf_peek(&sc->b[1], &next, 1), 1);
	assert_ptr_equal(first.iov_base, next.iov_base);
	assert_int_equal(sc->pool.nspare, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_heap_is_as_it_was),
		TEST(what_nobody_needs_for_a_second_is_given_back),
		TEST(an_empty_queue_has_forgotten_its_records),
		TEST(a_block_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
