#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reasm_scene.h"

/* --- Order --- */

static void
in_order_is_delivered_at_once(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(segment(sc, 0, "abc"), REASM_NEW);
	expect(sc, "0:abc;");
	assert_int_equal(segment(sc, 3, "de"), REASM_NEW);
	expect(sc, "3:de;");
	assert_int_equal(sc->s[0].off[DIR_SERVER], 0);
}

static void
out_of_order_waits_for_the_hole_to_be_filled(void **state)
{
	struct scene *sc = *state;

	segment(sc, 6, "ghi");
	segment(sc, 3, "def");
	segment(sc, 12, "mno");
	expect(sc, "");
	EXPECT_COUNT(sc, held, 9);
	segment(sc, 0, "abc");
	expect(sc, "0:abc;3:def;6:ghi;");
	EXPECT_COUNT(sc, held, 3);
	segment(sc, 9, "jkl");
	expect(sc, "9:jkl;12:mno;");
	assert_int_equal(reasm_backlog_bytes(&sc->r[0]), 0);
}

static void
one_segment_fills_several_holes(void **state)
{
	struct scene *sc = *state;

	segment(sc, 2, "c");
	segment(sc, 4, "e");
	segment(sc, 6, "g");
	assert_int_equal(segment(sc, 1, "bcdefgh"), REASM_NEW);
	expect(sc, "");
	EXPECT_COUNT(sc, duplicate, 3);
	segment(sc, 0, "a");
	expect(sc, "0:a;1:bcdefgh;");
}

static void
a_repetition_is_a_duplicate(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abcdef");
	assert_int_equal(segment(sc, 0, "abc"), REASM_SEEN);
	assert_int_equal(segment(sc, 2, "cdef"), REASM_SEEN);
	EXPECT_COUNT(sc, duplicate, 7);
	assert_int_equal(segment(sc, 4, "efgh"), REASM_NEW);
	EXPECT_COUNT(sc, duplicate, 9);
	segment(sc, 10, "klm");
	assert_int_equal(segment(sc, 10, "klm"), REASM_SEEN);
	EXPECT_COUNT(sc, duplicate, 12);
	expect(sc, "0:abcdef;6:gh;");
}

static void
what_lies_before_the_stream_is_stray(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(segment(sc, -5, "xx"), REASM_SEEN);
	EXPECT_COUNT(sc, strays, 2);
	assert_int_equal(segment(sc, -2, "xxabc"), REASM_NEW);
	EXPECT_COUNT(sc, strays, 4);
	expect(sc, "0:abc;");
}

static void
nothing_in_a_segment_is_nothing(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(segment(sc, 0, ""), REASM_SEEN);
	assert_int_equal(segment(sc, 7, ""), REASM_SEEN);
	expect(sc, "");
	EXPECT_COUNT(sc, received, 0);
}

static void
what_comes_after_the_end_is_stray(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abc");
	session_end(&sc->s[0], DIR_CLIENT, 1, HOW_FIN, PARTY_CLIENT);
	expect(sc, "0:abc;end c2s 3 fin by client;");
	assert_int_equal(segment(sc, 3, "def"), REASM_SEEN);
	acked(sc, 10);
	wait_ms(sc, 1000);
	flush(sc, 20);
	expect(sc, "");
	EXPECT_COUNT(sc, strays, 3);
}

static void
offsets_go_on_where_sequence_numbers_wrap(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	scene_init(&sc, &o, UINT32_MAX - 2);
	segment(&sc, 5, "fgh");
	segment(&sc, 0, "abcde");
	expect(&sc, "0:abcde;5:fgh;");
	segment(&sc, 1, "bcdeX");
	expect(&sc, "conflict 5 f/X;");
	scene_done(&sc);
}

/* Wish 35: as many bytes as no 32-bit offset can count. */
static void
streams_go_beyond_4_gib(void **state)
{
	struct scene *sc = *state;
	const uint64_t step = UINT64_C(1) << 30;

	for (uint64_t off = 0; off < 5 * step; off += step) {
		struct reasm_piece piece = {
			.seq = sc->isn + (uint32_t)off,
			.data = (const uint8_t *)"a",
			.len = 1,
			.wire_len = (uint32_t)step,
		};

		reasm_segment(sc->pool, &sc->r[0], &piece);
		assert_int_equal(sc->s[0].off[DIR_CLIENT], off + step);
	}
	sc->fake.log[0] = '\0';
	segment(sc, (int64_t)(5 * step) + 1, "c");
	segment(sc, (int64_t)(5 * step), "b");
	expect(sc, "5368709120:b;5368709121:c;");
	assert_int_equal(
	    reasm_offset(&sc->r[0], sc->isn + (uint32_t)(5 * step)), 5 * step);
}

