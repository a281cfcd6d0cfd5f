#ifndef TESTS_PACKET_RIG_H
#define TESTS_PACKET_RIG_H

/*
 * packet_rig.h - packets for the tests of decoders, made from the inside out:
 * the TCP segment first, then each header before what is there, so that the
 * lengths in them are right.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

#include "wire/checksum.h"
#include "wire/decode.h"
#include "wire/ip.h"

#define RIG_MAX     2048
#define RIG_DEPTH   4
#define RIG_PAYLOAD "hello, world"
#define RIG_SEQ     0x01020304

static const uint8_t rig_v4_src[4] = { 10, 1, 2, 3 };
static const uint8_t rig_v4_dst[4] = { 10, 4, 5, 6 };
static const uint8_t rig_v6_src[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 1 };
static const uint8_t rig_v6_dst[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 2 };

/* Fills up from its end: the packet is the last @len bytes. */
struct rig {
	uint8_t buf[RIG_MAX];
	size_t len;
};

static inline uint8_t *
rig_data(struct rig *r)
{
	return &r->buf[RIG_MAX - r->len];
}

/* Change one byte of it. */
static inline void
rig_put(struct rig *r, size_t at, uint8_t value)
{
	uint8_t *p = rig_data(r);

	assert_true(at < r->len);
	p[at] = value;
}

static inline void
rig_flip(struct rig *r, size_t at)
{
	rig_put(r, at, rig_data(r)[at] ^ 0xff);
}

/* Room for a header before what is there, zeroed. */
static inline uint8_t *
rig_before(struct rig *r, size_t len)
{
	assert_true(r->len + len <= RIG_MAX);
	r->len += len;
	memset(rig_data(r), 0, len);
	return rig_data(r);
}

static inline unsigned
rig_digit(char c)
{
	const char *at = strchr("0123456789abcdef", c);

	assert_non_null(at);
	return (unsigned)(at - "0123456789abcdef");
}

/* A header as hexadecimal digits; blanks are for the reader. */
static inline void
rig_hex(struct rig *r, const char *text)
{
	uint8_t bytes[256] = { 0 };
	size_t len = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == ' ')
			continue;
		assert_true(len < sizeof(bytes));
		bytes[len++] =
		    (uint8_t)(rig_digit(p[0]) << 4 | rig_digit(p[1]));
		p++;
	}
	memcpy(rig_before(r, len), bytes, len);
}

/* What an earlier header left behind it: padding, a check sequence. */
static inline void
rig_behind(struct rig *r, const char *text)
{
	struct rig tail = { .len = 0 };

	rig_hex(&tail, text);
	assert_true(r->len + tail.len <= RIG_MAX);
	memmove(rig_data(r) - tail.len, rig_data(r), r->len);
	memcpy(r->buf + RIG_MAX - tail.len, rig_data(&tail), tail.len);
	r->len += tail.len;
}

/* A new segment of RIG_PAYLOAD from port 1025 to 80. */
static inline void
rig_tcp(struct rig *r)
{
	r->len = 0;
	memcpy(rig_before(r, strlen(RIG_PAYLOAD)), RIG_PAYLOAD,
	    strlen(RIG_PAYLOAD));
	rig_hex(r, "0401 0050 01020304 05060708 5018 2000 0000 0000");
}

static inline void
rig_ipv4(struct rig *r, uint8_t protocol)
{
	struct ip_header h = { .version = 4,
		.protocol = protocol,
		.ttl = 64,
		.id = 0x4242,
		.payload = (uint16_t)r->len };

	memcpy(h.src, rig_v4_src, 4);
	memcpy(h.dst, rig_v4_dst, 4);
	(void)ip_encode(rig_before(r, IP_V4_LEN), &h); /* length is known */
}

static inline void
rig_ipv6(struct rig *r, uint8_t next)
{
	struct ip_header h = { .version = 6,
		.protocol = next,
		.ttl = 64,
		.payload = (uint16_t)r->len };

	memcpy(h.src, rig_v6_src, 16);
	memcpy(h.dst, rig_v6_dst, 16);
	(void)ip_encode(rig_before(r, IP_V6_LEN), &h); /* length is known */
}

static inline void
rig_udp(struct rig *r, uint16_t sport, uint16_t dport)
{
	uint8_t *p = rig_before(r, 8);

	bytes_put_be16(p, sport);
	bytes_put_be16(p + 2, dport);
	bytes_put_be16(p + 4, (uint16_t)r->len);
}

static inline void
rig_ethernet(struct rig *r, uint16_t type)
{
	rig_hex(r, "020000000001 020000000002 0000");
	bytes_put_be16(rig_data(r) + 12, type);
}

/* A whole packet of one family on Ethernet's payload: IP and TCP. */
static inline void
rig_tcp_ipv4(struct rig *r)
{
	rig_tcp(r);
	rig_ipv4(r, IP_PROTO_TCP);
}

static inline void
rig_tcp_ipv6(struct rig *r)
{
	rig_tcp(r);
	rig_ipv6(r, IP_PROTO_TCP);
}

/* Nothing found lies outside of the packet. */
static inline void
rig_check_inside(const struct decode *d, const struct decode_frame *f)
{
	const uint8_t *end = f->data + f->len;
	size_t addr = d->version == 4 ? 4 : 16;

	assert_true(d->version == 4 || d->version == 6);
	assert_true(d->src >= f->data && d->src + addr <= end);
	assert_true(d->dst >= f->data && d->dst + addr <= end);
	assert_true(d->data >= f->data && d->data + d->len <= end);
	assert_true(d->wire_len >= d->len);
	assert_true(d->wire_len - d->len <= f->wire_len - f->len);
}

