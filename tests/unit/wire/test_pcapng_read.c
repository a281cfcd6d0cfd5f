#include "capfile_rig.h"

#include "wire/pcapng.h"

#define ETHERNET "iface 0 linktype 1 snaplen 0 [] []\n"

/* --- blocks ------------------------------------------------------------ */

/* Where a block began that is being written. */
static size_t
block_begin(struct obuf *o, bool big, uint32_t type)
{
	size_t at = o->len;

	rig_put32(o, big, type);
	rig_put32(o, big, 0);
	return at;
}

static void
pad(struct obuf *o, size_t from)
{
	while ((o->len - from) % 4 != 0)
		obuf_putc(o, '\0');
}

/* Its length is known now. */
static void
block_end(struct obuf *o, bool big, size_t at)
{
	uint32_t total;

	pad(o, at);
	total = (uint32_t)(o->len - at) + 4;
	rig_put32(o, big, total);
	assert_false(o->failed);
	memcpy(o->data + at + 4, o->data + o->len - 4, 4);
}

static void
put_option(
    struct obuf *o, bool big, uint16_t code, const void *value, uint16_t len)
{
	size_t at = o->len;

	rig_put16(o, big, code);
	rig_put16(o, big, len);
	obuf_put(o, value, len);
	pad(o, at);
}

static void
put_section(struct obuf *o, bool big)
{
	size_t at = block_begin(o, big, PCAPNG_SHB);

	rig_put32(o, big, PCAPNG_MAGIC);
	rig_put16(o, big, 1);
	rig_put16(o, big, 0);
	rig_put64(o, big, UINT64_MAX);
	put_option(o, big, PCAPNG_SHB_USERAPPL, "a test", 6);
	put_option(o, big, PCAPNG_OPT_END, NULL, 0);
	block_end(o, big, at);
}

/** struct iface - What an interface is described with. */
struct iface {
	uint16_t linktype;
	uint32_t snaplen;
	const char *name;
	const char *description;
	bool has_tsresol;
	uint8_t tsresol;
	int64_t offset_s;
};

static void
put_iface(struct obuf *o, bool big, const struct iface *i)
{
	size_t at = block_begin(o, big, PCAPNG_IDB);
	struct obuf n = { 0 };

	rig_put16(o, big, i->linktype);
	rig_put16(o, big, 0);
	rig_put32(o, big, i->snaplen);
	if (i->name != NULL)
		put_option(
		    o, big, PCAPNG_IF_NAME, i->name, (uint16_t)strlen(i->name));
	if (i->description != NULL)
		put_option(o, big, PCAPNG_IF_DESCRIPTION, i->description,
		    (uint16_t)strlen(i->description));
	if (i->has_tsresol)
		put_option(o, big, PCAPNG_IF_TSRESOL, &i->tsresol, 1);
	if (i->offset_s != 0) {
		rig_put64(&n, big, (uint64_t)i->offset_s);
		put_option(o, big, PCAPNG_IF_TSOFFSET, n.data, 8);
		obuf_done(&n);
	}
	block_end(o, big, at);
}

/** struct packet - What an enhanced packet is made from. */
struct packet {
	uint32_t iface;
	uint64_t ts;
	uint32_t wire_len;
	const char *data;
	uint32_t flags;
};

static void
put_packet(struct obuf *o, bool big, const struct packet *p)
{
	size_t at = block_begin(o, big, PCAPNG_EPB);
	size_t len = strlen(p->data);
	struct obuf n = { 0 };

	rig_put32(o, big, p->iface);
	rig_put32(o, big, (uint32_t)(p->ts >> 32));
	rig_put32(o, big, (uint32_t)p->ts);
	rig_put32(o, big, (uint32_t)len);
	rig_put32(o, big, p->wire_len);
	obuf_puts(o, p->data);
	pad(o, at);
	if (p->flags != 0) {
		put_option(o, big, PCAPNG_OPT_COMMENT, "words", 5);
		rig_put32(&n, big, p->flags);
		put_option(o, big, PCAPNG_EPB_FLAGS, n.data, 4);
		obuf_done(&n);
		put_option(o, big, PCAPNG_OPT_END, NULL, 0);
	}
	block_end(o, big, at);
}

