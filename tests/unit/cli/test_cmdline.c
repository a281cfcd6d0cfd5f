#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "cli/cmdline.h"

#define MAX_ARGS 200

/** struct reader - A command line that is read, by the command's table. */
struct reader {
	enum plan_input input;
	const struct option_table *(*table)(void);
};

static const struct reader proxy = { PLAN_PROXY, cmdline_proxy };
static const struct reader tap = { PLAN_TAP, cmdline_tap };
static const struct reader reading = { PLAN_READ, cmdline_read };

/* Reads @line, split at blanks, as command_main() does. */
static int
read_as(const struct reader *r, struct cmdline *c, const char *line,
    bool terminal, struct err *err)
{
	static char copy[4096];
	static char *argv[MAX_ARGS];
	char name[] = "command";
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
	assert_int_equal(cmdline_init(c, r->input), 0);
	rc = option_parse(r->table(), &argc, argv, c, err);
	if (rc == 0)
		rc = cmdline_finish(c, terminal, err);
	return rc;
}

static int
read_line(struct cmdline *c, const char *line, bool terminal, struct err *err)
{
	return read_as(&proxy, c, line, terminal, err);
}

static struct plan
good_as(const struct reader *r, struct cmdline *c, const char *line)
{
	struct err err = { "" };

	if (read_as(r, c, line, false, &err) != 0)
		fail_msg("%s: %s", line, err.text);
	return c->plan;
}

static struct plan
good(struct cmdline *c, const char *line)
{
	return good_as(&proxy, c, line);
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
	assert_int_equal(p.sources[0].max_sessions, 8);
	assert_int_equal(p.sources[0].max_concurrent, 9);
	assert_int_equal(p.sources[0].max_bytes, 1048576);
	assert_int_equal(p.sources[0].idle_timeout_ns, 1500000000);
	assert_int_equal(p.drain_ns, 0);
	assert_int_equal(p.sources[0].workers, 3);
	assert_string_equal(p.user, "nobody");
	assert_string_equal(p.stats, "-");
	assert_false(p.sources[0].proxy.copy || p.sources[0].proxy.reuse_port ||
		     p.daemon);
	cmdline_done(&c);

	p = good(&c, "--names -n -Z nobody -Z 7");
	assert_false(p.names);
	assert_string_equal(p.user, "7");
	cmdline_done(&c);

	p = good(&c, "--copy --reuse-port --backlog 5 --connect-timeout 300ms "
		     "--source ::1 -L 80=h:81 -L unix:/a=[::1]:82");
	assert_true(p.sources[0].proxy.copy && p.sources[0].proxy.reuse_port);
	assert_int_equal(p.sources[0].proxy.backlog, 5);
	assert_int_equal(p.sources[0].proxy.connect_timeout_ns, 300000000);
	assert_int_equal(p.sources[0].proxy.source.family, AF_INET6);
	assert_int_equal(p.sources[0].proxy.npairs, 2);
	assert_int_equal(p.sources[0].proxy.pairs[0].client.port, 80);
	assert_int_equal(p.sources[0].proxy.pairs[0].server.port, 81);
	assert_string_equal(p.sources[0].proxy.pairs[1].client.host, "/a");
	assert_int_equal(p.sources[0].proxy.pairs[1].server.port, 82);
	cmdline_done(&c);
	cmdline_done(&c);
}

static void
test_capture_options(void **state)
{
	struct cmdline c;
	struct plan p = good_as(&tap, &c,
	    "-i eth9 -s 100 -B 512 -p -c 7 --hold 1MiB --hold-total 2MiB "
	    "--hold-time 0.5 --overlap windows --decap 2 --max-concurrent 5 "
	    "--idle-timeout 3");

	(void)state;
	assert_int_equal(p.sources[0].input, PLAN_TAP);
	assert_string_equal(p.sources[0].capture.iface, "eth9");
	assert_int_equal(p.sources[0].capture.snaplen, 100);
	assert_int_equal(p.sources[0].capture.buffer, 524288);
	assert_false(p.sources[0].capture.promiscuous);
	assert_int_equal(p.sources[0].capture.max_packets, 7);
	assert_int_equal(p.sources[0].capture.hold, 1048576);
	assert_int_equal(p.sources[0].capture.hold_total, 2097152);
	assert_int_equal(p.sources[0].capture.hold_ns, 500000000);
	assert_int_equal(p.sources[0].capture.overlap, REASM_WINDOWS);
	assert_int_equal(p.sources[0].capture.decap, 2);
	assert_int_equal(p.sources[0].max_concurrent, 5);
	assert_int_equal(p.sources[0].idle_timeout_ns, 3000000000);
	cmdline_done(&c);

	p = good_as(&tap, &c, "-s 0 -i a -i b");
	assert_int_equal(p.sources[0].capture.snaplen, 262144);
	assert_string_equal(p.sources[0].capture.iface, "b");
	cmdline_done(&c);
}

