#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "core/packet.h"
#include "core/session.h"
#include "core/sink.h"

#include "sink/courier.h"
#include "sink/keys.h"
#include "sink/made.h"
#include "sink/payload.h"
#include "sink/payload_tell.h"

#include "wire/decode.h"
#include "wire/peel.h"
#include "wire/teecp.h"

#define QUEUE_DEFAULT ((size_t)1 << 20)
#define DAY_NS        (86400 * CLOCK_NS_PER_S)

/* Link type of packets that were made (pcap-linktype(7)). */
#define RAW 101

/* Longest of them: a segment and its headers. */
#define MADE_MAX (SYNTH_SEGMENT + 1024)

/**
 * struct payload - The sink
 * @ops:	Of this sink: they depend on what its source gives
 * @layers:	layers=
 * @prefix:	prefix=header
 * @tell:	tell=yes: the remarks of a run; NULL: none are made
 * @tell_self:	Passed to it
 */
struct payload {
	struct sink_ops ops;
	struct endpoint to;
	struct courier_opts courier;
	struct peel_layers layers;
	bool prefix;
	bool packets;
	void (*tell)(void *self, const char *text);
	void *tell_self;
};

/**
 * struct lane - A worker's part
 * @drops:	Payloads are dropped when the queue is full
 * @spare:	Bytes of the stream in made packets that are not sent
 * @made:	A packet that was made, in one piece
 */
struct lane {
	const struct payload *sink;
	struct courier courier;
	struct sink_count *count;
	bool drops;
	uint64_t spare;
	uint8_t made[MADE_MAX];
};

/* --- lanes ------------------------------------------------------------- */

static void
on_sent(void *self, size_t len, const struct addr *to)
{
	const struct lane *l = self;
	char line[PAYLOAD_TELL_MAX];

	l->sink->tell(l->sink->tell_self, payload_tell_sent(line, len, to));
}

static int
payload_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	const struct payload *p = lane->sink->self;
	struct courier_opts o = p->courier;
	struct lane *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	o.limit = lane->sink->queue;
	o.sent = p->tell != NULL ? on_sent : NULL;
	o.self = l;
	rc = courier_init(&l->courier, &o, w, &lane->count, err);
	if (rc != 0) {
		free(l);
		return rc;
	}
	l->sink = p;
	l->count = &lane->count;
	l->drops = lane->sink->on_full == ON_FULL_DROP;
	lane->self = l;
	return 0;
}

static void
payload_lane_free(struct sink_lane *lane)
{
	struct lane *l = lane->self;

	courier_done(&l->courier);
	free(l);
}

static uint64_t
payload_turn(struct sink_lane *lane, uint64_t mono_ns)
{
	struct lane *l = lane->self;

	return courier_turn(&l->courier, mono_ns);
}

static bool
payload_full(const struct sink_lane *lane)
{
	const struct lane *l = lane->self;

	return courier_is_full(&l->courier);
}

static void
payload_finish(struct sink_lane *lane, uint64_t deadline_ns)
{
	struct lane *l = lane->self;

	courier_finish(&l->courier, deadline_ns);
}

static bool
payload_finished(const struct sink_lane *lane)
{
	const struct lane *l = lane->self;

	return courier_finished(&l->courier);
}

/* --- payloads ---------------------------------------------------------- */

static size_t
put_prefix(uint8_t to[TEECP_HEADER_LEN], const struct peel *p)
{
	struct teecp_header h = { .len = p->len };

	if (p->version != 0) {
		teecp_address(h.src, p->version, p->src);
		teecp_address(h.dst, p->version, p->dst);
		h.sport = p->sport;
		h.dport = p->dport;
	}
	teecp_put(to, &h);
	return TEECP_HEADER_LEN;
}

static void
tell_heard(const struct lane *l, const struct peel *p, bool queued)
{
	char line[PAYLOAD_TELL_MAX];

	if (l->sink->tell != NULL)
		l->sink->tell(l->sink->tell_self,
		    payload_tell_heard(line, p->data, p->len, queued));
}

