#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "cli/cmdline.h"
#include "cli/cmdline_capture.h"
#include "cli/cmdline_sandbox.h"
#include "config/nearest.h"
#include "config/sink_text.h"
#include "net/privilege.h"
#include "run/kinds.h"
#include "sink/formats.h"
#include "source/capture.h"
#include "source/dissect.h"

/*
 * The options of teeline's own commands: a setter each, and at the end the
 * rows.  A setter is only called with what its row allows.
 */

#define DAY_NS  (86400 * CLOCK_NS_PER_S)
#define YEAR_NS (365 * DAY_NS)

/* Threads beyond this only get in each other's way. */
#define MAX_WORKERS 1024

static int
out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Replaces an owned text of the plan; the last one given counts. */
static int
keep_text(char **where, const char *text, struct err *err)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return out_of_memory(err);
	free(*where);
	*where = copy;
	return 0;
}

static int
set_format(void *self, const struct option_value *v, struct err *err)
{
	struct cmdline *c = self;
	const struct format *f;
	struct nearest near;

	if (strcmp(v->text, "none") != 0 && formats_find(v->text) == NULL) {
		nearest_init(&near, v->text);
		nearest_offer(&near, "none");
		for (size_t i = 0; (f = formats_at(i)) != NULL; i++)
			nearest_offer(&near, f->name);
		if (nearest_word(&near) != NULL)
			return err_set(err, -EINVAL,
			    "\"%.64s\" is no format (did you mean %s?)",
			    v->text, nearest_word(&near));
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no format (\"teeline list formats\" shows "
		    "them all)",
		    v->text);
	}
	c->format = v->text;
	return 0;
}

static int
set_output(void *self, const struct option_value *v, struct err *err)
{
	struct cmdline *c = self;
	struct sink_text_kinds kinds;
	struct sink_spec spec;
	int rc;

	kinds.kinds = kinds_all(&kinds.n);
	rc = sink_text_parse(&spec, v->text, &kinds, err);
	if (rc != 0)
		return rc;
	rc = plan_add_sink(&c->plan, &spec);
	return rc != 0 ? out_of_memory(err) : 0;
}

static int
set_write(void *self, const struct option_value *v, struct err *err)
{
	struct cmdline *c = self;
	size_t n = strlen(v->text);
	bool classic = n >= 5 && strcasecmp(v->text + n - 5, ".pcap") == 0;
	struct sink_spec spec;

	if (sink_spec_init(&spec, classic ? "pcap" : "pcapng", v->text) != 0)
		return out_of_memory(err);
	/* As with tcpdump, -w is not asked twice. */
	spec.overwrite = true;
	return plan_add_sink(&c->plan, &spec) != 0 ? out_of_memory(err) : 0;
}

static int
set_on_full(void *self, const struct option_value *v, struct err *err)
{
	struct cmdline *c = self;

	(void)err; /* the row lists the same words */
	c->has_on_full = true;
	return sink_on_full_parse(v->text, &c->on_full);
}

static int
set_overwrite(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->plan.overwrite = true;
	return 0;
}

static int
set_color(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->plan.color = (enum plan_color)v->number;
	return 0;
}

static int
set_names(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->plan.names = true;
	return 0;
}

static int
set_numeric(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->plan.names = false;
	return 0;
}

static int
set_only(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->plan.only = v->number;
	return 0;
}

static int
set_max_sessions(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	cmdline_source(self)->max_sessions = v->number;
	return 0;
}

static int
set_max_concurrent(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	cmdline_source(self)->max_concurrent = v->number;
	return 0;
}

static int
set_max_bytes(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	cmdline_source(self)->max_bytes = v->number;
	return 0;
}

static int
set_idle_timeout(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->has_idle = true;
	cmdline_source(self)->idle_timeout_ns = v->number;
	return 0;
}

static int
set_drain_time(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->plan.drain_ns = v->number;
	return 0;
}

static int
set_workers(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	cmdline_source(self)->workers = (unsigned)v->number;
	return 0;
}

