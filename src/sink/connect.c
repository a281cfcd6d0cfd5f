#include <errno.h>
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

#define QUEUE_DEFAULT ((size_t)1 << 20)
#define DAY_NS        (86400 * CLOCK_NS_PER_S)

/** enum stream - What a consumer hears. */
enum stream {
	STREAM_REQUESTS,
	STREAM_RESPONSES,
};
#define STREAM_NSTREAMS (STREAM_RESPONSES + 1)

/**
 * struct connector - The sink
 * @to:		By stream
 * @call:	Likewise
 * @swapped:	role=server: requests are what the server sends
 * @linger_ns:	How long what waits may still be called for, or sent
 */
struct connector {
	struct endpoint to[STREAM_NSTREAMS];
	struct outcall_opts call[STREAM_NSTREAMS];
	struct feed_opts feed;
	bool swapped;
	uint64_t linger_ns;
};

/** struct lane - A worker's part. */
struct lane {
	struct outcall_target target[STREAM_NSTREAMS];
	struct outq_lane outq;
};

static enum stream
stream_of(const struct connector *c, enum dir d)
{
	bool requests = (d == DIR_CLIENT) != c->swapped;

	return requests ? STREAM_REQUESTS : STREAM_RESPONSES;
}

static int
connect_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	const struct connector *c = lane->sink->self;
	struct lane *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (l == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	outq_lane_init(&l->outq, w, &lane->count, c->linger_ns);
	l->outq.own = c->call[0].own;
	l->outq.patient = lane->sink->on_full == ON_FULL_PAUSE;
	for (int i = 0; i < STREAM_NSTREAMS && rc == 0; i++) {
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
	const struct feed *f = st;

	(void)lane;
	return f[dir].q != NULL && outq_full(f[dir].q);
}

static int
connect_open(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct connector *c = lane->sink->self;
	struct lane *l = lane->self;
	struct feed *f = st;

	for (int d = 0; d < DIR_NDIRS; d++) {
		enum dir dir = (enum dir)d;

		if (feed_open(&f[d], &l->outq, &c->feed, s, dir) != 0) {
			if (d > 0)
				feed_cut(&f[0]);
			return -ENOMEM;
		}
		outq_call(f[d].q, &l->target[stream_of(c, dir)]);
	}
	return 0;
}

static void
connect_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct feed *f = st;

	(void)lane;
	(void)s;
	feed_put(&f[c->dir], c);
}

static void
connect_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	struct feed *f = st;

	(void)lane;
	(void)s;
	feed_end(&f[e->dir], e->how);
}

static void
connect_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct feed *f = st;

	(void)lane;
	(void)s;
	/* A refused session has nothing to say, and no ends. */
	for (int d = 0; d < DIR_NDIRS; d++)
		feed_cut(&f[d]);
}

static void
connect_free(struct sink *sink)
{
	struct connector *c = sink == NULL ? NULL : sink->self;

	if (c == NULL)
		return;
	for (int i = 0; i < STREAM_NSTREAMS; i++)
		endpoint_done(&c->to[i]);
	free(c);
	sink->self = NULL;
}

static const struct sink_ops connect_ops = {
	.kind = "connect",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct feed[DIR_NDIRS]),
	.lane_new = connect_lane_new,
	.lane_free = connect_lane_free,
	.free = connect_free,
	.open = connect_open,
	.data = connect_data,
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
	struct endpoint *first = &c->to[STREAM_REQUESTS];
	struct endpoint *second = &c->to[STREAM_RESPONSES];
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
	static const char *const roles[] = { "client", "server", NULL };
	struct outcall_opts *call = &c->call[STREAM_REQUESTS];
	unsigned role = 0;
	int rc;

	rc = feed_read_keys(&c->feed, spec, err);
	if (rc == 0)
		rc = keys_word(spec, "role", roles, &role, err);
	if (rc == 0)
		rc = keys_number(
		    spec, "connect-timeout", &a_time, &call->timeout_ns, err);
	if (rc == 0)
		rc = keys_number(spec, "retry", &a_time, &call->retry_ns, err);
	if (rc == 0)
		rc = keys_number(spec, "linger", &a_time, &c->linger_ns, err);
	c->swapped = role == 1;
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
	c->call[STREAM_REQUESTS] = (struct outcall_opts){
		.timeout_ns = 5 * CLOCK_NS_PER_S,
		.retry_ns = CLOCK_NS_PER_S,
		.own = strcmp(env->source, "tap") == 0,
	};
	c->linger_ns = 10 * CLOCK_NS_PER_S;
	c->feed.limit = sink->queue;
	c->feed.redial = true;
	rc = read_target(c, spec, err);
	if (rc == 0)
		rc = read_keys(c, spec, err);
	if (rc != 0) {
		connect_free(sink);
		return rc;
	}
	for (int i = STREAM_NSTREAMS - 1; i >= 0; i--) {
		c->call[i] = c->call[STREAM_REQUESTS];
		c->call[i].endpoint = &c->to[i];
	}
	sink->session_fds = STREAM_NSTREAMS;
	sink->ops = &connect_ops;
	return 0;
}

static const struct sink_key keys[] = {
	FEED_KEYS,
	{ "role", "client|server",
	    "whose bytes are the requests (default: client)" },
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
	.dry = true,
};
