#ifndef WIRE_LAYER_H
#define WIRE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

#include "wire/decode.h"

/*
 * layer.h - one header of a packet, for those who read them (wire/decode.h).
 *
 * A reader is a function
 *
 *	enum layer x_read(struct layer_walk *w);
 *
 * It finds w->in at the first byte of its header, steps over it, cuts off
 * what its length field says is not payload, and returns what w->in is at
 * now, or one of the verdicts.
 */

/**
 * enum layer - What the next bytes are
 *
 * Up to LAYER_TCP: a header, with a reader in decode.c.  The others end the
 * walk; they are in the order of enum decode_verdict.
 */
enum layer {
	/* link.h */
	LAYER_ETHERNET,
	LAYER_LLC,
	LAYER_FDDI,
	LAYER_TOKEN_RING,
	LAYER_ARCNET,
	LAYER_ARCNET_LINUX,
	/* cooked.h */
	LAYER_NULL,
	LAYER_SLL,
	LAYER_SLL2,
	LAYER_NFLOG,
	LAYER_PKTAP,
	LAYER_PPI,
	/* ieee80211.h */
	LAYER_IEEE80211,
	LAYER_RADIOTAP,
	LAYER_PRISM,
	LAYER_AVS,
	/* ppp.h */
	LAYER_PPP,
	LAYER_PPP_LINK,
	LAYER_PPP_WITH_DIR,
	LAYER_CHDLC,
	LAYER_CHDLC_WITH_DIR,
	LAYER_PPPOE,
	/* tag.h */
	LAYER_VLAN,
	LAYER_PBB,
	LAYER_ETAG,
	LAYER_VNTAG,
	LAYER_FABRICPATH,
	LAYER_MACSEC,
	LAYER_MPLS,
	/* ip.h */
	LAYER_IP, /* either version: the first four bits say which */
	LAYER_IPV4,
	LAYER_IPV6,
	LAYER_IPV6_OPTIONS,
	LAYER_IPV6_JUMBO, /* hop-by-hop options after a length of 0 */
	LAYER_IPV6_ROUTING,
	LAYER_IPV6_FRAGMENT,
	LAYER_AH,
	LAYER_ICMP_V4,
	LAYER_ICMP_V6,
	/* tunnel.h */
	LAYER_UDP,
	LAYER_GRE,
	LAYER_ETHERIP,
	LAYER_ERSPAN,
	LAYER_WCCP,
	LAYER_VXLAN,
	LAYER_VXLAN_GPE,
	LAYER_GENEVE,
	LAYER_GTP_U,
	LAYER_L2TP,
	LAYER_TEREDO,
	LAYER_AYIYA,
	LAYER_NSH,
	/* tcp.h */
	LAYER_TCP,

	LAYER_IS_TCP,
	LAYER_IS_FRAGMENT,
	LAYER_NOT_TCP,
	LAYER_BAD,
};
#define LAYER_NREADERS (LAYER_TCP + 1)

/**
 * struct layer_walk - Where we are in a packet
 * @in:		What is left of it, as far as it was captured
 * @cut:	Bytes of it beyond @in.end that were sent and not captured
 * @padded:	802.11's header is filled up to a multiple of 4
 * @out:	What is found; out->depth goes down with each tunnel
 */
struct layer_walk {
	struct cursor in;
	uint32_t cut;
	bool padded;
	struct decode *out;
};

/** layer_bad() - The verdict "undecodable", with the reason. */
static inline enum layer
layer_bad(struct layer_walk *w, enum decode_bad bad)
{
	w->out->bad = bad;
	return LAYER_BAD;
}

/** layer_open() - What follows is within a tunnel: is it to be opened? */
static inline enum layer
layer_open(struct layer_walk *w, enum layer next)
{
	if (next >= LAYER_NREADERS)
		return next;
	if (w->out->depth == 0)
		return layer_bad(w, DECODE_TOO_DEEP);
	w->out->depth--;
	return next;
}

/** layer_wire_left() - Bytes that were on the wire from here on. */
static inline uint64_t
layer_wire_left(const struct layer_walk *w)
{
	return (uint64_t)cursor_left(&w->in) + w->cut;
}

/**
 * layer_trim() - What lies beyond the next @len bytes is padding
 *
 * A length beyond the frame's own changes nothing: either is wrong.  Whoever
 * cut the packet without a word will be found out by the sequence numbers;
 * a length field that lies would make bytes that nobody ever sent.
 */
static inline void
layer_trim(struct layer_walk *w, uint32_t len)
{
	size_t left = cursor_left(&w->in);

	if (len <= left)
		w->cut = 0;
	else if (len - left < w->cut)
		w->cut = (uint32_t)(len - left);
	cursor_limit(&w->in, len);
}

#endif /* WIRE_LAYER_H */
