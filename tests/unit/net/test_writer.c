#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "writer_rig.h"

#include "net/worker.h"

#define LIMIT ((size_t)1 << 20)

static int
set_up(void **state)
{
	(void)state;
	rig_init(&rig, LIMIT, 0);
	return 0;
}

static struct writer_file *
plain(const char *name)
{
	return rig_file(&rig, name, (struct writer_file_opts){ 0 });
}

static void
records_of_many_files_stay_in_order(void **state)
{
	struct writer_file *a = plain("a"), *b = plain("b");

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%03u;", i);
		rig_say(&rig, i % 3 == 0 ? a : b, text);
	}
	writer_close(rig.port, a);
	writer_close(rig.port, b);
	rig_finish(&rig);
	for (unsigned i = 0; i < 200; i++) {
		char want[16], *text;
		size_t len;
		size_t at = i % 3 == 0 ? i / 3 : i - i / 3 - 1;

		(void)snprintf(want, sizeof(want), "%03u;", i);
		text = rig_read(&rig, i % 3 == 0 ? "a" : "b", &len);
		assert_non_null(text);
		assert_true(at * 4 + 4 <= len);
		assert_memory_equal(text + at * 4, want, 4);
		free(text);
	}
}

static void
records_are_built_in_place(void **state)
{
	struct writer_file *f = plain("f");
	struct obuf *o = writer_begin(rig.port);

	(void)state;
	obuf_puts(o, "one ");
	obuf_printf(o, "%d;", 2);
	writer_end(rig.port, f, 100);
	/* Taken back: only the payload counts. */
	o = writer_begin(rig.port);
	obuf_puts(o, "three");
	o->len -= 5;
	writer_end(rig.port, f, 50);
	o = writer_begin(rig.port);
	obuf_puts(o, "four");
	writer_end(rig.port, f, 0);
	writer_close(rig.port, f);
	rig_finish(&rig);
	rig_assert_file(&rig, "f", "one 2;four");
	assert_int_equal(count_get(&rig.count.written), 150);
}

static void
batch_goes_at_once_then_in_intervals(void **state)
{
	struct writer_file *f = plain("f");
	const uint64_t t = 100 * CLOCK_NS_PER_S;

	(void)state;
	assert_int_equal(writer_turn(rig.port, t), CLOCK_NEVER);
	rig_say(&rig, f, "first");
	assert_int_equal(writer_turn(rig.port, t), CLOCK_NEVER);
	rig_wait(&rig.count.written, 5);
	/* Within the interval it waits for its end. */
	rig_say(&rig, f, "second");
	assert_int_equal(writer_turn(rig.port, t + 1), t + WRITER_AGE_NS);
	rig_say(&rig, f, "third");
	assert_int_equal(
	    writer_turn(rig.port, t + WRITER_AGE_NS - 1), t + WRITER_AGE_NS);
	assert_int_equal(count_get(&rig.count.written), 5);
	assert_int_equal(writer_turn(rig.port, t + WRITER_AGE_NS), CLOCK_NEVER);
	rig_wait(&rig.count.written, 16);
	/* Payload without bytes is a reason to hand over, too. */
	writer_put(rig.port, f, "", 0, 3);
	assert_int_equal(
	    writer_turn(rig.port, t + 3 * WRITER_AGE_NS), CLOCK_NEVER);
	rig_wait(&rig.count.written, 19);
	writer_close(rig.port, f);
}

static void
full_batch_does_not_wait_for_a_turn(void **state)
{
	static uint8_t bytes[WRITER_BATCH];
	struct writer_file *f = plain("f");

	(void)state;
	writer_put(rig.port, f, bytes, WRITER_BATCH / 2, WRITER_BATCH / 2);
	assert_int_equal(count_get(&rig.count.written), 0);
	writer_put(rig.port, f, bytes, WRITER_BATCH / 2, WRITER_BATCH / 2);
	rig_wait(&rig.count.written, WRITER_BATCH);
	writer_close(rig.port, f);
}

/* -- several ports ------------------------------------------------------ */

