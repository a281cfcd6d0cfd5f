#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "config/plan.h"
#include "core/packet.h"
#include "core/source.h"
#include "run/descriptors.h"
#include "run/kinds.h"
#include "run/limits.h"
#include "run/sinks.h"

/*
 * The kinds here stand in for those of run/kinds.c, whose object is not
 * linked since kinds_find() is defined below.
 */

static int alive;

/* What the sinks were told of their surroundings, the last ones made. */
static struct sink_env heard[8];
static size_t nheard;

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
	sink->ops = &fake_ops;
	heard[nheard % ATTR_COUNT(heard)] = *env;
	nheard++;
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
kinds_find(const char *name)
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

static const struct packet_iface eth0 = { .id = 0, .name = "eth0" };
static const struct packet_iface eth1 = { .id = 1, .name = "eth1" };

/** struct fake_source - It has an interface, perhaps. */
struct fake_source {
	struct source source;
	const struct packet_iface *iface;
};

static size_t
fake_ifaces(const struct source *src, const struct packet_iface **list)
{
	*list = ((const struct fake_source *)src)->iface;
	return 1;
}

static const struct source_ops source_ops[] = {
	[PLAN_PROXY] = { .name = "proxy" },
	[PLAN_TAP] = { .name = "tap", .packets = true, .ifaces = fake_ifaces },
	[PLAN_READ] = { .name = "read", .packets = true },
};

static struct fake_source fakes[4];

/* As the run would, of sources that do nothing; those of tap have ifaces. */
static int
try_make(struct sinks *s, const struct plan *p, struct err *err)
{
	const struct packet_iface *next = &eth0;
	const struct sink_env env = { .source = NULL };
	struct source *sources[ATTR_COUNT(fakes)];

	for (size_t i = 0; i < p->nsources; i++) {
		fakes[i].source.ops = &source_ops[p->sources[i].input];
		fakes[i].iface = next;
		if (p->sources[i].input == PLAN_TAP)
			next = &eth1;
		sources[i] = &fakes[i].source;
	}
	return sinks_make(s, &(struct sinks_from){ p, sources, &env }, err);
}

static void
hear(struct plan *p, enum plan_input input, const char *name)
{
	assert_non_null(plan_add_source(p, input, name));
}

