#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/cooked.h"
#include "wire/link.h"

/* Address families: AF_INET is 2 everywhere, AF_INET6 differs. */
#define FAMILY_INET          2
#define FAMILY_INET6_LINUX   10
#define FAMILY_INET6_BSD     24 /* NetBSD, OpenBSD */
#define FAMILY_INET6_FREEBSD 28
#define FAMILY_INET6_DARWIN  30

/* Types of Linux interfaces (ARPHRD_) whose protocol field means else. */
#define ARPHRD_IEEE80211          801
#define ARPHRD_IEEE80211_PRISM    802
#define ARPHRD_IEEE80211_RADIOTAP 803
#define ARPHRD_NETLINK            824

/* Where there is no Ethernet type (ETH_P_802_2). */
#define PROTOCOL_LLC 0x0004

/* Of NFLOG's attributes: the packet itself. */
#define NFLOG_PAYLOAD 9

static enum layer
family_layer(uint32_t family)
{
	switch (family) {
	case FAMILY_INET:
		return LAYER_IPV4;
	case FAMILY_INET6_LINUX:
	case FAMILY_INET6_BSD:
	case FAMILY_INET6_FREEBSD:
	case FAMILY_INET6_DARWIN:
		return LAYER_IPV6;
	default:
		return LAYER_NOT_TCP;
	}
}

/*
 * In the order of whoever captured (NULL), or of the network (LOOP).  Families
 * are small: the order in which they fit into 16 bits is the right one.
 */
enum layer
cooked_read_null(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 4);
	uint32_t family;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	family = bytes_get_le32(p);
	if (family > UINT16_MAX)
		family = bytes_get_be32(p);
	return family_layer(family);
}

static enum layer
cooked_layer(uint16_t arphrd, uint16_t protocol)
{
	switch (arphrd) {
	case ARPHRD_NETLINK:
		return LAYER_NOT_TCP;
	case ARPHRD_IEEE80211:
		return LAYER_IEEE80211;
	case ARPHRD_IEEE80211_PRISM:
		return LAYER_PRISM;
	case ARPHRD_IEEE80211_RADIOTAP:
		return LAYER_RADIOTAP;
	default:
		return protocol == PROTOCOL_LLC ? LAYER_LLC
						: link_ethertype(protocol);
	}
}

/* Direction, ARPHRD_, length of the address, 8 bytes of it, protocol. */
enum layer
cooked_read_sll(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 16);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return cooked_layer(bytes_get_be16(p + 2), bytes_get_be16(p + 14));
}

/* Protocol, 0, interface, ARPHRD_, direction, length, 8 bytes of address. */
enum layer
cooked_read_sll2(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 20);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return cooked_layer(bytes_get_be16(p + 8), bytes_get_be16(p));
}

/*
 * Attributes: length, with these 4 bytes, and type, in the order of whoever
 * captured, then the value, filled up to a multiple of 4.  Little-endian
 * unless that makes no sense of the first: no attribute is as long as that
 * order would have it read.
 */
static enum layer
read_nflog_attributes(struct layer_walk *w, enum layer next)
{
	const uint8_t *first = cursor_peek(&w->in, 4);
	bool little = first != NULL && bytes_get_le16(first) >= 4 &&
		      (bytes_get_le16(first) <= cursor_left(&w->in) ||
			  bytes_get_be16(first) > cursor_left(&w->in));

	while (cursor_left(&w->in) > 0) {
		uint16_t len =
		    little ? cursor_le16(&w->in) : cursor_be16(&w->in);
		uint16_t type =
		    little ? cursor_le16(&w->in) : cursor_be16(&w->in);

		if (w->in.bad)
			break;
		if (len < 4)
			return layer_bad(w, DECODE_BAD_LINK);
		if (type == NFLOG_PAYLOAD) {
			layer_trim(w, len - 4U);
			return next;
		}
		(void)cursor_skip(
		    &w->in, (len - 1U) / 4 * (size_t)4); /* asked above */
	}
	return w->in.bad || w->cut > 0 ? layer_bad(w, DECODE_TRUNCATED_LINK)
				       : LAYER_NOT_TCP;
}

/* Family, version 0, resource; then attributes. */
enum layer
cooked_read_nflog(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 4);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if (p[1] != 0)
		return layer_bad(w, DECODE_BAD_LINK);
	return read_nflog_attributes(w, family_layer(p[0]));
}

/* Length of all this, 1 for a packet, its DLT_ value, and much else. */
enum layer
cooked_read_pktap(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 12);
	uint32_t len;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	len = bytes_get_le32(p);
	if (bytes_get_le32(p + 4) != 1)
		return LAYER_NOT_TCP;
	if (len < 12)
		return layer_bad(w, DECODE_BAD_LINK);
	if (!cursor_skip(&w->in, len - 12))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return link_layer(w, bytes_get_le32(p + 8));
}

/* Version, flags, length of all this, DLT_ value; then fields. */
enum layer
cooked_read_ppi(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 8);
	uint32_t len;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	len = bytes_get_le16(p + 2);
	if (p[0] != 0 || len < 8)
		return layer_bad(w, DECODE_BAD_LINK);
	if (!cursor_skip(&w->in, len - 8))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return link_layer(w, bytes_get_le32(p + 4));
}
