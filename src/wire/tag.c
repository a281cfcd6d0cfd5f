#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/link.h"
#include "wire/tag.h"

/* Labels of MPLS that say what follows (RFC 3032, section 2.1). */
#define LABEL_IPV4_NULL 0
#define LABEL_IPV6_NULL 2

/* Bits of MACsec's first byte (IEEE 802.1AE, 9.5). */
#define MACSEC_SCI       0x20
#define MACSEC_ENCRYPTED 0x08
#define MACSEC_CHANGED   0x04

/* A field after two addresses, up to this, is a length (IEEE 802.3). */
#define LENGTH_MAX 1500

/* A tag of @len bytes, then a type, or the length of an 802.3 frame. */
static enum layer
read_tag(struct layer_walk *w, size_t len)
{
	const uint8_t *p = cursor_take(&w->in, len + 2);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return link_type_or_length(w, bytes_get_be16(p + len));
}

enum layer
tag_read_vlan(struct layer_walk *w)
{
	return read_tag(w, 2);
}

enum layer
tag_read_etag(struct layer_walk *w)
{
	return read_tag(w, 6);
}

enum layer
tag_read_vntag(struct layer_walk *w)
{
	return read_tag(w, 4);
}

/* A tag of @len bytes, then a whole frame. */
static enum layer
read_outer(struct layer_walk *w, size_t len)
{
	if (!cursor_skip(&w->in, len))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return LAYER_ETHERNET;
}

/* The service instance, then the customer's frame. */
enum layer
tag_read_pbb(struct layer_walk *w)
{
	return read_outer(w, 4);
}

/* Forwarding tag and time to live. */
enum layer
tag_read_fabricpath(struct layer_walk *w)
{
	return read_outer(w, 2);
}

/*
 * Flags, short length, packet number, and the sender's identifier if there is
 * one.  The check value at the end is cut off by IP's length.
 */
enum layer
tag_read_macsec(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 1);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if ((*p & (MACSEC_ENCRYPTED | MACSEC_CHANGED)) != 0)
		return layer_bad(w, DECODE_ENCRYPTED);
	return read_tag(w, (*p & MACSEC_SCI) != 0 ? 14 : 6);
}

/* Does an Ethernet frame lie at @p that holds something we know? */
static bool
looks_like_ethernet(const uint8_t *p, size_t len)
{
	enum layer next;
	uint16_t type;

	if (len < 14 + 3)
		return false;
	type = bytes_get_be16(p + 12);
	if (type <= LENGTH_MAX) /* of 802.3, with SNAP */
		return p[14] == 0xaa && p[15] == 0xaa && p[16] == 3;
	next = link_ethertype(type);
	if (next == LAYER_IPV4 || next == LAYER_IPV6)
		return p[14] >> 4 == (next == LAYER_IPV4 ? 4 : 6);
	return next != LAYER_NOT_TCP;
}

/*
 * Does an IP header lie at @p?  A frame whose receiver's address begins with
 * the same bits does not have the right checksum, or the length.
 */
static bool
looks_like_ip(const struct layer_walk *w, const uint8_t *p, size_t len)
{
	size_t header_len;
	uint16_t total;

	if (len >= IP_V4_LEN && p[0] >> 4 == 4) {
		header_len = (size_t)(p[0] & 0xf) * 4;
		total = bytes_get_be16(p + 2);
		if (header_len < IP_V4_LEN ||
		    (total != 0 && total < header_len))
			return false;
		return !looks_like_ethernet(p, len) ||
		       (header_len <= len && checksum_finish(checksum_add(
						 0, p, header_len)) == 0);
	}
	return len >= IP_V6_LEN && p[0] >> 4 == 6 &&
	       !looks_like_ethernet(p, len) &&
	       bytes_get_be16(p + 4) + (uint64_t)IP_V6_LEN <=
		   layer_wire_left(w);
}

/*
 * Labels do not say what they carry: the first bits do for IP, and a
 * pseudowire is known by an Ethernet type at its place, behind a control word
 * (RFC 4385: it begins with 0000) or without one.
 */
static enum layer
guess_payload(struct layer_walk *w)
{
	const uint8_t *p = w->in.p;
	size_t len = cursor_left(&w->in);

	if (looks_like_ip(w, p, len))
		return LAYER_IP;
	if (len > 4 && p[0] >> 4 == 0 && looks_like_ethernet(p + 4, len - 4)) {
		(void)cursor_skip(&w->in, 4); /* more are there */
		return LAYER_ETHERNET;
	}
	if (looks_like_ethernet(p, len))
		return LAYER_ETHERNET;
	return w->cut > 0 ? layer_bad(w, DECODE_TRUNCATED_LINK) : LAYER_NOT_TCP;
}

enum layer
tag_read_mpls(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 4);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if ((p[2] & 1) == 0) /* not the bottom of the stack */
		return LAYER_MPLS;
	switch (bytes_get_be32(p) >> 12) {
	case LABEL_IPV4_NULL:
		return LAYER_IPV4;
	case LABEL_IPV6_NULL:
		return LAYER_IPV6;
	default:
		return guess_payload(w);
	}
}
