#ifndef CONFIG_STETHOSCOPE_H
#define CONFIG_STETHOSCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "config/findings.h"
#include "config/schema.h"

/*
 * stethoscope.h - a configuration as stethoscope's users write it.
 *
 *	{
 *		io: {
 *			input: {capture: {iface: "eth0", local_ip: "192.0.2.1",
 *			    remote_ip: "192.0.2.7", remote_port: 5000}},
 *			mapping: {role: "client"},
 *			output: {"remote-host": {...}, listner: {...},
 *			    pcap: {...}},
 *		},
 *		control: {...}, logging: {...}, runtime: {...},
 *	}
 *
 * The keys, with their defaults and ranges, are those of the original; see
 * stethoscope.conf(5).  What it took silently and should not have (a number in
 * quotes, a key twice, a value out of range) is taken with a warning, or
 * refused.
 */

struct jsonish;
struct obuf;
struct plan;

/** struct stethoscope_list - Texts as written; @n of them, owned. */
struct stethoscope_list {
	char **v;
	size_t n;
};

/**
 * struct stethoscope_capture - io.input.capture
 * @filter:	A template; NULL: the default
 * @filter_pos:	Where it stands
 * @buffer:	Startup buffers, bytes; @c2s and @s2c where @has_c2s, @has_s2c
 * @keep:	0: their head, 1: their tail
 * @ring:	Bytes of the kernel's buffer; 0: the default
 */
struct stethoscope_capture {
	char *iface;
	struct stethoscope_list local;
	struct stethoscope_list remote;
	uint64_t remote_port;
	uint64_t local_port;
	char *filter;
	struct jsonish_pos filter_pos;
	uint64_t idle_ns;
	uint64_t buffer;
	uint64_t c2s;
	uint64_t s2c;
	bool has_c2s;
	bool has_s2c;
	uint64_t keep;
	uint64_t ring;
};

/** struct stethoscope_connector - io.output.remote-host; @header: a line first
 */
struct stethoscope_connector {
	bool enabled;
	char *host;
	uint64_t requests_port;
	uint64_t responses_port;
	uint64_t connect_ns;
	uint64_t retry_ns;
	bool header;
};

/** struct stethoscope_listener - io.output.listner, or listener */
struct stethoscope_listener {
	bool enabled;
	char *bind_ip;
	uint64_t first;
	uint64_t last;
	uint64_t first_requests;
	uint64_t first_responses;
	uint64_t stall_ns;
	bool header;
};

/**
 * struct stethoscope_pcap - io.output.pcap; @queue counts packets
 *
 * @rotate_bytes, @rotate_ns, @rotate_keep: 0: not
 */
struct stethoscope_pcap {
	bool enabled;
	char *dir;
	uint64_t format;
	bool per_session;
	uint64_t queue;
	uint64_t rotate_bytes;
	uint64_t rotate_ns;
	uint64_t rotate_keep;
};

/** struct stethoscope_control - control; @cats: bits of enum news_cat */
struct stethoscope_control {
	char *bind_ip;
	uint64_t port;
	unsigned cats;
	bool has_cats;
	char *token;
};

/** struct stethoscope_logging - logging; levels are enum log_level */
struct stethoscope_logging {
	uint64_t console;
	bool to_file;
	char *path;
	uint64_t file;
	uint64_t report_ns;
	bool has_report;
};

/**
 * struct stethoscope_runtime - runtime; @queue counts packets, 0: default
 *
 * @user:	To become; NULL: stay who we are
 */
struct stethoscope_runtime {
	uint64_t workers;
	uint64_t queue;
	uint64_t output_buffer;
	uint64_t drain_ns;
	uint64_t stats_ns;
	uint64_t grace_ns;
	uint64_t linger_ns;
	char *user;
};

/** struct stethoscope - All that such a file says; the texts are owned. */
struct stethoscope {
	struct stethoscope_capture capture;
	uint64_t role;
	struct stethoscope_connector connector;
	struct stethoscope_listener listener;
	struct stethoscope_pcap pcap;
	struct stethoscope_control control;
	struct stethoscope_logging logging;
	struct stethoscope_runtime runtime;
};

/** enum stethoscope_role - io.mapping.role: what the local end is. */
enum stethoscope_role {
	STETHOSCOPE_CLIENT,
	STETHOSCOPE_SERVER,
};

/** stethoscope_is() - Is it written in this dialect?  By its key "io". */
bool stethoscope_is(const struct jsonish *root);

/** stethoscope_table() - Its keys. */
const struct schema_table *stethoscope_table(void);

/** stethoscope_init() - All defaults; 0 or -ENOMEM. */
int stethoscope_init(struct stethoscope *s) ATTR_WUNRES;

/** stethoscope_done() - Idempotent. */
void stethoscope_done(struct stethoscope *s);

/**
 * stethoscope_values() - Read a file
 * @s:		After stethoscope_init()
 * @f:		Gets all that is wrong, also what no key alone can know: outputs
 *		that lack what they need, ports in the wrong order
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int stethoscope_values(struct stethoscope *s, const struct jsonish *root,
    struct findings *f) ATTR_WUNRES;

/**
 * stethoscope_filter() - What is to be captured, in pcap-filter(7)
 * @err:	A variable of the template that there is not
 *
 * Several addresses become a group: (src host A or src net B).
 *
 * Return: 0; -EINVAL with @err; without memory @out has failed
 */
int stethoscope_filter(
    const struct stethoscope *s, struct obuf *out, struct err *err) ATTR_WUNRES;

/**
 * stethoscope_plan() - What it comes to
 * @p:		Fresh from plan_init(); plan_done() is right in any case
 *
 * Return: 0 or -ENOMEM
 */
int stethoscope_plan(const struct stethoscope *s, struct plan *p) ATTR_WUNRES;

/**
 * stethoscope_read() - From the tree to the plan
 *
 * As struct conf_dialect wants it.  Return: 0, -EINVAL or -ENOMEM
 */
int stethoscope_read(
    struct plan *p, const struct jsonish *root, struct findings *f) ATTR_WUNRES;

#endif /* CONFIG_STETHOSCOPE_H */
