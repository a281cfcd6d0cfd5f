#include "capfile_rig.h"

#include "wire/pcap.h"

#define MODIFIED 0xa1b2cd34U

/* struct header - What the header of a file says. */
struct header {
	bool big;
	uint32_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t snaplen;
	uint32_t linktype;
};

static void
put_header(struct obuf *o, const struct header *h)
{
	rig_put32(o, h->big, h->magic);
	rig_put16(o, h->big, h->major);
	rig_put16(o, h->big, h->minor);
	rig_put64(o, h->big, 0x1234567890abcdefULL); /* nobody cares */
	rig_put32(o, h->big, h->snaplen);
	rig_put32(o, h->big, h->linktype);
}

/* A record; the data are @n letters. */
static void
put_record(struct obuf *o, bool big, const uint32_t head[4], size_t n)
{
	for (int i = 0; i < 4; i++)
		rig_put32(o, big, head[i]);
	for (size_t i = 0; i < n; i++)
		obuf_putc(o, (char)('a' + i % 26));
}

static void
both_orders_both_units(void **state)
{
	static const struct {
		bool big;
		uint32_t magic;
		const char *packet;
	} cases[] = {
		{ false, PCAP_MAGIC_US, "packet 0 at 1000000007000 dir 0" },
		{ true, PCAP_MAGIC_US, "packet 0 at 1000000007000 dir 0" },
		{ false, PCAP_MAGIC_NS, "packet 0 at 1000000000007 dir 0" },
		{ true, PCAP_MAGIC_NS, "packet 0 at 1000000000007 dir 0" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		bool big = cases[i].big;
		struct obuf o = { 0 };
		char want[256];

		put_header(&o,
		    &(struct header){ big, cases[i].magic, 2, 4, 65535, 1 });
		put_record(&o, big, (uint32_t[]){ 1000, 7, 3, 60 }, 3);
		put_record(&o, big, (uint32_t[]){ 1000, 7, 0, 0 }, 0);
		(void)snprintf(want, sizeof(want),
		    "iface 0 linktype 1 snaplen 65535 [] []\n"
		    "%s 3/60 616263\n"
		    "%s 0/0 \nend\n",
		    cases[i].packet, cases[i].packet);
		rig_expect(&o, want);
	}
}

/* The last second that has its place: unsigned, not year 2038. */
static void
seconds_are_unsigned(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_header(
	    &o, &(struct header){ false, PCAP_MAGIC_NS, 2, 4, 65535, 101 });
	put_record(&o, false, (uint32_t[]){ UINT32_MAX, 999999999, 1, 1 }, 1);
	rig_expect(&o, "iface 0 linktype 101 snaplen 65535 [] []\n"
		       "packet 0 at 4294967295999999999 dir 0 1/1 61\nend\n");
}

static void
modified_records_are_longer(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_header(&o, &(struct header){ true, MODIFIED, 2, 4, 1500, 1 });
	for (int i = 0; i < 2; i++) {
		put_record(&o, true, (uint32_t[]){ 1, 2, 2, 2 }, 0);
		rig_put64(&o, true, 0x0000000208000400ULL);
		obuf_puts(&o, "hi");
	}
	rig_expect(&o, "iface 0 linktype 1 snaplen 1500 [] []\n"
		       "packet 0 at 1000002000 dir 0 2/2 6869\n"
		       "packet 0 at 1000002000 dir 0 2/2 6869\nend\n");
}

/* Before 2.3 always, in 2.3 when one can see it, DG/UX's 543.0 always. */
static void
lengths_that_are_swapped(void **state)
{
	static const struct {
		uint16_t major;
		uint16_t minor;
		uint32_t first;
		uint32_t second;
		const char *want;
	} cases[] = {
		{ 2, 2, 60, 3, "3/60" },
		{ 2, 2, 3, 3, "3/3" },
		{ 2, 3, 60, 3, "3/60" },
		{ 2, 3, 3, 60, "3/60" },
		{ 543, 0, 60, 3, "3/60" },
		/* Nothing is shorter on the wire than in the file. */
		{ 2, 4, 3, 2, "3/3" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct obuf o = { 0 };
		char want[256];

		put_header(&o, &(struct header){ false, PCAP_MAGIC_US,
				   cases[i].major, cases[i].minor, 100, 1 });
		put_record(&o, false,
		    (uint32_t[]){ 0, 0, cases[i].first, cases[i].second }, 3);
		(void)snprintf(want, sizeof(want),
		    "iface 0 linktype 1 snaplen 100 [] []\n"
		    "packet 0 at 0 dir 0 %s 616263\nend\n",
		    cases[i].want);
		rig_expect(&o, want);
	}
}

/* Upper bits: a frame check sequence is stripped, others must be 0. */
static void
link_types(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_header(
	    &o, &(struct header){ false, PCAP_MAGIC_US, 2, 4, 0, 0x24000069 });
	rig_expect(&o, "iface 0 linktype 105 snaplen 0 [] []\nend\n");
	put_header(
	    &o, &(struct header){ true, PCAP_MAGIC_US, 2, 4, 0, 0x00300080 });
	rig_expect(&o, "bad pcap header at offset 20: link type 0x00300080 has "
		       "bits set that must be 0\n");
}

static void
unknown_version(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_header(&o, &(struct header){ false, PCAP_MAGIC_US, 3, 0, 0, 1 });
	rig_expect(&o, "bad pcap version 3.0 at offset 4: only 2.x is known\n");
}

/* What came before is read; number and offset say where it goes wrong. */
static void
too_long_a_packet(void **state)
{
	static const struct {
		uint32_t snaplen;
		uint32_t captured;
		const char *want;
	} cases[] = {
		{ 65535, 262145, "262145 exceeds 262144" },
		{ 0, 3925868813, "3925868813 exceeds 262144" },
		{ 300000, 300001, "300001 exceeds 300000" },
		/* A file cannot ask for any amount of memory. */
		{ UINT32_MAX, 16777217, "16777217 exceeds 16777216" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct obuf o = { 0 };
		char want[256];

		put_header(&o, &(struct header){ false, PCAP_MAGIC_US, 2, 4,
				   cases[i].snaplen, 1 });
		put_record(&o, false, (uint32_t[]){ 0, 0, 1, 1 }, 1);
		put_record(&o, false,
		    (uint32_t[]){ 0, 0, cases[i].captured, UINT32_MAX }, 50);
		(void)snprintf(want, sizeof(want),
		    "iface 0 linktype 1 snaplen %" PRIu32 " [] []\n"
		    "packet 0 at 0 dir 0 1/1 61\n"
		    "bad pcap record 2 at offset 41: captured length %s\n",
		    cases[i].snaplen, cases[i].want);
		rig_expect(&o, want);
	}
}

/* Longer than a snapshot length that lies, but not too long to be true. */
static void
longest_packet(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_header(&o, &(struct header){ false, PCAP_MAGIC_US, 2, 4, 5, 1 });
	put_record(&o, false, (uint32_t[]){ 0, 0, 262144, 262144 }, 262144);
	rig_expect(&o,
	    "iface 0 linktype 1 snaplen 5 [] []\n"
	    "packet 0 at 0 dir 0 262144/262144 61626364656667686c\nend\n");
}

static void
sample(struct obuf *o, bool big, uint32_t magic)
{
	put_header(o, &(struct header){ big, magic, 2, 4, 65535, 1 });
	put_record(o, big, (uint32_t[]){ 1, 1, 5, 60 }, 5);
	put_record(o, big, (uint32_t[]){ 1, 2, 0, 0 }, 0);
	put_record(o, big, (uint32_t[]){ 1, 3, 30, 30 }, 30);
}

static void
every_prefix(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	sample(&o, true, PCAP_MAGIC_US);
	/* Behind the header, the first and the second record. */
	rig_prefixes(&o, 3);
	obuf_done(&o);
}

static void
cut_short(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	sample(&o, false, PCAP_MAGIC_NS);
	o.len = 23;
	rig_expect(&o, "bad pcap header: cut off after 23 of 24 bytes\n");
	sample(&o, false, PCAP_MAGIC_NS);
	o.len -= 1;
	rig_expect(&o,
	    "iface 0 linktype 1 snaplen 65535 [] []\n"
	    "packet 0 at 1000000001 dir 0 5/60 6162636465\n"
	    "packet 0 at 1000000002 dir 0 0/0 \n"
	    "bad pcap record 3 at offset 61: cut off after 45 bytes\n");
}

static void
mutations(void **state)
{
	static const uint32_t magics[] = { PCAP_MAGIC_US, PCAP_MAGIC_NS,
		MODIFIED };

	(void)state;
	for (size_t i = 0; i < 2 * ATTR_COUNT(magics); i++) {
		struct obuf o = { 0 };

		sample(&o, i % 2 != 0, magics[i / 2]);
		rig_mutations(&o, 2000);
		obuf_done(&o);
	}
}

/* Offsets go on beyond 32 bits: no file of 4 GiB is needed to see that. */
static void
offsets_of_64_bits(void **state)
{
	uint8_t head[PCAP_RECORD_LEN] = { 0 };
	struct pcap_read r;
	struct capfile_item item;
	struct err err = { "" };

	(void)state;
	pcap_read_init(&r);
	r.begun = true;
	r.unit_ns = 1;
	r.head_len = PCAP_RECORD_LEN;
	r.limit = CAPFILE_ITEM_PACKET_USUAL;
	r.off = UINT32_MAX - 7;
	assert_int_equal(
	    pcap_read_next(&r, head, sizeof(head), &item, &err), 0);
	bytes_put_le32(head + 8, UINT32_MAX);
	assert_int_equal(
	    pcap_read_next(&r, head, sizeof(head), &item, &err), -EBADMSG);
	assert_string_equal(err.text,
	    "pcap record 2 at offset 4294967304: captured length 4294967295 "
	    "exceeds 262144");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_orders_both_units),
		cmocka_unit_test(seconds_are_unsigned),
		cmocka_unit_test(modified_records_are_longer),
		cmocka_unit_test(lengths_that_are_swapped),
		cmocka_unit_test(link_types),
		cmocka_unit_test(unknown_version),
		cmocka_unit_test(too_long_a_packet),
		cmocka_unit_test(longest_packet),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(mutations),
		cmocka_unit_test(offsets_of_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
