#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/obuf.h"
#include "config/jsonish.h"

static struct jsonish
good(const char *text)
{
	struct jsonish_pos where = { 0, 0 };
	struct jsonish root;
	struct err err = { "" };

	if (jsonish_parse(&root, text, strlen(text), &where, &err) != 0)
		fail_msg(
		    "%s\n%u:%u: %s", text, where.line, where.column, err.text);
	return root;
}

/* The tree, in a spelling of its own: kinds, keys, texts, nothing else. */
static void
spell(const struct jsonish *v, struct obuf *out)
{
	switch (v->kind) {
	case JSONISH_NULL:
		obuf_puts(out, "null");
		break;
	case JSONISH_BOOL:
		obuf_puts(out, v->truth ? "true" : "false");
		break;
	case JSONISH_NUMBER:
		obuf_printf(out, "%s", v->text);
		break;
	case JSONISH_STRING:
		obuf_printf(out, "<%s>", v->text);
		break;
	case JSONISH_LIST:
	case JSONISH_OBJECT:
		obuf_putc(out, v->kind == JSONISH_LIST ? '[' : '{');
		for (size_t i = 0; i < v->nitems; i++) {
			if (v->items[i].key != NULL)
				obuf_printf(out, "%s=", v->items[i].key);
			spell(&v->items[i], out);
			obuf_putc(out, ' ');
		}
		obuf_putc(out, v->kind == JSONISH_LIST ? ']' : '}');
		break;
	}
}

struct sample {
	const char *text;
	const char *tree;
};

static const struct sample samples[] = {
	/* JSON */
	{ "{}", "{}" },
	{ "[]", "[]" },
	{ " [ 1 , -2.5e+3 , 0 , -0 , 0.25 , 1E2 ] ",
	    "[1 -2.5e+3 0 -0 0.25 1E2 ]" },
	{ "[true,false,null]", "[true false null ]" },
	{ "{\"a\":{\"b\":[{},[]]},\"c\":\"d\"}", "{a={b=[{} [] ] } c=<d> }" },
	{ "\"\"", "<>" },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "<\"\\/\b\f\n\r\t>" },
	{ "\"\\u00e9\\u20ac\\uD83D\\ude00\\u0041\"",
	    "<\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
	    "A>" },
	{ "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
	    "<\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80>" },
	{ "{\"a\":1,\"a\":2}", "{a=1 a=2 }" },
	/* bare keys, also several in a line, also hyphens */
	{ "{remote-host: 1, _x: 2, A9_-z: 3}",
	    "{remote-host=1 _x=2 A9_-z=3 }" },
	{ "{true: 1, null: 2}", "{true=1 null=2 }" },
	/* single quotes */
	{ "{'a': 'it\\'s \"b\"'}", "{a=<it's \"b\"> }" },
	{ "\"it's\"", "<it's>" },
	/* trailing commas */
	{ "{a:1,}", "{a=1 }" },
	{ "[1,\n]", "[1 ]" },
	/* comments: whole lines, after values, within, at the end */
	{ "// x\n# y\n/* z\n ** / */ {a: 1 // x, b: 2\n, # {\n b: 3 }",
	    "{a=1 b=3 }" },
	{ "[1// one\n,2#two\n,3/*three*/]", "[1 2 3 ]" },
	{ "{a/* */:/* */1}", "{a=1 }" },
	{ "{} // at the end", "{}" },
	{ "{} # at the end\n\n", "{}" },
	{ "{}/**/", "{}" },
	/* strings are never touched */
	{ "[\"go http://x, a: 1 /* no */ # no ,] ,}\"]",
	    "[<go http://x, a: 1 /* no */ # no ,] ,}> ]" },
	{ "['ether host 0:1:2:3:4:5 // x']",
	    "[<ether host 0:1:2:3:4:5 // x> ]" },
	/* a byte order mark, line ends of others */
	{ "\xef\xbb\xbf{a:1}", "{a=1 }" },
	{ "{\r\n\ta:\r\n1\r\n}\r\n", "{a=1 }" },
};

