#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet_rig.h"

#include "wire/peel.h"

#define ETHERNET 1
#define RAW      101

#define ICMP 1
#define UDP  17
#define GRE  47
#define ESP  50

#define PAYLOAD_LEN ((uint32_t)strlen(RIG_PAYLOAD))

/* Layers as their user writes them: numbers, ended by 0. */
static struct peel_layers
layers(const unsigned *types)
{
	struct peel_layers l = { 0 };

	for (; *types != 0; types++)
		assert_int_equal(peel_add(&l, *types), 0);
	return l;
}

#define LAYERS(...) layers((const unsigned[]){ __VA_ARGS__, 0 })

/*
 * Peels a copy that ends where the packet does: what is read beyond is seen by
 * the address sanitizer.  What is found points into @data.
 */
static bool
peel_bytes(struct peel_layers l, uint16_t linktype, const uint8_t *data,
    uint32_t len, struct peel *out)
{
	uint8_t *copy = malloc(len + 1);
	const struct decode_frame f = {
		.linktype = linktype,
		.data = copy + 1,
		.len = len,
		.wire_len = len,
	};
	bool found;

	assert_non_null(copy);
	memcpy(copy + 1, data, len);
	found = peel_packet(&l, &f, out);
	if (found) {
		assert_true(out->data >= f.data);
		assert_true(out->data + out->len <= f.data + len);
		out->data = data + (out->data - f.data);
	}
	if (found && out->version != 0) {
		out->src = data + (out->src - f.data);
		out->dst = data + (out->dst - f.data);
	}
	free(copy);
	return found;
}

static bool
peel(struct peel_layers l, uint16_t linktype, struct rig *r, struct peel *out)
{
	return peel_bytes(l, linktype, rig_data(r), (uint32_t)r->len, out);
}

/* So many bytes from @at on are the payload. */
static void
expect(struct peel_layers l, uint16_t linktype, struct rig *r, size_t at,
    size_t len)
{
	struct peel p;

	assert_true(peel(l, linktype, r, &p));
	assert_ptr_equal(p.data, rig_data(r) + at);
	assert_int_equal(p.len, len);
}

static void
expect_none(struct peel_layers l, uint16_t linktype, struct rig *r)
{
	struct peel p;

	assert_false(peel(l, linktype, r, &p));
}

/* RIG_PAYLOAD in UDP, or whatever @protocol is, on IPv4 and Ethernet. */
static void
datagram(struct rig *r, uint8_t protocol)
{
	r->len = 0;
	memcpy(rig_before(r, PAYLOAD_LEN), RIG_PAYLOAD, PAYLOAD_LEN);
	if (protocol == UDP)
		rig_udp(r, 5353, 53);
	else
		rig_hex(r, "0800 0000 0001 0002");
	rig_ipv4(r, protocol);
	rig_ethernet(r, 0x0800);
}

static void
test_tcp_and_udp(void **state)
{
	struct peel p;
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x0800);
	expect(LAYERS(44, 45), ETHERNET, &r, 14 + 20 + 20, PAYLOAD_LEN);
	assert_true(peel(LAYERS(44, 45), ETHERNET, &r, &p));
	assert_int_equal(p.version, 4);
	assert_memory_equal(p.src, rig_v4_src, 4);
	assert_memory_equal(p.dst, rig_v4_dst, 4);
	assert_int_equal(p.sport, 1025);
	assert_int_equal(p.dport, 80);
	expect_none(LAYERS(45), ETHERNET, &r);
	datagram(&r, UDP);
	expect(LAYERS(44, 45), ETHERNET, &r, 14 + 20 + 8, PAYLOAD_LEN);
	assert_true(peel(LAYERS(44, 45), ETHERNET, &r, &p));
	assert_int_equal(p.sport, 5353);
	assert_int_equal(p.dport, 53);
	expect_none(LAYERS(44), ETHERNET, &r);
}

