#include <assert.h>
#include <string.h>

#include "base/bytes.h"

#include "wire/checksum.h"
#include "wire/ip.h"

/* Numbers of protocols and extension headers (IANA, protocol-numbers). */
#define PROTO_HOP_BY_HOP  0
#define PROTO_ICMP        1
#define PROTO_IPV4        4
#define PROTO_UDP         17
#define PROTO_IPV6        41
#define PROTO_ROUTING     43
#define PROTO_FRAGMENT    44
#define PROTO_GRE         47
#define PROTO_ESP         50
#define PROTO_AH          51
#define PROTO_ICMP_V6     58
#define PROTO_DESTINATION 60
#define PROTO_ETHERIP     97
#define PROTO_IPCOMP      108
#define PROTO_MOBILITY    135
#define PROTO_MPLS        137
#define PROTO_HIP         139
#define PROTO_SHIM6       140

/* Options of IPv6's extension headers (RFC 8200 section 4.2, 2675, 6275). */
#define OPTION_PAD1         0
#define OPTION_JUMBO        0xc2
#define OPTION_HOME_ADDRESS 0xc9

/* Bits of IPv4's field that begins with the flags. */
#define V4_MORE   0x2000
#define V4_OFFSET 0x1fff

/* Longest datagram, hence where the last fragment must end. */
#define DATAGRAM_MAX 65535

static size_t
encode_v4(uint8_t *to, const struct ip_header *h)
{
	assert(h->payload <= IP_V4_PAYLOAD_MAX);

	to[0] = 0x45; /* version 4, five words */
	to[1] = 0;    /* no differentiated service */
	bytes_put_be16(to + 2, (uint16_t)(IP_V4_LEN + h->payload));
	bytes_put_be16(to + 4, h->id);
	bytes_put_be16(to + 6, h->dont_fragment ? 0x4000 : 0);
	to[8] = h->ttl;
	to[9] = h->protocol;
	bytes_put_be16(to + 10, 0);
	memcpy(to + 12, h->src, 4);
	memcpy(to + 16, h->dst, 4);
	bytes_put_be16(
	    to + 10, checksum_finish(checksum_add(0, to, IP_V4_LEN)));
	return IP_V4_LEN;
}

static size_t
encode_v6(uint8_t *to, const struct ip_header *h)
{
	bytes_put_be32(to, 0x60000000); /* version 6, no class, no flow label */
	bytes_put_be16(to + 4, h->payload);
	to[6] = h->protocol;
	to[7] = h->ttl;
	memcpy(to + 8, h->src, 16);
	memcpy(to + 24, h->dst, 16);
	return IP_V6_LEN;
}

size_t
ip_encode(uint8_t *to, const struct ip_header *h)
{
	assert(h->version == 4 || h->version == 6);
	return h->version == 4 ? encode_v4(to, h) : encode_v6(to, h);
}

uint64_t
ip_pseudo_sum(const struct ip_header *h)
{
	size_t len = h->version == 4 ? 4 : 16;
	uint64_t sum = checksum_add16(0, h->protocol);

	sum = checksum_add(sum, h->src, len);
	return checksum_add(sum, h->dst, len);
}

/* What only IPv6 has between its header and the payload. */
static enum layer
extension_layer(uint8_t protocol)
{
	switch (protocol) {
	case PROTO_HOP_BY_HOP:
	case PROTO_DESTINATION:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		return LAYER_IPV6_OPTIONS;
	case PROTO_ROUTING:
		return LAYER_IPV6_ROUTING;
	case PROTO_FRAGMENT:
		return LAYER_IPV6_FRAGMENT;
	default:
		return LAYER_NOT_TCP;
	}
}

