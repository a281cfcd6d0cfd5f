#include <assert.h>
#include <string.h>

#include "wire/checksum.h"
#include "wire/synth.h"
#include "wire/tcp.h"

/* Longest headers of a packet: that of a SYN over IPv6. */
#define HEAD_MAX (IP_LEN_MAX + TCP_LEN + TCP_SYN_OPTIONS_LEN)

static_assert(SYNTH_SEGMENT + TCP_LEN <= IP_V4_PAYLOAD_MAX,
    "a full segment must fit into an IPv4 packet");

/* The hop count that Linux starts from. */
#define TTL 64

/*
 * Always wide open: what was relayed had been taken.  In a SYN it is not
 * scaled yet; later it stands for 1 GiB, which no chunk comes near.
 */
#define WINDOW 65535

/* Dynamic ports (RFC 6335): no dissector takes them for a known service. */
#define PORT_FIRST 49152
#define PORT_COUNT 16384

/* 192.0.2.0/24 (RFC 5737): .2 for servers, odd numbers for clients. */
#define DOC_SERVER  2
#define DOC_CLIENTS 127

static const uint8_t doc_v4[4] = { 192, 0, 2, 0 };
static const uint8_t doc_v6[16] = { 0x20, 0x01, 0x0d, 0xb8 };
static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

static enum synth_side
other(enum synth_side side)
{
	return side == SYNTH_CLIENT ? SYNTH_SERVER : SYNTH_CLIENT;
}

/* The only place that writes ->state. */
static void
set_state(struct synth *s, enum synth_state next)
{
	static const unsigned allowed[] = {
		[SYNTH_NEW] = 1U << SYNTH_SYN | 1U << SYNTH_OVER,
		[SYNTH_SYN] = 1U << SYNTH_UP | 1U << SYNTH_OVER,
		[SYNTH_UP] = 1U << SYNTH_OVER,
		[SYNTH_OVER] = 0,
	};
	static_assert(sizeof(allowed) / sizeof(allowed[0]) == SYNTH_NSTATES,
	    "a row per state");

	assert(allowed[s->state] & 1U << next);
	s->state = (uint8_t)next;
}

/* Can this address stand in a packet?  A port of 0 cannot. */
static bool
is_real(const struct addr *a)
{
	return (a->family == AF_INET || a->family == AF_INET6) && a->port != 0;
}

/*
 * A number for a path, so that two servers are told apart: FNV-1a.  Two paths
 * may share one; the session's number keeps the conversations apart.
 */
static uint32_t
hash_path(const struct addr *a)
{
	const char *path = a->family == AF_UNIX ? a->path : "";
	uint32_t hash = 2166136261U;

	for (; *path != '\0'; path++)
		hash = (hash ^ (uint8_t)*path) * 16777619U;
	return hash;
}

static void
put_doc(struct synth *s, enum synth_side side, uint8_t host)
{
	uint8_t *ip = s->end[side].ip;

	if (s->version == 4) {
		memcpy(ip, doc_v4, sizeof(doc_v4));
		ip[3] = host;
	} else {
		memcpy(ip, doc_v6, sizeof(doc_v6));
		ip[15] = host;
	}
}

/* Addresses and ports for an end that has none. */
static void
make_up(
    struct synth *s, enum synth_side side, const struct addr *a, uint64_t id)
{
	uint32_t port, host;

	if (side == SYNTH_CLIENT) {
		port = (uint32_t)(id % PORT_COUNT);
		host = 1 + 2 * (uint32_t)(id / PORT_COUNT % DOC_CLIENTS);
	} else {
		port = hash_path(a) % PORT_COUNT;
		host = DOC_SERVER;
	}
	s->end[side].port = (uint16_t)(PORT_FIRST + port);
	put_doc(s, side, (uint8_t)host);
}

static void
take_over(struct synth *s, enum synth_side side, const struct addr *a)
{
	struct synth_end *end = &s->end[side];

	end->port = a->port;
	if (s->version == 4) {
		memcpy(end->ip, a->ip, 4);
	} else if (a->family == AF_INET) {
		memcpy(end->ip, mapped, 12);
		memcpy(end->ip + 12, a->ip, 4);
	} else {
		memcpy(end->ip, a->ip, 16);
	}
}

static struct ip_header
make_ip(const struct synth *s, enum synth_side from)
{
	size_t len = s->version == 4 ? 4 : 16;
	struct ip_header h = {
		.version = s->version,
		.protocol = IP_PROTO_TCP,
		.ttl = TTL,
		.dont_fragment = 1,
	};

	memcpy(h.src, s->end[from].ip, len);
	memcpy(h.dst, s->end[other(from)].ip, len);
	return h;
}

