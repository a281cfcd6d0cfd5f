#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/registry.h"
#include "app/sinks.h"
#include "base/err.h"
#include "config/plan.h"

/*
 * The kinds here stand in for those of app/registry.c, whose object is not
 * linked since registry_find_sink() is defined below.
 */

static int alive;

static void
fake_free(struct sink *sink)
{
	(void)sink;
	alive--;
}

static const struct sink_ops fake_ops = { .kind = "fake", .free = fake_free };

static int
fake_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	(void)env;
	sink->ops = &fake_ops;
	if (strcmp(spec->arg, "exists") == 0)
		return err_set(err, -EEXIST, "it is there");
	if (strcmp(spec->arg, "broken") == 0)
		return err_set(err, -EIO, "it is broken");
	alive++;
	return 0;
}

static const struct sink_kind kinds[] = {
	{ .name = "text", .arg = "FILE", .queue = 64, .make = fake_make },
	{ .name = "flows", .arg = "DIR", .queue = 128, .make = fake_make },
	{ .name = "pcapng",
	    .arg = "FILE",
	    .queue = (size_t)64 << 20,
	    .make = fake_make },
	{ .name = "listen", .arg = "ADDR", .make = fake_make, .live = true },
	{ .name = "tee",
	    .arg = "ADDR",
	    .make = fake_make,
	    .live = true,
	    .whole = true },
};

