#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "net/writer_tail.h"
#include "writer_rig.h"

/* Flows that take turns, in batches that are full: see writer_tail.h. */

#define MIB    ((size_t)1024 * 1024)
#define RECORD ((size_t)1000)

static int
set_up(void **state)
{
	(void)state;
	/* A limit of the process stands for a full disk. */
	(void)signal(SIGXFSZ, SIG_IGN);
	rig_init(&rig, 16 * MIB, 0);
	return 0;
}

static int
set_up_few_open(void **state)
{
	(void)state;
	rig_init(&rig, 16 * MIB, 2);
	return 0;
}

static int
set_up_small_queue(void **state)
{
	(void)state;
	rig_init(&rig, WRITER_BLOCK - 1, 0);
	return 0;
}

/**
 * struct flow - A file, and how long it is by now
 *
 * Its bytes are known by their place, and none of them is 0.
 */
struct flow {
	struct writer_file *file;
	char name[32];
	size_t len;
};

static uint8_t
byte_at(const struct flow *f, size_t at)
{
	return (uint8_t)(1 + (at * 7 + at / 251 + (uint8_t)f->name[1]) % 255);
}

static void
make_flows(struct flow *flow, size_t n, const char *letter)
{
	for (size_t i = 0; i < n; i++) {
		struct flow *f = &flow[i];

		*f = (struct flow){ .file = NULL };
		(void)snprintf(f->name, sizeof(f->name), "%s%zu", letter, i);
		f->file = rig_file(
		    &rig, f->name, (struct writer_file_opts){ .exact = true });
	}
}

static void
say(struct flow *f, size_t len)
{
	uint8_t bytes[RECORD];

	assert_true(len <= sizeof(bytes));
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(f, f->len + i);
	writer_put(rig.port, f->file, bytes, len, len);
	f->len += len;
}

/* Each of them says so much, @times; its payload. */
static size_t
take_turns(struct flow *flow, size_t n, size_t times)
{
	for (size_t t = 0; t < times; t++)
		for (size_t i = 0; i < n; i++)
			say(&flow[i], RECORD);
	return n * times * RECORD;
}

static void
close_flows(struct flow *flow, size_t n)
{
	for (size_t i = 0; i < n; i++)
		writer_close(rig.port, flow[i].file);
}

/* All that it said, and nothing else; to the byte. */
static void
check_flow(const struct flow *f)
{
	size_t len = 0;
	char *text = rig_read(&rig, f->name, &len);

	assert_non_null(text);
	assert_int_equal(len, f->len);
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] != byte_at(f, i))
			fail_msg("%s: byte %zu is wrong", f->name, i);
	free(text);
}

static void
check_flows(const struct flow *flow, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_flow(&flow[i]);
}

/* What this process has called write(2) and its relatives. */
static uint64_t
writes(void)
{
	FILE *io = fopen("/proc/self/io", "r");
	uint64_t n = 0;
	char line[80];

	assert_non_null(io);
	while (fgets(line, sizeof(line), io) != NULL)
		if (strncmp(line, "syscw: ", 7) == 0)
			n = strtoull(line + 7, NULL, 10);
	(void)fclose(io);
	return n;
}

#define MANY 400

/*
 * 40 records of each file fill two blocks and a half.  Written as they come
 * they cost a call for one or two of them.  A machine that is too slow lets
 * tails grow old, so it may try again.
 */
static void
blocks_are_written_whole(void **state)
{
	static struct flow flow[MANY];
	uint64_t deadline_ns = clock_mono_ns() + RIG_PATIENCE_NS, before;
	char letter[2] = "a";

	(void)state;
	do {
		size_t said = (size_t)count_get(&rig.count.written);

		assert_true(clock_mono_ns() < deadline_ns);
		make_flows(flow, MANY, letter);
		before = writes();
		said += take_turns(flow, MANY, 40);
		close_flows(flow, MANY);
		writer_flush(rig.port);
		rig_wait(&rig.count.written, said);
		check_flows(flow, MANY);
		letter[0]++;
	} while (writes() - before > (uint64_t)MANY * 8);
}

/* More than there may be tails: the oldest make room. */
static void
more_files_than_tails(void **state)
{
	static struct flow flow[WRITER_TAILS + 200];
	const size_t n = WRITER_TAILS + 200;
	size_t said;

	(void)state;
	make_flows(flow, n, "f");
	said = take_turns(flow, n, 20);
	close_flows(flow, n);
	rig_finish(&rig);
	assert_int_equal(count_get(&rig.count.written), said);
	check_flows(flow, n);
}

/* Nobody says any more to it, and nothing is closed. */
static void
what_is_left_comes_by_itself(void **state)
{
	struct flow flow[2];
	size_t said;

	(void)state;
	make_flows(flow, 2, "f");
	said = take_turns(&flow[0], 1, 100);
	said += take_turns(&flow[1], 1, 300);
	writer_flush(rig.port);
	rig_wait(&rig.count.written, said);
	check_flows(flow, 2);
	close_flows(flow, 2);
}

