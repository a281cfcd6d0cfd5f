#ifndef WIRE_IP_H
#define WIRE_IP_H

#include <stddef.h>
#include <stdint.h>

#include "wire/layer.h"

/*
 * ip.h - IPv4 (RFC 791) and IPv6 (RFC 8200) headers.
 *
 * struct ip_header is what a header says, for both versions, in host order;
 * it is not the bytes on the wire.  Those are made by ip_encode().  What
 * readers find goes into struct decode.
 */

/* Bytes of a header without options or extensions. */
#define IP_V4_LEN  20
#define IP_V6_LEN  40
#define IP_LEN_MAX IP_V6_LEN

/* Longest payload that fits behind such a header: a 16-bit length. */
#define IP_V4_PAYLOAD_MAX (65535 - IP_V4_LEN)
#define IP_V6_PAYLOAD_MAX 65535

#define IP_PROTO_TCP 6

/**
 * ip_layer() - What a protocol number (or IPv6's "next header") announces
 *
 * Return: a layer; one within a tunnel has been paid for (layer_open())
 */
enum layer ip_layer(struct layer_walk *w, uint8_t protocol);

/* Readers of headers (wire/layer.h); ip_read() looks at the version first. */
enum layer ip_read(struct layer_walk *w);
enum layer ip_read_v4(struct layer_walk *w);
enum layer ip_read_v6(struct layer_walk *w);
enum layer ip_read_v6_options(struct layer_walk *w);
enum layer ip_read_v6_jumbo(struct layer_walk *w);
enum layer ip_read_v6_routing(struct layer_walk *w);
enum layer ip_read_v6_fragment(struct layer_walk *w);
enum layer ip_read_ah(struct layer_walk *w);

/*
 * What ICMP carries is for nobody here to read on: 8 bytes of header in
 * version 4 (RFC 792), 4 in version 6 (RFC 4443), then the rest.
 */
enum layer ip_read_icmp_v4(struct layer_walk *w);
enum layer ip_read_icmp_v6(struct layer_walk *w);

/**
 * struct ip_header - An IP header
 * @version:	4 or 6
 * @protocol:	IP_PROTO_TCP and the like: what the payload is
 * @ttl:	Time to live; hop limit
 * @id:		IPv4 only: identification
 * @dont_fragment: IPv4 only: the DF bit, 0 or 1
 * @payload:	Bytes that follow the header
 * @src:	Sender, network order; the first 4 bytes for IPv4
 * @dst:	Receiver, likewise
 */
struct ip_header {
	uint8_t version;
	uint8_t protocol;
	uint8_t ttl;
	uint8_t dont_fragment;
	uint16_t id;
	uint16_t payload;
	uint8_t src[16];
	uint8_t dst[16];
};

/**
 * ip_encode() - Write a header, with its checksum where it has one
 * @to:		Room for IP_LEN_MAX bytes
 * @h:		@payload at most IP_V4_PAYLOAD_MAX for IPv4
 *
 * Return: its length, IP_V4_LEN or IP_V6_LEN
 */
size_t ip_encode(uint8_t *to, const struct ip_header *h);

/**
 * ip_pseudo_sum() - Begin the checksum of what the header carries
 *
 * The part of the pseudo header that is the same in every packet between two
 * addresses: both of them and the protocol (RFC 9293 section 3.1, RFC 8200
 * section 8.1).  The length is still to be added.
 *
 * Return: a running sum (wire/checksum.h)
 */
uint64_t ip_pseudo_sum(const struct ip_header *h);

#endif /* WIRE_IP_H */