static void
test_ipv6(void **state)
{
	struct peel p;
	struct rig r;

	(void)state;
	rig_tcp_ipv6(&r);
	rig_ethernet(&r, 0x86dd);
	assert_true(peel(LAYERS(44), ETHERNET, &r, &p));
	assert_ptr_equal(p.data, rig_data(&r) + 14 + 40 + 20);
	assert_int_equal(p.version, 6);
	assert_memory_equal(p.src, rig_v6_src, 16);
	assert_memory_equal(p.dst, rig_v6_dst, 16);
	expect(LAYERS(21), ETHERNET, &r, 14 + 40, 20 + PAYLOAD_LEN);
	expect_none(LAYERS(20), ETHERNET, &r);
	/* With a destination option in between, which belongs to IPv6. */
	rig_tcp(&r);
	rig_hex(&r, "06 00 0104 00000000");
	rig_ipv6(&r, 60);
	expect(LAYERS(44), RAW, &r, 40 + 8 + 20, PAYLOAD_LEN);
	expect(LAYERS(21), RAW, &r, 40, 8 + 20 + PAYLOAD_LEN);
}

/* Of several the innermost that is there, in whatever order they are named. */
static void
test_innermost(void **state)
{
	struct rig r;

	(void)state;
	datagram(&r, UDP);
	expect(LAYERS(45, 20, 17), ETHERNET, &r, 42, PAYLOAD_LEN);
	expect(LAYERS(17, 20), ETHERNET, &r, 34, 8 + PAYLOAD_LEN);
	expect(LAYERS(17), ETHERNET, &r, 14, 20 + 8 + PAYLOAD_LEN);
	expect(LAYERS(44, 20), ETHERNET, &r, 34, 8 + PAYLOAD_LEN);
	expect_none(LAYERS(44, 21, 113), ETHERNET, &r);
}

static void
test_whole_packet(void **state)
{
	struct peel_layers none = { 0 };
	struct peel p;
	struct rig r;

	(void)state;
	datagram(&r, UDP);
	rig_behind(&r, "000000000000");
	assert_false(peel_is_listed(&none));
	expect(none, ETHERNET, &r, 0, 14 + 20 + 8 + PAYLOAD_LEN + 6);
	assert_true(peel(none, ETHERNET, &r, &p));
	assert_int_equal(p.version, 4);
	assert_memory_equal(p.src, rig_v4_src, 4);
	assert_int_equal(p.dport, 53);
	/* Also one of a kind that nobody here knows. */
	expect(none, 9999, &r, 0, r.len);
	assert_true(peel(none, 9999, &r, &p));
	assert_int_equal(p.version, 0);
	assert_int_equal(p.dport, 0);
}

static void
test_padding_is_nobodys(void **state)
{
	struct rig r;

	(void)state;
	datagram(&r, UDP);
	rig_behind(&r, "0000000000000000");
	expect(LAYERS(45), ETHERNET, &r, 42, PAYLOAD_LEN);
	expect(LAYERS(20), ETHERNET, &r, 34, 8 + PAYLOAD_LEN);
	expect(LAYERS(17), ETHERNET, &r, 14, 28 + PAYLOAD_LEN);
	/* An acknowledgement: all that is behind it is padding. */
	rig_tcp(&r);
	r.len = 0;
	rig_hex(&r, "0401 0050 01020304 05060708 5010 2000 0000 0000");
	rig_ipv4(&r, IP_PROTO_TCP);
	rig_ethernet(&r, 0x0800);
	rig_behind(&r, "000000000000");
	expect(LAYERS(44), ETHERNET, &r, 54, 0);
	/* A length of 0 is what segmentation offload leaves there. */
	datagram(&r, UDP);
	rig_put(&r, 16, 0);
	rig_put(&r, 17, 0);
	expect(LAYERS(20), ETHERNET, &r, 34, 8 + PAYLOAD_LEN);
	/* Nobody says how long ARP is. */
	r.len = 0;
	rig_hex(&r, "0001 0800 06 04 0001");
	rig_ethernet(&r, 0x0806);
	rig_behind(&r, "0000");
	expect(LAYERS(17), ETHERNET, &r, 14, 10);
	expect_none(LAYERS(44, 45, 20, 21), ETHERNET, &r);
}

static void
test_tags(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0064 0800"); /* the inner tag */
	rig_hex(&r, "0065 8100");
	rig_ethernet(&r, 0x88a8);
	rig_behind(&r, "00000000");
	expect(LAYERS(44), ETHERNET, &r, 14 + 8 + 40, PAYLOAD_LEN);
	expect(LAYERS(15), ETHERNET, &r, 14 + 8, 40 + PAYLOAD_LEN);
	expect(LAYERS(17), ETHERNET, &r, 14, 8 + 40 + PAYLOAD_LEN);
}

