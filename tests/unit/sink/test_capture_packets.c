#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_rig.h"

#include "base/attr.h"
#include "base/bytes.h"
#include "base/obuf.h"

#include "core/packet.h"

#include "sink/capture.h"

/* 2026-11-21 08:30:00 UTC */
#define START_NS 1795249800000000000ULL

#define ETHERNET 1
#define RAW      101
#define SLL2     276

static struct rig rig;

static const struct packet_iface eth0 = { 0, ETHERNET, 96, "eth0", "uplink" };
static const struct packet_iface any = { 1, SLL2, 262144, "any", NULL };
static const struct packet_iface raw = { 2, RAW, 0, NULL, NULL };

/* What the user was told. */
static char told[512];
static unsigned ntold;

static void
notice(void *self, const char *text)
{
	(void)self;
	ntold++;
	(void)snprintf(told, sizeof(told), "%s", text);
}

static int
set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	rig.env.source = "read";
	rig.env.packets = true;
	rig.env.start_ns = START_NS;
	rig.env.notice = notice;
	ntold = 0;
	told[0] = '\0';
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_done(&rig);
	return 0;
}

/* A packet, @ms after the start, of "on the wire" 1000 bytes more. */
static void
pass_as(struct session *s, const struct packet_iface *iface, enum packet_dir d,
    uint64_t ms, const char *bytes)
{
	const struct packet p = {
		.iface = iface,
		.ts_ns = START_NS + ms * CLOCK_NS_PER_MS + 7,
		.data = (const uint8_t *)bytes,
		.len = (uint32_t)strlen(bytes),
		.wire_len = (uint32_t)strlen(bytes) + 1000,
		.dir = d,
	};

	fanout_packet(rig.fan, s, &p);
}

static void
pass(struct session *s, const struct packet_iface *iface, uint64_t ms,
    const char *bytes)
{
	pass_as(s, iface, PACKET_UNKNOWN, ms, bytes);
}

static struct session *
begin(uint64_t id, bool no_packets)
{
	struct session *s = rig_session(&rig, id);

	s->source = "read";
	s->open_ns = START_NS;
	s->no_packets = no_packets;
	session_open(s);
	return s;
}

/* --- reading back ------------------------------------------------------ */

/* Times are shown in ms after the start, "never" for what is no such time. */
static void
put_time(struct obuf *text, uint64_t ns)
{
	if (ns < START_NS)
		obuf_puts(text, " never");
	else
		obuf_printf(
		    text, " %u", (unsigned)((ns - START_NS) / CLOCK_NS_PER_MS));
}

static uint64_t
time_at(const uint8_t *p)
{
	return (uint64_t)bytes_get_le32(p) << 32 | bytes_get_le32(p + 4);
}

/* The value of an option; NULL if it is not there. */
static const uint8_t *
option(const uint8_t *p, unsigned code, unsigned *len)
{
	while (bytes_get_le16(p) != code) {
		if (bytes_get_le16(p) == 0)
			return NULL;
		p += 4 + (bytes_get_le16(p + 2) + 3U) / 4 * 4;
	}
	*len = bytes_get_le16(p + 2);
	return p + 4;
}

static void
idb_line(struct obuf *text, const uint8_t *p)
{
	unsigned len;

	obuf_printf(text, "IDB %u %u", bytes_get_le16(p + 8),
	    (unsigned)bytes_get_le32(p + 12));
	for (unsigned code = 2; code <= 3; code++) {
		const uint8_t *t = option(p + 16, code, &len);

		if (t != NULL)
			obuf_printf(text, " %.*s", (int)len, t);
	}
	assert_int_equal(option(p + 16, 9, &len)[0], 9);
}

