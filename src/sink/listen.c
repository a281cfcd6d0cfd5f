#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "core/session.h"
#include "core/sink.h"
#include "net/socket.h"

#include "sink/keys.h"
#include "sink/listen.h"
#include "sink/portal.h"
#include "sink/streams.h"

#define QUEUE_DEFAULT ((size_t)1 << 20)
#define DAY_NS        (86400 * CLOCK_NS_PER_S)
#define TELL_AGAIN_NS (10 * CLOCK_NS_PER_S)

/* Longest words about a session's ports. */
#define WORDS_MAX 256

/**
 * struct listener - The sink
 * @at:		@nat addresses, looked up once: a look-up waits
 * @first:	[requests, responses] for the first session; 0: from the range
 * @used_first:	They have been given away
 * @streams:	Which direction is which
 * @linger_ns:	How long a consumer may still come for what was kept
 * @share:	Descriptors of consumers whose sessions are over
 * @full:	The last session was not heard
 * @told_ns:	When the user was told why; 0: never
 */
struct listener {
	struct addr at[SOCKET_MAX_ADDRS];
	size_t nat;
	struct port_range range;
	struct feed_opts feed;
	uint16_t first[2];
	_Atomic bool used_first;
	_Atomic bool full;
	_Atomic uint64_t told_ns;
	struct streams streams;
	bool own;
	uint64_t linger_ns;
	struct outq_lane_share share;
	void (*notice)(void *self, const char *text);
	void (*remark)(void *self, const char *text);
	void *env_self;
};

/** struct state - What is kept for a session; @tally: NULL: not counted */
struct state {
	struct portal *portal[DIR_NDIRS];
	struct news_tally *tally;
};

static int
listen_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct listener *li = lane->sink->self;
	struct portal_lane *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	l->at = li->at;
	l->nat = li->nat;
	l->range = &li->range;
	l->feed = li->feed;
	outq_lane_init(&l->outq, w, &lane->count, li->linger_ns);
	l->outq.own = li->own;
	l->outq.share = &li->share;
	atomic_fetch_add(&li->share.lanes, 1);
	l->outq.patient = lane->sink->on_full == ON_FULL_PAUSE;
	list_init(&l->portals);
	deadline_queue_init(&l->patience, li->linger_ns);
	lane->self = l;
	return 0;
}

static void
listen_lane_free(struct sink_lane *lane)
{
	free(lane->self);
}

static uint64_t
listen_turn(struct sink_lane *lane, uint64_t mono_ns)
{
	return portal_lane_turn(lane->self, mono_ns);
}

static void
listen_finish(struct sink_lane *lane, uint64_t deadline_ns)
{
	struct portal_lane *l = lane->self;

	outq_lane_finish(&l->outq, deadline_ns);
}

static bool
listen_finished(const struct sink_lane *lane)
{
	const struct portal_lane *l = lane->self;

	return list_is_empty(&l->portals) && outq_lane_finished(&l->outq);
}

static bool
listen_full(const struct sink_lane *lane)
{
	const struct portal_lane *l = lane->self;

	return outq_lane_full(&l->outq);
}

static bool
listen_full_session(const struct sink_lane *lane, const void *st, enum dir dir)
{
	const struct state *state = st;

	(void)lane;
	return state->portal[dir] != NULL && portal_full(state->portal[dir]);
}

/* --- events ------------------------------------------------------------ */

/* Consumers have to know where to go. */
static void
say_ports(const struct listener *li, const struct sink *sink,
    const struct state *st, const struct session *s)
{
	enum dir requests = streams_dir(&li->streams, s, NEWS_REQUESTS);
	struct news n = {
		.type = NEWS_OPENED,
		.kind = listen_kind.name,
		.output = sink->name,
		.session = s->id,
		.tally = st->tally,
		.port = {
			portal_port(st->portal[requests]),
			portal_port(st->portal[dir_other(requests)]),
		},
	};
	char words[WORDS_MAX];

	(void)snprintf(words, sizeof(words),
	    "%s: session %" PRIu64 ": requests at port %u, responses at "
	    "port %u",
	    sink->name, s->id, n.port[NEWS_REQUESTS], n.port[NEWS_RESPONSES]);
	li->remark(li->env_self, words);
	if (li->feed.tell != NULL)
		li->feed.tell(li->env_self, &n);
}

static void
say_left(const struct sink *sink, const struct session *s)
{
	const struct listener *li = sink->self;
	const struct news n = {
		.type = NEWS_LEFT,
		.kind = listen_kind.name,
		.output = sink->name,
		.session = s->id,
	};

	if (li->feed.tell != NULL)
		li->feed.tell(li->env_self, &n);
}