/* --- Holes --- */

static void
an_acknowledged_hole_is_given_up_in_time(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	wait_ms(sc, 1000);
	acked(sc, 6);
	wait_ms(sc, 99);
	expect(sc, "");
	assert_int_equal(sc->told, 0);
	wait_ms(sc, 1);
	expect(sc, "gap 0+3 lost;3:def;");
	assert_int_equal(sc->told, 1);
	assert_int_equal(segment(sc, 0, "abcd"), REASM_SEEN);
	EXPECT_COUNT(sc, late, 3);
	EXPECT_COUNT(sc, duplicate, 1);
	expect(sc, "");
}

/* Wish 17: taps show the acknowledgement before its data. */
static void
data_may_come_after_its_acknowledgement(void **state)
{
	struct scene *sc = *state;

	acked(sc, 6);
	wait_ms(sc, 99);
	segment(sc, 3, "def");
	segment(sc, 0, "abc");
	expect(sc, "0:abc;3:def;");
	wait_ms(sc, 1000);
	expect(sc, "");
	assert_int_equal(sc->told, 0);
}

static void
a_lost_tail_is_a_gap(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abc");
	acked(sc, 7);
	wait_ms(sc, 100);
	expect(sc, "0:abc;gap 3+4 lost;");
	segment(sc, 7, "hi");
	expect(sc, "7:hi;");
}

/* The acknowledgement says nothing about bytes behind it. */
static void
only_what_is_acknowledged_is_given_up(void **state)
{
	struct scene *sc = *state;

	segment(sc, 6, "ghi");
	acked(sc, 4);
	wait_ms(sc, 100);
	expect(sc, "gap 0+4 lost;");
	segment(sc, 4, "ef");
	expect(sc, "4:ef;6:ghi;");
}

/* Many holes acknowledged at once do not add up to many waits. */
static void
holes_acknowledged_together_go_together(void **state)
{
	struct scene *sc = *state;

	segment(sc, 1, "b");
	segment(sc, 3, "d");
	segment(sc, 5, "f");
	acked(sc, 6);
	wait_ms(sc, 100);
	expect(sc, "gap 0+1 lost;1:b;gap 2+1 lost;3:d;gap 4+1 lost;5:f;");
	assert_int_equal(sc->told, 1);
}

static void
a_hole_acknowledged_later_waits_its_own_time(void **state)
{
	struct scene *sc = *state;

	segment(sc, 1, "b");
	acked(sc, 2);
	wait_ms(sc, 60);
	segment(sc, 3, "d");
	acked(sc, 4);
	wait_ms(sc, 40);
	expect(sc, "gap 0+1 lost;1:b;");
	wait_ms(sc, 99);
	expect(sc, "");
	wait_ms(sc, 1);
	expect(sc, "gap 2+1 lost;3:d;");
}

static void
an_acknowledged_hole_that_is_filled_is_none(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	acked(sc, 6);
	wait_ms(sc, 50);
	segment(sc, 0, "abc");
	wait_ms(sc, 50);
	assert_int_equal(sc->told, 0);
	/* The next one gets its full time, too. */
	acked(sc, 8);
	wait_ms(sc, 99);
	expect(sc, "0:abc;3:def;");
	wait_ms(sc, 1);
	expect(sc, "gap 6+2 lost;");
}

static void
an_old_acknowledgement_changes_nothing(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abc");
	acked(sc, 3);
	acked(sc, 1);
	acked(sc, (uint64_t)-4);
	wait_ms(sc, 1000);
	expect(sc, "0:abc;");
	assert_int_equal(sc->told, 0);
}

static void
a_flush_gives_up_every_hole(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "d");
	segment(sc, 6, "g");
	flush(sc, 0);
	expect(sc, "gap 0+3 lost;3:d;gap 4+2 lost;6:g;");
	flush(sc, 5);
	flush(sc, 7);
	expect(sc, "");
	flush(sc, 9);
	expect(sc, "gap 7+2 lost;");
}

static void
what_is_discarded_is_stray(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	cut(sc, 9, "j", 5);
	acked(sc, 6);
	reasm_discard(sc->pool, &sc->r[0]);
	check_sum(sc);
	EXPECT_COUNT(sc, strays, 4);
	EXPECT_COUNT(sc, held, 0);
	assert_int_equal(reasm_backlog_bytes(&sc->r[0]), 0);
	wait_ms(sc, 1000);
	expect(sc, "gap 0+6 lost;");
}