static struct sinks
make(struct plan *p, enum plan_input input)
{
	struct err err = { "" };
	struct sinks s;

	if (p->nsources == 0)
		hear(p, input, NULL);
	p->sources[0].input = input;
	if (try_make(&s, p, &err) != 0)
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
	s = make(&p, PLAN_PROXY);
	assert_int_equal(s.n, ATTR_COUNT(expected));
	for (size_t i = 0; i < s.n; i++)
		assert_string_equal(s.v[i]->name, expected[i]);
	sinks_free(&s);
	sinks_free(&s);
	assert_int_equal(alive, 0);

	add(&p, "text", "e", "flows");
	{
		struct err err = { "" };

		assert_int_equal(try_make(&s, &p, &err), -EINVAL);
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
		enum plan_input input;
		/* text:-, text:f, flows:d, listen:a, tee:a */
		enum on_full policy[5];
	} rows[] = {
		{ PLAN_PROXY, { ON_FULL_DROP, ON_FULL_PAUSE, ON_FULL_PAUSE,
				  ON_FULL_DROP, ON_FULL_CLOSE } },
		{ PLAN_READ, { ON_FULL_PAUSE, ON_FULL_PAUSE, ON_FULL_PAUSE,
				 ON_FULL_DROP, ON_FULL_CLOSE } },
		{ PLAN_TAP, { ON_FULL_DROP, ON_FULL_DROP, ON_FULL_DROP,
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
		struct sinks s = make(&p, rows[r].input);

		for (size_t i = 0; i < 5; i++)
			assert_int_equal(s.v[i]->on_full, rows[r].policy[i]);
		sinks_free(&s);
	}
	p.sinks[1].has_on_full = true;
	p.sinks[1].on_full = ON_FULL_CLOSE;
	p.sinks[2].queue = 4096;
	p.sinks[2].match.port = 80;
	{
		struct sinks s = make(&p, PLAN_PROXY);

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
		enum plan_input input;
		size_t queue;
	} rows[] = {
		{ PLAN_PROXY, (size_t)64 << 20 },
		{ PLAN_TAP, (size_t)64 << 20 },
		{ PLAN_READ, (size_t)6 << 20 },
	};
	struct plan p;

	(void)state;
	plan_init(&p);
	add(&p, "pcapng", "a", NULL);
	add(&p, "text", "-", NULL);
	add(&p, "pcapng", "b", NULL);
	p.sinks[2].queue = (size_t)32 << 20;
	for (size_t r = 0; r < ATTR_COUNT(rows); r++) {
		struct sinks s = make(&p, rows[r].input);

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
		struct sinks s = { .n = 7 };
		struct err err = { "" };
		struct plan p;

		plan_init(&p);
		add(&p, "text", "-", NULL);
		add(&p, "flows", "a", NULL);
		add(&p, "flows", rows[r].arg, NULL);
		add(&p, "flows", "b", NULL);
		hear(&p, PLAN_PROXY, NULL);
		assert_int_equal(try_make(&s, &p, &err), rows[r].rc);
		assert_string_equal(err.text, rows[r].says);
		assert_int_equal(alive, 0);
		assert_int_equal(s.n, 7);
		plan_done(&p);
	}
}

/* What a sink hears decides what it can expect, not what others hear. */
static void
test_surroundings(void **state)
{
	struct sink *out[3];
	struct plan p;
	struct sinks s;

	(void)state;
	plan_init(&p);
	hear(&p, PLAN_READ, "old");
	hear(&p, PLAN_TAP, "net");
	hear(&p, PLAN_PROXY, "web");
	hear(&p, PLAN_TAP, "dmz");
	add(&p, "pcapng", "all", NULL);
	add(&p, "text", "web", NULL);
	assert_int_equal(sink_spec_hear(&p.sinks[1], "web"), 0);
	assert_int_equal(sink_spec_hear(&p.sinks[1], "old"), 0);
	add(&p, "pcapng", "dmz", NULL);
	assert_int_equal(sink_spec_hear(&p.sinks[2], "dmz"), 0);
	nheard = 0;
	s = make(&p, PLAN_READ);
	assert_int_equal(nheard, 3);
	assert_string_equal(heard[0].source, "tap");
	assert_string_equal(heard[1].source, "proxy");
	assert_string_equal(heard[2].source, "tap");
	assert_true(heard[0].packets && heard[1].packets && heard[2].packets);
	assert_true(heard[0].inputs && heard[1].inputs && heard[2].inputs);
	assert_int_equal(heard[0].nifaces, 2);
	assert_string_equal(heard[0].ifaces[0].name, "eth0");
	assert_string_equal(heard[0].ifaces[1].name, "eth1");
	assert_int_equal(heard[1].nifaces, 0);
	assert_int_equal(heard[2].nifaces, 1);
	assert_string_equal(heard[2].ifaces[0].name, "eth1");
	assert_int_equal(sinks_heard_by(&s, &p, "net", out), 1);
	assert_ptr_equal(out[0], s.v[0]);
	assert_int_equal(sinks_heard_by(&s, &p, "dmz", out), 2);
	assert_ptr_equal(out[0], s.v[0]);
	assert_ptr_equal(out[1], s.v[2]);
	sinks_free(&s);
	plan_done(&p);
}

static void
test_one_input_needs_no_name(void **state)
{
	struct plan p;
	struct sinks s;

	(void)state;
	plan_init(&p);
	add(&p, "text", "a", NULL);
	nheard = 0;
	s = make(&p, PLAN_PROXY);
	assert_false(heard[0].inputs || heard[0].packets);
	sinks_free(&s);
	plan_done(&p);
}

static void
test_unknown_input(void **state)
{
	struct err err = { "" };
	struct plan p;
	struct sinks s;

	(void)state;
	plan_init(&p);
	hear(&p, PLAN_PROXY, "web");
	add(&p, "text", "a", NULL);
	add(&p, "flows", "b", NULL);
	assert_int_equal(sink_spec_hear(&p.sinks[1], "web"), 0);
	assert_int_equal(sink_spec_hear(&p.sinks[1], "wbe"), 0);
	assert_int_equal(try_make(&s, &p, &err), -EINVAL);
	assert_string_equal(
	    err.text, "flows: input: \"wbe\" is no input (did you mean web?)");
	assert_int_equal(alive, 0);
	plan_done(&p);
}

/* Files share what they may open; each session has its own connections. */
static void
test_sessions_that_fit(void **state)
{
	const struct limits_fds l = { .files = 16, .lingering = 8 };
	struct plan p;
	struct sinks s;

	(void)state;
	plan_init(&p);
	s = make(&p, PLAN_PROXY);
	assert_int_equal(sinks_sessions(&s, 100, &l), 50);
	assert_int_equal(sinks_sessions(&s, 0, &l), 1);
	sinks_free(&s);
	add(&p, "flows", "d", NULL);
	add(&p, "tee", "a", NULL);
	add(&p, "listen", "a", NULL);
	s = make(&p, PLAN_PROXY);
	s.v[1]->session_fds = 1;
	s.v[2]->session_fds = 6;
	/* Two that send, with consumers of sessions that are over. */
	assert_int_equal(sinks_sessions(&s, 16 + 2 * 8 + 90, &l), 10);
	assert_int_equal(sinks_sessions(&s, 16 + 2 * 8 + 89, &l), 9);
	assert_int_equal(sinks_sessions(&s, 10, &l), 1);
	sinks_free(&s);
	plan_done(&p);
}

/* However many sinks there are, sessions have their part. */
static void
test_sessions_beside_many_sinks(void **state)
{
	const unsigned files = descriptors_per_sink(1024, 20, 10, true);
	const struct limits_fds l = { .files = files };
	struct plan p;
	struct sinks s;

	(void)state;
	plan_init(&p);
	for (int i = 0; i < 10; i++) {
		add(&p, "text", i % 2 == 0 ? "a" : "{id}", NULL);
		add(&p, i % 2 == 0 ? "pcapng" : "flows", "b", NULL);
	}
	s = make(&p, PLAN_PROXY);
	assert_true(s.made[0].is_shared && s.made[1].is_shared);
	assert_true(!s.made[2].is_shared && !s.made[3].is_shared);
	assert_int_equal(
	    sinks_sessions(&s, 1000, &l), (1000 - 10 * 4 - 10 * files) / 2);
	assert_true(sinks_sessions(&s, 1000, &l) > 200);
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
	s = make(&p, PLAN_PROXY);
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
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_one_input_needs_no_name),
		cmocka_unit_test(test_unknown_input),
		cmocka_unit_test(test_sessions_that_fit),
		cmocka_unit_test(test_sessions_beside_many_sinks),
		cmocka_unit_test(test_no_sink_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
