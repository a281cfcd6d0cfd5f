#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#include "core/count.h"
#include "core/defrag.h"
#include "core/fanout.h"
#include "core/packet.h"
#include "core/segment.h"
#include "core/tally.h"

#include "source/dissect.h"

#include "wire/decode.h"
#include "wire/tcp.h"

/*
 * A packet is counted in one class when its verdict is there.  Those that
 * bring a datagram in pieces are "fragments" until it is whole: then all of
 * them go to the class of the datagram.  What never becomes whole stays.
 */

/*
 * A datagram made whole may be a fragment of another one, in a tunnel; or,
 * made by someone who wants to see what happens, of another one and so on.
 */
#define NESTED_MAX DISSECT_DECAP_MAX

static_assert(DECODE_NBADS <= TALLY_REASONS_MAX, "the sheet has room");
static_assert(SEGMENT_FIN == TCP_FLAG_FIN && SEGMENT_SYN == TCP_FLAG_SYN &&
		  SEGMENT_RST == TCP_FLAG_RST && SEGMENT_PSH == TCP_FLAG_PSH &&
		  SEGMENT_ACK == TCP_FLAG_ACK,
    "flags are as they lie in the header");
static_assert(SEGMENT_NO_SCALE == TCP_NO_WINDOW_SCALE, "the same value");

#define SEGMENT_FLAGS                                                          \
	(SEGMENT_FIN | SEGMENT_SYN | SEGMENT_RST | SEGMENT_PSH | SEGMENT_ACK)

struct dissect {
	struct fanout *fan;
	struct flow_table *flows;
	struct defrag *defrag;
	unsigned decap;
	struct count received;
	struct count sessions;
	struct count not_tcp;
	struct count strays;
	struct count fragments;
	struct count bad[DECODE_NBADS];
	struct count bad_checksums;
};

struct dissect *
dissect_new(const struct dissect_opts *o, struct fanout *fan, struct err *err)
{
	const struct defrag_opts defrag = {
		.blocks = DEFRAG_BLOCKS_DEFAULT,
		.datagrams = DEFRAG_DATAGRAMS_DEFAULT,
		.age_ns = DEFRAG_AGE_NS_DEFAULT,
	};
	struct dissect *d = calloc(1, sizeof(*d));

	assert(o->decap <= DISSECT_DECAP_MAX);
	if (d == NULL) {
		(void)err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
		return NULL;
	}
	d->fan = fan;
	d->decap = o->decap;
	d->defrag = defrag_new(&defrag, err);
	if (d->defrag == NULL)
		goto fail;
	d->flows = flow_table_new(&o->flow, fan, err);
	if (d->flows == NULL)
		goto fail;
	return d;

fail:
	dissect_free(d);
	return NULL;
}

void
dissect_free(struct dissect *d)
{
	if (d == NULL)
		return;
	flow_table_free(d->flows);
	defrag_free(d->defrag);
	free(d);
}

static void
set_addr(struct addr *a, const struct decode *found, const uint8_t *ip,
    uint16_t port)
{
	*a = (struct addr){
		.family = found->version == 4 ? AF_INET : AF_INET6,
		.port = port,
	};
	memcpy(a->ip, ip, found->version == 4 ? 4 : 16);
}

/* @packets of them brought this segment, the last of them @p. */
static void
segment(struct dissect *d, const struct decode *found, const struct packet *p,
    uint32_t packets)
{
	struct segment seg = {
		.ts_ns = p->ts_ns,
		.seq = found->seq,
		.ack = found->ack,
		.window = found->window,
		.flags = found->flags & SEGMENT_FLAGS,
		.scale = found->scale,
		.data = found->data,
		.len = found->len,
		.wire_len = found->wire_len,
	};

	set_addr(&seg.src, found, found->src, found->sport);
	set_addr(&seg.dst, found, found->dst, found->dport);
	if (flow_table_segment(d->flows, &seg, p) != FLOW_SESSION) {
		count_add(&d->strays, packets);
		return;
	}
	count_add(&d->sessions, packets);
	if (!decode_checksum_fits(found))
		count_add(&d->bad_checksums, packets);
}

