#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/obuf.h"
#include "cli/cmdline.h"
#include "cli/conf.h"
#include "cli/conf_input.h"
#include "cli/conf_output.h"
#include "run/kinds.h"

/*
 * What a configuration comes to.  Plans are compared as text, so that every
 * field of them counts and a difference can be read.
 */

/* --- a plan as text ------------------------------------------------------ */

static const char *
or_none(const char *text)
{
	return text != NULL ? text : "-";
}

static void
put_proxy(struct obuf *out, const struct plan_proxy *p)
{
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < p->npairs; i++) {
		const struct plan_pair *pair = &p->pairs[i];

		obuf_printf(out, "pair %d %s", (int)pair->client.how,
		    endpoint_format(&pair->client, buf));
		obuf_printf(out, " %d %s %s\n", (int)pair->server.how,
		    endpoint_format(&pair->server, buf), or_none(pair->label));
	}
	obuf_printf(out,
	    "connect %" PRIu64 " from %s reuse %d backlog %d copy "
	    "%d orderly %d\n",
	    p->connect_timeout_ns, addr_format_ip(&p->source, buf),
	    p->reuse_port, p->backlog, p->copy, p->orderly);
}

static void
put_capture(struct obuf *out, const struct plan_capture *p)
{
	for (size_t i = 0; i < p->nfiles; i++)
		obuf_printf(out, "file %s\n", p->files[i]);
	obuf_printf(out,
	    "iface %s filter %s snaplen %u buffer %zu promisc %d "
	    "packets %" PRIu64 "\n",
	    or_none(p->iface), or_none(p->filter), p->snaplen, p->buffer,
	    p->promiscuous, p->max_packets);
	obuf_printf(out,
	    "hold %zu total %zu time %" PRIu64 " overlap %d decap "
	    "%u\n",
	    p->hold, p->hold_total, p->hold_ns, (int)p->overlap, p->decap);
}

static void
put_source(struct obuf *out, const struct plan_source *s)
{
	obuf_printf(
	    out, "input %s %d %d\n", s->name, s->is_named, (int)s->input);
	put_proxy(out, &s->proxy);
	put_capture(out, &s->capture);
	obuf_printf(out,
	    "workers %u sessions %" PRIu64 " concurrent %" PRIu64
	    " bytes %" PRIu64 " idle %" PRIu64 "\n",
	    s->workers, s->max_sessions, s->max_concurrent, s->max_bytes,
	    s->idle_timeout_ns);
}

static void
put_sink(struct obuf *out, const struct sink_spec *s)
{
	char buf[ADDR_TEXT_MAX];

	obuf_printf(out,
	    "sink %s to %s name %s on-full %d %d queue %zu port %u "
	    "client %s",
	    s->kind, s->arg, or_none(s->name), s->has_on_full,
	    s->has_on_full ? (int)s->on_full : 0, s->queue, s->match.port,
	    addr_format_ip(&s->match.client, buf));
	obuf_printf(out,
	    " server %s overwrite %d mode %o rotate %" PRIu64 " %" PRIu64
	    " %u\n",
	    addr_format_ip(&s->match.server, buf), s->overwrite, s->mode,
	    s->rotation.bytes, s->rotation.span_ns, s->rotation.keep);
	for (size_t i = 0; i < s->npairs; i++)
		obuf_printf(
		    out, "key %s=%s\n", s->pairs[i].key, s->pairs[i].value);
	for (size_t i = 0; i < s->ninputs; i++)
		obuf_printf(out, "hears %s\n", s->inputs[i]);
}