#define TALKERS 2
#define RECORDS 3000

struct talker {
	struct writer_port *port;
	struct writer_file *file;
	struct sink_count count;
	char letter;
	uint64_t payload;
};

/* Records of different lengths, all of one letter, ended by a newline. */
static void *
talk(void *self)
{
	struct talker *t = self;
	char text[500];

	memset(text, t->letter, sizeof(text));
	for (unsigned i = 0; i < RECORDS; i++) {
		struct obuf *o = writer_begin(t->port);
		size_t n = 1 + (size_t)i * 37 % sizeof(text);

		obuf_put(o, text, n / 2);
		obuf_put(o, text, n - n / 2);
		obuf_putc(o, '\n');
		writer_end(t->port, t->file, n);
		t->payload += n;
		if (i % 64 == 0)
			writer_flush(t->port);
	}
	return NULL;
}

/* Each line has one letter, and the lengths that its talker gave. */
static void
check_lines(const char *text, size_t len, const struct talker *t)
{
	unsigned seen[TALKERS] = { 0 };
	const char *end = text + len, *nl;

	for (; text < end; text = nl + 1) {
		unsigned who = text[0] == t[0].letter ? 0 : 1;
		size_t want = 1 + (size_t)seen[who] * 37 % 500;

		nl = memchr(text, '\n', (size_t)(end - text));
		assert_non_null(nl);
		assert_int_equal(nl - text, want);
		for (const char *p = text; p < nl; p++)
			assert_int_equal(*p, t[who].letter);
		seen[who]++;
	}
	assert_int_equal(seen[0], RECORDS);
	assert_int_equal(seen[1], RECORDS);
}

static void
records_of_two_ports_never_mix(void **state)
{
	static struct talker t[TALKERS];
	struct writer_file *f = plain("f");
	pthread_t thread[TALKERS];
	size_t len = 0;
	char *text;

	(void)state;
	for (unsigned i = 0; i < TALKERS; i++) {
		t[i].port = writer_port_new(rig.w, NULL, &t[i].count);
		assert_non_null(t[i].port);
		t[i].file = f;
		t[i].letter = (char)('a' + i);
		assert_int_equal(
		    pthread_create(&thread[i], NULL, talk, &t[i]), 0);
	}
	for (unsigned i = 0; i < TALKERS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	/* One port is drained, the other one freed before. */
	writer_port_free(t[0].port);
	assert_int_equal(
	    writer_drain(rig.w, clock_mono_ns() + RIG_PATIENCE_NS), 0);
	writer_port_free(t[1].port);
	writer_port_free(rig.port);
	writer_free(rig.w);
	rig.w = NULL;
	writer_file_free(f);
	for (unsigned i = 0; i < TALKERS; i++)
		assert_int_equal(count_get(&t[i].count.written), t[i].payload);
	text = rig_read(&rig, "f", &len);
	assert_non_null(text);
	check_lines(text, len, t);
	free(text);
}

/* -- failures ----------------------------------------------------------- */

static void
full_disk_leaves_whole_records(void **state)
{
	struct writer_file *f = plain("f");

	(void)state;
	rig_limit_files(20);
	rig_say(&rig, f, "eight 1;");
	rig_say(&rig, f, "eight 2;");
	rig_say(&rig, f, "eight 3;");
	rig_say(&rig, f, "four");
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 16);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 12);
	assert_int_equal(
	    count_get(&rig.count.drop_chunks[DROP_WRITE_ERROR]), 2);
	rig_assert_file(&rig, "f", "eight 1;eight 2;");
	/* It stays full: nobody is told again. */
	rig_say(&rig, f, "eight 4;");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 20);
	assert_int_equal(rig_ntold(&rig), 1);
	rig_limit_files(RLIM_INFINITY);
	rig_say(&rig, f, "eight 5;");
	writer_flush(rig.port);
	rig_wait(&rig.count.written, 24);
	writer_close(rig.port, f);
	rig_finish(&rig);
	rig_assert_file(&rig, "f", "eight 1;eight 2;eight 5;");
	assert_int_equal(rig.ntold, 2);
	assert_non_null(strstr(rig.told, "test: cannot write /tmp/"));
	assert_non_null(strstr(rig.told, strerror(EFBIG)));
	assert_non_null(strstr(rig.told, "writing again"));
}

