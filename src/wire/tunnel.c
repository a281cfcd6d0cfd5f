#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/link.h"
#include "wire/tunnel.h"

/* GRE's flags (RFC 2784, 2890, 1701, 2637). */
#define GRE_CHECKSUM 0x8000
#define GRE_ROUTING  0x4000
#define GRE_KEY      0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_ACK      0x0080 /* version 1 */
#define GRE_VERSION  0x0007

/* Protocols within GRE that are no Ethernet type, or not quite. */
#define GRE_ERSPAN     0x88be /* types I and II */
#define GRE_ERSPAN_III 0x22eb
#define GRE_WCCP       0x883e
#define GRE_PPP        0x880b

/* What ERSPAN III holds: bits 10 to 14 of its last two bytes. */
#define ERSPAN_ETHERNET 0
#define ERSPAN_IP       2

#define VXLAN_HAS_ID   0x08
#define VXLAN_HAS_NEXT 0x04 /* GPE: says what follows */

#define GENEVE_CONTROL 0x80

/* GTP-U: version 1 and "not GTP'"; three flags of which any adds 4 bytes. */
#define GTP_VERSION   0xf0
#define GTP_VERSION_1 0x30
#define GTP_OPTIONAL  0x07
#define GTP_EXTENSION 0x04
#define GTP_PACKET    255

/* L2TP's flags, and where the version lies (RFC 2661, section 3.1). */
#define L2TP_CONTROL  0x8000
#define L2TP_LENGTH   0x4000
#define L2TP_SEQUENCE 0x0800
#define L2TP_OFFSET   0x0200
#define L2TP_VERSION  0x000f

/* What may precede the packet in Teredo (RFC 4380, section 5.1.1). */
#define TEREDO_AUTHENTICATION 0x0001
#define TEREDO_ORIGIN         0x0000

#define AYIYA_FORWARD 1
#define AYIYA_IPV6    41

/*
 * A header of a tunnel within UDP was too short: was it cut, or is this no
 * such tunnel?
 */
static enum layer
too_short(struct layer_walk *w)
{
	return w->cut > 0 ? layer_bad(w, DECODE_TRUNCATED_TUNNEL)
			  : LAYER_NOT_TCP;
}

/* Does the next byte begin an IP header? */
static bool
is_ip(const struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 1);

	return p != NULL && (*p >> 4 == 4 || *p >> 4 == 6);
}

/*
 * Both ends of most use the same port; those of VXLAN, Geneve and MPLS put
 * their entropy into the sender's.
 */
static enum layer
port_layer(uint16_t sport, uint16_t dport)
{
	switch (dport) {
	case 4789:
	case 8472: /* Linux, before there was a number */
		return LAYER_VXLAN;
	case 4790:
		return LAYER_VXLAN_GPE;
	case 6081:
		return LAYER_GENEVE;
	case 6635:
		return LAYER_MPLS;
	default:
		break;
	}
	if (dport == 2152 || sport == 2152)
		return LAYER_GTP_U;
	if (dport == 1701 || sport == 1701)
		return LAYER_L2TP;
	if (dport == 3544 || sport == 3544)
		return LAYER_TEREDO;
	if (dport == 5072 || sport == 5072)
		return LAYER_AYIYA;
	return LAYER_NOT_TCP;
}

enum layer
tunnel_read_udp(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 8);
	enum layer next;
	uint16_t len;

	if (p == NULL) /* whatever it is, it is UDP */
		return LAYER_NOT_TCP;
	len = bytes_get_be16(p + 4);
	if (len >= 8)
		layer_trim(w, len - 8U);
	next = port_layer(bytes_get_be16(p), bytes_get_be16(p + 2));
	/* The others make sure first that they are what their port says. */
	return next == LAYER_MPLS ? layer_open(w, next) : next;
}

/* RFC 1701: entries until one has no address family and no length. */
static void
skip_gre_routes(struct cursor *c)
{
	uint16_t family;
	uint8_t len;

	do {
		family = cursor_be16(c);
		(void)cursor_u8(c); /* offset of the active hop */
		len = cursor_u8(c);
		(void)cursor_skip(c, len); /* the caller asks for bad */
	} while (!c->bad && (family != 0 || len != 0));
}

static enum layer
gre_layer(struct layer_walk *w, uint16_t flags, uint16_t protocol)
{
	switch (protocol) {
	case GRE_ERSPAN: /* type I has no header, nor a sequence number */
		return layer_open(w, (flags & GRE_SEQUENCE) != 0
					 ? LAYER_ERSPAN
					 : LAYER_ETHERNET);
	case GRE_ERSPAN_III:
		return layer_open(w, LAYER_ERSPAN);
	case GRE_WCCP:
		return layer_open(w, LAYER_WCCP);
	default:
		return layer_open(w, link_ethertype(protocol));
	}
}