/* Allocated; without the path of the configuration. */
static char *
spell(const struct plan *p)
{
	struct obuf out = { .data = NULL };

	for (size_t i = 0; i < p->nsources; i++)
		put_source(&out, &p->sources[i]);
	for (size_t i = 0; i < p->nsinks; i++)
		put_sink(&out, &p->sinks[i]);
	obuf_printf(&out,
	    "overwrite %d names %d color %d quiet %d verbose %u "
	    "only %" PRIu64 " drain %" PRIu64 "\n",
	    p->overwrite, p->names, (int)p->color, p->quiet, p->verbose,
	    p->only, p->drain_ns);
	obuf_printf(&out, "user %s stats %s strict %d daemon %d\n",
	    or_none(p->user), or_none(p->stats), p->strict, p->daemon);
	obuf_printf(&out, "sandbox %d", (int)p->sandbox);
	for (size_t i = 0; i < p->nwritable; i++)
		obuf_printf(&out, " writable %s", p->writable[i]);
	obuf_putc(&out, '\n');
	obuf_printf(&out, "control %s token %s %d history %zu %zu\n",
	    or_none(p->control.listen), or_none(p->control.token_file),
	    p->control.no_token, p->control.history, p->control.history_total);
	obuf_printf(&out, "log %d file %s %d stamps %d\n", (int)p->log.level,
	    or_none(p->log.file), (int)p->log.file_level, p->log.timestamps);
	obuf_putc(&out, '\0');
	assert_false(out.failed);
	return (char *)out.data;
}

/* --- configurations and command lines ------------------------------------ */

static char path[] = "/tmp/teeline-conf-XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static char *
from_conf(const char *text)
{
	struct findings f = { .n = 0 };
	struct err err = { "" };
	FILE *file = fopen(path, "we");
	struct plan plan;
	char *spelled;

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	plan_init(&plan);
	if (conf_read(&plan, path, &f, &err) != 0 || f.n > 0)
		fail_msg(
		    "%s\n%s %s", text, err.text, f.n > 0 ? f.v[0].text : "");
	assert_string_equal(plan.config, path);
	spelled = spell(&plan);
	plan_done(&plan);
	findings_done(&f);
	return spelled;
}

static const struct option_table *
options_of(enum plan_input input)
{
	return input == PLAN_PROXY ? cmdline_proxy()
	       : input == PLAN_TAP ? cmdline_tap()
				   : cmdline_read();
}

/* The same by a command line that prints nothing, with @n @words. */
static char *
from_words(enum plan_input input, char **words, int n)
{
	struct err err = { "" };
	struct cmdline c;
	char *spelled;
	char silent[] = "-fnone";
	char *argv[8] = { silent, silent };
	int argc = 2;

	assert_in_range(n, 0, ATTR_COUNT(argv) - 3);
	assert_int_equal(cmdline_init(&c, input), 0);
	for (int i = 0; i < n; i++)
		argv[argc++] = words[i];
	if (option_parse(options_of(input), &argc, argv, &c, &err) != 0)
		fail_msg("%s", err.text);
	if (input == PLAN_PROXY)
		assert_int_equal(cmdline_pair(&c, "1", "h:1", &err), 0);
	if (input == PLAN_READ)
		assert_int_equal(plan_add_file(cmdline_source(&c), "f"), 0);
	assert_int_equal(cmdline_finish(&c, false, &err), 0);
	spelled = spell(&c.plan);
	cmdline_done(&c);
	return spelled;
}

/* An input with what its kind needs, and @member. */
static char *
input_with(enum plan_input input, const char *member)
{
	static const char *const needed[PLAN_NINPUTS] = {
		[PLAN_PROXY] = "listen: 1, target: 'h:1'",
		[PLAN_TAP] = "filter: null",
		[PLAN_READ] = "files: 'f'",
	};
	char text[512];

	(void)snprintf(text, sizeof(text), "{inputs: [{type: '%s', %s, %s}]}",
	    plan_input_name(input), needed[input], member);
	return from_conf(text);
}

/* --- every option that is about an input --------------------------------- */