/* Is it the last one that its datagram was waiting for? */
static bool
join(struct dissect *d, const struct decode *found, const struct packet *p,
    struct defrag_whole *whole)
{
	const struct defrag_piece piece = {
		.version = found->version,
		.protocol = found->fragment.protocol,
		.more = found->fragment.more,
		.id = found->fragment.id,
		.src = found->src,
		.dst = found->dst,
		.off = found->fragment.off,
		.data = found->data,
		.len = found->len,
		.wire_len = found->wire_len,
		.depth = found->depth,
		/* What brought it, if it was made whole itself; see below. */
		.packets = whole->packets,
		.ts_ns = p->ts_ns,
	};

	return defrag_add(d->defrag, &piece, whole);
}

static enum decode_verdict
look_into(const struct defrag_whole *whole, struct decode *found)
{
	const struct decode_datagram g = {
		.version = whole->version,
		.protocol = whole->protocol,
		.depth = whole->depth,
		.src = whole->src,
		.dst = whole->dst,
		.data = whole->data,
		.len = whole->len,
		.wire_len = whole->wire_len,
	};

	return decode_datagram(&g, found);
}

/* The verdict on @packets, of which all but @p were fragments until now. */
static void
classify(struct dissect *d, enum decode_verdict verdict,
    const struct decode *found, const struct packet *p, uint32_t packets)
{
	/* It goes down: all arithmetic is modulo 2^64. */
	count_add(&d->fragments, UINT64_C(1) - packets);
	switch (verdict) {
	case DECODE_TCP:
		segment(d, found, p, packets);
		return;
	case DECODE_NOT_TCP:
		count_add(&d->not_tcp, packets);
		break;
	case DECODE_FRAGMENT: /* nested for too long */
		count_add(&d->bad[DECODE_TOO_DEEP], packets);
		break;
	case DECODE_BAD:
		count_add(&d->bad[found->bad], packets);
		break;
	}
	fanout_packet(d->fan, NULL, p);
}

void
dissect_packet(struct dissect *d, const struct packet *p)
{
	const struct decode_frame frame = {
		.linktype = p->iface->linktype,
		.depth = d->decap,
		.data = p->data,
		.len = p->len,
		.wire_len = p->wire_len,
	};
	struct decode found;
	struct defrag_whole whole = { .packets = 1 };
	enum decode_verdict verdict = decode_packet(&frame, &found);

	count_add(&d->received, 1);
	for (unsigned i = 0; verdict == DECODE_FRAGMENT && i < NESTED_MAX;
	     i++) {
		if (!join(d, &found, p, &whole)) {
			count_add(&d->fragments, 1);
			fanout_packet(d->fan, NULL, p);
			return;
		}
		verdict = look_into(&whole, &found);
	}
	classify(d, verdict, &found, p, whole.packets);
}

void
dissect_tick(struct dissect *d, uint64_t now_ns)
{
	flow_table_tick(d->flows, now_ns);
}

void
dissect_jump(struct dissect *d, int64_t jump_ns)
{
	flow_table_jump(d->flows, jump_ns);
	defrag_jump(d->defrag, jump_ns);
}

void
dissect_stop(struct dissect *d)
{
	flow_table_stop(d->flows, HOW_STOP);
}

void
dissect_limit(struct dissect *d, const struct source_limits *l)
{
	flow_table_limit(d->flows, l);
}

void
dissect_end(struct dissect *d, struct session *s)
{
	flow_table_end(d->flows, s, HOW_STOP);
}

uint64_t
dissect_live(const struct dissect *d)
{
	return flow_table_live(d->flows);
}

void
dissect_tally(const struct dissect *d, struct tally *t)
{
	t->received += count_get(&d->received);
	t->sessions += count_get(&d->sessions);
	t->not_tcp += count_get(&d->not_tcp);
	t->strays += count_get(&d->strays);
	t->fragments += count_get(&d->fragments);
	t->bad_checksums += count_get(&d->bad_checksums);
	for (size_t i = 0; i < DECODE_NBADS; i++) {
		t->undecodable[i].name = decode_bad_name((enum decode_bad)i);
		t->undecodable[i].packets += count_get(&d->bad[i]);
	}
	t->nreasons = DECODE_NBADS;
	tally_add_payload(t, flow_table_payload(d->flows));
}
