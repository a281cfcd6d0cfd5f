#ifndef CONFIG_PLAN_H
#define CONFIG_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "core/reasm.h"
#include "core/sink_spec.h"

/*
 * plan.h - what the user wants, checked, before anything is opened.
 *
 * Command lines, personalities and configuration files all end in a struct
 * plan; run/run.c carries it out.  A personality is nothing but another way to
 * fill it in.
 *
 * A run hears one input or several, and each sink all of them or some, by name
 * (sink_spec.inputs).  It is over when all inputs are.
 */

struct err;
struct sheet;

/**
 * struct plan_pair - LISTEN and TARGET of one relay
 * @client:	Where clients come from
 * @server:	Where they are relayed to
 * @label:	What records call the server (session.target); owned; NULL: as
 *		endpoint_format() writes it
 */
struct plan_pair {
	struct endpoint client;
	struct endpoint server;
	char *label;
};

/** enum plan_color - --color */
enum plan_color {
	PLAN_COLOR_AUTO,
	PLAN_COLOR_ALWAYS,
	PLAN_COLOR_NEVER,
};

/**
 * struct plan_proxy - Options of the proxy
 * @pairs:	@npairs of them; owned
 * @connect_timeout_ns: For each address of a target; default 10 s
 * @source:	--source: our address towards servers; AF_UNSPEC: any
 * @reuse_port:	SO_REUSEPORT on listeners
 * @backlog:	listen(2); default 1024
 * @copy:	--copy: never splice
 * @orderly:	A session that we end (limit, timeout, stop) ends with FIN
 *		instead of RST.  For tcpreen, which does so.
 */
struct plan_proxy {
	struct plan_pair *pairs;
	size_t npairs;
	uint64_t connect_timeout_ns;
	struct addr source;
	bool reuse_port;
	int backlog;
	bool copy;
	bool orderly;
};

/** enum plan_sandbox - --sandbox */
enum plan_sandbox {
	PLAN_SANDBOX_OFF,
	PLAN_SANDBOX_TRY,    /* as much of it as the system has */
	PLAN_SANDBOX_STRICT, /* all of it, or no run */
};
#define PLAN_NSANDBOXES (PLAN_SANDBOX_STRICT + 1)

/** enum plan_input - How an input hears its traffic. */
enum plan_input {
	PLAN_PROXY,
	PLAN_TAP,
	PLAN_READ,
};
#define PLAN_NINPUTS (PLAN_READ + 1)

/**
 * struct plan_capture - Options of tap and read
 * @iface:	-i; owned; NULL: that of the default route
 * @filter:	pcap-filter(7), words joined by blanks; owned; NULL: everything
 * @snaplen:	-s; default 262144
 * @buffer:	-B, in bytes; default 64 MiB
 * @promiscuous: Not -p
 * @files:	read: @nfiles operands; the texts are owned
 * @max_packets: -c; 0: no limit
 * @hold:	--hold, bytes per direction
 * @hold_total:	--hold-total, bytes in all
 * @hold_ns:	--hold-time
 * @overlap:	--overlap
 * @decap:	--decap
 */
struct plan_capture {
	char *iface;
	char *filter;
	uint32_t snaplen;
	size_t buffer;
	bool promiscuous;
	char **files;
	size_t nfiles;
	uint64_t max_packets;
	size_t hold;
	size_t hold_total;
	uint64_t hold_ns;
	enum reasm_overlap overlap;
	unsigned decap;
};

/* Sessions that tap and read follow at once, unless told otherwise. */
#define PLAN_SESSIONS 1000000

/* Silence after which tap forgets a session, unless told otherwise. */
#define PLAN_TAP_IDLE_NS UINT64_C(3600000000000)

/* Longest name of an input, without its end: [A-Za-z0-9_.-]. */
#define PLAN_NAME_MAX 64

/**
 * struct plan_source - An input
 * @name:	Unique in the run; owned
 * @is_named:	Its user gave it the name: records mention it
 * @input:	Which of the next two is meant
 * @proxy:	In the middle
 * @capture:	Of packets
 * @workers:	0: as many as CPUs this process may use (proxy), 1 (tap)
 * @max_sessions: It is over after so many; 0: no limit
 * @max_concurrent: At once; 0: what descriptors allow (proxy alone)
 * @max_bytes:	Per session, both directions; 0: no limit
 * @idle_timeout_ns: 0: none
 */
struct plan_source {
	char *name;
	bool is_named;
	enum plan_input input;
	struct plan_proxy proxy;
	struct plan_capture capture;
	unsigned workers;
	uint64_t max_sessions;
	uint64_t max_concurrent;
	uint64_t max_bytes;
	uint64_t idle_timeout_ns;
};

/**
 * struct plan_control - The control plane
 * @listen:	ADDR:PORT, [V6]:PORT, unix:PATH or fd:NAME; owned; NULL: none
 * @token_file:	Where the token is read from; owned; NULL: a random one
 * @no_token:	Whoever reaches it may do everything
 * @history:	Latest bytes kept of each session; 0: none; default 64 KiB
 * @history_total: ... of all sessions together; default 64 MiB
 */
struct plan_control {
	char *listen;
	char *token_file;
	bool no_token;
	size_t history;
	size_t history_total;
};

/**
 * struct plan_lines - Control by lines of JSON (control/line.h)
 * @host:	Numeric address where it is listened; owned; NULL: nowhere
 * @port:	0: any
 * @token:	What a client from elsewhere has to know to change something;
 *		owned; NULL: it cannot
 * @cats:	Bits of enum news_cat: events that a client gets at first
 * @local:	Networks of the local end, as locals_parse() reads them; owned;
 *		NULL: wherever the client is
 * @remote_port: See struct locals
 * @is_server:	The local end is the server: requests are what it receives
 * @idle_ns:	Silence that ends a session, for its reason
 * @stall_ns:	Silence that is told while data is not acknowledged; 0: none
 * @stats_ns:	How often figures are logged; 0: never
 */