static void
put_obsolete(struct obuf *o, bool big, uint16_t iface, uint64_t ts)
{
	size_t at = block_begin(o, big, PCAPNG_PB);

	rig_put16(o, big, iface);
	rig_put16(o, big, 0xffff);
	rig_put32(o, big, (uint32_t)(ts >> 32));
	rig_put32(o, big, (uint32_t)ts);
	rig_put32(o, big, 3);
	rig_put32(o, big, 70);
	obuf_puts(o, "old");
	block_end(o, big, at);
}

static void
put_simple(struct obuf *o, bool big, uint32_t wire_len, const char *data)
{
	size_t at = block_begin(o, big, PCAPNG_SPB);

	rig_put32(o, big, wire_len);
	obuf_puts(o, data);
	block_end(o, big, at);
}

static void
put_stats(struct obuf *o, bool big, uint32_t iface)
{
	static const uint16_t codes[] = { PCAPNG_ISB_IFRECV, PCAPNG_ISB_IFDROP,
		6, PCAPNG_ISB_OSDROP };
	size_t at = block_begin(o, big, PCAPNG_ISB);

	rig_put32(o, big, iface);
	rig_put64(o, big, 0);
	for (size_t i = 0; i < ATTR_COUNT(codes); i++) {
		struct obuf n = { 0 };

		rig_put64(&n, big, 1000 + codes[i]);
		put_option(o, big, codes[i], n.data, 8);
		obuf_done(&n);
	}
	block_end(o, big, at);
}

/* Whatever it is: @n bytes of it. */
static void
put_unknown(struct obuf *o, bool big, uint32_t type, size_t n)
{
	size_t at = block_begin(o, big, type);

	while (n-- > 0)
		obuf_putc(o, 'x');
	block_end(o, big, at);
}

/* --- tests ------------------------------------------------------------- */

static void
everything(struct obuf *o, bool big)
{
	put_section(o, big);
	put_unknown(o, big, 4, 8); /* names */
	put_iface(o, big, &(struct iface){ .linktype = 1, .name = "eth0" });
	put_iface(o, big,
	    &(struct iface){
		.linktype = 101,
		.snaplen = 96,
		.description = "a tunnel",
		.has_tsresol = true,
		.tsresol = 9,
	    });
	put_packet(
	    o, big, &(struct packet){ 1, 1700000000123456789, 60, "hello", 2 });
	put_unknown(o, big, 10, 100); /* secrets */
	put_packet(
	    o, big, &(struct packet){ 0, 1700000000000001, 3, "abc", 0 });
	put_obsolete(o, big, 0, 5);
	put_simple(o, big, 4, "four");
	put_stats(o, big, 1);
	put_unknown(o, big, 0x80000bad, 0);
}

#define EVERYTHING                                                             \
	"iface 0 linktype 1 snaplen 0 [eth0] []\n"                             \
	"iface 1 linktype 101 snaplen 96 [] [a tunnel]\n"                      \
	"packet 1 at 1700000000123456789 dir 2 5/60 68656c6c6f\n"              \
	"packet 0 at 1700000000000001000 dir 0 3/3 616263\n"                   \
	"packet 0 at 5000 dir 0 3/70 6f6c64\n"                                 \
	"packet 0 at 5000 dir 0 4/4 666f7572\n"                                \
	"stats 1 1004 1007 1005\n"

static void
all_blocks_in_both_orders(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct obuf o = { 0 };

		everything(&o, big != 0);
		rig_expect(&o, EVERYTHING "end\n");
	}
}

/* Interfaces begin anew in each section, numbers go on through the file. */
static void
sections_of_either_order(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	everything(&o, true);
	put_section(&o, false);
	put_iface(&o, false, &(struct iface){ .linktype = 113 });
	put_packet(&o, false, &(struct packet){ 0, 1, 1, "x", 1 });
	rig_expect(&o, EVERYTHING "iface 2 linktype 113 snaplen 0 [] []\n"
				  "packet 2 at 1000 dir 1 1/1 78\nend\n");
}

