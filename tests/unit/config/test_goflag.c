#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/obuf.h"
#include "config/goflag.h"

struct trace {
	char text[512];
};

static int
set_any(void *self, const struct option_value *v, struct err *err)
{
	struct trace *t = self;
	size_t len = strlen(t->text);

	(void)err;
	(void)snprintf(t->text + len, sizeof(t->text) - len, "%s=%s/%llu ",
	    v->row->name, v->text != NULL ? v->text : "-",
	    (unsigned long long)v->number);
	return 0;
}

static const struct option_row rows[] = {
	{ .name = "host", .arg = "HOST", .type = OPTION_TEXT, .set = set_any },
	{ .name = "listen_port",
	    .arg = "PORT",
	    .type = OPTION_COUNT,
	    .min = 0,
	    .max = 65535,
	    .set = set_any },
	{ .name = "title", .arg = "T", .type = OPTION_STRING, .set = set_any },
	{ .name = "verbose", .set = set_any },
};

static const struct option_table table = {
	.rows = rows, .nrows = sizeof(rows) / sizeof(rows[0]), .command = 0
};

#define MAX_ARGS 16

struct parsed {
	int rc;
	int left;  /* operands */
	char last; /* how the last of them begins */
	struct trace trace;
	struct err err;
};

static struct parsed
parse(const char *line)
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
		argv[argc++] = w;
	p.rc = goflag_parse(&table, &argc, argv, &p.trace, &p.err);
	p.left = argc - 1;
	if (p.left > 0)
		p.last = *argv[p.left];
	return p;
}

struct good {
	const char *line;
	const char *trace;
	int left;
	char last;
};

/* As package flag of Go behaves, including where it stops. */
static const struct good goods[] = {
	{ "", "", 0, 0 },
	{ "-host h", "host=h/0 ", 0, 0 },
	{ "--host h", "host=h/0 ", 0, 0 },
	{ "-host=h", "host=h/0 ", 0, 0 },
	{ "--host=h=i", "host=h=i/0 ", 0, 0 },
	{ "-host -verbose", "host=-verbose/0 ", 0, 0 },
	{ "-listen_port 80 -host h", "listen_port=80/80 host=h/0 ", 0, 0 },
	{ "-verbose", "verbose=-/1 ", 0, 0 },
	{ "-title= -title=x", "title=/0 title=x/0 ", 0, 0 },
	{ "-verbose=false --verbose=T", "verbose=false/0 verbose=T/1 ", 0, 0 },
	{ "-verbose false", "verbose=-/1 ", 1, 'f' },
	{ "x -host h", "", 3, 'h' },
	{ "- -host h", "", 3, 'h' },
	{ "-verbose -- -host h", "verbose=-/1 ", 2, 'h' },
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
		assert_int_equal(p.left, goods[i].left);
		assert_int_equal(p.last, goods[i].last);
	}
}

static void
test_bad(void **state)
{
	static const char *const bads[][2] = {
		{ "-hots h", "flag provided but not defined: -hots (did you "
			     "mean -host?)" },
		{ "-zzz=3", "flag provided but not defined: -zzz" },
		{ "-hos h", "flag provided but not defined: -hos (did you "
			    "mean -host?)" },
		{ "-host", "flag needs an argument: -host" },
		{ "-host=", "invalid value \"\" for flag -host: HOST must "
			    "not be empty" },
		{ "-=x", "bad flag syntax: -=x" },
		{ "---host", "bad flag syntax: ---host" },
		{ "-listen_port x", "invalid value \"x\" for flag "
				    "-listen_port: \"x\" is no whole number" },
		{ "-listen_port=65536",
		    "invalid value \"65536\" for flag -listen_port: 65536 is "
		    "out of range: 0 to 65535" },
		{ "-verbose=yes", "invalid value \"yes\" for flag -verbose: "
				  "\"yes\" is neither true nor false" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct parsed p = parse(bads[i][0]);

		assert_int_equal(p.rc, -EINVAL);
		assert_string_equal(p.err.text, bads[i][1]);
	}
}

/* As flag.PrintDefaults() of Go prints them. */
static void
test_defaults(void **state)
{
	static const struct option_row shown[] = {
		{ .name = "bare", .type = OPTION_FLAG, .help = "a flag" },
		{ .name = "bpf",
		    .arg = "string",
		    .type = OPTION_STRING,
		    .dflt = "icmp",
		    .help = "a filter" },
		{ .name = "device",
		    .arg = "string",
		    .type = OPTION_STRING,
		    .help = "a device" },
		{ .name = "h", .type = OPTION_FLAG },
		{ .name = "stats",
		    .type = OPTION_FLAG,
		    .dflt = "true",
		    .help = "a line" },
	};
	static const struct option_table t = { .rows = shown,
		.nrows = ATTR_COUNT(shown) };
	struct obuf out = { .data = NULL };

	(void)state;
	goflag_defaults(&t, &out);
	obuf_putc(&out, '\0');
	assert_false(out.failed);
	assert_string_equal((const char *)out.data,
	    "  -bare\n    \ta flag\n"
	    "  -bpf string\n    \ta filter (default \"icmp\")\n"
	    "  -device string\n    \ta device\n"
	    "  -stats\n    \ta line (default true)\n");
	obuf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