/* Decisions 26 and 39. */
static void
test_limits_by_input(void **state)
{
	struct cmdline c;
	struct plan p;

	(void)state;
	p = good(&c, "");
	assert_int_equal(p.nsources, 1);
	assert_string_equal(p.sources[0].name, "proxy");
	assert_int_equal(p.sources[0].max_concurrent, 0);
	assert_int_equal(p.sources[0].idle_timeout_ns, 0);
	cmdline_done(&c);
	p = good_as(&tap, &c, "");
	assert_int_equal(p.sources[0].max_concurrent, 1000000);
	assert_int_equal(p.sources[0].idle_timeout_ns, 3600000000000);
	cmdline_done(&c);
	p = good_as(&reading, &c, "");
	assert_int_equal(p.sources[0].max_concurrent, 1000000);
	assert_int_equal(p.sources[0].idle_timeout_ns, 0);
	cmdline_done(&c);
	p = good_as(&tap, &c, "-r x --idle-timeout 3");
	assert_int_equal(p.sources[0].idle_timeout_ns, 3000000000);
	cmdline_done(&c);
	p = good_as(&tap, &c, "-r x -r y");
	assert_string_equal(p.sources[0].name, "read");
	assert_false(plan_has_names(&p));
	assert_int_equal(p.sources[0].input, PLAN_READ);
	assert_int_equal(p.sources[0].idle_timeout_ns, 0);
	assert_int_equal(p.sources[0].capture.nfiles, 2);
	assert_string_equal(p.sources[0].capture.files[1], "y");
	cmdline_done(&c);
}

static void
test_log_level(void **state)
{
	static const struct {
		const char *line;
		enum log_level level;
	} rows[] = {
		{ "", LOG_LEVEL_WARN },
		{ "-v", LOG_LEVEL_INFO },
		{ "-v -v", LOG_LEVEL_DEBUG },
		{ "-vvv", LOG_LEVEL_DEBUG },
		{ "-q", LOG_LEVEL_ERROR },
		{ "-v -q", LOG_LEVEL_ERROR },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		struct cmdline c;
		struct plan p = good(&c, rows[i].line);

		assert_int_equal(p.log.level, rows[i].level);
		cmdline_done(&c);
	}
}

/* The halves of a connection in a tunnel may go to two rings. */
static void
test_rings_open_no_tunnels(void **state)
{
	struct cmdline c;
	struct plan p;

	(void)state;
	p = good_as(&tap, &c, "--workers 3");
	assert_int_equal(p.sources[0].workers, 3);
	assert_int_equal(p.sources[0].capture.decap, 0);
	cmdline_done(&c);
	p = good_as(&tap, &c, "--workers 1 --decap 3");
	assert_int_equal(p.sources[0].capture.decap, 3);
	cmdline_done(&c);
	p = good_as(&tap, &c, "--workers 2 --decap 0");
	assert_int_equal(p.sources[0].capture.decap, 0);
	cmdline_done(&c);
}

/* It is -w's files that rotate, and no others. */
static void
test_rotation(void **state)
{
	static const struct reader *const readers[] = { &proxy, &tap,
		&reading };
	struct cmdline c;
	struct plan p;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(readers); i++) {
		p = good_as(readers[i], &c,
		    "-f none -C 3 -w a -o pcapng:b -G 60 -W 5 -w c.pcap");
		assert_int_equal(p.nsinks, 3);
		for (size_t s = 0; s < 3; s++) {
			const struct sink_rotation *r = &p.sinks[s].rotation;

			assert_int_equal(r->bytes, s == 1 ? 0 : 3000000);
			assert_int_equal(r->span_ns, s == 1 ? 0 : 60000000000);
			assert_int_equal(r->keep, s == 1 ? 0 : 5);
		}
		cmdline_done(&c);
	}
}

static void
test_capture_refusals(void **state)
{
	static const struct {
		const struct reader *r;
		const char *line;
		const char *says;
	} rows[] = {
		{ &tap, "-r x -i lo", "--interface is about capturing" },
		{ &tap, "-B 5 -r x", "--buffer-size is about capturing" },
		{ &tap, "-p -r x", "--no-promiscuous-mode is about" },
		{ &tap, "-s 5 -r x", "--snapshot-length is about" },
		{ &tap, "-r x --workers 2", "--workers is about" },
		{ &tap, "--workers 2 --decap 1", "--decap needs one ring" },
		{ &tap, "-C 5", "-w FILE is needed" },
		{ &tap, "-G 5 -o pcapng:x", "-w FILE is needed" },
		{ &reading, "-C 5 -w -", "cannot be divided" },
		{ &proxy, "-W 5 -w x", "-W says how many" },
		{ &proxy, "-C 0 -w x", "-C: 0 is out of range" },
		{ &proxy, "-c 5", "-c: no such option" },
		{ &proxy, "-i lo", "-i: no such option" },
		{ &proxy, "--hold 5", "--hold: no such option" },
		{ &reading, "-i lo", "-i: no such option" },
		{ &reading, "-r x", "-r: no such option" },
		{ &reading, "--workers 2", "--workers: no such option" },
		{ &tap, "-L 1=h:2", "-L: no such option" },
		{ &tap, "--overlap both", "none of first, last, linux" },
		{ &tap, "--decap 17", "--decap: 17 is out of range" },
		{ &tap, "-Z no-such-user-here", "no user" },
	};
	struct cmdline c;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		err.text[0] = '\0';
		assert_int_equal(
		    read_as(rows[i].r, &c, rows[i].line, false, &err), -EINVAL);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].line, err.text);
		cmdline_done(&c);
	}
}

/* What tcpdump's users type for a file must not be refused. */
static void
test_whole_packets_of_a_file(void **state)
{
	struct cmdline c;

	(void)state;
	(void)good_as(&tap, &c, "-nn -s 0 -r x");
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
		cmocka_unit_test(test_capture_options),
		cmocka_unit_test(test_limits_by_input),
		cmocka_unit_test(test_log_level),
		cmocka_unit_test(test_rings_open_no_tunnels),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_capture_refusals),
		cmocka_unit_test(test_whole_packets_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
