#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet_rig.h"

#define BSD_NULL 0
#define BSD_LOOP 108
#define SLL      113
#define PPI      192
#define NFLOG    239
#define PKTAP    258
#define SLL2     276

static void
v4_behind(struct rig *r, const char *header)
{
	rig_tcp_ipv4(r);
	rig_hex(r, header);
}

static void
v6_behind(struct rig *r, const char *header)
{
	rig_tcp_ipv6(r);
	rig_hex(r, header);
}

static void
families_in_both_orders(void **state)
{
	static const char *const v6[] = { "0a000000", "18000000", "1c000000",
		"1e000000", "0000000a", "00000018", "0000001c", "0000001e" };
	static const uint16_t types[] = { BSD_NULL, BSD_LOOP };
	struct rig r;

	(void)state;
	for (size_t t = 0; t < 2; t++) {
		v4_behind(&r, "02000000");
		rig_expect_tcp(&r, types[t]);
		v4_behind(&r, "00000002");
		rig_expect_tcp(&r, types[t]);
		for (size_t i = 0; i < sizeof(v6) / sizeof(v6[0]); i++) {
			v6_behind(&r, v6[i]);
			rig_expect_tcp(&r, types[t]);
		}
		v4_behind(&r, "07000000"); /* OSI */
		rig_expect_not_tcp(&r, types[t]);
	}
}

static void
linux_cooked(void **state)
{
	struct rig r;

	(void)state;
	v4_behind(&r, "0000 0001 0006 0200000000010000 0800");
	rig_expect_tcp(&r, SLL);
	v6_behind(&r, "0004 0304 0000 0000000000000000 86dd");
	rig_expect_tcp(&r, SLL);
	/* A tag that the kernel had taken off is put back here. */
	v4_behind(&r, "0000 0001 0006 0200000000010000 8100 0064 0800");
	rig_expect_tcp(&r, SLL);
	v4_behind(
	    &r, "0000 0001 0006 0200000000010000 0004 aaaa03 000000 0800");
	rig_expect_tcp(&r, SLL);
	v4_behind(&r, "0000 0001 0006 0200000000010000 0806");
	rig_expect_not_tcp(&r, SLL);
	v4_behind(&r, "0000 0338 0000 0000000000000000 0800"); /* netlink */
	rig_expect_not_tcp(&r, SLL);

	v4_behind(&r, "0800 0000 00000002 0001 00 06 0200000000010000");
	rig_expect_tcp(&r, SLL2);
	v6_behind(&r, "86dd 0000 00000002 0001 04 06 0200000000010000");
	rig_expect_tcp(&r, SLL2);
	v4_behind(&r, "0800 0000 00000002 0338 00 06 0200000000010000");
	rig_expect_not_tcp(&r, SLL2);
}

/* A packet attribute around what is there, in either order. */
static void
payload_attribute(struct rig *r, bool little)
{
	uint16_t len = (uint16_t)(r->len + 4);
	uint8_t *p = rig_before(r, 4);

	if (little) {
		bytes_put_le16(p, len);
		bytes_put_le16(p + 2, 9);
	} else {
		bytes_put_be16(p, len);
		bytes_put_be16(p + 2, 9);
	}
}

static void
netfilter_log(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	payload_attribute(&r, true);
	/* A prefix of one byte, filled up; a packet header. */
	rig_hex(&r, "02 00 002a 0500 0a00 00000000 0800 0100 00000300");
	rig_expect_tcp(&r, NFLOG);
	rig_tcp_ipv6(&r);
	payload_attribute(&r, false);
	rig_hex(&r, "0a 00 002a 0008 0001 00000300");
	rig_expect_tcp(&r, NFLOG);
	/* No packet in it; a length that would never end. */
	r.len = 0;
	rig_hex(&r, "02 00 002a 0800 0100 00000300");
	rig_expect_not_tcp(&r, NFLOG);
	r.len = 0;
	rig_hex(&r, "02 00 002a 0800 0100 00000300 0000 0900");
	rig_expect_bad(&r, NFLOG, DECODE_BAD_LINK);
	v4_behind(&r, "02 01 002a");
	rig_expect_bad(&r, NFLOG, DECODE_BAD_LINK);
	v4_behind(&r, "02 00 002a ff00 0100");
	rig_expect_bad(&r, NFLOG, DECODE_TRUNCATED_LINK);
}

static void
wrappers_with_a_link_type_of_their_own(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_ethernet(&r, 0x0800);
	rig_hex(&r, "00 00 0800 01000000");
	rig_expect_tcp(&r, PPI);
	v4_behind(&r, "00 00 0e00 65000000 0102 0200 beef");
	rig_expect_tcp(&r, PPI);
	v4_behind(&r, "00 00 0800 93000000");
	rig_expect_bad(&r, PPI, DECODE_LINK_TYPE);
	v4_behind(&r, "00 00 0700 65000000");
	rig_expect_bad(&r, PPI, DECODE_BAD_LINK);
	/* Within itself for ever. */
	r.len = 0;
	for (int i = 0; i < 100; i++)
		rig_hex(&r, "00 00 0800 c0000000");
	rig_expect_bad(&r, PPI, DECODE_TOO_DEEP);

	v4_behind(&r, "10000000 01000000 0c000000 deadbeef");
	rig_expect_tcp(&r, PKTAP);
	v4_behind(&r, "10000000 02000000 0c000000 deadbeef");
	rig_expect_not_tcp(&r, PKTAP);
	v4_behind(&r, "0b000000 01000000 0c000000 deadbeef");
	rig_expect_bad(&r, PKTAP, DECODE_BAD_LINK);
	v4_behind(&r, "ffffffff 01000000 0c000000 deadbeef");
	rig_expect_bad(&r, PKTAP, DECODE_TRUNCATED_LINK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_in_both_orders),
		cmocka_unit_test(linux_cooked),
		cmocka_unit_test(netfilter_log),
		cmocka_unit_test(wrappers_with_a_link_type_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