static void
test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(samples); i++) {
		struct jsonish root = good(samples[i].text);
		struct obuf out = { .data = NULL };

		spell(&root, &out);
		obuf_putc(&out, '\0');
		assert_false(out.failed);
		assert_string_equal((char *)out.data, samples[i].tree);
		obuf_done(&out);
		jsonish_done(&root);
		jsonish_done(&root);
		assert_null(root.items);
	}
}

struct bad {
	const char *text;
	unsigned line;
	unsigned column;
	const char *says;
};

static const struct bad bads[] = {
	{ "", 1, 1, "the end is where a value is needed" },
	{ " \n ", 2, 2, "the end is where a value is needed" },
	{ "// only words", 1, 14, "the end is where a value is needed" },
	{ "\xef\xbb\xbf", 1, 1, "the end is where a value is needed" },
	{ "{", 1, 2, "the end, and the { of line 1, column 1 is still open" },
	{ "{a:1", 1, 5, "the { of line 1, column 1 is still open" },
	{ "{a:1,", 1, 6, "the { of line 1, column 1 is still open" },
	{ "\n [[1]", 2, 6, "the [ of line 2, column 2 is still open" },
	{ "{a", 1, 3, "the end is where a : after the key is needed" },
	{ "{a:", 1, 4, "the end is where a value is needed" },
	{ "{a:}", 1, 4, "\"}\" is where a value is needed" },
	{ "{a 1}", 1, 4, "\"1\" is where a : after the key is needed" },
	{ "{a = 1}", 1, 4, "\"=\" means nothing here" },
	{ "{a:1 b:2}", 1, 6, "\"b\" is where a comma or } is needed" },
	{ "{a:1,,b:2}", 1, 6, "\",\" is where a key is needed" },
	{ "{,}", 1, 2, "\",\" is where a key is needed" },
	{ "[,]", 1, 2, "\",\" is where a value is needed" },
	{ "[1,,]", 1, 4, "\",\" is where a value is needed" },
	{ "[1 2]", 1, 4, "\"2\" is where a comma or ] is needed" },
	{ "[1}", 1, 3, "\"}\" is where a comma or ] is needed" },
	{ "{a:1]", 1, 5, "\"]\" is where a comma or } is needed" },
	{ "{1:2}", 1, 2, "\"1\" is where a key is needed" },
	{ "{$a:2}", 1, 2, "\"$\" means nothing here" },
	{ "{a.b:2}", 1, 3, "\".b\" is where a : after the key is needed" },
	{ "{[]:2}", 1, 2, "\"[\" is where a key is needed" },
	{ "{} {}", 1, 4, "\"{\" is where the end is needed" },
	{ "{} x", 1, 4, "\"x\" is where the end is needed" },
	{ "{a: eth0}", 1, 5,
	    "eth0 is neither true, false nor null: a text needs quotes" },
	{ "[True]", 1, 2, "True is neither true, false nor null" },
	{ "[0x10]", 1, 2, "0x10 is no number as JSON writes it" },
	{ "[+1]", 1, 2, "+1 is no number" },
	{ "[.5]", 1, 2, ".5 is no number" },
	{ "[5.]", 1, 2, "5. is no number" },
	{ "[-]", 1, 2, "- is no number" },
	{ "[1e]", 1, 2, "1e is no number" },
	{ "[1e+]", 1, 2, "1e+ is no number" },
	{ "[007]", 1, 2, "007 is no number" },
	{ "[64KiB]", 1, 2,
	    "64KiB is no number as JSON writes it: a text "
	    "needs quotes" },
	{ "[10.0.0.1]", 1, 2, "10.0.0.1 is no number" },
	{ "[\"a]", 1, 2, "the text that begins here has no \" at its end" },
	{ "['a\n']", 1, 2, "the text that begins here has no ' at its end" },
	{ "[\"a\\", 1, 2, "the text that begins here has no \"" },
	{ "[\"a\\\n\"]", 1, 2, "the text that begins here has no \"" },
	{ "[\"a\\\"]", 1, 2, "the text that begins here has no \"" },
	{ "[\"a\tb\"]", 1, 4,
	    "a control character (0x09) in a text: write "
	    "\\u0009" },
	{ "[\"a\\x41\"]", 1, 4, "no such escape" },
	{ "[\"C:\\new\\q\"]", 1, 9, "no such escape" },
	{ "[\"\\u12\"]", 1, 3, "\\u needs four hexadecimal digits" },
	{ "[\"\\u12g4\"]", 1, 3, "\\u needs four hexadecimal digits" },
	{ "[\"x\\u0000\"]", 1, 4, "NUL cannot be part of a text" },
	{ "[\"\\ud83d\"]", 1, 3, "half of a surrogate pair" },
	{ "[\"\\ud83dx\"]", 1, 3, "half of a surrogate pair" },
	{ "[\"\\ud83d\\u0041\"]", 1, 3, "half of a surrogate pair" },
	{ "[\"\\ude00\"]", 1, 3, "half of a surrogate pair" },
	{ "{} /* x", 1, 4, "the comment that begins here has no end" },
	{ "/*/ {}", 1, 1, "the comment that begins here has no end" },
	{ "/", 1, 1, "\"/\" means nothing here" },
	{ "{\x01}", 1, 2, "a control character (0x01) outside of a text" },
	{ "{\xe2\x82\xac:1}", 1, 2, "\"\xe2\x82\xac\" means nothing here" },
	/* columns count characters */
	{ "[\"\xe2\x82\xac\t\"]", 1, 4, "a control character (0x09)" },
	{ "/*\xe2\x82\xac*/ x", 1, 7, "x is neither" },
	{ "{\n\t\"a\": \"\xc3\xa9\" x", 2, 11, "\"x\" is where a comma or }" },
	/* not UTF-8 */
	{ "{}\n \xff", 2, 2, "byte 0xff here is not UTF-8" },
	{ "\"\xc3\"", 1, 2, "byte 0xc3 here is not UTF-8" },
	{ "\"\xed\xa0\x80\"", 1, 2, "byte 0xed here is not UTF-8" },
	{ "# \xc0\xaf\n{}", 1, 3, "byte 0xc0 here is not UTF-8" },
	{ "\"\xe2\x82", 1, 2, "byte 0xe2 here is not UTF-8" },
};