/* Ports may come and go with every session: not each time is told. */
static bool
is_to_tell(struct listener *li)
{
	uint64_t now_ns = clock_mono_ns();
	uint64_t told_ns = atomic_load(&li->told_ns);

	return !atomic_exchange(&li->full, true) &&
	       (told_ns == 0 || now_ns - told_ns >= TELL_AGAIN_NS) &&
	       atomic_compare_exchange_strong(&li->told_ns, &told_ns, now_ns);
}

static void
say_full(struct listener *li, const struct sink *sink, int error)
{
	char words[WORDS_MAX];

	if (!is_to_tell(li))
		return;
	if (error == EADDRINUSE || error == EADDRNOTAVAIL || error == EACCES)
		(void)snprintf(words, sizeof(words),
		    "%s: no port from %u to %u is free: sessions are not heard "
		    "until one is",
		    sink->name, li->range.first, li->range.last);
	else
		(void)snprintf(words, sizeof(words),
		    "%s: sessions are not heard: %s", sink->name,
		    strerror(error));
	li->notice(li->env_self, words);
}

/* No direction has a consumer any more. */
static void
let_go(struct state *st)
{
	for (int d = 0; d < DIR_NDIRS; d++) {
		portal_cut(st->portal[d]);
		st->portal[d] = NULL;
	}
	news_tally_unref(st->tally);
	st->tally = NULL;
}

/* 0, or -1 with errno. */
static int
open_portals(struct sink_lane *lane, struct state *st, const struct session *s,
    bool first)
{
	const struct listener *li = lane->sink->self;

	for (int i = 0; i < NEWS_NSTREAMS; i++) {
		struct feed_what what = {
			.s = s,
			.dir =
			    streams_dir(&li->streams, s, (enum news_stream)i),
			.stream = (enum news_stream)i,
			.tally = st->tally,
		};

		st->portal[what.dir] =
		    portal_open(lane->self, &what, first ? li->first[i] : 0);
		if (st->portal[what.dir] == NULL)
			return -1;
	}
	return 0;
}

static int
listen_open(struct sink_lane *lane, void *state, const struct session *s)
{
	struct listener *li = lane->sink->self;
	struct state *st = state;
	bool first =
	    li->first[0] != 0 && !atomic_exchange(&li->used_first, true);

	if (li->feed.tallies)
		st->tally = news_tally_new();
	if (open_portals(lane, st, s, first) != 0) {
		int error = errno;

		let_go(st);
		say_full(li, lane->sink, error);
		return -error;
	}
	atomic_store(&li->full, false);
	say_ports(li, lane->sink, st, s);
	return 0;
}

static void
listen_data(struct sink_lane *lane, void *state, const struct session *s,
    const struct chunk *c)
{
	struct state *st = state;

	(void)lane;
	(void)s;
	portal_put(st->portal[c->dir], c);
}

static void
listen_missed(struct sink_lane *lane, void *st, enum dir dir, size_t len)
{
	struct state *state = st;

	(void)lane;
	if (state->portal[dir] != NULL)
		portal_missed(state->portal[dir], len);
}

static void
listen_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	struct state *st = state;

	(void)lane;
	(void)s;
	portal_end(st->portal[e->dir], e->how);
	st->portal[e->dir] = NULL;
}

static void
listen_close(struct sink_lane *lane, void *state, const struct session *s)
{
	/* A refused session has nothing to say, and no ends. */
	let_go(state);
	say_left(lane->sink, s);
}

static void
listen_free(struct sink *sink)
{
	struct listener *li = sink == NULL ? NULL : sink->self;

	if (li == NULL)
		return;
	port_range_done(&li->range);
	free(li);
	sink->self = NULL;
}

static const struct sink_ops listen_ops = {
	.kind = "listen",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct state),
	.lane_new = listen_lane_new,
	.lane_free = listen_lane_free,
	.free = listen_free,
	.open = listen_open,
	.data = listen_data,
	.missed = listen_missed,
	.end = listen_end,
	.close = listen_close,
	.abort = listen_close,
	.turn = listen_turn,
	.full = listen_full,
	.full_session = listen_full_session,
	.finish = listen_finish,
	.finished = listen_finished,
};

/* --- making ------------------------------------------------------------ */

/* "5000-5100" or "5000/5001": two ports, both there. */
static int
read_ports(const char *text, char between, uint16_t ports[2])
{
	const char *at = strchr(text, between);
	char first[8];
	size_t n;

	if (at == NULL)
		return -EINVAL;
	n = (size_t)(at - text);
	if (n >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, n);
	first[n] = '\0';
	if (endpoint_parse_port(first, &ports[0]) != 0 ||
	    endpoint_parse_port(at + 1, &ports[1]) != 0)
		return -EINVAL;
	return ports[0] == 0 || ports[1] == 0 ? -EINVAL : 0;
}

