#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/nearest.h"

static const char *const words[] = { "text", "hex", "c", "strip", "raw",
	"count", "jsonl", "summary", "none", "max-sessions", "max-concurrent",
	"idle-timeout", NULL };

static const char *
nearest(const char *text)
{
	struct nearest n;

	nearest_init(&n, text);
	for (size_t i = 0; i <= sizeof(words) / sizeof(words[0]) - 1; i++)
		nearest_offer(&n, words[i]);
	return nearest_word(&n);
}

static void
test_slips(void **state)
{
	static const char *const slips[][2] = {
		{ "texd", "text" },                /* changed */
		{ "tet", "text" },                 /* missing */
		{ "hexx", "hex" },                 /* added */
		{ "jsnol", "jsonl" },              /* swapped */
		{ "jsno", "jsonl" },               /* two slips */
		{ "json", "jsonl" },               /* begins it */
		{ "max-session", "max-sessions" }, /* the nearer of two */
		{ "max-conc", "max-concurrent" },  /* cut far too short */
		{ "timeout-idle", NULL },          /* other order: no slip */
		{ "xyzzy", NULL },
		{ "", NULL },
		{ "t", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
		const char *got = nearest(slips[i][0]);

		if ((got == NULL) != (slips[i][1] == NULL) ||
		    (got != NULL && strcmp(got, slips[i][1]) != 0))
			fail_msg("%s: %s", slips[i][0], got ? got : "nothing");
	}
}

/* A word from outside may be of any length. */
static void
test_long(void **state)
{
	char text[4096];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_null(nearest(text));
	text[48] = '\0';
	assert_null(nearest(text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
