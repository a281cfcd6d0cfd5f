#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/obuf.h"

#include "core/session.h"

#include "net/writer.h"

#include "sink/formats.h"
#include "sink/netrecord.h"
#include "sink/recorder.h"
#include "sink/recorder_ops.h"

#include "wire/netrecord.h"

#define QUEUE_DEFAULT ((size_t)64 * 1024 * 1024)

#define GAPS_SUFFIX ".gaps"

/* "_", the digits of a number, the suffix and a NUL. */
#define PATH_EXTRA (1 + 20 + sizeof(GAPS_SUFFIX))

/**
 * struct shared - The sink, as all workers share it; read-only in flight
 *		but for @heard_ns
 * @rec:	First: recorder_ops.h wants it there
 * @root:	What file names begin with; owned
 * @exists:	What to do about files that are there
 * @mode:	Of new files
 * @start_ns:	Event time that the times in the logs count from,
 * @heard_ns:	... of captures, which may be years older than this run: that of
 *		the first session, 0 until there is one
 */
struct shared {
	struct recorder rec;
	char *root;
	enum writer_exists exists;
	mode_t mode;
	uint64_t start_ns;
	_Atomic uint64_t heard_ns;
};

/**
 * struct state - What is kept for a session
 * @log:	Its log
 * @gaps:	Its side file; NULL until something is missing
 * @start_ns:	Event time that the times in it count from
 * @failed:	"err" was written for this side
 */
struct state {
	struct writer_file *log;
	struct writer_file *gaps;
	uint64_t start_ns;
	bool failed[DIR_NDIRS];
};

static struct writer_file *
new_file(const struct shared *sh, const struct session *s, const char *suffix)
{
	size_t size = strlen(sh->root) + PATH_EXTRA;
	char *path = malloc(size);
	struct writer_file *f;

	if (path == NULL)
		return NULL;
	(void)snprintf(path, size, "%s_%" PRIu64 "%s", sh->root, s->id, suffix);
	f = writer_file_new(&(struct writer_file_opts){
	    .path = path,
	    .fd = -1,
	    .exists = sh->exists,
	    .mode = sh->mode,
	});
	free(path);
	return f;
}

/* A record with the bytes that follow its head; all of it or nothing. */
static void
put_record(struct sink_lane *lane, const struct state *st, uint64_t ts_ns,
    struct netrecord *r, const uint8_t *data)
{
	struct recorder_lane *l = lane->self;
	struct obuf *o = writer_begin(l->port);
	uint8_t *p = obuf_room(o, NETRECORD_HEAD_MAX + r->len);

	r->time_us =
	    ts_ns < st->start_ns ? 0 : (ts_ns - st->start_ns) / CLOCK_NS_PER_US;
	if (p != NULL) {
		o->len += netrecord_encode((char *)p, r);
		obuf_put(o, data, r->len);
	}
	writer_end(l->port, st->log, r->len);
}

static uint64_t
time_zero(struct shared *sh, const struct session *s)
{
	uint64_t first_ns = 0;

	if (!session_is_overheard(s))
		return sh->start_ns;
	/* Another worker may have set it: then that stands. */
	if (atomic_compare_exchange_strong(
		&sh->heard_ns, &first_ns, s->open_ns))
		first_ns = s->open_ns;
	return first_ns;
}

static int
netrecord_open(struct sink_lane *lane, void *state, const struct session *s)
{
	struct netrecord r = { .side = NETRECORD_CLIENT,
		.what = NETRECORD_CON };
	struct shared *sh = lane->sink->self;
	struct state *st = state;

	st->start_ns = time_zero(sh, s);
	st->log = new_file(sh, s, "");
	if (st->log == NULL)
		return -ENOMEM;
	put_record(lane, st, s->open_ns, &r, NULL);
	return 0;
}

static enum netrecord_side
side_of(enum dir d)
{
	return d == DIR_CLIENT ? NETRECORD_CLIENT : NETRECORD_SERVER;
}

