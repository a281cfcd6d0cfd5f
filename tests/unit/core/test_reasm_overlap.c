#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reasm_scene.h"

static void
delivered_bytes_win(void **state)
{
	static const enum reasm_overlap rule[] = { REASM_FIRST, REASM_LAST,
		REASM_LINUX, REASM_WINDOWS, REASM_BSD };

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rule); i++) {
		struct reasm_opts o = defaults();
		struct scene sc;

		o.overlap = rule[i];
		scene_init(&sc, &o, 7);
		segment(&sc, 0, "abcdef");
		segment(&sc, 0, "aXcdYf");
		EXPECT_COUNT(&sc, differing, 2);
		EXPECT_COUNT(&sc, duplicate, 4);
		segment(&sc, 4, "eZgh");
		expect(
		    &sc, "0:abcdef;conflict 1 bcde/XcdY;conflict 5 f/Z;6:gh;");
		scene_done(&sc);
	}
}

static void
forgotten_bytes_count_as_duplicates(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.history = 0;
	scene_init(&sc, &o, 7);
	segment(&sc, 0, "abc");
	segment(&sc, 0, "xyz");
	expect(&sc, "0:abc;");
	EXPECT_COUNT(&sc, duplicate, 3);
	scene_done(&sc);
}

/* Wish 31; when both copies are held, it is told when one is delivered. */
static void
a_conflict_of_held_copies_is_told_with_the_data(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	segment(sc, 3, "dXf");
	segment(sc, 3, "dYZ");
	expect(sc, "");
	EXPECT_COUNT(sc, differing, 3);
	EXPECT_COUNT(sc, duplicate, 3);
	EXPECT_COUNT(sc, held, 3);
	segment(sc, 0, "abc");
	expect(sc, "0:abc;3:def;conflict 4 e/X;conflict 4 ef/YZ;");
	assert_int_equal(reasm_backlog_others(&sc->r[0]), 0);
}

static void
the_filling_segment_may_differ_from_what_is_held(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	segment(sc, 1, "bcdeXgh");
	segment(sc, 0, "aBcdefg");
	expect(sc, "0:a;1:bcdefgh;conflict 5 f/X;conflict 1 b/B;");
	EXPECT_COUNT(sc, differing, 2);
}

static void
long_conflicts_come_in_several_events(void **state)
{
	struct scene *sc = *state;
	char *a = malloc(10001);
	char *b = malloc(10001);

	assert_non_null(a);
	assert_non_null(b);
	memset(a, 'a', 10000);
	memset(b, 'b', 10000);
	a[10000] = b[10000] = '\0';
	segment(sc, 1, a);
	segment(sc, 1, b);
	EXPECT_COUNT(sc, differing, 10000);
	segment(sc, 0, "a");
	assert_int_equal(count_get(&fanout_totals(sc->fan)->conflicts), 3);
	free(a);
	free(b);
}

/* Conflicts that are kept count against the budget, and have their own. */
static void
kept_conflicts_are_bounded(void **state)
{
	struct scene *sc = *state;
	char *text = malloc(60001);

	assert_non_null(text);
	memset(text, 'a', 60000);
	text[60000] = '\0';
	segment(sc, 1, text);
	for (int i = 0; i < 24; i++) {
		memset(text, 'b' + i, 60000);
		segment(sc, 1, text);
	}
	assert_true(reasm_backlog_others(&sc->r[0]) > 60000);
	assert_true(reasm_backlog_bytes(&sc->r[0]) < 60000 + 70000);
	EXPECT_COUNT(sc, differing, 24 * 60000);
	free(text);
}

/* A second segment over one held at 4..10, and what each rule makes of them. */
struct overlap_case {
	int64_t off;
	const char *text;
	const char *stream[REASM_NOVERLAPS];
};

#define FIRST_LAST_LINUX_WINDOWS_BSD(f, la, li, w, b)                          \
	{                                                                      \
		[REASM_FIRST] = (f), [REASM_LAST] = (la),                      \
		[REASM_LINUX] = (li), [REASM_WINDOWS] = (w), [REASM_BSD] = (b) \
	}

static void
check_overlap(const struct overlap_case *c, enum reasm_overlap rule)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	o.overlap = rule;
	scene_init(&sc, &o, 7);
	segment(&sc, 4, "222222");
	segment(&sc, c->off, c->text);
	flush(&sc, 0);
	if (strcmp(sc.stream, c->stream[rule]) != 0)
		fail_msg("%s at %d, rule %d: %s instead of %s", c->text,
		    (int)c->off, (int)rule, sc.stream, c->stream[rule]);
	scene_done(&sc);
}

