#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/patience.h"

/* What is decided, with times and answers given from here. */

static int
set_up(void **state)
{
	static struct patience p;

	patience_init(&p);
	*state = &p;
	return 0;
}

static const char who[4];

/* Somebody says something; 1 if what follows it is looked for. */
static unsigned
say(struct patience *p, const char *by, enum dir dir)
{
	patience_passed(p, by, dir, 64);
	return patience_begin(p, 1000) != 0;
}

/*
 * A message of @dir, then a wait, and an answer within the time or not, which
 * nothing is looked for after.
 * Return: 1 if it was looked for
 */
static unsigned
message(struct patience *p, enum dir dir, bool found)
{
	uint64_t until_ns;

	patience_passed(p, &who[dir], dir, 64);
	until_ns = patience_begin(p, 1000);
	if (until_ns == 0)
		return 0;
	assert_int_equal(until_ns, 1000 + PATIENCE_SPAN_NS);
	patience_end(p, found);
	if (found)
		patience_passed(p, &who[2], DIR_SERVER, PATIENCE_SHORT + 1);
	return 1;
}

static unsigned
messages(struct patience *p, unsigned n, bool found)
{
	unsigned looks = 0;

	while (n-- > 0)
		looks += message(p, DIR_CLIENT, found);
	return looks;
}

static void
without_a_message_it_sleeps(void **state)
{
	struct patience *p = *state;

	assert_int_equal(patience_begin(p, 1000), 0);
	assert_int_equal(messages(p, 100, true), 100);
	/* One look for each message, not for each wait. */
	assert_int_equal(patience_begin(p, 2000), 0);
}

static void
after_a_large_message_it_sleeps(void **state)
{
	struct patience *p = *state;

	assert_int_equal(messages(p, 100, true), 100);
	patience_passed(p, who, DIR_CLIENT, PATIENCE_SHORT + 1);
	assert_int_equal(patience_begin(p, 1000), 0);
	/* The last one counts. */
	patience_passed(p, who, DIR_CLIENT, PATIENCE_SHORT);
	patience_passed(p, who, DIR_CLIENT, PATIENCE_SHORT + 1);
	assert_int_equal(patience_begin(p, 1000), 0);
	patience_passed(p, who, DIR_CLIENT, PATIENCE_SHORT);
	assert_int_not_equal(patience_begin(p, 1000), 0);
}

static void
answers_that_come_are_looked_for(void **state)
{
	struct patience *p = *state;

	assert_int_equal(messages(p, 10000, true), 10000);
}

/* A hundred thousand messages that nobody answers at once: what does it cost?*/
static void
looks_in_vain_are_rare(void **state)
{
	struct patience *p = *state;
	unsigned looks = messages(p, 100000, false);

	assert_in_range(looks, 10, 100000 / PATIENCE_RAREST + 11);
	/* ... and later, too, when it has once been otherwise. */
	(void)messages(p, 10 * PATIENCE_RAREST, true);
	looks = messages(p, 100000, false);
	assert_in_range(
	    looks, 10, 100000 / PATIENCE_RAREST + 11 + PATIENCE_MOST);
}

static void
it_notices_that_answers_come_sooner(void **state)
{
	struct patience *p = *state;

	(void)messages(p, 100000, false);
	(void)messages(p, PATIENCE_RAREST, true);
	assert_int_equal(messages(p, 1000, true), 1000);
}

/* Now and then one late: the peers were not given a processor. */
static void
a_late_one_is_forgiven(void **state)
{
	struct patience *p = *state;
	unsigned looks = 0;

	(void)messages(p, 100, true);
	for (int i = 0; i < 100; i++) {
		looks += messages(p, 9, true);
		looks += messages(p, 1, false);
	}
	assert_int_equal(looks, 1000);
}

/* Every second one is too late: what is burnt is worth more than what is won */
static void
half_of_them_are_not_enough(void **state)
{
	struct patience *p = *state;
	unsigned looks = 0;

	for (int i = 0; i < 50000; i++)
		looks += messages(p, 1, i % 2 == 0);
	assert_in_range(looks, 1, 50000 / 100);
}

/* A server that answers, a client that thinks. */
static void
each_direction_learns_for_itself(void **state)
{
	struct patience *p = *state;
	unsigned requests = 0, answers = 0;

	for (int i = 0; i < 10000; i++) {
		requests += message(p, DIR_CLIENT, true);
		answers += message(p, DIR_SERVER, false);
	}
	assert_int_equal(requests, 10000);
	assert_in_range(answers, 1, 30);
}

/* What was there at once teaches nothing: the tries are not used up by it. */
static void
a_try_without_an_end_is_made_again(void **state)
{
	struct patience *p = *state;

	for (int i = 0; i < 100; i++) {
		patience_passed(p, who, DIR_CLIENT, 64);
		assert_int_not_equal(patience_begin(p, 1000), 0);
	}
}

/* 100,000 chunks one way: looking finds the next one, which is no answer. */
static void
a_stream_is_no_answer(void **state)
{
	struct patience *p = *state;
	unsigned looks = 0;

	(void)messages(p, 1000, true);
	for (int i = 0; i < 100000; i++) {
		unsigned looked = say(p, &who[0], DIR_CLIENT);

		if (looked > 0)
			patience_end(p, true);
		looks += looked;
	}
	assert_in_range(
	    looks, 10, 100000 / PATIENCE_RAREST + 12 + PATIENCE_MOST);
	/* Somebody else's are none of the stream. */
	(void)messages(p, PATIENCE_RAREST, true);
	looks = 0;
	for (int i = 0; i < 1000; i++) {
		looks += say(p, &who[i % 2], DIR_CLIENT);
		patience_end(p, true);
	}
	assert_int_equal(looks, 1000);
}

/* A head and a body, then the answer. */
static void
a_question_may_have_two_parts(void **state)
{
	struct patience *p = *state;
	unsigned looks = 0;

	for (int i = 0; i < 1000; i++) {
		looks += say(p, &who[0], DIR_CLIENT);
		patience_end(p, true);
		looks += say(p, &who[0], DIR_CLIENT);
		patience_end(p, true);
		looks += say(p, &who[1], DIR_SERVER);
		patience_end(p, true);
	}
	assert_int_equal(looks, 3000);
}

/* What was found is no message: a connection comes, or ends. */
static void
what_says_nothing_is_found_as_well(void **state)
{
	struct patience *p = *state;
	unsigned looks = 0;

	for (int i = 0; i < 1000; i++) {
		looks += say(p, &who[0], DIR_CLIENT);
		patience_end(p, true);
		assert_int_equal(patience_begin(p, 2000), 0);
	}
	assert_int_equal(looks, 1000);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(without_a_message_it_sleeps),
		TEST(after_a_large_message_it_sleeps),
		TEST(answers_that_come_are_looked_for),
		TEST(looks_in_vain_are_rare),
		TEST(it_notices_that_answers_come_sooner),
		TEST(a_late_one_is_forgiven),
		TEST(half_of_them_are_not_enough),
		TEST(each_direction_learns_for_itself),
		TEST(a_try_without_an_end_is_made_again),
		TEST(a_stream_is_no_answer),
		TEST(a_question_may_have_two_parts),
		TEST(what_says_nothing_is_found_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
