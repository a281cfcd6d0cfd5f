#ifndef WIRE_DECODE_H
#define WIRE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * decode.h - from a captured packet to the TCP segment in it.
 *
 * The headers of a packet are a chain: each says what follows it.  A reader
 * of one header (wire/layer.h) steps over it and names the next; decode.c
 * walks until one of them comes to a verdict.  The table of readers is
 *
 *	link.h		Ethernet, LLC/SNAP, FDDI, token ring, ARCNET
 *	cooked.h	what capturing programs write in place of a link header
 *	ieee80211.h	802.11, and what drivers put before it
 *	ppp.h		PPP, PPPoE, Cisco HDLC
 *	tag.h		what stands between Ethernet and IP: VLANs, MPLS, ...
 *	ip.h		IPv4, IPv6 and its extension headers, AH
 *	tunnel.h	what stands between IP and IP: GRE, ERSPAN, VXLAN, ...
 *	tcp.h		TCP
 *
 * Two budgets keep a packet from being deep: the tunnels that are opened
 * (decision 20), and the headers in all, DECODE_HEADERS_MAX.
 *
 * Two kinds of length are told apart everywhere: what was captured, and what
 * was on the wire.  The length fields of IP cut off what Ethernet pads with,
 * also from what a snapshot length has cut off.  A length of 0 (segmentation
 * offload) means "what the frame holds".
 *
 * Pure functions: nothing is kept between two packets.
 */

/* More than any network has; bounds the time that a packet can cost. */
#define DECODE_HEADERS_MAX 64

/** enum decode_verdict - What a packet is. */
enum decode_verdict {
	DECODE_TCP,      /* a segment */
	DECODE_FRAGMENT, /* of an IP datagram: core/defrag.h goes on */
	DECODE_NOT_TCP,  /* something else */
	DECODE_BAD,      /* cannot tell, for a reason */
};

/** enum decode_bad - Why a packet was given up. */
enum decode_bad {
	DECODE_LINK_TYPE,      /* nothing is known about this link type */
	DECODE_TRUNCATED_LINK, /* ends within a header below IP */
	DECODE_BAD_LINK,       /* such a header contradicts itself */
	DECODE_LINK_FRAGMENT,  /* cut in pieces below IP: 802.11, ARCNET, PPP */
	DECODE_LINK_AGGREGATE, /* several packets in one frame: 802.11 A-MSDU */
	DECODE_TRUNCATED_IP,   /* ends within IP's headers */
	DECODE_BAD_IP_HEADER,  /* wrong version or header length */
	DECODE_BAD_IP_LENGTH,  /* total length below the header's */
	DECODE_BAD_IP_EXTENSION, /* options or AH that contradict themselves */
	DECODE_BAD_FRAGMENT,     /* empty, beyond 65535, not a multiple of 8 */
	DECODE_TRUNCATED_TUNNEL, /* ends within a tunnel's header */
	DECODE_BAD_TUNNEL,       /* such a header contradicts itself */
	DECODE_TRUNCATED_TCP,  /* ends within the fixed part of TCP's header */
	DECODE_BAD_TCP_HEADER, /* data offset below 5 or beyond the segment */
	DECODE_TOO_DEEP,       /* more tunnels or headers than are opened */
	DECODE_ENCRYPTED,      /* ESP, WEP and WPA, MACsec, PPP ECP */
	DECODE_COMPRESSED,     /* IPComp, PPP CCP and Van Jacobson */
};
#define DECODE_NBADS (DECODE_COMPRESSED + 1)

/** decode_bad_name() - "link_type", ...: as sheet and metrics spell it. */
const char *decode_bad_name(enum decode_bad bad);

/**
 * struct decode_fragment - Where a fragment belongs
 * @id:		Identification; 16 bits of it in IPv4
 * @off:	Of its first byte in the datagram's payload
 * @more:	Others follow
 * @protocol:	What the datagram carries; in IPv6 only that of the fragment at
 *		offset 0 counts (RFC 8200, section 4.5)
 */
struct decode_fragment {
	uint32_t id;
	uint32_t off;
	bool more;
	uint8_t protocol;
};

