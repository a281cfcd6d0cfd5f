#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/obuf.h"

#include "wire/pcapng.h"

/* Byte for byte what the draft shows, so that a wrong order or pad is seen. */
static void
section_header(void **state)
{
	static const uint8_t want[] = { /* type, length */
		0x0a, 0x0d, 0x0d, 0x0a, 0x34, 0, 0, 0,
		/* magic, version 1.0, length unknown */
		0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff,
		/* shb_os */
		3, 0, 5, 0, 'L', 'i', 'n', 'u', 'x', 0, 0, 0,
		/* shb_userappl */
		4, 0, 4, 0, 't', 'e', 'e', 'l',
		/* end, length */
		0, 0, 0, 0, 0x34, 0, 0, 0
	};
	struct obuf o = { 0 };

	(void)state;
	pcapng_put_section(
	    &o, &(struct pcapng_section){ .os = "Linux", .userappl = "teel" });
	assert_int_equal(o.len, sizeof(want));
	assert_memory_equal(o.data, want, sizeof(want));
	obuf_done(&o);
}

static void
interface_description(void **state)
{
	static const uint8_t want[] = { /* type, length */
		1, 0, 0, 0, 0x2c, 0, 0, 0,
		/* link type 101, reserved, snaplen 262144 */
		101, 0, 0, 0, 0, 0, 4, 0,
		/* if_name */
		2, 0, 5, 0, 'p', 'r', 'o', 'x', 'y', 0, 0, 0,
		/* if_tsresol 9 */
		9, 0, 1, 0, 9, 0, 0, 0,
		/* end, length */
		0, 0, 0, 0, 0x2c, 0, 0, 0
	};
	struct obuf o = { 0 };

	(void)state;
	pcapng_put_interface(&o, &(struct pcapng_interface){
				     .linktype = PCAPNG_LINKTYPE_RAW,
				     .snaplen = PCAPNG_SNAPLEN,
				     .name = "proxy",
				 });
	assert_int_equal(o.len, sizeof(want));
	assert_memory_equal(o.data, want, sizeof(want));
	obuf_done(&o);
}

static void
packet(void **state)
{
	static const uint8_t want[] = { /* type, length */
		6, 0, 0, 0, 0x40, 0, 0, 0,
		/* interface, time: high half first */
		1, 0, 0, 0, 0x67, 0x45, 0x23, 0x01, 0xef, 0xcd, 0xab, 0x89,
		/* captured, on the wire */
		5, 0, 0, 0, 9, 0, 0, 0,
		/* head, data, pad */
		'h', 'e', 'd', 'a', 't', 0, 0, 0,
		/* comment */
		1, 0, 6, 0, 's', 'a', 'y', ' ', 'i', 't', 0, 0,
		/* epb_flags: outbound */
		2, 0, 4, 0, 2, 0, 0, 0,
		/* end, length */
		0, 0, 0, 0, 0x40, 0, 0, 0
	};
	struct obuf o = { 0 };

	(void)state;
	obuf_puts(&o, "before");
	pcapng_put_packet(&o, 1,
	    &(struct frame){
		.ts_ns = 0x0123456789abcdefULL,
		.dir = FRAME_OUTBOUND,
		.head = (const uint8_t *)"he",
		.head_len = 2,
		.data = (const uint8_t *)"dat",
		.data_len = 3,
		.wire_len = 9,
		.comment = "say it",
	    });
	assert_int_equal(o.len, 6 + sizeof(want));
	assert_memory_equal(o.data, "before", 6);
	assert_memory_equal(o.data + 6, want, sizeof(want));
	obuf_done(&o);
}

static void
statistics(void **state)
{
	static const uint8_t want[] = { /* type, length */
		5, 0, 0, 0, 0x4c, 0, 0, 0,
		/* interface, time */
		0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0,
		/* isb_starttime */
		2, 0, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0,
		/* isb_endtime */
		3, 0, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0,
		/* isb_ifrecv: a counter, low half first */
		4, 0, 8, 0, 4, 0, 0, 0, 3, 0, 0, 0,
		/* isb_ifdrop */
		5, 0, 8, 0, 5, 0, 0, 0, 0, 0, 0, 0,
		/* end, length */
		0, 0, 0, 0, 0x4c, 0, 0, 0
	};
	struct obuf o = { 0 };

	(void)state;
	pcapng_put_stats(&o, &(struct pcapng_stats){
				 .start_ns = 0x100000001ULL,
				 .end_ns = 0x100000002ULL,
				 .received = 0x300000004ULL,
				 .dropped = 5,
			     });
	assert_int_equal(o.len, sizeof(want));
	assert_memory_equal(o.data, want, sizeof(want));
	obuf_done(&o);
}

/* Every remainder of four: blocks stay aligned and lengths agree. */
static void
padding(void **state)
{
	uint8_t data[9] = "ABCDEFGH";
	struct obuf o = { 0 };
	size_t body;

	(void)state;
	for (size_t n = 0; n <= 8; n++) {
		obuf_clear(&o);
		/* Whatever was in the buffer must not show in the pad. */
		if (o.cap > 0)
			memset(o.data, 0xee, o.cap);
		pcapng_put_packet(&o, 0,
		    &(struct frame){
			.data = data, .data_len = n, .wire_len = n });
		body = (n + 3) / 4 * 4;
		assert_non_null(o.data);
		assert_int_equal(o.len, 28 + body + 8 + 4 + 4);
		assert_int_equal(bytes_get_le32(o.data + 4), o.len);
		assert_int_equal(bytes_get_le32(o.data + o.len - 4), o.len);
		for (size_t i = n; i < body; i++)
			assert_int_equal(o.data[28 + i], 0);
	}
	obuf_done(&o);
}

/* An option's length has 16 bits; a longer text must not wrap it. */
static void
long_text_is_cut(void **state)
{
	struct obuf o = { 0 };
	char *text = malloc(70001);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 70000);
	text[70000] = '\0';
	pcapng_put_section(&o, &(struct pcapng_section){ .userappl = text });
	assert_non_null(o.data);
	assert_int_equal(bytes_get_le16(o.data + 26), PCAPNG_TEXT_MAX);
	assert_int_equal(bytes_get_le32(o.data + 4), o.len);
	assert_int_equal(bytes_get_le32(o.data + o.len - 8), 0);
	free(text);
	obuf_done(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section_header),
		cmocka_unit_test(interface_description),
		cmocka_unit_test(packet),
		cmocka_unit_test(statistics),
		cmocka_unit_test(padding),
		cmocka_unit_test(long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
