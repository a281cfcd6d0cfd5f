#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packet_rig.h"

#define ETHERNET 1
#define RAW      101

static void
names_are_words_and_differ(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DECODE_NBADS; i++) {
		const char *name = decode_bad_name((enum decode_bad)i);

		assert_true(strlen(name) > 0);
		assert_int_equal(
		    strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(
			    name, decode_bad_name((enum decode_bad)k));
	}
}

static void
headers_without_end(void **state)
{
	struct rig r;

	(void)state;
	rig_tcp_ipv4(&r);
	rig_hex(&r, "0800");
	/* Ethernet, the tags, IPv4 and TCP are all that is allowed. */
	for (int i = 0; i < DECODE_HEADERS_MAX - 4; i++)
		rig_hex(&r, "8100 0064");
	rig_hex(&r, "0064");
	rig_ethernet(&r, 0x8100);
	rig_expect_tcp(&r, ETHERNET);
	r.len -= 14;
	rig_hex(&r, "0064 8100");
	rig_ethernet(&r, 0x8100);
	rig_expect_bad(&r, ETHERNET, DECODE_TOO_DEEP);
}

static void
an_empty_packet(void **state)
{
	struct decode d;
	uint8_t nothing = 0;

	(void)state;
	for (uint32_t type = 0; type <= 300; type++)
		assert_int_not_equal(
		    rig_decode((uint16_t)type, &nothing, 0, 0, &d), DECODE_TCP);
	assert_int_equal(rig_decode(ETHERNET, &nothing, 0, 60, &d), DECODE_BAD);
	assert_int_equal(d.bad, DECODE_TRUNCATED_LINK);
	assert_int_equal(rig_decode(RAW, &nothing, 0, 60, &d), DECODE_BAD);
	assert_int_equal(d.bad, DECODE_TRUNCATED_IP);
}

/* Segments that other stacks sent: FTP's USER, a SYN over IPv6. */
static const char ftp_user[] = "45000037a7e540008006d057c0a80072c0a800c1"
			       "04710015dfb3b2ffc6c70160501843f20a980000"
			       "555345522063 73616e646572730d0a";
static const char v6_syn[] =
    "6000000000280640 20010618040000000000 00005199cc70"
    "20010618000180000000000000000005"
    "8c9b00506ae7073600000000a0021630299c0000"
    "0204058c0402080a00dd1a39000000000103 0302";

static void
real_checksums(void **state)
{
	static const char *const packets[] = { ftp_user, v6_syn };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rig r = { .len = 0 };
		struct decode d;
		uint32_t len;

		rig_hex(&r, packets[i]);
		len = (uint32_t)r.len;
		assert_int_equal(
		    rig_decode(RAW, rig_data(&r), len, len, &d), DECODE_TCP);
		assert_true(decode_checksum_fits(&d));
		/* Each byte of it counts. */
		for (uint8_t *p = rig_data(&r) + (i == 0 ? 12 : 8);
		     p < rig_data(&r) + len; p++) {
			if (i == 0 && p == rig_data(&r) + 32)
				continue; /* the data offset */
			if (i == 1 && p == rig_data(&r) + 52)
				continue;
			*p ^= 0x10;
			assert_int_equal(
			    rig_decode(RAW, rig_data(&r), len, len, &d),
			    DECODE_TCP);
			assert_false(decode_checksum_fits(&d));
			*p ^= 0x10;
		}
	}
}

static void
checksums_of_what_was_cut(void **state)
{
	struct rig r = { .len = 0 };
	struct decode d;

	(void)state;
	rig_hex(&r, ftp_user);
	rig_flip(&r, 50);
	assert_int_equal(rig_decode(RAW, rig_data(&r), 54, 55, &d), DECODE_TCP);
	assert_true(decode_checksum_fits(&d));
}

static void
a_datagram_made_whole(void **state)
{
	struct rig r = { .len = 0 };
	struct decode d;
	struct decode_datagram g = { .version = 4, .protocol = 6, .depth = 3 };

	(void)state;
	rig_hex(&r, ftp_user);
	g.src = rig_data(&r) + 12;
	g.dst = rig_data(&r) + 16;
	g.data = rig_data(&r) + 20;
	g.len = g.wire_len = (uint32_t)r.len - 20;
	assert_int_equal(decode_datagram(&g, &d), DECODE_TCP);
	assert_int_equal(d.version, 4);
	assert_int_equal(d.depth, 3);
	assert_ptr_equal(d.src, g.src);
	assert_ptr_equal(d.dst, g.dst);
	assert_int_equal(d.sport, 0x471);
	assert_int_equal(d.wire_len, 15);
	assert_true(decode_checksum_fits(&d));
	g.len -= 3;
	assert_int_equal(decode_datagram(&g, &d), DECODE_TCP);
	assert_int_equal(d.len, 12);
	assert_int_equal(d.wire_len, 15);
	g.protocol = 17;
	assert_int_equal(decode_datagram(&g, &d), DECODE_NOT_TCP);
	g.protocol = 4;
	g.depth = 0;
	assert_int_equal(decode_datagram(&g, &d), DECODE_BAD);
	assert_int_equal(d.bad, DECODE_TOO_DEEP);
}

/* Noise, as every link type that there is. */
static void
noise(void **state)
{
	uint32_t random = 5;
	struct rig r;

	(void)state;
	for (uint32_t i = 0; i < 60000; i++) {
		struct decode d;

		random = random * 1664525 + 1013904223;
		r.len = (random >> 8) % 200;
		for (size_t k = 0; k < r.len; k++) {
			random = random * 1664525 + 1013904223;
			/* Small values are what headers are made of. */
			rig_put(&r, k,
			    (uint8_t)(random >> 24) &
				(uint8_t)(i % 2 == 0 ? 0xff : 0x47));
		}
		/* It is looked at within its bounds, which rig_decode checks.
		 */
		(void)rig_decode((uint16_t)(i % 300), rig_data(&r),
		    (uint32_t)r.len, (uint32_t)r.len + i % 3, &d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_words_and_differ),
		cmocka_unit_test(headers_without_end),
		cmocka_unit_test(an_empty_packet),
		cmocka_unit_test(real_checksums),
		cmocka_unit_test(checksums_of_what_was_cut),
		cmocka_unit_test(a_datagram_made_whole),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
