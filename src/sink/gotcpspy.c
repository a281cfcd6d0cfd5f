#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/goduration.h"
#include "base/hexdump.h"
#include "base/obuf.h"

#include "core/session.h"

#include "net/writer.h"

#include "sink/formats.h"
#include "sink/gotcpspy.h"
#include "sink/recorder.h"
#include "sink/recorder_ops.h"
#include "sink/template.h"

#define QUEUE_DEFAULT ((size_t)64 * 1024 * 1024)

/* "2012.04.20-12.10.12" and a NUL; and years that are longer. */
#define TIME_MAX 32

/* "log-binary-TIME-N-LOCAL-REMOTE.log.gaps" at its longest. */
#define NAME_MAX_LEN (64 + TIME_MAX + 2 * ADDR_TEXT_MAX)

/**
 * struct spy - The sink, as all workers share it; read-only in flight
 * @rec:	First: recorder_ops.h wants it there
 * @dir:	Folder; owned
 */
struct spy {
	struct recorder rec;
	char *dir;
	mode_t mode;
};

/**
 * struct log - What is kept for a session
 * @dump:	Both directions as hex
 * @bytes:	Each direction's own
 * @gaps:	NULL until something is missing
 * @n:		Reads of that direction so far
 */
struct log {
	struct writer_file *dump;
	struct writer_file *bytes[DIR_NDIRS];
	struct writer_file *gaps;
	uint64_t n[DIR_NDIRS];
};

/* --- words ------------------------------------------------------------- */

/* The proxy's own end on the side of @dir; a tap has none of its own. */
static const struct addr *
end_of(const struct session *s, enum dir dir)
{
	if (session_listen(s)->family == AF_UNSPEC)
		return dir == DIR_CLIENT ? &s->server : &s->client;
	return dir == DIR_CLIENT ? session_listen(s) : session_local(s);
}

/* As gotcpspy prints addresses: every ':' is a '-'. */
static const char *
dashed(const struct addr *a, char text[ADDR_TEXT_MAX])
{
	(void)addr_format(a, text);
	for (char *c = text; *c != '\0'; c++) {
		if (*c == ':')
			*c = '-';
	}
	return text;
}

static const char *
local_time(uint64_t ts_ns, char text[TIME_MAX])
{
	time_t sec = (time_t)(ts_ns / CLOCK_NS_PER_S);
	struct tm tm;

	/* Any 64-bit count of ns is a year that fits. */
	if (localtime_r(&sec, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	if (strftime(text, TIME_MAX, "%Y.%m.%d-%H.%M.%S", &tm) == 0)
		text[0] = '\0';
	return text;
}

/* --- files ------------------------------------------------------------- */

static struct writer_file *
new_file(const struct spy *spy, const char *name)
{
	size_t size = strlen(spy->dir) + strlen(name) + 2;
	char *path = malloc(size);
	struct writer_file *f;

	if (path == NULL)
		return NULL;
	(void)snprintf(path, size, "%s/%s", spy->dir, name);
	f = writer_file_new(&(struct writer_file_opts){
	    .path = path,
	    .fd = -1,
	    .exists = WRITER_EXISTS_SUFFIX,
	    .mode = spy->mode,
	});
	free(path);
	return f;
}

static void
dump_name(const struct session *s, const char *suffix, char name[NAME_MAX_LEN])
{
	char time[TIME_MAX], local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];

	(void)snprintf(name, NAME_MAX_LEN, "log-%s-%04" PRIu64 "-%s-%s.log%s",
	    local_time(s->open_ns, time), s->id,
	    dashed(end_of(s, DIR_SERVER), local), dashed(&s->server, remote),
	    suffix);
	template_clean(name);
}

static struct writer_file *
new_binary(const struct spy *spy, const struct session *s, enum dir dir)
{
	const struct addr *a =
	    dir == DIR_CLIENT ? end_of(s, DIR_SERVER) : &s->server;
	char name[NAME_MAX_LEN], time[TIME_MAX], text[ADDR_TEXT_MAX];

	(void)snprintf(name, sizeof(name), "log-binary-%s-%04" PRIu64 "-%s.log",
	    local_time(s->open_ns, time), s->id, dashed(a, text));
	template_clean(name);
	return new_file(spy, name);
}

/* --- events ------------------------------------------------------------ */

static void
begin_dump(
    struct recorder_lane *l, const struct log *log, const struct session *s)
{
	char target[ADDR_TEXT_MAX], time[TIME_MAX];
	struct obuf *out = writer_begin(l->port);

	obuf_puts(out, "Connected to ");
	obuf_puts(out, session_target(s) != NULL
			   ? session_target(s)
			   : addr_format(&s->server, target));
	obuf_printf(out, " at %s\n", local_time(s->open_ns, time));
	writer_end(l->port, log->dump, 0);
}

/*
 * Was there a connection to the server?  Only a proxy can say no: it knows
 * its end of the client's connection, but has none of the server's.
 */
static bool
was_reached(const struct session *s)
{
	return session_listen(s)->family == AF_UNSPEC ||
	       session_local(s)->family != AF_UNSPEC;
}

static int
gotcpspy_open(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct spy *spy = lane->sink->self;
	char name[NAME_MAX_LEN];
	struct log *log = st;

	if (!was_reached(s))
		return -ECANCELED;
	dump_name(s, "", name);
	log->dump = new_file(spy, name);
	log->bytes[DIR_CLIENT] = new_binary(spy, s, DIR_CLIENT);
	log->bytes[DIR_SERVER] = new_binary(spy, s, DIR_SERVER);
	if (log->dump == NULL || log->bytes[DIR_CLIENT] == NULL ||
	    log->bytes[DIR_SERVER] == NULL) {
		writer_file_free(log->dump);
		writer_file_free(log->bytes[DIR_CLIENT]);
		writer_file_free(log->bytes[DIR_SERVER]);
		return -ENOMEM;
	}
	begin_dump(lane->self, log, s);
	return 0;
}

static void
gotcpspy_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct recorder_lane *l = lane->self;
	struct log *log = st;
	uint64_t n = log->n[c->dir]++;
	char end[ADDR_TEXT_MAX];
	struct obuf *out;

	writer_put(l->port, log->bytes[c->dir], c->data, c->len, 0);
	out = writer_begin(l->port);
	obuf_printf(out,
	    "Received (#%" PRIu64 ", %08" PRIX64 ") %zu bytes from %s\n", n,
	    c->off, c->len, dashed(end_of(s, c->dir), end));
	hexdump_put(out, 0, c->data, c->len);
	obuf_printf(out, "Sent (#%" PRIu64 ") to %s\n", n,
	    dashed(end_of(s, dir_other(c->dir)), end));
	writer_end(l->port, log->dump, c->len);
}

