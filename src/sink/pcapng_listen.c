#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/list.h"
#include "base/obuf.h"

#include "core/packet.h"
#include "core/session.h"
#include "core/sink.h"
#include "core/sink_spec.h"

#include "sink/capture_head.h"
#include "sink/hub.h"
#include "sink/keys.h"
#include "sink/made.h"
#include "sink/pcapng_listen.h"

#include "wire/pcapng.h"

#define QUEUE_DEFAULT ((size_t)1 << 20)

/* A batch goes at the end of each turn, and when it has grown this long. */
#define BATCH_LEN ((size_t)64 * 1024)

/* Interfaces that a batch may speak of; more than most captures have. */
#define BATCH_IFACES 16

static_assert((int)PACKET_UNKNOWN == (int)FRAME_UNKNOWN &&
		  (int)PACKET_INBOUND == (int)FRAME_INBOUND &&
		  (int)PACKET_OUTBOUND == (int)FRAME_OUTBOUND,
    "both are epb_flags's");

/**
 * struct live - The sink
 * @ops:	Of this sink: they depend on what its source gives
 * @made:	Where packets come from that are made for streams
 */
struct live {
	struct hub *hub;
	struct sink_ops ops;
	struct endpoint at;
	struct packet_iface made;
	bool replay;
};

/**
 * struct live_lane - What each worker has
 * @out:	The batch that is collected, worth @payload in @chunks
 * @share:	Its interfaces, @nshares of them
 * @last:	Number of the interface of the last packet
 * @number:	... that the packets being made come from
 * @words:	Where comments are put together
 * @talks:	Sessions that packets are made for
 * @joining:	The batch is for this client alone
 */
struct live_lane {
	struct hub_port port;
	struct live *live;
	struct sink_count *count;
	enum on_full on_full;
	struct obuf out;
	size_t payload;
	size_t chunks;
	struct hub_share share[BATCH_IFACES];
	size_t nshares;
	uint64_t first_ns;
	uint64_t last_ns;
	uint32_t last;
	uint32_t number;
	struct obuf words;
	struct list talks;
	struct hub_client *joining;
};

/**
 * struct talk - A session that packets are made for
 * @number:	Of their interface
 */
struct talk {
	struct list node;
	const struct session *s;
	struct made made;
	uint32_t number;
};

/** struct packet_state - Of a session where packets are kept. */
struct packet_state {
	struct talk *talk;
};

/* --- batches ----------------------------------------------------------- */

static void
count_drop(const struct live_lane *l, enum drop_reason why, size_t bytes,
    size_t chunks)
{
	count_add(&l->count->drop_bytes[why], bytes);
	count_add(&l->count->drop_chunks[why], chunks);
}

/* What was in it has gone nowhere; the next one tells. */
static void
lose_batch(struct live_lane *l)
{
	count_drop(l, DROP_QUEUE_FULL, l->payload, l->chunks);
	for (size_t i = 0; i < l->nshares; i++) {
		l->share[i].lost += l->share[i].packets;
		l->share[i].packets = 0;
	}
}

static void
post(struct live_lane *l)
{
	const struct hub_batch b = {
		.data = l->out.data,
		.len = l->out.len,
		.payload = l->payload,
		.chunks = l->chunks,
		.shares = l->share,
		.nshares = l->nshares,
		.first_ns = l->first_ns,
		.last_ns = l->last_ns,
		.only = l->joining,
	};

	if (l->out.failed || hub_port_post(&l->port, &b) != 0)
		lose_batch(l);
	else
		l->nshares = 0;
	obuf_clear(&l->out);
	l->payload = 0;
	l->chunks = 0;
	l->first_ns = 0;
}

static void
flush(struct live_lane *l)
{
	if (l->out.len > 0 || l->out.failed)
		post(l);
}

/* Before somebody comes, and at the end: losses that wait to be told, too. */
static void
on_flush(void *self)
{
	struct live_lane *l = self;

	if (l->out.len > 0 || l->out.failed || l->nshares > 0)
		post(l);
}

