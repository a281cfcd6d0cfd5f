#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/jsonout.h"
#include "base/obuf.h"

static void
check(struct obuf *o, const char *expected)
{
	obuf_putc(o, '\0');
	assert_false(o->failed);
	assert_string_equal((char *)o->data, expected);
	obuf_done(o);
}

static void
test_members(void **state)
{
	struct obuf o = { .data = NULL };

	(void)state;
	jsonout_open(&o, NULL, '{');
	jsonout_number(&o, "id", UINT64_MAX);
	jsonout_open(&o, "empty", '[');
	jsonout_close(&o, ']');
	jsonout_open(&o, "list", '[');
	jsonout_text(&o, NULL, "one");
	jsonout_text(&o, NULL, NULL);
	jsonout_bool(&o, NULL, true);
	jsonout_open(&o, NULL, '{');
	jsonout_close(&o, '}');
	jsonout_close(&o, ']');
	jsonout_null(&o, "nothing");
	jsonout_bool(&o, "no", false);
	jsonout_raw(&o, "raw", "[1]");
	jsonout_stamp(&o, "ts", 0);
	jsonout_close(&o, '}');
	check(&o,
	    "{\"id\":18446744073709551615,\"empty\":[],"
	    "\"list\":[\"one\",null,true,{}],\"nothing\":null,\"no\":false,"
	    "\"raw\":[1],\"ts\":\"1970-01-01T00:00:00.000000000Z\"}");
}

/* A text that ends like an opening bracket is none. */
static void
test_texts_that_look_like_brackets(void **state)
{
	struct obuf o = { .data = NULL };

	(void)state;
	jsonout_open(&o, NULL, '[');
	jsonout_text(&o, NULL, "{");
	jsonout_text(&o, NULL, "[");
	jsonout_text(&o, NULL, "");
	jsonout_close(&o, ']');
	check(&o, "[\"{\",\"[\",\"\"]");
}

static void
test_any_text_is_json(void **state)
{
	struct obuf o = { .data = NULL };
	char text[257];
	json_t *back;

	(void)state;
	for (int i = 0; i < 255; i++)
		text[i] = (char)(i + 1);
	text[255] = '\0';
	jsonout_open(&o, NULL, '[');
	jsonout_text(&o, NULL, text);
	jsonout_text(&o, NULL, "\xff\xfe\"\\");
	jsonout_close(&o, ']');
	back = json_loadb((char *)o.data, o.len, 0, NULL);
	assert_non_null(back);
	assert_int_equal(json_array_size(back), 2);
	json_decref(back);
	obuf_done(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_texts_that_look_like_brackets),
		cmocka_unit_test(test_any_text_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