static const struct {
	uint8_t tsresol;
	int64_t offset_s;
	uint64_t ts;
	uint64_t want;
} times[] = {
	{ 0, 0, 1700000000, 1700000000000000000 },
	{ 3, 0, 1700000000123, 1700000000123000000 },
	{ 6, 0, 1700000000123456, 1700000000123456000 },
	{ 9, 0, UINT64_MAX, UINT64_MAX },
	{ 12, 0, 1234567890123, 1234567890 },
	{ 19, 0, 12345678901234567890U, 1234567890 },
	{ 20, 0, 12345678901234567890U, 123456789 },
	{ 28, 0, 12345678901234567890U, 1 },
	{ 29, 0, UINT64_MAX, 0 },
	{ 127, 0, UINT64_MAX, 0 },
	/* Powers of two: NTP's 32 bits of fraction, and the ends. */
	{ 0x80, 0, 7, 7000000000 },
	{ 0x80 | 10, 0, 1024 + 512, 1500000000 },
	{ 0x80 | 32, 0, (UINT64_C(5) << 32) + 0x40000000, 5250000000 },
	{ 0x80 | 33, 0, (UINT64_C(5) << 33) - 1, 4999999999 },
	{ 0x80 | 63, 0, UINT64_MAX, 1999999999 },
	{ 0x80 | 64, 0, UINT64_MAX, 999999999 },
	{ 0x80 | 95, 0, UINT64_MAX, 0 },
	{ 0x80 | 127, 0, UINT64_MAX, 0 },
	/* Exact where a few bits less would be one too few. */
	{ 0x80 | 60, 0, (UINT64_C(1) << 60) / 5 + 1, 200000000 },
	/* Offsets, back and forth, to the ends of time. */
	{ 6, 100, 1000001, 101000001000 },
	{ 6, -1, 3000001, 2000001000 },
	{ 6, -3, 3000001, 1000 },
	{ 6, -4, 3000001, 0 },
	{ 0, INT64_MIN, UINT64_MAX, UINT64_MAX },
	{ 6, INT64_MIN, UINT64_MAX, 0 },
	{ 6, INT64_MAX, 0, UINT64_MAX },
	{ 0, INT64_MAX, UINT64_MAX, UINT64_MAX },
	{ 0, 0, UINT64_MAX, UINT64_MAX },
};

static void
time_stamps(void **state)
{
	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(times); i++) {
		struct obuf o = { 0 };
		char want[256];

		put_section(&o, i % 2 != 0);
		put_iface(&o, i % 2 != 0,
		    &(struct iface){
			.linktype = 1,
			.has_tsresol = true,
			.tsresol = times[i].tsresol,
			.offset_s = times[i].offset_s,
		    });
		put_packet(&o, i % 2 != 0,
		    &(struct packet){ .ts = times[i].ts, .data = "" });
		(void)snprintf(want, sizeof(want),
		    ETHERNET "packet 0 at %" PRIu64 " dir 0 0/0 \nend\n",
		    times[i].want);
		rig_expect(&o, want);
	}
}

/* What the padding hides is told by the lengths, whichever is least. */
static void
simple_packets(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_section(&o, false);
	put_iface(&o, false, &(struct iface){ .linktype = 1, .snaplen = 6 });
	put_simple(&o, false, 3, "abc");
	put_simple(&o, false, 100, "abcdef");
	put_simple(&o, false, UINT32_MAX, "");
	rig_expect(&o, "iface 0 linktype 1 snaplen 6 [] []\n"
		       "packet 0 at 0 dir 0 3/3 616263\n"
		       "packet 0 at 0 dir 0 6/100 616263646566\n"
		       "packet 0 at 0 dir 0 0/4294967295 \nend\n");
	put_section(&o, false);
	put_simple(&o, false, 1, "a");
	rig_expect(&o, "bad pcapng block 2 at offset 44: a packet of interface "
		       "0, but only 0 are described\n");
}

