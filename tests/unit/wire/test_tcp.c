#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packet_rig.h"

#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"

/* Segments that other stacks sent, with their addresses. */
static const uint8_t v4_data[] = { 0x04, 0x71, 0x00, 0x15, 0xdf, 0xb3, 0xb2,
	0xff, 0xc6, 0xc7, 0x01, 0x60, 0x50, 0x18, 0x43, 0xf2, 0x0a, 0x98, 0x00,
	0x00, 'U', 'S', 'E', 'R', ' ', 'c', 's', 'a', 'n', 'd', 'e', 'r', 's',
	'\r', '\n' };
static const uint8_t v6_syn[] = { 0x8c, 0x9b, 0x00, 0x50, 0x6a, 0xe7, 0x07,
	0x36, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x02, 0x16, 0x30, 0x29, 0x9c, 0x00,
	0x00, 0x02, 0x04, 0x05, 0x8c, 0x04, 0x02, 0x08, 0x0a, 0x00, 0xdd, 0x1a,
	0x39, 0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x02 };

static void
data_as_others_write_it(void **state)
{
	const struct ip_header ip = {
		.version = 4,
		.protocol = IP_PROTO_TCP,
		.src = { 192, 168, 0, 114 },
		.dst = { 192, 168, 0, 193 },
	};
	const struct tcp_header h = {
		.sport = 1137,
		.dport = 21,
		.seq = 3753095935U,
		.ack = 3334930784U,
		.window = 17394,
		.flags = TCP_FLAG_PSH | TCP_FLAG_ACK,
		.header_len = TCP_LEN,
	};
	uint64_t sum = ip_pseudo_sum(&ip);
	uint8_t out[TCP_LEN];

	(void)state;
	sum = checksum_add16(sum, sizeof(v4_data));
	sum = checksum_add(sum, v4_data + TCP_LEN, sizeof(v4_data) - TCP_LEN);
	tcp_encode(out, &h);
	tcp_seal(out, sizeof(out), sum);
	assert_memory_equal(out, v4_data, TCP_LEN);
}

static void
syn_as_others_write_it(void **state)
{
	const struct ip_header ip = {
		.version = 6,
		.protocol = IP_PROTO_TCP,
		.src = { 0x20, 0x01, 0x06, 0x18, 0x04, [12] = 0x51, 0x99, 0xcc,
		    0x70 },
		.dst = { 0x20, 0x01, 0x06, 0x18, 0x00, 0x01,
		    0x80, [15] = 0x05 },
	};
	const struct tcp_header h = {
		.sport = 35995,
		.dport = 80,
		.seq = 1793525558,
		.window = 5680,
		.flags = TCP_FLAG_SYN,
		.header_len = sizeof(v6_syn),
	};
	uint8_t out[sizeof(v6_syn)];

	(void)state;
	tcp_encode(out, &h);
	memcpy(out + TCP_LEN, v6_syn + TCP_LEN, sizeof(out) - TCP_LEN);
	tcp_seal(
	    out, sizeof(out), checksum_add16(ip_pseudo_sum(&ip), sizeof(out)));
	assert_memory_equal(out, v6_syn, sizeof(out));
}

/* MSS, two NOP, SACK permitted, NOP, window scale: RFC 9293, 2018, 7323. */
static void
options_of_a_syn(void **state)
{
	static const uint8_t want[] = { 2, 4, 0xf0, 0x00, 1, 1, 4, 2, 1, 3, 3,
		14 };
	uint8_t out[TCP_SYN_OPTIONS_LEN];

	(void)state;
	assert_int_equal(sizeof(want), sizeof(out));
	tcp_encode_syn_options(out, 61440, TCP_WINDOW_SCALE_MAX);
	assert_memory_equal(out, want, sizeof(want));
}

/* What the options of a SYN say about the window. */
static uint8_t
scale_of(uint8_t flags, const char *options)
{
	struct rig r;
	struct decode d;

	r.len = 0;
	rig_hex(&r, options);
	rig_hex(&r, "0401 0050 01020304 05060708 5000 2000 0000 0000");
	rig_put(&r, 12, (uint8_t)(r.len / 4 << 4));
	rig_put(&r, 13, flags);
	rig_ipv4(&r, IP_PROTO_TCP);
	assert_int_equal(
	    rig_decode(101, rig_data(&r), (uint32_t)r.len, (uint32_t)r.len, &d),
	    DECODE_TCP);
	assert_int_equal(d.len, 0);
	return d.scale;
}

