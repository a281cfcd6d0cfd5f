#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/fanout.h"
#include "core/half.h"
#include "core/session.h"

#define MIB (1 << 20)

/* A direction whose offset 0 is sequence number 1000, without any sink. */
struct scene {
	struct fanout *fan;
	struct reasm_pool *pool;
	void *slots;
	struct session s;
	struct half h;
};

static int
set_up(void **state)
{
	static const struct reasm_opts o = {
		.hold = REASM_HOLD_DEFAULT,
		.hold_total = REASM_HOLD_TOTAL_DEFAULT,
		.hold_ns = REASM_HOLD_NS_DEFAULT,
	};
	static struct scene sc;

	sc.fan = fanout_new(NULL, 0, NULL, NULL);
	assert_non_null(sc.fan);
	sc.pool = reasm_pool_new(&o);
	assert_non_null(sc.pool);
	sc.slots = calloc(1, fanout_session_size(sc.fan));
	assert_non_null(sc.slots);
	session_init(&sc.s, sc.fan, sc.slots);
	session_open(&sc.s);
	half_init(&sc.h, &sc.s, DIR_CLIENT);
	assert_false(half_is_started(&sc.h));
	half_start(&sc.h, sc.pool, 1000);
	assert_true(half_is_started(&sc.h));
	*state = &sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	half_done(&sc->h, sc->pool);
	session_close(&sc->s, 0, HOW_STOP, PARTY_US);
	reasm_pool_free(sc->pool);
	fanout_free(sc->fan);
	free(sc->slots);
	return 0;
}

/* @len bytes in order. */
static void
deliver(struct scene *sc, uint32_t len)
{
	static const uint8_t bytes[5000];
	struct reasm_piece piece = {
		.seq = 1000 + (uint32_t)sc->s.off[DIR_CLIENT],
		.data = bytes,
		.len = len,
		.wire_len = len,
	};

	assert_true(len <= sizeof(bytes));
	assert_int_equal(
	    reasm_segment(sc->pool, &sc->h.reasm, &piece), REASM_NEW);
	sc->h.top = sc->s.off[DIR_CLIENT];
}

/* 3000 bytes sent, 2000 acknowledged, 500 more allowed than were sent. */
static void
in_flight(struct scene *sc)
{
	deliver(sc, 3000);
	half_ack(&sc->h, 3000, 1500);
	assert_int_equal(half_acked(&sc->h), 2000);
	assert_int_equal(sc->h.edge, 3500);
}

static void
places(void **state)
{
	/* The limit: the edge, a window's width of 1500, and the slack. */
	static const struct {
		int64_t off;
		uint32_t len;
		enum half_place want;
	} rows[] = {
		{ 3000, 100, HALF_WITHIN },
		{ 0, 100, HALF_WITHIN },
		{ 3500, 1, HALF_WITHIN },
		{ 3500 + 1500 + MIB, 1, HALF_WITHIN },
		{ 3500 + 1500 + MIB + 1, 1, HALF_AHEAD },
		{ 3000 + HALF_REACH, 1, HALF_AHEAD },
		{ 3000 + HALF_REACH + 1, 1, HALF_FAR },
		{ 3000 - HALF_REACH - 10, 10, HALF_WITHIN },
		{ 3000 - HALF_REACH - 11, 10, HALF_FAR },
	};
	struct scene *sc = *state;

	in_flight(sc);
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		uint32_t seq = (uint32_t)(1000 + rows[i].off);

		assert_int_equal(
		    half_place(&sc->h, seq, rows[i].len), rows[i].want);
	}
}

/* As long as nobody acknowledges, nothing is known of the window. */
static void
nothing_is_ahead_of_an_unknown_window(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(half_place(&sc->h, 1000 + (1 << 30), 1), HALF_WITHIN);
	assert_int_equal(half_place(&sc->h, 1001 + (1 << 30), 1), HALF_FAR);
}

static void
acknowledgements(void **state)
{
	struct scene *sc = *state;

	in_flight(sc);
	/* Old ones move nothing back; a window that shrinks was allowed. */
	half_ack(&sc->h, 2500, 100);
	assert_int_equal(half_acked(&sc->h), 2000);
	assert_int_equal(sc->h.edge, 3500);
	half_ack(&sc->h, 3000, 2000);
	assert_int_equal(sc->h.edge, 4000);
	/* Before the stream: none of its. */
	half_ack(&sc->h, 999, 50000);
	assert_int_equal(sc->h.edge, 4000);
	/* More than was seen is what went past us. */
	half_ack(&sc->h, 1000 + 3600, 1000);
	assert_int_equal(half_acked(&sc->h), 3600);
	assert_int_equal(sc->h.edge, 4600);
}

