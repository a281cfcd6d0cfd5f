#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packet_rig.h"

#include "wire/checksum.h"
#include "wire/ip.h"

/* Headers that other stacks sent: FTP's USER, a SYN over IPv6. */
static const uint8_t real_v4[] = { 0x45, 0x00, 0x00, 0x37, 0xa7, 0xe5, 0x40,
	0x00, 0x80, 0x06, 0xd0, 0x57, 0xc0, 0xa8, 0x00, 0x72, 0xc0, 0xa8, 0x00,
	0xc1 };
static const uint8_t real_v6[] = { 0x60, 0x00, 0x00, 0x00, 0x00, 0x28, 0x06,
	0x40, 0x20, 0x01, 0x06, 0x18, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x51, 0x99, 0xcc, 0x70, 0x20, 0x01, 0x06, 0x18, 0x00, 0x01, 0x80,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05 };

static void
v4_as_others_write_it(void **state)
{
	struct ip_header h = {
		.version = 4,
		.protocol = IP_PROTO_TCP,
		.ttl = 128,
		.dont_fragment = 1,
		.id = 0xa7e5,
		.payload = 35,
		.src = { 192, 168, 0, 114 },
		.dst = { 192, 168, 0, 193 },
	};
	uint8_t out[IP_LEN_MAX];

	(void)state;
	assert_int_equal(ip_encode(out, &h), IP_V4_LEN);
	assert_memory_equal(out, real_v4, sizeof(real_v4));

	h.dont_fragment = 0;
	assert_int_equal(ip_encode(out, &h), IP_V4_LEN);
	assert_int_equal(out[6], 0);
	assert_int_equal(checksum_finish(checksum_add(0, out, IP_V4_LEN)), 0);
}

static void
v6_as_others_write_it(void **state)
{
	struct ip_header h = {
		.version = 6,
		.protocol = IP_PROTO_TCP,
		.ttl = 64,
		.payload = 40,
	};
	uint8_t out[IP_LEN_MAX];

	(void)state;
	memcpy(h.src, real_v6 + 8, 16);
	memcpy(h.dst, real_v6 + 24, 16);
	assert_int_equal(ip_encode(out, &h), IP_V6_LEN);
	assert_memory_equal(out, real_v6, sizeof(real_v6));
}

static void
longest_payloads(void **state)
{
	struct ip_header h = { .version = 4, .payload = IP_V4_PAYLOAD_MAX };
	uint8_t out[IP_LEN_MAX];

	(void)state;
	(void)ip_encode(out, &h); /* its length is known */
	assert_int_equal(out[2], 0xff);
	assert_int_equal(out[3], 0xff);
	h.version = 6;
	h.payload = IP_V6_PAYLOAD_MAX;
	(void)ip_encode(out, &h); /* likewise */
	assert_int_equal(out[4], 0xff);
	assert_int_equal(out[5], 0xff);
}

#define RAW 101

/* Decode all of it. */
static enum decode_verdict
look(struct rig *r, struct decode *d)
{
	return rig_decode(
	    RAW, rig_data(r), (uint32_t)r->len, (uint32_t)r->len, d);
}

static void
v4_options_are_stepped_over(void **state)
{
	struct rig r;
	struct decode d;
	uint8_t header[IP_V4_LEN];

	(void)state;
	rig_tcp_ipv4(&r);
	memcpy(header, rig_data(&r), sizeof(header));
	r.len -= sizeof(header);
	rig_hex(&r, "94040000 01010101");
	memcpy(rig_before(&r, sizeof(header)), header, sizeof(header));
	rig_put(&r, 0, 0x47);
	rig_put(&r, 3, (uint8_t)r.len);
	rig_expect_tcp(&r, RAW);
	/* Fifteen words, which are not there. */
	rig_put(&r, 0, 0x4f);
	r.len = 40;
	memmove(rig_data(&r), r.buf + RIG_MAX - 60, 40);
	assert_int_equal(look(&r, &d), DECODE_BAD);
	assert_int_equal(d.bad, DECODE_TRUNCATED_IP);
}

static void
v4_lengths(void **state)
{
	struct rig r;
	struct decode d;

	(void)state;
	/* Segmentation offload leaves it open. */
	rig_tcp_ipv4(&r);
	bytes_put_be16(rig_data(&r) + 2, 0);
	rig_expect_tcp(&r, RAW);
	/* Less than the header. */
	bytes_put_be16(rig_data(&r) + 2, 19);
	rig_expect_bad(&r, RAW, DECODE_BAD_IP_LENGTH);
	/* Just the header: shorter than TCP's. */
	bytes_put_be16(rig_data(&r) + 2, 20);
	rig_expect_bad(&r, RAW, DECODE_BAD_TCP_HEADER);
	/* More than the frame has: bytes that nobody sent are not made up. */
	bytes_put_be16(rig_data(&r) + 2, 1500);
	assert_int_equal(look(&r, &d), DECODE_TCP);
	assert_int_equal(d.wire_len, strlen(RIG_PAYLOAD));
	/* It cuts off also what was not captured: 4 bytes of 12. */
	bytes_put_be16(rig_data(&r) + 2, 20 + 20 + 9);
	assert_int_equal(
	    rig_decode(RAW, rig_data(&r), 45, (uint32_t)r.len, &d), DECODE_TCP);
	assert_int_equal(d.len, 5);
	assert_int_equal(d.wire_len, 9);
}