static void
netrecord_data(struct sink_lane *lane, void *state, const struct session *s,
    const struct chunk *c)
{
	struct netrecord r = {
		.side = side_of(c->dir),
		.what = NETRECORD_DATA,
		.len = c->len,
	};

	(void)s;
	put_record(lane, state, c->ts_ns, &r, c->data);
}

static void
netrecord_gap(struct sink_lane *lane, void *state, const struct session *s,
    const struct gap *g)
{
	static const struct format_opts opts = { 0 };
	struct recorder_lane *l = lane->self;
	struct state *st = state;

	if (st->gaps == NULL)
		st->gaps = new_file(lane->sink->self, s, GAPS_SUFFIX);
	if (st->gaps == NULL)
		return; /* no memory; the sheet has counted the bytes */
	format_jsonl.gap(&opts, NULL, s, g, writer_begin(l->port));
	writer_end(l->port, st->gaps, 0);
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

static void
netrecord_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	enum dir who = e->by == PARTY_CLIENT ? DIR_CLIENT : DIR_SERVER;
	struct netrecord r = { .side = side_of(who) };
	struct state *st = state;

	if (e->by == PARTY_US || (who == DIR_SERVER && !was_reached(s)))
		return;
	r.what = e->how == HOW_FIN ? NETRECORD_HUP : NETRECORD_ERR;
	if (r.what == NETRECORD_ERR) {
		/* A reset ends both directions, and is one failure. */
		if (st->failed[who])
			return;
		st->failed[who] = true;
	}
	put_record(lane, st, e->ts_ns, &r, NULL);
}

static void
netrecord_close(struct sink_lane *lane, void *state, const struct session *s)
{
	struct recorder_lane *l = lane->self;
	struct state *st = state;

	(void)s;
	writer_close(l->port, st->log);
	if (st->gaps != NULL)
		writer_close(l->port, st->gaps);
}

static void
netrecord_free(struct sink *sink)
{
	struct shared *sh = sink == NULL ? NULL : sink->self;

	if (sh == NULL)
		return;
	recorder_done(&sh->rec);
	free(sh->root);
	free(sh);
	sink->self = NULL;
}

static const struct sink_ops netrecord_ops = {
	.kind = "netrecord",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct state),
	.lane_new = recorder_ops_lane_new,
	.lane_free = recorder_ops_lane_free,
	.drain = recorder_ops_drain,
	.reopen = recorder_ops_reopen,
	.free = netrecord_free,
	.open = netrecord_open,
	.data = netrecord_data,
	.gap = netrecord_gap,
	.end = netrecord_end,
	.close = netrecord_close,
	.abort = netrecord_close,
	.turn = recorder_ops_turn,
	.full = recorder_ops_full,
};

static int
netrecord_check(
    const struct sink_spec *spec, const struct sink_env *env, struct err *err)
{
	(void)env;
	if (spec->arg[0] == '\0')
		return err_set(err, -EINVAL,
		    "%s: what shall the names of the logs begin with?",
		    spec->kind);
	return 0;
}

static int
netrecord_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	bool overwrite = spec->overwrite || env->overwrite;
	int rc = netrecord_check(spec, env, err);
	struct shared *sh;

	if (rc != 0)
		return rc;
	sh = calloc(1, sizeof(*sh));
	if (sh == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	sink->ops = &netrecord_ops;
	sink->self = sh;
	sh->exists = overwrite ? WRITER_EXISTS_OVERWRITE : WRITER_EXISTS_SUFFIX;
	sh->mode = spec->mode != 0 ? (mode_t)spec->mode : 0600;
	sh->start_ns = env->start_ns;
	sh->root = strdup(spec->arg);
	rc = sh->root == NULL ? err_set(err, -ENOMEM, "no memory for a sink")
			      : recorder_init(&sh->rec, sink, env, err);
	if (rc != 0)
		netrecord_free(sink);
	return rc;
}

const struct sink_kind netrecord_kind = {
	.name = "netrecord",
	.arg = "ROOT",
	.help = "the logs of netrecord: ROOT_1, ROOT_2, ...",
	.queue = QUEUE_DEFAULT,
	.make = netrecord_make,
	.check = netrecord_check,
};
