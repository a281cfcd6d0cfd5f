#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/checksum.h"
#include "wire/ip.h"

/* Headers that other stacks sent: FTP's USER, a SYN over IPv6. */
static const uint8_t real_v4[] = { 0x45, 0x00, 0x00, 0x37, 0xa7, 0xe5, 0x40,
	0x00, 0x80, 0x06, 0xd0, 0x57, 0xc0, 0xa8, 0x00, 0x72, 0xc0, 0xa8, 0x00,
	0xc1 };
static const uint8_t real_v6[] = { 0x60, 0x00, 0x00, 0x00, 0x00, 0x28, 0x06,
	0x40, 0x20, 0x01, 0x06, 0x18, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x51, 0x99, 0xcc, 0x70, 0x20, 0x01, 0x06, 0x18, 0x00, 0x01, 0x80,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05 };

static void
v4_as_others_write_it(void **state)
{
	struct ip_header h = {
		.version = 4,
		.protocol = IP_PROTO_TCP,
		.ttl = 128,
		.dont_fragment = 1,
		.id = 0xa7e5,
		.payload = 35,
		.src = { 192, 168, 0, 114 },
		.dst = { 192, 168, 0, 193 },
	};
	uint8_t out[IP_LEN_MAX];

	(void)state;
	assert_int_equal(ip_encode(out, &h), IP_V4_LEN);
	assert_memory_equal(out, real_v4, sizeof(real_v4));

	h.dont_fragment = 0;
	assert_int_equal(ip_encode(out, &h), IP_V4_LEN);
	assert_int_equal(out[6], 0);
	assert_int_equal(checksum_finish(checksum_add(0, out, IP_V4_LEN)), 0);
}

static void
v6_as_others_write_it(void **state)
{
	struct ip_header h = {
		.version = 6,
		.protocol = IP_PROTO_TCP,
		.ttl = 64,
		.payload = 40,
	};
	uint8_t out[IP_LEN_MAX];

	(void)state;
	memcpy(h.src, real_v6 + 8, 16);
	memcpy(h.dst, real_v6 + 24, 16);
	assert_int_equal(ip_encode(out, &h), IP_V6_LEN);
	assert_memory_equal(out, real_v6, sizeof(real_v6));
}

static void
longest_payloads(void **state)
{
	struct ip_header h = { .version = 4, .payload = IP_V4_PAYLOAD_MAX };
	uint8_t out[IP_LEN_MAX];

	(void)state;
	(void)ip_encode(out, &h); /* its length is known */
	assert_int_equal(out[2], 0xff);
	assert_int_equal(out[3], 0xff);
	h.version = 6;
	h.payload = IP_V6_PAYLOAD_MAX;
	(void)ip_encode(out, &h); /* likewise */
	assert_int_equal(out[4], 0xff);
	assert_int_equal(out[5], 0xff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v4_as_others_write_it),
		cmocka_unit_test(v6_as_others_write_it),
		cmocka_unit_test(longest_payloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
