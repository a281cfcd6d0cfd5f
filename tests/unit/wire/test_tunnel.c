#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet_rig.h"

#define RAW 101

#define GRE 47
#define UDP 17

/* An inner frame; what lies outside of it has other addresses. */
static void
inner_frame(struct rig *r)
{
	rig_tcp_ipv4(r);
	rig_ethernet(r, 0x0800);
}

/* An IPv4 header of other ends, so that inner and outer are told apart. */
static void
outer_v4(struct rig *r, uint8_t protocol)
{
	rig_ipv4(r, protocol);
	rig_put(r, 15, 99);
	rig_put(r, 19, 98);
}

static void
outer_v6(struct rig *r, uint8_t next)
{
	rig_ipv6(r, next);
	rig_put(r, 8 + 15, 99);
	rig_put(r, 24 + 15, 98);
}

/* A header of GRE before what is there, and IPv4. */
static void
gre(struct rig *r, const char *header)
{
	rig_hex(r, header);
	outer_v4(r, GRE);
}

static void
udp(struct rig *r, uint16_t sport, uint16_t dport)
{
	rig_udp(r, sport, dport);
	outer_v4(r, UDP);
}

static void
ip_within_ip(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	outer_v4(&r, 4);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv6(&r);
	outer_v4(&r, 41);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	outer_v6(&r, 4);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv6(&r);
	outer_v6(&r, 41);
	rig_expect_tcp(&r, RAW);
	/* As many as may be opened, and one more. */
	for (int i = 1; i < RIG_DEPTH; i++)
		outer_v6(&r, 41);
	rig_expect_tcp(&r, RAW);
	outer_v6(&r, 41);
	rig_expect_bad(&r, RAW, DECODE_TOO_DEEP);
}

static void
gre_with_all_its_fields(void **state)
{
	static const char *const headers[] = {
		"0000 0800",
		"8000 0800 12340000",
		"2000 0800 00000007",
		"1000 0800 00000001",
		"b000 0800 12340000 00000007 00000001",
		/* Routes: one, and the end of the list. */
		"4000 0800 00000000 0800 00 04 0a000001 0000 00 00",
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		rig_tcp_ipv4(&r);
		gre(&r, headers[i]);
		rig_expect_tcp(&r, RAW);
	}
	rig_tcp_ipv6(&r);
	gre(&r, "0000 86dd");
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	gre(&r, "2000 6558 00000007");
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0001013f");
	gre(&r, "0000 8847");
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	gre(&r, "0000 0806");
	rig_expect_not_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	gre(&r, "0002 0800");
	rig_expect_bad(&r, RAW, DECODE_BAD_TUNNEL);
}

static void
pptp(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	gre(&r, "3001 880b 00340001 00000001 ff03 0021");
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	gre(&r, "3081 880b 00340001 00000001 00000002 21");
	rig_expect_tcp(&r, RAW);
	/* An acknowledgement alone. */
	r.len = 0;
	gre(&r, "2081 880b 00000001 00000002");
	rig_expect_not_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	gre(&r, "2001 0800 00340001");
	rig_expect_bad(&r, RAW, DECODE_BAD_TUNNEL);
}

static void
erspan(void **state)
{
	struct rig r;

	(void)state;
	inner_frame(&r);
	gre(&r, "0000 88be"); /* I */
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	gre(&r, "1000 88be 00000001 1001000000000000"); /* II */
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	gre(&r, "1000 22eb 00000001 200100000000000000000000"); /* III */
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	gre(&r, "1000 22eb 00000001 200100000000000000000001 "
		"0102030405060708");
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	gre(&r, "1000 22eb 00000001 200100000000000000000800");
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	gre(&r, "1000 88be 00000001 7001000000000000");
	rig_expect_bad(&r, RAW, DECODE_BAD_TUNNEL);
}

static void
wccp_and_etherip(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	gre(&r, "0000 883e");
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	gre(&r, "0000 883e 00000000");
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	rig_hex(&r, "3000");
	outer_v4(&r, 97);
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	rig_hex(&r, "2000");
	outer_v4(&r, 97);
	rig_expect_bad(&r, RAW, DECODE_BAD_TUNNEL);
}

