#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/obuf.h"
#include "config/schema.h"

/** struct box - What the configuration of this test fills in. */
struct box {
	bool on;
	unsigned workers;
	uint64_t wait_ns;
	uint64_t grace_ns;
	size_t room;
	uint64_t level;
	char *host;
	char *note;
	char heard[128];
	size_t nparts;
	unsigned part_sum;
};

static int
set_level(void *self, const struct schema_value *v, struct err *err)
{
	(void)err;
	((struct box *)self)->level = v->number;
	return 0;
}

static int
hear(void *self, const struct schema_value *v, struct err *err)
{
	struct box *b = self;

	if (strcmp(v->text, "bad") == 0)
		return err_set(err, -EINVAL, "\"bad\" is not heard");
	if (strcmp(v->text, "oom") == 0)
		return -ENOMEM;
	(void)strncat(b->heard, v->text, sizeof(b->heard) - 16);
	(void)strncat(b->heard, ";", 2);
	return 0;
}

static const struct schema_row part_rows[] = {
	{ .key = "n",
	    .type = SCHEMA_COUNT,
	    .max = 9,
	    .help = "a digit",
	    .needed = true,
	    .at = offsetof(struct box, workers),
	    .set = schema_set_unsigned },
};

static const struct schema_table part_table = { "a part", part_rows,
	ATTR_COUNT(part_rows) };

static int
add_part(void *self, const struct schema_value *v, struct err *err)
{
	struct box *b = self;
	struct box part = { .on = false };

	(void)err;
	if (schema_read(&part_table, v->node, &part, v->reading) == -ENOMEM)
		return -ENOMEM;
	b->nparts++;
	b->part_sum += part.workers;
	return 0;
}

static const char *const levels[] = { "ERROR", "WARNING", "INFO", NULL };

static const struct schema_row deep_rows[] = {
	{ .key = "host",
	    .type = SCHEMA_TEXT,
	    .arg = "HOST",
	    .help = "a host",
	    .at = offsetof(struct box, host),
	    .set = schema_set_text },
	{ .key = "note",
	    .type = SCHEMA_TEXT,
	    .help = "a note",
	    .empty = true,
	    .at = offsetof(struct box, note),
	    .set = schema_set_text },
	{ .key = "level",
	    .type = SCHEMA_WORD,
	    .words = levels,
	    .fold = true,
	    .help = "how much",
	    .set = set_level },
};

static const struct schema_table deep_table = { "io.deep", deep_rows,
	ATTR_COUNT(deep_rows) };

static const struct schema_row rows[] = {
	{ .key = "enabled",
	    .type = SCHEMA_BOOL,
	    .help = "on or off",
	    .at = offsetof(struct box, on),
	    .set = schema_set_bool },
	{ .key = "workers",
	    .type = SCHEMA_COUNT,
	    .min = 1,
	    .max = 256,
	    .clamp = true,
	    .help = "threads",
	    .at = offsetof(struct box, workers),
	    .set = schema_set_unsigned },
	{ .key = "wait",
	    .type = SCHEMA_TIME,
	    .min = CLOCK_NS_PER_MS,
	    .max = 60 * CLOCK_NS_PER_S,
	    .help = "how long",
	    .at = offsetof(struct box, wait_ns),
	    .set = schema_set_u64 },
	{ .key = "grace_ms",
	    .type = SCHEMA_TIME,
	    .max = 10 * CLOCK_NS_PER_S,
	    .unit = "ms",
	    .clamp = true,
	    .help = "how long",
	    .at = offsetof(struct box, grace_ns),
	    .set = schema_set_u64 },
	{ .key = "room",
	    .type = SCHEMA_SIZE,
	    .min = 4096,
	    .max = 1 << 20,
	    .help = "how much",
	    .at = offsetof(struct box, room),
	    .set = schema_set_size },
	{ .key = "hear", .type = SCHEMA_TEXTS, .help = "words", .set = hear },
	{ .key = "plain",
	    .type = SCHEMA_PLAIN,
	    .help = "whatever",
	    .at = offsetof(struct box, note),
	    .set = schema_set_text },
	{ .key = "parts",
	    .type = SCHEMA_LIST,
	    .help = "parts",
	    .set = add_part },
	{ .key = "deep",
	    .type = SCHEMA_OBJECT,
	    .help = "more",
	    .table = &deep_table },
	{ .key = "linktype",
	    .type = SCHEMA_UNUSED,
	    .help = "files say it themselves" },
};