/* It counts for @worth bytes. */
static void
send_payload(struct lane *l, const struct peel *p, size_t worth)
{
	uint8_t prefix[TEECP_HEADER_LEN];
	struct outbuf_part parts[2] = {
		{ .data = prefix },
		{ p->data, p->len },
	};

	if (l->drops && courier_is_full(&l->courier)) {
		count_add(&l->count->drop_bytes[DROP_QUEUE_FULL], worth);
		count_add(&l->count->drop_chunks[DROP_QUEUE_FULL], 1);
		tell_heard(l, p, false);
		return;
	}
	tell_heard(l, p, true);
	if (l->sink->prefix)
		parts[0].len = put_prefix(prefix, p);
	courier_put(&l->courier, parts, 2, worth);
}

static bool
find_payload(const struct lane *l, const struct decode_frame *f, struct peel *p)
{
	return peel_packet(&l->sink->layers, f, p) && p->len > 0;
}

static void
payload_packet(struct sink_lane *lane, void *st, const struct session *s,
    const struct packet *p)
{
	struct lane *l = lane->self;
	const struct decode_frame f = {
		.linktype = p->iface->linktype,
		.data = p->data,
		.len = p->len,
		.wire_len = p->wire_len,
	};
	struct peel found;

	(void)st;
	(void)s;
	if (!find_payload(l, &f, &found))
		found.len = 0;
	/* All else of the packet is taken off what was offered. */
	count_add(&l->count->offered, (uint64_t)found.len - p->len);
	if (found.len > 0)
		send_payload(l, &found, found.len);
}

/* --- sessions without packets ------------------------------------------ */

/* A packet was made; its stream bytes are what it counts for. */
static void
emit(void *self, const struct frame *frame)
{
	struct lane *l = self;
	struct decode_frame f = {
		.linktype = RAW,
		.data = l->made,
		.len = (uint32_t)(frame->head_len + frame->data_len),
		.wire_len = (uint32_t)frame->wire_len,
	};
	struct peel found;

	assert(f.len <= sizeof(l->made));
	memcpy(l->made, frame->head, frame->head_len);
	if (frame->data_len > 0)
		memcpy(l->made + frame->head_len, frame->data, frame->data_len);
	if (find_payload(l, &f, &found))
		send_payload(l, &found, frame->data_len);
	else
		l->spare += frame->data_len;
}

static struct made_out
out_of(struct sink_lane *lane)
{
	return (struct made_out){ .emit = emit, .self = lane->self };
}

static int
payload_open(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct payload *p = lane->sink->self;
	struct made_out out = out_of(lane);
	struct made **m = st;

	if (p->packets && !s->no_packets)
		return 0;
	*m = malloc(sizeof(**m));
	if (*m == NULL)
		return -ENOMEM;
	made_open(*m, &out, s);
	return 0;
}

static void
payload_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct lane *l = lane->self;
	struct made_out out = out_of(lane);
	struct made **m = st;

	(void)s;
	l->spare = 0;
	made_data(*m, &out, c);
	count_add(&l->count->offered, 0 - l->spare);
}

static void
payload_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	struct made_out out = out_of(lane);
	struct made **m = st;

	(void)s;
	made_gap(*m, &out, g);
}

static void
payload_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	struct made_out out = out_of(lane);
	struct made **m = st;

	made_end(*m, &out, s, e);
}

static void
payload_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct made_out out = out_of(lane);
	struct made **m = st;

	if (*m == NULL)
		return;
	made_close(*m, &out, s);
	free(*m);
	*m = NULL;
}

static void
payload_free(struct sink *sink)
{
	struct payload *p = sink == NULL ? NULL : sink->self;

	if (p == NULL)
		return;
	endpoint_done(&p->to);
	free(p);
	sink->self = NULL;
}

static const struct sink_ops payload_ops = {
	.kind = "payload",
	.session_size = sizeof(struct made *),
	.lane_new = payload_lane_new,
	.lane_free = payload_lane_free,
	.free = payload_free,
	.open = payload_open,
	.data = payload_data,
	.gap = payload_gap,
	.end = payload_end,
	.close = payload_close,
	.turn = payload_turn,
	.finish = payload_finish,
	.finished = payload_finished,
};

/*
 * When it may drop, it does so itself: the fan-out does not know what is
 * payload, and would drop packets that have none.
 */
static void
choose_ops(struct payload *p, const struct sink *sink)
{
	p->ops = payload_ops;
	p->ops.need = p->packets ? NEED_NOTHING : NEED_MEMORY;
	if (p->packets) {
		p->ops.packet = payload_packet;
		p->ops.strays = true;
	}
	if (sink->on_full == ON_FULL_PAUSE)
		p->ops.full = payload_full;
}

