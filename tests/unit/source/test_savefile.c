#include "savefile_rig.h"

/* Of different kinds, one after the other; interfaces are numbered on. */
static void
several_files(void **state)
{
	struct obuf o = { 0 };
	struct savefile_progress p;
	struct tally t = { 0 };
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	put_pcap(&o, 1000, two);
	r.paths[0] = add_obuf(&f, "1.pcap", &o);
	put_pcapng(&o, 2000, two);
	pcapng_put_stats(&o, &(struct pcapng_stats){ 1, 0, 0, 100, 7 });
	pcapng_put_stats(&o, &(struct pcapng_stats){ 1, 0, 0, 110, 8 });
	put_pcapng(&o, 3000, two);
	pcapng_put_stats(&o, &(struct pcapng_stats){ 0, 0, 0, 1000, 10 });
	r.paths[1] = add_obuf(&f, "2.pcapng", &o);
	put_pcap(&o, 500, two);
	r.paths[2] = add_obuf(&f, "3.pcap", &o);
	rig_run(&r,
	    "0 1 ? 1000 2/60 a\n0 1 ? 1001 3/60 c\n"
	    "1 101 eth0 2000 2/60 a\n2 102 eth1 2001 3/60 c\n"
	    "3 101 eth0 3000 2/60 a\n4 102 eth1 3001 3/60 c\n"
	    "5 1 ? 500 2/60 a\n5 1 ? 501 3/60 c\n",
	    "");
	/* The latest there was, not the last. */
	assert_int_equal(fake_dissect->tick_ns, 3001);
	r.src->ops->tally(r.src, &t);
	assert_int_equal(t.received, 8);
	assert_int_equal(t.filtered, 0);
	assert_true(t.has_kernel);
	assert_int_equal(t.kernel_received, 1110);
	assert_int_equal(t.interface_dropped, 18);
	assert_int_equal(t.kernel_dropped, 0);
	savefile_progress(r.src, &p);
	assert_string_equal(p.path, r.paths[2]);
	assert_int_equal(p.packets, 8);
	assert_true(p.total > 0);
	assert_int_equal(p.done, p.total);
	rig_done(&r);
	folder_done(&f);
}

static void
packed_files(void **state)
{
	struct obuf o = { 0 };
	struct folder f;
	struct rig r;
	gzFile gz;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	put_pcap(&o, 1000, two);
	r.paths[0] = new_name(&f, "1.pcap.gz");
	gz = gzopen(r.paths[0], "wb0");
	assert_non_null(gz);
	assert_int_equal(gzwrite(gz, o.data, (unsigned)o.len), (int)o.len);
	assert_int_equal(gzclose(gz), Z_OK);
	assert_int_equal(truncate(r.paths[0], 60), 0);
	r.paths[1] = add_obuf(&f, "2.pcap", &o);
	r.o.npaths = 2;
	rig_start(&r);
	rig_wait(&r);
	rig_stop(&r);
	assert_non_null(strstr(
	    rig_trouble(&r), "1.pcap.gz: gzip data is cut off at offset 60 ("));
	/* Stored as it is: header, head of a block, and the first packet. */
	assert_string_equal(fake_dissect_text(),
	    "0 1 ? 1000 2/60 a\n"
	    "1 1 ? 1000 2/60 a\n1 1 ? 1001 3/60 c\n");
	rig_done(&r);
	folder_done(&f);
}

