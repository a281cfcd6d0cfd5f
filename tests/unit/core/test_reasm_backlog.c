#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/reasm_pool.h"
#include "reasm_scene.h"

static void
what_comes_in_order_needs_none(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abc");
	acked(sc, 3);
	segment(sc, 3, "def");
	segment(sc, 0, "abc");
	acked(sc, 6);
	assert_null(sc->r[0].backlog);
	assert_int_equal(sc->pool->nspare, 0);
}

static void
a_piece_that_waits_needs_one_until_it_is_delivered(void **state)
{
	struct scene *sc = *state;
	const struct reasm_backlog *first;

	segment(sc, 3, "def");
	first = sc->r[0].backlog;
	assert_non_null(first);
	assert_int_equal(reasm_backlog_bytes(&sc->r[0]), hold_cost_new(3));
	segment(sc, 0, "abc");
	assert_null(sc->r[0].backlog);
	assert_int_equal(sc->pool->nspare, 1);
	/* The next who needs one gets that, as good as new. */
	segment_of(sc, 1, 3, "def");
	assert_ptr_equal(sc->r[1].backlog, first);
	assert_int_equal(sc->pool->nspare, 0);
	assert_int_equal(reasm_backlog_bytes(&sc->r[1]), hold_cost_new(3));
	assert_false(reasm_backlog_waits(&sc->r[1]));
	assert_ptr_equal(reasm_pool_richest(sc->pool), &sc->r[1]);
}

static void
a_hole_that_is_waited_for_needs_one_until_it_is_filled(void **state)
{
	struct scene *sc = *state;

	acked(sc, 3);
	assert_true(reasm_backlog_waits(&sc->r[0]));
	segment(sc, 0, "ab");
	assert_true(reasm_backlog_waits(&sc->r[0]));
	segment(sc, 2, "c");
	assert_null(sc->r[0].backlog);
}

static void
a_mark_needs_one_until_it_is_passed(void **state)
{
	struct scene *sc = *state;

	cut(sc, 3, "", 3);
	assert_non_null(reasm_backlog_cut(&sc->r[0]));
	segment(sc, 0, "abcdef");
	assert_null(sc->r[0].backlog);
}

static void
holes_given_up_are_remembered(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	acked(sc, 6);
	wait_ms(sc, 100);
	assert_false(reasm_backlog_is_held(&sc->r[0]));
	assert_false(reasm_backlog_waits(&sc->r[0]));
	assert_non_null(sc->r[0].backlog);
	segment(sc, 0, "abc");
	assert_int_equal(
	    counted(&reasm_pool_payload(sc->pool)[DIR_CLIENT].late), 3);
}

static void
what_is_discarded_goes_back(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	reasm_discard(sc->pool, &sc->r[0]);
	assert_null(sc->r[0].backlog);
	assert_int_equal(sc->pool->held_bytes, 0);
}

static void
few_are_kept_that_nobody_needs(void **state)
{
	struct scene *sc = *state;
	size_t n = (size_t)REASM_BACKLOG_SPARE + 10;
	struct reasm *many = calloc(n, sizeof(*many));

	assert_non_null(many);
	for (size_t i = 0; i < n; i++) {
		reasm_init(&many[i], &sc->s[0], DIR_CLIENT);
		assert_non_null(reasm_backlog_make(sc->pool, &many[i]));
	}
	for (size_t i = 0; i < n; i++) {
		reasm_backlog_leave(sc->pool, &many[i]);
		assert_null(many[i].backlog);
	}
	assert_int_equal(sc->pool->nspare, REASM_BACKLOG_SPARE);
	free(many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_comes_in_order_needs_none),
		TEST(a_piece_that_waits_needs_one_until_it_is_delivered),
		TEST(a_hole_that_is_waited_for_needs_one_until_it_is_filled),
		TEST(a_mark_needs_one_until_it_is_passed),
		TEST(holes_given_up_are_remembered),
		TEST(what_is_discarded_goes_back),
		TEST(few_are_kept_that_nobody_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