/*
 * Decode a copy of @len bytes that ends where they do: what is read beyond
 * them is seen by the address sanitizer.  What is found points into @data.
 */
static inline enum decode_verdict
rig_decode(uint16_t linktype, const uint8_t *data, uint32_t len,
    uint32_t wire_len, struct decode *d)
{
	uint8_t *copy = malloc(len + 1);
	struct decode_frame f = { .linktype = linktype,
		.depth = RIG_DEPTH,
		.data = copy + 1,
		.len = len,
		.wire_len = wire_len };
	enum decode_verdict v;

	assert_non_null(copy);
	copy[0] = 0;
	memcpy(copy + 1, data, len);
	memset(d, 0xee, sizeof(*d));
	v = decode_packet(&f, d);
	if (v == DECODE_TCP || v == DECODE_FRAGMENT)
		rig_check_inside(d, &f);
	if (v == DECODE_BAD)
		assert_true(d->bad < DECODE_NBADS);
	/* What is compared later is the packet that lives on. */
	if (v == DECODE_TCP || v == DECODE_FRAGMENT) {
		d->src = data + (d->src - f.data);
		d->dst = data + (d->dst - f.data);
		d->data = data + (d->data - f.data);
		if (v == DECODE_TCP)
			d->segment = data + (d->segment - f.data);
	}
	free(copy);
	return v;
}

/* It is the segment of rig_tcp(), of which @d->len bytes are there. */
static inline void
rig_check_tcp(const struct decode *d)
{
	assert_int_equal(d->sport, 1025);
	assert_int_equal(d->dport, 80);
	assert_int_equal(d->seq, RIG_SEQ);
	assert_int_equal(d->ack, 0x05060708);
	assert_int_equal(d->window, 0x2000);
	assert_int_equal(d->flags, 0x18);
	assert_int_equal(d->wire_len, strlen(RIG_PAYLOAD));
	assert_true(d->len <= d->wire_len);
	assert_memory_equal(d->data, RIG_PAYLOAD, d->len);
	if (d->version == 4) {
		assert_memory_equal(d->src, rig_v4_src, 4);
		assert_memory_equal(d->dst, rig_v4_dst, 4);
	} else {
		assert_memory_equal(d->src, rig_v6_src, 16);
		assert_memory_equal(d->dst, rig_v6_dst, 16);
	}
}

/*
 * Cut after each byte, by a snapshot length: what can be told is the same,
 * and the segment is found as soon as its header is there.
 */
static inline void
rig_check_prefixes(struct rig *r, uint16_t linktype, uint32_t header_end)
{
	uint32_t len = (uint32_t)r->len;

	for (uint32_t n = 0; n < len; n++) {
		struct decode d;
		enum decode_verdict v =
		    rig_decode(linktype, rig_data(r), n, len, &d);

		if (n >= header_end)
			assert_int_equal(v, DECODE_TCP);
		if (v == DECODE_TCP)
			rig_check_tcp(&d);
		/* Or the frame was as short as that on the wire. */
		(void)rig_decode(linktype, rig_data(r), n, n, &d);
	}
}

/* Bytes that are thrown in: nothing may be read outside of the packet. */
static inline void
rig_check_mutations(const struct rig *r, uint16_t linktype)
{
	uint32_t random = 1 + linktype;

	for (int i = 0; i < 2000; i++) {
		struct rig mangled = *r;
		uint32_t len = (uint32_t)r->len;
		struct decode d;

		for (int k = 0; k < 1 + i % 4; k++) {
			random = random * 1664525 + 1013904223;
			rig_put(&mangled, (random >> 8) % r->len,
			    (uint8_t)(random >> 24));
		}
		if (i % 5 == 0)
			len = (random >> 4) % (len + 1);
		/* Whatever it is: it was looked at within its bounds. */
		(void)rig_decode(
		    linktype, rig_data(&mangled), len, (uint32_t)r->len, &d);
	}
}

/* It is TCP, all of it, whichever way it is cut; and then it is mangled. */
static inline void
rig_expect_tcp(struct rig *r, uint16_t linktype)
{
	uint32_t len = (uint32_t)r->len;
	struct decode d;

	assert_int_equal(
	    rig_decode(linktype, rig_data(r), len, len, &d), DECODE_TCP);
	rig_check_tcp(&d);
	assert_int_equal(d.len, d.wire_len);
	rig_check_prefixes(
	    r, linktype, (uint32_t)(d.segment + 20 - rig_data(r)));
	rig_check_mutations(r, linktype);
}

static inline void
rig_expect_not_tcp(struct rig *r, uint16_t linktype)
{
	uint32_t len = (uint32_t)r->len;
	struct decode d;

	assert_int_equal(
	    rig_decode(linktype, rig_data(r), len, len, &d), DECODE_NOT_TCP);
}

static inline void
rig_expect_bad(struct rig *r, uint16_t linktype, enum decode_bad bad)
{
	uint32_t len = (uint32_t)r->len;
	struct decode d;

	assert_int_equal(
	    rig_decode(linktype, rig_data(r), len, len, &d), DECODE_BAD);
	assert_string_equal(decode_bad_name(d.bad), decode_bad_name(bad));
}

#endif /* TESTS_PACKET_RIG_H */
