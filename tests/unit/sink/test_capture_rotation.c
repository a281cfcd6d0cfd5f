#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture_rig.h"

/* Packets of 400,000 bytes: two of them fit into a megabyte. */
static void
pass_big(const struct packet_iface *iface, uint64_t ms)
{
	char *bytes = malloc(400000);
	struct packet p = {
		.iface = iface,
		.ts_ns = START_NS + ms * CLOCK_NS_PER_MS,
		.data = (uint8_t *)bytes,
		.len = 400000,
		.wire_len = 400000,
	};

	assert_non_null(bytes);
	memset(bytes, 'x', 400000);
	fanout_packet(rig.fan, NULL, &p);
	free(bytes);
}

/* Every file describes all interfaces that were known when it began. */
static void
rotated_files_are_whole(void **state)
{
	size_t len[3] = { 0 };

	(void)state;
	rig.spec.rotation.bytes = 1000000;
	rig.env.ifaces = &any;
	rig.env.nifaces = 1;
	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "x.pcapng");
	pass_big(&eth0, 1);
	pass_big(&any, 2);
	pass_big(&raw, 3);
	pass_big(&eth0, 4);
	pass(NULL, &raw, 5, "five");
	pass_big(&any, 6);
	rig_finish(&rig);
	for (unsigned i = 0; i < 3; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "x-%05u.pcapng", i + 1);
		free(rig_read(&rig, name, &len[i]));
		assert_in_range(len[i], 400000, 1000000);
	}
	assert_int_equal(rig_nfiles(&rig, ""), 3);
	assert_pcapng("x-00001.pcapng",
	    "SHB\nIDB 276 262144 any\nIDB 1 96 eth0 uplink\n"
	    "EPB 1 1 big dir 0\nEPB 0 2 big dir 0\n");
	assert_pcapng("x-00002.pcapng",
	    "SHB\nIDB 276 262144 any\nIDB 1 96 eth0 uplink\nIDB 101 0\n"
	    "EPB 2 3 big dir 0\nEPB 1 4 big dir 0\n"
	    "EPB 2 5 five+1000 dir 0\n");
	assert_pcapng("x-00003.pcapng",
	    "SHB\nIDB 276 262144 any\nIDB 1 96 eth0 uplink\nIDB 101 0\n"
	    "EPB 0 6 big dir 0\n"
	    "ISB 0 2 6 recv 2\nISB 1 1 4 recv 2\nISB 2 3 5 recv 2\n");
	assert_int_equal(count_get(&rig.count.written), 2000004);
}

static void
rotated_pcap_files_have_their_heads(void **state)
{
	(void)state;
	rig.spec.rotation.bytes = 1000000;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "x.pcap");
	pass_big(&any, 1);
	pass_big(&any, 2);
	pass(NULL, &any, 3, "three");
	pass_big(&any, 4);
	rig_finish(&rig);
	assert_pcap(
	    "x-00001.pcap", "276 262144\n 1 big\n 2 big\n 3 three+1000\n");
	assert_pcap("x-00002.pcap", "276 262144\n 4 big\n");
}

/* As tcpdump does, it leaves a file that is valid. */
static void
rotated_file_without_packets(void **state)
{
	(void)state;
	rig.spec.rotation.span_ns = 3600 * CLOCK_NS_PER_S;
	rig_make(&rig, capture_pcap_kind.make, "pcap", "x.pcap");
	rig_finish(&rig);
	assert_pcap("x-00001.pcap", "1 262144\n");
	assert_int_equal(rig_nfiles(&rig, ""), 1);
}

static void
what_cannot_be_rotated(void **state)
{
	static const struct {
		const char *arg;
		const char *named;
	} row[] = {
		{ "{id}.pcap", "each session" },
		{ "-", "standard output" },
		{ "folder", "no regular file" },
	};
	struct err err;
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/folder", rig.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	rig.spec.rotation.bytes = 1000000;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		assert_int_equal(rig_try(&rig, capture_pcap_kind.make, "pcap",
				     row[i].arg, &err),
		    -EINVAL);
		assert_non_null(strstr(err.text, row[i].named));
	}
	assert_int_equal(rig_nfiles(&rig, ""), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rotated_files_are_whole),
		TEST(rotated_pcap_files_have_their_heads),
		TEST(rotated_file_without_packets),
		TEST(what_cannot_be_rotated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