/* A value that no default is; as an argument. */
static const char *
another_value(const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_COUNT:
		return "3";
	case SCHEMA_SIZE:
		return "12345";
	case SCHEMA_TIME:
		return "4.5";
	case SCHEMA_WORD:
		return row->words[2];
	case SCHEMA_TEXT:
		return strcmp(row->key, "source") == 0 ? "192.0.2.7" : "lo";
	case SCHEMA_BOOL:
	case SCHEMA_PLAIN:
	case SCHEMA_TEXTS:
	case SCHEMA_OBJECT:
	case SCHEMA_LIST:
	case SCHEMA_ANY:
	case SCHEMA_UNUSED:
		break;
	}
	return NULL;
}

static bool
is_text(const struct schema_row *row)
{
	return row->type == SCHEMA_TEXT || row->type == SCHEMA_WORD;
}

static void
try_option(enum plan_input input, const struct schema_row *row)
{
	const char *value = another_value(row);
	char *plain = input_with(input, "_x: 1");
	char *from_key, *from_option;
	char member[128];
	char name[64];
	char *words[2];

	if (row->type == SCHEMA_BOOL)
		(void)snprintf(member, sizeof(member), "%s: true", row->key);
	else
		(void)snprintf(member, sizeof(member),
		    is_text(row) ? "%s: '%s'" : "%s: %s", row->key, value);
	(void)snprintf(name, sizeof(name), "--%s", row->key);
	words[0] = name;
	words[1] = (char *)(uintptr_t)value; /* is not written to */
	from_key = input_with(input, member);
	from_option =
	    from_words(input, words, row->type == SCHEMA_BOOL ? 1 : 2);
	/* It means what the option means, and it means something. */
	assert_string_equal(from_key, from_option);
	if (strcmp(from_key, plain) == 0)
		fail_msg("%s changes nothing", member);
	free(from_option);
	free(from_key);
	free(plain);
}

/* The default says what is so anyway. */
static void
try_default(enum plan_input input, const struct schema_row *row)
{
	char *plain = input_with(input, "_x: 1");
	char *said;
	char member[128];

	(void)snprintf(member, sizeof(member),
	    row->type == SCHEMA_BOOL || row->type == SCHEMA_COUNT ? "%s: %s"
								  : "%s: '%s'",
	    row->key, row->dflt);
	said = input_with(input, member);
	assert_string_equal(said, plain);
	free(said);
	free(plain);
}

static void
test_options_as_keys(void **state)
{
	size_t tried = 0;

	(void)state;
	for (unsigned i = 0; i < PLAN_NINPUTS; i++) {
		enum plan_input input = (enum plan_input)i;
		const struct schema_table *t = conf_input_table(input);

		for (size_t j = 0; j < t->nrows; j++) {
			const struct schema_row *row = &t->rows[j];
			bool has_default = row->dflt != NULL &&
					   strcmp(row->dflt, "none") != 0 &&
					   strcmp(row->key, "workers") != 0;

			if (row->data == NULL)
				continue;
			try_option(input, row);
			if (has_default)
				try_default(input, row);
			tried++;
		}
	}
	/* A table without rows would be content with anything. */
	assert_in_range(tried, 30, 100);
}

/* --- the other keys ------------------------------------------------------ */

#define PROXY "inputs: [{type: 'proxy', listen: 1, target: 'h:1'}]"

struct effect {
	const char *text;
	const char *shows; /* and not without the text */
};