static void
mpls_within_ip(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0001013f");
	outer_v4(&r, 137);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0001013f");
	udp(&r, 50000, 6635);
	rig_expect_tcp(&r, RAW);
}

static void
vxlan(void **state)
{
	struct rig r;

	(void)state;
	inner_frame(&r);
	rig_hex(&r, "08000000 00002a00");
	udp(&r, 50000, 4789);
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	rig_hex(&r, "08000000 00002a00");
	udp(&r, 50000, 8472);
	rig_expect_tcp(&r, RAW);
	/* The other end's answers do not come from that port. */
	inner_frame(&r);
	rig_hex(&r, "08000000 00002a00");
	udp(&r, 4789, 50000);
	rig_expect_not_tcp(&r, RAW);
	inner_frame(&r);
	rig_hex(&r, "00000000 00002a00");
	udp(&r, 50000, 4789);
	rig_expect_not_tcp(&r, RAW);

	rig_tcp_ipv4(&r);
	rig_hex(&r, "0c000001 00002a00");
	udp(&r, 50000, 4790);
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	rig_hex(&r, "0c000004 00002a00 0fc20203 00000100");
	udp(&r, 50000, 4790);
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	rig_hex(&r, "0c000004 00002a00 0fff0203 00000100");
	udp(&r, 50000, 4790);
	rig_expect_bad(&r, RAW, DECODE_TRUNCATED_TUNNEL);
	inner_frame(&r);
	rig_hex(&r, "0c000004 00002a00 0fc10203 00000100");
	udp(&r, 50000, 4790);
	rig_expect_bad(&r, RAW, DECODE_BAD_TUNNEL);
}

static void
geneve(void **state)
{
	struct rig r;

	(void)state;
	inner_frame(&r);
	rig_hex(&r, "0000 6558 00002a00");
	udp(&r, 50000, 6081);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv6(&r);
	rig_hex(&r, "0200 86dd 00002a00 0102030405060708");
	udp(&r, 50000, 6081);
	rig_expect_tcp(&r, RAW);
	inner_frame(&r);
	rig_hex(&r, "0080 6558 00002a00"); /* for the other end only */
	udp(&r, 50000, 6081);
	rig_expect_not_tcp(&r, RAW);
	inner_frame(&r);
	rig_hex(&r, "4000 6558 00002a00");
	udp(&r, 50000, 6081);
	rig_expect_not_tcp(&r, RAW);
}

/* A GTP-U header of @flags, with what may follow it. */
static void
gtp(struct rig *r, const char *flags, const char *more)
{
	rig_hex(r, more);
	rig_hex(r, "ff 0000 00000001");
	bytes_put_be16(rig_data(r) + 1, (uint16_t)(r->len - 7));
	rig_hex(r, flags);
}

static void
gtp_u(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	gtp(&r, "30", "");
	udp(&r, 2152, 2152);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv6(&r);
	gtp(&r, "32", "0001 00 00");
	udp(&r, 50000, 2152);
	rig_expect_tcp(&r, RAW);
	/* Extensions: one of 4 bytes, one of 8. */
	rig_tcp_ipv4(&r);
	gtp(&r, "34", "0000 00 85 01 1001 c0 02 000000000000 00");
	udp(&r, 2152, 2152);
	rig_expect_tcp(&r, RAW);
	/* An extension without a length; a request; version 0. */
	rig_tcp_ipv4(&r);
	gtp(&r, "34", "0000 00 85 00 100100");
	udp(&r, 2152, 2152);
	rig_expect_not_tcp(&r, RAW);
	r.len = 0;
	rig_hex(&r, "32 01 0004 00000000 00010000");
	udp(&r, 2152, 2152);
	rig_expect_not_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	gtp(&r, "10", "");
	udp(&r, 2152, 2152);
	rig_expect_not_tcp(&r, RAW);
}