static void
check_bad(const char *text, size_t len, const struct bad *b)
{
	struct jsonish root = { .kind = JSONISH_STRING };
	struct jsonish_pos where = { 0, 0 };
	struct err err = { "" };
	/* Right before what may not be read. */
	char *exact = malloc(len + 1);

	assert_non_null(exact);
	memcpy(exact + 1, text, len);
	assert_int_equal(
	    jsonish_parse(&root, exact + 1, len, &where, &err), -EINVAL);
	if (where.line != b->line || where.column != b->column ||
	    strstr(err.text, b->says) == NULL)
		fail_msg("%.64s\n%u:%u: %s", text, where.line, where.column,
		    err.text);
	assert_int_equal(root.kind, JSONISH_STRING);
	free(exact);
}

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(bads); i++)
		check_bad(bads[i].text, strlen(bads[i].text), &bads[i]);
	check_bad("{}\0", 3, &(struct bad){ "", 1, 3, "a NUL byte" });
	check_bad("{\0}", 3, &(struct bad){ "", 1, 2, "a NUL byte" });
}

/* Whatever is cut off: an answer, and no byte behind the end is looked at. */
static void
test_cut(void **state)
{
	static const char text[] =
	    "{a: [1.5e-3, true, null, {'b': \"\\u00e9\\ud83d\\ude00\"}], "
	    "// c\n /* d */ \"e\": -1}";

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct jsonish root;
		struct jsonish_pos where = { 0, 0 };
		struct err err = { "" };
		char *exact = malloc(len + 1);

		assert_non_null(exact);
		memcpy(exact + 1, text, len);
		assert_int_equal(
		    jsonish_parse(&root, exact + 1, len, &where, &err),
		    -EINVAL);
		assert_true(where.line >= 1 && where.column >= 1);
		assert_true(err.text[0] != '\0');
		free(exact);
	}
}

