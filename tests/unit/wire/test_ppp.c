#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet_rig.h"

#define ETHERNET       1
#define PPP            9
#define PPP_HDLC       50
#define PPP_ETHER      51
#define CHDLC          104
#define PPP_WITH_DIR   204
#define CHDLC_WITH_DIR 205

static void
v4_behind(struct rig *r, const char *header)
{
	rig_tcp_ipv4(r);
	rig_hex(r, header);
}

static void
on_a_line(void **state)
{
	struct rig r;

	(void)state;
	v4_behind(&r, "ff03 0021");
	rig_expect_tcp(&r, PPP);
	rig_expect_tcp(&r, PPP_HDLC);
	/* Address, control and half of the protocol may be left out. */
	v4_behind(&r, "0021");
	rig_expect_tcp(&r, PPP);
	v4_behind(&r, "21");
	rig_expect_tcp(&r, PPP);
	v4_behind(&r, "ff03 21");
	rig_expect_tcp(&r, PPP);
	rig_tcp_ipv6(&r);
	rig_hex(&r, "ff03 0057");
	rig_expect_tcp(&r, PPP);
	v4_behind(&r, "ff03 0281 0001013f");
	rig_expect_tcp(&r, PPP);
	v4_behind(&r, "01 ff03 0021");
	rig_expect_tcp(&r, PPP_WITH_DIR);
	v4_behind(&r, "ff03 c021"); /* link control */
	rig_expect_not_tcp(&r, PPP);
}

static void
cisco_hdlc(void **state)
{
	struct rig r;

	(void)state;
	v4_behind(&r, "0f00 0800");
	rig_expect_tcp(&r, CHDLC);
	/* PPP's link types are used for it as well. */
	rig_expect_tcp(&r, PPP);
	rig_expect_tcp(&r, PPP_HDLC);
	v4_behind(&r, "8f00 0800");
	rig_expect_tcp(&r, PPP);
	v4_behind(&r, "00 0f00 0800");
	rig_expect_tcp(&r, CHDLC_WITH_DIR);
	v4_behind(&r, "8f00 8035"); /* Cisco's own */
	rig_expect_not_tcp(&r, CHDLC);
}

static void
bridged(void **state)
{
	struct rig r;

	(void)state;
	v4_behind(&r, "020000000001 020000000002 0800");
	rig_hex(&r, "ff03 0031 00 01");
	rig_expect_tcp(&r, PPP);
	v4_behind(&r, "020000000001 020000000002 0800");
	rig_hex(&r, "ff03 0031 40 01 00000007");
	rig_expect_tcp(&r, PPP);
	v4_behind(&r, "ff03 0031 00 03"); /* token ring */
	rig_expect_not_tcp(&r, PPP);
}

static void
what_cannot_be_read(void **state)
{
	struct rig r;

	(void)state;
	v4_behind(&r, "ff03 002d");
	rig_expect_bad(&r, PPP, DECODE_COMPRESSED);
	v4_behind(&r, "ff03 00fd");
	rig_expect_bad(&r, PPP, DECODE_COMPRESSED);
	v4_behind(&r, "ff03 0053");
	rig_expect_bad(&r, PPP, DECODE_ENCRYPTED);
	v4_behind(&r, "ff03 003d c0000001");
	rig_expect_bad(&r, PPP, DECODE_LINK_FRAGMENT);
}

/* Around what is there. */
static void
pppoe(struct rig *r, const char *protocol)
{
	rig_hex(r, protocol);
	rig_hex(r, "11 00 0001 0000");
	bytes_put_be16(rig_data(r) + 4, (uint16_t)(r->len - 6));
}

static void
within_ethernet(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	pppoe(&r, "0021");
	rig_expect_tcp(&r, PPP_ETHER);
	rig_ethernet(&r, 0x8864);
	rig_behind(&r, "00000000");
	rig_expect_tcp(&r, ETHERNET);
	/* Its length cuts off padding that IP's does not know. */
	rig_tcp_ipv4(&r);
	bytes_put_be16(rig_data(&r) + 2, 0);
	pppoe(&r, "0021");
	rig_ethernet(&r, 0x8864);
	rig_behind(&r, "00000000");
	rig_expect_tcp(&r, ETHERNET);
	rig_put(&r, 15, 0xa7); /* not a session's: a terminate */
	rig_expect_not_tcp(&r, ETHERNET);
	rig_put(&r, 14, 0x21);
	rig_expect_bad(&r, ETHERNET, DECODE_BAD_LINK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_line),
		cmocka_unit_test(cisco_hdlc),
		cmocka_unit_test(bridged),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(within_ethernet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
