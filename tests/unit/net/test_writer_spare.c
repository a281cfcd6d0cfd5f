#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer_rig.h"

#include "net/writer_thread.h"

#define LIMIT ((size_t)4 << 20)
#define PART  ((size_t)128 * 1024)
#define PARTS 6

static int
set_up(void **state)
{
	(void)state;
	rig_init(&rig, LIMIT, 0);
	return 0;
}

static unsigned
spares(void)
{
	unsigned n;

	uv_mutex_lock(&rig.w->lock);
	n = rig.port->nspare;
	uv_mutex_unlock(&rig.w->lock);
	return n;
}

/* So many batches at a time, since nobody reads; then all of it is read. */
static void
rush(struct writer_file *f, int fd)
{
	static char bytes[PART];
	uint64_t written = count_get(&rig.count.written);

	for (unsigned i = 0; i < PARTS; i++) {
		writer_put(rig.port, f, bytes, PART, PART);
		writer_flush(rig.port);
	}
	rig_read_all(fd, PARTS * PART);
	rig_wait(&rig.count.written, written + PARTS * PART);
}

/*
 * Batches that a rush needed are there for the next one, and are given back
 * when none comes.  A machine that takes a second for it proves nothing of the
 * first half; any other does.
 */
static void
what_a_rush_needed_is_kept_for_a_while(void **state)
{
	uint64_t begin_ns = clock_mono_ns(), end_ns;
	struct writer_file *f;
	unsigned kept;
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	f = rig_given(fd[1]);
	rush(f, fd[0]);
	rush(f, fd[0]);
	kept = spares();
	end_ns = clock_mono_ns();
	if (end_ns - begin_ns < WRITER_REST_NS)
		assert_true(kept >= 3);
	while (spares() > 0) {
		assert_true(clock_mono_ns() < end_ns + RIG_PATIENCE_NS);
		(void)poll(NULL, 0, 1);
	}
	assert_true(clock_mono_ns() - begin_ns >= WRITER_REST_NS);
	rush(f, fd[0]);
	writer_close(rig.port, f);
	rig_finish(&rig);
	assert_int_equal(count_get(&rig.count.written), 3 * PARTS * PART);
	assert_int_equal(close(fd[1]), 0);
	assert_int_equal(close(fd[0]), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(what_a_rush_needed_is_kept_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