void
synth_init(struct synth *s, const struct addr *client,
    const struct addr *server, uint64_t id)
{
	const struct addr *addr[] = { client, server };
	struct ip_header ip;
	bool v6 = false;

	memset(s, 0, sizeof(*s));
	for (int i = 0; i < SYNTH_NSIDES; i++)
		v6 |= is_real(addr[i]) && addr[i]->family == AF_INET6;
	s->version = v6 ? 6 : 4;
	for (int i = 0; i < SYNTH_NSIDES; i++) {
		if (is_real(addr[i]))
			take_over(s, (enum synth_side)i, addr[i]);
		else
			make_up(s, (enum synth_side)i, addr[i], id);
	}
	/*
	 * Odd factors: 2^32 sessions pass before one begins at the number of
	 * an earlier one, which on the same ports would look like its SYN
	 * sent again.
	 */
	s->end[SYNTH_CLIENT].isn = (uint32_t)id * 0x9e3779b1U;
	s->end[SYNTH_SERVER].isn = (uint32_t)id * 0x85ebca77U + 0x27d4eb2fU;
	s->end[SYNTH_CLIENT].ip_id = (uint16_t)(id * 0x9e37U);
	s->end[SYNTH_SERVER].ip_id = (uint16_t)(id * 0x85ebU);

	/* The sum is the same both ways round. */
	ip = make_ip(s, SYNTH_CLIENT);
	s->pseudo = ip_pseudo_sum(&ip);
}

/** struct segment - What one packet says; the rest follows from the state. */
struct segment {
	enum synth_side from;
	unsigned flags; /* a set of TCP_FLAG_* */
	const uint8_t *data;
	size_t len;
};

/* Writes IP and TCP headers to @head; returns their length. */
static size_t
encode_head(struct synth *s, const struct segment *g, uint8_t head[HEAD_MAX])
{
	struct synth_end *src = &s->end[g->from];
	const struct synth_end *dst = &s->end[other(g->from)];
	bool syn = (g->flags & TCP_FLAG_SYN) != 0;
	struct ip_header ip = make_ip(s, g->from);
	struct tcp_header tcp = {
		.sport = src->port,
		.dport = dst->port,
		.seq = src->isn + (uint32_t)src->next,
		.window = g->flags & TCP_FLAG_RST ? 0 : WINDOW,
		.flags = (uint8_t)g->flags,
		.header_len = syn ? TCP_LEN + TCP_SYN_OPTIONS_LEN : TCP_LEN,
	};
	uint64_t sum;
	size_t at;

	if (g->flags & TCP_FLAG_ACK)
		tcp.ack = dst->isn + (uint32_t)dst->next;
	ip.id = src->ip_id++;
	ip.payload = (uint16_t)(tcp.header_len + g->len);
	at = ip_encode(head, &ip);
	tcp_encode(head + at, &tcp);
	if (syn)
		tcp_encode_syn_options(head + at + TCP_LEN,
		    (uint16_t)SYNTH_SEGMENT, TCP_WINDOW_SCALE_MAX);
	sum = checksum_add16(s->pseudo, ip.payload);
	sum = checksum_add(sum, g->data, g->len);
	tcp_seal(head + at, tcp.header_len, sum);
	return at + tcp.header_len;
}

/* SYN and FIN move the sender's position on as a byte does. */
static void
send_segment(
    struct synth *s, const struct synth_out *out, const struct segment *g)
{
	bool counted = (g->flags & (TCP_FLAG_SYN | TCP_FLAG_FIN)) != 0;
	uint8_t head[HEAD_MAX];
	size_t head_len;

	if ((g->flags & TCP_FLAG_ACK) != 0)
		s->end[other(g->from)].unheard = false;
	if (out->emit == NULL) {
		s->end[g->from].next += g->len + counted;
		return;
	}
	head_len = encode_head(s, g, head);
	s->end[g->from].next += g->len + counted;
	out->emit(out->self,
	    &(struct frame){
		.ts_ns = out->ts_ns,
		.dir = g->from == SYNTH_CLIENT ? FRAME_INBOUND : FRAME_OUTBOUND,
		.head = head,
		.head_len = head_len,
		.data = g->data,
		.data_len = g->len,
		.wire_len = head_len + g->len,
	    });
}

static void
send_flags(struct synth *s, const struct synth_out *out, enum synth_side from,
    unsigned flags)
{
	send_segment(s, out, &(struct segment){ .from = from, .flags = flags });
}

void
synth_open(struct synth *s, const struct synth_out *out)
{
	set_state(s, SYNTH_SYN);
	send_flags(s, out, SYNTH_CLIENT, TCP_FLAG_SYN);
}