enum layer
ip_layer(struct layer_walk *w, uint8_t protocol)
{
	switch (protocol) {
	case IP_PROTO_TCP:
		return LAYER_TCP;
	case PROTO_UDP:
		return LAYER_UDP;
	case PROTO_IPV4:
		return layer_open(w, LAYER_IPV4);
	case PROTO_IPV6:
		return layer_open(w, LAYER_IPV6);
	case PROTO_GRE:
		return LAYER_GRE;
	case PROTO_ETHERIP:
		return LAYER_ETHERIP;
	case PROTO_MPLS:
		return layer_open(w, LAYER_MPLS);
	case PROTO_AH:
		return LAYER_AH;
	case PROTO_ICMP:
		return LAYER_ICMP_V4;
	case PROTO_ICMP_V6:
		return LAYER_ICMP_V6;
	case PROTO_ESP:
		return layer_bad(w, DECODE_ENCRYPTED);
	case PROTO_IPCOMP:
		return layer_bad(w, DECODE_COMPRESSED);
	default:
		return w->out->version == 6 ? extension_layer(protocol)
					    : LAYER_NOT_TCP;
	}
}

enum layer
ip_read(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 1);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_IP);
	if (*p >> 4 == 4)
		return LAYER_IPV4;
	if (*p >> 4 == 6)
		return LAYER_IPV6;
	return layer_bad(w, DECODE_BAD_IP_HEADER);
}

/*
 * The header below announced the other version: programs that rewrite link
 * headers do that.  The first bits do not lie.
 */
static enum layer
other_version(struct layer_walk *w, uint8_t version, enum layer layer)
{
	return *w->in.p >> 4 == version ? layer
					: layer_bad(w, DECODE_BAD_IP_HEADER);
}

/* The rest is a fragment; @f says where it belongs. */
static enum layer
read_fragment(struct layer_walk *w, const struct decode_fragment *f)
{
	struct decode *d = w->out;
	uint32_t left = (uint32_t)cursor_left(&w->in);
	uint64_t sent = layer_wire_left(w);

	if (sent == 0 || f->off + sent > DATAGRAM_MAX ||
	    (f->more && sent % 8 != 0))
		return layer_bad(w, DECODE_BAD_FRAGMENT);
	d->fragment = *f;
	d->data = w->in.p;
	d->len = left;
	d->wire_len = (uint32_t)sent;
	return LAYER_IS_FRAGMENT;
}

enum layer
ip_read_v4(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, IP_V4_LEN);
	uint32_t header_len;
	uint16_t total, flags;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_IP);
	header_len = (p[0] & 0xfU) * 4;
	if (p[0] >> 4 != 4) {
		w->in.p = p;
		return other_version(w, 6, LAYER_IPV6);
	}
	if (header_len < IP_V4_LEN)
		return layer_bad(w, DECODE_BAD_IP_HEADER);
	if (!cursor_skip(&w->in, header_len - IP_V4_LEN))
		return layer_bad(w, DECODE_TRUNCATED_IP);
	total = bytes_get_be16(p + 2);
	if (total >= header_len) {
		layer_trim(w, total - header_len);
	} else if (total != 0) {
		return layer_bad(w, DECODE_BAD_IP_LENGTH);
	}
	w->out->version = 4;
	w->out->src = p + 12;
	w->out->dst = p + 16;
	flags = bytes_get_be16(p + 6);
	if ((flags & (V4_MORE | V4_OFFSET)) != 0) {
		const struct decode_fragment f = {
			.id = bytes_get_be16(p + 4),
			.off = (flags & V4_OFFSET) * 8U,
			.more = (flags & V4_MORE) != 0,
			.protocol = p[9],
		};

		return read_fragment(w, &f);
	}
	return ip_layer(w, p[9]);
}

enum layer
ip_read_v6(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, IP_V6_LEN);
	uint16_t len;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_IP);
	if (p[0] >> 4 != 6) {
		w->in.p = p;
		return other_version(w, 4, LAYER_IPV4);
	}
	w->out->version = 6;
	w->out->src = p + 8;
	w->out->dst = p + 24;
	len = bytes_get_be16(p + 4);
	if (len != 0) {
		layer_trim(w, len);
	} else if (p[6] == PROTO_HOP_BY_HOP) {
		return LAYER_IPV6_JUMBO;
	}
	return ip_layer(w, p[6]);
}

/*
 * An extension header of the common shape: what follows, and its length in
 * units of 8 bytes beyond the first.  NULL: it was cut.
 */
