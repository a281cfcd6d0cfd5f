#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/packet.h"
#include "source/filter.h"
#include "source/linktype.h"

#define ETHERNET 1
#define RAW      101
#define SLL2     276
#define RADIOTAP 127
#define UNKNOWN  9999

/* IPv4, TCP, 192.0.2.1:1024 > 192.0.2.2:80, SYN; behind room for headers. */
static const uint8_t ip[] = { 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0,
	2, 1, 192, 0, 2, 2, 4, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0,
	0, 0, 0, 0 };

struct packet_bytes {
	struct packet_iface iface;
	struct packet packet;
	uint8_t bytes[128];
};

/* @header, which ends in the type of IP, before the packet above. */
static void
make(struct packet_bytes *pb, uint16_t linktype, const void *header, size_t len)
{
	memset(pb, 0, sizeof(*pb));
	assert_true(len + sizeof(ip) <= sizeof(pb->bytes));
	if (len > 0)
		memcpy(pb->bytes, header, len);
	memcpy(pb->bytes + len, ip, sizeof(ip));
	pb->iface.linktype = linktype;
	pb->packet.iface = &pb->iface;
	pb->packet.data = pb->bytes;
	pb->packet.len = (uint32_t)(len + sizeof(ip));
	pb->packet.wire_len = pb->packet.len;
}

static void
make_ethernet(struct packet_bytes *pb)
{
	static const uint8_t header[14] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1,
		8, 0 };

	make(pb, ETHERNET, header, sizeof(header));
}

static bool
passes(const char *text, const struct packet_bytes *pb)
{
	struct err err = { "" };
	struct filter *f = filter_new(text, &err);
	bool yes;

	if (f == NULL)
		fail_msg("%s", err.text);
	yes = filter_passes(f, &pb->packet);
	/* The second time the program is at hand. */
	assert_int_equal(filter_passes(f, &pb->packet), yes);
	filter_free(f);
	return yes;
}

static void
test_ethernet(void **state)
{
	struct packet_bytes pb;

	(void)state;
	make_ethernet(&pb);
	assert_true(passes("tcp port 80", &pb));
	assert_true(passes("src host 192.0.2.1 and tcp[13] & 2 != 0", &pb));
	assert_true(passes("ether src 02:00:00:00:00:01", &pb));
	assert_false(passes("tcp port 81", &pb));
	assert_false(passes("dst host 192.0.2.1", &pb));
	assert_false(passes("udp", &pb));
}

static void
test_nothing_asked(void **state)
{
	struct packet_bytes pb;

	(void)state;
	make_ethernet(&pb);
	assert_true(passes(NULL, &pb));
	assert_true(passes("", &pb));
	assert_true(passes(" \t\n", &pb));
	pb.packet.len = 0;
	pb.packet.data = NULL;
	assert_true(passes(NULL, &pb));
	assert_false(passes("tcp", &pb));
	assert_true(passes("greater 40", &pb)); /* of the wire's length */
}

/* One filter over packets of many kinds, in turn: each has its program. */
static void
test_link_types(void **state)
{
	static const uint8_t sll2[20] = { 8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 4, 6 };
	struct packet_bytes eth, raw, cooked;
	struct err err = { "" };
	struct filter *f = filter_new("tcp dst port 80", &err);
	struct filter *other = filter_new("tcp dst port 81", &err);

	(void)state;
	assert_non_null(f);
	assert_non_null(other);
	make_ethernet(&eth);
	make(&raw, RAW, NULL, 0);
	make(&cooked, SLL2, sll2, sizeof(sll2));
	for (int i = 0; i < 3; i++) {
		assert_true(filter_passes(f, &eth.packet));
		assert_true(filter_passes(f, &raw.packet));
		assert_true(filter_passes(f, &cooked.packet));
		assert_false(filter_passes(other, &eth.packet));
		assert_false(filter_passes(other, &raw.packet));
		assert_false(filter_passes(other, &cooked.packet));
	}
	filter_free(f);
	filter_free(other);
}

/* What a link type cannot have passes nothing there, and is no error. */
static void
test_not_for_this_link_type(void **state)
{
	struct packet_bytes eth, raw, strange;

	(void)state;
	make_ethernet(&eth);
	make(&raw, RAW, NULL, 0);
	make(&strange, UNKNOWN, NULL, 0);
	assert_true(passes("ether host 02:00:00:00:00:01", &eth));
	assert_false(passes("ether host 02:00:00:00:00:01", &raw));
	assert_false(passes("tcp port 80", &strange));
	assert_true(passes("", &strange));
	/* Only 802.11 has these: right, but not for the packets at hand. */
	assert_false(passes("type mgt subtype beacon", &eth));
	assert_false(passes("arp", &raw));
}

static void
test_snapshot(void **state)
{
	struct packet_bytes pb;

	(void)state;
	make_ethernet(&pb);
	pb.packet.len = 14 + 20 + 2; /* cut in the middle of the ports */
	assert_false(passes("tcp dst port 80", &pb));
	assert_true(passes("tcp src port 1024", &pb));
}

static void
refused(const char *text, const char *word)
{
	struct err err = { "" };

	assert_null(filter_new(text, &err));
	if (strstr(err.text, word) == NULL)
		fail_msg("no \"%s\" in: %s", word, err.text);
	assert_non_null(strstr(err.text, "filter '"));
}

static void
test_wrong(void **state)
{
	char longer[1000];

	(void)state;
	refused("tcp prot 80", "'tcp prot 80'");
	refused("tcp prot 80", "syntax error");
	refused("port 99999", "99999");
	refused("tcp and (", "syntax");
	refused("net 192.0.2.0/33", "mask length");
	refused("ip and ip6", "rejects all");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memcpy(longer, "tcp and )", 9);
	refused(longer, "...': ");
}

static void
test_free_nothing(void **state)
{
	(void)state;
	filter_free(NULL);
}

static void
test_linktype_names(void **state)
{
	(void)state;
	assert_int_equal(linktype_of_dlt(linktype_to_dlt(RAW)), RAW);
	assert_int_not_equal(linktype_to_dlt(RAW), RAW);
	assert_int_equal(linktype_of_dlt(linktype_to_dlt(100)), 100);
	assert_int_equal(linktype_to_dlt(ETHERNET), ETHERNET);
	assert_int_equal(linktype_of_dlt(SLL2), SLL2);
	assert_int_equal(linktype_of_dlt(RADIOTAP), RADIOTAP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ethernet),
		cmocka_unit_test(test_nothing_asked),
		cmocka_unit_test(test_link_types),
		cmocka_unit_test(test_not_for_this_link_type),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_free_nothing),
		cmocka_unit_test(test_linktype_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