/* Everything before the damage; the other files; and it has failed. */
static void
damaged_files(void **state)
{
	struct obuf o = { 0 };
	struct folder f;
	char want[512];
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	put_pcap(&o, 1000, two);
	bytes_put_le32(o.data + 24 + 18 + 8, 300000);
	r.paths[0] = add_obuf(&f, "1", &o);
	put_pcap(&o, 2000, two);
	o.len--;
	r.paths[1] = add_obuf(&f, "2", &o);
	r.paths[2] = add_file(&f, "3",
	    "\x7f"
	    "ELF\2\1\1",
	    7);
	r.paths[3] = add_file(&f, "4", "", 0);
	r.paths[4] = add_file(&f, "5", "c ", 2);
	put_pcap(&o, 3000, two);
	r.paths[5] = add_obuf(&f, "6", &o);
	(void)snprintf(want, sizeof(want),
	    "%s: pcap record 2 at offset 42: captured length 300000 exceeds "
	    "262144\n"
	    "%s: pcap record 2 at offset 42: cut off after 18 bytes\n"
	    "%s: not a capture file (begins with 7f 45 4c 46): pcap, pcapng, "
	    "gzip or zstd of them, or a netrecord log is wanted\n",
	    r.paths[0], r.paths[1], r.paths[2]);
	r.o.npaths = 6;
	rig_start(&r);
	rig_wait(&r);
	rig_stop(&r);
	assert_string_equal(fake_dissect_text(),
	    "0 1 ? 1000 2/60 a\n1 1 ? 2000 2/60 a\n"
	    "2 1 ? 3000 2/60 a\n2 1 ? 3001 3/60 c\n");
	assert_memory_equal(rig_trouble(&r), want, strlen(want));
	assert_non_null(strstr(rig_trouble(&r), "(empty)"));
	assert_non_null(strstr(rig_trouble(&r), "(begins with 63 20)"));
	assert_true(r.src->ops->failed(r.src));
	rig_done(&r);
	folder_done(&f);
}

