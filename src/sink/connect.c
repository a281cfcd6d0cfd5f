#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "core/session.h"
#include "core/sink.h"
#include "net/worker.h"

#include "sink/connect.h"
#include "sink/feed.h"
#include "sink/keys.h"
#include "sink/outcall.h"
#include "sink/outq.h"
#include "sink/outq_lane.h"
#include "sink/streams.h"

#define QUEUE_DEFAULT ((size_t)1 << 20)
#define DAY_NS        (86400 * CLOCK_NS_PER_S)

/**
 * struct connector - The sink
 * @to:		By stream
 * @call:	Likewise
 * @streams:	Which direction is which
 * @linger_ns:	How long what waits may still be called for, or sent
 * @share:	Descriptors of consumers whose sessions are over
 */
struct connector {
	struct endpoint to[NEWS_NSTREAMS];
	struct outcall_opts call[NEWS_NSTREAMS];
	struct feed_opts feed;
	struct streams streams;
	uint64_t linger_ns;
	struct outq_lane_share share;
};

/** struct lane - A worker's part. */
struct lane {
	struct outcall_target target[NEWS_NSTREAMS];
	struct outq_lane outq;
};

/** struct state - What is kept for a session; @tally: NULL: not counted */
struct state {
	struct feed feed[DIR_NDIRS];
	struct news_tally *tally;
};

static int
connect_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct connector *c = lane->sink->self;
	struct lane *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (l == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	outq_lane_init(&l->outq, w, &lane->count, c->linger_ns);
	l->outq.own = c->call[0].own;
	l->outq.share = &c->share;
	atomic_fetch_add(&c->share.lanes, 1);
	l->outq.patient = lane->sink->on_full == ON_FULL_PAUSE;
	for (int i = 0; i < NEWS_NSTREAMS && rc == 0; i++) {
		rc = outcall_target_init(&l->target[i], &c->call[i], w, err);
		l->outq.targets[l->outq.ntargets++] = &l->target[i];
	}
	if (rc != 0) {
		free(l);
		return rc;
	}
	lane->self = l;
	return 0;
}

static void
connect_lane_free(struct sink_lane *lane)
{
	free(lane->self);
}

static uint64_t
connect_turn(struct sink_lane *lane, uint64_t mono_ns)
{
	struct lane *l = lane->self;

	return outq_lane_turn(&l->outq, mono_ns);
}

static void
connect_finish(struct sink_lane *lane, uint64_t deadline_ns)
{
	struct lane *l = lane->self;

	outq_lane_finish(&l->outq, deadline_ns);
}

static bool
connect_finished(const struct sink_lane *lane)
{
	const struct lane *l = lane->self;

	return outq_lane_finished(&l->outq);
}

static bool
connect_full(const struct sink_lane *lane)
{
	const struct lane *l = lane->self;

	return outq_lane_full(&l->outq);
}

static bool
connect_full_session(const struct sink_lane *lane, const void *st, enum dir dir)
{
	const struct state *state = st;
	const struct feed *f = &state->feed[dir];

	(void)lane;
	return f->q != NULL && outq_full(f->q);
}

static void
let_go(struct state *st)
{
	for (int d = 0; d < DIR_NDIRS; d++)
		if (st->feed[d].o != NULL)
			feed_cut(&st->feed[d]);
	news_tally_unref(st->tally);
	st->tally = NULL;
}

static void
tell_open(
    const struct connector *c, const struct state *st, const struct session *s)
{
	const struct news n = {
		.type = NEWS_OPENED,
		.kind = connect_kind.name,
		.session = s->id,
		.tally = st->tally,
	};

	if (c->feed.tell != NULL)
		c->feed.tell(c->feed.tell_self, &n);
}

static int
connect_open(struct sink_lane *lane, void *state, const struct session *s)
{
	const struct connector *c = lane->sink->self;
	struct lane *l = lane->self;
	struct state *st = state;

	if (c->feed.tallies)
		st->tally = news_tally_new();
	for (int i = 0; i < NEWS_NSTREAMS; i++) {
		struct feed_what what = {
			.s = s,
			.dir = streams_dir(&c->streams, s, (enum news_stream)i),
			.stream = (enum news_stream)i,
			.tally = st->tally,
		};
		struct feed *f = &st->feed[what.dir];

		if (feed_open(f, &l->outq, &c->feed, &what) != 0) {
			let_go(st);
			return -ENOMEM;
		}
		outq_call(f->q, &l->target[i]);
	}
	tell_open(c, st, s);
	return 0;
}

static void
connect_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct state *state = st;

	(void)lane;
	(void)s;
	feed_put(&state->feed[c->dir], c);
}

static void
connect_missed(struct sink_lane *lane, void *st, enum dir dir, size_t len)
{
	struct state *state = st;

	(void)lane;
	feed_missed(&state->feed[dir], len);
}

static void
connect_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	struct state *state = st;

	(void)lane;
	(void)s;
	feed_end(&state->feed[e->dir], e->how);
}

static void
connect_close(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)s;
	/* A refused session has nothing to say, and no ends. */
	let_go(st);
}

