#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/cmdline.h"
#include "base/err.h"

#define MAX_ARGS 200

/* Reads @line, split at blanks, as cmd_proxy() does. */
static int
read_line(struct cmdline *c, const char *line, bool terminal, struct err *err)
{
	static char copy[4096];
	static char *argv[MAX_ARGS];
	char name[] = "proxy";
	char *rest = NULL;
	int argc = 1;
	int rc;

	argv[0] = name;
	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest)) {
		assert_true(argc < MAX_ARGS - 1);
		argv[argc++] = w;
	}
	argv[argc] = NULL;
	cmdline_init(c);
	rc = option_parse(cmdline_proxy(), &argc, argv, c, err);
	if (rc == 0)
		rc = cmdline_finish(c, terminal, err);
	return rc;
}

static struct plan
good(struct cmdline *c, const char *line)
{
	struct err err = { "" };

	if (read_line(c, line, false, &err) != 0)
		fail_msg("%s: %s", line, err.text);
	return c->plan;
}

/* All sinks as "KIND:ARG/on-full", "/?" where the default is left open. */
static const char *
sinks_of(const struct plan *p)
{
	static char text[512];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->nsinks; i++) {
		const struct sink_spec *s = &p->sinks[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%s:%s/%s", i > 0 ? " " : "", s->kind, s->arg,
		    s->has_on_full ? sink_on_full_name(s->on_full) : "?");
	}
	return text;
}

static void
test_sinks(void **state)
{
	static const char *const rows[][2] = {
		{ "", "text:-/?" },
		{ "-f hex", "hex:-/?" },
		{ "-f hex -f c", "c:-/?" },
		{ "-f none", "" },
		{ "-w a.pcapng", "text:-/? pcapng:a.pcapng/?" },
		{ "-w a.pcap", "text:-/? pcap:a.pcap/?" },
		{ "-w a.PCAP", "text:-/? pcap:a.PCAP/?" },
		{ "-w pcap", "text:-/? pcapng:pcap/?" },
		{ "-w a,b=c", "text:-/? pcapng:a,b=c/?" },
		{ "-w -", "pcapng:-/?" },
		{ "-o pcap:-", "pcap:-/?" },
		{ "-o jsonl:-", "jsonl:-/?" },
		{ "-f none -w -", "pcapng:-/?" },
		{ "-o flows:x -f hex", "hex:-/? flows:x/?" },
		{ "-f none -o flows:-  -o jsonl:-", "flows:-/? jsonl:-/?" },
		{ "-o flows:x,on-full=drop --on-full close -w y",
		    "text:-/close flows:x/drop pcapng:y/close" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		struct cmdline c;
		struct plan p = good(&c, rows[i][0]);

		assert_string_equal(sinks_of(&p), rows[i][1]);
		cmdline_done(&c);
	}
}

/* -w replaces what is there without being told to, -o does not. */
static void
test_overwriting(void **state)
{
	struct cmdline c;
	struct plan p = good(&c, "-f none -w a -o hex:b");

	(void)state;
	assert_true(p.sinks[0].overwrite);
	assert_false(p.sinks[1].overwrite);
	assert_false(p.overwrite);
	cmdline_done(&c);
	assert_true(good(&c, "--overwrite").overwrite);
	cmdline_done(&c);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *line;
		bool terminal;
		const char *says;
	} rows[] = {
		{ "-f hex -w -", false, "hex and pcapng would both write" },
		{ "-f text -o raw:-", false, "text and raw would both" },
		{ "-f none -o raw:- -o c:-", false, "raw and c would both" },
		{ "-w -", true, "pcapng is nothing for a terminal" },
		{ "-o pcap:-", true, "pcap is nothing for a terminal" },
	};
	struct cmdline c;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		err.text[0] = '\0';
		assert_int_equal(
		    read_line(&c, rows[i].line, rows[i].terminal, &err),
		    -EINVAL);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].line, err.text);
		cmdline_done(&c);
	}
	/* Said in so many words: then it is what the user wants. */
	assert_int_equal(read_line(&c, "-f raw", true, &err), 0);
	cmdline_done(&c);
}

/* Each option reaches its own field, and only that one. */
static void
test_options(void **state)
{
	struct cmdline c;
	struct plan p = good(&c,
	    "--names --color never --only 7 --max-sessions 8 "
	    "--max-concurrent 9 --max-bytes 1MiB --idle-timeout 1.5 "
	    "--drain-time 0 --workers 3 -Z nobody --stats - --strict -qvv");

	(void)state;
	assert_true(p.names && p.strict && p.quiet);
	assert_int_equal(p.verbose, 2);
	assert_int_equal(p.color, PLAN_COLOR_NEVER);
	assert_int_equal(p.only, 7);
	assert_int_equal(p.max_sessions, 8);
	assert_int_equal(p.max_concurrent, 9);
	assert_int_equal(p.max_bytes, 1048576);
	assert_int_equal(p.idle_timeout_ns, 1500000000);
	assert_int_equal(p.drain_ns, 0);
	assert_int_equal(p.workers, 3);
	assert_string_equal(p.user, "nobody");
	assert_string_equal(p.stats, "-");
	assert_false(p.proxy.copy || p.proxy.reuse_port || p.daemon);
	cmdline_done(&c);

	p = good(&c, "--names -n -Z a -Z b");
	assert_false(p.names);
	assert_string_equal(p.user, "b");
	cmdline_done(&c);

	p = good(&c, "--copy --reuse-port --backlog 5 --connect-timeout 300ms "
		     "--source ::1 -L 80=h:81 -L unix:/a=[::1]:82");
	assert_true(p.proxy.copy && p.proxy.reuse_port);
	assert_int_equal(p.proxy.backlog, 5);
	assert_int_equal(p.proxy.connect_timeout_ns, 300000000);
	assert_int_equal(p.proxy.source.family, AF_INET6);
	assert_int_equal(p.proxy.npairs, 2);
	assert_int_equal(p.proxy.pairs[0].client.port, 80);
	assert_int_equal(p.proxy.pairs[0].server.port, 81);
	assert_string_equal(p.proxy.pairs[1].client.host, "/a");
	assert_int_equal(p.proxy.pairs[1].server.port, 82);
	cmdline_done(&c);
	cmdline_done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sinks),
		cmocka_unit_test(test_overwriting),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