/* --- making ------------------------------------------------------------ */

/* Numbers between "+" (or commas, which have to be escaped); may be none. */
static int
read_layers(struct payload *p, const struct sink_spec *spec, struct err *err)
{
	const char *text = sink_spec_get(spec, "layers");
	const char *at = text != NULL ? text : "44+45";

	while (*at != '\0') {
		char *end;
		unsigned long type;

		errno = 0;
		type = strtoul(at, &end, 10);
		if (*at < '0' || *at > '9' || errno != 0 ||
		    (*end != '\0' && *end != '+' && *end != ','))
			return err_set(err, -EINVAL,
			    "layers: \"%.64s\": numbers are wanted, as in "
			    "44+45",
			    text);
		if (peel_add(&p->layers, type) != 0)
			return err_set(err, -EINVAL,
			    "layers: %lu is none of gopacket's layers that are "
			    "known here: %s",
			    type, peel_list());
		at = *end == '\0' ? end : end + 1;
	}
	return 0;
}

static int
read_call(struct payload *p, const struct sink_spec *spec, struct err *err)
{
	static const struct keys_number a_time = { QUANTITY_TIME,
		{ CLOCK_NS_PER_MS, DAY_NS } };
	static const struct keys_number a_count = { QUANTITY_COUNT,
		{ 1, 1000000 } };
	struct outcall_opts *call = &p->courier.call;
	uint64_t tries = 3;
	int rc;

	rc = keys_number(
	    spec, "connect-timeout", &a_time, &call->timeout_ns, err);
	if (rc == 0)
		rc = keys_number(spec, "retry", &a_time, &call->retry_ns, err);
	if (rc == 0)
		rc = keys_number(spec, "tries", &a_count, &tries, err);
	p->courier.tries = (unsigned)tries;
	return rc;
}

static int
read_keys(struct payload *p, const struct sink_spec *spec, bool *tell,
    struct err *err)
{
	static const char *const prefixes[] = { "none", "header", NULL };
	unsigned prefix = 0;
	int rc;

	rc = keys_word(spec, "prefix", prefixes, &prefix, err);
	if (rc == 0)
		rc = keys_flag(spec, "keepalive", &p->courier.keep, err);
	if (rc == 0)
		rc = read_layers(p, spec, err);
	if (rc == 0)
		rc = read_call(p, spec, err);
	p->prefix = prefix == 1;
	if (rc == 0)
		rc = keys_flag(spec, "tell", tell, err);
	return rc;
}

static int
payload_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	struct payload *p;
	bool tell = false;
	int rc;

	if (sink->on_full == ON_FULL_CLOSE)
		return err_set(err, -EINVAL,
		    "on-full=close: drop or pause is wanted, since packets "
		    "are sent, not sessions");
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	p->packets = env->packets;
	p->courier.call = (struct outcall_opts){
		.endpoint = &p->to,
		.timeout_ns = 5 * CLOCK_NS_PER_S,
		.retry_ns = CLOCK_NS_PER_S,
		.own = strcmp(env->source, "tap") == 0,
		.name = sink->name,
		.tell = env->notice,
		.tell_self = env->self,
	};
	sink->self = p;
	rc = keys_place(&p->to, ENDPOINT_DIAL, spec->arg, err);
	if (rc == 0)
		rc = read_keys(p, spec, &tell, err);
	if (rc != 0) {
		payload_free(sink);
		return rc;
	}
	if (tell) {
		p->tell = env->remark;
		p->tell_self = env->self;
	}
	choose_ops(p, sink);
	sink->ops = &p->ops;
	return 0;
}

static const struct sink_key keys[] = {
	{ "layers", "N+N...", "gopacket's numbers of layers (default: 44+45)" },
	{ "prefix", "header|none", "say before each whose it is, how long" },
	{ "keepalive", "yes|no", "one connection for all (default: no)" },
	{ "connect-timeout", "SEC", "for each address (default: 5)" },
	{ "retry", "SEC", "from a failed connection to the next (default: 1)" },
	{ "tries", "N", "connections before a payload is lost (default: 3)" },
	{ NULL, NULL, NULL },
};

const struct sink_kind payload_kind = {
	.name = "payload",
	.arg = "HOST:PORT",
	.help = "payloads of packets as they come, to another server",
	.keys = keys,
	.queue = QUEUE_DEFAULT,
	.make = payload_make,
	.live = true,
};