static void
epb_line(struct obuf *text, const uint8_t *p)
{
	unsigned len = bytes_get_le32(p + 20), n;
	const uint8_t *flags = option(p + 28 + (len + 3) / 4 * 4, 2, &n);

	assert_non_null(flags);
	obuf_printf(text, "EPB %u", (unsigned)bytes_get_le32(p + 8));
	put_time(text, time_at(p + 12));
	/* Those made for a stream begin with an IP header. */
	if (p[28] == 0x45)
		obuf_printf(text, " ip %u", len);
	else
		obuf_printf(text, " %.*s+%u", (int)len, p + 28,
		    (unsigned)bytes_get_le32(p + 24) - len);
	obuf_printf(text, " dir %u", (unsigned)bytes_get_le32(flags));
}

static void
isb_line(struct obuf *text, const uint8_t *p)
{
	const uint8_t *value;
	unsigned len;

	obuf_printf(text, "ISB %u", (unsigned)bytes_get_le32(p + 8));
	put_time(text, time_at(option(p + 20, 2, &len)));
	put_time(text, time_at(option(p + 20, 3, &len)));
	obuf_printf(text, " recv %u",
	    (unsigned)bytes_get_le64(option(p + 20, 4, &len)));
	value = option(p + 20, 5, &len);
	if (value != NULL)
		obuf_printf(text, " drop %u", (unsigned)bytes_get_le64(value));
}

static void
block_line(struct obuf *text, const uint8_t *p)
{
	switch (bytes_get_le32(p)) {
	case 0x0a0d0d0a:
		obuf_puts(text, "SHB");
		break;
	case 1:
		idb_line(text, p);
		break;
	case 5:
		isb_line(text, p);
		break;
	case 6:
		epb_line(text, p);
		break;
	default:
		fail_msg("block of type %u", bytes_get_le32(p));
	}
	obuf_putc(text, '\n');
}

static void
assert_text(struct obuf *text, const char *want)
{
	obuf_putc(text, '\0');
	assert_string_equal((char *)text->data, want);
	obuf_done(text);
}

static void
assert_pcapng(const char *name, const char *want)
{
	struct obuf text = { 0 };
	size_t len = 0, block;
	char *file = rig_read(&rig, name, &len);

	if (file == NULL) {
		fail_msg("%s does not exist", name);
		return;
	}
	for (size_t i = 0; i < len; i += block) {
		const uint8_t *p = (const uint8_t *)file + i;

		assert_true(len - i >= 12);
		block = bytes_get_le32(p + 4);
		assert_true(block >= 12 && block % 4 == 0 && block <= len - i);
		block_line(&text, p);
	}
	assert_text(&text, want);
	free(file);
}

/* A pcap file as "linktype snaplen", then "ms bytes+more" for each packet. */
static void
assert_pcap(const char *name, const char *want)
{
	struct obuf text = { 0 };
	size_t len = 0, n;
	char *file = rig_read(&rig, name, &len);
	const uint8_t *p = (const uint8_t *)file;

	if (file == NULL) {
		fail_msg("%s does not exist", name);
		return;
	}
	assert_true(len >= 24);
	assert_int_equal(bytes_get_le32(p), 0xa1b23c4d);
	obuf_printf(&text, "%u %u\n", (unsigned)bytes_get_le32(p + 20),
	    (unsigned)bytes_get_le32(p + 16));
	for (p += 24, len -= 24; len > 0; p += 16 + n, len -= 16 + n) {
		assert_true(len >= 16);
		n = bytes_get_le32(p + 8);
		assert_true(n <= len - 16);
		put_time(&text,
		    bytes_get_le32(p) * CLOCK_NS_PER_S + bytes_get_le32(p + 4));
		if (p[16] == 0x45)
			obuf_printf(&text, " ip %u\n", (unsigned)n);
		else
			obuf_printf(&text, " %.*s+%u\n", (int)n, p + 16,
			    (unsigned)(bytes_get_le32(p + 12) - n));
	}
	assert_text(&text, want);
	free(file);
}

/* --- one file ---------------------------------------------------------- */