static void
interface_not_described(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_section(&o, true);
	put_iface(&o, true, &(struct iface){ .linktype = 1 });
	put_packet(&o, true, &(struct packet){ .data = "a", .wire_len = 1 });
	put_section(&o, true);
	put_packet(&o, true, &(struct packet){ .data = "a", .wire_len = 1 });
	rig_expect(&o, ETHERNET
	    "packet 0 at 0 dir 0 1/1 61\n"
	    "bad pcapng block 5 at offset 144: a packet of interface 0, but "
	    "only 0 are described\n");
	put_section(&o, true);
	put_obsolete(&o, true, 65535, 0);
	rig_expect(&o, "bad pcapng block 2 at offset 44: a packet of interface "
		       "65535, but only 0 are described\n");
	/* Statistics are a remark, nothing that others depend on. */
	put_section(&o, true);
	put_stats(&o, true, 0);
	rig_expect(&o, "end\n");
}

static void
captured_does_not_fit(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_section(&o, false);
	put_iface(&o, false, &(struct iface){ .linktype = 1 });
	put_packet(&o, false, &(struct packet){ .data = "abcd" });
	o.data[64 + 20] = 5;
	rig_expect(&o, ETHERNET
	    "bad pcapng block 3 at offset 64: captured length 5 does not fit "
	    "into a block of 36\n");
	/* Less than the wire had is not less than the file has. */
	put_section(&o, false);
	put_iface(&o, false, &(struct iface){ .linktype = 1 });
	put_packet(&o, false, &(struct packet){ .data = "abcd" });
	rig_expect(&o, ETHERNET "packet 0 at 0 dir 0 4/4 61626364\nend\n");
}