void
synth_accept(struct synth *s, const struct synth_out *out)
{
	if (s->state != SYNTH_SYN)
		return;
	set_state(s, SYNTH_UP);
	send_flags(s, out, SYNTH_SERVER, TCP_FLAG_SYN | TCP_FLAG_ACK);
	send_flags(s, out, SYNTH_CLIENT, TCP_FLAG_ACK);
}

void
synth_data(struct synth *s, const struct synth_out *out, enum synth_side from,
    const uint8_t *data, size_t len)
{
	struct segment g = { .from = from, .flags = TCP_FLAG_ACK };

	synth_accept(s, out);
	assert(s->state == SYNTH_UP && !s->end[from].over && len > 0);
	if (out->emit == NULL) {
		s->end[from].next += len;
		return;
	}
	for (; len > 0; len -= g.len, data += g.len) {
		g.data = data;
		g.len = len;
		if (len > SYNTH_SEGMENT)
			g.len = SYNTH_SEGMENT;
		else
			g.flags |= TCP_FLAG_PSH;
		send_segment(s, out, &g);
	}
	send_flags(s, out, other(from), TCP_FLAG_ACK);
}

void
synth_gap(struct synth *s, const struct synth_out *out, enum synth_side from,
    uint64_t len)
{
	synth_accept(s, out);
	s->end[from].next += len;
	s->end[from].unheard = s->state == SYNTH_UP;
}

/*
 * Both directions are over.  A reset of a call that nobody answered is the
 * server's refusal: it acknowledges the SYN and has no number of its own yet
 * (RFC 9293, section 3.10.7.1).
 */
static void
finish(struct synth *s, const struct synth_out *out)
{
	if (s->aborted && s->state == SYNTH_SYN) {
		s->end[SYNTH_SERVER].isn = 0;
		s->end[SYNTH_SERVER].next = 0;
	}
	/* A RST behind bytes that nobody has seen is nobody's (RFC 5961). */
	if (s->aborted && s->end[s->by].unheard)
		send_flags(s, out, other(s->by), TCP_FLAG_ACK);
	if (s->aborted && s->state != SYNTH_NEW)
		send_flags(s, out, s->by, TCP_FLAG_RST | TCP_FLAG_ACK);
	set_state(s, SYNTH_OVER);
}

static void
end_direction(
    struct synth *s, const struct synth_out *out, enum synth_side from)
{
	s->end[from].over = true;
	if (s->end[other(from)].over)
		finish(s, out);
}

void
synth_fin(struct synth *s, const struct synth_out *out, enum synth_side from)
{
	synth_accept(s, out);
	assert(s->state == SYNTH_UP && !s->end[from].over);
	send_flags(s, out, from, TCP_FLAG_FIN | TCP_FLAG_ACK);
	send_flags(s, out, other(from), TCP_FLAG_ACK);
	end_direction(s, out, from);
}

void
synth_abort(struct synth *s, const struct synth_out *out, enum synth_side from,
    enum synth_side by)
{
	assert(!s->end[from].over);
	/* Whoever can hang up had been connected. */
	if (by == SYNTH_CLIENT)
		synth_accept(s, out);
	if (!s->aborted) {
		s->aborted = true;
		s->by = (uint8_t)by;
	}
	end_direction(s, out, from);
}

void
synth_close(struct synth *s, const struct synth_out *out)
{
	if (s->state != SYNTH_OVER)
		finish(s, out);
}

/* Has @side sent a FIN?  A direction that was aborted is over without one. */
static bool
has_finished(const struct synth *s, enum synth_side side)
{
	return s->end[side].over && !s->aborted;
}

/* Has @side sent its SYN? */
static bool
has_called(const struct synth *s, enum synth_side side)
{
	return s->state == SYNTH_UP ||
	       (s->state == SYNTH_SYN && side == SYNTH_CLIENT);
}

uint64_t
synth_sent(const struct synth *s, enum synth_side side)
{
	return s->end[side].next - has_called(s, side) - has_finished(s, side);
}

void
synth_join(const struct synth *s, const struct synth_out *out)
{
	struct synth late = *s;

	if (s->state != SYNTH_SYN && s->state != SYNTH_UP)
		return;
	late.state = SYNTH_NEW;
	for (int i = 0; i < SYNTH_NSIDES; i++) {
		late.end[i].next = synth_sent(s, (enum synth_side)i);
		late.end[i].over = false;
	}
	synth_open(&late, out);
	if (s->state == SYNTH_UP)
		synth_accept(&late, out);
	for (int i = 0; i < SYNTH_NSIDES; i++)
		if (has_finished(s, (enum synth_side)i))
			synth_fin(&late, out, (enum synth_side)i);
}
