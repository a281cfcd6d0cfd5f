#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/obuf.h"
#include "config/option.h"

/* Setters write down what they were told, in order. */
struct trace {
	char text[512];
};

static int
note(struct trace *t, const struct option_value *v)
{
	size_t len = strlen(t->text);

	(void)snprintf(t->text + len, sizeof(t->text) - len, "%s=%s/%llu ",
	    v->row->name != NULL ? v->row->name : "-",
	    v->text != NULL ? v->text : "-", (unsigned long long)v->number);
	return 0;
}

static int
set_any(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	return note(self, v);
}

static int
set_other(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	return note(self, v);
}

static int
set_help(void *self, const struct option_value *v, struct err *err)
{
	(void)self;
	(void)v;
	(void)err;
	return -ECANCELED;
}

static int
set_picky(void *self, const struct option_value *v, struct err *err)
{
	(void)self;
	return err_set(err, -ENOENT, "\"%s\" does not please", v->text);
}

static const char *const colors[] = { "auto", "always", "never", NULL };

static const struct option_row rows[] = {
	{ .letter = 'f',
	    .name = "format",
	    .arg = "FORMAT",
	    .type = OPTION_TEXT,
	    .dflt = "text",
	    .help = "what to print",
	    .section = "First",
	    .set = set_any },
	{ .letter = 'q',
	    .name = "quiet",
	    .help = "say less; the words of this help text are so many that "
		    "they must be broken over lines",
	    .section = "First",
	    .set = set_any },
	{ .letter = 'v', .name = "verbose", .help = "more", .set = set_any },
	{ .name = "max-sessions",
	    .arg = "N",
	    .type = OPTION_COUNT,
	    .min = 1,
	    .max = 1000,
	    .help = "stop after N",
	    .section = "Second",
	    .set = set_any },
	{ .name = "max-bytes-that-are-many",
	    .arg = "N",
	    .type = OPTION_SIZE,
	    .min = 1,
	    .max = UINT64_MAX,
	    .help = "bytes",
	    .section = "Second",
	    .set = set_other },
	{ .name = "idle",
	    .arg = "SEC",
	    .type = OPTION_TIME,
	    .min = 0,
	    .max = UINT64_MAX,
	    .help = "silence",
	    .section = "Second",
	    .set = set_any },
	{ .name = "color",
	    .arg = "WHEN",
	    .type = OPTION_WORD,
	    .words = colors,
	    .help = "colour",
	    .section = "Second",
	    .set = set_any },
	{ .letter = 'a',
	    .name = "bind",
	    .arg = "ADDR",
	    .type = OPTION_TEXT,
	    .help = "address",
	    .section = "Second",
	    .set = set_other },
	{ .name = "binding",
	    .arg = "ADDR",
	    .type = OPTION_TEXT,
	    .set = set_other },
	{ .name = "tap-only",
	    .help = "not here",
	    .commands = 2,
	    .section = "Second",
	    .set = set_any },
	{ .letter = 'p',
	    .name = "picky",
	    .arg = "X",
	    .type = OPTION_TEXT,
	    .help = "refuses",
	    .section = "Second",
	    .set = set_picky },
	{ .letter = 'h',
	    .name = "help",
	    .help = "this text",
	    .section = "Second",
	    .set = set_help },
};

static const struct option_table table = {
	.rows = rows, .nrows = sizeof(rows) / sizeof(rows[0]), .command = 1
};

#define MAX_ARGS 16

struct parsed {
	int rc;
	struct trace trace;
	struct err err;
	char operands[128];
};

static const struct option_table two_lists = { .rows = rows,
	.nrows = sizeof(rows) / sizeof(rows[0]),
	.command = 1,
	.two_lists = true };

/* Splits @line at blanks ("''" is an empty argument) and parses it. */
static struct parsed
parse_as(const struct option_table *t, const char *line)
{
	struct parsed p = { .rc = 0 };
	char copy[512];
	char empty[] = "";
	char *argv[MAX_ARGS + 1] = { empty };
	int argc = 1;
	char *rest = NULL;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &rest); w != NULL && argc < MAX_ARGS;
	     w = strtok_r(NULL, " ", &rest))
		argv[argc++] = strcmp(w, "''") == 0 ? empty : w;
	p.rc = option_parse(t, &argc, argv, &p.trace, &p.err);
	for (int i = 1; p.rc == 0 && i < argc; i++) {
		size_t len = strlen(p.operands);

		(void)snprintf(
		    p.operands + len, sizeof(p.operands) - len, "%s ", argv[i]);
	}
	return p;
}

static struct parsed
parse(const char *line)
{
	return parse_as(&table, line);
}

struct good {
	const char *line;
	const char *trace;
	const char *operands;
};

