#include <stddef.h>

#include "wire/link.h"

/* Ethernet types (IANA, ieee-802-numbers). */
#define TYPE_IPV4       0x0800
#define TYPE_BRIDGING   0x6558
#define TYPE_VLAN       0x8100
#define TYPE_IPV6       0x86dd
#define TYPE_PPP        0x880b
#define TYPE_MPLS       0x8847
#define TYPE_MPLS_UP    0x8848
#define TYPE_PPPOE      0x8864
#define TYPE_S_VLAN     0x88a8
#define TYPE_MACSEC     0x88e5
#define TYPE_PBB        0x88e7
#define TYPE_FABRICPATH 0x8903
#define TYPE_VNTAG      0x8926
#define TYPE_ETAG       0x893f
#define TYPE_NSH        0x894f
/* Service tags from before 802.1ad. */
#define TYPE_Q_IN_Q   0x9100
#define TYPE_Q_IN_Q_2 0x9200
#define TYPE_Q_IN_Q_3 0x9300

/* A field up to this is a length, from TYPE_MIN on a type (IEEE 802.3). */
#define LENGTH_MAX 1500
#define TYPE_MIN   1536

/* Service access points of 802.2. */
#define SAP_IP   0x06
#define SAP_SNAP 0xaa

/* Control field of 802.2: unnumbered information. */
#define LLC_UI 0x03

/* Organizations of SNAP. */
#define SNAP_ENCAPSULATED 0x000000 /* an Ethernet type follows */
#define SNAP_TUNNEL       0x0000f8 /* likewise (802.1H) */
#define SNAP_BRIDGED      0x0080c2 /* a frame follows (RFC 2684) */

/* ARCNET's types: RFC 1051, and with fragmentation RFC 1201. */
#define ARCNET_IP_1051 240
#define ARCNET_IP_1201 212
#define ARCNET_IPV6    196

enum layer
link_layer(struct layer_walk *w, uint32_t linktype)
{
	static const struct {
		uint16_t linktype;
		uint16_t layer;
	} known[] = {
		{ 1, LAYER_ETHERNET },
		{ 113, LAYER_SLL },
		{ 276, LAYER_SLL2 },
		{ 101, LAYER_IP },
		{ 12, LAYER_IP }, /* DLT_RAW */
		{ 14, LAYER_IP }, /* DLT_RAW of OpenBSD */
		{ 228, LAYER_IPV4 },
		{ 229, LAYER_IPV6 },
		{ 0, LAYER_NULL },
		{ 108, LAYER_NULL },
		{ 105, LAYER_IEEE80211 },
		{ 127, LAYER_RADIOTAP },
		{ 192, LAYER_PPI },
		{ 119, LAYER_PRISM },
		{ 163, LAYER_AVS },
		{ 9, LAYER_PPP_LINK },
		{ 50, LAYER_PPP_LINK },
		{ 51, LAYER_PPPOE },
		{ 204, LAYER_PPP_WITH_DIR },
		{ 104, LAYER_CHDLC },
		{ 205, LAYER_CHDLC_WITH_DIR },
		{ 239, LAYER_NFLOG },
		{ 258, LAYER_PKTAP },
		{ 100, LAYER_LLC }, /* RFC 2684 over ATM */
		{ 11, LAYER_LLC },  /* its DLT_ value */
		{ 10, LAYER_FDDI },
		{ 6, LAYER_TOKEN_RING },
		{ 7, LAYER_ARCNET },
		{ 129, LAYER_ARCNET_LINUX },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].linktype == linktype)
			return (enum layer)known[i].layer;
	}
	return layer_bad(w, DECODE_LINK_TYPE);
}