static void
gotcpspy_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	static const struct format_opts look;
	struct recorder_lane *l = lane->self;
	char name[NAME_MAX_LEN];
	struct log *log = st;

	if (log->gaps == NULL) {
		dump_name(s, ".gaps", name);
		log->gaps = new_file(lane->sink->self, name);
	}
	if (log->gaps == NULL)
		return; /* no memory; the sheet has counted the bytes */
	format_jsonl.gap(&look, NULL, s, g, writer_begin(l->port));
	writer_end(l->port, log->gaps, 0);
}

static void
gotcpspy_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	struct recorder_lane *l = lane->self;
	struct log *log = st;
	char end[ADDR_TEXT_MAX];
	struct obuf *out = writer_begin(l->port);

	obuf_printf(
	    out, "Disconnected from %s\n", dashed(end_of(s, e->dir), end));
	writer_end(l->port, log->dump, 0);
}

static void
gotcpspy_abort(struct sink_lane *lane, void *st, const struct session *s)
{
	struct recorder_lane *l = lane->self;
	struct log *log = st;

	(void)s;
	writer_close(l->port, log->bytes[DIR_CLIENT]);
	writer_close(l->port, log->bytes[DIR_SERVER]);
	if (log->gaps != NULL)
		writer_close(l->port, log->gaps);
	writer_close(l->port, log->dump);
}

static void
gotcpspy_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct recorder_lane *l = lane->self;
	struct log *log = st;
	char time[TIME_MAX], took[GODURATION_MAX];
	struct obuf *out = writer_begin(l->port);

	obuf_printf(out, "Finished at %s, duration %s\n",
	    local_time(s->last_ns, time),
	    goduration_format(s->last_ns - s->open_ns, took));
	writer_end(l->port, log->dump, 0);
	gotcpspy_abort(lane, st, s);
}

/* --- life -------------------------------------------------------------- */

static void
gotcpspy_free(struct sink *sink)
{
	struct spy *spy = sink == NULL ? NULL : sink->self;

	if (spy == NULL)
		return;
	recorder_done(&spy->rec);
	free(spy->dir);
	free(spy);
	sink->self = NULL;
}

static const struct sink_ops gotcpspy_ops = {
	.kind = "gotcpspy",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct log),
	.lane_new = recorder_ops_lane_new,
	.lane_free = recorder_ops_lane_free,
	.drain = recorder_ops_drain,
	.reopen = recorder_ops_reopen,
	.free = gotcpspy_free,
	.open = gotcpspy_open,
	.data = gotcpspy_data,
	.gap = gotcpspy_gap,
	.end = gotcpspy_end,
	.close = gotcpspy_close,
	.abort = gotcpspy_abort,
	.turn = recorder_ops_turn,
	.full = recorder_ops_full,
};

static int
gotcpspy_check(
    const struct sink_spec *spec, const struct sink_env *env, struct err *err)
{
	(void)env;
	if (spec->arg[0] == '\0')
		return err_set(err, -EINVAL,
		    "%s: which DIR? . is the current one", spec->kind);
	return 0;
}

static int
gotcpspy_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	int rc = gotcpspy_check(spec, env, err);
	struct spy *spy;

	if (rc != 0)
		return rc;
	spy = calloc(1, sizeof(*spy));
	if (spy == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	sink->self = spy;
	spy->mode = spec->mode != 0 ? (mode_t)spec->mode : 0600;
	spy->dir = strdup(spec->arg);
	rc = spy->dir == NULL ? err_set(err, -ENOMEM, "no memory for a sink")
			      : recorder_init(&spy->rec, sink, env, err);
	if (rc != 0) {
		gotcpspy_free(sink);
		return rc;
	}
	sink->ops = &gotcpspy_ops;
	return 0;
}

const struct sink_kind gotcpspy_kind = {
	.name = "gotcpspy",
	.arg = "DIR",
	.help = "the three logs of gotcpspy for each session",
	.queue = QUEUE_DEFAULT,
	.make = gotcpspy_make,
	.check = gotcpspy_check,
};