static void
doubtful_acknowledgements(void **state)
{
	const uint32_t far = 1000 + 100 * MIB;
	struct scene *sc = *state;

	in_flight(sc);
	half_ack(&sc->h, far, 1000);
	assert_int_equal(half_acked(&sc->h), 2000);
	half_ack(&sc->h, far - 1, 1000);
	assert_int_equal(half_acked(&sc->h), 2000);
	half_ack(&sc->h, far + 5, 1000);
	assert_int_equal(half_acked(&sc->h), 100 * MIB + 5);
	/* Further away than any window: not even twice. */
	half_ack(&sc->h, 1000 + 3000 + (1U << 30) + 1, 1000);
	half_ack(&sc->h, 1000 + 3000 + (1U << 30) + 1, 1000);
	assert_int_equal(half_acked(&sc->h), 100 * MIB + 5);
}

static void
probes(void **state)
{
	static const struct {
		uint32_t seq;
		uint32_t len;
		uint8_t flags;
		bool want;
	} rows[] = {
		{ 1000 + 2999, 0, SEGMENT_ACK, true },
		{ 1000 + 2999, 1, SEGMENT_ACK, true },
		{ 1000 + 2999, 2, SEGMENT_ACK, false },
		{ 1000 + 2999, 1, SEGMENT_ACK | SEGMENT_FIN, false },
		{ 1000 + 2998, 1, SEGMENT_ACK, false },
		{ 1000 + 3000, 1, SEGMENT_ACK, false },
	};
	struct scene *sc = *state;

	deliver(sc, 3000);
	half_ack(&sc->h, 1000 + 3000, 1000);
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		struct segment seg = {
			.seq = rows[i].seq,
			.len = rows[i].len,
			.wire_len = rows[i].len,
			.flags = rows[i].flags,
		};

		assert_int_equal(half_is_probe(&sc->h, &seg), rows[i].want);
	}
}

static void
ends_and_what_is_proven(void **state)
{
	struct scene *sc = *state;

	in_flight(sc);
	assert_int_equal(half_proven(&sc->h), 3000);
	half_ack(&sc->h, 1000 + 3001, 1000);
	assert_int_equal(half_proven(&sc->h), 3000);
	assert_false(half_fin_acked(&sc->h));
	half_ack(&sc->h, 1000 + 3002, 1000);
	assert_int_equal(half_proven(&sc->h), 3002);
	sc->h.fin = 3001;
	assert_int_equal(half_proven(&sc->h), 3001);
	assert_true(half_fin_acked(&sc->h));
	sc->h.fin = 3002;
	assert_false(half_fin_acked(&sc->h));
}

static void
resets(void **state)
{
	struct scene *sc = *state;

	in_flight(sc);
	assert_false(half_takes_rst(&sc->h, 1000 + 1999));
	assert_true(half_takes_rst(&sc->h, 1000 + 2000));
	assert_true(half_takes_rst(&sc->h, 1000 + 3000));
	assert_false(half_takes_rst(&sc->h, 1000 + 3001));
	/* What was sent last went past us, its acknowledgement did not. */
	half_ack(&sc->h, 1000 + 3100, 1000);
	assert_false(half_takes_rst(&sc->h, 1000 + 3099));
	assert_true(half_takes_rst(&sc->h, 1000 + 3100));
	assert_false(half_takes_rst(&sc->h, 1000 + 3101));
}

/* Where a direction starts that only an acknowledgement told of. */
static void
soft_starts(void **state)
{
	static const struct {
		uint32_t seq;
		uint32_t start;
	} rows[] = {
		{ 1000, 1000 },
		{ 1000 + HALF_OVERTAKEN, 1000 },
		{ 1000 + HALF_OVERTAKEN + 1, 1000 + HALF_OVERTAKEN + 1 },
		{ 999, 999 },
		{ 3000000000, 3000000000 },
	};
	struct scene *sc = *state;

	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		half_done(&sc->h, sc->pool);
		half_init(&sc->h, &sc->s, DIR_CLIENT);
		half_start(&sc->h, sc->pool, 1000);
		sc->h.soft = true;
		half_ack(&sc->h, 1000, 500);
		half_ack(&sc->h, 1000 + 100 * MIB, 500);
		assert_int_equal(
		    half_place(&sc->h, rows[i].seq, 1), HALF_WITHIN);
		half_settle(&sc->h, sc->pool, rows[i].seq);
		assert_int_equal(sc->h.start, rows[i].start);
		assert_false(half_is_soft(&sc->h));
		assert_int_equal(
		    half_offset(&sc->h, rows[i].seq) >= 0 &&
			half_offset(&sc->h, rows[i].seq) <= HALF_OVERTAKEN,
		    1);
		/* What was allowed was allowed to another start. */
		assert_int_equal(sc->h.heard, rows[i].start == 1000);
		assert_int_equal(sc->h.edge, rows[i].start == 1000 ? 500 : 0);
		assert_int_equal(
		    sc->h.doubt, rows[i].start == 1000 ? 100 * MIB : 0);
	}
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(places),
		SCENE(nothing_is_ahead_of_an_unknown_window),
		SCENE(acknowledgements),
		SCENE(doubtful_acknowledgements),
		SCENE(probes),
		SCENE(ends_and_what_is_proven),
		SCENE(resets),
		SCENE(soft_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
