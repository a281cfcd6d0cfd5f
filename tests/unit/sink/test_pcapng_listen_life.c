#include "live_scene.h"

#include "base/list.h"

/* Live captures that come and go while workers stay, or never begin. */

/* --- a sink that goes while its workers stay --------------------------- */

static void
on_left(void *self)
{
	bool *left = self;

	assert_false(*left);
	*left = true;
}

static size_t
count_left(const bool left[WORKERS])
{
	size_t n = 0;

	for (size_t i = 0; i < WORKERS; i++)
		n += left[i];
	return n;
}

/* The workers are gone; what they have sent is on its way. */
static void
read_the_rest(struct reader *r)
{
	while (r->ended == 0) {
		loopback_wait(r->fd, POLLIN);
		reader_read(r);
	}
}

static bool
is_whole(const struct reader *r)
{
	size_t end;

	return reader_blocks(r, 0, &end) > 0 && end == r->got.len;
}

/*
 * As a run does it, worker by worker, @first before the others; then all of it
 * is freed at once.  A handle or a letter that is left would use what is gone
 * in the turns after that.
 */
static void
take_out(struct scene *sc, size_t first, uint64_t span_ns)
{
	struct sink *sink = &sc->sink;
	bool left[WORKERS] = { false };

	for (size_t n = 0; n < WORKERS; n++) {
		size_t i = (first + n) % WORKERS;

		fanout_remove(sc->fan[i], sink, clock_mono_ns() + span_ns,
		    on_left, &left[i]);
		worker_touch(sc->w[i]);
		for (int turns = 0; turns < 3; turns++)
			scene_turn(sc);
		assert_true(n == WORKERS - 1 || count_left(left) == 0);
	}
	SCENE_UNTIL(sc, count_left(left) == WORKERS);
	assert_int_equal(scene_accounted(sc), SCENE_COUNT(sc, offered));
	for (size_t i = 0; i < WORKERS; i++)
		fanout_forget(sc->fan[i], sink);
	sink->ops->free(sink);
	sink->ops = NULL;
	for (int turns = 0; turns < 5; turns++)
		for (size_t i = 0; i < WORKERS; i++)
			loopback_step(sc->w[i]);
	/* Now the workers end, and no handle of it is on their loops. */
	sc->running = false;
	for (size_t i = 0; i < WORKERS; i++) {
		worker_free(sc->w[i]);
		sc->w[i] = NULL;
	}
}

static void
test_goes_while_nobody_listens(void **state)
{
	scene_start(*state);
	take_out(*state, 0, 0);
}

/* Whichever worker hears of it first: those who listen get their end. */
static void
goes_under_traffic(struct scene *sc, size_t first)
{
	struct session *s[WORKERS];
	struct reader r, late;

	scene_start(sc);
	for (size_t i = 0; i < WORKERS; i++)
		s[i] = scene_open(sc, i, i + 1);
	r = reader_come(sc);
	for (size_t i = 0; i < WORKERS; i++)
		scene_say(s[i], DIR_CLIENT, 100);
	/* This one's letters are under way. */
	late = reader_new(sc);
	while (reader_hears(&late) < 1)
		scene_turn_one(sc, 0);
	take_out(sc, first, 20 * CLOCK_NS_PER_S);
	read_the_rest(&r);
	read_the_rest(&late);
	assert_int_equal(r.ended, 1);
	assert_int_equal(late.ended, 1);
	assert_true(is_whole(&r));
	assert_true(is_whole(&late));
	reader_done(&r);
	reader_done(&late);
	for (size_t i = 0; i < WORKERS; i++) {
		assert_int_equal(s[i]->active, 0);
		scene_say(s[i], DIR_CLIENT, 100);
		scene_shut(s[i]);
	}
}

static void
test_goes_from_its_own_worker_first(void **state)
{
	goes_under_traffic(*state, 0);
}

static void
test_goes_from_another_worker_first(void **state)
{
	goes_under_traffic(*state, 1);
}

/* Its queue is full, and traffic waits for it; then time is up. */
static void
test_goes_while_somebody_is_slow(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader r;

	sc->sink.queue = 16384;
	sc->sink.on_full = ON_FULL_PAUSE;
	scene_start(sc);
	s = scene_open(sc, 0, 1);
	r = reader_slow(sc);
	reader_wait(sc, &r, 1);
	while (!fanout_blocked(s)) {
		scene_say(s, DIR_CLIENT, 20000);
		scene_turn(sc);
	}
	take_out(sc, 0, 20 * CLOCK_NS_PER_MS);
	assert_false(fanout_blocked(s));
	scene_shut(s);
	read_the_rest(&r);
	/* Not taken for a whole one. */
	assert_int_equal(r.ended, -1);
	reader_done(&r);
}

/* --- workers that never begin ------------------------------------------ */

/* One worker runs, the thread of the other could not be made. */
static void
test_a_worker_that_never_began(void **state)
{
	struct scene *sc = *state;
	struct reader r;

	scene_prepare(sc);
	fanout_start(sc->fan[0]);
	r = reader_new(sc);
	reader_wait(sc, &r, 2);
	fanout_finish(sc->fan[0], CLOCK_NEVER, true);
	/* It does not wait for the other. */
	SCENE_UNTIL(sc, (reader_read(&r), r.ended != 0));
	assert_int_equal(r.ended, 1);
	reader_done(&r);
}

static void
test_no_worker_ever_began(void **state)
{
	scene_prepare(*state);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_goes_while_nobody_listens),
		TEST(test_goes_from_its_own_worker_first),
		TEST(test_goes_from_another_worker_first),
		TEST(test_goes_while_somebody_is_slow),
		TEST(test_a_worker_that_never_began),
		TEST(test_no_worker_ever_began),
	};

	clock_init();
	/* What libuv opens once and keeps. */
	worker_free(worker_new(0, NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