static const uint8_t *
take_extension(struct layer_walk *w, uint32_t *len)
{
	const uint8_t *p = cursor_peek(&w->in, 2);

	if (p == NULL)
		return NULL;
	*len = (p[1] + 1U) * 8;
	return cursor_take(&w->in, *len);
}

/* The option @kind of @len bytes in a header of options, or NULL. */
static const uint8_t *
find_option(
    const uint8_t *header, uint32_t header_len, uint8_t kind, uint8_t len)
{
	struct cursor c;

	cursor_init(&c, header + 2, header_len - 2);
	while (cursor_left(&c) > 0) {
		uint8_t type = cursor_u8(&c);
		uint8_t size;
		const uint8_t *value;

		if (type == OPTION_PAD1)
			continue;
		size = cursor_u8(&c);
		value = cursor_take(&c, size);
		if (value != NULL && type == kind && size == len)
			return value;
	}
	return NULL;
}

enum layer
ip_read_v6_options(struct layer_walk *w)
{
	uint32_t len;
	const uint8_t *p = take_extension(w, &len);
	const uint8_t *home;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_IP);
	home = find_option(p, len, OPTION_HOME_ADDRESS, 16);
	if (home != NULL)
		w->out->src = home;
	return ip_layer(w, p[0]);
}

enum layer
ip_read_v6_jumbo(struct layer_walk *w)
{
	uint32_t len;
	const uint8_t *p = take_extension(w, &len);
	const uint8_t *jumbo;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_IP);
	jumbo = find_option(p, len, OPTION_JUMBO, 4);
	/* Of all behind the IPv6 header (RFC 2675, section 2). */
	if (jumbo != NULL && bytes_get_be32(jumbo) < len)
		return layer_bad(w, DECODE_BAD_IP_LENGTH);
	if (jumbo != NULL)
		layer_trim(w, bytes_get_be32(jumbo) - len);
	return ip_layer(w, p[0]);
}

/*
 * While segments are left, the header's destination is only the next stop; the
 * checksum, and the other end, know the last one (RFC 8200, section 8.1).
 */
static const uint8_t *
last_stop(const uint8_t *p, uint32_t len)
{
	if (p[3] == 0 || len < 8 + 16)
		return NULL;
	switch (p[2]) {
	case 0: /* source routes (RFC 5095 ended them): stops in order */
		return p + len - (len - 8) % 16 - 16;
	case 2: /* mobility (RFC 6275): the home address */
	case 4: /* segment routing (RFC 8754): the last stop comes first */
		return p + 8;
	default:
		return NULL;
	}
}

enum layer
ip_read_v6_routing(struct layer_walk *w)
{
	uint32_t len;
	const uint8_t *p = take_extension(w, &len);
	const uint8_t *last;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_IP);
	last = last_stop(p, len);
	if (last != NULL)
		w->out->dst = last;
	return ip_layer(w, p[0]);
}

enum layer
ip_read_v6_fragment(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 8);
	struct decode_fragment f;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_IP);
	f.protocol = p[0];
	f.off = bytes_get_be16(p + 2) & 0xfff8U;
	f.more = (p[3] & 1) != 0;
	f.id = bytes_get_be32(p + 4);
	/* A datagram in one piece has nothing to wait for (RFC 6946). */
	if (f.off == 0 && !f.more)
		return ip_layer(w, f.protocol);
	return read_fragment(w, &f);
}

/* Its length is counted in words beyond the first two (RFC 4302). */
enum layer
ip_read_ah(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 2);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_IP);
	if (p[1] < 1)
		return layer_bad(w, DECODE_BAD_IP_EXTENSION);
	if (!cursor_skip(&w->in, (p[1] + (size_t)2) * 4))
		return layer_bad(w, DECODE_TRUNCATED_IP);
	return ip_layer(w, p[0]);
}

/* However short it is, it is not TCP. */
enum layer
ip_read_icmp_v4(struct layer_walk *w)
{
	(void)cursor_skip(&w->in, 8); /* says so itself, if it does not fit */
	return LAYER_NOT_TCP;
}

enum layer
ip_read_icmp_v6(struct layer_walk *w)
{
	(void)cursor_skip(&w->in, 4); /* likewise */
	return LAYER_NOT_TCP;
}