/* The control word of a pseudowire is payload of MPLS. */
static void
test_mpls(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x0800);
	rig_hex(&r, "00000000");
	rig_hex(&r, "00010140"); /* the bottom of the stack */
	rig_ethernet(&r, 0x8847);
	expect(LAYERS(44), ETHERNET, &r, 14 + 4 + 4 + 14 + 40, PAYLOAD_LEN);
	expect(LAYERS(24), ETHERNET, &r, 14 + 4, 4 + 14 + 40 + PAYLOAD_LEN);
}

/* What cannot be read on is payload all the same, of what is around it. */
static void
test_icmp_and_the_unknown(void **state)
{
	struct peel p;
	struct rig r;

	(void)state;
	datagram(&r, ICMP);
	expect(LAYERS(19, 20), ETHERNET, &r, 14 + 20 + 8, PAYLOAD_LEN);
	expect(LAYERS(20, 44), ETHERNET, &r, 14 + 20, 8 + PAYLOAD_LEN);
	assert_true(peel(LAYERS(19), ETHERNET, &r, &p));
	assert_int_equal(p.version, 4);
	assert_int_equal(p.sport, 0);
	/* Cut within its header: there is no ICMP, but IP. */
	r.len = 0;
	rig_hex(&r, "0800 0000");
	rig_ipv4(&r, ICMP);
	expect_none(LAYERS(19), RAW, &r);
	expect(LAYERS(20, 19), RAW, &r, 20, 4);
	r.len = 0;
	rig_hex(&r, "8000 0000 11223344");
	rig_ipv6(&r, 58);
	expect(LAYERS(57), RAW, &r, 40 + 4, 4);
	/* Encrypted is a verdict about what follows IP. */
	datagram(&r, ESP);
	expect(LAYERS(20), ETHERNET, &r, 34, 8 + PAYLOAD_LEN);
	expect_none(LAYERS(44, 45), ETHERNET, &r);
}

static void
test_fragments(void **state)
{
	struct rig r;

	(void)state;
	/* The first one has a header of UDP, and yet is none of UDP's. */
	datagram(&r, UDP);
	rig_behind(&r, "00000000"); /* a multiple of 8 */
	rig_put(&r, 17, (uint8_t)(20 + 8 + PAYLOAD_LEN + 4));
	rig_put(&r, 20, 0x20);
	expect_none(LAYERS(44, 45), ETHERNET, &r);
	expect(LAYERS(20, 45), ETHERNET, &r, 34, 8 + PAYLOAD_LEN + 4);
	/* One in the middle, whose bytes are no header. */
	rig_put(&r, 21, 5);
	expect_none(LAYERS(44, 45), ETHERNET, &r);
	expect(LAYERS(20, 45), ETHERNET, &r, 34, 8 + PAYLOAD_LEN + 4);
	/* In IPv6, a header says so. */
	rig_tcp(&r);
	rig_hex(&r, "06 00 0001 00000007");
	rig_ipv6(&r, 44);
	expect_none(LAYERS(44), RAW, &r);
	expect(LAYERS(48, 21), RAW, &r, 48, 20 + PAYLOAD_LEN);
	/* All of it in one fragment is no fragment (RFC 6946). */
	rig_put(&r, 40 + 3, 0);
	expect(LAYERS(44), RAW, &r, 68, PAYLOAD_LEN);
}