static void
window_scale(void **state)
{
	(void)state;
	assert_int_equal(scale_of(0x02, "020405b4 01030307"), 7);
	assert_int_equal(scale_of(0x12, "03030000"), 0);
	/* More than 14 counts as 14 (RFC 7323, section 2.3). */
	assert_int_equal(scale_of(0x02, "03030f00"), 14);
	assert_int_equal(scale_of(0x02, "0303ff00"), 14);
	/* Others before it, of any length, also unknown ones. */
	assert_int_equal(
	    scale_of(
		0x02, "0402 080a0102030405060708 fd03aa 01010101 030305 0101"),
	    5);
	assert_int_equal(scale_of(0x02, "020405b4"), TCP_NO_WINDOW_SCALE);
	assert_int_equal(scale_of(0x02, ""), TCP_NO_WINDOW_SCALE);
	/* Behind the end of the list there is none. */
	assert_int_equal(scale_of(0x02, "00030307"), TCP_NO_WINDOW_SCALE);
	/* Lengths that are wrong, too short, too long. */
	assert_int_equal(scale_of(0x02, "03040700"), TCP_NO_WINDOW_SCALE);
	assert_int_equal(
	    scale_of(0x02, "0200 0303 07000000"), TCP_NO_WINDOW_SCALE);
	assert_int_equal(
	    scale_of(0x02, "0209 0303 07000000"), TCP_NO_WINDOW_SCALE);
	assert_int_equal(scale_of(0x02, "01010303"), TCP_NO_WINDOW_SCALE);
	assert_int_equal(scale_of(0x02, "01010103"), TCP_NO_WINDOW_SCALE);
	/* Only a SYN scales. */
	assert_int_equal(scale_of(0x10, "03030700"), TCP_NO_WINDOW_SCALE);
}

static void
options_are_no_payload(void **state)
{
	struct rig r;
	struct decode d;

	(void)state;
	rig_tcp(&r);
	/* Twelve bytes of options between the header and the payload. */
	r.len -= 20;
	rig_hex(&r, "0101080a 01020304 05060708");
	rig_hex(&r, "0401 0050 01020304 05060708 8018 2000 0000 0000");
	rig_ipv4(&r, IP_PROTO_TCP);
	rig_expect_tcp(&r, 101);
	/* Cut within them: nothing of the payload is there. */
	assert_int_equal(
	    rig_decode(101, rig_data(&r), 45, (uint32_t)r.len, &d), DECODE_TCP);
	assert_int_equal(d.len, 0);
	assert_int_equal(d.wire_len, strlen(RIG_PAYLOAD));
	assert_true(decode_checksum_fits(&d));
}

static void
headers_that_contradict_themselves(void **state)
{
	struct rig r;
	struct decode d;

	(void)state;
	/* A data offset of 4 words; one beyond the segment. */
	rig_tcp(&r);
	rig_put(&r, 12, 0x40);
	rig_ipv4(&r, IP_PROTO_TCP);
	rig_expect_bad(&r, 101, DECODE_BAD_TCP_HEADER);
	rig_tcp(&r);
	rig_put(&r, 12, 0x90);
	rig_ipv4(&r, IP_PROTO_TCP);
	rig_expect_bad(&r, 101, DECODE_BAD_TCP_HEADER);
	/* All of it, up to the last byte, is fine. */
	rig_put(&r, IP_V4_LEN + 12, 0x80);
	assert_int_equal(
	    rig_decode(101, rig_data(&r), (uint32_t)r.len, (uint32_t)r.len, &d),
	    DECODE_TCP);
	assert_int_equal(d.wire_len, 0);
	/* Shorter than a header, as it was sent; or as it was captured. */
	r.len = 0;
	rig_hex(&r, "0401 0050 01020304 05060708 5018 2000 0000");
	rig_ipv4(&r, IP_PROTO_TCP);
	rig_expect_bad(&r, 101, DECODE_BAD_TCP_HEADER);
	rig_tcp_ipv4(&r);
	assert_int_equal(
	    rig_decode(101, rig_data(&r), IP_V4_LEN + 19, (uint32_t)r.len, &d),
	    DECODE_BAD);
	assert_int_equal(d.bad, DECODE_TRUNCATED_TCP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_as_others_write_it),
		cmocka_unit_test(syn_as_others_write_it),
		cmocka_unit_test(options_of_a_syn),
		cmocka_unit_test(window_scale),
		cmocka_unit_test(options_are_no_payload),
		cmocka_unit_test(headers_that_contradict_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
