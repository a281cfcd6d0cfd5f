#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr_net.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/stethoscope.h"
#include "config/stethoscope_check.h"
#include "config/word.h"
#include "core/locals.h"
#include "core/news.h"

/* Of startup buffers, both directions of all sessions have them. */
#define BUFFER_MAX ((uint64_t)64 << 20)

/* Longest time that makes sense; longer ones are typing mistakes. */
#define DAY_NS (86400 * CLOCK_NS_PER_S)

/* Packets of queues, as the original clamps them. */
#define QUEUE_MAX 5000000

/* --- setters ------------------------------------------------------------- */

static void
list_done(struct stethoscope_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct stethoscope_list){ .n = 0 };
}

static int
add_net(void *self, const struct schema_value *v, struct err *err)
{
	struct stethoscope_list *l = (void *)((char *)self + v->row->at);
	struct addr_net net;
	char **more;
	int rc = addr_net_parse(&net, v->text, err);

	if (rc != 0)
		return rc;
	if (l->n == LOCALS_MAX)
		return err_set(
		    err, -EINVAL, "%d addresses are possible", LOCALS_MAX);
	more = realloc(l->v, (l->n + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	l->v = more;
	l->v[l->n] = strdup(v->text);
	return l->v[l->n++] != NULL ? 0 : -ENOMEM;
}

static int
set_ip(void *self, const struct schema_value *v, struct err *err)
{
	struct addr a;

	if (addr_parse_ip(&a, v->text) != 0)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no address, as in 127.0.0.1 or ::1", v->text);
	return schema_set_text(self, v, err);
}

static int
set_filter(void *self, const struct schema_value *v, struct err *err)
{
	((struct stethoscope *)self)->capture.filter_pos = v->node->pos;
	return schema_set_text(self, v, err);
}

static int
set_c2s(void *self, const struct schema_value *v, struct err *err)
{
	((struct stethoscope *)self)->capture.has_c2s = true;
	return schema_set_u64(self, v, err);
}

static int
set_s2c(void *self, const struct schema_value *v, struct err *err)
{
	((struct stethoscope *)self)->capture.has_s2c = true;
	return schema_set_u64(self, v, err);
}

static int
set_report(void *self, const struct schema_value *v, struct err *err)
{
	((struct stethoscope *)self)->logging.has_report = true;
	return schema_set_u64(self, v, err);
}

static int
add_cat(void *self, const struct schema_value *v, struct err *err)
{
	struct stethoscope_control *c = &((struct stethoscope *)self)->control;
	uint64_t cat;
	int rc;

	if (v->node->kind != JSONISH_STRING)
		return err_set(err, -EINVAL,
		    "a text in quotes is needed, this is %s",
		    jsonish_kind_name(v->node->kind));
	rc = word_find(news_cat_names(), true, v->node->text, &cat, err);
	if (rc != 0)
		return rc;
	if (!c->has_cats)
		c->cats = 0;
	c->has_cats = true;
	c->cats |= 1U << cat;
	return 0;
}

/* In the order of set_level(): WARN is another spelling. */
static const char *const level_words[] = { "ERROR", "WARNING", "INFO", "DEBUG",
	"WARN", NULL };

static int
set_level(void *self, const struct schema_value *v, struct err *err)
{
	static const enum log_level levels[] = { LOG_LEVEL_ERROR,
		LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG,
		LOG_LEVEL_WARN };

	static_assert(ATTR_COUNT(levels) + 1 == ATTR_COUNT(level_words),
	    "a level for each word");
	(void)err;
	*(uint64_t *)(void *)((char *)self + v->row->at) = levels[v->number];
	return 0;
}

/* --- the tables ---------------------------------------------------------- */

#define AT(field) .at = offsetof(struct stethoscope, field)
#define TABLE(name, text)                                                      \
	static const struct schema_table name##_table = { text, name##_rows,   \
		ATTR_COUNT(name##_rows) }

/* Rows by type; what differs follows as designated initializers. */
#define BOOL(name, field)                                                      \
	.key = (name), .type = SCHEMA_BOOL, AT(field), .set = schema_set_bool
#define COUNT(name, field, least, most)                                        \
	.key = (name), .type = SCHEMA_COUNT, .min = (least), .max = (most),    \
	AT(field), .set = schema_set_u64
#define SIZE(name, field, least, most)                                         \
	.key = (name), .type = SCHEMA_SIZE, .min = (least), .max = (most),     \
	AT(field), .set = schema_set_u64
#define TIME(name, field, least, most)                                         \
	.key = (name), .type = SCHEMA_TIME, .min = (least), .max = (most),     \
	AT(field), .set = schema_set_u64
#define TEXT(name, field, what)                                                \
	.key = (name), .type = SCHEMA_TEXT, .arg = (what), AT(field),          \
	.set = schema_set_text
#define IP(name, field)                                                        \
	.key = (name), .type = SCHEMA_TEXT, .arg = "ADDRESS", AT(field),       \
	.set = set_ip
#define PORT(name, field) COUNT(name, field, 1, 65535)
#define LEVEL(name, field)                                                     \
	.key = (name), .type = SCHEMA_WORD, .words = level_words,              \
	.fold = true, AT(field), .set = set_level
#define OBJECT(name, which)                                                    \
	.key = (name), .type = SCHEMA_OBJECT, .table = &which##_table
#define UNUSED(name, why)                                                      \
	{                                                                      \
		.key = (name), .type = SCHEMA_UNUSED, .help = (why)            \
	}

static const char *const keep_words[] = { "head", "tail", NULL };

static const struct schema_row capture_rows[] = {
	{ TEXT("iface", capture.iface, "INTERFACE"), .needed = true,
	    .help = "where to listen; \"any\" are all of them" },
	{ .key = "local_ip",
	    .type = SCHEMA_TEXTS,
	    .arg = "ADDRESS",
	    .needed = true,
	    AT(capture.local),
	    .set = add_net,
	    .help = "the local end: an address, a network (10.0.0.0/8) or a "
		    "list of these, IPv4 and IPv6" },
	{ .key = "remote_ip",
	    .type = SCHEMA_TEXTS,
	    .arg = "ADDRESS",
	    .needed = true,
	    AT(capture.remote),
	    .set = add_net,
	    .help = "the remote end, likewise" },
	{ PORT("remote_port", capture.remote_port),
	    .help = "port of the remote end; needed, unless the role is "
		    "server and local_port is given" },
	{ COUNT("local_port", capture.local_port, 0, 65535), .dflt = "0",
	    .help = "only connections with this port at either end; 0 is any" },
	{ .key = "bpf-filter",
	    .type = SCHEMA_TEXT,
	    .arg = "FILTER",
	    .empty = true,
	    AT(capture.filter),
	    .set = set_filter,
	    .help = "what to capture, in the language of pcap-filter(7), with "
		    "{local_ip}, {remote_ip}, {remote_port} and {local_port} "
		    "filled in; made from these keys if it is left out" },
	{ TIME("session_idle_sec", capture.idle_ns, CLOCK_NS_PER_MS,
	      365 * DAY_NS),
	    .dflt = "120", .help = "silence after which a session is over" },
	{ SIZE("buffer_bytes", capture.buffer, 0, BUFFER_MAX), .clamp = true,
	    .dflt = "65536",
	    .help = "what is kept of each direction for a first consumer" },
	{ .key = "c2s_buffer_bytes",
	    .type = SCHEMA_SIZE,
	    .max = BUFFER_MAX,
	    .clamp = true,
	    AT(capture.c2s),
	    .set = set_c2s,
	    .help = "the same for what the local end sends; as buffer_bytes "
		    "if it is left out, 0 keeps nothing" },
	{ .key = "s2c_buffer_bytes",
	    .type = SCHEMA_SIZE,
	    .max = BUFFER_MAX,
	    .clamp = true,
	    AT(capture.s2c),
	    .set = set_s2c,
	    .help = "the same for what the remote end sends" },
	{ .key = "buffer_keep",
	    .type = SCHEMA_WORD,
	    .words = keep_words,
	    .fold = true,
	    AT(capture.keep),
	    .set = schema_set_u64,
	    .dflt = "head",
	    .help = "which bytes of a direction that is longer than its "
		    "buffer: the first or the last" },
	{ SIZE("scapy_bufsize", capture.ring, 0, (uint64_t)4 << 30),
	    .dflt = "0",
	    .help = "bytes of the buffer that the kernel captures into; 0 is "
		    "64 MiB" },
	UNUSED("linktype", "the link type is that of the interface"),
};
TABLE(capture, "io.input.capture");

static const struct schema_row input_rows[] = {
	{ OBJECT("capture", capture), .needed = true,
	    .help = "which traffic is heard" },
};
TABLE(input, "io.input");

static const char *const role_words[] = { "client", "server", NULL };

static const struct schema_row mapping_rows[] = {
	{ .key = "role",
	    .type = SCHEMA_WORD,
	    .words = role_words,
	    .fold = true,
	    AT(role),
	    .set = schema_set_u64,
	    .dflt = "client",
	    .help = "what the local end is: requests are what it sends if it "
		    "is the client, what it receives if it is the server" },
};
TABLE(mapping, "io.mapping");

#define HEADER_HELP                                                            \
	"whether each connection begins with a line of JSON that says which "  \
	"session, which direction and which place in it follows; see "         \
	"teeline-files(5)"

static const struct schema_row connector_times_rows[] = {
	{ TIME("connect", connector.connect_ns, CLOCK_NS_PER_MS, DAY_NS),
	    .dflt = "5", .help = "for each call" },
	{ TIME("retry-every", connector.retry_ns, CLOCK_NS_PER_MS, DAY_NS),
	    .dflt = "30",
	    .help = "from a call that failed, or a consumer that was lost, to "
		    "the next call" },
};
TABLE(connector_times, "io.output.remote-host.timeouts");

static const struct schema_row connector_rows[] = {
	{ BOOL("enabled", connector.enabled), .dflt = "false",
	    .help = "whether consumers are called" },
	{ TEXT("host", connector.host, "HOST"), .dflt = "127.0.0.1",
	    .help = "where they are" },
	{ PORT("requests_port", connector.requests_port),
	    .help = "where requests go; needed if enabled" },
	{ PORT("responses_port", connector.responses_port),
	    .help = "where responses go; needed if enabled" },
	{ OBJECT("timeouts", connector_times), .help = "of calls" },
	{ BOOL("header", connector.header), .dflt = "false",
	    .help = HEADER_HELP },
	UNUSED("hex_encode_binary_payloads", "bytes are sent as they are"),
};
TABLE(connector, "io.output.remote-host");

static const struct schema_row listener_times_rows[] = {
	{ TIME("ack_stall_sec", listener.stall_ns, 0, DAY_NS), .dflt = "0",
	    .help = "a note (tcp_note, ack_stall) whenever one end has sent "
		    "and the other has not acknowledged for so long; 0 is "
		    "never" },
};
TABLE(listener_times, "io.output.listner.timeouts");

static const struct schema_row listener_rows[] = {
	{ BOOL("enabled", listener.enabled), .dflt = "false",
	    .help = "whether consumers may connect" },
	{ IP("bind_ip", listener.bind_ip), .dflt = "0.0.0.0",
	    .help = "where they do" },
	{ PORT("port_range_start", listener.first),
	    .help = "first of the ports that sessions get, two each; needed "
		    "if enabled" },
	{ PORT("port_range_end", listener.last),
	    .help = "last of them; needed if enabled" },
	{ PORT("first_requests_port", listener.first_requests),
	    .help = "port of the first session's requests, which may lie "
		    "outside the range; with first_responses_port" },
	{ PORT("first_responses_port", listener.first_responses),
	    .help = "port of its responses" },
	{ OBJECT("timeouts", listener_times), .help = "of sessions" },
	{ BOOL("header", listener.header), .dflt = "false",
	    .help = HEADER_HELP },
	UNUSED("bind_interface", "bind_ip says where"),
};
TABLE(listener, "io.output.listner");

/* The first two are what there is; the others are how they are spelled. */
static const char *const format_words[] = { "pcapng", "pcap", "pcap-ng", "ng",
	NULL };

static const struct schema_row pcap_rows[] = {
	{ BOOL("enabled", pcap.enabled), .dflt = "false",
	    .help = "whether packets are written to files" },
	{ TEXT("dir", pcap.dir, "DIR"), .empty = true,
	    .help = "where; it is made if it is missing; a warning, and no "
		    "files, if it cannot be written to" },
	{ TEXT("path", pcap.dir, "DIR"), .empty = true,
	    .help = "another name of dir" },
	{ .key = "format",
	    .type = SCHEMA_WORD,
	    .words = format_words,
	    .fold = true,
	    AT(pcap.format),
	    .set = schema_set_u64,
	    .dflt = "pcapng",
	    .help = "the format of the files" },
	{ BOOL("per_session", pcap.per_session), .dflt = "false",
	    .help = "a file for each session, from its SYN on, named after "
		    "its ends, times and reason" },
	{ COUNT("queue_size", pcap.queue, 1, QUEUE_MAX), .dflt = "20000",
	    .help = "packets of 2 KiB that may wait for the disk" },
	{ SIZE("rotate_bytes", pcap.rotate_bytes, 1000000, (uint64_t)1 << 50),
	    .help = "begin another file before it is longer than this; only "
		    "with one file for all sessions, as the next two" },
	{ TIME("rotate_sec", pcap.rotate_ns, CLOCK_NS_PER_S / 10, 365 * DAY_NS),
	    .help = "begin another file after so long" },
	{ COUNT("rotate_keep", pcap.rotate_keep, 1, INT_MAX),
	    .help = "keep so many finished files, delete the oldest" },
	UNUSED("sync", "a file is whole after each record"),
	UNUSED("close_on_fin", "a file is closed when its session is over"),
	UNUSED(
	    "fin_close_grace_sec", "a file is closed when its session is over"),
	UNUSED("idle_close_sec", "session_idle_sec says when it is over"),
	UNUSED("linktype", "it is that of the interface"),
	UNUSED("dlt", "it is that of the interface"),
};
TABLE(pcap, "io.output.pcap");

static const struct schema_row output_rows[] = {
	{ OBJECT("remote-host", connector),
	    .help = "consumers that are called, twice for each session" },
	{ OBJECT("listener", listener),
	    .help = "consumers that connect, to two ports for each session" },
	{ OBJECT("listner", listener),
	    .help = "the same, as the original spells it" },
	{ OBJECT("pcap", pcap), .help = "packets as captured, in files" },
	UNUSED("file", "no version of the program wrote such files"),
};
TABLE(output, "io.output");

static const struct schema_row io_rows[] = {
	{ OBJECT("input", input), .needed = true, .help = "what is heard" },
	{ OBJECT("mapping", mapping), .help = "which end is which" },
	{ OBJECT("output", output), .help = "what becomes of it" },
};
TABLE(io, "io");

static const struct schema_row control_rows[] = {
	{ IP("bind_ip", control.bind_ip), .dflt = "0.0.0.0",
	    .help = "where clients of control connect to" },
	{ COUNT("listen_port", control.port, 0, 65535), .dflt = "50005",
	    .help = "their port; 0 is any that is free" },
	{ .key = "default_cats",
	    .type = SCHEMA_LIST,
	    .arg = "CATEGORY",
	    .set = add_cat,
	    .help = "events that a client gets unless it subscribes to "
		    "others: session, ports, output, control, flow, stats; "
		    "the first four if it is left out" },
	{ TEXT("token", control.token, "TOKEN"),
	    .help = "what a client from elsewhere has to know to change "
		    "something" },
	UNUSED("plain-socket", "control has one protocol: lines of JSON"),
	UNUSED("http", "control has one protocol: lines of JSON"),
};
TABLE(control, "control");

static const struct schema_row console_rows[] = {
	{ LEVEL("verbosity", logging.console), .dflt = "INFO",
	    .help = "how much is said" },
};
TABLE(console, "logging.console");

static const struct schema_row file_rows[] = {
	{ BOOL("enabled", logging.to_file), .dflt = "false",
	    .help = "whether it is written to a file as well" },
	{ TEXT("path", logging.path, "FILE"), .dflt = "stethoscope.log",
	    .help = "which one; it grows" },
	{ LEVEL("verbosity", logging.file), .dflt = "INFO",
	    .help = "how much is written there" },
};
TABLE(file, "logging.file");

static const struct schema_row stats_rows[] = {
	{ .key = "report_interval",
	    .type = SCHEMA_TIME,
	    .max = DAY_NS,
	    .clamp = true,
	    AT(logging.report_ns),
	    .set = set_report,
	    .help = "as runtime.stats_interval_sec, which it overrules" },
};
TABLE(stats, "logging.stats");

static const struct schema_row logging_rows[] = {
	{ OBJECT("console", console), .help = "standard output" },
	{ OBJECT("file", file), .help = "a file" },
	{ OBJECT("stats", stats), .help = "the line of figures" },
	UNUSED("verbosity_levels_available", "it is a comment"),
};
TABLE(logging, "logging");

static const struct schema_row runtime_rows[] = {
	{ COUNT("workers", runtime.workers, 1, 256), .clamp = true,
	    .help = "threads that put streams together; one if it is left "
		    "out; with several, tunnels are not opened" },
	{ COUNT("capture_queue_size", runtime.queue, 1000, QUEUE_MAX),
	    .clamp = true,
	    .help = "packets of 2 KiB for which the kernel's buffer has room, "
		    "unless scapy_bufsize says how large it is" },
	{ SIZE("max_output_buffer_bytes", runtime.output_buffer, 1,
	      (uint64_t)1 << 30),
	    .dflt = "1000000",
	    .help = "what may wait for a consumer; what comes then is "
		    "dropped (backpressure)" },
	{ TIME("drain_timeout_ms", runtime.drain_ns, 0, DAY_NS), .unit = "ms",
	    .dflt = "0",
	    .help = "how long a consumer may take for the rest when a session "
		    "or the program ends; 0 is 2 seconds" },
	{ TIME("stats_interval_sec", runtime.stats_ns, 0, DAY_NS),
	    .clamp = true, .dflt = "5",
	    .help = "how often a line of figures is logged; 0 is never" },
	{ TIME("close_grace_ms", runtime.grace_ns, 0, 10000 * CLOCK_NS_PER_MS),
	    .unit = "ms", .clamp = true, .dflt = "100",
	    .help = "added to close_linger_sec" },
	{ TEXT("user", runtime.user, "USER"),
	    .help = "become this user once it listens, before anything is "
		    "written" },
	{ TIME("close_linger_sec", runtime.linger_ns, 0, DAY_NS), .clamp = true,
	    .dflt = "2",
	    .help = "how long a first consumer may still come for what was "
		    "kept when a session is over" },
};
TABLE(runtime, "runtime");

static const struct schema_row rows[] = {
	{ OBJECT("io", io), .needed = true, .help = "input and outputs" },
	{ OBJECT("control", control),
	    .help = "clients that watch and steer, by lines of JSON" },
	{ OBJECT("logging", logging), .help = "what is said to people" },
	{ OBJECT("runtime", runtime), .help = "the whole run" },
};

static const struct schema_table table = { NULL, rows, ATTR_COUNT(rows) };

const struct schema_table *
stethoscope_table(void)
{
	return &table;
}

bool
stethoscope_is(const struct jsonish *root)
{
	return jsonish_find(root, "io") != NULL;
}

/* --- values -------------------------------------------------------------- */

static int
set_default(char **where, const char *text)
{
	*where = strdup(text);
	return *where != NULL ? 0 : -ENOMEM;
}

int
stethoscope_init(struct stethoscope *s)
{
	*s = (struct stethoscope){
		.capture = {
			.idle_ns = 120 * CLOCK_NS_PER_S,
			.buffer = 65536,
		},
		.connector = {
			.connect_ns = 5 * CLOCK_NS_PER_S,
			.retry_ns = 30 * CLOCK_NS_PER_S,
		},
		.pcap = { .queue = 20000 },
		.control = {
			.port = 50005,
			.cats = 1U << NEWS_SESSION | 1U << NEWS_PORTS |
				1U << NEWS_OUTPUT | 1U << NEWS_CONTROL,
		},
		.logging = {
			.console = LOG_LEVEL_INFO,
			.file = LOG_LEVEL_INFO,
		},
		.runtime = {
			.workers = 1,
			.output_buffer = 1000000,
			.stats_ns = 5 * CLOCK_NS_PER_S,
			.grace_ns = 100 * CLOCK_NS_PER_MS,
			.linger_ns = 2 * CLOCK_NS_PER_S,
		},
	};
	if (set_default(&s->connector.host, "127.0.0.1") != 0 ||
	    set_default(&s->listener.bind_ip, "0.0.0.0") != 0 ||
	    set_default(&s->control.bind_ip, "0.0.0.0") != 0 ||
	    set_default(&s->logging.path, "stethoscope.log") != 0) {
		stethoscope_done(s);
		return -ENOMEM;
	}
	return 0;
}

void
stethoscope_done(struct stethoscope *s)
{
	list_done(&s->capture.local);
	list_done(&s->capture.remote);
	free(s->capture.iface);
	free(s->capture.filter);
	free(s->connector.host);
	free(s->listener.bind_ip);
	free(s->pcap.dir);
	free(s->control.bind_ip);
	free(s->control.token);
	free(s->logging.path);
	free(s->runtime.user);
	*s = (struct stethoscope){ .role = STETHOSCOPE_CLIENT };
}

int
stethoscope_values(
    struct stethoscope *s, const struct jsonish *root, struct findings *f)
{
	struct schema_reading reading = { .findings = f, .lenient = true };
	int rc = schema_read(&table, root, s, &reading);

	if (rc == -ENOMEM)
		return rc;
	if (s->pcap.format >= 2)
		s->pcap.format = 0;
	stethoscope_check(s, root, rc == 0, f);
	if (f->failed)
		return -ENOMEM;
	return findings_are_bad(f) ? -EINVAL : 0;
}

int
stethoscope_read(struct plan *p, const struct jsonish *root, struct findings *f)
{
	struct stethoscope s;
	int rc = stethoscope_init(&s);

	if (rc == 0)
		rc = stethoscope_values(&s, root, f);
	if (rc == 0)
		rc = stethoscope_plan(&s, p);
	stethoscope_done(&s);
	return rc;
}