static const struct effect effects[] = {
	/* inputs */
	{ "{inputs: [{type: 'proxy', listen: '*:8081', target: '[::1]:2'}]}",
	    "pair 0 *:8081 1 [::1]:2 -\n" },
	{ "{inputs: [{type: 'proxy', listen: 'dial:a:1', target: "
	  "'listen:2'}]}",
	    "pair 1 a:1 0 2 -\n" },
	{ "{inputs: [{type: 'proxy', listen: 'unix:/a', target: 'unix:/b', "
	  "pairs: [{listen: 3, target: 'c:4'}]}]}",
	    "pair 0 3 1 c:4 -\npair 0 unix:/a 1 unix:/b -\n" },
	{ "{inputs: [{type: 'tap', filter: 'tcp port 80'}]}",
	    "filter tcp port 80 snaplen" },
	{ "{inputs: [{type: 'read', files: ['a', 'b']}]}", "file a\nfile b\n" },
	{ "{inputs: [{type: 'read', files: 'a', name: 'n'}]}",
	    "input n 1 2\n" },
	{ "{inputs: [{type: 'tap'}, {type: 'tap'}]}", "input tap-2 0 1\n" },
	{ "{inputs: [{type: 'tap', workers: 2}]}", "decap 0\nworkers 2 " },
	/* control */
	{ "{" PROXY ", control: {listen: 7070}}", "control 7070 token" },
	{ "{" PROXY ", control: {listen: 'unix:/x'}}", "control unix:/x " },
	{ "{" PROXY ", control: {token-file: 't'}}", "token t 0" },
	{ "{" PROXY ", control: {token: false}}", "token - 1" },
	{ "{" PROXY ", control: {history: 0}}", "history 0 67108864\n" },
	{ "{" PROXY ", control: {history-total: '1KiB'}}",
	    "history 65536 1024\n" },
	/* logging */
	{ "{" PROXY ", logging: {level: 'debug'}}", "log 3 file" },
	{ "{" PROXY ", logging: {file: 'f'}}", "file f 2 stamps" },
	{ "{" PROXY ", logging: {file-level: 'error'}}", "file - 0 stamps" },
	{ "{" PROXY ", logging: {timestamps: true}}", "stamps 1\n" },
	/* runtime */
	{ "{" PROXY ", runtime: {user: 'root'}}", "user root " },
	{ "{" PROXY ", runtime: {drain-time: '5s'}}", "drain 5000000000\n" },
	{ "{" PROXY ", runtime: {stats: 's'}}", "stats s " },
	{ "{" PROXY ", runtime: {strict: true}}", "strict 1 " },
	{ "{" PROXY ", runtime: {sandbox: 'strict'}}", "\nsandbox 2\n" },
	{ "{" PROXY ", runtime: {sandbox: 'off'}}", "\nsandbox 0\n" },
	{ "{" PROXY ", runtime: {writable: 'a'}}", "\nsandbox 1 writable a\n" },
	{ "{" PROXY ", runtime: {writable: ['a', 'b']}}",
	    " writable a writable b\n" },
	{ "{" PROXY ", runtime: {names: true}}", "names 1 " },
	{ "{" PROXY ", runtime: {overwrite: true}}", "\noverwrite 1 " },
	{ "{" PROXY ", runtime: {color: 'never'}}", "color 2 " },
	{ "{" PROXY ", runtime: {only: 7}}", "only 7 " },
	/* outputs */
	{ "{" PROXY ", outputs: ['jsonl:f,queue=64KiB,name=a']}",
	    "sink jsonl to f name a on-full 0 0 queue 65536 port 0" },
	{ "{" PROXY ", outputs: [{type: 'jsonl', to: 'f,g'}]}",
	    "sink jsonl to f,g name - on-full 0 0 queue 0 port 0" },
	{ "{" PROXY ", outputs: [{type: 'null', name: 'a', on-full: 'close', "
	  "queue: 4096, port: 80, client: '::1', server: '192.0.2.7'}]}",
	    "sink null to  name a on-full 1 2 queue 4096 port 80 client ::1 "
	    "server 192.0.2.7 overwrite 0 mode 0 rotate 0 0 0\n" },
	{ "{" PROXY ", outputs: [{type: 'hex', to: 'f', overwrite: true}]}",
	    "overwrite 1 mode 0" },
	{ "{" PROXY ", outputs: [{type: 'pcap', to: 'f', rotate: {size: '5M', "
	  "every: 60, keep: 9}}]}",
	    "rotate 5000000 60000000000 9\n" },
	{ "{" PROXY ", outputs: [{type: 'tee', to: 'h:1', dir: 'c2s', "
	  "compare: true, tries: 5}]}",
	    "key dir=c2s\nkey compare=yes\nkey tries=5\n" },
	{ "{" PROXY ", outputs: [{type: 'null', inputs: 'proxy'}]}",
	    "hears proxy\n" },
	{ "{outputs: [{type: 'null', inputs: ['a', 'b']}], inputs: [{type: "
	  "'tap', name: 'a'}, {type: 'tap', name: 'b'}]}",
	    "hears a\nhears b\n" },
};

