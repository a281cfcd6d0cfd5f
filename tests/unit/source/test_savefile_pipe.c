#include "savefile_rig.h"

static void
send_all(int fd, const uint8_t *data, size_t len)
{
	assert_int_equal(write(fd, data, len), (ssize_t)len);
}

/* Begin to read a FIFO; the end to write to, opened after that. */
static int
start_fifo(struct rig *r, struct folder *f)
{
	int fd;

	r->paths[0] = new_name(f, "fifo");
	assert_int_equal(mkfifo(r->paths[0], 0600), 0);
	r->o.npaths = r->paths[1] != NULL ? 2 : 1;
	rig_start(r);
	fd = open(r->paths[0], O_WRONLY);
	assert_true(fd >= 0);
	return fd;
}

static void
wait_for(struct rig *r, uint64_t npackets)
{
	LOOPBACK_STEP_UNTIL(r->worker, fake_dissect->received == npackets);
}

/*
 * A byte at a time: each packet is delivered with its last byte, and nothing
 * waits for more.
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
	put_pcap(&o, 1000, two);
	fd = start_fifo(&r, &f);
	for (size_t i = 0; i < o.len; i++) {
		send_all(fd, o.data + i, 1);
		/* The first ends at 24 + 16 + 2. */
		wait_for(&r, (i >= 41 ? 1U : 0U) + (i == o.len - 1 ? 1U : 0U));
	}
	assert_string_equal(
	    fake_dissect_text(), "0 1 ? 1000 2/60 a\n0 1 ? 1001 3/60 c\n");
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
	fd = start_fifo(&r, &f);
	put_pcap(&o, 1000, two);
	send_all(fd, o.data, 50);
	LOOPBACK_STEP_UNTIL(r.worker, fake_dissect_log.len > 0);
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
	put_pcap(&o, 1000, two);
	r.paths[1] = add_file(&f, "2", o.data, o.len);
	fd = start_fifo(&r, &f);
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
add_large(struct folder *f, uint64_t *npackets, struct obuf *want)
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
		data[0] = (uint8_t)i;
		pcap_put_packet(&o, &fr);
		obuf_printf(want, "0 1 ? %zu %zu/%zu %c\n", i, fr.data_len,
		    fr.data_len, fr.data_len > 0 ? (char)data[0] : ' ');
		++*npackets;
	}
	return add_obuf(f, "large", &o);
}

static void
many_blocks(void **state)
{
	struct obuf want = { 0 };
	uint64_t npackets;
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = add_large(&f, &npackets, &want);
	r.o.npaths = 1;
	rig_start(&r);
	rig_wait(&r);
	rig_stop(&r);
	assert_int_equal(fake_dissect->received, npackets);
	assert_int_equal(fake_dissect_log.len, want.len);
	assert_memory_equal(fake_dissect_log.data, want.data, want.len);
	assert_string_equal(rig_trouble(&r), "");
	obuf_done(&want);
	rig_done(&r);
	folder_done(&f);
}

/* A sink that is full and wants to be waited for is waited for. */
static void
waits_for_a_sink(void **state)
{
	struct obuf want = { 0 };
	uint64_t npackets, before;
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = add_large(&f, &npackets, &want);
	obuf_done(&want);
	r.o.npaths = 1;
	fake_dissect_silent = true;
	r.fake.full = true;
	rig_start(&r);
	for (int i = 0; i < 50; i++)
		loopback_step(r.worker);
	assert_int_equal(fake_dissect->received, 0);
	/* Room for a moment: no more than a block is read. */
	r.fake.full = false;
	worker_room(r.worker);
	LOOPBACK_STEP_UNTIL(r.worker, fake_dissect->received > 0);
	r.fake.full = true;
	before = fake_dissect->received;
	for (int i = 0; i < 50; i++)
		loopback_step(r.worker);
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
	struct obuf want = { 0 };
	uint64_t npackets;
	struct folder f;
	struct rig r;

	(void)state;
	folder_init(&f);
	rig_init(&r);
	r.paths[0] = add_large(&f, &npackets, &want);
	obuf_done(&want);
	r.o.npaths = 1;
	r.fake.full = true;
	rig_start(&r);
	for (int i = 0; i < 50; i++)
		loopback_step(r.worker);
	rig_stop(&r);
	r.fake.full = false;
	worker_room(r.worker);
	for (int i = 0; i < 10; i++)
		loopback_step(r.worker);
	assert_int_equal(fake_dissect->received, 0);
	assert_int_equal(r.finished, 0);
	rig_done(&r);
	folder_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trickling_fifo),
		cmocka_unit_test(stopped_while_a_pipe_is_silent),
		cmocka_unit_test(damage_in_an_endless_pipe),
		cmocka_unit_test(many_blocks),
		cmocka_unit_test(waits_for_a_sink),
		cmocka_unit_test(stopped_while_a_sink_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
