#include <stddef.h>
#include <stdint.h>

#include "wire/link.h"
#include "wire/ppp.h"

/* Address and control of HDLC-like framing (RFC 1662). */
#define HDLC_PPP 0xff03

/* Cisco's addresses. */
#define CHDLC_UNICAST   0x0f
#define CHDLC_BROADCAST 0x8f

/* Bits of a bridged packet's flags, and its one medium (RFC 3518). */
#define BCP_LAN_ID   0x40
#define BCP_ETHERNET 1

/* Protocols (IANA, ppp-numbers). */
enum {
	PPP_IPV4 = 0x0021,
	PPP_VJ_COMPRESSED = 0x002d,
	PPP_VJ_UNCOMPRESSED = 0x002f,
	PPP_BRIDGING = 0x0031,
	PPP_MULTILINK = 0x003d,
	PPP_ENCRYPTED = 0x0053,
	PPP_LINK_ENCRYPTED = 0x0055,
	PPP_IPV6 = 0x0057,
	PPP_IPHC_TCP = 0x0063,
	PPP_IPHC_TCP_NODELTA = 0x2063,
	PPP_LINK_COMPRESSED = 0x00fb,
	PPP_COMPRESSED = 0x00fd,
	PPP_MPLS = 0x0281,
	PPP_MPLS_UP = 0x0283,
};

/* Flags, medium, an identifier and padding if the flags say so; a frame. */
static enum layer
read_bridged(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 2);

	if (p == NULL || !cursor_skip(&w->in, (p[0] & BCP_LAN_ID) != 0 ? 4 : 0))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return p[1] == BCP_ETHERNET ? LAYER_ETHERNET : LAYER_NOT_TCP;
}

static enum layer
protocol_layer(struct layer_walk *w, uint16_t protocol)
{
	switch (protocol) {
	case PPP_IPV4:
		return LAYER_IPV4;
	case PPP_IPV6:
		return LAYER_IPV6;
	case PPP_MPLS:
	case PPP_MPLS_UP:
		return LAYER_MPLS;
	case PPP_BRIDGING:
		return read_bridged(w);
	case PPP_MULTILINK:
		return layer_bad(w, DECODE_LINK_FRAGMENT);
	case PPP_ENCRYPTED:
	case PPP_LINK_ENCRYPTED:
		return layer_bad(w, DECODE_ENCRYPTED);
	case PPP_COMPRESSED:
	case PPP_LINK_COMPRESSED:
	case PPP_VJ_COMPRESSED:
	case PPP_VJ_UNCOMPRESSED:
	case PPP_IPHC_TCP:
	case PPP_IPHC_TCP_NODELTA:
		return layer_bad(w, DECODE_COMPRESSED);
	default:
		return LAYER_NOT_TCP;
	}
}

/* A protocol's last byte is odd, its first even: one of them may be left out.
 */
static enum layer
read_protocol(struct layer_walk *w)
{
	uint16_t protocol = cursor_u8(&w->in);

	if ((protocol & 1) == 0)
		protocol = (uint16_t)(protocol << 8 | cursor_u8(&w->in));
	if (w->in.bad)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return protocol_layer(w, protocol);
}

enum layer
ppp_read(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 2);

	if (p != NULL && bytes_get_be16(p) == HDLC_PPP)
		(void)cursor_skip(&w->in, 2); /* they are there */
	return read_protocol(w);
}

enum layer
ppp_read_link(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 1);

	if (p != NULL && (*p == CHDLC_UNICAST || *p == CHDLC_BROADCAST))
		return LAYER_CHDLC;
	return LAYER_PPP;
}

/* A byte says who sent it. */
enum layer
ppp_read_with_dir(struct layer_walk *w)
{
	if (!cursor_skip(&w->in, 1))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return LAYER_PPP_LINK;
}

enum layer
ppp_read_chdlc(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 4);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return link_ethertype(bytes_get_be16(p + 2));
}

enum layer
ppp_read_chdlc_with_dir(struct layer_walk *w)
{
	if (!cursor_skip(&w->in, 1))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return LAYER_CHDLC;
}

/* Version and type 1, code 0 for sessions, session, length. */
enum layer
ppp_read_pppoe(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 6);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if (p[0] != 0x11)
		return layer_bad(w, DECODE_BAD_LINK);
	if (p[1] != 0)
		return LAYER_NOT_TCP;
	layer_trim(w, bytes_get_be16(p + 4));
	return LAYER_PPP;
}