enum layer
tunnel_read_gre(struct layer_walk *w)
{
	struct cursor *c = &w->in;
	uint16_t flags = cursor_be16(c);
	uint16_t protocol = cursor_be16(c);
	unsigned version = flags & GRE_VERSION;

	/* The field beside the checksum is there with routes too. */
	if ((flags & (GRE_CHECKSUM | GRE_ROUTING)) != 0)
		(void)cursor_skip(c, 4); /* bad is asked below */
	if ((flags & GRE_KEY) != 0)
		(void)cursor_skip(c, 4); /* likewise */
	if ((flags & GRE_SEQUENCE) != 0)
		(void)cursor_skip(c, 4); /* likewise */
	if (version == 1 && (flags & GRE_ACK) != 0)
		(void)cursor_skip(c, 4); /* likewise */
	if (version == 0 && (flags & GRE_ROUTING) != 0)
		skip_gre_routes(c);
	if (c->bad)
		return layer_bad(w, DECODE_TRUNCATED_TUNNEL);
	if (version > 1 || (version == 1 && protocol != GRE_PPP))
		return layer_bad(w, DECODE_BAD_TUNNEL);
	/* PPTP's acknowledgements carry nothing. */
	if (version == 1 && (flags & GRE_SEQUENCE) == 0)
		return LAYER_NOT_TCP;
	return gre_layer(w, flags, protocol);
}

/* Version 3, and 12 bits of 0. */
enum layer
tunnel_read_etherip(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 2);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_TUNNEL);
	if (p[0] >> 4 != 3)
		return layer_bad(w, DECODE_BAD_TUNNEL);
	return layer_open(w, LAYER_ETHERNET);
}

static enum layer
read_erspan_iii(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 12);

	/* The last bit: a header of the platform's own follows. */
	if (p == NULL || !cursor_skip(&w->in, (p[11] & 1) != 0 ? 8 : 0))
		return layer_bad(w, DECODE_TRUNCATED_TUNNEL);
	switch (bytes_get_be16(p + 10) >> 10 & 0x1f) {
	case ERSPAN_ETHERNET:
		return LAYER_ETHERNET;
	case ERSPAN_IP:
		return LAYER_IP;
	default:
		return LAYER_NOT_TCP;
	}
}

/* The first four bits are 1 in type II, 2 in type III. */
enum layer
tunnel_read_erspan(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 1);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_TUNNEL);
	switch (*p >> 4) {
	case 1:
		if (!cursor_skip(&w->in, 8))
			return layer_bad(w, DECODE_TRUNCATED_TUNNEL);
		return LAYER_ETHERNET;
	case 2:
		return read_erspan_iii(w);
	default:
		return layer_bad(w, DECODE_BAD_TUNNEL);
	}
}

/* Version 2 puts 4 bytes before the packet, which is IPv4. */
enum layer
tunnel_read_wccp(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 1);

	if (p == NULL || (*p >> 4 != 4 && !cursor_skip(&w->in, 4)))
		return layer_bad(w, DECODE_TRUNCATED_TUNNEL);
	return LAYER_IPV4;
}

enum layer
tunnel_read_vxlan(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 8);

	if (p == NULL)
		return too_short(w);
	if ((p[0] & VXLAN_HAS_ID) == 0)
		return LAYER_NOT_TCP;
	return layer_open(w, LAYER_ETHERNET);
}

/* Numbers that VXLAN-GPE and NSH share. */
static enum layer
next_layer(uint8_t next)
{
	switch (next) {
	case 1:
		return LAYER_IPV4;
	case 2:
		return LAYER_IPV6;
	case 3:
		return LAYER_ETHERNET;
	case 4:
		return LAYER_NSH;
	case 5:
		return LAYER_MPLS;
	default:
		return LAYER_NOT_TCP;
	}
}

enum layer
tunnel_read_vxlan_gpe(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 8);

	if (p == NULL)
		return too_short(w);
	if ((p[0] & VXLAN_HAS_ID) == 0)
		return LAYER_NOT_TCP;
	return layer_open(w,
	    (p[0] & VXLAN_HAS_NEXT) != 0 ? next_layer(p[3]) : LAYER_ETHERNET);
}