static int
set_user(void *self, const struct option_value *v, struct err *err)
{
	int rc = privilege_check_user(v->text, err);

	if (rc != 0)
		return rc;
	return keep_text(&((struct cmdline *)self)->plan.user, v->text, err);
}

static int
set_stats(void *self, const struct option_value *v, struct err *err)
{
	return keep_text(&((struct cmdline *)self)->plan.stats, v->text, err);
}

static int
set_strict(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->plan.strict = true;
	return 0;
}

static int
set_pair(void *self, const struct option_value *v, struct err *err)
{
	const char *equals = strchr(v->text, '=');
	char *listen;
	int rc;

	if (equals == NULL)
		return err_set(err, -EINVAL,
		    "\"%.128s\" has no \"=\": LISTEN=TARGET is needed, as in "
		    "8081=example.com:80",
		    v->text);
	listen = strndup(v->text, (size_t)(equals - v->text));
	if (listen == NULL)
		return out_of_memory(err);
	rc = cmdline_pair(self, listen, equals + 1, err);
	free(listen);
	return rc;
}

static int
set_connect_timeout(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	cmdline_source(self)->proxy.connect_timeout_ns = v->number;
	return 0;
}

static int
set_source(void *self, const struct option_value *v, struct err *err)
{
	if (addr_parse_ip(&cmdline_source(self)->proxy.source, v->text) != 0)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no IP address: as in 192.0.2.7 or "
		    "2001:db8::7, without a port",
		    v->text);
	return 0;
}

static int
set_reuse_port(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	cmdline_source(self)->proxy.reuse_port = true;
	return 0;
}

static int
set_backlog(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	cmdline_source(self)->proxy.backlog = (int)v->number;
	return 0;
}

static int
set_copy(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	cmdline_source(self)->proxy.copy = true;
	return 0;
}

static int
set_control(void *self, const struct option_value *v, struct err *err)
{
	return cmdline_control(
	    &((struct cmdline *)self)->plan.control, v->text, err);
}

static int
set_token_file(void *self, const struct option_value *v, struct err *err)
{
	return keep_text(
	    &((struct cmdline *)self)->plan.control.token_file, v->text, err);
}

static int
set_no_token(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->plan.control.no_token = true;
	return 0;
}

static int
set_history(void *self, const struct option_value *v, struct err *err)
{
	struct cmdline *c = self;

	(void)err;
	c->has_history = true;
	c->plan.control.history = (size_t)v->number;
	return 0;
}

static int
set_quiet(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->plan.quiet = true;
	return 0;
}

static int
set_verbose(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->plan.verbose++;
	return 0;
}

static int
set_version(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->version = true;
	return -ECANCELED;
}

static int
set_help(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct cmdline *)self)->help = true;
	return -ECANCELED;
}

static const char *const color_words[] = { "auto", "always", "never", NULL };
static const char *const on_full_words[] = { "drop", "pause", "close", NULL };
static const char *const sandbox_words[] = { "off", "try", "strict", NULL };
static_assert(
    ATTR_COUNT(sandbox_words) == PLAN_NSANDBOXES + 1, "a word for each");
static const char *const overlap_words[] = { "first", "last", "linux",
	"windows", "bsd", NULL };
static_assert(
    ATTR_COUNT(overlap_words) == REASM_NOVERLAPS + 1, "a word for each rule");

/* Options of the commands that hear; those of INPUTS belong to an input. */
#define HEARS    (CMDLINE_PROXY | CMDLINE_TAP | CMDLINE_READ)
#define PROXIES  (CMDLINE_PROXY | CMDLINE_INPUT)
#define TAPS     (CMDLINE_TAP | CMDLINE_INPUT)
#define READS    (CMDLINE_READ | CMDLINE_INPUT)
#define CAPTURES (CMDLINE_TAP | CMDLINE_READ | CMDLINE_INPUT)
#define INPUTS   (HEARS | CMDLINE_INPUT)

/* Options of a whole run, of whatever it hears, and how it looks. */
#define RUNS  (HEARS | CMDLINE_RUN | CMDLINE_RUNTIME)
#define LOOKS (HEARS | CMDLINE_RUNTIME)