static void
the_rule_decides_between_held_copies(void **state)
{
	static const struct overlap_case c[] = {
		/* begins before, ends within */
		{ 2, "11111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("--11222222", "--11111222",
			"--11111222", "--11111222", "--11111222") },
		/* begins before, ends with it */
		{ 2, "11111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("--11222222", "--11111111",
			"--11111111", "--11111111", "--11111111") },
		/* begins before, ends behind */
		{ 2, "1111111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("--1122222211", "--1111111111",
			"--1111111111", "--1111111111", "--1111111111") },
		/* begins with it, ends within */
		{ 4, "111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----222222", "----111222",
			"----222222", "----222222", "----222222") },
		/* the same range */
		{ 4, "111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----222222", "----111111",
			"----222222", "----222222", "----222222") },
		/* begins with it, ends behind */
		{ 4, "11111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----22222211", "----11111111",
			"----11111111", "----22222211", "----22222211") },
		/* within */
		{ 6, "11",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----222222", "----221122",
			"----222222", "----222222", "----222222") },
		/* begins within, ends behind */
		{ 6, "111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----22222211", "----22111111",
			"----22222211", "----22222211", "----22222211") },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(c); i++) {
		for (unsigned rule = 0; rule < REASM_NOVERLAPS; rule++)
			check_overlap(&c[i], (enum reasm_overlap)rule);
	}
}

/* Of a piece that a second segment won in part, each byte keeps its segment. */
static void
the_rule_knows_each_byte_s_segment(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.overlap = REASM_BSD;
	scene_init(&sc, &o, 7);
	segment(&sc, 4, "222222");
	segment(&sc, 2, "11111");
	segment(&sc, 3, "3333333");
	flush(&sc, 0);
	assert_string_equal(sc.stream, "--11111333");
	scene_done(&sc);
}

/* What is told in the end is what was delivered, whoever lost to whom. */
static void
conflicts_follow_a_piece_that_is_divided(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.overlap = REASM_BSD;
	scene_init(&sc, &o, 7);
	segment(&sc, 4, "222222");
	segment(&sc, 5, "xxxx");
	segment(&sc, 2, "11111");
	flush(&sc, 0);
	expect(&sc, "gap 0+2 lost;2:11111;conflict 5 11/xx;"
		    "conflict 4 111/222;7:222;conflict 7 22/xx;");
	assert_int_equal(reasm_backlog_others(&sc.r[0]), 0);
	scene_done(&sc);
}

static void
a_copy_that_wins_in_the_end_is_no_conflict(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.overlap = REASM_LAST;
	scene_init(&sc, &o, 7);
	segment(&sc, 1, "a");
	segment(&sc, 1, "b");
	segment(&sc, 1, "a");
	flush(&sc, 0);
	expect(&sc, "gap 0+1 lost;1:a;conflict 1 a/b;");
	EXPECT_COUNT(&sc, differing, 2);
	scene_done(&sc);
}

static void
rules_have_names(void **state)
{
	enum reasm_overlap o = REASM_FIRST;

	(void)state;
	assert_int_equal(reasm_overlap_parse("bsd", &o), 0);
	assert_int_equal(o, REASM_BSD);
	assert_int_equal(reasm_overlap_parse("last", &o), 0);
	assert_int_equal(o, REASM_LAST);
	assert_int_equal(reasm_overlap_parse("vista", &o), -EINVAL);
	assert_int_equal(reasm_overlap_parse("", &o), -EINVAL);
	assert_int_equal(o, REASM_LAST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivered_bytes_win),
		cmocka_unit_test(forgotten_bytes_count_as_duplicates),
		TEST(a_conflict_of_held_copies_is_told_with_the_data),
		TEST(the_filling_segment_may_differ_from_what_is_held),
		TEST(long_conflicts_come_in_several_events),
		TEST(kept_conflicts_are_bounded),
		cmocka_unit_test(the_rule_decides_between_held_copies),
		cmocka_unit_test(the_rule_knows_each_byte_s_segment),
		cmocka_unit_test(conflicts_follow_a_piece_that_is_divided),
		cmocka_unit_test(a_copy_that_wins_in_the_end_is_no_conflict),
		cmocka_unit_test(rules_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