/* Inner and outer are told apart, and so are their ends. */
static void
test_tunnels(void **state)
{
	struct peel p;
	struct rig r;

	(void)state;
	rig_tcp_ipv6(&r);
	rig_ethernet(&r, 0x86dd);
	rig_hex(&r, "08000000 00000700");
	rig_udp(&r, 50000, 4789);
	rig_ipv4(&r, UDP);
	expect(LAYERS(44, 45), RAW, &r, 20 + 8 + 8 + 14 + 60, PAYLOAD_LEN);
	assert_true(peel(LAYERS(44, 45), RAW, &r, &p));
	assert_int_equal(p.version, 6);
	assert_int_equal(p.dport, 80);
	expect(LAYERS(45), RAW, &r, 28, 8 + 14 + 60 + PAYLOAD_LEN);
	assert_true(peel(LAYERS(45), RAW, &r, &p));
	assert_int_equal(p.version, 4);
	assert_int_equal(p.dport, 4789);
	expect(LAYERS(116), RAW, &r, 36, 14 + 60 + PAYLOAD_LEN);
	/* Whoever looks like it by the port alone, is not. */
	datagram(&r, UDP);
	bytes_put_be16(rig_data(&r) + 14 + 20 + 2, 4789);
	rig_put(&r, 14 + 20 + 8, 0);
	expect_none(LAYERS(116), ETHERNET, &r);
	expect(LAYERS(45, 116), ETHERNET, &r, 42, PAYLOAD_LEN);
	/* However deep. */
	rig_tcp_ipv4(&r);
	for (int i = 0; i < 20; i++)
		rig_ipv4(&r, 4);
	expect(LAYERS(44), RAW, &r, 21 * 20 + 20, PAYLOAD_LEN);
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0000 0800");
	rig_ipv4(&r, GRE);
	expect(LAYERS(18), RAW, &r, 24, 40 + PAYLOAD_LEN);
}

/* A header that contradicts itself has no payload; what is around it has. */
static void
test_bad_headers(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_put(&r, 20 + 12, 0x40);
	expect_none(LAYERS(44), RAW, &r);
	expect(LAYERS(44, 20), RAW, &r, 20, 20 + PAYLOAD_LEN);
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x0800);
	rig_put(&r, 14, 0x42);
	expect_none(LAYERS(20, 44), ETHERNET, &r);
	expect(LAYERS(17), ETHERNET, &r, 14, 40 + PAYLOAD_LEN);
}

/* Cut anywhere, or mangled: nothing outside of the packet is found. */
static void
test_stays_inside(void **state)
{
	struct peel_layers all = { 0 };
	uint32_t random = 7;
	unsigned n = 0;
	struct peel p;
	struct rig r;

	(void)state;
	for (unsigned type = 1; type < 256; type++)
		n += peel_add(&all, type) == 0;
	assert_true(n >= 20);
	rig_tcp_ipv6(&r);
	rig_ethernet(&r, 0x86dd);
	rig_hex(&r, "08000000 00000700");
	rig_udp(&r, 50000, 4789);
	rig_ipv4(&r, UDP);
	rig_hex(&r, "0064 0800");
	rig_ethernet(&r, 0x8100);
	for (uint32_t len = 0; len < r.len; len++)
		(void)peel_bytes(all, ETHERNET, rig_data(&r), len, &p);
	for (int i = 0; i < 20000; i++) {
		struct rig m = r;

		for (int k = 0; k < 1 + i % 4; k++) {
			random = random * 1664525 + 1013904223;
			rig_put(
			    &m, (random >> 8) % r.len, (uint8_t)(random >> 24));
		}
		(void)peel(all, i % 8 == 0 ? RAW : ETHERNET, &m, &p);
	}
}

static void
test_what_can_be_listed(void **state)
{
	struct peel_layers l = { 0 };
	unsigned n = 0;

	(void)state;
	assert_int_equal(peel_add(&l, 0), -EINVAL);
	assert_int_equal(peel_add(&l, 10), -EINVAL);
	assert_int_equal(peel_add(&l, UINT64_C(1) << 32 | 44), -EINVAL);
	assert_false(peel_is_listed(&l));
	/* The message names those that there are, and no others. */
	for (unsigned type = 0; type < 1000; type++) {
		char word[16];
		bool named;

		(void)snprintf(word, sizeof(word), ", %u (", type);
		named = strstr(peel_list(), word) != NULL ||
			strncmp(peel_list(), word + 2, strlen(word + 2)) == 0;
		assert_int_equal(peel_add(&l, type) == 0, named);
		n += named;
	}
	assert_true(n >= 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_and_udp),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_innermost),
		cmocka_unit_test(test_whole_packet),
		cmocka_unit_test(test_padding_is_nobodys),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_mpls),
		cmocka_unit_test(test_icmp_and_the_unknown),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_stays_inside),
		cmocka_unit_test(test_what_can_be_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