/* Whatever is done to the file is done behind its tail. */
static void
what_follows_comes_behind(void **state)
{
	struct flow flow[3];
	size_t len = 0;
	char *text, path[256];

	(void)state;
	make_flows(flow, 3, "f");
	(void)take_turns(flow, 3, 110);
	writer_hole(rig.port, flow[0].file, 10);
	writer_put(rig.port, flow[0].file, "end", 3, 3);
	writer_name(rig.port, flow[1].file, rig_path(&rig, "other", path));
	say(&flow[1], 7);
	(void)take_turns(&flow[2], 1, 300);
	close_flows(flow, 3);
	rig_finish(&rig);
	text = rig_read(&rig, "f0", &len);
	assert_non_null(text);
	assert_int_equal(len, flow[0].len + 13);
	assert_memory_equal(text + flow[0].len, "\0\0\0\0\0\0\0\0\0\0end", 13);
	assert_int_equal(
	    (uint8_t)text[flow[0].len - 1], byte_at(&flow[0], flow[0].len - 1));
	free(text);
	check_flow(&flow[2]);
	/* Its bytes are known by its name. */
	assert_null(rig_read(&rig, "f1", &len));
	text = rig_read(&rig, "other", &len);
	assert_non_null(text);
	assert_int_equal(len, flow[1].len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal((uint8_t)text[i], byte_at(&flow[1], i));
	free(text);
}

/* The bytes that are there, each in its place; the rest reads as zeros. */
static size_t
bytes_of(const struct flow *f)
{
	size_t len = 0, there = 0;
	char *text = rig_read(&rig, f->name, &len);

	assert_non_null(text);
	assert_true(len <= f->len);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == 0)
			continue;
		if ((uint8_t)text[i] != byte_at(f, i))
			fail_msg("%s: byte %zu is wrong", f->name, i);
		there++;
	}
	free(text);
	return there;
}

/* Full, and then there is room again. */
static void
fill(const char *letter, rlim_t most)
{
	struct flow flow[20];
	const struct count *lost = &rig.count.drop_bytes[DROP_WRITE_ERROR];
	uint64_t deadline_ns = clock_mono_ns() + RIG_PATIENCE_NS;
	uint64_t done = count_get(lost) + count_get(&rig.count.written);
	uint64_t written = count_get(&rig.count.written);
	size_t there = 0;

	make_flows(flow, 20, letter);
	rig_limit_files(most);
	done += take_turns(flow, 20, 200);
	writer_flush(rig.port);
	while (count_get(lost) + count_get(&rig.count.written) < done) {
		assert_true(clock_mono_ns() < deadline_ns);
		(void)poll(NULL, 0, 1);
	}
	rig_limit_files(RLIM_INFINITY);
	done += take_turns(flow, 20, 40);
	close_flows(flow, 20);
	writer_flush(rig.port);
	rig_wait(&rig.count.written, done - count_get(lost));
	for (size_t i = 0; i < 20; i++)
		there += bytes_of(&flow[i]);
	assert_int_equal(there, count_get(&rig.count.written) - written);
}

/* Within a tail, behind one, at the end of a block. */
static void
full_disk(void **state)
{
	static const rlim_t most[] = { 20000, 49152, 70001, 100000, 131071,
		150000, 175000, 199999 };
	char letter[2] = "a";

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		fill(letter, most[i]);
		letter[0]++;
	}
	assert_true(count_get(&rig.count.drop_bytes[DROP_WRITE_ERROR]) > 0);
}

/* What waits is counted when there is no time for it any more. */
static void
late_tails_are_counted(void **state)
{
	struct flow flow[30];
	uint64_t deadline_ns = clock_mono_ns() + RIG_PATIENCE_NS;
	size_t said;

	(void)state;
	make_flows(flow, 30, "f");
	said = take_turns(flow, 30, 300);
	close_flows(flow, 30);
	while (count_get(&rig.count.written) == 0)
		assert_true(clock_mono_ns() < deadline_ns);
	assert_int_equal(writer_drain(rig.w, 1), 0);
	writer_port_free(rig.port);
	writer_free(rig.w);
	rig.w = NULL;
	assert_int_equal(count_get(&rig.count.written) +
			     count_get(&rig.count.drop_bytes[DROP_CLOSING]),
	    said);
}

/* Also where nobody closes the files. */
static void
what_waits_at_the_end_is_written(void **state)
{
	struct flow flow[5];
	size_t said;

	(void)state;
	make_flows(flow, 5, "f");
	said = take_turns(flow, 5, 105);
	rig_finish(&rig);
	assert_int_equal(count_get(&rig.count.written), said);
	check_flows(flow, 5);
	for (size_t i = 0; i < 5; i++)
		writer_file_free(flow[i].file);
}

