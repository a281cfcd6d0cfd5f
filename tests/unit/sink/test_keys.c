#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "core/sink_spec.h"
#include "sink/keys.h"

static const struct keys_number a_time = { QUANTITY_TIME,
	{ CLOCK_NS_PER_MS, 60 * CLOCK_NS_PER_S } };

static const char *const dirs[] = { "c2s", "s2c", "both", NULL };

/** struct scene - A sink "tee:h:9,dir=TEXT", and what was wrong with it. */
struct scene {
	struct sink_spec spec;
	struct err err;
};

static void
with(struct scene *sc, const char *key, const char *value)
{
	sc->err = (struct err){ "" };
	assert_int_equal(sink_spec_init(&sc->spec, "tee", "h:9"), 0);
	if (value != NULL)
		assert_int_equal(sink_spec_set(&sc->spec, key, value), 0);
}

static void
test_what_is_not_given_stays(void **state)
{
	uint64_t number = 7;
	unsigned word = 2;
	bool flag = true;
	struct scene sc;

	(void)state;
	with(&sc, "retry", NULL);
	assert_int_equal(
	    keys_number(&sc.spec, "retry", &a_time, &number, &sc.err), 0);
	assert_int_equal(keys_word(&sc.spec, "dir", dirs, &word, &sc.err), 0);
	assert_int_equal(keys_flag(&sc.spec, "compare", &flag, &sc.err), 0);
	assert_int_equal(number, 7);
	assert_int_equal(word, 2);
	assert_true(flag);
	sink_spec_done(&sc.spec);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *value;
		uint64_t number; /* 0: refused */
		const char *words;
	} rows[] = {
		{ "500ms", 500 * CLOCK_NS_PER_MS, "" },
		{ "1ms", CLOCK_NS_PER_MS, "" },
		{ "1m", 60 * CLOCK_NS_PER_S, "" },
		{ "0", 0, "retry: 0 is out of range: 1ms to 1m" },
		{ "61", 0, "retry: 61 is out of range: 1ms to 1m" },
		{ "soon", 0,
		    "retry: \"soon\" is no time: seconds are meant, or a "
		    "number with a unit, as in 1.5, 500ms or 2m" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		uint64_t number = 7;
		struct scene sc;

		with(&sc, "retry", rows[i].value);
		assert_int_equal(
		    keys_number(&sc.spec, "retry", &a_time, &number, &sc.err),
		    rows[i].number != 0 ? 0 : -EINVAL);
		assert_int_equal(
		    number, rows[i].number != 0 ? rows[i].number : 7);
		assert_string_equal(sc.err.text, rows[i].words);
		sink_spec_done(&sc.spec);
	}
}

static void
test_words(void **state)
{
	static const struct {
		const char *value;
		int word; /* -1: refused */
		const char *words;
	} rows[] = {
		{ "c2s", 0, "" },
		{ "s2c", 1, "" },
		{ "both", 2, "" },
		{ "bot", -1, "dir=bot: c2s, s2c or both is wanted" },
		{ "", -1, "dir=: c2s, s2c or both is wanted" },
		{ "BOTH", -1, "dir=BOTH: c2s, s2c or both is wanted" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		unsigned word = 9;
		struct scene sc;

		with(&sc, "dir", rows[i].value);
		assert_int_equal(
		    keys_word(&sc.spec, "dir", dirs, &word, &sc.err),
		    rows[i].word >= 0 ? 0 : -EINVAL);
		assert_int_equal(word, rows[i].word >= 0 ? rows[i].word : 9);
		assert_string_equal(sc.err.text, rows[i].words);
		sink_spec_done(&sc.spec);
	}
}

static void
test_flags(void **state)
{
	struct scene sc;
	bool flag = false;

	(void)state;
	with(&sc, "compare", "yes");
	assert_int_equal(keys_flag(&sc.spec, "compare", &flag, &sc.err), 0);
	assert_true(flag);
	sink_spec_done(&sc.spec);
	with(&sc, "compare", "no");
	assert_int_equal(keys_flag(&sc.spec, "compare", &flag, &sc.err), 0);
	assert_false(flag);
	sink_spec_done(&sc.spec);
	with(&sc, "compare", "1");
	flag = true;
	assert_int_equal(
	    keys_flag(&sc.spec, "compare", &flag, &sc.err), -EINVAL);
	assert_true(flag);
	assert_string_equal(sc.err.text, "compare=1: yes or no is wanted");
	sink_spec_done(&sc.spec);
}

/* An endpoint that is turned round would be called, or listened at, wrongly. */
static void
test_places_are_not_turned_round(void **state)
{
	static const struct {
		enum endpoint_how how;
		const char *text;
		const char *words;
	} rows[] = {
		{ ENDPOINT_DIAL, "h:9", "" },
		{ ENDPOINT_DIAL, "dial:h:9", "" },
		{ ENDPOINT_DIAL, "unix:/x", "" },
		{ ENDPOINT_LISTEN, "9", "" },
		{ ENDPOINT_DIAL, "listen:9",
		    "\"listen:9\": HOST:PORT is wanted, since this sink calls "
		    "its consumers" },
		{ ENDPOINT_LISTEN, "dial:h:9",
		    "\"dial:h:9\": an address of ours is wanted, since "
		    "consumers call here" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		struct err err = { "" };
		struct endpoint e;
		int rc = keys_place(&e, rows[i].how, rows[i].text, &err);

		assert_string_equal(err.text, rows[i].words);
		assert_int_equal(rc, rows[i].words[0] == '\0' ? 0 : -EINVAL);
		if (rc == 0)
			endpoint_done(&e);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_not_given_stays),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_places_are_not_turned_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