/* Everything stands there as it came, of sessions and of none. */
static void
packets_as_captured(void **state)
{
	struct session *s;

	(void)state;
	rig.env.ifaces = &eth0;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "all.pcapng");
	pass(NULL, &eth0, 1, "arp");
	s = begin(1, false);
	pass_as(s, &eth0, PACKET_OUTBOUND, 2, "syn");
	rig_say(s, DIR_CLIENT, "not from here");
	pass_as(s, &eth0, PACKET_INBOUND, 3, "synack");
	rig_close(s, HOW_FIN);
	pass(NULL, &eth0, 4, "late");
	rig_finish(&rig);
	assert_pcapng("all.pcapng", "SHB\n"
				    "IDB 1 96 eth0 uplink\n"
				    "EPB 0 1 arp+1000 dir 0\n"
				    "EPB 0 2 syn+1000 dir 2\n"
				    "EPB 0 3 synack+1000 dir 1\n"
				    "EPB 0 4 late+1000 dir 0\n"
				    "ISB 0 1 4 recv 4 drop 0\n");
	/* Captured bytes, all of them. */
	assert_int_equal(count_get(&rig.count.offered), 16);
	assert_int_equal(count_get(&rig.count.written), 16);
}

/* The nanoseconds are not rounded. */
static void
times_are_exact(void **state)
{
	size_t len = 0;
	char *file;

	(void)state;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "all.pcap");
	pass(NULL, &eth0, 1, "x");
	rig_finish(&rig);
	file = rig_read(&rig, "all.pcap", &len);
	assert_non_null(file);
	assert_int_equal(len, 24 + 16 + 1);
	assert_int_equal(
	    bytes_get_le32((const uint8_t *)file + 24), 1795249800);
	assert_int_equal(bytes_get_le32((const uint8_t *)file + 28), 1000007);
	free(file);
}

/* Those not known at first are described when they come, known ones are first
 * even when they never do. */
static void
interfaces_in_the_order_of_the_file(void **state)
{
	(void)state;
	rig.env.ifaces = &any;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "all.pcapng");
	pass(NULL, &raw, 5, "one");
	pass(NULL, &eth0, 2, "two");
	pass(NULL, &raw, 3, "three");
	pass(NULL, &raw, 4, "four");
	rig_finish(&rig);
	/* Nobody knows what each of them has lost. */
	assert_pcapng("all.pcapng", "SHB\n"
				    "IDB 276 262144 any\n"
				    "IDB 101 0\n"
				    "EPB 1 5 one+1000 dir 0\n"
				    "IDB 1 96 eth0 uplink\n"
				    "EPB 2 2 two+1000 dir 0\n"
				    "EPB 1 3 three+1000 dir 0\n"
				    "EPB 1 4 four+1000 dir 0\n"
				    "ISB 0 0 never recv 0\n"
				    "ISB 1 3 5 recv 3\n"
				    "ISB 2 2 2 recv 1\n");
}

static bool
always_full(const struct sink_lane *lane)
{
	(void)lane;
	return true;
}

/* What a full queue has cost is in the statistics. */
static void
losses_are_counted(void **state)
{
	const struct sink_ops *ops;
	struct sink_ops full;

	(void)state;
	rig.env.ifaces = &eth0;
	rig.env.nifaces = 1;
	rig.spec.has_on_full = true;
	rig.spec.on_full = ON_FULL_DROP;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "all.pcapng");
	pass(NULL, &eth0, 1, "kept");
	ops = rig.sink.ops;
	full = *ops;
	full.full = always_full;
	rig.sink.ops = &full;
	pass(NULL, &eth0, 2, "lost");
	pass(NULL, &eth0, 3, "lost");
	rig.sink.ops = ops;
	pass(NULL, &eth0, 4, "kept");
	rig_finish(&rig);
	assert_pcapng("all.pcapng", "SHB\n"
				    "IDB 1 96 eth0 uplink\n"
				    "EPB 0 1 kept+1000 dir 0\n"
				    "EPB 0 4 kept+1000 dir 0\n"
				    "ISB 0 1 4 recv 4 drop 2\n");
	assert_int_equal(count_get(&rig.count.offered), 16);
	assert_int_equal(count_get(&rig.count.written), 8);
}