static const struct good goods[] = {
	{ "", "", "" },
	{ "8081 h:1", "", "8081 h:1 " },
	{ "8081 -f hex h:1 -q", "format=hex/0 quiet=-/1 ", "8081 h:1 " },
	{ "-fhex", "format=hex/0 ", "" },
	{ "-f -q", "format=-q/0 ", "" },
	{ "-qvvf hex x", "quiet=-/1 verbose=-/1 verbose=-/1 format=hex/0 ",
	    "x " },
	{ "-qfq", "quiet=-/1 format=q/0 ", "" },
	{ "--format=hex --format raw", "format=hex/0 format=raw/0 ", "" },
	{ "--format=a=b", "format=a=b/0 ", "" },
	{ "--form x", "format=x/0 ", "" },
	{ "--max-s 3", "max-sessions=3/3 ", "" },
	{ "--max-b 1k", "max-bytes-that-are-many=1k/1000 ", "" },
	{ "--idle 1.5", "idle=1.5/1500000000 ", "" },
	{ "--color never", "color=never/2 ", "" },
	{ "--bind x", "bind=x/0 ", "" },
	{ "--bin x", "bind=x/0 ", "" },
	{ "- -- -q --format", "", "- -q --format " },
	{ "a -- b -- c", "", "a b -- c " },
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		struct parsed p = parse(goods[i].line);

		if (p.rc != 0)
			fail_msg("%s: %s", goods[i].line, p.err.text);
		assert_string_equal(p.trace.text, goods[i].trace);
		assert_string_equal(p.operands, goods[i].operands);
	}
}

/* The first "--" says where one list ends, wherever options stand. */
static void
test_two_lists(void **state)
{
	static const char *const lines[][2] = {
		{ "", "" },
		{ "a -q b", "a b " },
		{ "a -- b", "a -- b " },
		{ "-- b", "-- b " },
		{ "a --", "a -- " },
		{ "a -q b -- -q c -- d", "a b -- -q c -- d " },
		/* An argument of an option is none. */
		{ "a -f -- b", "a b " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct parsed p = parse_as(&two_lists, lines[i][0]);

		assert_int_equal(p.rc, 0);
		assert_string_equal(p.operands, lines[i][1]);
	}
}

struct bad {
	const char *line;
	const char *says;
};

static const struct bad bads[] = {
	{ "-x", "-x: no such option (--help lists them all)" },
	{ "-qx", "-x: no such option (--help lists them all)" },
	{ "--fromat hex", "--fromat: no such option (did you mean --format?)" },
	{ "--zzz=3", "--zzz: no such option (--help lists them all)" },
	{ "--tap-only", "--tap-only: no such option (--help lists them all)" },
	{ "--=3", "--: no such option (--help lists them all)" },
	{ "--max 3", "--max may be --max-sessions or "
		     "--max-bytes-that-are-many: write more of it" },
	{ "-f", "-f needs FORMAT after it" },
	{ "-qf", "-f needs FORMAT after it" },
	{ "x --format", "--format needs FORMAT after it" },
	{ "--format=", "--format: FORMAT must not be empty" },
	{ "-f ''", "-f: FORMAT must not be empty" },
	{ "--quiet=yes", "--quiet takes no value, \"yes\" was given" },
	{ "--max-sessions 0", "--max-sessions: 0 is out of range: 1 to 1000" },
	{ "--max-sess x", "--max-sessions: \"x\" is no whole number" },
	{ "--color nevr", "--color: \"nevr\" is none of auto, always, never "
			  "(did you mean never?)" },
	{ "--color blue", "--color: \"blue\" is none of auto, always, never" },
	{ "--idle=-1", "--idle: -1 is out of range: 0 or more" },
	{ "--idle=soon", "--idle: \"soon\" is no time: seconds are meant, or a "
			 "number with a unit, as in 1.5, 500ms or 2m" },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct parsed p = parse(bads[i].line);

		assert_int_equal(p.rc, -EINVAL);
		assert_string_equal(p.err.text, bads[i].says);
	}
}

static void
test_setter_has_the_last_word(void **state)
{
	struct parsed p = parse("-q -p me -v");

	(void)state;
	assert_int_equal(p.rc, -ENOENT);
	assert_string_equal(p.err.text, "-p: \"me\" does not please");
	assert_string_equal(p.trace.text, "quiet=-/1 ");

	/* --help wins over what stands behind it, however wrong. */
	p = parse("-q --help --zzz");
	assert_int_equal(p.rc, -ECANCELED);
	assert_string_equal(p.err.text, "");
}

static void
test_help(void **state)
{
	static const char expected[] =
	    "First:\n"
	    "  -f, --format FORMAT     what to print (default: text)\n"
	    "  -q, --quiet             say less; the words of this help text "
	    "are so many\n"
	    "                          that they must be broken over lines\n"
	    "  -v, --verbose           more\n"
	    "\n"
	    "Second:\n"
	    "      --max-sessions N    stop after N\n"
	    "      --max-bytes-that-are-many N\n"
	    "                          bytes\n"
	    "      --idle SEC          silence\n"
	    "      --color WHEN        colour\n"
	    "  -a, --bind ADDR         address\n"
	    "  -p, --picky X           refuses\n"
	    "  -h, --help              this text\n";
	struct obuf out = { .len = 0 };

	(void)state;
	option_help(&table, &out);
	obuf_putc(&out, '\0');
	assert_false(out.failed);
	assert_string_equal((const char *)out.data, expected);
	obuf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_two_lists),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_setter_has_the_last_word),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