/* Random damage to each byte, under the sanitizers. */
static void
test_damaged(void **state)
{
	static const char text[] =
	    "{a: [1, \"\\u20ac\", 'x'], /* c */ b: {c: -1.5e2,},} # d";
	static const char by[] = "\0\xff{}[]\",:'\\/*#u0\n\xe2";

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (size_t j = 0; j < sizeof(by) - 1; j++) {
			char copy[sizeof(text) - 1];
			struct jsonish root;
			struct jsonish_pos where = { 0, 0 };
			struct err err = { "" };

			memcpy(copy, text, sizeof(copy));
			copy[i] = by[j];
			if (jsonish_parse(
				&root, copy, sizeof(copy), &where, &err) == 0)
				jsonish_done(&root);
			else
				assert_true(where.line == 1 || where.line == 2);
		}
	}
}

/* @n times @each, then @tail. */
static char *
many(size_t n, const char *each, const char *tail)
{
	size_t len = strlen(each);
	char *text = malloc(n * len + strlen(tail) + 1);

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, each, len + 1);
	memcpy(text + n * len, tail, strlen(tail) + 1);
	return text;
}

static void
expect(char *text_take, const char *says)
{
	struct jsonish root;
	struct jsonish_pos where = { 0, 0 };
	struct err err = { "" };
	int rc =
	    jsonish_parse(&root, text_take, strlen(text_take), &where, &err);

	free(text_take);
	if (says == NULL) {
		assert_int_equal(rc, 0);
		jsonish_done(&root);
		return;
	}
	assert_int_equal(rc, -EINVAL);
	if (strstr(err.text, says) == NULL)
		fail_msg("%s", err.text);
}

static void
test_limits(void **state)
{
	(void)state;
	expect(many(100000, "[", ""), "nested more than 32 deep");
	expect(many(100000, "{a:", ""), "nested more than 32 deep");
	expect(many(33, "[", ""), "nested more than 32 deep");
	expect(many(32, "[", "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), NULL);
	expect(many(JSONISH_MAX_BYTES, " ", "1"), "1048577 bytes are too much");
	expect(many(JSONISH_MAX_BYTES - 1, " ", "1"), NULL);
	expect(many(JSONISH_MAX_BYTES, "/", ""), "a value is needed");
	expect(many(JSONISH_MAX_BYTES, "\"", ""), "\"\" is where the end");
}

static void
test_limit_of_values(void **state)
{
	char *text = many(JSONISH_MAX_VALUES, "1,", "]");

	(void)state;
	text[0] = '[';
	text[1] = ' ';
	expect(text, NULL);
	text = many(JSONISH_MAX_VALUES + 1, "1,", "]");
	text[0] = '[';
	text[1] = ' ';
	expect(text, "more than 65536 values");
}

static void
test_positions(void **state)
{
	struct jsonish root = good("{\n  a: 1,\n\t'b' : [ 2,\n3]}");
	const struct jsonish *b = jsonish_find(&root, "b");

	(void)state;
	assert_int_equal(root.pos.line, 1);
	assert_int_equal(root.items[0].key_pos.line, 2);
	assert_int_equal(root.items[0].key_pos.column, 3);
	assert_int_equal(root.items[0].pos.column, 6);
	assert_non_null(b);
	assert_int_equal(b->key_pos.line, 3);
	assert_int_equal(b->key_pos.column, 2);
	assert_int_equal(b->pos.column, 8);
	assert_int_equal(b->items[1].pos.line, 4);
	assert_int_equal(b->items[1].pos.column, 1);
	assert_null(jsonish_find(&root, "c"));
	assert_null(jsonish_find(b, "a"));
	jsonish_done(&root);
}

static void
test_find_takes_the_last(void **state)
{
	struct jsonish root = good("{a:1,b:2,a:3}");

	(void)state;
	assert_string_equal(jsonish_find(&root, "a")->text, "3");
	jsonish_done(&root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limit_of_values),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_find_takes_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