/* A live capture began before its first packet. */
static void
live_statistics_span_the_run(void **state)
{
	size_t len = 0;
	char *file;
	const uint8_t *isb;

	(void)state;
	rig.env.source = "tap";
	rig.env.ifaces = &eth0;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "all.pcapng");
	pass(NULL, &eth0, 500, "x");
	rig_finish(&rig);
	file = rig_read(&rig, "all.pcapng", &len);
	assert_non_null(file);
	isb = (const uint8_t *)file + len -
	      bytes_get_le32((const uint8_t *)file + len - 4);
	assert_int_equal(bytes_get_le32(isb), 5);
	assert_int_equal(
	    time_at(option(isb + 20, 2, &(unsigned){ 0 })), START_NS);
	free(file);
}

/* --- pcap -------------------------------------------------------------- */

static void
pcap_takes_the_first_link_type(void **state)
{
	(void)state;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "all.pcap");
	pass(NULL, &raw, 1, "one");
	pass(NULL, &eth0, 2, "two");
	pass(NULL, &any, 3, "three");
	pass(NULL, &raw, 4, "four");
	rig_finish(&rig);
	assert_pcap("all.pcap", "101 262144\n 1 one+1000\n 4 four+1000\n");
	/* What has no place is counted, and told once, with a way out. */
	assert_int_equal(count_get(&rig.count.written), 7);
	assert_int_equal(count_get(&rig.count.drop_bytes[DROP_WRITE_ERROR]), 8);
	assert_int_equal(
	    count_get(&rig.count.drop_chunks[DROP_WRITE_ERROR]), 2);
	assert_int_equal(ntold, 1);
	assert_non_null(strstr(told, "pcapng holds all"));
	assert_non_null(strstr(told, "pcap: "));
}

static void
pcap_takes_the_known_link_type(void **state)
{
	static const struct packet_iface wide = { 0, SLL2, 300000, "x", NULL };

	(void)state;
	rig.env.ifaces = &wide;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "all.pcap");
	pass(NULL, &raw, 1, "one");
	pass(NULL, &any, 2, "two");
	rig_finish(&rig);
	assert_pcap("all.pcap", "276 300000\n 2 two+1000\n");
}

static void
pcap_without_packets_is_a_pcap_file(void **state)
{
	(void)state;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "all.pcap");
	rig_finish(&rig);
	assert_pcap("all.pcap", "1 262144\n");
}

/* --- a file per session ------------------------------------------------ */

static void
file_per_session(void **state)
{
	struct session *one, *two;

	(void)state;
	rig.env.ifaces = &any;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "{id}.pcapng");
	one = begin(1, false);
	two = begin(2, false);
	pass(one, &raw, 1, "one");
	pass(NULL, &raw, 2, "stray");
	pass(two, &eth0, 3, "two");
	pass(one, &eth0, 4, "three");
	rig_close(one, HOW_FIN);
	rig_abort(&rig, two);
	rig_close(two, HOW_FIN);
	/* A session of which nothing came leaves nothing. */
	rig_close(begin(3, false), HOW_FIN);
	rig_finish(&rig);
	assert_pcapng("000001.pcapng", "SHB\n"
				       "IDB 101 0\n"
				       "EPB 0 1 one+1000 dir 0\n"
				       "IDB 1 96 eth0 uplink\n"
				       "EPB 1 4 three+1000 dir 0\n"
				       "ISB 0 1 1 recv 1\n"
				       "ISB 1 4 4 recv 1\n");
	assert_pcapng("000002.pcapng", "SHB\n"
				       "IDB 1 96 eth0 uplink\n"
				       "EPB 0 3 two+1000 dir 0\n"
				       "ISB 0 3 3 recv 1\n");
	assert_int_equal(rig_nfiles(&rig, ""), 2);
	/* Packets of no session were not offered at all. */
	assert_int_equal(count_get(&rig.count.offered), 11);
	assert_int_equal(count_get(&rig.count.written), 11);
}

