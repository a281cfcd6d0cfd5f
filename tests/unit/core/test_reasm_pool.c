#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reasm_scene.h"

static void
a_full_direction_gives_up_its_first_hole(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold = 2 * hold_cost_new(1);
	scene_init(&sc, &o, 7);
	segment(&sc, 2, "c");
	segment(&sc, 4, "e");
	expect(&sc, "");
	assert_int_equal(reasm_backlog_bytes(&sc.r[0]), o.hold);
	segment(&sc, 6, "g");
	expect(&sc, "gap 0+2 budget;2:c;");
	/* It is before what is held: then it is the first. */
	segment(&sc, 3, "d");
	expect(&sc, "3:d;4:e;");
	segment(&sc, 9, "j");
	segment(&sc, 5, "f");
	expect(&sc, "5:f;6:g;");
	assert_true(reasm_backlog_bytes(&sc.r[0]) <= o.hold);
	scene_done(&sc);
}

static void
the_first_hole_may_be_before_what_comes(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold = hold_cost_new(1);
	scene_init(&sc, &o, 7);
	segment(&sc, 9, "j");
	segment(&sc, 4, "efg");
	expect(&sc, "gap 0+4 budget;4:efg;");
	EXPECT_COUNT(&sc, held, 1);
	/* More than the whole budget, so it is not held at all. */
	segment(&sc, 12, "mnopqrstuvwxyzabcdef");
	expect(
	    &sc, "gap 7+2 budget;9:j;gap 10+2 budget;12:mnopqrstuvwxyzabcdef;");
	scene_done(&sc);
}

static void
without_a_budget_nothing_is_held(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold = 0;
	scene_init(&sc, &o, 7);
	segment(&sc, 2, "cd");
	expect(&sc, "gap 0+2 budget;2:cd;");
	cut(&sc, 6, "g", 2);
	expect(&sc, "gap 4+2 budget;6:g;gap 7+1 snaplen;");
	scene_done(&sc);
}

/* Wish 27: far ahead costs as much as near. */
static void
a_byte_far_ahead_costs_one_piece(void **state)
{
	struct scene *sc = *state;

	segment(sc, INT32_MAX - 1, "x");
	assert_int_equal(reasm_backlog_bytes(&sc->r[0]), hold_cost_new(1));
}

static void
pieces_of_one_byte_do_not_cheat_the_budget(void **state)
{
	struct scene *sc = *state;

	for (int64_t i = 0; i < 1000; i++)
		segment(sc, 2 * i + 1, "x");
	assert_true(reasm_backlog_bytes(&sc->r[0]) >=
		    1000 * (sizeof(struct hold_piece) + 1));
}

/* Else each later segment over them would cost as much as they did. */
static void
pieces_of_one_byte_become_one_when_covered(void **state)
{
	static const enum reasm_overlap rule[] = { REASM_FIRST, REASM_LAST,
		REASM_BSD };
	char text[601];

	(void)state;
	memset(text, 'x', 600);
	text[600] = '\0';
	for (size_t i = 0; i < ATTR_COUNT(rule); i++) {
		struct reasm_opts o = defaults();
		struct scene sc;

		o.overlap = rule[i];
		scene_init(&sc, &o, 7);
		for (int64_t off = 101; off < 599; off += 2)
			segment(&sc, off, "y");
		segment(&sc, 20, text);
		assert_int_equal(reasm_backlog_bytes(&sc.r[0]),
		    hold_cost_new(600) + reasm_backlog_others(&sc.r[0]));
		scene_done(&sc);
	}
}

static void
all_together_have_a_budget_and_the_richest_pays(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold_total = 4 * hold_cost_new(1);
	scene_init(&sc, &o, 7);
	segment(&sc, 1, "b");
	segment(&sc, 3, "d");
	segment(&sc, 5, "f");
	segment_of(&sc, 1, 1, "b");
	expect(&sc, "");
	segment_of(&sc, 1, 3, "d");
	expect(&sc, "gap 0+1 budget;1:b;");
	/* Its connection hears of it, although nothing of its own came. */
	assert_int_equal(sc.told, 0);
	wait_ms(&sc, 0);
	assert_int_equal(sc.told, 1);
	wait_ms(&sc, 1000);
	assert_int_equal(sc.told, 1);
	expect(&sc, "");
	scene_done(&sc);
}

/* ... and what it had been waiting for is still given up in time. */
static void
who_paid_still_waits_for_its_holes(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold_total = 2 * hold_cost_new(1);
	scene_init(&sc, &o, 7);
	segment(&sc, 1, "b");
	segment(&sc, 3, "d");
	acked(&sc, 4);
	segment_of(&sc, 1, 1, "b");
	expect(&sc, "gap 0+1 budget;1:b;");
	wait_ms(&sc, 0);
	wait_ms(&sc, 99);
	expect(&sc, "");
	wait_ms(&sc, 1);
	expect(&sc, "gap 2+1 lost;3:d;");
	assert_int_equal(sc.told, 2);
	scene_done(&sc);
}

static void
marks_are_charged_too(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold = 3 * hold_cost_new(0);
	scene_init(&sc, &o, 7);
	for (int64_t i = 0; i < 100; i++) {
		cut(&sc, 10 * i + 5, "", 2);
		assert_true(reasm_backlog_bytes(&sc.r[0]) <= o.hold);
	}
	flush(&sc, 0);
	assert_int_equal(reasm_backlog_bytes(&sc.r[0]), 0);
	assert_int_equal(sc.s[0].off[DIR_CLIENT], 997);
	scene_done(&sc);
}

static void
touching_marks_become_one(void **state)
{
	struct scene *sc = *state;

	cut(sc, 10, "", 5);
	cut(sc, 20, "", 5);
	cut(sc, 15, "", 5);
	assert_int_equal(reasm_backlog_bytes(&sc->r[0]), hold_cost_new(0));
	flush(sc, 0);
	expect(sc, "gap 0+10 lost;gap 10+15 snaplen;");
}

/* As it can come with large receive offload: more than sinks want at once. */
static void
large_segments_are_held_in_pieces(void **state)
{
	struct scene *sc = *state;
	size_t len = 150000;
	uint8_t *data = calloc(1, len);
	struct reasm_piece piece = {
		.seq = sc->isn + 1,
		.data = data,
		.len = (uint32_t)len,
		.wire_len = (uint32_t)len,
	};

	assert_non_null(data);
	sc->fake.ops.data = fake_data;
	reasm_segment(sc->pool, &sc->r[0], &piece);
	segment(sc, 0, "a");
	expect(sc, "c2s 0+1;c2s 1+65536;c2s 65537+65536;c2s 131073+18928;");
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_one_byte_become_one_when_covered),
		cmocka_unit_test(a_full_direction_gives_up_its_first_hole),
		cmocka_unit_test(the_first_hole_may_be_before_what_comes),
		cmocka_unit_test(without_a_budget_nothing_is_held),
		TEST(a_byte_far_ahead_costs_one_piece),
		TEST(pieces_of_one_byte_do_not_cheat_the_budget),
		cmocka_unit_test(
		    all_together_have_a_budget_and_the_richest_pays),
		cmocka_unit_test(who_paid_still_waits_for_its_holes),
		cmocka_unit_test(marks_are_charged_too),
		TEST(touching_marks_become_one),
		TEST(large_segments_are_held_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