/* The share of an interface in the batch; with too many it has to go first. */
static struct hub_share *
share_of(struct live_lane *l, uint32_t number)
{
	struct hub_share *share;

	for (size_t i = 0; i < l->nshares; i++)
		if (l->share[i].iface == number)
			return &l->share[i];
	if (l->nshares == BATCH_IFACES)
		flush(l);
	/* Losses of so many interfaces, and no memory to tell of them. */
	if (l->nshares == BATCH_IFACES)
		l->nshares = 0;
	share = &l->share[l->nshares++];
	*share = (struct hub_share){ .iface = number };
	return share;
}

static void
put(struct live_lane *l, uint32_t number, const struct frame *f)
{
	share_of(l, number)->packets++;
	pcapng_put_packet(&l->out, number, f);
	if (l->first_ns == 0)
		l->first_ns = f->ts_ns;
	l->last_ns = f->ts_ns;
}

/* So much of the stream stands in it, or of the packets. */
static void
book(struct live_lane *l, size_t payload)
{
	l->payload += payload;
	l->chunks++;
	if (l->out.len >= BATCH_LEN)
		flush(l);
}

/* --- sessions ---------------------------------------------------------- */

static bool
is_heard(const struct live_lane *l)
{
	return l->port.listeners > 0;
}

static void
emit(void *self, const struct frame *f)
{
	struct live_lane *l = self;

	put(l, l->number, f);
}

/* To whoever listens; nobody, and nothing is made. */
static struct made_out
towards(struct live_lane *l, const struct talk *t, bool heard)
{
	l->number = t->number;
	return (struct made_out){
		.emit = heard ? emit : NULL,
		.self = l,
		.words = &l->words,
	};
}

static struct made_out
out_of(struct live_lane *l, const struct talk *t)
{
	return towards(l, t, is_heard(l));
}

/* A client begins to listen: where every session has come to. */
static void
on_join(void *self, struct hub_client *client)
{
	struct live_lane *l = self;
	struct list *at;

	l->joining = client;
	for (at = l->talks.next; at != &l->talks; at = at->next) {
		const struct talk *t = LIST_ENTRY(at, struct talk, node);
		const struct made_out out = towards(l, t, true);

		made_join(&t->made, &out, t->s,
		    l->live->replay ? t->s->last_ns : clock_event_ns());
		if (l->out.len >= BATCH_LEN)
			flush(l);
	}
	flush(l);
	l->joining = NULL;
}

static int
talk_open(struct sink_lane *lane, struct talk *t, const struct session *s)
{
	struct live_lane *l = lane->self;
	struct made_out out;
	int rc = hub_ifaces_number(
	    hub_ifaces(l->live->hub), &l->live->made, &t->number);

	if (rc != 0)
		return rc;
	t->s = s;
	list_init(&t->node);
	list_append(&l->talks, &t->node);
	out = out_of(l, t);
	made_open(&t->made, &out, s);
	return 0;
}

/* What nobody can get any more stands as a hole in the packets. */
static void
lose_data(struct live_lane *l, struct talk *t, const struct chunk *c)
{
	const struct made_out out = out_of(l, t);
	const struct gap g = {
		.dir = c->dir,
		.off = c->off,
		.ts_ns = c->ts_ns,
		.len = c->len,
		.why = GAP_QUEUE,
	};

	count_drop(l, DROP_QUEUE_FULL, c->len, 1);
	share_of(l, t->number)->lost++;
	made_gap(&t->made, &out, &g);
}

static bool
must_drop(const struct live_lane *l)
{
	return l->on_full != ON_FULL_PAUSE && hub_port_behind(&l->port);
}

static void
talk_data(struct sink_lane *lane, struct talk *t, const struct chunk *c)
{
	struct live_lane *l = lane->self;
	struct made_out out;

	if (is_heard(l) && must_drop(l)) {
		lose_data(l, t, c);
		return;
	}
	out = out_of(l, t);
	made_data(&t->made, &out, c);
	if (is_heard(l))
		book(l, c->len);
	else
		count_drop(l, DROP_NO_CONSUMER, c->len, 1);
}

static void
talk_gap(struct sink_lane *lane, struct talk *t, const struct gap *g)
{
	const struct made_out out = out_of(lane->self, t);

	made_gap(&t->made, &out, g);
}

static void
talk_end(struct sink_lane *lane, struct talk *t, const struct session *s,
    const struct end *e)
{
	const struct made_out out = out_of(lane->self, t);

	made_end(&t->made, &out, s, e);
}