/* More holes than are remembered: the oldest one's bytes are duplicates. */
static void
a_bounded_number_of_holes_is_remembered(void **state)
{
	struct scene *sc = *state;

	for (int64_t off = 1; off < 2 * 17; off += 2)
		segment(sc, off, "x");
	flush(sc, 0);
	segment(sc, 2, "a");
	EXPECT_COUNT(sc, late, 1);
	segment(sc, 0, "a");
	EXPECT_COUNT(sc, late, 1);
	EXPECT_COUNT(sc, duplicate, 1);
}

/* --- Snapshot length --- */

static void
cut_bytes_are_a_gap_at_once(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(cut(sc, 0, "abc", 10), REASM_NEW);
	expect(sc, "0:abc;gap 3+7 snaplen;");
	assert_int_equal(cut(sc, 10, "", 5), REASM_NEW);
	expect(sc, "gap 10+5 snaplen;");
	assert_int_equal(cut(sc, 0, "abc", 10), REASM_SEEN);
	expect(sc, "");
	EXPECT_COUNT(sc, duplicate, 3);
	assert_int_equal(reasm_backlog_bytes(&sc->r[0]), 0);
}

static void
cut_bytes_behind_a_hole_wait_with_it(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(cut(sc, 5, "fg", 5), REASM_NEW);
	assert_int_equal(cut(sc, 5, "fg", 5), REASM_SEEN);
	assert_int_equal(cut(sc, 10, "k", 3), REASM_NEW);
	expect(sc, "");
	segment(sc, 0, "abcde");
	expect(sc, "0:abcde;5:fg;gap 7+3 snaplen;10:k;gap 11+2 snaplen;");
	assert_int_equal(reasm_backlog_bytes(&sc->r[0]), 0);
}

static void
another_copy_fills_what_was_cut(void **state)
{
	struct scene *sc = *state;

	cut(sc, 5, "fg", 10);
	segment(sc, 9, "jkl");
	segment(sc, 0, "abcde");
	expect(sc, "0:abcde;5:fg;gap 7+2 snaplen;9:jkl;gap 12+3 snaplen;");
	segment(sc, 15, "p");
	expect(sc, "15:p;");
	segment(sc, 7, "hi");
	EXPECT_COUNT(sc, late, 2);
}

static void
the_full_copy_may_come_first(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "defgh");
	cut(sc, 3, "d", 5);
	segment(sc, 0, "abc");
	expect(sc, "0:abc;3:defgh;");
	assert_int_equal(reasm_backlog_bytes(&sc->r[0]), 0);
}

static void
a_hole_with_a_cut_part_is_given_up_in_parts(void **state)
{
	struct scene *sc = *state;

	cut(sc, 3, "", 2);
	segment(sc, 8, "ij");
	flush(sc, 0);
	expect(sc, "gap 0+3 lost;gap 3+2 snaplen;gap 5+3 lost;8:ij;");
}

static void
cut_bytes_before_the_stream_are_none(void **state)
{
	struct scene *sc = *state;

	cut(sc, -6, "abc", 4);
	expect(sc, "");
	EXPECT_COUNT(sc, strays, 3);
	cut(sc, -6, "abc", 8);
	expect(sc, "gap 0+2 snaplen;");
	EXPECT_COUNT(sc, strays, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order_is_delivered_at_once),
		TEST(out_of_order_waits_for_the_hole_to_be_filled),
		TEST(one_segment_fills_several_holes),
		TEST(a_repetition_is_a_duplicate),
		TEST(what_lies_before_the_stream_is_stray),
		TEST(nothing_in_a_segment_is_nothing),
		TEST(what_comes_after_the_end_is_stray),
		cmocka_unit_test(offsets_go_on_where_sequence_numbers_wrap),
		TEST(streams_go_beyond_4_gib),
		TEST(an_acknowledged_hole_is_given_up_in_time),
		TEST(data_may_come_after_its_acknowledgement),
		TEST(a_lost_tail_is_a_gap),
		TEST(only_what_is_acknowledged_is_given_up),
		TEST(holes_acknowledged_together_go_together),
		TEST(a_hole_acknowledged_later_waits_its_own_time),
		TEST(an_acknowledged_hole_that_is_filled_is_none),
		TEST(an_old_acknowledgement_changes_nothing),
		TEST(a_flush_gives_up_every_hole),
		TEST(what_is_discarded_is_stray),
		TEST(a_bounded_number_of_holes_is_remembered),
		TEST(cut_bytes_are_a_gap_at_once),
		TEST(cut_bytes_behind_a_hole_wait_with_it),
		TEST(another_copy_fills_what_was_cut),
		TEST(the_full_copy_may_come_first),
		TEST(a_hole_with_a_cut_part_is_given_up_in_parts),
		TEST(cut_bytes_before_the_stream_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