static void
pcap_per_session_each_with_its_link_type(void **state)
{
	struct session *one, *two;

	(void)state;
	rig.env.ifaces = &eth0;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "{id}.pcap");
	one = begin(1, false);
	two = begin(2, false);
	pass(one, &raw, 1, "one");
	pass(two, &any, 2, "two");
	rig_close(one, HOW_FIN);
	rig_close(two, HOW_FIN);
	rig_finish(&rig);
	assert_pcap("000001.pcap", "101 262144\n 1 one+1000\n");
	assert_pcap("000002.pcap", "276 262144\n 2 two+1000\n");
	assert_int_equal(ntold, 0);
}

/* --- sessions that bring no packets ------------------------------------ */

static void
packets_are_made_where_none_came(void **state)
{
	struct session *s;

	(void)state;
	rig.env.ifaces = &eth0;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "all.pcapng");
	pass(NULL, &eth0, 1, "one");
	s = begin(1, true);
	rig_say(s, DIR_CLIENT, "hello");
	rig_close(s, HOW_RST);
	rig_finish(&rig);
	assert_pcapng("all.pcapng", "SHB\n"
				    "IDB 1 96 eth0 uplink\n"
				    "EPB 0 1 one+1000 dir 0\n"
				    "IDB 101 262144 read\n"
				    "EPB 1 0 ip 52 dir 1\n"
				    "EPB 1 0 ip 52 dir 2\n"
				    "EPB 1 0 ip 40 dir 1\n"
				    "EPB 1 0 ip 45 dir 1\n"
				    "EPB 1 0 ip 40 dir 2\n"
				    "EPB 1 0 ip 40 dir 1\n"
				    "ISB 0 1 1 recv 1\n"
				    "ISB 1 0 0 recv 6\n");
	assert_int_equal(count_get(&rig.count.offered), 8);
	assert_int_equal(count_get(&rig.count.written), 8);
}

static void
made_packets_in_a_file_of_their_own(void **state)
{
	struct session *s;

	(void)state;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "{id}.pcap");
	s = begin(1, true);
	rig_say(s, DIR_CLIENT, "hello");
	rig_close(s, HOW_RST);
	s = begin(2, true);
	rig_abort(&rig, s);
	rig_close(s, HOW_RST);
	rig_finish(&rig);
	assert_pcap("000001.pcap",
	    "101 262144\n 0 ip 52\n 0 ip 52\n 0 ip 40\n 0 ip 45\n"
	    " 0 ip 40\n 0 ip 40\n");
	/* What was given up is a whole file as far as it goes. */
	assert_pcap(
	    "000002.pcap", "101 262144\n 0 ip 52\n 0 ip 52\n 0 ip 40\n");
}

/* A pcap file of Ethernet has no place for them. */
static void
made_packets_do_not_fit_every_pcap(void **state)
{
	struct session *s;

	(void)state;
	rig.env.ifaces = &eth0;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "all.pcap");
	s = begin(1, true);
	rig_say(s, DIR_CLIENT, "hello");
	rig_close(s, HOW_RST);
	rig_finish(&rig);
	assert_pcap("all.pcap", "1 262144\n");
	assert_int_equal(count_get(&rig.count.drop_bytes[DROP_GONE]), 5);
	assert_int_equal(ntold, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_as_captured),
		TEST(times_are_exact),
		TEST(interfaces_in_the_order_of_the_file),
		TEST(losses_are_counted),
		TEST(live_statistics_span_the_run),
		TEST(pcap_takes_the_first_link_type),
		TEST(pcap_takes_the_known_link_type),
		TEST(pcap_without_packets_is_a_pcap_file),
		TEST(file_per_session),
		TEST(pcap_per_session_each_with_its_link_type),
		TEST(packets_are_made_where_none_came),
		TEST(made_packets_in_a_file_of_their_own),
		TEST(made_packets_do_not_fit_every_pcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