static void
test_effects(void **state)
{
	char *plain = from_conf("{" PROXY "}");

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(effects); i++) {
		char *plan = from_conf(effects[i].text);

		if (strstr(plan, effects[i].shows) == NULL)
			fail_msg("%s\n%s\nlacks: %s", effects[i].text, plan,
			    effects[i].shows);
		assert_null(strstr(plain, effects[i].shows));
		free(plan);
	}
	free(plain);
}

/* "key: " as a key, not as the end of another. */
static bool
has_key(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = text; (at = strstr(at, key)) != NULL; at++)
		if (at > text && strchr("{ ", at[-1]) != NULL && at[len] == ':')
			return true;
	return false;
}

/* @within: "runtime" and the like, for keys of an object; "": of any */
static bool
is_tried(const struct schema_row *row, const char *within)
{
	for (size_t i = 0; i < ATTR_COUNT(effects); i++) {
		const char *at = strstr(effects[i].text, within);

		if (at != NULL && has_key(at, row->key))
			return true;
	}
	return false;
}

static void
check_tried(const struct schema_table *t, const char *within, bool options)
{
	for (size_t i = 0; i < t->nrows; i++) {
		const struct schema_row *row = &t->rows[i];

		/* Those of inputs are: see test_options_as_keys(). */
		if (options && row->data != NULL)
			continue;
		if (!is_tried(row, within))
			fail_msg(
			    "no effect of %s %s is shown", within, row->key);
		if (row->type == SCHEMA_OBJECT)
			check_tried(row->table, row->key, false);
	}
}

/* No key can be added without saying here what it does. */
static void
test_effect_of_each_key(void **state)
{
	static struct conf_output_table output;

	(void)state;
	check_tried(conf_table(), "", false);
	for (unsigned i = 0; i < PLAN_NINPUTS; i++)
		check_tried(
		    conf_input_table((enum plan_input)i), "inputs", true);
	/* Without keys of its own; and the one with the most that are not. */
	conf_output_table(&output, kinds_find("null"));
	check_tried(&output.table, "outputs", false);
	conf_output_table(&output, kinds_find("flows"));
	check_tried(&output.table, "outputs", false);
}

/* A good value of a key of a kind; the first of its words, if it has any. */
static void
good_value(const struct sink_key *key, char *buf, size_t size)
{
	static const struct {
		const char *values;
		const char *good;
	} good[] = {
		{ "SEC", "7" },
		{ "N", "7" },
		{ "N+N...", "17+44" },
		{ "BYTES[/BYTES]", "1KiB" },
		{ "FILE", "x-{reason}" },
		{ "WORD", "idle" },
		{ "PORT", "5000" },
		{ "ADDRESS...", "192.0.2.1 10.0.0.0/8" },
		{ "REQUESTS/RESPONSES", "20000/20001" },
	};

	for (size_t i = 0; i < ATTR_COUNT(good); i++) {
		if (strcmp(good[i].values, key->values) != 0)
			continue;
		(void)snprintf(buf, size, "%s", good[i].good);
		return;
	}
	if (strchr(key->values, '|') == NULL)
		fail_msg(
		    "what is a good value of %s: %s?", key->key, key->values);
	(void)snprintf(
	    buf, size, "%.*s", (int)strcspn(key->values, "|"), key->values);
}

