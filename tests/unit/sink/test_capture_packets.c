#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture_rig.h"

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

/* --- several workers --------------------------------------------------- */

/* Another worker's part of the sink. */
static struct fanout *
another(void)
{
	struct sink *list = &rig.sink;
	struct fanout *fan = fanout_new(&list, 1, NULL, NULL);

	assert_non_null(fan);
	return fan;
}

/* As @fan's worker would, what pass() does for the first one. */
static void
pass_by(struct fanout *fan, const struct packet_iface *iface, uint64_t ms,
    const char *bytes)
{
	struct fanout *first = rig.fan;

	rig.fan = fan;
	pass(NULL, iface, ms, bytes);
	rig.fan = first;
}

/* rig_finish() for two. */
static void
finish_both(struct fanout *other)
{
	assert_int_equal(rig.sink.ops->drain(
			     &rig.sink, clock_mono_ns() + 20 * CLOCK_NS_PER_S),
	    0);
	fanout_free(other);
	fanout_free(rig.fan);
	rig.sink.ops->free(&rig.sink);
}

/*
 * Each worker meets interfaces in an order of its own, and hands over when it
 * will: the file has one number for each, said before it is used.
 */
static void
workers_agree_on_interfaces(void **state)
{
	struct fanout *other;

	(void)state;
	rig.env.ifaces = &eth0;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "all.pcapng");
	other = another();
	pass_by(other, &raw, 1, "one");
	pass(NULL, &raw, 2, "two");
	pass(NULL, &any, 3, "three");
	pass_by(other, &any, 4, "four");
	pass_by(other, &eth0, 5, "five");
	finish_both(other);
	assert_pcapng("all.pcapng", "SHB\n"
				    "IDB 1 96 eth0 uplink\n"
				    "IDB 101 0\n"
				    "EPB 1 2 two+1000 dir 0\n"
				    "IDB 276 262144 any\n"
				    "EPB 2 3 three+1000 dir 0\n"
				    "EPB 1 1 one+1000 dir 0\n"
				    "EPB 2 4 four+1000 dir 0\n"
				    "EPB 0 5 five+1000 dir 0\n"
				    "ISB 0 5 5 recv 1\n"
				    "ISB 1 1 2 recv 2\n"
				    "ISB 2 3 4 recv 2\n");
}

static void
workers_agree_on_the_link_type(void **state)
{
	struct fanout *other;

	(void)state;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "all.pcap");
	other = another();
	pass_by(other, &raw, 1, "one");
	pass(NULL, &any, 2, "two");
	pass(NULL, &raw, 3, "three");
	finish_both(other);
	assert_pcap("all.pcap", "101 262144\n"
				" 3 three+1000\n"
				" 1 one+1000\n");
	assert_int_equal(ntold, 1);
}

/* Made packets are on an interface of their own, whoever makes them. */
static void
made_packets_beside_captured_ones(void **state)
{
	struct fanout *other, *first;
	struct session *s;

	(void)state;
	rig.env.ifaces = &eth0;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "all.pcapng");
	first = rig.fan;
	other = another();
	pass(NULL, &any, 1, "one");
	rig.fan = other;
	s = begin(1, true);
	rig_close(s, HOW_RST);
	rig.fan = first;
	s = begin(2, true);
	rig_close(s, HOW_RST);
	finish_both(other);
	assert_pcapng("all.pcapng", "SHB\n"
				    "IDB 1 96 eth0 uplink\n"
				    "IDB 276 262144 any\n"
				    "IDB 101 262144 read\n"
				    "EPB 1 1 one+1000 dir 0\n"
				    "EPB 2 0 ip 52 dir 1\n"
				    "EPB 2 0 ip 52 dir 2\n"
				    "EPB 2 0 ip 40 dir 1\n"
				    "EPB 2 0 ip 40 dir 1\n"
				    "EPB 2 0 ip 52 dir 1\n"
				    "EPB 2 0 ip 52 dir 2\n"
				    "EPB 2 0 ip 40 dir 1\n"
				    "EPB 2 0 ip 40 dir 1\n"
				    "ISB 0 0 never recv 0\n"
				    "ISB 1 1 1 recv 1\n"
				    "ISB 2 0 0 recv 8\n");
}

/* Where a tap is heard, it must be a proxy that they are made for. */
static void
made_packets_beside_a_tap(void **state)
{
	struct session *s;

	(void)state;
	rig.env.source = "tap";
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "{id}.pcapng");
	s = begin(1, true);
	rig_close(s, HOW_RST);
	rig_finish(&rig);
	assert_pcapng("000001.pcapng", "SHB\n"
				       "IDB 101 262144 proxy\n"
				       "EPB 0 0 ip 52 dir 1\n"
				       "EPB 0 0 ip 52 dir 2\n"
				       "EPB 0 0 ip 40 dir 1\n"
				       "EPB 0 0 ip 40 dir 1\n"
				       "ISB 0 0 0 recv 4 drop 0\n");
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
		TEST(workers_agree_on_interfaces),
		TEST(workers_agree_on_the_link_type),
		TEST(made_packets_beside_captured_ones),
		TEST(made_packets_beside_a_tap),
		TEST(packets_are_made_where_none_came),
		TEST(made_packets_in_a_file_of_their_own),
		TEST(made_packets_do_not_fit_every_pcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