static void
v4_headers_that_are_none(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_put(&r, 0, 0x44);
	rig_expect_bad(&r, RAW, DECODE_BAD_IP_HEADER);
	rig_put(&r, 0, 0x75);
	rig_expect_bad(&r, RAW, DECODE_BAD_IP_HEADER);
	/* A wrong checksum is none of our business. */
	rig_tcp_ipv4(&r);
	rig_flip(&r, 10);
	rig_expect_tcp(&r, RAW);
}

static void
v4_fragments(void **state)
{
	struct rig r;
	struct decode d;

	(void)state;
	rig_tcp_ipv4(&r);
	bytes_put_be16(rig_data(&r) + 6, 0x2000 | 3);
	assert_int_equal(look(&r, &d), DECODE_FRAGMENT);
	assert_int_equal(d.fragment.id, 0x4242);
	assert_int_equal(d.fragment.off, 24);
	assert_true(d.fragment.more);
	assert_int_equal(d.fragment.protocol, IP_PROTO_TCP);
	assert_int_equal(d.len, 32);
	assert_int_equal(d.wire_len, 32);
	assert_memory_equal(d.src, rig_v4_src, 4);
	assert_memory_equal(d.data, rig_data(&r) + IP_V4_LEN, 32);
	rig_check_mutations(&r, RAW);
	/* The last one, cut; "don't fragment" means nothing here. */
	bytes_put_be16(rig_data(&r) + 6, 0x4000 | 3);
	assert_int_equal(rig_decode(RAW, rig_data(&r), 30, (uint32_t)r.len, &d),
	    DECODE_FRAGMENT);
	assert_false(d.fragment.more);
	assert_int_equal(d.len, 10);
	assert_int_equal(d.wire_len, 32);
	/* The first one holds TCP's header, but is no segment yet. */
	bytes_put_be16(rig_data(&r) + 6, 0x2000);
	assert_int_equal(look(&r, &d), DECODE_FRAGMENT);
}

static void
fragments_that_cannot_be(void **state)
{
	struct rig r;

	(void)state;
	/* Others follow, but it does not end at a multiple of 8. */
	rig_tcp(&r);
	rig_behind(&r, "00");
	rig_ipv4(&r, IP_PROTO_TCP);
	bytes_put_be16(rig_data(&r) + 6, 0x2000);
	rig_expect_bad(&r, RAW, DECODE_BAD_FRAGMENT);
	/* Beyond the longest datagram. */
	bytes_put_be16(rig_data(&r) + 6, 0x1fff);
	rig_expect_bad(&r, RAW, DECODE_BAD_FRAGMENT);
	/* Empty. */
	r.len = 0;
	rig_ipv4(&r, IP_PROTO_TCP);
	bytes_put_be16(rig_data(&r) + 6, 0x2000);
	rig_expect_bad(&r, RAW, DECODE_BAD_FRAGMENT);
	r.len = 0;
	rig_hex(&r, "06 00 0001 00000007");
	rig_ipv6(&r, 44);
	rig_expect_bad(&r, RAW, DECODE_BAD_FRAGMENT);
}

/* IPv6 and TCP with extension headers between them. */
static void
v6_with(struct rig *r, uint8_t next, const char *extensions)
{
	rig_tcp(r);
	rig_hex(r, extensions);
	rig_ipv6(r, next);
}

static void
v6_extension_headers(void **state)
{
	struct rig r;

	(void)state;
	v6_with(&r, 0, "06 00 010400000000");
	rig_expect_tcp(&r, RAW);
	v6_with(&r, 60, "06 01 010c000000000000000000000000");
	rig_expect_tcp(&r, RAW);
	v6_with(&r, 135, "06 00 000000000000");
	rig_expect_tcp(&r, RAW);
	/* All of them, in the order of RFC 8200. */
	v6_with(&r, 0,
	    "3c 00 010400000000 2b 00 010400000000 2c 00 00 00 00000000 "
	    "33 00 0000 00000007 3c 04 0000 00000100 00000001 "
	    "000000000000000000000000 06 00 010400000000");
	rig_expect_tcp(&r, RAW);
	v6_with(&r, 59, ""); /* no next header */
	rig_expect_not_tcp(&r, RAW);
	v6_with(&r, 58, ""); /* an ICMP error would quote a segment */
	rig_expect_not_tcp(&r, RAW);
	v6_with(&r, 50, "");
	rig_expect_bad(&r, RAW, DECODE_ENCRYPTED);
	v6_with(&r, 108, "");
	rig_expect_bad(&r, RAW, DECODE_COMPRESSED);
	v6_with(&r, 51, "06 00 0000");
	rig_expect_bad(&r, RAW, DECODE_BAD_IP_EXTENSION);
	v6_with(&r, 60, "06 ff 0000");
	rig_expect_bad(&r, RAW, DECODE_TRUNCATED_IP);
}