static const char *
good_target(const char *kind)
{
	static const char *const targets[][2] = {
		{ "tee", "h:1" },
		{ "payload", "h:1" },
		{ "connect", "h:1/2" },
		{ "listen", "127.0.0.1:20000-20009" },
		{ "pcapng-listen", "127.0.0.1:0" },
		{ "syslog", "text" },
	};

	for (size_t i = 0; i < ATTR_COUNT(targets); i++)
		if (strcmp(targets[i][0], kind) == 0)
			return targets[i][1];
	return "x";
}

static void
try_key(const struct sink_kind *kind, const struct sink_key *key)
{
	char value[64], text[256], shows[128];
	char *plan;

	good_value(key, value, sizeof(value));
	(void)snprintf(text, sizeof(text),
	    "{" PROXY ", outputs: [{type: '%s', to: '%s', %s: '%s'}]}",
	    kind->name, good_target(kind->name), key->key, value);
	(void)snprintf(shows, sizeof(shows), "\nkey %s=%s\n", key->key, value);
	plan = from_conf(text);
	if (strstr(plan, shows) == NULL)
		fail_msg("%s\n%s\nlacks: %s", text, plan, shows);
	free(plan);
}

/* Keys of kinds get there; what they do there, the tests of the kinds show. */
static void
test_keys_of_kinds(void **state)
{
	size_t n, tried = 0;
	const struct sink_kind *const *kinds = kinds_all(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct sink_key *key = kinds[i]->keys;

		/* Without help: for personalities. */
		for (;
		     kinds[i]->help != NULL && key != NULL && key->key != NULL;
		     key++, tried++)
			try_key(kinds[i], key);
	}
	assert_in_range(tried, 30, 200);
}

/* Defaults as the manual has them: saying them changes nothing. */
static void
test_defaults(void **state)
{
	char *plain = from_conf("{" PROXY "}");
	char *said = from_conf(
	    "{" PROXY ", outputs: [], control: {token: true, history: '64KiB', "
	    "history-total: '64MiB'}, logging: {level: 'warn', file-level: "
	    "'info', timestamps: false}, runtime: {overwrite: false, color: "
	    "'auto', names: false, drain-time: 2, strict: false, "
	    "sandbox: 'try'}}");

	(void)state;
	assert_string_equal(plain, said);
	free(said);
	free(plain);
}

/* What is wrong leaves nothing behind (the sanitizer looks), in any order. */
static void
test_wrong_leaves_nothing(void **state)
{
	static const char *const wrong[] = {
		"{" PROXY ", outputs: [{type: 'tee', to: 'h:1', dir: 'x'}]}",
		"{outputs: [{type: 'null', inputs: ['a', 'b'], name: 'n', "
		"queue: 1}], inputs: [{type: 'proxy', listen: 'a:1', target: "
		"'', pairs: [{listen: 1}]}]}",
		"{inputs: [{type: 'tap', filter: 'a b c', interface: 'x', "
		"hold: 0}], control: {listen: 1, token-file: 'a', history: "
		"-1}, logging: {file: 'x', level: ''}, runtime: {stats: 'x', "
		"user: ''}}",
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(wrong); i++) {
		struct findings f = { .n = 0 };
		struct err err = { "" };
		FILE *file = fopen(path, "we");
		struct plan plan;

		assert_non_null(file);
		assert_true(fputs(wrong[i], file) >= 0);
		assert_int_equal(fclose(file), 0);
		plan_init(&plan);
		assert_int_equal(conf_read(&plan, path, &f, &err), -EINVAL);
		assert_true(findings_are_bad(&f));
		plan_done(&plan);
		findings_done(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_as_keys),
		cmocka_unit_test(test_effects),
		cmocka_unit_test(test_effect_of_each_key),
		cmocka_unit_test(test_keys_of_kinds),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_wrong_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
