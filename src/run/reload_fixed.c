#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/log.h"
#include "config/plan.h"
#include "run/reload_fixed.h"

/** struct field - A key whose value is a number or a truth. */
struct field {
	const char *key;
	size_t at;
	size_t size;
};

/** struct text - A key whose value is a text, or none. */
struct text {
	const char *key;
	size_t at;
};

#define FIELD(type, key, member)                                               \
	{                                                                      \
		key, offsetof(struct type, member),                            \
		    sizeof(((struct type *)NULL)->member)                      \
	}
#define TEXT(type, key, member)                                                \
	{                                                                      \
		key, offsetof(struct type, member)                             \
	}

static const struct field source_fields[] = {
	FIELD(plan_source, "type", input),
	FIELD(plan_source, "workers", workers),
	FIELD(plan_source, "connect-timeout", proxy.connect_timeout_ns),
	FIELD(plan_source, "reuse-port", proxy.reuse_port),
	FIELD(plan_source, "backlog", proxy.backlog),
	FIELD(plan_source, "copy", proxy.copy),
	FIELD(plan_source, "snapshot-length", capture.snaplen),
	FIELD(plan_source, "buffer-size", capture.buffer),
	FIELD(plan_source, "no-promiscuous-mode", capture.promiscuous),
	FIELD(plan_source, "max-packets", capture.max_packets),
	FIELD(plan_source, "hold", capture.hold),
	FIELD(plan_source, "hold-total", capture.hold_total),
	FIELD(plan_source, "hold-time", capture.hold_ns),
	FIELD(plan_source, "overlap", capture.overlap),
	FIELD(plan_source, "decap", capture.decap),
};

static const struct text source_texts[] = {
	TEXT(plan_source, "interface", capture.iface),
	TEXT(plan_source, "filter", capture.filter),
};

/* Where there is nothing to be limited while it goes on: files. */
static const struct field read_fields[] = {
	FIELD(plan_source, "max-sessions", max_sessions),
	FIELD(plan_source, "max-concurrent", max_concurrent),
	FIELD(plan_source, "max-bytes", max_bytes),
	FIELD(plan_source, "idle-timeout", idle_timeout_ns),
};

static const struct field plan_fields[] = {
	FIELD(plan, "control: token", control.no_token),
	FIELD(plan, "control: history", control.history),
	FIELD(plan, "control: history-total", control.history_total),
	FIELD(plan, "runtime: overwrite", overwrite),
	FIELD(plan, "runtime: names", names),
	FIELD(plan, "runtime: color", color),
	FIELD(plan, "runtime: only", only),
	FIELD(plan, "runtime: drain-time", drain_ns),
	FIELD(plan, "runtime: strict", strict),
	FIELD(plan, "runtime: sandbox", sandbox),
	FIELD(plan, "control: listen_port", lines.port),
	FIELD(plan, "control: default_cats", lines.cats),
	FIELD(plan, "io.mapping: role", lines.is_server),
	FIELD(plan, "listner: ack_stall_sec", lines.stall_ns),
	FIELD(plan, "logging: report_interval", lines.stats_ns),
};

static const struct text plan_texts[] = {
	TEXT(plan, "control: listen", control.listen),
	TEXT(plan, "control: token-file", control.token_file),
	TEXT(plan, "runtime: user", user),
	TEXT(plan, "runtime: stats", stats),
	TEXT(plan, "control: bind_ip", lines.host),
	TEXT(plan, "control: token", lines.token),
};

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* @input: whose keys they are; "" for none */
static void
warn(const char *input, const char *key)
{
	log_warn("%s%s%s cannot change while it runs: it does when it is "
		 "started anew",
	    input, input[0] != '\0' ? ": " : "", key);
}

static void
warn_fields(const char *input, const struct field *fields, size_t n,
    const void *now, const void *fresh)
{
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &fields[i];

		if (memcmp((const char *)now + f->at,
			(const char *)fresh + f->at, f->size) != 0)
			warn(input, f->key);
	}
}

static void
warn_texts(const char *input, const struct text *texts, size_t n,
    const void *now, const void *fresh)
{
	for (size_t i = 0; i < n; i++) {
		const void *a = (const char *)now + texts[i].at;
		const void *b = (const char *)fresh + texts[i].at;

		if (!is_same_text(*(char *const *)a, *(char *const *)b))
			warn(input, texts[i].key);
	}
}

static bool
is_same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return a->how == b->how && a->family == b->family &&
	       a->port == b->port && is_same_text(a->host, b->host);
}

static void
warn_pairs(const struct plan_source *now, const struct plan_source *fresh)
{
	const struct plan_proxy *a = &now->proxy;
	const struct plan_proxy *b = &fresh->proxy;
	bool same = a->npairs == b->npairs;

	for (size_t i = 0; same && i < a->npairs; i++)
		same =
		    is_same_endpoint(
			&a->pairs[i].client, &b->pairs[i].client) &&
		    is_same_endpoint(&a->pairs[i].server, &b->pairs[i].server);
	if (!same)
		warn(now->name, "listen, target or pairs");
	if (!addr_equal(&a->source, &b->source))
		warn(now->name, "source");
}

static bool
are_same_texts(char *const *a, size_t na, char *const *b, size_t nb)
{
	bool same = na == nb;

	for (size_t i = 0; same && i < na; i++)
		same = strcmp(a[i], b[i]) == 0;
	return same;
}

static void
warn_files(const struct plan_source *now, const struct plan_source *fresh)
{
	const struct plan_capture *a = &now->capture;
	const struct plan_capture *b = &fresh->capture;

	if (!are_same_texts(a->files, a->nfiles, b->files, b->nfiles))
		warn(now->name, "files");
}

static void
warn_source(const struct plan_source *now, const struct plan_source *fresh)
{
	if (now->input != fresh->input) {
		warn(now->name, "type");
		return;
	}
	warn_fields(
	    now->name, source_fields, ATTR_COUNT(source_fields), now, fresh);
	warn_texts(
	    now->name, source_texts, ATTR_COUNT(source_texts), now, fresh);
	if (now->input == PLAN_READ)
		warn_fields(now->name, read_fields, ATTR_COUNT(read_fields),
		    now, fresh);
	warn_pairs(now, fresh);
	warn_files(now, fresh);
}

void
reload_fixed_warn(const struct plan *now, const struct plan *fresh)
{
	for (size_t i = 0; i < now->nsources; i++) {
		const struct plan_source *s = &now->sources[i];
		const struct plan_source *f = plan_find_source(fresh, s->name);

		if (f != NULL)
			warn_source(s, f);
		else
			log_warn(
			    "input %s goes on until the next start", s->name);
	}
	for (size_t i = 0; i < fresh->nsources; i++)
		if (plan_find_source(now, fresh->sources[i].name) == NULL)
			log_warn("input %s begins with the next start",
			    fresh->sources[i].name);
	warn_fields("", plan_fields, ATTR_COUNT(plan_fields), now, fresh);
	warn_texts("", plan_texts, ATTR_COUNT(plan_texts), now, fresh);
	if (!are_same_texts(now->writable, now->nwritable, fresh->writable,
		fresh->nwritable))
		warn("", "runtime: writable");
}