/* Version 0 and length of the options in words, flags, Ethernet type. */
enum layer
tunnel_read_geneve(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 8);

	if (p == NULL)
		return too_short(w);
	if (p[0] >> 6 != 0 || (p[1] & GENEVE_CONTROL) != 0)
		return LAYER_NOT_TCP;
	if (!cursor_skip(&w->in, (size_t)(p[0] & 0x3f) * 4))
		return too_short(w);
	return layer_open(w, link_ethertype(bytes_get_be16(p + 2)));
}

/* Extension headers: length in words, with the type of the next at its end. */
static void
skip_gtp_extensions(struct cursor *c, uint8_t next)
{
	while (next != 0 && !c->bad) {
		uint8_t words = cursor_u8(c);
		const uint8_t *p;

		/* A length of 0 would never end. */
		p = cursor_take(c, words > 0 ? words * 4U - 1 : SIZE_MAX);
		if (p != NULL)
			next = p[words * 4U - 2];
	}
}

/* Flags, message, length, tunnel; number and the first extension's type. */
enum layer
tunnel_read_gtp_u(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 8);

	if (p == NULL)
		return too_short(w);
	if ((p[0] & GTP_VERSION) != GTP_VERSION_1 || p[1] != GTP_PACKET)
		return LAYER_NOT_TCP;
	layer_trim(w, bytes_get_be16(p + 2));
	if ((p[0] & GTP_OPTIONAL) != 0) {
		const uint8_t *more = cursor_take(&w->in, 4);

		if (more != NULL && (p[0] & GTP_EXTENSION) != 0)
			skip_gtp_extensions(&w->in, more[3]);
	}
	if (w->in.bad)
		return too_short(w);
	return is_ip(w) ? layer_open(w, LAYER_IP) : LAYER_NOT_TCP;
}

enum layer
tunnel_read_l2tp(struct layer_walk *w)
{
	struct cursor *c = &w->in;
	uint16_t flags = cursor_be16(c);
	uint32_t len = 4; /* tunnel and session */

	if (c->bad)
		return too_short(w);
	if ((flags & L2TP_VERSION) != 2 || (flags & L2TP_CONTROL) != 0)
		return LAYER_NOT_TCP;
	if ((flags & L2TP_LENGTH) != 0)
		len += 2;
	if ((flags & L2TP_SEQUENCE) != 0)
		len += 4;
	(void)cursor_skip(c, len); /* bad is asked below */
	if ((flags & L2TP_OFFSET) != 0)
		(void)cursor_skip(c, cursor_be16(c)); /* likewise */
	return c->bad ? too_short(w) : layer_open(w, LAYER_PPP);
}

enum layer
tunnel_read_teredo(struct layer_walk *w)
{
	struct cursor *c = &w->in;
	const uint8_t *p = cursor_peek(c, 4);

	if (p != NULL && bytes_get_be16(p) == TEREDO_AUTHENTICATION) {
		/* Client identifier, secret; nonce and confirmation. */
		(void)cursor_skip(c, 4U + p[2] + p[3] + 9); /* asked below */
		p = cursor_peek(c, 4);
	}
	if (p != NULL && bytes_get_be16(p) == TEREDO_ORIGIN)
		(void)cursor_skip(c, 8); /* asked below */
	p = cursor_peek(c, 1);
	if (p == NULL)
		return too_short(w);
	return *p >> 4 == 6 ? layer_open(w, LAYER_IPV6) : LAYER_NOT_TCP;
}

/*
 * Four bits each: length of the identity as a power of 2, its type; length of
 * the signature in words, hash; authentication, operation.  Then the next
 * header, the time, identity and signature.
 */
enum layer
tunnel_read_ayiya(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 8);
	size_t len;

	if (p == NULL)
		return too_short(w);
	if ((p[2] & 0xf) != AYIYA_FORWARD || p[3] != AYIYA_IPV6)
		return LAYER_NOT_TCP;
	len = ((size_t)1 << (p[0] >> 4)) + (size_t)(p[1] >> 4) * 4;
	if (!cursor_skip(&w->in, len))
		return too_short(w);
	return layer_open(w, LAYER_IPV6);
}

/* Length in words in the low bits of the second byte, what follows. */
enum layer
tunnel_read_nsh(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 4);
	uint32_t len;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_TUNNEL);
	len = (p[1] & 0x3fU) * 4;
	if (len < 8)
		return layer_bad(w, DECODE_BAD_TUNNEL);
	if (!cursor_skip(&w->in, len - 4))
		return layer_bad(w, DECODE_TRUNCATED_TUNNEL);
	return next_layer(p[3]);
}