/**
 * struct decode - What was found; pointers lead into the packet
 * @bad:	DECODE_BAD: why
 * @version:	TCP, FRAGMENT: of the innermost IP header, 4 or 6
 * @src:	TCP, FRAGMENT: its sender, 4 or 16 bytes; with IPv6 the home
 *		address, where there is one (RFC 6275)
 * @dst:	TCP, FRAGMENT: its receiver; with IPv6 the last hop of a
 *		routing header, where there is one
 * @depth:	TCP, FRAGMENT: tunnels that might still be opened
 * @sport:	TCP: port of the sender
 * @dport:	TCP: port of the receiver
 * @seq:	TCP: sequence number
 * @ack:	TCP: acknowledgement number, as it stands there
 * @window:	TCP: as it stands there, not scaled
 * @flags:	TCP: a set of TCP_FLAG_* (wire/tcp.h), and others
 * @scale:	TCP: shift of the window scale option, 0 to
 *		TCP_WINDOW_SCALE_MAX, or TCP_NO_WINDOW_SCALE
 * @header_len:	TCP: bytes of the header, options included
 * @segment:	TCP: the header as it lies in the packet
 * @data:	TCP, FRAGMENT: payload
 * @len:	TCP, FRAGMENT: bytes of it that were captured
 * @wire_len:	TCP, FRAGMENT: bytes of it that were sent, at least @len
 * @fragment:	FRAGMENT: where it belongs
 */
struct decode {
	enum decode_bad bad;
	uint8_t version;
	unsigned depth;
	const uint8_t *src;
	const uint8_t *dst;
	uint16_t sport;
	uint16_t dport;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	uint8_t flags;
	uint8_t scale;
	uint8_t header_len;
	const uint8_t *segment;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
	struct decode_fragment fragment;
};

/**
 * struct decode_frame - A packet to be looked at
 * @linktype:	What it begins with, a LINKTYPE_ value
 * @data:	@len bytes captured; not NULL
 * @wire_len:	Bytes it had on the wire, at least @len
 * @depth:	Tunnels that may be opened
 */
struct decode_frame {
	uint16_t linktype;
	unsigned depth;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
};

/** decode_packet() - Look at a packet; fills in what the verdict allows. */
enum decode_verdict decode_packet(
    const struct decode_frame *f, struct decode *d);

/**
 * struct decode_step - A header that was passed; pointers lead into the packet
 * @header:	Where it begins
 * @data:	Its payload,
 * @len:	bytes of it that were captured
 * @layer:	Which it is, an enum layer (wire/layer.h)
 * @last:	It carries nothing that is known here
 */
struct decode_step {
	const uint8_t *header;
	const uint8_t *data;
	uint32_t len;
	uint8_t layer;
	bool last;
};

/**
 * decode_path() - The headers of a packet, from the outermost on
 * @f:		A packet of any kind
 * @steps:	Filled in
 *
 * For those who want other things than segments: twice as slow, with the same
 * readers.  A header that is cut or contradicts itself is not among them, nor
 * is what follows it.
 *
 * Return: how many
 */
size_t decode_path(
    const struct decode_frame *f, struct decode_step steps[DECODE_HEADERS_MAX]);

/**
 * struct decode_datagram - The payload of an IP datagram made whole again
 * @version:	4 or 6
 * @protocol:	What it carries
 * @src:	Sender, 4 or 16 bytes; what is found points there
 * @dst:	Receiver, likewise
 * @data:	@len bytes; not NULL
 * @wire_len:	At least @len: a snapshot length may have cut the last fragment
 * @depth:	struct decode.depth of its fragments
 */
struct decode_datagram {
	uint8_t version;
	uint8_t protocol;
	unsigned depth;
	const uint8_t *src;
	const uint8_t *dst;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
};

/** decode_datagram() - Go on where DECODE_FRAGMENT stopped. */
enum decode_verdict decode_datagram(
    const struct decode_datagram *g, struct decode *d);

/**
 * decode_checksum_fits() - Is the checksum of a segment right?
 * @d:		After DECODE_TCP
 *
 * Return: also true when it cannot be told, since the segment was cut
 */
bool decode_checksum_fits(const struct decode *d);

#endif /* WIRE_DECODE_H */
