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
#include "config/goflag.h"
#include "config/plan.h"
#include "personality/personality.h"
#include "personality/teecp_args.h"

#define MAX_WORDS 8

/** struct line - A command line, and what came of it. */
struct line {
	struct teecp_args a;
	struct plan p;
	struct err err;
	int rc;
};

/* @words: ended by NULL, without the program's name. */
static void
read_line(struct line *l, const char *const *words)
{
	char texts[MAX_WORDS][64] = { "teecp" };
	char *argv[MAX_WORDS + 1] = { texts[0] };
	int argc = 1;

	memset(l, 0, sizeof(*l));
	for (; words[argc - 1] != NULL; argc++) {
		assert_true(argc < MAX_WORDS);
		(void)snprintf(
		    texts[argc], sizeof(texts[argc]), "%s", words[argc - 1]);
		argv[argc] = texts[argc];
	}
	teecp_args_init(&l->a);
	assert_int_equal(personality_taps(&l->p, &l->err), 0);
	l->rc = goflag_parse(teecp_args_options(), &argc, argv, &l->a, &l->err);
	/* The plan owns what it keeps: texts[] ends here. */
	if (l->rc == 0)
		l->rc = teecp_args_plan(&l->a, &l->p, &l->err);
}

static const char *
key(const struct line *l, const char *name)
{
	return sink_spec_get(&l->p.sinks[0], name);
}

static void
without_flags_the_defaults_hold(void **state)
{
	struct line l;

	(void)state;
	read_line(&l, (const char *const[]){ "-output-tcp=h:80", NULL });
	assert_int_equal(l.rc, 0);
	assert_int_equal(l.p.sources[0].input, PLAN_TAP);
	assert_null(l.p.sources[0].capture.iface);
	assert_string_equal(l.p.sources[0].capture.filter, "icmp");
	assert_true(l.p.sources[0].capture.promiscuous);
	assert_int_equal(l.p.sources[0].idle_timeout_ns, PLAN_TAP_IDLE_NS);
	assert_int_equal(l.p.sources[0].max_concurrent, PLAN_SESSIONS);
	assert_true(l.a.stats);
	assert_true(l.a.health);
	assert_int_equal(l.p.nsinks, 1);
	assert_string_equal(l.p.sinks[0].kind, "payload");
	assert_string_equal(l.p.sinks[0].arg, "h:80");
	assert_int_equal(l.p.sinks[0].on_full, ON_FULL_DROP);
	assert_string_equal(key(&l, "layers"), "44,45");
	assert_string_equal(key(&l, "prefix"), "none");
	assert_string_equal(key(&l, "keepalive"), "no");
	assert_string_equal(key(&l, "tries"), "3");
	assert_null(key(&l, "tell"));
	plan_done(&l.p);
}

/* One flag, and the key of the sink, or the place of the plan, it is for. */
static const struct flag {
	const char *flag;
	const char *key; /* NULL: see @iface, @filter and @arg */
	const char *value;
	const char *iface;
	const char *filter;
	const char *arg;
} flags[] = {
	{ .flag = "--device=eth9", .iface = "eth9" },
	{ .flag = "--device=" },
	{ .flag = "--device= " },
	{ .flag = "--bpf=tcp port 1234", .filter = "tcp port 1234" },
	{ .flag = "--bpf=", .filter = "" },
	{ .flag = "--output-tcp=x:1|keepalive",
	    "keepalive",
	    "yes",
	    .arg = "x:1" },
	{ .flag = "--output-tcp=:1", "keepalive", "no", .arg = "localhost:1" },
	{ .flag = "--output-tcp=[::1]:1", .arg = "[::1]:1" },
	{ .flag = "--layers=20", "layers", "20" },
	{ .flag = "--layers= 17, 45 ,", "layers", "17,45" },
	{ .flag = "--layers=", "layers", "" },
	{ .flag = "--layers= , ", "layers", "" },
	{ .flag = "--verbose", "tell", "yes" },
	{ .flag = "--verbose=true", "tell", "yes" },
	{ .flag = "--prefix-header", "prefix", "header" },
	{ .flag = "--prefix-header=0", "prefix", "none" },
};

static void
each_flag_means_one_thing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(flags); i++) {
		const struct flag *f = &flags[i];
		const char *filter = f->filter != NULL ? f->filter : "icmp";
		struct line l;

		read_line(&l, (const char *const[]){
				  "--output-tcp=h:80", f->flag, NULL });
		if (l.rc != 0)
			fail_msg("%s: %s", f->flag, l.err.text);
		if (f->key != NULL)
			assert_string_equal(key(&l, f->key), f->value);
		if (f->iface != NULL)
			assert_string_equal(
			    l.p.sources[0].capture.iface, f->iface);
		else
			assert_null(l.p.sources[0].capture.iface);
		if (*filter != '\0')
			assert_string_equal(
			    l.p.sources[0].capture.filter, filter);
		else
			assert_null(l.p.sources[0].capture.filter);
		assert_string_equal(
		    l.p.sinks[0].arg, f->arg != NULL ? f->arg : "h:80");
		plan_done(&l.p);
	}
}

static void
stats_and_health_can_be_turned_off(void **state)
{
	struct line l;

	(void)state;
	read_line(&l, (const char *const[]){ "-stats=false", "-health-check=F",
			  "--output-tcp", "h:80", NULL });
	assert_int_equal(l.rc, 0);
	assert_false(l.a.stats);
	assert_false(l.a.health);
	plan_done(&l.p);
	read_line(&l,
	    (const char *const[]){ "--output-tcp=h:80", "-stats=false", NULL });
	assert_int_equal(l.rc, 0);
	assert_false(l.a.stats);
	assert_true(l.a.health);
	plan_done(&l.p);
}

static void
what_is_wrong_is_named(void **state)
{
	/* The flag, and words of the sentence. */
	static const char *const bads[][3] = {
		{ "--output-tcp=", "--output-tcp is needed", "HOST:PORT" },
		{ "--output-tcp=|keepalive", "--output-tcp is needed",
		    "HOST:PORT" },
		{ "--output-tcp=h:80|keepalve", "\"keepalve\"", "keepalive," },
		{ "--output-tcp=h:80|keepalive|", "\"\"", "keepalive," },
		{ "--layers=44,x", "--layers", "\"x\"" },
		{ "--layers=44 45", "--layers", "\"44 45\"" },
		{ "--layers=0", "--layers", "1 to 1999" },
		{ "--layers=99999", "--layers", "1 to 1999" },
		{ "--stats=maybe", "-stats", "\"maybe\"" },
		{ "--prefix-header=header", "-prefix-header", "\"header\"" },
		{ "--prefix", "-prefix", "not defined" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(bads); i++) {
		struct line l;

		read_line(&l, (const char *const[]){
				  "--output-tcp=h:80", bads[i][0], NULL });
		assert_int_equal(l.rc, -EINVAL);
		for (int w = 1; w < 3; w++)
			if (strstr(l.err.text, bads[i][w]) == NULL)
				fail_msg("%s: no %s in: %s", bads[i][0],
				    bads[i][w], l.err.text);
		plan_done(&l.p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_flags_the_defaults_hold),
		cmocka_unit_test(each_flag_means_one_thing),
		cmocka_unit_test(stats_and_health_can_be_turned_off),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