/* Where a block's length is changed, and to what. */
static void
lengths_that_lie(void **state)
{
	static const struct {
		size_t at;
		uint8_t len;
		const char *want;
	} cases[] = {
		{ 64 + 4, 40,
		    "its length is 40 at the front and another at "
		    "its end" },
		{ 64 + 32, 40,
		    "its length is 36 at the front and another at "
		    "its end" },
		{ 64 + 4, 28,
		    "a block of type 0x00000006 and 28 bytes: it has "
		    "at least 32" },
		{ 64 + 4, 0,
		    "a block of type 0x00000006 and 0 bytes: it has "
		    "at least 32" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct obuf o = { 0 };
		char want[256];

		put_section(&o, false);
		put_iface(&o, false, &(struct iface){ .linktype = 1 });
		put_packet(&o, false, &(struct packet){ .data = "abcd" });
		put_unknown(&o, false, 11, 40);
		o.data[cases[i].at] = cases[i].len;
		(void)snprintf(want, sizeof(want),
		    ETHERNET "bad pcapng block 3 at offset 64: %s\n",
		    cases[i].want);
		rig_expect(&o, want);
	}
}

/* Of a block that is passed over, only the end is looked at. */
static void
unknown_blocks_that_lie(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_section(&o, false);
	put_unknown(&o, false, 11, 40);
	o.data[44 + 4] = 11;
	rig_expect(&o, "bad pcapng block 2 at offset 44: a block of type "
		       "0x0000000b and 11 bytes: it has at least 12\n");
	put_section(&o, false);
	put_unknown(&o, false, 11, 40);
	o.data[o.len - 1] = 1;
	rig_expect(&o, "bad pcapng block 2 at offset 44: its length is 52 at "
		       "the front and another at its end\n");
	/* Longer than any window may be, and than the file is. */
	put_section(&o, false);
	put_unknown(&o, false, 11, 40);
	bytes_put_le32(o.data + 48, UINT32_MAX);
	rig_expect(&o, "bad pcapng block 2 at offset 44: cut off after 52 "
		       "bytes\n");
	put_section(&o, false);
	put_unknown(&o, false, PCAPNG_EPB, 40);
	bytes_put_le32(o.data + 48, (16 << 20) + 4);
	rig_expect(&o, "bad pcapng block 2 at offset 44: a block of type "
		       "0x00000006 and 16777220 bytes exceeds 16777216\n");
}

/* A length that is no multiple of 4: with the padding there, and without. */
static void
lengths_not_padded(void **state)
{
	for (int padded = 0; padded < 2; padded++) {
		for (int type = 6; type < 12; type += 5) {
			struct obuf o = { 0 };

			(void)state;
			put_section(&o, false);
			put_iface(&o, false, &(struct iface){ .linktype = 1 });
			rig_put32(&o, false, (uint32_t)type);
			rig_put32(&o, false, 33);
			for (int i = 0; i < 3; i++)
				rig_put32(&o, false, 0);
			rig_put32(&o, false, 1);
			rig_put32(&o, false, 9);
			obuf_put(&o, "a\0\0", padded ? 4 : 1);
			rig_put32(&o, false, 33);
			put_packet(&o, false, &(struct packet){ .data = "b" });
			rig_expect(&o, type == 6 ? ETHERNET
					   "packet 0 at 0 dir 0 1/9 61\n"
					   "packet 0 at 0 dir 0 1/1 62\nend\n"
						 : ETHERNET
					   "packet 0 at 0 dir 0 1/1 62\nend\n");
		}
	}
}

static void
sections_that_lie(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	put_section(&o, false);
	o.data[12] = 2;
	rig_expect(&o, "bad pcapng block 1 at offset 0: a section of version "
		       "2.0: only 1.x is known\n");
	put_section(&o, false);
	o.data[14] = 2; /* some have written 1.2 */
	rig_expect(&o, "end\n");
	put_section(&o, false);
	o.data[8] = 0;
	rig_expect(&o, "bad pcapng block 1 at offset 0: a section whose byte "
		       "order is neither of the two (0x003c2b1a)\n");
}

/* An option that leaves its block is the end of the options. */
static void
options_that_lie(void **state)
{
	struct obuf o = { 0 };
	size_t at;

	(void)state;
	put_section(&o, false);
	at = block_begin(&o, false, PCAPNG_IDB);
	rig_put64(&o, false, 1);
	put_option(&o, false, PCAPNG_IF_NAME, "lo", 2);
	rig_put16(&o, false, PCAPNG_IF_TSRESOL);
	rig_put16(&o, false, 5);
	rig_put32(&o, false, 9);
	block_end(&o, false, at);
	put_packet(&o, false, &(struct packet){ .ts = 1, .data = "" });
	/* Options too short for what they ought to hold say nothing. */
	put_section(&o, false);
	at = block_begin(&o, false, PCAPNG_IDB);
	rig_put64(&o, false, 1);
	put_option(&o, false, PCAPNG_IF_TSRESOL, NULL, 0);
	put_option(&o, false, PCAPNG_IF_TSOFFSET, "1234567", 7);
	block_end(&o, false, at);
	put_packet(&o, false, &(struct packet){ .ts = 1, .data = "" });
	rig_expect(&o, "iface 0 linktype 1 snaplen 0 [lo] []\n"
		       "packet 0 at 1000 dir 0 0/0 \n"
		       "iface 1 linktype 1 snaplen 0 [] []\n"
		       "packet 1 at 1000 dir 0 0/0 \nend\n");
}

static void
too_many_interfaces(void **state)
{
	struct obuf o = { 0 };
	char *got;

	(void)state;
	for (int section = 0; section < 2; section++) {
		put_section(&o, false);
		for (int i = 0; i < 32769; i++)
			put_iface(&o, false, &(struct iface){ .linktype = 1 });
	}
	got = rig_read(o.data, 44 + 32769 * 20, false);
	assert_non_null(strstr(got, "iface 32768 linktype 1 snaplen 0 [] []\n"
				    "end\n"));
	free(got);
	got = rig_read(o.data, o.len, false);
	assert_non_null(strstr(got,
	    "iface 65535 linktype 1 snaplen 0 [] []\n"
	    "bad pcapng block 65539 at offset 1310808: more than 65536 "
	    "interfaces\n"));
	free(got);
	obuf_done(&o);
}

/* What we write is what we read. */
static void
our_own(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	pcapng_put_section(&o, &(struct pcapng_section){ .os = "Linux" });
	pcapng_put_interface(&o, &(struct pcapng_interface){
				     .linktype = 1,
				     .snaplen = 96,
				     .name = "eth0",
				     .description = "uplink",
				 });
	pcapng_put_packet(&o, 0,
	    &(struct frame){
		.ts_ns = 1700000000123456789,
		.dir = FRAME_INBOUND,
		.head = (const uint8_t *)"he",
		.head_len = 2,
		.data = (const uint8_t *)"llo",
		.data_len = 3,
		.wire_len = 2000,
		.comment = "words",
	    });
	pcapng_put_stats(
	    &o, &(struct pcapng_stats){ .received = 10, .dropped = 3 });
	rig_expect(&o, "iface 0 linktype 1 snaplen 96 [eth0] [uplink]\n"
		       "packet 0 at 1700000000123456789 dir 1 5/2000 "
		       "68656c6c6f\n"
		       "stats 0 10 0 3\nend\n");
}

static void
every_prefix(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct obuf o = { 0 };

		everything(&o, big != 0);
		put_section(&o, big == 0);
		/* Behind each of the blocks but the last. */
		rig_prefixes(&o, 11);
		obuf_done(&o);
	}
}

