#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_as_others_write_it),
		cmocka_unit_test(syn_as_others_write_it),
		cmocka_unit_test(options_of_a_syn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
