#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/tombstone.h"

#define TAG 7

/* The ring with one tombstone: client's stream 100 to 200, server's unknown. */
struct scene {
	struct flow_map map;
	struct tombstone_ring ring;
	struct tombstone *t;
};

static struct flow_key
nth_key(unsigned n)
{
	struct addr a = { .family = AF_INET, .ip = { 10, 0, 0, 1 } };
	struct addr b = { .family = AF_INET, .ip = { 10, 0, 0, 2 } };
	struct flow_key key;

	a.port = (uint16_t)n;
	b.port = (uint16_t)(n >> 16);
	(void)flow_map_key(&key, &a, &b);
	return key;
}

static struct tombstone *
bury(struct scene *sc, unsigned n)
{
	struct flow_key key = nth_key(n);

	return tombstone_bury(&sc->ring, &key, flow_map_hash(&sc->map, &key));
}

static struct flow_node *
look_up(const struct scene *sc, unsigned n)
{
	struct flow_key key = nth_key(n);

	return flow_map_find(&sc->map, &key, flow_map_hash(&sc->map, &key));
}

static int
set_up(void **state)
{
	static struct scene sc;

	assert_int_equal(flow_map_init(&sc.map), 0);
	assert_int_equal(tombstone_init(&sc.ring, &sc.map, TAG), 0);
	sc.t = bury(&sc, 0);
	sc.t->until_ns = 1000;
	sc.t->known[DIR_CLIENT] = true;
	sc.t->start[DIR_CLIENT] = 100;
	sc.t->end[DIR_CLIENT] = 200;
	*state = &sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	tombstone_done(&sc->ring);
	flow_map_done(&sc->map);
	return 0;
}

static bool
swallows(
    struct scene *sc, enum dir dir, uint8_t flags, uint32_t seq, uint32_t len)
{
	const struct segment seg = {
		.flags = flags,
		.seq = seq,
		.wire_len = len,
	};

	return tombstone_swallows(sc->t, dir, &seg, 999);
}

static void
what_is_swallowed(void **state)
{
	static const struct {
		enum dir dir;
		uint8_t flags;
		uint32_t seq;
		uint32_t len;
		bool want;
	} rows[] = {
		{ DIR_CLIENT, SEGMENT_SYN, 99, 0, true },
		{ DIR_CLIENT, SEGMENT_SYN, 100, 0, false },
		{ DIR_SERVER, SEGMENT_SYN | SEGMENT_ACK, 99, 0, false },
		{ DIR_CLIENT, SEGMENT_SYN | SEGMENT_RST, 5, 0, true },
		{ DIR_CLIENT, SEGMENT_ACK, 2000000000, 0, true },
		{ DIR_CLIENT, SEGMENT_ACK, 150, 50, true },
		{ DIR_SERVER, SEGMENT_ACK, 2000000000, 1, true },
		{ DIR_CLIENT, SEGMENT_ACK, 200 - TOMBSTONE_NEAR, 1, true },
		{ DIR_CLIENT, SEGMENT_ACK, 199 - TOMBSTONE_NEAR, 1, false },
		{ DIR_CLIENT, SEGMENT_ACK, 200 + TOMBSTONE_NEAR, 1, false },
	};
	struct scene *sc = *state;

	for (size_t i = 0; i < ATTR_COUNT(rows); i++)
		assert_int_equal(swallows(sc, rows[i].dir, rows[i].flags,
				     rows[i].seq, rows[i].len),
		    rows[i].want);
}

/* A stream that goes on is followed, step by step. */
static void
streams_that_go_on(void **state)
{
	struct scene *sc = *state;
	uint32_t seq = 200;

	for (unsigned i = 0; i < 100; i++) {
		assert_true(swallows(sc, DIR_CLIENT, SEGMENT_ACK, seq, 1));
		seq += TOMBSTONE_NEAR - 2;
	}
	/* Repetitions lead nowhere. */
	seq = sc->t->end[DIR_CLIENT];
	assert_true(swallows(sc, DIR_CLIENT, SEGMENT_ACK, seq - 1000, 1));
	assert_int_equal(sc->t->end[DIR_CLIENT], seq);
}

static void
time_and_those_that_last(void **state)
{
	struct segment seg = { .flags = SEGMENT_ACK, .seq = 200 };
	struct scene *sc = *state;

	assert_true(tombstone_swallows(sc->t, DIR_CLIENT, &seg, 999));
	assert_false(tombstone_swallows(sc->t, DIR_CLIENT, &seg, 1000));
	sc->t->lasts = true;
	assert_true(tombstone_swallows(sc->t, DIR_CLIENT, &seg, UINT64_MAX));
}

static void
own_ones_yield_to_a_new_syn_only(void **state)
{
	struct scene *sc = *state;

	sc->t->is_own = true;
	assert_true(swallows(sc, DIR_CLIENT, SEGMENT_ACK, 2000000000, 9));
	assert_true(swallows(sc, DIR_SERVER, SEGMENT_SYN | SEGMENT_ACK, 7, 0));
	assert_false(swallows(sc, DIR_CLIENT, SEGMENT_SYN, 7, 0));
}

static void
the_oldest_makes_room(void **state)
{
	struct scene *sc = *state;

	for (unsigned i = 1; i < TOMBSTONE_RING; i++)
		(void)bury(sc, i);
	assert_int_equal(sc->map.count, TOMBSTONE_RING);
	assert_non_null(look_up(sc, 0));
	assert_int_equal(look_up(sc, 0)->tag, TAG);
	assert_ptr_equal(tombstone_of(look_up(sc, 0)), sc->t);
	/* One that was taken away leaves its place empty, for its turn. */
	tombstone_remove(&sc->ring, tombstone_of(look_up(sc, 1)));
	(void)bury(sc, TOMBSTONE_RING);
	assert_null(look_up(sc, 0));
	(void)bury(sc, TOMBSTONE_RING + 1);
	assert_non_null(look_up(sc, 2));
	assert_int_equal(sc->map.count, TOMBSTONE_RING);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(what_is_swallowed),
		SCENE(streams_that_go_on),
		SCENE(time_and_those_that_last),
		SCENE(own_ones_yield_to_a_new_syn_only),
		SCENE(the_oldest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
