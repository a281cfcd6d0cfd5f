#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet_rig.h"

#define PLAIN    105
#define PRISM    119
#define RADIOTAP 127
#define AVS      163

#define LLC  "aaaa03 000000 0800"
#define ADDR "020000000001 020000000002 020000000003 "

/* A header, and what has to lie between it and 802.2; then a packet. */
static void
frame(struct rig *r, const char *header)
{
	rig_tcp_ipv4(r);
	rig_hex(r, LLC);
	rig_hex(r, header);
	rig_behind(r, "0badf00d"); /* the check sequence */
}

static void
data_frames(void **state)
{
	struct rig r;

	(void)state;
	frame(&r, "0801 3c00" ADDR "1000");
	rig_expect_tcp(&r, PLAIN);
	frame(&r, "0803 3c00" ADDR "1000 020000000004");
	rig_expect_tcp(&r, PLAIN);
	frame(&r, "8802 3c00" ADDR "1000 0000");
	rig_expect_tcp(&r, PLAIN);
	frame(&r, "8803 3c00" ADDR "1000 020000000004 0000");
	rig_expect_tcp(&r, PLAIN);
	/* "Order" means four bytes more with QoS, and without nothing. */
	frame(&r, "8882 3c00" ADDR "1000 0000 00000000");
	rig_expect_tcp(&r, PLAIN);
	frame(&r, "0882 3c00" ADDR "1000");
	rig_expect_tcp(&r, PLAIN);
}

static void
other_frames(void **state)
{
	struct rig r;

	(void)state;
	frame(&r, "8000 0000" ADDR "1000"); /* a beacon */
	rig_expect_not_tcp(&r, PLAIN);
	frame(&r, "d400 0000" ADDR "1000"); /* an acknowledgement */
	rig_expect_not_tcp(&r, PLAIN);
	frame(&r, "4801 3c00" ADDR "1000"); /* without data */
	rig_expect_not_tcp(&r, PLAIN);
	frame(&r, "c801 3c00" ADDR "1000 0000");
	rig_expect_not_tcp(&r, PLAIN);
}

static void
what_cannot_be_read(void **state)
{
	struct rig r;

	(void)state;
	frame(&r, "0841 3c00" ADDR "1000");
	rig_expect_bad(&r, PLAIN, DECODE_ENCRYPTED);
	frame(&r, "0805 3c00" ADDR "1000"); /* more fragments */
	rig_expect_bad(&r, PLAIN, DECODE_LINK_FRAGMENT);
	frame(&r, "0801 3c00" ADDR "1100"); /* fragment 1 */
	rig_expect_bad(&r, PLAIN, DECODE_LINK_FRAGMENT);
	frame(&r, "0901 3c00" ADDR "1000"); /* no such version */
	rig_expect_bad(&r, PLAIN, DECODE_BAD_LINK);
}

/* An A-MSDU's subframe around what is there, @more of them behind it. */
static void
subframe(struct rig *r, const char *more)
{
	rig_tcp_ipv4(r);
	rig_hex(r, LLC);
	rig_ethernet(r, (uint16_t)r->len);
	rig_behind(r, more);
	rig_hex(r, "8802 3c00" ADDR "1000 8000");
}

static void
aggregates_of_one(void **state)
{
	struct rig r;

	(void)state;
	subframe(&r, "0000");
	rig_expect_tcp(&r, PLAIN);
	subframe(&r, "0000 0badf00d");
	rig_expect_tcp(&r, PLAIN);
	subframe(&r, "0000 020000000001 020000000002 0008 aaaa030000000806");
	rig_expect_bad(&r, PLAIN, DECODE_LINK_AGGREGATE);
}

static void
radiotap(void **state)
{
	struct rig r;

	(void)state;
	frame(&r, "0801 3c00" ADDR "1000");
	rig_hex(&r, "00 00 0800 00000000");
	rig_expect_tcp(&r, RADIOTAP);
	/* Flags alone: the 802.11 header is filled up to a multiple of 4. */
	frame(&r, "8802 3c00" ADDR "1000 0000 0000");
	rig_hex(&r, "00 00 0900 02000000 20");
	rig_expect_tcp(&r, RADIOTAP);
	/* A time before them, at a multiple of 8. */
	frame(&r, "8802 3c00" ADDR "1000 0000 0000");
	rig_hex(&r, "00 00 1100 03000000 0102030405060708 20");
	rig_expect_tcp(&r, RADIOTAP);
	/* Two words of what is present: the time is four bytes further. */
	frame(&r, "8802 3c00" ADDR "1000 0000 0000");
	rig_hex(
	    &r, "00 00 1900 03000080 00000000 00000000 0102030405060708 20");
	rig_expect_tcp(&r, RADIOTAP);
	/* Other flags do not fill it up. */
	frame(&r, "8802 3c00" ADDR "1000 0000");
	rig_hex(&r, "00 00 0900 02000000 10");
	rig_expect_tcp(&r, RADIOTAP);
	rig_put(&r, 2, 7);
	rig_expect_bad(&r, RADIOTAP, DECODE_BAD_LINK);
	rig_put(&r, 2, 9);
	rig_put(&r, 0, 1);
	rig_expect_bad(&r, RADIOTAP, DECODE_BAD_LINK);
}

static void
prism_and_avs(void **state)
{
	struct rig r;

	(void)state;
	frame(&r, "0801 3c00" ADDR "1000");
	rig_hex(&r, "44000000 10000000 776c616e 30000000");
	rig_expect_tcp(&r, PRISM);
	frame(&r, "0801 3c00" ADDR "1000");
	rig_hex(&r, "00000044 00000010 776c616e 30000000");
	rig_expect_tcp(&r, PRISM);
	frame(&r, "0801 3c00" ADDR "1000");
	rig_hex(&r, "80211001 0000000c 00000000");
	rig_expect_tcp(&r, PRISM);
	rig_expect_tcp(&r, AVS);
	rig_put(&r, 7, 7);
	rig_expect_bad(&r, AVS, DECODE_BAD_LINK);
	frame(&r, "0801 3c00" ADDR "1000");
	rig_hex(&r, "44000000 40404040");
	rig_expect_bad(&r, PRISM, DECODE_BAD_LINK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_frames),
		cmocka_unit_test(other_frames),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(aggregates_of_one),
		cmocka_unit_test(radiotap),
		cmocka_unit_test(prism_and_avs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