/*
 * The thread hangs in a pipe that nobody reads while there are tails.  What is
 * left behind has to stay reachable.
 */
static struct rig stuck;

static void
tails_left_behind_are_counted(void **state)
{
	static struct flow flow[5];
	static uint8_t much[1 << 18];
	static struct writer_file *pipe;
	size_t said;
	uint64_t late;
	int fd[2];

	(void)state;
	rig_init(&stuck, 16 * MIB, 0);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	pipe = writer_file_new(&(struct writer_file_opts){ .fd = fd[1] });
	assert_non_null(pipe);
	rig = stuck;
	make_flows(flow, 5, "f");
	rig.port = stuck.port;
	said = take_turns(flow, 5, 60);
	writer_put(stuck.port, pipe, much, sizeof(much), sizeof(much));
	said += sizeof(much);
	writer_flush(stuck.port);
	assert_int_equal(
	    poll(&(struct pollfd){ .fd = fd[0], .events = POLLIN }, 1, 20000),
	    1);
	assert_int_equal(
	    writer_drain(stuck.w, clock_mono_ns() + 50 * CLOCK_NS_PER_MS),
	    -ETIMEDOUT);
	late = rig_dropped(&stuck, DROP_CLOSING);
	assert_int_equal(count_get(&stuck.count.written) + late, said);
	/* Set free, it changes nothing any more. */
	assert_int_equal(close(fd[0]), 0);
	assert_int_equal(rig_dropped(&stuck, DROP_CLOSING), late);
	/* The rest of the rig is the thread's. */
	assert_int_equal(
	    nftw(stuck.dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* A port that goes has written everything. */
static void
port_waits_for_its_tails(void **state)
{
	struct flow flow[5];
	size_t said;

	(void)state;
	make_flows(flow, 5, "f");
	said = take_turns(flow, 5, 105);
	writer_port_free(rig.port);
	assert_int_equal(count_get(&rig.count.written), said);
	check_flows(flow, 5);
	rig.port = writer_port_new(rig.w, NULL, &rig.count);
	assert_non_null(rig.port);
	close_flows(flow, 5);
}

/* Also where files are shut and opened again all the time. */
static void
files_that_were_shut(void **state)
{
	struct flow flow[50];
	size_t said;

	(void)state;
	make_flows(flow, 50, "f");
	said = take_turns(flow, 50, 60);
	close_flows(flow, 50);
	rig_finish(&rig);
	assert_int_equal(count_get(&rig.count.written), said);
	check_flows(flow, 50);
}

#define ROUNDS 30

/* All of what it was called so far, one after the other. */
static void
check_parts(const struct flow *f)
{
	size_t at = 0;

	for (int i = 0; i <= ROUNDS; i++) {
		char name[64];
		size_t len = 0;
		char *text;

		(void)snprintf(name, sizeof(name), "%s.%d", f->name, i);
		text = rig_read(&rig, i == ROUNDS ? f->name : name, &len);
		for (size_t k = 0; text != NULL && k < len; k++)
			if ((uint8_t)text[k] != byte_at(f, at + k))
				fail_msg("%s: byte %zu is wrong", name, k);
		at += len;
		free(text);
	}
	assert_int_equal(at, f->len);
}

/* SIGHUP in the middle of it, and files were moved away before. */
static void
files_that_were_opened_anew(void **state)
{
	struct flow flow[10];

	(void)state;
	make_flows(flow, 10, "f");
	(void)take_turns(flow, 10, 1);
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 10 * RECORD);
	for (int i = 0; i < ROUNDS; i++) {
		(void)take_turns(flow, 10, 33);
		for (size_t k = 0; k < 10; k++) {
			char from[256], to[270];

			(void)rig_path(&rig, flow[k].name, from);
			(void)snprintf(to, sizeof(to), "%s.%d", from, i);
			assert_int_equal(rename(from, to), 0);
		}
		writer_reopen(rig.w);
		/* That is done when there is nothing else to do. */
		for (size_t k = 0; k < 10; k++)
			rig_wait_for(&rig, flow[k].name);
	}
	close_flows(flow, 10);
	rig_finish(&rig);
	for (size_t i = 0; i < 10; i++)
		check_parts(&flow[i]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_UP(blocks_are_written_whole, set_up),
		RIG_UP(more_files_than_tails, set_up),
		RIG_UP(what_is_left_comes_by_itself, set_up),
		RIG_UP(what_follows_comes_behind, set_up),
		RIG_UP(full_disk, set_up),
		RIG_UP(late_tails_are_counted, set_up),
		RIG_UP(what_waits_at_the_end_is_written, set_up),
		cmocka_unit_test(tails_left_behind_are_counted),
		RIG_UP(port_waits_for_its_tails, set_up),
		RIG_UP(files_that_were_shut, set_up_few_open),
		RIG_UP(files_that_were_shut, set_up_small_queue),
		RIG_UP(files_that_were_opened_anew, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