/* Which addresses that is, found out by listening there for a moment. */
static int
find_addresses(
    struct listener *li, const struct endpoint *where, struct err *err)
{
	static const struct socket_listen_opts o = { .backlog = 1 };
	struct socket_listener found[SOCKET_MAX_ADDRS];
	struct endpoint at = *where;
	int rc;

	at.port = 0;
	rc = socket_listen(&at, &o, found, &li->nat, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < li->nat; i++) {
		li->at[i] = found[i].addr;
		socket_unlisten(&found[i]);
	}
	return 0;
}

/* [ADDR:]FIRST-LAST */
static int
read_place(struct listener *li, const struct sink_spec *spec, struct err *err)
{
	const char *colon = strrchr(spec->arg, ':');
	const char *range = colon != NULL ? colon + 1 : spec->arg;
	uint16_t ports[2];
	struct obuf text = { .data = NULL };
	struct endpoint where = { .host = NULL };
	int rc;

	if (read_ports(range, '-', ports) != 0 || ports[1] < ports[0] + 1)
		return err_set(err, -EINVAL,
		    "%.128s: ADDR:FIRST-LAST is wanted, two ports at least, as "
		    "in 127.0.0.1:5000-5099",
		    spec->arg);
	port_range_init(&li->range, ports[0], ports[1]);
	/* The address in the words of LISTEN, with a port in place of two. */
	obuf_put(&text, spec->arg, (size_t)(range - spec->arg));
	obuf_printf(&text, "%u", ports[0]);
	obuf_putc(&text, '\0');
	rc = text.failed ? err_set(err, -ENOMEM, "no memory for a sink")
			 : keys_place(&where, ENDPOINT_LISTEN,
			       (const char *)text.data, err);
	obuf_done(&text);
	if (rc != 0)
		return rc;
	if (where.family == ENDPOINT_UNIX || where.family == ENDPOINT_FD)
		rc = err_set(err, -EINVAL,
		    "%.128s: an address and two ports are wanted", spec->arg);
	else
		rc = find_addresses(li, &where, err);
	endpoint_done(&where);
	return rc;
}

static int
wrong_first(const char *text, struct err *err)
{
	return err_set(err, -EINVAL,
	    "first=%.32s: two different ports are wanted, as in 5000/5001",
	    text);
}

static int
read_keys(struct listener *li, const struct sink_spec *spec, struct err *err)
{
	static const struct keys_number a_time = { QUANTITY_TIME,
		{ CLOCK_NS_PER_MS, DAY_NS } };
	const char *first = sink_spec_get(spec, "first");
	int rc;

	rc = feed_read_keys(&li->feed, spec, err);
	if (rc == 0)
		rc = streams_read_keys(&li->streams, spec, err);
	if (rc == 0)
		rc = keys_number(spec, "linger", &a_time, &li->linger_ns, err);
	if (rc == 0 && first != NULL && read_ports(first, '/', li->first) != 0)
		rc = wrong_first(first, err);
	if (rc == 0 && first != NULL && li->first[0] == li->first[1])
		rc = wrong_first(first, err);
	return rc;
}

static int
listen_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	struct listener *li = calloc(1, sizeof(*li));
	int rc;

	if (li == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	sink->self = li;
	li->own = strcmp(env->source, "tap") == 0;
	li->linger_ns = 2 * CLOCK_NS_PER_S;
	li->share.most = env->max_linger;
	li->feed.limit = sink->queue;
	li->feed.keep_all = sink->on_full == ON_FULL_PAUSE;
	li->notice = env->notice;
	li->remark = env->remark;
	li->env_self = env->self;
	li->feed.kind = listen_kind.name;
	li->feed.tell = env->tell;
	li->feed.tallies = env->tallies;
	li->feed.tell_self = env->self;
	rc = read_keys(li, spec, err);
	if (rc == 0)
		rc = read_place(li, spec, err);
	if (rc != 0) {
		listen_free(sink);
		return rc;
	}
	/* For each direction: where it is listened, and who came. */
	sink->session_fds = DIR_NDIRS * ((unsigned)li->nat + 1);
	sink->ops = &listen_ops;
	return 0;
}

static const struct sink_key keys[] = {
	FEED_KEYS,
	STREAMS_KEYS,
	{ "first", "REQUESTS/RESPONSES", "ports of the first session" },
	{ "linger", "SEC",
	    "for consumers when a session is over (default: 2)" },
	{ NULL, NULL, NULL },
};

const struct sink_kind listen_kind = {
	.name = "listen",
	.arg = "ADDR:FIRST-LAST",
	.help = "two ports for each session, for consumers to connect to",
	.keys = keys,
	.queue = QUEUE_DEFAULT,
	.make = listen_make,
	.live = true,
};
