#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ieee80211.h"

/* First byte of the frame control: version, type and subtype. */
#define VERSION      0x03
#define TYPE         0x0c
#define TYPE_DATA    0x08
#define SUBTYPE_NULL 0x40 /* without data */
#define SUBTYPE_QOS  0x80

/* Second byte: flags. */
#define FLAG_TO_DS     0x01
#define FLAG_FROM_DS   0x02
#define FLAG_MORE      0x04 /* fragments */
#define FLAG_PROTECTED 0x40
#define FLAG_ORDER     0x80 /* with QoS: a field for high throughput */

/* Up to the sequence control: what all data frames begin with. */
#define BASE_LEN 24

/* Quality of service: the payload is an A-MSDU. */
#define QOS_AMSDU 0x80

/* Bits of radiotap's "present": what comes before the flags, the flags. */
#define RADIOTAP_TSFT   (1U << 0)
#define RADIOTAP_FLAGS  (1U << 1)
#define RADIOTAP_MORE   (1U << 31) /* another "present" follows */
#define RADIOTAP_PADDED 0x20       /* of the flags: after the 802.11 header */

/* Of AVS's headers, in network order. */
#define AVS_MAGIC 0x80211000

/* A sane Prism header; it has 144 bytes. */
#define PRISM_MAX 4096

/* Several packets in one frame are one if the first one fills it. */
static enum layer
read_amsdu(struct layer_walk *w)
{
	const uint8_t *p = cursor_take(&w->in, 14); /* as Ethernet's */
	uint32_t len;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	len = bytes_get_be16(p + 12);
	/* Filled up to a multiple of 4, and with a check sequence. */
	if (len + 3 + 4 < layer_wire_left(w))
		return layer_bad(w, DECODE_LINK_AGGREGATE);
	layer_trim(w, len);
	return LAYER_LLC;
}

/* Where a data frame's own fields end, and QoS begins if it has that. */
static size_t
qos_offset(const uint8_t *p)
{
	bool wds = (p[1] & FLAG_TO_DS) != 0 && (p[1] & FLAG_FROM_DS) != 0;

	return wds ? BASE_LEN + 6 : BASE_LEN; /* a fourth address */
}

static size_t
header_len(const uint8_t *p, bool padded)
{
	size_t len = qos_offset(p);

	if ((p[0] & SUBTYPE_QOS) != 0)
		len += (p[1] & FLAG_ORDER) != 0 ? 6 : 2;
	return padded ? (len + 3) / 4 * 4 : len;
}

enum layer
ieee80211_read(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 2);

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if ((p[0] & VERSION) != 0)
		return layer_bad(w, DECODE_BAD_LINK);
	if ((p[0] & TYPE) != TYPE_DATA || (p[0] & SUBTYPE_NULL) != 0)
		return LAYER_NOT_TCP;
	if ((p[1] & FLAG_PROTECTED) != 0)
		return layer_bad(w, DECODE_ENCRYPTED);
	p = cursor_take(&w->in, header_len(p, w->padded));
	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if ((p[1] & FLAG_MORE) != 0 || (p[22] & 0xf) != 0)
		return layer_bad(w, DECODE_LINK_FRAGMENT);
	if ((p[0] & SUBTYPE_QOS) != 0 && (p[qos_offset(p)] & QOS_AMSDU) != 0)
		return read_amsdu(w);
	return LAYER_LLC;
}

/*
 * Does radiotap say that the header after it is filled up?  Fields follow the
 * words of "present", in the order of its bits, each at its own alignment.
 */
static bool
is_padded(const uint8_t *header, size_t len)
{
	struct cursor c;
	uint32_t first, present;
	uint8_t flags;

	cursor_init(&c, header, len);
	(void)cursor_skip(&c, 4); /* the caller has more */
	first = present = cursor_le32(&c);
	while ((present & RADIOTAP_MORE) != 0 && !c.bad)
		present = cursor_le32(&c);
	if ((first & RADIOTAP_TSFT) != 0) {
		size_t misfit = (size_t)(c.p - header) % 8;

		(void)cursor_skip(&c, 8 + (8 - misfit) % 8); /* bad: below */
	}
	flags = cursor_u8(&c);
	return (first & RADIOTAP_FLAGS) != 0 && !c.bad &&
	       (flags & RADIOTAP_PADDED) != 0;
}

/* Version 0, padding, length of all this, what is present; little-endian. */
enum layer
ieee80211_read_radiotap(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 8);
	size_t len;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	len = bytes_get_le16(p + 2);
	if (p[0] != 0 || len < 8)
		return layer_bad(w, DECODE_BAD_LINK);
	if (!cursor_skip(&w->in, len))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	w->padded = is_padded(p, len);
	return LAYER_IEEE80211;
}

enum layer
ieee80211_read_avs(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 8);
	uint32_t len;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	len = bytes_get_be32(p + 4);
	if ((bytes_get_be32(p) & 0xfffff000) != AVS_MAGIC || len < 8)
		return layer_bad(w, DECODE_BAD_LINK);
	if (!cursor_skip(&w->in, len))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return LAYER_IEEE80211;
}

/* Message code and length, in the order of whoever captured; or AVS. */
enum layer
ieee80211_read_prism(struct layer_walk *w)
{
	const uint8_t *p = cursor_peek(&w->in, 8);
	uint32_t len;

	if (p == NULL)
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	if ((bytes_get_be32(p) & 0xfffff000) == AVS_MAGIC)
		return LAYER_AVS;
	len = bytes_get_le32(p + 4);
	if (len > PRISM_MAX)
		len = bytes_get_be32(p + 4);
	if (len < 8 || len > PRISM_MAX)
		return layer_bad(w, DECODE_BAD_LINK);
	if (!cursor_skip(&w->in, len))
		return layer_bad(w, DECODE_TRUNCATED_LINK);
	return LAYER_IEEE80211;
}
