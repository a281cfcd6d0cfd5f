#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "base/clock.h"
#include "core/sink.h"
#include "run/drain.h"

#define N 4

/** struct scene - Sinks; the first is stuck until the last is drained. */
struct scene {
	struct sink sink[N];
	struct sink *list[N];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned drained;
	uint64_t deadline_ns;
	bool last_is_out;
	int rc;
};

static int
on_drain(struct sink *sink, uint64_t deadline_ns)
{
	struct scene *sc = sink->self;

	pthread_mutex_lock(&sc->lock);
	assert_int_equal(deadline_ns, sc->deadline_ns);
	sc->drained++;
	if (sink == &sc->sink[N - 1])
		sc->last_is_out = true;
	pthread_cond_broadcast(&sc->changed);
	pthread_mutex_unlock(&sc->lock);
	return 0;
}

static int
on_drain_stuck(struct sink *sink, uint64_t deadline_ns)
{
	struct scene *sc = sink->self;
	struct timespec late;
	int rc = 0;

	(void)clock_gettime(CLOCK_REALTIME, &late);
	late.tv_sec += 30;
	pthread_mutex_lock(&sc->lock);
	assert_int_equal(deadline_ns, sc->deadline_ns);
	sc->drained++;
	while (!sc->last_is_out && rc == 0)
		rc = pthread_cond_timedwait(&sc->changed, &sc->lock, &late);
	pthread_mutex_unlock(&sc->lock);
	return rc == 0 ? sc->rc : -ECANCELED;
}

static const struct sink_ops plain = { .kind = "plain", .drain = on_drain };
static const struct sink_ops stuck = { .kind = "stuck",
	.drain = on_drain_stuck };
static const struct sink_ops none = { .kind = "none" };

static int
set_up(void **state)
{
	static const struct sink_ops *const ops[N] = { &stuck, &none, &plain,
		&plain };
	static struct scene sc;

	sc = (struct scene){ .deadline_ns = 12345 };
	assert_int_equal(pthread_mutex_init(&sc.lock, NULL), 0);
	assert_int_equal(pthread_cond_init(&sc.changed, NULL), 0);
	for (size_t i = 0; i < N; i++) {
		sc.sink[i].ops = ops[i];
		sc.sink[i].self = &sc;
		sc.list[i] = &sc.sink[i];
	}
	*state = &sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	pthread_cond_destroy(&sc->changed);
	pthread_mutex_destroy(&sc->lock);
	return 0;
}

static void
a_stuck_sink_does_not_keep_the_others(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(drain_all(sc->list, N, 12345, true), 0);
	assert_int_equal(sc->drained, N - 1); /* one has nothing to drain */
}

static void
a_thread_left_behind_is_told(void **state)
{
	struct scene *sc = *state;

	sc->rc = -ETIMEDOUT;
	assert_int_equal(drain_all(sc->list, N, 12345, true), -ETIMEDOUT);
	assert_int_equal(sc->drained, N - 1);
}

static int
on_drain_by_policy(struct sink *sink, uint64_t deadline_ns)
{
	assert_int_equal(
	    deadline_ns, sink->on_full == ON_FULL_PAUSE ? CLOCK_NEVER : 12345);
	return 0;
}

static void
recordings_are_waited_for_when_nobody_hurries(void **state)
{
	static const struct sink_ops ops = { .kind = "policy",
		.drain = on_drain_by_policy };
	struct sink drops = { .ops = &ops, .on_full = ON_FULL_DROP };
	struct sink pauses = { .ops = &ops, .on_full = ON_FULL_PAUSE };
	struct sink *const list[] = { &drops, &pauses };

	(void)state;
	assert_int_equal(drain_all(list, 2, 12345, false), 0);
}

static void
no_sinks_are_fine(void **state)
{
	(void)state;
	assert_int_equal(drain_all(NULL, 0, 12345, false), 0);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(a_stuck_sink_does_not_keep_the_others),
		SCENE(a_thread_left_behind_is_told),
		cmocka_unit_test(recordings_are_waited_for_when_nobody_hurries),
		cmocka_unit_test(no_sinks_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