/* What is wrong before anything is read, and in how many words. */
static void
cannot_be_opened(void **state)
{
	static const struct {
		const char *filter;
		const char *paths[2];
		int code;
		const char *want;
	} cases[] = {
		{ "tcp and (", { "/dev/null" }, -EINVAL, "" },
		{ NULL, { "/nowhere/at/all" }, -ENOENT,
		    "/nowhere/at/all: No such file or directory" },
		{ NULL, { "/dev/null", "/tmp" }, -EISDIR,
		    "/tmp: is a directory: a capture file is wanted" },
		{ NULL, { "-", "-" }, -EINVAL,
		    "-: there is only one standard input" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct savefile_opts o = {
			.paths = cases[i].paths,
			.npaths = cases[i].paths[1] != NULL ? 2 : 1,
			.filter = cases[i].filter,
		};
		struct err err = { "" };
		int code = 0;

		assert_null(savefile_new(&o, &code, &err));
		assert_int_equal(code, cases[i].code);
		assert_true(err.text[0] != '\0');
		if (cases[i].want[0] != '\0')
			assert_string_equal(err.text, cases[i].want);
	}
}

static void
filtered(void **state)
{
	static const char *const some[] = { "abcdef", "+", "ghijklm", "nopqrst",
		"u", NULL };
	struct obuf o = { 0 };
	struct tally t = { 0 };
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	put_pcap(&o, 0, some);
	r.paths[0] = add_obuf(&f, "1", &o);
	/* By the bytes, not by the length they had. */
	r.o.filter = "ether[0] >= 0x61 and ether[0] <= 0x70";
	r.o.max_packets = 3;
	rig_run(&r, "0 1 ? 0 6/60 a\n0 1 ? 2 7/60 g\n0 1 ? 3 7/60 n\n", "");
	r.src->ops->tally(r.src, &t);
	assert_int_equal(t.filtered, 1);
	rig_done(&r);
	folder_done(&f);
}

/* As many sessions as wanted, to their ends, and not a packet further. */
static void
so_many_sessions(void **state)
{
	static const char *const some[] = { "+1", "+2", "+3", "-1", "x", "-2",
		"y", NULL };
	struct obuf o = { 0 };
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	put_pcap(&o, 0, some);
	r.paths[0] = add_obuf(&f, "1", &o);
	r.paths[1] = r.paths[0];
	r.o.max_sessions = 2;
	/* Of other inputs: no matter to this one. */
	atomic_store(&r.numbers.sessions, 100);
	atomic_store(&r.numbers.ifaces, 3);
	rig_run(&r,
	    "3 1 ? 0 2/60 +\n3 1 ? 1 2/60 +\n3 1 ? 2 2/60 +\n"
	    "3 1 ? 3 2/60 -\n3 1 ? 4 1/60 x\n3 1 ? 5 2/60 -\n",
	    "");
	assert_int_equal(atomic_load(&r.numbers.sessions), 102);
	assert_int_equal(fake_dissect->stray, 1);
	rig_done(&r);
	folder_done(&f);
}

/* Its time zero is that of the file less that of the last record. */
static void
netrecord_logs(void **state)
{
	static const char log[] = "c 1.0 con\nc 2.0 2\nhis 5.0 hup\n";
	const struct timespec times[2] = { { 100, 0 }, { 100, 0 } };
	struct obuf o = { 0 };
	struct tally t = { 0 };
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = add_file(&f, "1", log, strlen(log));
	r.paths[1] = add_file(&f, "2", log, strlen(log) - 2);
	put_pcap(&o, 1000, two);
	r.paths[2] = add_obuf(&f, "3", &o);
	assert_int_equal(utimensat(AT_FDCWD, r.paths[0], times, 0), 0);
	r.o.npaths = 3;
	rig_start(&r);
	rig_wait(&r);
	rig_stop(&r);
	assert_string_equal(r.fake.log,
	    "open;c2s 0+2;end s2c 0 fin by server;end c2s 2 fin by server;"
	    "close fin;"
	    "open;c2s 0+2;end c2s 2 error by us;end s2c 0 error by us;"
	    "close error;");
	assert_non_null(strstr(rig_trouble(&r),
	    "/2: netrecord log, record 3 at offset 20: cut off\n"));
	assert_string_equal(
	    fake_dissect_text(), "0 1 ? 1000 2/60 a\n0 1 ? 1001 3/60 c\n");
	r.src->ops->tally(r.src, &t);
	assert_int_equal(t.payload[DIR_CLIENT].received, 4);
	assert_int_equal(
	    count_get(&fanout_totals(r.fan)->bytes[DIR_CLIENT]), 4);
	assert_int_equal(t.received, 2);
	rig_done(&r);
	folder_done(&f);
}

/* Each log is a session, and counts as one. */
static void
so_many_logs(void **state)
{
	static const char log[] = "c 1.0 con\nc 2.0 2\nhis 5.0 hup\n";
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = add_file(&f, "1", log, strlen(log));
	r.paths[1] = r.paths[0];
	r.paths[2] = r.paths[0];
	r.o.max_sessions = 2;
	rig_run(&r, "", "");
	assert_string_equal(r.fake.log,
	    "open;c2s 0+2;end s2c 0 fin by server;end c2s 2 fin by server;"
	    "close fin;"
	    "open;c2s 0+2;end s2c 0 fin by server;end c2s 2 fin by server;"
	    "close fin;");
	rig_done(&r);
	folder_done(&f);
}

/* Made, attached, and never started. */
static void
never_started(void **state)
{
	struct err err = { "" };
	int code = 0;
	struct rig r;

	(void)state;
	rig_init(&r);
	r.paths[0] = "/dev/null";
	r.o.npaths = 1;
	r.src = savefile_new(&r.o, &code, &err);
	assert_non_null(r.src);
	assert_int_equal(
	    r.src->ops->attach(r.src, &r.worker, &r.fan, 1, &err), 0);
	r.src->ops->close(r.src);
	rig_done(&r);
	assert_int_equal(r.finished + r.stopped, 0);
}

/* More files than are kept open: each is opened again at its turn. */
static void
many_files(void **state)
{
	enum {
		N = 200
	};
	static const char *paths[N];
	struct obuf o = { 0 };
	struct folder f;
	struct rig r;
	int before, opened;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	put_pcap(&o, 1000, two);
	paths[0] = add_obuf(&f, "1", &o);
	for (int i = 1; i < N; i++)
		paths[i] = paths[0];
	r.o.paths = paths;
	r.o.npaths = N;
	before = dup(STDIN_FILENO);
	assert_int_equal(close(before), 0);
	rig_start(&r);
	opened = dup(STDIN_FILENO);
	assert_int_equal(close(opened), 0);
	assert_true(opened - before < 100);
	rig_wait(&r);
	rig_stop(&r);
	assert_int_equal(fake_dissect->received, 2 * N);
	rig_done(&r);
	folder_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_files),
		cmocka_unit_test(packed_files),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(cannot_be_opened),
		cmocka_unit_test(filtered),
		cmocka_unit_test(so_many_sessions),
		cmocka_unit_test(netrecord_logs),
		cmocka_unit_test(so_many_logs),
		cmocka_unit_test(never_started),
		cmocka_unit_test(many_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
