#include "../core/fake_sink.h"
#include "../net/loopback.h"
#include "fake_dissect.h"

#include <sys/stat.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "core/fanout.h"
#include "core/tally.h"
#include "net/worker.h"
#include "source/savefile.h"
#include "wire/pcap.h"
#include "wire/pcapng.h"

/* --- files ------------------------------------------------------------- */

/** struct folder - Where a test's files lie; they go away with it. */
struct folder {
	char path[64];
	char *names[8];
	size_t n;
};

static void
folder_init(struct folder *f)
{
	(void)snprintf(f->path, sizeof(f->path), "/tmp/test_savefile.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->n = 0;
}

static void
folder_done(struct folder *f)
{
	for (size_t i = 0; i < f->n; i++) {
		assert_int_equal(unlink(f->names[i]), 0);
		free(f->names[i]);
	}
	assert_int_equal(rmdir(f->path), 0);
}

static const char *
new_name(struct folder *f, const char *name)
{
	assert_true(f->n < ATTR_COUNT(f->names));
	assert_true(asprintf(&f->names[f->n], "%s/%s", f->path, name) > 0);
	return f->names[f->n++];
}

static const char *
add_file(struct folder *f, const char *name, const void *data, size_t len)
{
	const char *path = new_name(f, name);
	FILE *file = fopen(path, "wbx");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *
add_obuf(struct folder *f, const char *name, struct obuf *o)
{
	const char *path = add_file(f, name, o->data, o->len);

	obuf_done(o);
	return path;
}

static struct frame
frame(uint64_t ts_ns, const char *data, size_t wire_len)
{
	return (struct frame){
		.ts_ns = ts_ns,
		.data = (const uint8_t *)data,
		.data_len = strlen(data),
		.wire_len = wire_len,
	};
}

static void
put_pcap(struct obuf *o, uint64_t first_ns, const char *const *packets)
{
	pcap_put_file(o, 1, 65535);
	for (size_t i = 0; packets[i] != NULL; i++) {
		struct frame f = frame(first_ns + i, packets[i], 60);

		pcap_put_packet(o, &f);
	}
}

static void
put_pcapng(struct obuf *o, uint64_t first_ns, const char *const *packets)
{
	pcapng_put_section(o, &(struct pcapng_section){ 0 });
	for (unsigned i = 0; i < 2; i++)
		pcapng_put_interface(o, &(struct pcapng_interface){
					    .linktype = (uint16_t)(101 + i),
					    .name = i == 0 ? "eth0" : "eth1",
					});
	for (uint32_t i = 0; packets[i] != NULL; i++) {
		struct frame f = frame(first_ns + i, packets[i], 60);

		pcapng_put_packet(o, i % 2, &f);
	}
}

/* --- a run ------------------------------------------------------------- */

/** struct rig - A worker whose loop the test turns, and a source on it. */
struct rig {
	struct fake fake;
	struct fanout *fan;
	struct worker *worker;
	struct source *src;
	struct savefile_opts o;
	const char *paths[8];
	unsigned finished;
	unsigned stopped;
	struct obuf trouble;
};

static void
on_finished(void *self)
{
	struct rig *r = self;

	assert_int_equal(r->stopped, 0);
	r->finished++;
}

static void
on_stopped(void *self)
{
	struct rig *r = self;

	r->stopped++;
}

static void
on_trouble(void *self, const char *text)
{
	struct rig *r = self;

	obuf_printf(&r->trouble, "%s\n", text);
}

static void
rig_init(struct rig *r)
{
	struct sink *sinks[] = { &r->fake.sink };
	struct err err;

	memset(r, 0, sizeof(*r));
	fake_dissect_reset();
	clock_init();
	fake_init(&r->fake, NEED_MEMORY, ON_FULL_PAUSE);
	r->fan = fanout_new(sinks, 1, NULL, &err);
	r->worker = worker_new(0, &err);
	assert_non_null(r->fan);
	assert_non_null(r->worker);
	r->o.paths = r->paths;
	r->o.events = (struct source_events){
		.finished = on_finished,
		.stopped = on_stopped,
		.trouble = on_trouble,
		.self = r,
	};
}

static void
rig_start(struct rig *r)
{
	struct err err = { "" };
	int code = 0;

	r->src = savefile_new(&r->o, &code, &err);
	if (r->src == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(r->src->ops->name, "read");
	assert_true(r->src->ops->packets);
	assert_int_equal(
	    r->src->ops->attach(r->src, &r->worker, &r->fan, 1, &err), 0);
	r->src->ops->start(r->src);
}

static void
rig_wait(struct rig *r)
{
	LOOPBACK_UNTIL(worker_loop(r->worker), r->finished > 0);
}

static void
rig_stop(struct rig *r)
{
	r->src->ops->stop(r->src, 0);
	LOOPBACK_UNTIL(worker_loop(r->worker), r->stopped > 0);
	assert_int_equal(fake_dissect_stops, 1);
}

static void
rig_done(struct rig *r)
{
	worker_free(r->worker);
	r->src->ops->free(r->src);
	fanout_free(r->fan);
	obuf_done(&r->trouble);
	obuf_done(&fake_dissect_log);
}

static const char *
rig_trouble(struct rig *r)
{
	obuf_putc(&r->trouble, '\0');
	r->trouble.len--;
	return (const char *)r->trouble.data;
}

/* Read the paths there are; expect what @want and @trouble say. */
static void
rig_run(struct rig *r, const char *want, const char *trouble)
{
	for (r->o.npaths = 0; r->paths[r->o.npaths] != NULL;)
		r->o.npaths++;
	rig_start(r);
	rig_wait(r);
	assert_int_equal(r->finished, 1);
	assert_int_equal(r->stopped, 0);
	rig_stop(r);
	assert_int_equal(r->finished, 1);
	assert_string_equal(fake_dissect_text(), want);
	assert_string_equal(rig_trouble(r), trouble);
	assert_int_equal(r->src->ops->failed(r->src), trouble[0] != '\0');
}

/* --- tests ------------------------------------------------------------- */

static const char *const two[] = { "ab", "cde", NULL };

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
	rig_run(&r,
	    "0 1 ? 0 2/60 +\n0 1 ? 1 2/60 +\n0 1 ? 2 2/60 +\n"
	    "0 1 ? 3 2/60 -\n0 1 ? 4 1/60 x\n0 1 ? 5 2/60 -\n",
	    "");
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

/* --- pipes ------------------------------------------------------------- */

static void
send_all(int fd, const uint8_t *data, size_t len)
{
	assert_int_equal(write(fd, data, len), (ssize_t)len);
}

/*
 * A FIFO, opened before there is a writer, that gives a byte at a time: each
 * packet is delivered with its last byte, and nothing waits for more.
 */
static void
trickling_fifo(void **state)
{
	struct savefile_progress p;
	struct obuf o = { 0 };
	struct folder f;
	struct rig r;
	int fd;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = new_name(&f, "fifo");
	assert_int_equal(mkfifo(r.paths[0], 0600), 0);
	r.o.npaths = 1;
	rig_start(&r);
	fd = open(r.paths[0], O_WRONLY);
	assert_true(fd >= 0);
	put_pcap(&o, 1000, two);
	for (size_t i = 0; i < o.len; i++) {
		const char *want = i < 41          ? ""
				   : i < o.len - 1 ? "0 1 ? 1000 2/60 a\n"
						   : "0 1 ? 1000 2/60 a\n"
						     "0 1 ? 1001 3/60 c\n";

		send_all(fd, o.data + i, 1);
		LOOPBACK_UNTIL(worker_loop(r.worker),
		    strcmp(fake_dissect_text(), want) == 0);
	}
	assert_int_equal(r.finished, 0);
	savefile_progress(r.src, &p);
	assert_int_equal(p.total, 0);
	assert_int_equal(p.done, o.len);
	assert_int_equal(close(fd), 0);
	rig_wait(&r);
	assert_string_equal(rig_trouble(&r), "");
	rig_stop(&r);
	rig_done(&r);
	obuf_done(&o);
	folder_done(&f);
}

/* Nothing comes, and still it stops when it is told to. */
static void
stopped_while_a_pipe_is_silent(void **state)
{
	struct obuf o = { 0 };
	struct folder f;
	struct rig r;
	int fd;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = new_name(&f, "fifo");
	assert_int_equal(mkfifo(r.paths[0], 0600), 0);
	r.o.npaths = 1;
	rig_start(&r);
	fd = open(r.paths[0], O_WRONLY);
	assert_true(fd >= 0);
	put_pcap(&o, 1000, two);
	send_all(fd, o.data, 50);
	LOOPBACK_UNTIL(worker_loop(r.worker), fake_dissect_log.len > 0);
	rig_stop(&r);
	assert_int_equal(r.finished, 0);
	assert_string_equal(rig_trouble(&r), "");
	rig_done(&r); /* joins the thread */
	assert_int_equal(close(fd), 0);
	obuf_done(&o);
	folder_done(&f);
}

/* Damage in a pipe that goes on for ever: it is left for the next file. */
static void
damage_in_an_endless_pipe(void **state)
{
	struct obuf o = { 0 };
	struct folder f;
	struct rig r;
	int fd;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = new_name(&f, "fifo");
	assert_int_equal(mkfifo(r.paths[0], 0600), 0);
	put_pcap(&o, 1000, two);
	r.paths[1] = add_file(&f, "2", o.data, o.len);
	r.o.npaths = 2;
	rig_start(&r);
	fd = open(r.paths[0], O_WRONLY);
	assert_true(fd >= 0);
	bytes_put_le32(o.data + 42 + 8, UINT32_MAX);
	send_all(fd, o.data, o.len);
	rig_wait(&r);
	assert_string_equal(fake_dissect_text(),
	    "0 1 ? 1000 2/60 a\n1 1 ? 1000 2/60 a\n1 1 ? 1001 3/60 c\n");
	assert_non_null(strstr(rig_trouble(&r), "/fifo: pcap record 2 at "));
	rig_stop(&r);
	rig_done(&r);
	assert_int_equal(close(fd), 0);
	obuf_done(&o);
	folder_done(&f);
}

/* --- blocks ------------------------------------------------------------ */

/* Records of odd lengths across many blocks, one longer than two of them. */
static const char *
add_large(struct folder *f, uint64_t *npackets)
{
	static uint8_t data[3 << 20];
	struct obuf o = { 0 };

	pcap_put_file(&o, 1, sizeof(data));
	*npackets = 0;
	for (size_t i = 0; o.len < (size_t)12 << 20; i++) {
		struct frame fr = {
			.ts_ns = i,
			.data = data,
			.data_len = i == 3000 ? sizeof(data) : i * 7919 % 3000,
		};

		fr.wire_len = fr.data_len;
		/* Its first and last byte say which one it is. */
		data[0] = (uint8_t)i;
		if (fr.data_len > 0)
			data[fr.data_len - 1] = (uint8_t)i;
		pcap_put_packet(&o, &fr);
		++*npackets;
	}
	return add_obuf(f, "large", &o);
}

static void
many_blocks(void **state)
{
	uint64_t npackets, found = 0;
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = add_large(&f, &npackets);
	r.o.npaths = 1;
	rig_start(&r);
	rig_wait(&r);
	rig_stop(&r);
	for (const char *line = fake_dissect_text(); *line != '\0'; found++) {
		unsigned long ts, len, wire;

		assert_int_equal(
		    sscanf(line, "0 1 ? %lu %lu/%lu ", &ts, &len, &wire), 3);
		assert_int_equal(ts, found);
		assert_int_equal(
		    len, found == 3000 ? 3 << 20 : found * 7919 % 3000);
		assert_int_equal(len, wire);
		line = strchr(line, '/');
		line = strchr(line, ' ') + 1;
		assert_int_equal((uint8_t)*line, len > 0 ? found & 0xff : ' ');
		line += 2; /* the byte may be a newline itself */
	}
	assert_int_equal(found, npackets);
	assert_string_equal(rig_trouble(&r), "");
	rig_done(&r);
	folder_done(&f);
}

/* A sink that is full and wants to be waited for is waited for. */
static void
waits_for_a_sink(void **state)
{
	uint64_t npackets, before;
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = add_large(&f, &npackets);
	r.o.npaths = 1;
	fake_dissect_silent = true;
	r.fake.full = true;
	rig_start(&r);
	for (int i = 0; i < 50; i++)
		loopback_turn(worker_loop(r.worker));
	assert_int_equal(fake_dissect->received, 0);
	/* Room for a moment: no more than a block is read. */
	r.fake.full = false;
	worker_room(r.worker);
	LOOPBACK_UNTIL(worker_loop(r.worker), fake_dissect->received > 0);
	r.fake.full = true;
	before = fake_dissect->received;
	for (int i = 0; i < 50; i++)
		loopback_turn(worker_loop(r.worker));
	assert_true(fake_dissect->received - before < npackets / 4);
	assert_int_equal(r.finished, 0);
	r.fake.full = false;
	worker_room(r.worker);
	rig_wait(&r);
	assert_int_equal(fake_dissect->received, npackets);
	rig_stop(&r);
	rig_done(&r);
	folder_done(&f);
}

/* Told to stop while it waits; and room that comes too late does nothing. */
static void
stopped_while_a_sink_is_full(void **state)
{
	uint64_t npackets;
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = add_large(&f, &npackets);
	r.o.npaths = 1;
	r.fake.full = true;
	rig_start(&r);
	for (int i = 0; i < 50; i++)
		loopback_turn(worker_loop(r.worker));
	rig_stop(&r);
	r.fake.full = false;
	worker_room(r.worker);
	for (int i = 0; i < 10; i++)
		loopback_turn(worker_loop(r.worker));
	assert_int_equal(fake_dissect->received, 0);
	assert_int_equal(r.finished, 0);
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
		cmocka_unit_test(trickling_fifo),
		cmocka_unit_test(stopped_while_a_pipe_is_silent),
		cmocka_unit_test(damage_in_an_endless_pipe),
		cmocka_unit_test(many_blocks),
		cmocka_unit_test(waits_for_a_sink),
		cmocka_unit_test(stopped_while_a_sink_is_full),
		cmocka_unit_test(never_started),
		cmocka_unit_test(many_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
