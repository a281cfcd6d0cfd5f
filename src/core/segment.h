#ifndef CORE_SEGMENT_H
#define CORE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * segment.h - a TCP segment (RFC 9293) as the flow table takes it: what is
 * left of a packet when all headers are read.
 */

/* Bits of struct segment.flags, as they lie in the header. */
#define SEGMENT_FIN 0x01
#define SEGMENT_SYN 0x02
#define SEGMENT_RST 0x04
#define SEGMENT_PSH 0x08
#define SEGMENT_ACK 0x10

/* No window scale option (RFC 7323, section 2.2). */
#define SEGMENT_NO_SCALE 0xff

/**
 * struct segment - One of them
 * @src:	Sender, AF_INET or AF_INET6, scope 0
 * @dst:	Receiver, the same family
 * @ts_ns:	Of its packet
 * @seq:	Sequence number of the SYN if there is one, else of @data
 * @ack:	Valid with SEGMENT_ACK
 * @window:	As in the header, not scaled
 * @flags:	A set of SEGMENT_*; others are cleared
 * @scale:	Shift of the window scale option, at most 14, or
 *		SEGMENT_NO_SCALE
 * @data:	Payload; borrowed until the callee returns
 * @len:	Bytes of it that were captured
 * @wire_len:	Bytes of it that were sent, at least @len: the rest was cut off
 *		by the snapshot length
 */
struct segment {
	struct addr src;
	struct addr dst;
	uint64_t ts_ns;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	uint8_t flags;
	uint8_t scale;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
};

/** segment_has() - Is @flag among its flags? */
static inline bool
segment_has(const struct segment *seg, unsigned flag)
{
	return (seg->flags & flag) != 0;
}

#endif /* CORE_SEGMENT_H */