static void
v4_has_no_extension_headers(void **state)
{
	static const uint8_t numbers[] = { 0, 43, 44, 60, 135, 1, 2, 89 };
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		rig_tcp(&r);
		rig_hex(&r, "06 00 010400000000");
		rig_ipv4(&r, numbers[i]);
		rig_expect_not_tcp(&r, RAW);
	}
	rig_tcp(&r);
	rig_hex(&r, "06 04 0000 00000100 00000001 000000000000000000000000");
	rig_ipv4(&r, 51);
	rig_expect_tcp(&r, RAW);
}

/* The ends that talk to each other are not always those of the header. */
static void
v6_true_ends(void **state)
{
	static const struct {
		uint8_t next;
		bool is_src;
		const char *text;
	} rows[] = {
		/* Home address; a source route of two stops. */
		{ 60, true, "06 02 0102 0000 c910 AA" },
		{ 43, false, "06 04 00 02 00000000 BB AA" },
		{ 43, false, "06 02 02 01 00000000 AA" },
		{ 43, false, "06 04 04 01 01000000 AA BB" },
	};
	const char *home = "fd000000000000000000000000000042";
	const char *other = "fd000000000000000000000000000043";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256] = "";
		struct rig r, want;
		struct decode d;

		for (const char *p = rows[i].text; *p != '\0'; p++) {
			size_t n = strlen(text);

			if (*p == 'A' || *p == 'B') {
				strcpy(text + n, *p == 'A' ? home : other);
				p++;
			} else {
				text[n] = *p;
			}
		}
		want.len = 0;
		rig_hex(&want, home);
		v6_with(&r, rows[i].next, text);
		assert_int_equal(look(&r, &d), DECODE_TCP);
		assert_memory_equal(
		    rows[i].is_src ? d.src : d.dst, rig_data(&want), 16);
		assert_memory_equal(rows[i].is_src ? d.dst : d.src,
		    rows[i].is_src ? rig_v6_dst : rig_v6_src, 16);
		rig_check_mutations(&r, RAW);
		/* At the last stop there is nothing to look up. */
		if (!rows[i].is_src) {
			rig_put(&r, IP_V6_LEN + 3, 0);
			rig_expect_tcp(&r, RAW);
		}
	}
}

static void
v6_lengths(void **state)
{
	struct rig r;
	struct decode d;

	(void)state;
	/* Segmentation offload. */
	rig_tcp_ipv6(&r);
	bytes_put_be16(rig_data(&r) + 4, 0);
	rig_expect_tcp(&r, RAW);
	/* A jumbo payload, with padding behind it. */
	v6_with(&r, 0, "06 00 c204 00000028");
	bytes_put_be16(rig_data(&r) + 4, 0);
	rig_behind(&r, "0000");
	rig_expect_tcp(&r, RAW);
	/* Less than its own header. */
	rig_put(&r, IP_V6_LEN + 7, 7);
	rig_expect_bad(&r, RAW, DECODE_BAD_IP_LENGTH);
	/* Options as they are, without a length; nothing behind. */
	v6_with(&r, 0, "06 00 010400000000");
	bytes_put_be16(rig_data(&r) + 4, 0);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv6(&r);
	rig_behind(&r, "0000");
	assert_int_equal(look(&r, &d), DECODE_TCP);
	assert_int_equal(d.wire_len, strlen(RIG_PAYLOAD));
}

static void
v6_fragments(void **state)
{
	struct rig r;
	struct decode d;

	(void)state;
	v6_with(&r, 44, "06 00 0019 deadbeef");
	assert_int_equal(look(&r, &d), DECODE_FRAGMENT);
	assert_int_equal(d.version, 6);
	assert_int_equal(d.fragment.id, 0xdeadbeef);
	assert_int_equal(d.fragment.off, 24);
	assert_true(d.fragment.more);
	assert_int_equal(d.fragment.protocol, IP_PROTO_TCP);
	assert_int_equal(d.wire_len, 32);
	rig_check_mutations(&r, RAW);
	/* In one piece: nothing to wait for (RFC 6946). */
	v6_with(&r, 44, "06 00 0000 deadbeef");
	rig_expect_tcp(&r, RAW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v4_as_others_write_it),
		cmocka_unit_test(v6_as_others_write_it),
		cmocka_unit_test(longest_payloads),
		cmocka_unit_test(v4_options_are_stepped_over),
		cmocka_unit_test(v4_lengths),
		cmocka_unit_test(v4_headers_that_are_none),
		cmocka_unit_test(v4_fragments),
		cmocka_unit_test(fragments_that_cannot_be),
		cmocka_unit_test(v6_extension_headers),
		cmocka_unit_test(v4_has_no_extension_headers),
		cmocka_unit_test(v6_true_ends),
		cmocka_unit_test(v6_lengths),
		cmocka_unit_test(v6_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