const struct sink_kind *
registry_find_sink(const char *name)
{
	for (size_t i = 0; i < ATTR_COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static void
add(struct plan *p, const char *kind, const char *arg, const char *name)
{
	struct sink_spec spec;

	assert_int_equal(sink_spec_init(&spec, kind, arg), 0);
	if (name != NULL) {
		spec.name = strdup(name);
		assert_non_null(spec.name);
	}
	assert_int_equal(plan_add_sink(p, &spec), 0);
}

static struct sinks
make(const struct plan *p, const char *source)
{
	const struct sink_env env = { .source = source };
	struct err err = { "" };
	struct sinks s;

	if (sinks_make(&s, p, &env, &err) != 0)
		fail_msg("%s", err.text);
	return s;
}

static void
test_names_are_unique(void **state)
{
	static const char *const expected[] = { "flows-3", "flows", "flows-2",
		"flows-4", "text" };
	struct plan p;
	struct sinks s;

	(void)state;
	plan_init(&p);
	add(&p, "flows", "a", NULL);
	add(&p, "text", "-", "flows");
	add(&p, "flows", "b", "flows-2");
	add(&p, "flows", "c", NULL);
	add(&p, "text", "d", NULL);
	s = make(&p, "proxy");
	assert_int_equal(s.n, ATTR_COUNT(expected));
	for (size_t i = 0; i < s.n; i++)
		assert_string_equal(s.v[i]->name, expected[i]);
	sinks_free(&s);
	sinks_free(&s);
	assert_int_equal(alive, 0);

	add(&p, "text", "e", "flows");
	{
		const struct sink_env env = { .source = "proxy" };
		struct err err = { "" };

		assert_int_equal(sinks_make(&s, &p, &env, &err), -EINVAL);
		assert_string_equal(
		    err.text, "name=flows is given to two sinks");
	}
	plan_done(&p);
}

/* Decision 1, for each source. */
static void
test_on_full(void **state)
{
	static const struct {
		const char *source;
		/* text:-, text:f, flows:d, listen:a, tee:a */
		enum on_full policy[5];
	} rows[] = {
		{ "proxy", { ON_FULL_DROP, ON_FULL_PAUSE, ON_FULL_PAUSE,
			       ON_FULL_DROP, ON_FULL_CLOSE } },
		{ "read", { ON_FULL_PAUSE, ON_FULL_PAUSE, ON_FULL_PAUSE,
			      ON_FULL_DROP, ON_FULL_CLOSE } },
		{ "tap", { ON_FULL_DROP, ON_FULL_DROP, ON_FULL_DROP,
			     ON_FULL_DROP, ON_FULL_CLOSE } },
	};
	struct plan p;

	(void)state;
	plan_init(&p);
	add(&p, "text", "-", NULL);
	add(&p, "text", "f", NULL);
	add(&p, "flows", "-", NULL); /* a folder of that name */
	add(&p, "listen", "-", NULL);
	add(&p, "tee", "-", NULL);
	for (size_t r = 0; r < ATTR_COUNT(rows); r++) {
		struct sinks s = make(&p, rows[r].source);

		for (size_t i = 0; i < 5; i++)
			assert_int_equal(s.v[i]->on_full, rows[r].policy[i]);
		sinks_free(&s);
	}
	p.sinks[1].has_on_full = true;
	p.sinks[1].on_full = ON_FULL_CLOSE;
	p.sinks[2].queue = 4096;
	p.sinks[2].match.port = 80;
	{
		struct sinks s = make(&p, "proxy");

		assert_int_equal(s.v[1]->on_full, ON_FULL_CLOSE);
		assert_int_equal(s.v[1]->queue, 64);
		assert_int_equal(s.v[2]->queue, 4096);
		assert_int_equal(s.v[2]->match.port, 80);
		sinks_free(&s);
	}
	plan_done(&p);
}

/* Reading waits for its sinks: long queues would cost memory for nothing. */
static void
test_queues(void **state)
{
	static const struct {
		const char *source;
		size_t queue;
	} rows[] = {
		{ "proxy", (size_t)64 << 20 },
		{ "tap", (size_t)64 << 20 },
		{ "read", (size_t)8 << 20 },
	};
	struct plan p;

	(void)state;
	plan_init(&p);
	add(&p, "pcapng", "a", NULL);
	add(&p, "text", "-", NULL);
	add(&p, "pcapng", "b", NULL);
	p.sinks[2].queue = (size_t)32 << 20;
	for (size_t r = 0; r < ATTR_COUNT(rows); r++) {
		struct sinks s = make(&p, rows[r].source);

		assert_int_equal(s.v[0]->queue, rows[r].queue);
		assert_int_equal(s.v[1]->queue, 64);
		assert_int_equal(s.v[2]->queue, (size_t)32 << 20);
		sinks_free(&s);
	}
	plan_done(&p);
}

/* What was made before the failure is released, the failed one is not. */
static void
test_failure_frees_the_rest(void **state)
{
	static const struct {
		const char *arg;
		int rc;
		const char *says;
	} rows[] = {
		{ "exists", -EEXIST, "flows-2: it is there" },
		{ "broken", -EIO, "flows-2: it is broken" },
	};

	(void)state;
	for (size_t r = 0; r < ATTR_COUNT(rows); r++) {
		const struct sink_env env = { .source = "proxy" };
		struct sinks s = { .n = 7 };
		struct err err = { "" };
		struct plan p;

		plan_init(&p);
		add(&p, "text", "-", NULL);
		add(&p, "flows", "a", NULL);
		add(&p, "flows", rows[r].arg, NULL);
		add(&p, "flows", "b", NULL);
		assert_int_equal(sinks_make(&s, &p, &env, &err), rows[r].rc);
		assert_string_equal(err.text, rows[r].says);
		assert_int_equal(alive, 0);
		assert_int_equal(s.n, 7);
		plan_done(&p);
	}
}

/* Files share what they may open; each session has its own connections. */
static void
test_sessions_that_fit(void **state)
{
	struct plan p;
	struct sinks s;

	(void)state;
	plan_init(&p);
	s = make(&p, "proxy");
	assert_int_equal(sinks_sessions(&s, 100, 16), 50);
	assert_int_equal(sinks_sessions(&s, 0, 16), 1);
	sinks_free(&s);
	add(&p, "flows", "d", NULL);
	add(&p, "tee", "a", NULL);
	add(&p, "listen", "a", NULL);
	s = make(&p, "proxy");
	s.v[1]->session_fds = 1;
	s.v[2]->session_fds = 6;
	assert_int_equal(sinks_sessions(&s, 16 + 90, 16), 10);
	assert_int_equal(sinks_sessions(&s, 16 + 89, 16), 9);
	assert_int_equal(sinks_sessions(&s, 10, 16), 1);
	sinks_free(&s);
	plan_done(&p);
}

static void
test_no_sink_is_fine(void **state)
{
	struct plan p;
	struct sinks s;

	(void)state;
	plan_init(&p);
	s = make(&p, "proxy");
	assert_int_equal(s.n, 0);
	sinks_free(&s);
	plan_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_unique),
		cmocka_unit_test(test_on_full),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_failure_frees_the_rest),
		cmocka_unit_test(test_sessions_that_fit),
		cmocka_unit_test(test_no_sink_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