#define OUTPUT  "Output"
#define LIMITS  "Limits"
#define RELAY   "Relaying"
#define CAPTURE "Capturing"
#define STREAMS "Putting streams together"
#define RUNNING "Running"

/* clang-format off: a table of short rows reads better than a column. */
static const struct option_row rows[] = {
	{ 'f', "format", "FORMAT", OPTION_TEXT, .dflt = "text",
	    .help = "what to print: text, hex, c, strip, raw, count, jsonl, "
		    "summary, password, none",
	    .section = OUTPUT, .commands = HEARS,
	    .complete = OPTION_COMPLETE_FORMAT, .set = set_format },
	{ 'o', "output", "SINK", OPTION_TEXT,
	    .help = "record to KIND:ARG[,key=value...] as well, as often as "
		    "wanted (\"teeline list sinks\")",
	    .section = OUTPUT, .commands = HEARS,
	    .complete = OPTION_COMPLETE_SINK, .set = set_output },
	{ 'w', "write", "FILE", OPTION_TEXT,
	    .help = "record to a capture file: pcapng, or pcap by its ending",
	    .section = OUTPUT, .commands = HEARS,
	    .complete = OPTION_COMPLETE_FILE, .set = set_write },
	{ 'C', NULL, "MB", OPTION_COUNT, 1, 1000000000,
	    .help = "begin another file of -w before it is longer than MB "
		    "million bytes",
	    .section = OUTPUT, .commands = HEARS,
	    .set = cmdline_capture_rotate_size },
	{ 'G', NULL, "SEC", OPTION_TIME, CLOCK_NS_PER_S / 10, YEAR_NS,
	    .help = "begin another file of -w every SEC seconds",
	    .section = OUTPUT, .commands = HEARS,
	    .set = cmdline_capture_rotate_time },
	{ 'W', NULL, "N", OPTION_COUNT, 1, INT_MAX,
	    .help = "keep N files of -C or -G, delete the oldest",
	    .section = OUTPUT, .commands = HEARS,
	    .set = cmdline_capture_rotate_keep },
	{ 0, "on-full", "POLICY", OPTION_WORD, .words = on_full_words,
	    .help = "what a full sink queue does: drop, pause or close "
		    "(default: pause for files, drop for standard output)",
	    .section = OUTPUT, .commands = CMDLINE_PROXY, .set = set_on_full },
	{ 0, "on-full", "POLICY", OPTION_WORD, .words = on_full_words,
	    .dflt = "drop",
	    .help = "what a full sink queue does: drop, pause or close",
	    .section = OUTPUT, .commands = CMDLINE_TAP, .set = set_on_full },
	{ 0, "on-full", "POLICY", OPTION_WORD, .words = on_full_words,
	    .dflt = "pause",
	    .help = "what a full sink queue does: drop, pause or close",
	    .section = OUTPUT, .commands = CMDLINE_READ, .set = set_on_full },
	{ 0, "overwrite", NULL, OPTION_FLAG,
	    .help = "outputs may replace files that exist", .section = OUTPUT,
	    .commands = LOOKS, .set = set_overwrite },
	{ 0, "color", "WHEN", OPTION_WORD, .words = color_words, .dflt = "auto",
	    .help = "colour: auto, always or never", .section = OUTPUT,
	    .commands = LOOKS, .set = set_color },
	{ 0, "names", NULL, OPTION_FLAG,
	    .help = "look up names of hosts and ports", .section = OUTPUT,
	    .commands = LOOKS, .set = set_names },
	{ 'n', NULL, NULL, OPTION_FLAG, .help = "do not (cancels --names)",
	    .section = OUTPUT, .commands = HEARS, .set = set_numeric },
	{ 0, "only", "N", OPTION_COUNT, 1, UINT64_MAX,
	    .help = "print session N alone; record all of them",
	    .section = OUTPUT, .commands = LOOKS, .set = set_only },

	{ 0, "max-sessions", "N", OPTION_COUNT, 1, UINT64_MAX,
	    .help = "stop after N sessions", .section = LIMITS,
	    .commands = INPUTS, .set = set_max_sessions },
	{ 0, "max-concurrent", "N", OPTION_COUNT, 1, UINT64_MAX,
	    .help = "at most N sessions at once; others wait to be accepted",
	    .section = LIMITS, .commands = PROXIES, .set = set_max_concurrent },
	{ 0, "max-concurrent", "N", OPTION_COUNT, 1, UINT64_MAX,
	    .dflt = "1000000",
	    .help = "at most N sessions at once; then the one silent longest "
		    "is forgotten",
	    .section = LIMITS, .commands = CAPTURES,
	    .set = set_max_concurrent },
	{ 'c', "max-packets", "N", OPTION_COUNT, 1, UINT64_MAX,
	    .help = "stop after N packets", .section = LIMITS,
	    .commands = CAPTURES, .set = cmdline_capture_packets },
	{ 0, "max-bytes", "SIZE", OPTION_SIZE, 1, UINT64_MAX,
	    .help = "end a session after SIZE bytes in both directions",
	    .section = LIMITS, .commands = INPUTS, .set = set_max_bytes },
	{ 0, "idle-timeout", "SEC", OPTION_TIME, CLOCK_NS_PER_MS, YEAR_NS,
	    .dflt = "none", .help = "end a session that is silent for SEC",
	    .section = LIMITS, .commands = PROXIES, .set = set_idle_timeout },
	{ 0, "idle-timeout", "SEC", OPTION_TIME, CLOCK_NS_PER_MS, YEAR_NS,
	    .dflt = "1h", .help = "forget a session that is silent for SEC",
	    .section = LIMITS, .commands = TAPS, .set = set_idle_timeout },
	{ 0, "idle-timeout", "SEC", OPTION_TIME, CLOCK_NS_PER_MS, YEAR_NS,
	    .dflt = "none", .help = "forget a session that is silent for SEC",
	    .section = LIMITS, .commands = READS, .set = set_idle_timeout },

	{ 'i', "interface", "IFACE", OPTION_TEXT,
	    .help = "capture from IFACE; any is all of them (default: that of "
		    "the default route)",
	    .section = CAPTURE, .commands = TAPS,
	    .complete = OPTION_COMPLETE_INTERFACE,
	    .set = cmdline_capture_interface },
	{ 's', "snapshot-length", "BYTES", OPTION_COUNT, 0,
	    CAPTURE_SNAPLEN_DEFAULT, .dflt = "262144",
	    .help = "keep this much of each packet; 0 is the default",
	    .section = CAPTURE, .commands = TAPS,
	    .set = cmdline_capture_snaplen },
	{ 'B', "buffer-size", "KIB", OPTION_COUNT, 1, INT_MAX / 1024,
	    .dflt = "65536", .help = "size of the kernel's buffer in KiB",
	    .section = CAPTURE, .commands = TAPS,
	    .set = cmdline_capture_buffer },
	{ 'p', "no-promiscuous-mode", NULL, OPTION_FLAG,
	    .help = "hear only what is meant for this machine",
	    .section = CAPTURE, .commands = TAPS,
	    .set = cmdline_capture_no_promiscuous },
	{ 'D', "list-interfaces", NULL, OPTION_FLAG,
	    .help = "print the interfaces there are and leave",
	    .section = CAPTURE, .commands = CMDLINE_TAP,
	    .set = cmdline_capture_list },
	{ 'r', NULL, "FILE", OPTION_TEXT,
	    .help = "read FILE instead, as \"teeline read\" does",
	    .section = CAPTURE, .commands = CMDLINE_TAP,
	    .complete = OPTION_COMPLETE_FILE, .set = cmdline_capture_file },

	{ 0, "hold", "SIZE", OPTION_SIZE, 1, SIZE_MAX, .dflt = "4MiB",
	    .help = "most that waits behind a hole, per direction",
	    .section = STREAMS, .commands = CAPTURES,
	    .set = cmdline_capture_hold },
	{ 0, "hold-total", "SIZE", OPTION_SIZE, 1, SIZE_MAX, .dflt = "256MiB",
	    .help = "most that waits in all", .section = STREAMS,
	    .commands = CAPTURES, .set = cmdline_capture_hold_total },
	{ 0, "hold-time", "SEC", OPTION_TIME, 0, YEAR_NS, .dflt = "2",
	    .help = "give a hole up so long after it was acknowledged",
	    .section = STREAMS, .commands = CAPTURES,
	    .set = cmdline_capture_hold_time },
	{ 0, "overlap", "RULE", OPTION_WORD, .words = overlap_words,
	    .dflt = "first",
	    .help = "which copy of bytes that wait counts: first, last, "
		    "linux, windows, bsd",
	    .section = STREAMS, .commands = CAPTURES,
	    .set = cmdline_capture_overlap },
	{ 0, "decap", "N", OPTION_COUNT, 0, DISSECT_DECAP_MAX, .dflt = "4",
	    .help = "open N layers of tunnels", .section = STREAMS,
	    .commands = CAPTURES, .set = cmdline_capture_decap },

	{ 'L', NULL, "LISTEN=TARGET", OPTION_TEXT,
	    .help = "relay one more pair, as often as wanted", .section = RELAY,
	    .commands = CMDLINE_PROXY, .set = set_pair },
	{ 0, "connect-timeout", "SEC", OPTION_TIME, CLOCK_NS_PER_MS, DAY_NS,
	    .dflt = "10", .help = "for each address of a target",
	    .section = RELAY, .commands = PROXIES, .set = set_connect_timeout },
	{ 0, "source", "ADDR", OPTION_TEXT,
	    .help = "our address towards targets", .section = RELAY,
	    .commands = PROXIES, .set = set_source },
	{ 0, "reuse-port", NULL, OPTION_FLAG,
	    .help = "share the port with other processes (SO_REUSEPORT)",
	    .section = RELAY, .commands = PROXIES, .set = set_reuse_port },
	{ 0, "backlog", "N", OPTION_COUNT, 1, 65535, .dflt = "1024",
	    .help = "connections that may wait to be accepted",
	    .section = RELAY, .commands = PROXIES, .set = set_backlog },
	{ 0, "copy", NULL, OPTION_FLAG,
	    .help = "copy every byte through memory (no zero-copy)",
	    .section = RELAY, .commands = PROXIES, .set = set_copy },

	{ 0, "workers", "N", OPTION_COUNT, 1, MAX_WORKERS,
	    .help = "threads that carry traffic (default: one per usable CPU)",
	    .section = RUNNING, .commands = PROXIES, .set = set_workers },
	{ 0, "workers", "N", OPTION_COUNT, 1, MAX_WORKERS, .dflt = "1",
	    .help = "threads that share the traffic, each with a buffer of its "
		    "own; more than one open no tunnels",
	    .section = RUNNING, .commands = TAPS,
	    .set = cmdline_capture_rings },
	{ 'Z', "user", "USER", OPTION_TEXT,
	    .help = "become USER once the listeners are open",
	    .section = RUNNING, .commands = CMDLINE_PROXY,
	    .complete = OPTION_COMPLETE_USER, .set = set_user },
	{ 'Z', "user", "USER", OPTION_TEXT,
	    .help = "become USER once the capture is open", .section = RUNNING,
	    .commands = CMDLINE_TAP, .complete = OPTION_COMPLETE_USER,
	    .set = set_user },
	{ 'Z', "user", "USER", OPTION_TEXT,
	    .help = "become USER once the files are open", .section = RUNNING,
	    .commands = CMDLINE_READ, .complete = OPTION_COMPLETE_USER,
	    .set = set_user },
	{ 'Z', "user", "USER", OPTION_TEXT,
	    .help = "become USER once the inputs are open", .section = RUNNING,
	    .commands = CMDLINE_RUN | CMDLINE_RUNTIME,
	    .complete = OPTION_COMPLETE_USER, .set = set_user },
	{ 0, "sandbox", "MODE", OPTION_WORD, .words = sandbox_words,
	    .dflt = "try",
	    .help = "give up what a run does not need: off, as much as the "
		    "system can (try), or fail where it cannot (strict)",
	    .section = RUNNING, .commands = RUNS, .set = cmdline_sandbox_mode },
	{ 0, "writable", "DIR", OPTION_TEXT, .many = true,
	    .help = "files may be written in DIR as well, by outputs that come "
		    "later; as often as wanted",
	    .section = RUNNING, .commands = RUNS,
	    .complete = OPTION_COMPLETE_FILE, .set = cmdline_sandbox_writable },
	{ 0, "drain-time", "SEC", OPTION_TIME, 0, DAY_NS, .dflt = "2",
	    .help = "how long outputs may take to finish at the end",
	    .section = RUNNING, .commands = RUNS, .set = set_drain_time },
	{ 0, "stats", "FILE", OPTION_TEXT,
	    .help = "write the balance sheet as JSON at the end (- is a table "
		    "on standard error)",
	    .section = RUNNING, .commands = RUNS,
	    .complete = OPTION_COMPLETE_FILE, .set = set_stats },
	{ 0, "strict", NULL, OPTION_FLAG, .help = "exit 3 if anything was lost",
	    .section = RUNNING, .commands = RUNS, .set = set_strict },
	{ 0, "control", "LISTEN", OPTION_TEXT,
	    .help = "serve the control page, the API and /metrics at LISTEN: "
		    "PORT (loopback), ADDR:PORT, unix:PATH or fd:NAME",
	    .section = RUNNING, .commands = HEARS | CMDLINE_RUN,
	    .set = set_control },
	{ 0, "control-token-file", "FILE", OPTION_TEXT,
	    .help = "read the token of --control from FILE (default: a random "
		    "one, which is printed)",
	    .section = RUNNING, .commands = HEARS | CMDLINE_RUN,
	    .complete = OPTION_COMPLETE_FILE, .set = set_token_file },
	{ 0, "control-no-token", NULL, OPTION_FLAG,
	    .help = "ask for no token: whoever reaches --control may do all",
	    .section = RUNNING, .commands = HEARS | CMDLINE_RUN,
	    .set = set_no_token },
	{ 0, "control-history", "SIZE", OPTION_SIZE, 0, SIZE_MAX / 4,
	    .dflt = "64KiB",
	    .help = "keep the latest SIZE bytes of each session for --control; "
		    "0: none",
	    .section = RUNNING, .commands = HEARS | CMDLINE_RUN,
	    .set = set_history },
	{ 'q', "quiet", NULL, OPTION_FLAG, .help = "say nothing but errors",
	    .section = RUNNING, .set = set_quiet },
	{ 'v', "verbose", NULL, OPTION_FLAG,
	    .help = "say more; twice for even more", .section = RUNNING,
	    .set = set_verbose },
	{ 'V', "version", NULL, OPTION_FLAG,
	    .help = "print the version and leave", .section = RUNNING,
	    .set = set_version },
	{ 'h', "help", NULL, OPTION_FLAG, .help = "print this and leave",
	    .section = RUNNING, .set = set_help },
};
/* clang-format on */

static const struct option_table proxy = {
	.rows = rows, .nrows = ATTR_COUNT(rows), .command = CMDLINE_PROXY
};

static const struct option_table tap = {
	.rows = rows, .nrows = ATTR_COUNT(rows), .command = CMDLINE_TAP
};

static const struct option_table read_files = { .rows = rows,
	.nrows = ATTR_COUNT(rows),
	.command = CMDLINE_READ,
	.two_lists = true };

static const struct option_table run = {
	.rows = rows, .nrows = ATTR_COUNT(rows), .command = CMDLINE_RUN
};

const struct option_table *
cmdline_proxy(void)
{
	return &proxy;
}

const struct option_table *
cmdline_tap(void)
{
	return &tap;
}

const struct option_table *
cmdline_read(void)
{
	return &read_files;
}

const struct option_table *
cmdline_run(void)
{
	return &run;
}