static const struct schema_table table = { NULL, rows, ATTR_COUNT(rows) };

static struct box
read_box(const char *text, bool lenient, struct findings *f, int *rc)
{
	struct schema_reading reading = { .findings = f, .lenient = lenient };
	struct box box = { .workers = 42 };
	struct jsonish_pos where;
	struct jsonish root;
	struct err err = { "" };

	if (jsonish_parse(&root, text, strlen(text), &where, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	*rc = schema_read(&table, &root, &box, &reading);
	jsonish_done(&root);
	return box;
}

static void
done(struct box *b)
{
	free(b->host);
	free(b->note);
}

/* What findings_put() makes of it. */
static char *
shown(struct findings *f)
{
	struct obuf out = { .data = NULL };

	findings_put(f, "x.conf", &out);
	obuf_putc(&out, '\0');
	assert_false(out.failed);
	return (char *)out.data;
}

static struct box
good(const char *text)
{
	struct findings f = { .n = 0 };
	int rc;
	struct box b = read_box(text, false, &f, &rc);

	if (rc != 0 || f.n > 0)
		fail_msg("%s: %s", text, shown(&f));
	assert_false(findings_are_bad(&f));
	return b;
}

static void
test_values(void **state)
{
	struct box b = good("{enabled: true, workers: 7, wait: 1.5, "
			    "grace_ms: 250, room: \"64KiB\", hear: ['a', 'b'], "
			    "parts: [{n: 1}, {n: 2}], deep: {host: 'h', "
			    "note: '', level: 'info'}}");

	(void)state;
	assert_true(b.on);
	assert_int_equal(b.workers, 7);
	assert_int_equal(b.wait_ns, 1500000000);
	assert_int_equal(b.grace_ns, 250000000);
	assert_int_equal(b.room, 65536);
	assert_string_equal(b.heard, "a;b;");
	assert_int_equal(b.nparts, 2);
	assert_int_equal(b.part_sum, 3);
	assert_string_equal(b.host, "h");
	assert_string_equal(b.note, "");
	assert_int_equal(b.level, 2);
	done(&b);
}

static void
test_spellings(void **state)
{
	struct box b = good("{workers: 2.0, wait: \"500ms\", room: 4096, "
			    "hear: 'one', grace_ms: '2s', parts: []}");

	(void)state;
	assert_false(b.on);
	assert_int_equal(b.workers, 2);
	assert_int_equal(b.wait_ns, 500000000);
	assert_int_equal(b.room, 4096);
	assert_string_equal(b.heard, "one;");
	assert_int_equal(b.grace_ns, 2000000000);
	b = good("{workers: 2.5e1, wait: 1e-2, grace_ms: 0.5, room: 8.192e3}");
	assert_int_equal(b.workers, 25);
	assert_int_equal(b.wait_ns, 10000000);
	assert_int_equal(b.grace_ns, 500000);
	assert_int_equal(b.room, 8192);
}

static void
test_plain(void **state)
{
	static const char *const pairs[][2] = {
		{ "{plain: 'a'}", "a" },
		{ "{plain: 8080}", "8080" },
		{ "{plain: -1.5}", "-1.5" },
		{ "{plain: true}", "yes" },
		{ "{plain: false}", "no" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(pairs); i++) {
		struct box b = good(pairs[i][0]);

		assert_string_equal(b.note, pairs[i][1]);
		done(&b);
	}
}

/* Left out, null or switched off: the value stays what it was. */
static void
test_left_out(void **state)
{
	struct box b = good("{}");

	(void)state;
	assert_int_equal(b.workers, 42);
	b = good("{workers: null, _workers: 'what', _x: {}, deep: null, "
		 "hear: null}");
	assert_int_equal(b.workers, 42);
	assert_string_equal(b.heard, "");
}

struct bad {
	const char *text;
	const char *says; /* all of it */
};

static const struct bad bads[] = {
	{ "[]", "1:1: a configuration: an object ({ ... }) is needed, this is "
		"a list" },
	{ "7", "1:1: a configuration: an object ({ ... }) is needed, this is "
	       "a number" },
	{ "{wrkers: 1}",
	    "1:2: \"wrkers\" is no key of a configuration (did you mean "
	    "workers?)" },
	{ "{zzz: 1}", "1:2: \"zzz\" is no key of a configuration" },
	{ "{deep: {hots: 1}}",
	    "1:9: \"hots\" is no key of io.deep (did you mean host?)" },
	{ "{'deep.host': 1}",
	    "1:2: \"deep.host\" is no key of a configuration" },
	{ "{workers: 1,\nworkers: 2}",
	    "2:1: workers stands already in line 1, column 2" },
	{ "{workers: 1, workers: null}",
	    "1:14: workers stands already in line 1, column 2" },
	{ "{enabled: 'yes'}",
	    "1:11: enabled: true or false is needed, this is a text" },
	{ "{enabled: 1}",
	    "1:11: enabled: true or false is needed, this is a number" },
	{ "{workers: true}", "1:11: workers: a whole number is needed, this "
			     "is true or false" },
	{ "{workers: '5'}",
	    "1:11: workers: a whole number is needed, this is a text" },
	{ "{workers: 1.5}", "1:11: workers: \"1.5\" is no whole number" },
	{ "{wait: {}}",
	    "1:8: wait: a time (1.5, \"500ms\", \"2m\") is needed, this is an "
	    "object" },
	{ "{wait: 'soon'}",
	    "1:8: wait: \"soon\" is no time: seconds are meant, or a number "
	    "with a unit, as in 1.5, 500ms or 2m" },
	{ "{wait: 61}", "1:8: wait: 61 is out of range: 1ms to 1m" },
	{ "{wait: 0}", "1:8: wait: 0 is out of range: 1ms to 1m" },
	{ "{wait: 1e300}", "1:8: wait: 1" },
	{ "{wait: -1}", "1:8: wait: -1 is out of range: 1ms to 1m" },
	{ "{grace_ms: []}",
	    "1:12: grace_ms: a number of milliseconds is needed, this is a "
	    "list" },
	{ "{room: 4095}", "1:8: room: 4095 is out of range: 4KiB to 1MiB" },
	{ "{room: '1.5k'}", "1:8: room: \"1.5k\" is no size: bytes are meant, "
			    "or a whole number with a unit, as in 64KiB or "
			    "1M" },
	{ "{room: true}", "1:8: room: a size (65536, \"64KiB\") is needed, "
			  "this is true or false" },
	{ "{hear: ['a', 'bad', 'c']}", "1:14: hear: \"bad\" is not heard" },
	{ "{hear: ['']}", "1:9: hear: the text must not be empty" },
	{ "{hear: [['a']]}",
	    "1:9: hear: a text in quotes, or a list of such is needed, this "
	    "is a list" },
	{ "{hear: {}}",
	    "1:8: hear: a text in quotes, or a list of such is needed, this "
	    "is an object" },
	{ "{hear: [null]}",
	    "1:9: hear: a text in quotes, or a list of such is needed, this "
	    "is null" },
	{ "{plain: []}",
	    "1:9: plain: a text in quotes or a number is needed, this is a "
	    "list" },
	{ "{plain: ''}", "1:9: plain: the text must not be empty" },
	{ "{parts: {}}",
	    "1:9: parts: a list ([ ... ]) is needed, this is an object" },
	{ "{parts: [7]}",
	    "1:10: a part: an object ({ ... }) is needed, this is a number" },
	{ "{parts: [{n: 1},\n {}]}", "2:2: a part needs the key n" },
	{ "{parts: [{n: null}]}", "1:10: a part needs the key n" },
	{ "{parts: [{_n: 1}]}", "1:10: a part needs the key n" },
	{ "{deep: 'x'}",
	    "1:8: io.deep: an object ({ ... }) is needed, this is a text" },
	{ "{deep: {host: ''}}", "1:15: host: HOST must not be empty" },
	{ "{deep: {host: 8}}",
	    "1:15: host: a text in quotes is needed, this is a number" },
	{ "{deep: {level: 'INFOS'}}",
	    "1:16: level: \"INFOS\" is none of ERROR, WARNING, INFO (did you "
	    "mean INFO?)" },
	{ "{deep: {level: 3}}",
	    "1:16: level: a text in quotes is needed, this is a number" },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(bads); i++) {
		struct findings f = { .n = 0 };
		char want[256];
		char *text;
		int rc;
		struct box b = read_box(bads[i].text, false, &f, &rc);

		assert_int_equal(rc, -EINVAL);
		assert_int_equal(f.errors, 1);
		text = shown(&f);
		(void)snprintf(want, sizeof(want), "x.conf:%s", bads[i].says);
		if (strncmp(text, want, strlen(want)) != 0)
			fail_msg("%s: %s", bads[i].text, text);
		free(text);
		findings_done(&f);
		done(&b);
	}
}

/* Every error is told, in the order of the text, and the rest is read. */
static void
test_all_at_once(void **state)
{
	struct findings f = { .n = 0 };
	int rc;
	struct box b = read_box("{room: 1, parts: [{}, {n: 12}],\n"
				" rom: 1, deep: {level: 'x', host: 'h'}}",
	    false, &f, &rc);
	char *text = shown(&f);

	(void)state;
	assert_int_equal(rc, -EINVAL);
	assert_true(findings_are_bad(&f));
	assert_string_equal(text,
	    "x.conf:1:8: room: 1 is out of range: 4KiB to 1MiB\n"
	    "x.conf:1:19: a part needs the key n\n"
	    "x.conf:1:27: n: 12 is out of range: 0 to 9\n"
	    "x.conf:2:2: \"rom\" is no key of a configuration (did you mean "
	    "room?)\n"
	    "x.conf:2:24: level: \"x\" is none of ERROR, WARNING, INFO\n");
	assert_string_equal(b.host, "h");
	free(text);
	findings_done(&f);
	done(&b);
}

static void
test_unused_is_a_warning(void **state)
{
	struct findings f = { .n = 0 };
	int rc;
	char *text;

	(void)state;
	(void)read_box("{linktype: {any: [1]}, workers: 300}", false, &f, &rc);
	text = shown(&f);
	assert_int_equal(rc, 0);
	assert_false(findings_are_bad(&f));
	assert_string_equal(text,
	    "x.conf:1:2: warning: linktype does nothing: files say it "
	    "themselves\n"
	    "x.conf:1:33: warning: workers: 300 is out of range: 1 to 256; "
	    "256 is used\n");
	free(text);
	findings_done(&f);
}

struct clamped {
	const char *text;
	unsigned workers;
	uint64_t grace_ns;
};

static void
test_clamp(void **state)
{
	static const struct clamped cases[] = {
		{ "{workers: 300}", 256, 0 },
		{ "{workers: 0}", 1, 0 },
		{ "{workers: -3}", 1, 0 },
		{ "{workers: 1e300}", 256, 0 },
		{ "{workers: 99999999999999999999}", 256, 0 },
		{ "{grace_ms: 10001}", 42, 10 * CLOCK_NS_PER_S },
		{ "{grace_ms: -1}", 42, 0 },
		{ "{grace_ms: '11s'}", 42, 10 * CLOCK_NS_PER_S },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct findings f = { .n = 0 };
		int rc;
		struct box b = read_box(cases[i].text, false, &f, &rc);

		if (rc != 0 || f.n != 1 || b.workers != cases[i].workers ||
		    b.grace_ns != cases[i].grace_ns)
			fail_msg(
			    "%s: %u, %s", cases[i].text, b.workers, shown(&f));
		findings_done(&f);
	}
}

static void
test_lenient(void **state)
{
	static const char *const truths[] = { "true", "'true'", "'YES'", "'on'",
		"'y'", "'1'", "1", "-2.5" };
	static const char *const lies[] = { "false", "'False'", "'no'", "'off'",
		"'n'", "'0'", "0", "0.0" };
	char text[64];
	int rc;

	(void)state;
	for (size_t i = 0; i < 2 * ATTR_COUNT(truths); i++) {
		struct findings f = { .n = 0 };
		struct box b;

		(void)snprintf(text, sizeof(text), "{enabled: %s}",
		    i % 2 ? truths[i / 2] : lies[i / 2]);
		b = read_box(text, true, &f, &rc);
		if (rc != 0 || b.on != (i % 2 != 0) || f.n != (i >= 2))
			fail_msg("%s: %s", text, shown(&f));
		findings_done(&f);
	}
}

static void
test_lenient_numbers(void **state)
{
	struct findings f = { .n = 0 };
	int rc;
	struct box b = read_box("{workers: '5', wait: '2', room: '8KiB', "
				"workers: '6'}",
	    true, &f, &rc);
	char *text = shown(&f);

	(void)state;
	assert_int_equal(rc, 0);
	assert_int_equal(b.workers, 6);
	assert_int_equal(b.wait_ns, 2 * CLOCK_NS_PER_S);
	assert_string_equal(text,
	    "x.conf:1:2: warning: workers comes again in line 1, column 41, "
	    "and that one counts\n"
	    "x.conf:1:22: warning: wait: \"2\" is taken as a number: write it "
	    "without quotes\n"
	    "x.conf:1:50: warning: workers: \"6\" is taken as a number: write "
	    "it without quotes\n");
	free(text);
	findings_done(&f);
	/* Lenient is not blind. */
	(void)read_box(
	    "{enabled: 'maybe', workers: 'five', room: []}", true, &f, &rc);
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(f.errors, 3);
	findings_done(&f);
}

static void
test_out_of_memory(void **state)
{
	struct findings f = { .n = 0 };
	int rc;

	(void)state;
	(void)read_box("{hear: ['a', 'oom'], nope: 1}", false, &f, &rc);
	assert_int_equal(rc, -ENOMEM);
	assert_true(findings_are_bad(&f));
	findings_done(&f);
}

static void
test_many_findings(void **state)
{
	struct findings f = { .n = 0 };
	char *text;

	(void)state;
	for (unsigned i = 0; i < FINDINGS_MAX + 20; i++)
		findings_error(
		    &f, (struct jsonish_pos){ 200 - i, 1 }, "no %u", i);
	findings_warn(&f, (struct jsonish_pos){ 1, 1 }, "hm");
	assert_int_equal(f.errors, FINDINGS_MAX + 20);
	text = shown(&f);
	assert_memory_equal(text, "x.conf:101:1: no 99\n", 20);
	assert_non_null(strstr(text, "x.conf: and 21 more like these\n"));
	free(text);
	findings_done(&f);
	assert_int_equal(f.errors, 0);
}

static void
test_findings_drive_no_terminal(void **state)
{
	struct findings f = { .n = 0 };
	char *text;

	(void)state;
	findings_error(&f, (struct jsonish_pos){ 1, 2 }, "a\x1b[2Jb \\, c");
	text = shown(&f);
	assert_string_equal(text, "x.conf:1:2: a\\x1b[2Jb \\, c\n");
	free(text);
	findings_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_unused_is_a_warning),
		cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_lenient),
		cmocka_unit_test(test_lenient_numbers),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_many_findings),
		cmocka_unit_test(test_findings_drive_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