static void
talk_close(struct sink_lane *lane, struct talk *t, const struct session *s)
{
	const struct made_out out = out_of(lane->self, t);

	made_close(&t->made, &out, s);
	list_remove(&t->node);
}

/* --- streams ----------------------------------------------------------- */

static int
stream_open(struct sink_lane *lane, void *state, const struct session *s)
{
	return talk_open(lane, state, s);
}

static void
stream_data(struct sink_lane *lane, void *state, const struct session *s,
    const struct chunk *c)
{
	(void)s;
	talk_data(lane, state, c);
}

static void
stream_gap(struct sink_lane *lane, void *state, const struct session *s,
    const struct gap *g)
{
	(void)s;
	talk_gap(lane, state, g);
}

static void
stream_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	talk_end(lane, state, s, e);
}

static void
stream_close(struct sink_lane *lane, void *state, const struct session *s)
{
	talk_close(lane, state, s);
}

/* --- packets ----------------------------------------------------------- */

/* Those of most sessions come by themselves (session.no_packets). */
static int
packet_open(struct sink_lane *lane, void *state, const struct session *s)
{
	struct packet_state *st = state;
	int rc;

	if (!s->no_packets)
		return 0;
	st->talk = calloc(1, sizeof(*st->talk));
	if (st->talk == NULL)
		return -ENOMEM;
	rc = talk_open(lane, st->talk, s);
	if (rc != 0) {
		free(st->talk);
		st->talk = NULL;
	}
	return rc;
}

static void
packet_packet(struct sink_lane *lane, void *state, const struct session *s,
    const struct packet *p)
{
	struct live_lane *l = lane->self;
	const struct frame frame = {
		.ts_ns = p->ts_ns,
		.dir = (enum frame_dir)p->dir,
		.head = p->data,
		.head_len = p->len,
		.wire_len = p->wire_len,
	};

	(void)state;
	(void)s;
	if (!is_heard(l)) {
		count_drop(l, DROP_NO_CONSUMER, p->len, 1);
		return;
	}
	if (hub_ifaces_number(hub_ifaces(l->live->hub), p->iface, &l->last) !=
	    0) {
		count_drop(l, DROP_QUEUE_FULL, p->len, 1);
		return;
	}
	if (must_drop(l)) {
		count_drop(l, DROP_QUEUE_FULL, p->len, 1);
		share_of(l, l->last)->lost++;
		return;
	}
	put(l, l->last, &frame);
	book(l, p->len);
}

static void
packet_data(struct sink_lane *lane, void *state, const struct session *s,
    const struct chunk *c)
{
	struct packet_state *st = state;

	(void)s;
	talk_data(lane, st->talk, c);
}

static void
packet_gap(struct sink_lane *lane, void *state, const struct session *s,
    const struct gap *g)
{
	struct packet_state *st = state;

	(void)s;
	talk_gap(lane, st->talk, g);
}

static void
packet_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	struct packet_state *st = state;

	talk_end(lane, st->talk, s, e);
}

static void
packet_close(struct sink_lane *lane, void *state, const struct session *s)
{
	struct packet_state *st = state;

	if (st->talk == NULL)
		return;
	talk_close(lane, st->talk, s);
	free(st->talk);
	st->talk = NULL;
}

/* --- lanes ------------------------------------------------------------- */

static int
live_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct live *live = lane->sink->self;
	struct live_lane *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	l->live = live;
	l->count = &lane->count;
	l->on_full = lane->sink->on_full;
	list_init(&l->talks);
	l->port.join = on_join;
	l->port.flush = on_flush;
	l->port.self = l;
	rc = hub_port_open(&l->port, live->hub, w, &lane->count);
	if (rc != 0) {
		free(l);
		return err_set(err, rc, "no memory for a worker");
	}
	lane->self = l;
	return 0;
}

static void
live_start(struct sink_lane *lane)
{
	struct live_lane *l = lane->self;

	hub_port_start(&l->port);
}

static void
live_lane_free(struct sink_lane *lane)
{
	struct live_lane *l = lane->self;

	hub_port_close(&l->port);
	obuf_done(&l->out);
	obuf_done(&l->words);
	free(l);
}