static void
exact_file_keeps_its_offsets(void **state)
{
	struct writer_file_opts o = { .exact = true };
	struct writer_file *f = rig_file(&rig, "f", o);
	size_t len = 0;
	char *text;

	(void)state;
	rig_limit_files(6);
	rig_say(&rig, f, "abcd");
	rig_say(&rig, f, "efgh");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 4);
	rig_assert_file(&rig, "f", "abcd");
	rig_limit_files(RLIM_INFINITY);
	rig_say(&rig, f, "ijkl");
	writer_close(rig.port, f);
	rig_finish(&rig);
	text = rig_read(&rig, "f", &len);
	assert_non_null(text);
	assert_int_equal(len, 12);
	assert_memory_equal(text, "abcd\0\0\0\0ijkl", 12);
	free(text);
}

static void
head_that_did_not_fit_is_tried_again(void **state)
{
	struct writer_file_opts o = { .head = "HEAD;", .head_len = 5 };
	struct writer_file *f = rig_file(&rig, "f", o);

	(void)state;
	rig_limit_files(3);
	rig_say(&rig, f, "lost");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 4);
	rig_assert_file(&rig, "f", "");
	rig_limit_files(RLIM_INFINITY);
	rig_say(&rig, f, "kept");
	writer_close(rig.port, f);
	rig_finish(&rig);
	rig_assert_file(&rig, "f", "HEAD;kept");
}

/* The same of a part that comes later: no record stands before it. */
static void
later_head_comes_before_what_follows(void **state)
{
	struct writer_file_opts o = { .head = "A;", .head_len = 2 };
	struct writer_file *f = rig_file(&rig, "f", o);

	(void)state;
	rig_limit_files(6);
	rig_say(&rig, f, "one;");
	assert_int_equal(writer_head(rig.port, f, "B;", 2), 0);
	rig_say(&rig, f, "two;");
	writer_flush(rig.port);
	rig_wait(&rig.count.drop_bytes[DROP_WRITE_ERROR], 4);
	rig_assert_file(&rig, "f", "A;one;");
	rig_limit_files(RLIM_INFINITY);
	rig_say(&rig, f, "three;");
	writer_lose(rig.port, 7);
	writer_close(rig.port, f);
	rig_finish(&rig);
	rig_assert_file(&rig, "f", "A;one;B;three;");
	assert_int_equal(rig_dropped(&rig, DROP_WRITE_ERROR), 11);
	assert_int_equal(
	    count_get(&rig.count.drop_chunks[DROP_WRITE_ERROR]), 2);
}

static void
folder_that_cannot_be_made_is_reported_once(void **state)
{
	struct writer_file *f = plain("file/below"), *g = plain("file");

	(void)state;
	rig_say(&rig, g, "in the way");
	rig_say(&rig, f, "lost");
	writer_close(rig.port, f);
	writer_close(rig.port, g);
	rig_finish(&rig);
	rig_assert_file(&rig, "file", "in the way");
	assert_int_equal(count_get(&rig.count.written), 10);
	assert_int_equal(rig_dropped(&rig, DROP_WRITE_ERROR), 4);
	assert_int_equal(rig.ntold, 1);
}

/* -- readers that stop -------------------------------------------------- */

/* Feed a pipe that nobody reads until the queue is full. */
static size_t
feed_until_full(struct rig *r, struct writer_file *f)
{
	static char bytes[8192];
	size_t fed = 0;

	while (!writer_full(r->port)) {
		writer_put(r->port, f, bytes, sizeof(bytes), sizeof(bytes));
		fed += sizeof(bytes);
		assert_true(fed < 4 * LIMIT);
	}
	return fed;
}

