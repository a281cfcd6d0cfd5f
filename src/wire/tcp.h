#ifndef WIRE_TCP_H
#define WIRE_TCP_H

#include <stddef.h>
#include <stdint.h>

#include "wire/layer.h"

/*
 * tcp.h - TCP headers (RFC 9293).
 *
 * struct tcp_header is for writers, in host order; see wire/ip.h.  What a
 * reader finds goes into struct decode.
 */

/* Bytes of a header without options. */
#define TCP_LEN 20

/* Bits of struct tcp_header.flags, as they lie in the header. */
#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_PSH 0x08
#define TCP_FLAG_ACK 0x10

/* Most bits that a window may be shifted by (RFC 7323, section 2.3). */
#define TCP_WINDOW_SCALE_MAX 14

/* struct decode.scale: there is no window scale option. */
#define TCP_NO_WINDOW_SCALE 0xff

/**
 * tcp_read() - Reader of a segment, which ends the walk (wire/layer.h)
 *
 * A header that was cut within its options is read as far as it goes.
 */
enum layer tcp_read(struct layer_walk *w);

/* Says that there is no window scale option. */
#define TCP_NO_WINDOW_SCALE 0xff

/**
 * struct tcp_header - A TCP header
 * @sport:	Port of the sender
 * @dport:	Port of the receiver
 * @seq:	Sequence number of the first byte, or of the SYN
 * @ack:	Next byte expected; 0 without TCP_FLAG_ACK
 * @window:	As it stands in the header, not scaled
 * @flags:	A set of TCP_FLAG_*
 * @header_len:	Bytes, options included: TCP_LEN to 60, a multiple of 4
 */
struct tcp_header {
	uint16_t sport;
	uint16_t dport;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	uint8_t flags;
	uint8_t header_len;
};

/**
 * tcp_encode() - Write the first TCP_LEN bytes of a header
 * @to:		Room for TCP_LEN bytes
 * @h:		With a @header_len beyond TCP_LEN the caller adds the options
 *
 * The checksum is 0 until tcp_seal(), the urgent pointer always.
 */
void tcp_encode(uint8_t *to, const struct tcp_header *h);

/* Bytes that tcp_encode_syn_options() writes; a multiple of 4. */
#define TCP_SYN_OPTIONS_LEN 12

/**
 * tcp_encode_syn_options() - Write the options of a SYN
 * @to:		Room for TCP_SYN_OPTIONS_LEN bytes
 * @mss:	Maximum segment size
 * @scale:	Window scale, 0 to TCP_WINDOW_SCALE_MAX
 *
 * Also permits selective acknowledgement.
 */
void tcp_encode_syn_options(uint8_t *to, uint16_t mss, uint8_t scale);

/**
 * tcp_seal() - Put the checksum in
 * @header:	@len bytes: header and options, checksum field 0
 * @sum:	Running sum of the pseudo header, with length, and of the
 *		payload
 */
void tcp_seal(uint8_t *header, size_t len, uint64_t sum);

#endif /* WIRE_TCP_H */
