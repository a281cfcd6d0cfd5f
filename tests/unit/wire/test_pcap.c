#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/obuf.h"

#include "wire/pcap.h"

static void
file_header(void **state)
{
	static const uint8_t want[] = { 0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0 };
	struct obuf o = { 0 };

	(void)state;
	pcap_put_file(&o, 101, 262144);
	assert_int_equal(o.len, sizeof(want));
	assert_memory_equal(o.data, want, sizeof(want));
	obuf_done(&o);
}

static void
record(void **state)
{
	static const uint8_t want[] = {
		/* 2026-11-21 08:30:00 and 123456789 ns */
		0x88, 0x56, 0x01, 0x6b, 0x15, 0xcd, 0x5b, 0x07,
		/* captured, on the wire; head, data: no pad */
		5, 0, 0, 0, 9, 0, 0, 0, 'h', 'e', 'd', 'a', 't'
	};
	struct obuf o = { 0 };

	(void)state;
	obuf_puts(&o, "before");
	pcap_put_packet(&o, &(struct frame){
				.ts_ns = 1795249800123456789ULL,
				.head = (const uint8_t *)"he",
				.head_len = 2,
				.data = (const uint8_t *)"dat",
				.data_len = 3,
				.wire_len = 9,
			    });
	assert_int_equal(o.len, 6 + sizeof(want));
	assert_memory_equal(o.data, "before", 6);
	assert_memory_equal(o.data + 6, want, sizeof(want));
	obuf_done(&o);
}

/* After 2038 the top bit of the seconds is set; nothing is signed. */
static void
late_times(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	pcap_put_packet(
	    &o, &(struct frame){ .ts_ns = 4000000000ULL * 1000000000ULL + 7 });
	assert_int_equal(o.len, PCAP_RECORD_LEN);
	assert_memory_equal(o.data, "\x00\x28\x6b\xee\x07\x00\x00\x00", 8);
	obuf_done(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_header),
		cmocka_unit_test(record),
		cmocka_unit_test(late_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