static void
connect_free(struct sink *sink)
{
	struct connector *c = sink == NULL ? NULL : sink->self;

	if (c == NULL)
		return;
	for (int i = 0; i < NEWS_NSTREAMS; i++)
		endpoint_done(&c->to[i]);
	free(c);
	sink->self = NULL;
}

static const struct sink_ops connect_ops = {
	.kind = "connect",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct state),
	.lane_new = connect_lane_new,
	.lane_free = connect_lane_free,
	.free = connect_free,
	.open = connect_open,
	.data = connect_data,
	.missed = connect_missed,
	.end = connect_end,
	.close = connect_close,
	.abort = connect_close,
	.turn = connect_turn,
	.full = connect_full,
	.full_session = connect_full_session,
	.finish = connect_finish,
	.finished = connect_finished,
};

/* --- making ------------------------------------------------------------ */

/* HOST:REQUESTS/RESPONSES becomes two endpoints of one host. */
static int
read_target(struct connector *c, const struct sink_spec *spec, struct err *err)
{
	const char *slash = strrchr(spec->arg, '/');
	struct endpoint *first = &c->to[NEWS_REQUESTS];
	struct endpoint *second = &c->to[NEWS_RESPONSES];
	char *text;
	int rc;

	if (slash == NULL)
		return err_set(err, -EINVAL,
		    "%.128s: HOST:REQUESTS_PORT/RESPONSES_PORT is wanted, as "
		    "in 192.0.2.7:5001/5002",
		    spec->arg);
	text = strndup(spec->arg, (size_t)(slash - spec->arg));
	if (text == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	rc = keys_place(first, ENDPOINT_DIAL, text, err);
	free(text);
	if (rc == 0 && (first->family == ENDPOINT_UNIX || first->port == 0))
		rc = err_set(err, -EINVAL,
		    "%.128s: a host and two ports are wanted", spec->arg);
	if (rc == 0 && endpoint_copy(second, first) != 0)
		rc = err_set(err, -ENOMEM, "no memory for a sink");
	if (rc == 0 && (endpoint_parse_port(slash + 1, &second->port) != 0 ||
			   second->port == 0))
		rc = err_set(err, -EINVAL,
		    "%.128s: \"%.32s\" is no port: 1 to 65535", spec->arg,
		    slash + 1);
	return rc;
}

static int
read_keys(struct connector *c, const struct sink_spec *spec, struct err *err)
{
	static const struct keys_number a_time = { QUANTITY_TIME,
		{ CLOCK_NS_PER_MS, DAY_NS } };
	struct outcall_opts *call = &c->call[NEWS_REQUESTS];
	int rc;

	rc = feed_read_keys(&c->feed, spec, err);
	if (rc == 0)
		rc = streams_read_keys(&c->streams, spec, err);
	if (rc == 0)
		rc = keys_number(
		    spec, "connect-timeout", &a_time, &call->timeout_ns, err);
	if (rc == 0)
		rc = keys_number(spec, "retry", &a_time, &call->retry_ns, err);
	if (rc == 0)
		rc = keys_number(spec, "linger", &a_time, &c->linger_ns, err);
	c->feed.retry_ns = call->retry_ns;
	return rc;
}

static int
connect_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	struct connector *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	sink->self = c;
	c->call[NEWS_REQUESTS] = (struct outcall_opts){
		.timeout_ns = 5 * CLOCK_NS_PER_S,
		.retry_ns = CLOCK_NS_PER_S,
		.own = strcmp(env->source, "tap") == 0,
		.name = sink->name,
		.tell = env->remark,
		.tell_self = env->self,
	};
	c->linger_ns = 10 * CLOCK_NS_PER_S;
	c->share.most = env->max_linger;
	c->feed.limit = sink->queue;
	c->feed.keep_all = sink->on_full == ON_FULL_PAUSE;
	c->feed.redial = true;
	c->feed.kind = connect_kind.name;
	c->feed.tell = env->tell;
	c->feed.tallies = env->tallies;
	c->feed.tell_self = env->self;
	rc = read_target(c, spec, err);
	if (rc == 0)
		rc = read_keys(c, spec, err);
	if (rc != 0) {
		connect_free(sink);
		return rc;
	}
	for (int i = NEWS_NSTREAMS - 1; i >= 0; i--) {
		c->call[i] = c->call[NEWS_REQUESTS];
		c->call[i].endpoint = &c->to[i];
	}
	sink->session_fds = NEWS_NSTREAMS;
	sink->ops = &connect_ops;
	return 0;
}

static const struct sink_key keys[] = {
	FEED_KEYS,
	STREAMS_KEYS,
	{ "connect-timeout", "SEC", "for each address (default: 5)" },
	{ "retry", "SEC", "from a failed call to the next (default: 1)" },
	{ "linger", "SEC", "for what waits when a session ends (default: 10)" },
	{ NULL, NULL, NULL },
};

const struct sink_kind connect_kind = {
	.name = "connect",
	.arg = "HOST:REQUESTS/RESPONSES",
	.help = "requests and responses of each session to two ports",
	.keys = keys,
	.queue = QUEUE_DEFAULT,
	.make = connect_make,
	.live = true,
};
