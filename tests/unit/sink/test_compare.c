#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sink/compare.h"

static struct compare_pool pool = { .most = 1 << 20 };

static void
say(struct compare *c, enum compare_side side, const char *text)
{
	compare_add(c, side, (const uint8_t *)text, strlen(text));
}

static void
expect(struct compare *c, enum compare_verdict verdict, uint64_t equal)
{
	assert_int_equal(compare_verdict(c), verdict);
	assert_int_equal(c->equal, equal);
	compare_done(c);
	assert_int_equal(pool.kept, 0);
}

static void
test_same_bytes_at_any_pace(void **state)
{
	struct compare c;

	(void)state;
	compare_init(&c, 100, &pool);
	say(&c, COMPARE_TRUE, "abc");
	say(&c, COMPARE_OTHER, "a");
	say(&c, COMPARE_OTHER, "bcdef");
	say(&c, COMPARE_TRUE, "d");
	say(&c, COMPARE_TRUE, "efgh");
	say(&c, COMPARE_OTHER, "gh");
	expect(&c, COMPARE_EQUAL, 8);
}

static void
test_another_byte_differs_for_good(void **state)
{
	struct compare c;

	(void)state;
	compare_init(&c, 100, &pool);
	say(&c, COMPARE_OTHER, "abX");
	say(&c, COMPARE_TRUE, "ab");
	assert_int_equal(compare_verdict(&c), COMPARE_DIFFERENT);
	say(&c, COMPARE_TRUE, "c");
	say(&c, COMPARE_TRUE, "X");
	expect(&c, COMPARE_DIFFERENT, 2);
}

/* What one of them never said is a difference too. */
static void
test_a_shorter_answer_differs(void **state)
{
	struct compare c;

	(void)state;
	compare_init(&c, 100, &pool);
	say(&c, COMPARE_TRUE, "abc");
	say(&c, COMPARE_OTHER, "ab");
	expect(&c, COMPARE_DIFFERENT, 2);
}

static void
test_too_far_ahead_is_unknown(void **state)
{
	struct compare c;

	(void)state;
	compare_init(&c, 4, &pool);
	say(&c, COMPARE_TRUE, "abcd");
	say(&c, COMPARE_OTHER, "ab");
	say(&c, COMPARE_TRUE, "ef");
	assert_int_equal(compare_verdict(&c), COMPARE_DIFFERENT);
	say(&c, COMPARE_TRUE, "g");
	expect(&c, COMPARE_UNKNOWN, 2);
}

/* A gap does not take back that they differ. */
static void
test_gap_is_unknown_unless_they_differed(void **state)
{
	struct compare c;

	(void)state;
	compare_init(&c, 100, &pool);
	compare_lost(&c);
	say(&c, COMPARE_TRUE, "abc");
	expect(&c, COMPARE_UNKNOWN, 0);
	compare_init(&c, 100, &pool);
	say(&c, COMPARE_TRUE, "x");
	say(&c, COMPARE_OTHER, "y");
	compare_lost(&c);
	expect(&c, COMPARE_DIFFERENT, 0);
}

/* Many together have a bound, and give back what they keep no more. */
static void
test_all_together_keep_so_much(void **state)
{
	static const uint8_t much[100 << 10];
	struct compare a, b;

	(void)state;
	pool.most = sizeof(much) * 3 / 2;
	compare_init(&a, 1 << 20, &pool);
	compare_init(&b, 1 << 20, &pool);
	compare_add(&a, COMPARE_TRUE, much, sizeof(much));
	assert_true(pool.kept >= sizeof(much));
	compare_add(&b, COMPARE_TRUE, much, sizeof(much));
	assert_int_equal(compare_verdict(&b), COMPARE_UNKNOWN);
	compare_add(&a, COMPARE_OTHER, much, sizeof(much));
	assert_int_equal(pool.kept, 0);
	say(&a, COMPARE_TRUE, "x");
	say(&a, COMPARE_OTHER, "x");
	compare_done(&b);
	expect(&a, COMPARE_EQUAL, sizeof(much) + 1);
	pool.most = 1 << 20;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes_at_any_pace),
		cmocka_unit_test(test_another_byte_differs_for_good),
		cmocka_unit_test(test_a_shorter_answer_differs),
		cmocka_unit_test(test_too_far_ahead_is_unknown),
		cmocka_unit_test(test_gap_is_unknown_unless_they_differed),
		cmocka_unit_test(test_all_together_keep_so_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