static void
mutations(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct obuf o = { 0 };

		everything(&o, big != 0);
		put_section(&o, big == 0);
		put_iface(&o, big == 0, &(struct iface){ .linktype = 1 });
		put_simple(&o, big == 0, 4, "four");
		rig_mutations(&o, 5000);
		obuf_done(&o);
	}
}

/* --- telling formats apart --------------------------------------------- */

static void
sniffing(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		enum capfile_format want;
	} cases[] = {
		{ "", 0, CAPFILE_SHORT },
		{ "\xd4\xc3\xb2", 3, CAPFILE_SHORT },
		{ "\xd4\xc3\xb2\xa1", 4, CAPFILE_PCAP },
		{ "\xa1\xb2\xc3\xd4", 4, CAPFILE_PCAP },
		{ "\x4d\x3c\xb2\xa1", 4, CAPFILE_PCAP },
		{ "\xa1\xb2\x3c\x4d", 4, CAPFILE_PCAP },
		{ "\xa1\xb2\xcd\x34", 4, CAPFILE_PCAP },
		{ "\x0a\x0d\x0d\x0a", 4, CAPFILE_PCAPNG },
		{ "\x0d\x0a\x0a\x0d", 4, CAPFILE_UNKNOWN },
		{ "\x7f"
		  "ELF\2\1\1",
		    7, CAPFILE_UNKNOWN },
		{ "c 0.", 4, CAPFILE_SHORT },
		{ "c 0.000000 con\n", 15, CAPFILE_NETRECORD },
		{ "c 0.000000 con\ns 1.0", 20, CAPFILE_NETRECORD },
		{ "c 0.000000 12\n", 14, CAPFILE_UNKNOWN },
		{ "c 0.000000 con", 14, CAPFILE_SHORT },
		{ "s 0.000000 con\n", 15, CAPFILE_UNKNOWN },
		{ "cat ", 4, CAPFILE_UNKNOWN },
		{ "c is a language that has been around for a while", 45,
		    CAPFILE_UNKNOWN },
		{ "a text of words", 15, CAPFILE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++)
		assert_int_equal(
		    capfile_sniff((const uint8_t *)cases[i].data, cases[i].len),
		    cases[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_blocks_in_both_orders),
		cmocka_unit_test(sections_of_either_order),
		cmocka_unit_test(time_stamps),
		cmocka_unit_test(simple_packets),
		cmocka_unit_test(interface_not_described),
		cmocka_unit_test(captured_does_not_fit),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(unknown_blocks_that_lie),
		cmocka_unit_test(lengths_not_padded),
		cmocka_unit_test(sections_that_lie),
		cmocka_unit_test(options_that_lie),
		cmocka_unit_test(too_many_interfaces),
		cmocka_unit_test(our_own),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(mutations),
		cmocka_unit_test(sniffing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