static void
short_writes_are_carried_on(void **state)
{
	struct writer_file *f;
	int fd[2];
	size_t fed;

	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	/* Non-blocking as somebody who shares the terminal may make it. */
	assert_int_equal(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	f = rig_given(fd[1]);
	fed = feed_until_full(&rig, f);
	assert_true(fed >= LIMIT / 2);
	writer_flush(rig.port);
	rig_read_all(fd[0], fed);
	rig_wait(&rig.count.written, fed);
	assert_false(writer_full(rig.port));
	writer_close(rig.port, f);
	rig_finish(&rig);
	assert_int_equal(close(fd[1]), 0);
	assert_int_equal(close(fd[0]), 0);
}

struct room {
	struct worker_waiter waiter;
	struct mail mail;
	struct worker *worker;
	struct writer_port *port;
	_Atomic bool called;
	bool full;
};

static void
on_room(struct worker_waiter *waiter)
{
	struct room *r = ATTR_CONTAINER(waiter, struct room, waiter);

	r->full = writer_full(r->port);
	atomic_store(&r->called, true);
}

static void
on_begin_waiting(struct mail *m)
{
	struct room *r = ATTR_CONTAINER(m, struct room, mail);

	worker_wait_room(r->worker, &r->waiter);
}

static void
worker_hears_of_room_once_half_is_gone(void **state)
{
	static struct room room = { .mail.deliver = on_begin_waiting,
		.waiter.room = on_room };
	struct sink_count count = { 0 };
	struct rig mine = { .w = rig.w };
	struct writer_file *f;
	struct err err;
	size_t fed;
	int fd[2];

	(void)state;
	room.worker = worker_new(0, &err);
	assert_non_null(room.worker);
	list_init(&room.waiter.node);
	assert_int_equal(worker_start(room.worker, &err), 0);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	f = rig_given(fd[1]);
	mine.port = writer_port_new(rig.w, room.worker, &count);
	assert_non_null(mine.port);
	room.port = mine.port;

	fed = feed_until_full(&mine, f);
	writer_flush(mine.port);
	worker_post(room.worker, &room.mail);
	/* A little room is not yet worth waking anybody. */
	rig_read_all(fd[0], LIMIT / 4);
	assert_false(atomic_load(&room.called));
	rig_read_all(fd[0], fed - LIMIT / 4);
	for (uint64_t end = clock_mono_ns() + RIG_PATIENCE_NS;
	     !atomic_load(&room.called);) {
		assert_true(clock_mono_ns() < end);
		(void)poll(NULL, 0, 1);
	}
	assert_false(room.full);
	worker_stop(room.worker);
	worker_join(room.worker);
	rig_wait(&count.written, fed);
	writer_close(mine.port, f);
	assert_int_equal(
	    writer_drain(rig.w, clock_mono_ns() + RIG_PATIENCE_NS), 0);
	writer_port_free(mine.port);
	worker_free(room.worker);
	writer_port_free(rig.port);
	writer_free(rig.w);
	rig.w = NULL;
	assert_int_equal(close(fd[1]), 0);
	assert_int_equal(close(fd[0]), 0);
}

static void
full_counts_the_own_batch(void **state)
{
	static char bytes[4096];
	struct writer_file *f = plain("f");
	struct rig small;

	(void)state;
	rig_init(&small, 1000, 0);
	assert_false(writer_full(small.port));
	writer_close(rig.port, f);
	f = rig_file(&small, "f", (struct writer_file_opts){ 0 });
	/* A record is never split, so the first one may be over the limit. */
	writer_put(small.port, f, bytes, sizeof(bytes), sizeof(bytes));
	rig_wait(&small.count.written, sizeof(bytes));
	writer_put(small.port, f, bytes, 100, 100);
	assert_false(writer_full(small.port));
	writer_close(small.port, f);
	rig_done(&small);
}

static void
past_deadline_the_queue_is_counted_and_let_go(void **state)
{
	uint64_t written, late;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%u", i);
		struct writer_file *f = plain(name);

		rig_say(&rig, f, "0123456789");
		writer_close(rig.port, f);
	}
	assert_int_equal(writer_drain(rig.w, 1), 0);
	written = count_get(&rig.count.written);
	late = rig_dropped(&rig, DROP_CLOSING);
	assert_int_equal(written, 0);
	assert_int_equal(late, 200);
	assert_int_equal(count_get(&rig.count.drop_chunks[DROP_CLOSING]), 20);
	writer_port_free(rig.port);
	writer_free(rig.w);
	rig.w = NULL;
	rig_assert_file(&rig, "f0", NULL);
}

