#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet_rig.h"

#define ETHERNET 1

/* @tags within an Ethernet frame of @type, before an IPv4 packet. */
static void
tagged(struct rig *r, uint16_t type, const char *tags)
{
	rig_tcp_ipv4(r);
	rig_hex(r, tags);
	rig_ethernet(r, type);
}

static void
vlans_of_every_kind(void **state)
{
	static const uint16_t types[] = { 0x8100, 0x88a8, 0x9100, 0x9200,
		0x9300 };
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		tagged(&r, types[i], "2064 0800");
		rig_expect_tcp(&r, ETHERNET);
	}
	/* Tags within tags, as deep as one likes. */
	tagged(&r, 0x88a8, "0064 8100 00c8 8100 012c 0800");
	rig_expect_tcp(&r, ETHERNET);
	/* An 802.3 frame may be tagged too. */
	rig_tcp_ipv4(&r);
	rig_hex(&r, "aaaa03 000000 0800");
	rig_hex(&r, "0064 003c");
	bytes_put_be16(rig_data(&r) + 2, (uint16_t)(r.len - 4));
	rig_ethernet(&r, 0x8100);
	rig_behind(&r, "0000");
	rig_expect_tcp(&r, ETHERNET);
	tagged(&r, 0x8100, "0064 0806");
	rig_expect_not_tcp(&r, ETHERNET);
}

static void
bridges_and_switches(void **state)
{
	struct rig r;

	(void)state;
	/* Provider backbone bridging: a frame within, itself tagged. */
	tagged(&r, 0x88e7, "00000001 020000000003 020000000004 8100 0064 0800");
	rig_expect_tcp(&r, ETHERNET);
	tagged(&r, 0x8903, "4020 020000000003 020000000004 0800");
	rig_expect_tcp(&r, ETHERNET);
	tagged(&r, 0x893f, "0001 0002 0000 0800");
	rig_expect_tcp(&r, ETHERNET);
	tagged(&r, 0x8926, "80010002 8100 0064 0800");
	rig_expect_tcp(&r, ETHERNET);
}

static void
macsec_unless_it_encrypts(void **state)
{
	struct rig r;

	(void)state;
	tagged(&r, 0x88e5, "00 00 00000001 0800");
	rig_behind(&r, "0123456789abcdef0123456789abcdef");
	rig_expect_tcp(&r, ETHERNET);
	tagged(&r, 0x88e5, "20 00 00000001 0200000000020001 0800");
	rig_expect_tcp(&r, ETHERNET);
	tagged(&r, 0x88e5, "2c 00 00000001 0200000000020001 0800");
	rig_expect_bad(&r, ETHERNET, DECODE_ENCRYPTED);
	tagged(&r, 0x88e5, "04 00 00000001 0800");
	rig_expect_bad(&r, ETHERNET, DECODE_ENCRYPTED);
}

static void
mpls_carries_ip(void **state)
{
	struct rig r;

	(void)state;
	tagged(&r, 0x8847, "0001013f");
	rig_expect_tcp(&r, ETHERNET);
	tagged(&r, 0x8848, "0001003f 0002003f 0003013f");
	rig_expect_tcp(&r, ETHERNET);
	tagged(&r, 0x8847, "0000013f"); /* explicit null */
	rig_expect_tcp(&r, ETHERNET);
	rig_tcp_ipv6(&r);
	rig_hex(&r, "0000213f");
	rig_ethernet(&r, 0x8847);
	rig_expect_tcp(&r, ETHERNET);
	rig_tcp_ipv6(&r);
	rig_hex(&r, "0001013f");
	rig_ethernet(&r, 0x8847);
	rig_expect_tcp(&r, ETHERNET);
}

static void
pseudowires(void **state)
{
	/* Addresses that begin like IPv4, IPv6, a channel and a control word.
	 */
	static const char *const frames[] = {
		"020000000003 020000000004 0800",
		"400000000003 020000000004 0800",
		"450000000003 020000000004 0800",
		"600000000003 020000000004 8100 0064 0800",
		"100000000003 020000000004 0800",
		"00000000 020000000003 020000000004 0800",
		"00000001 400000000003 020000000004 0800",
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		tagged(&r, 0x8847, frames[i]);
		r.len -= 14;
		rig_hex(&r, "0001013f");
		rig_ethernet(&r, 0x8847);
		rig_expect_tcp(&r, ETHERNET);
	}
	/* A frame of 802.3 behind a control word. */
	rig_tcp_ipv4(&r);
	rig_hex(&r, "aaaa03 000000 0800");
	rig_ethernet(&r, (uint16_t)r.len);
	rig_hex(&r, "0001013f 00000000");
	rig_ethernet(&r, 0x8847);
	rig_expect_tcp(&r, ETHERNET);
	/* An associated channel, which is for the operator. */
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0001013f 10000007");
	rig_ethernet(&r, 0x8847);
	rig_expect_not_tcp(&r, ETHERNET);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vlans_of_every_kind),
		cmocka_unit_test(bridges_and_switches),
		cmocka_unit_test(macsec_unless_it_encrypts),
		cmocka_unit_test(mpls_carries_ip),
		cmocka_unit_test(pseudowires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
