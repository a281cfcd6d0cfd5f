#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet_rig.h"

#define ETHERNET     1
#define TOKEN_RING   6
#define ARCNET       7
#define FDDI         10
#define ARCNET_LINUX 129

static void
ethernet_carries_both_versions(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x0800);
	rig_expect_tcp(&r, ETHERNET);
	rig_tcp_ipv6(&r);
	rig_ethernet(&r, 0x86dd);
	rig_expect_tcp(&r, ETHERNET);
}

static void
the_version_field_wins_over_the_type(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv6(&r);
	rig_ethernet(&r, 0x0800);
	rig_expect_tcp(&r, ETHERNET);
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x86dd);
	rig_expect_tcp(&r, ETHERNET);
	rig_tcp_ipv4(&r);
	rig_put(&r, 0, 0x55);
	rig_ethernet(&r, 0x0800);
	rig_expect_bad(&r, ETHERNET, DECODE_BAD_IP_HEADER);
}

static void
padding_is_no_payload(void **state)
{
	struct rig r;
	struct decode d;
	uint32_t len;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x0800);
	len = (uint32_t)r.len;
	rig_behind(&r, "deadbeefdeadbeef");
	rig_expect_tcp(&r, ETHERNET);
	/* Nor is it a loss when only padding was cut off. */
	assert_int_equal(
	    rig_decode(ETHERNET, rig_data(&r), len, (uint32_t)r.len, &d),
	    DECODE_TCP);
	assert_int_equal(d.len, d.wire_len);
}

static void
other_types_are_not_tcp(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x0806);
	rig_expect_not_tcp(&r, ETHERNET);
	/* Neither a length nor a type. */
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 1501);
	rig_expect_not_tcp(&r, ETHERNET);
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 1535);
	rig_expect_not_tcp(&r, ETHERNET);
}

/* An 802.3 frame around what is there, with padding behind it. */
static void
ieee8023(struct rig *r, const char *llc)
{
	rig_hex(r, llc);
	rig_ethernet(r, (uint16_t)r->len);
	rig_behind(r, "0000000000");
}

static void
llc_and_snap(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	ieee8023(&r, "aaaa03 000000 0800");
	rig_expect_tcp(&r, ETHERNET);
	rig_tcp_ipv6(&r);
	ieee8023(&r, "aaaa03 0000f8 86dd");
	rig_expect_tcp(&r, ETHERNET);
	rig_tcp_ipv4(&r);
	ieee8023(&r, "060603");
	rig_expect_tcp(&r, ETHERNET);
	/* A bridged frame. */
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x0800);
	ieee8023(&r, "aaaa03 0080c2 0007");
	rig_expect_tcp(&r, ETHERNET);
	/* Spanning tree, and Cisco's discovery. */
	rig_tcp_ipv4(&r);
	ieee8023(&r, "424203");
	rig_expect_not_tcp(&r, ETHERNET);
	rig_tcp_ipv4(&r);
	ieee8023(&r, "aaaa03 00000c 2000");
	rig_expect_not_tcp(&r, ETHERNET);
}

static void
llc_without_ethernet(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_hex(&r, "aaaa03 000000 0800");
	rig_expect_tcp(&r, 100);
}

static void
fddi(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_hex(&r, "54 020000000001 020000000002 aaaa03 000000 0800");
	rig_expect_tcp(&r, FDDI);
	rig_put(&r, 0, 0x41); /* station management */
	rig_expect_not_tcp(&r, FDDI);
}

static void
token_ring_with_and_without_a_route(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_hex(&r, "10 40 020000000001 020000000002 aaaa03 000000 0800");
	rig_expect_tcp(&r, TOKEN_RING);
	rig_tcp_ipv4(&r);
	rig_hex(&r, "10 40 020000000001 820000000002 063000310020 "
		    "aaaa03 000000 0800");
	rig_expect_tcp(&r, TOKEN_RING);
	rig_put(&r, 1, 0x05); /* the ring's own frames */
	rig_expect_not_tcp(&r, TOKEN_RING);
}

static void
arcnet_in_both_encapsulations(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0102 f0");
	rig_expect_tcp(&r, ARCNET);
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0102 d4 00 0166");
	rig_expect_tcp(&r, ARCNET);
	/* An exception packet: filled up in the middle. */
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0102 d4 ff ffffff 00 0166");
	rig_expect_tcp(&r, ARCNET);
	rig_tcp_ipv6(&r);
	rig_hex(&r, "0102 0000 c4 00 0166");
	rig_expect_tcp(&r, ARCNET_LINUX);
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0102 d4 01 0166");
	rig_expect_bad(&r, ARCNET, DECODE_LINK_FRAGMENT);
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0102 d5 00 0166");
	rig_expect_not_tcp(&r, ARCNET);
}

static void
bare_ip(void **state)
{
	static const uint16_t either[] = { 101, 12, 14 };
	struct rig r;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		rig_tcp_ipv4(&r);
		rig_expect_tcp(&r, either[i]);
		rig_tcp_ipv6(&r);
		rig_expect_tcp(&r, either[i]);
	}
	rig_put(&r, 0, 0x05);
	rig_expect_bad(&r, 101, DECODE_BAD_IP_HEADER);
	rig_tcp_ipv4(&r);
	rig_expect_tcp(&r, 228);
	rig_tcp_ipv6(&r);
	rig_expect_tcp(&r, 229);
}

/* Only what it is known to be: nobody guesses from the bytes. */
static void
unknown_link_types(void **state)
{
	static const uint16_t unknown[] = { 107, 147, 149, 227, 251, 235,
		65535 };
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		rig_tcp_ipv4(&r);
		rig_ethernet(&r, 0x0800);
		rig_expect_bad(&r, unknown[i], DECODE_LINK_TYPE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ethernet_carries_both_versions),
		cmocka_unit_test(the_version_field_wins_over_the_type),
		cmocka_unit_test(padding_is_no_payload),
		cmocka_unit_test(other_types_are_not_tcp),
		cmocka_unit_test(llc_and_snap),
		cmocka_unit_test(llc_without_ethernet),
		cmocka_unit_test(fddi),
		cmocka_unit_test(token_ring_with_and_without_a_route),
		cmocka_unit_test(arcnet_in_both_encapsulations),
		cmocka_unit_test(bare_ip),
		cmocka_unit_test(unknown_link_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