enum layer
link_ethertype(uint16_t type)
{
	switch (type) {
	case TYPE_IPV4:
		return LAYER_IPV4;
	case TYPE_IPV6:
		return LAYER_IPV6;
	case TYPE_VLAN:
	case TYPE_S_VLAN:
	case TYPE_Q_IN_Q:
	case TYPE_Q_IN_Q_2:
	case TYPE_Q_IN_Q_3:
		return LAYER_VLAN;
	case TYPE_MPLS:
	case TYPE_MPLS_UP:
		return LAYER_MPLS;
	case TYPE_PPPOE:
		return LAYER_PPPOE;
	case TYPE_PPP:
		return LAYER_PPP;
	case TYPE_BRIDGING:
		return LAYER_ETHERNET;
	case TYPE_PBB:
		return LAYER_PBB;
	case TYPE_ETAG:
		return LAYER_ETAG;
	case TYPE_VNTAG:
		return LAYER_VNTAG;
	case TYPE_FABRICPATH:
		return LAYER_FABRICPATH;
	case TYPE_MACSEC:
		return LAYER_MACSEC;
	case TYPE_NSH:
		return LAYER_NSH;
	default:
		return LAYER_NOT_TCP;
	}
}

enum layer
link_type_or_length(struct layer_walk *w, uint16_t value)
{
	if (value >= TYPE_MIN)
		return link_ethertype(value);
	if (value > LENGTH_MAX)
		return LAYER_NOT_TCP;
	layer_trim(w, value);
	return LAYER_LLC;
}

enum layer
link_read_ethernet(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 14);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return link_type_or_length(w, bytes_get_be16(p + 12));
}

static enum layer
read_snap(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 5);
	uint32_t oui;
	uint16_t id;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	oui = bytes_get_be32(p) >> 8;
	id = bytes_get_be16(p + 3);
	if (oui == SNAP_ENCAPSULATED || oui == SNAP_TUNNEL)
		return link_ethertype(id);
	/* With, and without, the frame's check sequence at its end. */
	if (oui == SNAP_BRIDGED && (id == 1 || id == 7))
		return LAYER_ETHERNET;
	return LAYER_NOT_TCP;
}

enum layer
link_read_llc(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 3);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if (p[2] != LLC_UI || p[0] != p[1])
		return LAYER_NOT_TCP;
	if (p[0] == SAP_SNAP)
		return read_snap(w);
	return p[0] == SAP_IP ? LAYER_IPV4 : LAYER_NOT_TCP;
}

/* Frame control, two addresses; 0x50 to 0x5f announce 802.2. */
enum layer
link_read_fddi(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 13);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return (p[0] & 0xf0) == 0x50 ? LAYER_LLC : LAYER_NOT_TCP;
}

/*
 * Access control, frame control, two addresses, and a route if the first bit
 * of the sender says so: its length is in its first byte.
 */
enum layer
link_read_token_ring(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 14);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if ((p[1] & 0xc0) != 0x40)
		return LAYER_NOT_TCP;
	if ((p[8] & 0x80) != 0) {
		const uint8_t *route = cursor_peek(&w->in, 1);

		if (route == NULL || !cursor_skip(&w->in, *route & 0x1fU))
			return layer_bad(w, DECODE_TRUNCATED_LINK);
	}
	return LAYER_LLC;
}

/* RFC 1201: a flag (after an exception's: once more), a sequence number. */
static enum layer
read_rfc1201(struct layer_walk *w, enum layer next)
{
	uint8_t flag = cursor_u8(&w->in);

	if (flag == 0xff) {
		(void)cursor_skip(&w->in, 3); /* bad is asked below */
		flag = cursor_u8(&w->in);
	}
	(void)cursor_skip(&w->in, 2); /* likewise */
	if (w->in.bad)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return flag == 0 ? next : layer_bad(w, DECODE_LINK_FRAGMENT);
}

static enum layer
read_arcnet(struct layer_walk *w, size_t addresses)
{
	const uint8_t *p = cursor_take(&w->in, addresses + 1);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	switch (p[addresses]) {
	case ARCNET_IP_1051:
		return LAYER_IPV4;
	case ARCNET_IP_1201:
		return read_rfc1201(w, LAYER_IPV4);
	case ARCNET_IPV6:
		return read_rfc1201(w, LAYER_IPV6);
	default:
		return LAYER_NOT_TCP;
	}
}

/* Sender and receiver, a byte each. */
enum layer
link_read_arcnet(struct layer_walk *w)
{
	return read_arcnet(w, 2);
}

/* Linux leaves the offset of the payload in between. */
enum layer
link_read_arcnet_linux(struct layer_walk *w)
{
	return read_arcnet(w, 4);
}