/*
 * Whatever is left behind has to stay reachable, as it is in the program.
 */
static struct rig stuck;

static void
thread_held_by_the_kernel_is_left_behind(void **state)
{
	struct writer_file *f;
	uint64_t begin_ns, took_ns, late;
	size_t fed;
	int fd[2];

	(void)state;
	rig_init(&stuck, LIMIT, 0);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	f = rig_given(fd[1]);
	fed = feed_until_full(&stuck, f);
	begin_ns = clock_mono_ns();
	assert_int_equal(
	    writer_drain(stuck.w, begin_ns + 200 * CLOCK_NS_PER_MS),
	    -ETIMEDOUT);
	took_ns = clock_mono_ns() - begin_ns;
	assert_true(took_ns >= 200 * CLOCK_NS_PER_MS);
	assert_true(took_ns < RIG_PATIENCE_NS);
	late = rig_dropped(&stuck, DROP_CLOSING);
	assert_int_equal(count_get(&stuck.count.written) + late, fed);
	assert_true(late > 0);
	/* Set free, it changes nothing any more. */
	rig_read_all(fd[0], 65536);
	assert_int_equal(close(fd[0]), 0);
	assert_int_equal(rig_dropped(&stuck, DROP_CLOSING), late);
	assert_int_equal(rig_dropped(&stuck, DROP_WRITE_ERROR), 0);
	assert_int_equal(count_get(&stuck.count.written) + late, fed);
	assert_int_equal(rmdir(stuck.dir), 0);
}

/* In a process of its own: its standard output is a broken pipe. */
static int
write_to_nobody(void)
{
	struct writer_file *f;
	struct rig r;
	int fd[2], rc = 0;

	rig_init(&r, LIMIT, 0);
	if (writer_stdout_gone() || pipe2(fd, O_CLOEXEC) != 0 ||
	    dup2(fd[1], STDOUT_FILENO) < 0)
		return 1;
	(void)close(fd[0]);
	(void)close(fd[1]);
	f = rig_given(STDOUT_FILENO);
	rig_say(&r, f, "hello");
	rig_say(&r, f, "hello");
	writer_close(r.port, f);
	if (writer_drain(r.w, clock_mono_ns() + RIG_PATIENCE_NS) != 0)
		rc = 2;
	else if (!writer_stdout_gone())
		rc = 3;
	else if (rig_dropped(&r, DROP_WRITE_ERROR) != 0 ||
		 rig_dropped(&r, DROP_NO_CONSUMER) != 10 || r.ntold != 1)
		rc = 4;
	writer_port_free(r.port);
	writer_free(r.w);
	(void)rmdir(r.dir);
	return rc;
}

static void
broken_standard_output_is_noted(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(write_to_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_false(writer_stdout_gone());
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_standard_output_is_noted),
		RIG(records_of_many_files_stay_in_order),
		RIG(records_are_built_in_place),
		RIG(batch_goes_at_once_then_in_intervals),
		RIG(full_batch_does_not_wait_for_a_turn),
		RIG(records_of_two_ports_never_mix),
		RIG(full_disk_leaves_whole_records),
		RIG(exact_file_keeps_its_offsets),
		RIG(head_that_did_not_fit_is_tried_again),
		RIG(later_head_comes_before_what_follows),
		RIG(folder_that_cannot_be_made_is_reported_once),
		RIG(short_writes_are_carried_on),
		RIG(worker_hears_of_room_once_half_is_gone),
		RIG(full_counts_the_own_batch),
		RIG(past_deadline_the_queue_is_counted_and_let_go),
		cmocka_unit_test(thread_held_by_the_kernel_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