struct plan_lines {
	char *host;
	uint16_t port;
	char *token;
	unsigned cats;
	char *local;
	uint16_t remote_port;
	bool is_server;
	uint64_t idle_ns;
	uint64_t stall_ns;
	uint64_t stats_ns;
};

/**
 * struct plan_log - What is said to people
 * @level:	On standard error; default LOG_LEVEL_WARN
 * @file:	Where it is written as well; owned; NULL: nowhere
 * @file_level:	... up to this level; default LOG_LEVEL_INFO
 * @timestamps:	Lines on standard error begin with date and time
 */
struct plan_log {
	enum log_level level;
	char *file;
	enum log_level file_level;
	bool timestamps;
};

/**
 * struct plan - A run
 * @sources:	@nsources inputs, in the order of the sheet; owned.  Command
 *		lines and personalities have exactly one.
 * @sinks:	@nsinks of them; owned.  -f has become the first, with "-" as
 *		its argument; -w has become pcapng: or pcap:.
 * @overwrite:	--overwrite
 * @names:	--names
 * @color:	--color
 * @quiet:	-q: no sheet, no "listening on" line
 * @verbose:	Number of -v
 * @only:	--only N; 0: all
 * @drain_ns:	--drain-time; default 2 s
 * @user:	-Z; owned; NULL: stay who we are
 * @stats:	--stats FILE; "-" is stderr; owned; NULL: none
 * @strict:	--strict
 * @sandbox:	--sandbox; default PLAN_SANDBOX_TRY
 * @writable:	--writable: @nwritable folders beside those of the outputs;
 *		owned
 * @daemon:	Go to the background once listening
 * @control:	The control plane
 * @lines:	Another one, beside or instead
 * @log:	What is said
 * @config:	Path of the configuration file, to be read again; owned; NULL:
 *		there is none
 * @ready:	Called on the main thread once all listeners are open, with
 *		the addresses of all inputs, or the captures are (taps add no
 *		addresses); NULL: "listening on" lines on stderr
 * @reread:	Reads the configuration once more, into a plan fresh from
 *		plan_init(), and says what is wrong with it.  Return: 0 or
 *		-EINVAL; NULL: there is none
 * @stopping:	Called on the main thread when a signal, @number, ends the run;
 *		may be NULL
 * @watch:	Called on the main thread every @watch_ms with the figures, and
 *		once more when everything has ended; what it returns other than
 *		0 ends the run as a failure.  May be NULL.
 * @watch_ms:	> 0 where there is @watch
 * @self:	Whoever set these callbacks
 */
struct plan {
	struct plan_source *sources;
	size_t nsources;
	struct sink_spec *sinks;
	size_t nsinks;
	bool overwrite;
	bool names;
	enum plan_color color;
	bool quiet;
	unsigned verbose;
	uint64_t only;
	uint64_t drain_ns;
	char *user;
	char *stats;
	bool strict;
	enum plan_sandbox sandbox;
	char **writable;
	size_t nwritable;
	bool daemon;
	struct plan_control control;
	struct plan_lines lines;
	struct plan_log log;
	char *config;
	void (*ready)(
	    const struct plan *p, const struct addr *listening, size_t n);
	int (*reread)(const struct plan *now, struct plan *fresh);
	void (*stopping)(const struct plan *p, int number);
	int (*watch)(const struct plan *p, const struct sheet *sh);
	unsigned watch_ms;
	void *self;
};

/** plan_input_name() - "proxy", "tap" or "read". */
const char *plan_input_name(enum plan_input input);

/** plan_init() - All defaults; no input and no sink yet. */
void plan_init(struct plan *p);

/** plan_done() - Release all that is owned; idempotent. */
void plan_done(struct plan *p);

/**
 * plan_add_source() - One more input, with the defaults of its kind
 * @name:	Copied; not taken yet.  NULL: that of the kind, or "tap-2", ...
 *		whichever is free now
 *
 * Return: it, until another is added; NULL without memory
 */
struct plan_source *plan_add_source(
    struct plan *p, enum plan_input input, const char *name) ATTR_WUNRES;

/** plan_find_source() - The input of this name; NULL: there is none. */
const struct plan_source *plan_find_source(
    const struct plan *p, const char *name);

/**
 * plan_check_input() - Is there an input of this name?
 * @err:	Which it may have been, or which there are
 *
 * Return: 0 or -EINVAL
 */
int plan_check_input(
    const struct plan *p, const char *name, struct err *err) ATTR_WUNRES;

/** plan_has_names() - Do records say which input they are from? */
bool plan_has_names(const struct plan *p);

/** plan_add_pair() - Takes both endpoints over; 0 or -ENOMEM. */
int plan_add_pair(struct plan_source *s, struct endpoint *client_take,
    struct endpoint *server_take) ATTR_WUNRES;

/** plan_add_file() - One more file to read; copied; 0 or -ENOMEM. */
int plan_add_file(struct plan_source *s, const char *path) ATTR_WUNRES;

/** plan_add_writable() - One more folder; copied; 0 or -ENOMEM. */
int plan_add_writable(struct plan *p, const char *folder) ATTR_WUNRES;

/** plan_add_sink() - Takes the specification over; 0 or -ENOMEM. */
int plan_add_sink(struct plan *p, struct sink_spec *spec_take) ATTR_WUNRES;

#endif /* CONFIG_PLAN_H */