static void
l2tp(void **state)
{
	static const char *const headers[] = {
		"0002 00010002 ff03 0021",
		"4002 0048 00010002 ff03 0021",
		"4802 0048 00010002 00010002 21",
		"4a02 0048 00010002 00010002 0003 ffffff 0021",
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		rig_tcp_ipv4(&r);
		rig_hex(&r, headers[i]);
		udp(&r, 1701, 1701);
		rig_expect_tcp(&r, RAW);
	}
	rig_tcp_ipv4(&r);
	rig_hex(&r, "c802 0048 00010002 00010002"); /* control */
	udp(&r, 1701, 1701);
	rig_expect_not_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0003 00000001"); /* version 3 */
	udp(&r, 1701, 1701);
	rig_expect_not_tcp(&r, RAW);
}

static void
teredo_and_ayiya(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv6(&r);
	udp(&r, 50000, 3544);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv6(&r);
	rig_hex(&r, "0000 63bf 3f57fefd");
	udp(&r, 3544, 50000);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv6(&r);
	rig_hex(&r, "0001 0102 aa bbbb 0102030405060708 00 0000 63bf 3f57fefd");
	udp(&r, 3544, 50000);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv4(&r);
	udp(&r, 50000, 3544);
	rig_expect_not_tcp(&r, RAW);

	rig_tcp_ipv6(&r);
	rig_hex(&r, "11 10 01 29 5f5e0ff0 abcd 00000001");
	udp(&r, 50000, 5072);
	rig_expect_tcp(&r, RAW);
	rig_tcp_ipv6(&r);
	rig_hex(&r, "11 10 00 29 5f5e0ff0 abcd 00000001"); /* no operation */
	udp(&r, 50000, 5072);
	rig_expect_not_tcp(&r, RAW);
}

/* Somebody else's datagrams at these ports are no trouble. */
static void
short_datagrams_are_not_tcp(void **state)
{
	static const uint16_t ports[] = { 53, 4789, 4790, 6081, 2152, 1701,
		3544, 5072 };
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		for (size_t len = 0; len < 3; len++) {
			r.len = 0;
			(void)rig_before(&r, len); /* zeroed */
			udp(&r, 50000, ports[i]);
			rig_expect_not_tcp(&r, RAW);
		}
	}
	r.len = 0;
	rig_hex(&r, "c350 12b5");
	outer_v4(&r, UDP);
	rig_expect_not_tcp(&r, RAW);
}

/* ... unless a snapshot length cut them there. */
static void
cut_tunnels_are_counted(void **state)
{
	struct rig r;
	struct decode d;

	(void)state;
	inner_frame(&r);
	rig_hex(&r, "08000000 00002a00");
	udp(&r, 50000, 4789);
	assert_int_equal(
	    rig_decode(RAW, rig_data(&r), 31, (uint32_t)r.len, &d), DECODE_BAD);
	assert_int_equal(d.bad, DECODE_TRUNCATED_TUNNEL);
}

/* UDP's own length cuts off what lies behind it. */
static void
padding_behind_a_datagram(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	bytes_put_be16(rig_data(&r) + 2, 0); /* the inner length is unknown */
	rig_ethernet(&r, 0x0800);
	rig_hex(&r, "08000000 00002a00");
	rig_udp(&r, 50000, 4789);
	rig_behind(&r, "00000000");
	outer_v4(&r, UDP);
	rig_expect_tcp(&r, RAW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_within_ip),
		cmocka_unit_test(gre_with_all_its_fields),
		cmocka_unit_test(pptp),
		cmocka_unit_test(erspan),
		cmocka_unit_test(wccp_and_etherip),
		cmocka_unit_test(mpls_within_ip),
		cmocka_unit_test(vxlan),
		cmocka_unit_test(geneve),
		cmocka_unit_test(gtp_u),
		cmocka_unit_test(l2tp),
		cmocka_unit_test(teredo_and_ayiya),
		cmocka_unit_test(short_datagrams_are_not_tcp),
		cmocka_unit_test(cut_tunnels_are_counted),
		cmocka_unit_test(padding_behind_a_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