static uint64_t
live_turn(struct sink_lane *lane, uint64_t mono_ns)
{
	struct live_lane *l = lane->self;

	flush(l);
	return hub_port_turn(&l->port, mono_ns);
}

static bool
live_full(const struct sink_lane *lane)
{
	const struct live_lane *l = lane->self;

	return hub_port_full(&l->port);
}

static void
live_finish(struct sink_lane *lane, uint64_t deadline_ns)
{
	struct live_lane *l = lane->self;

	hub_port_finish(&l->port, deadline_ns);
}

static bool
live_finished(const struct sink_lane *lane)
{
	const struct live_lane *l = lane->self;

	return hub_port_is_over(&l->port);
}

static void
live_free(struct sink *sink)
{
	struct live *live = sink == NULL ? NULL : sink->self;

	if (live == NULL)
		return;
	hub_free(live->hub);
	endpoint_done(&live->at);
	free(live);
	sink->self = NULL;
}

/*
 * full() is added where traffic is to wait: to drop and to close are the hub's
 * business, client by client.
 */
static const struct sink_ops stream_ops = {
	.kind = "pcapng-listen",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct talk),
	.lane_new = live_lane_new,
	.lane_free = live_lane_free,
	.free = live_free,
	.open = stream_open,
	.data = stream_data,
	.gap = stream_gap,
	.end = stream_end,
	.close = stream_close,
	.turn = live_turn,
	.start = live_start,
	.finish = live_finish,
	.finished = live_finished,
};

static const struct sink_ops packet_ops = {
	.kind = "pcapng-listen",
	.need = NEED_NOTHING,
	.session_size = sizeof(struct packet_state),
	.strays = true,
	.lane_new = live_lane_new,
	.lane_free = live_lane_free,
	.free = live_free,
	.open = packet_open,
	.packet = packet_packet,
	.data = packet_data,
	.gap = packet_gap,
	.end = packet_end,
	.close = packet_close,
	.turn = live_turn,
	.start = live_start,
	.finish = live_finish,
	.finished = live_finished,
};

/* --- making ------------------------------------------------------------ */

/* They share with files what descriptors are left beside sessions. */
static unsigned
max_clients(const struct sink_env *env)
{
	bool few = env->max_open > 0 && env->max_open < HUB_CLIENTS_MAX;

	return few ? env->max_open : HUB_CLIENTS_MAX;
}

static int
open_hub(struct live *live, const struct sink *sink, const struct sink_env *env,
    struct err *err)
{
	return hub_new(&live->hub,
	    &(struct hub_opts){
		.at = &live->at,
		.name = sink->name,
		.limit = sink->queue,
		.max_clients = max_clients(env),
		.on_full = sink->on_full,
		.own = strcmp(env->source, "tap") == 0,
		.replay = live->replay,
		.known = env->packets ? env->ifaces : &live->made,
		.nknown = env->packets ? env->nifaces : 1,
		.notice = env->notice,
		.remark = env->remark,
		.self = env->self,
	    },
	    err);
}

static int
live_check(
    const struct sink_spec *spec, const struct sink_env *env, struct err *err)
{
	struct endpoint at;
	int rc = keys_place(&at, ENDPOINT_LISTEN, spec->arg, err);

	(void)env;
	if (rc == 0)
		endpoint_done(&at);
	return rc;
}

static int
live_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	struct live *live = calloc(1, sizeof(*live));
	int rc;

	if (live == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	sink->self = live;
	live->replay = strcmp(env->source, "read") == 0;
	live->made = capture_head_made(env->source);
	rc = keys_place(&live->at, ENDPOINT_LISTEN, spec->arg, err);
	if (rc == 0)
		rc = open_hub(live, sink, env, err);
	if (rc != 0) {
		live_free(sink);
		return rc;
	}
	live->ops = env->packets ? packet_ops : stream_ops;
	if (sink->on_full == ON_FULL_PAUSE)
		live->ops.full = live_full;
	sink->ops = &live->ops;
	return 0;
}

const struct sink_kind pcapng_listen_kind = {
	.name = "pcapng-listen",
	.arg = "ADDR:PORT",
	.help = "live capture for each client (wireshark -i TCP@HOST:PORT)",
	.queue = QUEUE_DEFAULT,
	.make = live_make,
	.check = live_check,
	.live = true,
};
