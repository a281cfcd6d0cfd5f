#include "loopback.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "net/pipe.h"
#include "net/worker.h"

/**
 * struct scene - A worker, and what its hook was asked
 * @due_in_ns:	The hook asks to be called again so much later; 0: never
 */
struct scene {
	struct worker *w;
	unsigned turns;
	unsigned touches;
	uint64_t due_in_ns;
	uint64_t last_ns;
	unsigned rooms;
	unsigned again;
};

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	struct scene *sc = self;

	sc->turns++;
	if (sc->touches > 0) {
		sc->touches--;
		worker_touch(sc->w);
	}
	sc->last_ns = mono_ns;
	return sc->due_in_ns > 0 ? mono_ns + sc->due_in_ns : CLOCK_NEVER;
}

static int
set_up(void **state)
{
	struct err err = { "" };
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	sc->w = worker_new(3, &err);
	assert_non_null(sc->w);
	worker_set_turn(sc->w, on_turn, sc);
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	worker_free(sc->w);
	free(sc);
	return 0;
}

static void
turns(struct scene *sc, unsigned n)
{
	while (n-- > 0)
		loopback_step(sc->w);
}

static void
knows_its_number_and_has_a_buffer(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(worker_index(sc->w), 3);
	memset(worker_buffer(sc->w), 0xA5, WORKER_BUFFER);
	assert_non_null(worker_pipes(sc->w));
}

static void
hook_runs_only_after_a_touch(void **state)
{
	struct scene *sc = *state;

	turns(sc, 3);
	assert_int_equal(sc->turns, 0);
	worker_touch(sc->w);
	worker_touch(sc->w);
	turns(sc, 3);
	assert_int_equal(sc->turns, 1);
}

/* Not only at the time that the hook asked for, which is far. */
static void
hook_runs_again_after_a_touch_of_its_own(void **state)
{
	struct scene *sc = *state;

	sc->due_in_ns = 3600 * CLOCK_NS_PER_S;
	sc->touches = 2;
	worker_touch(sc->w);
	LOOPBACK_STEP_UNTIL(sc->w, sc->turns == 3);
	turns(sc, 3);
	assert_int_equal(sc->turns, 3);
}

static void
hook_comes_back_when_it_asked_to(void **state)
{
	struct scene *sc = *state;
	uint64_t first_ns;

	sc->due_in_ns = 20 * CLOCK_NS_PER_MS;
	worker_touch(sc->w);
	LOOPBACK_STEP_UNTIL(sc->w, sc->turns == 1);
	first_ns = sc->last_ns;
	sc->due_in_ns = 0;
	LOOPBACK_STEP_UNTIL(sc->w, sc->turns == 2);
	/* The loop counts whole milliseconds: it may be one early. */
	assert_true(sc->last_ns >= first_ns + 19 * CLOCK_NS_PER_MS);
	turns(sc, 3);
	assert_int_equal(sc->turns, 2);
}

static void
earlier_time_replaces_a_later_one(void **state)
{
	struct scene *sc = *state;

	sc->due_in_ns = 1000 * CLOCK_NS_PER_S;
	worker_touch(sc->w);
	LOOPBACK_STEP_UNTIL(sc->w, sc->turns == 1);
	sc->due_in_ns = CLOCK_NS_PER_MS;
	worker_touch(sc->w);
	LOOPBACK_STEP_UNTIL(sc->w, sc->turns >= 3);
}

/** struct wait - A session that waits for room. */
struct wait {
	struct worker_waiter waiter;
	struct scene *sc;
	struct wait *removes;
};

static void
on_room(struct worker_waiter *waiter)
{
	struct wait *w = ATTR_CONTAINER(waiter, struct wait, waiter);

	w->sc->rooms++;
	if (w->removes != NULL)
		list_remove(&w->removes->waiter.node);
	if (w->sc->again > 0) {
		w->sc->again--;
		worker_wait_room(w->sc->w, waiter);
	}
}

static void
wait_init(struct wait *w, struct scene *sc)
{
	*w = (struct wait){ .waiter.room = on_room, .sc = sc };
	list_init(&w->waiter.node);
}

static void
waiters_are_called_once_per_room(void **state)
{
	struct scene *sc = *state;
	struct wait w[3];

	for (int i = 0; i < 3; i++) {
		wait_init(&w[i], sc);
		worker_wait_room(sc->w, &w[i].waiter);
		worker_wait_room(sc->w, &w[i].waiter);
	}
	worker_room(sc->w);
	worker_room(sc->w);
	assert_int_equal(sc->rooms, 0);
	LOOPBACK_STEP_UNTIL(sc->w, sc->rooms == 3);
	worker_room(sc->w);
	turns(sc, 3);
	assert_int_equal(sc->rooms, 3);
}

static void
waiter_that_waits_again_waits_for_the_next(void **state)
{
	struct scene *sc = *state;
	struct wait w;

	wait_init(&w, sc);
	sc->again = 1;
	worker_wait_room(sc->w, &w.waiter);
	worker_room(sc->w);
	LOOPBACK_STEP_UNTIL(sc->w, sc->rooms == 1);
	turns(sc, 3);
	assert_int_equal(sc->rooms, 1);
	worker_room(sc->w);
	LOOPBACK_STEP_UNTIL(sc->w, sc->rooms == 2);
}

static void
waiter_removed_by_another_is_not_called(void **state)
{
	struct scene *sc = *state;
	struct wait w[3];

	for (int i = 0; i < 3; i++) {
		wait_init(&w[i], sc);
		worker_wait_room(sc->w, &w[i].waiter);
	}
	w[0].removes = &w[1]; /* a session that ends takes another with it */
	worker_room(sc->w);
	LOOPBACK_STEP_UNTIL(sc->w, sc->rooms == 2);
	turns(sc, 3);
	assert_int_equal(sc->rooms, 2);
}

/** struct crowd - What the threads of the next test share. */
struct crowd {
	struct worker *w;
	struct wait wait;
	_Atomic unsigned rooms;
	_Atomic unsigned senders;
};

static void
on_crowd_room(struct worker_waiter *waiter)
{
	struct wait *wait = ATTR_CONTAINER(waiter, struct wait, waiter);
	struct crowd *c = ATTR_CONTAINER(wait, struct crowd, wait);

	atomic_fetch_add(&c->rooms, 1);
	worker_wait_room(c->w, waiter);
}

static void *
make_room(void *self)
{
	struct crowd *c = self;

	for (int i = 0; i < 20000; i++)
		worker_room(c->w);
	atomic_fetch_sub(&c->senders, 1);
	return NULL;
}

/*
 * A writer that makes room always wakes a waiter that looked before: with
 * many at once, the last call must still be followed by a wake-up.
 */
static void
no_room_goes_unheard(void **state)
{
	struct scene *sc = *state;
	struct crowd c = { .w = sc->w, .senders = 3 };
	pthread_t thread[3];
	unsigned seen;

	wait_init(&c.wait, sc);
	c.wait.waiter.room = on_crowd_room;
	worker_wait_room(sc->w, &c.wait.waiter);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, make_room, &c), 0);
	LOOPBACK_STEP_UNTIL(sc->w, atomic_load(&c.senders) == 0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	turns(sc, 3);
	seen = atomic_load(&c.rooms);
	assert_true(seen > 0);
	worker_room(sc->w);
	LOOPBACK_STEP_UNTIL(sc->w, atomic_load(&c.rooms) == seen + 1);
}

/** struct errand - A letter, and the thread that delivered it. */
struct errand {
	struct mail mail;
	struct worker *w;
	uv_timer_t timer;
	pthread_t thread;
	_Atomic bool done;
};

static void
on_errand(struct mail *m)
{
	struct errand *e = ATTR_CONTAINER(m, struct errand, mail);

	e->thread = pthread_self();
	worker_touch(e->w);
	atomic_store(&e->done, true);
}

static void
thread_delivers_runs_the_hook_and_stops(void **state)
{
	struct scene *sc = *state;
	struct errand first = { .mail.deliver = on_errand, .w = sc->w };
	struct errand last = first;
	struct err err = { "" };

	assert_int_equal(worker_start(sc->w, &err), 0);
	worker_post(sc->w, &first.mail);
	worker_stop(sc->w);
	worker_join(sc->w);
	assert_true(first.done);
	assert_false(pthread_equal(first.thread, pthread_self()));
	/* A letter that comes too late is delivered by the one who frees. */
	worker_post(sc->w, &last.mail);
	worker_free(sc->w);
	sc->w = NULL;
	assert_true(last.done);
	assert_true(pthread_equal(last.thread, pthread_self()));
	assert_int_equal(sc->turns, 0);
}

/** struct life - What the hooks of a worker's life have seen. */
struct life {
	struct worker *w;
	uv_timer_t timer;
	pthread_t thread;
	char name[32];
	bool mail_came;
	unsigned begun;
	unsigned finished;
	struct mail mail;
};

static void
on_begin(void *self)
{
	struct life *life = self;

	assert(!life->mail_came);
	life->begun++;
	life->thread = pthread_self();
	(void)pthread_getname_np(life->thread, life->name, sizeof(life->name));
	(void)uv_timer_init(worker_loop(life->w), &life->timer);
}

static void
on_life_mail(struct mail *m)
{
	ATTR_CONTAINER(m, struct life, mail)->mail_came = true;
}

static void
on_finish(void *self)
{
	struct life *life = self;

	life->finished++;
	uv_close((uv_handle_t *)&life->timer, NULL);
}

/* As one who waits for a time: it keeps the loop until somebody turns it. */
static void
on_finish_and_wait(void *self)
{
	struct life *life = self;

	life->finished++;
	worker_hold(life->w);
	worker_touch(life->w);
}

static void
begins_before_its_first_letter(void **state)
{
	struct scene *sc = *state;
	struct life life = { .w = sc->w, .mail.deliver = on_life_mail };
	struct err err = { "" };

	worker_set_begin(sc->w, on_begin, &life);
	worker_set_finish(sc->w, on_finish, &life);
	worker_post(sc->w, &life.mail);
	assert_int_equal(worker_start(sc->w, &err), 0);
	worker_stop(sc->w);
	worker_join(sc->w);
	assert_true(life.mail_came);
	assert_int_equal(life.begun, 1);
	assert_int_equal(life.finished, 1);
	assert_false(pthread_equal(life.thread, pthread_self()));
#ifndef TEELINE_PORTABLE
	assert_string_equal(life.name, "worker-3");
#endif
}

/* There was no memory for its thread: freeing it waits for nobody. */
static void
who_never_began_does_not_finish(void **state)
{
	struct scene *sc = *state;
	struct life life = { .w = sc->w };

	worker_set_begin(sc->w, on_begin, &life);
	worker_set_finish(sc->w, on_finish_and_wait, &life);
	worker_free(sc->w);
	sc->w = NULL;
	assert_int_equal(life.begun, 0);
	assert_int_equal(life.finished, 0);
}

static void
on_late_close(struct mail *m)
{
	struct errand *e = ATTR_CONTAINER(m, struct errand, mail);

	uv_close((uv_handle_t *)&e->timer, NULL);
	e->done = true;
}

/* A start that fails half-way: handles are closed once no thread runs. */
static void
handles_closed_after_the_thread_are_let_go(void **state)
{
	struct scene *sc = *state;
	struct errand e = { .mail.deliver = on_late_close, .w = sc->w };
	struct err err = { "" };

	assert_int_equal(uv_timer_init(worker_loop(sc->w), &e.timer), 0);
	assert_int_equal(worker_start(sc->w, &err), 0);
	worker_stop(sc->w);
	worker_join(sc->w);
	worker_post(sc->w, &e.mail);
	worker_free(sc->w); /* asserts that no handle is left */
	sc->w = NULL;
	assert_true(e.done);
}

static void
freeing_nothing_is_fine(void **state)
{
	(void)state;
	worker_free(NULL);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(knows_its_number_and_has_a_buffer),
		SCENE(hook_runs_only_after_a_touch),
		SCENE(hook_runs_again_after_a_touch_of_its_own),
		SCENE(hook_comes_back_when_it_asked_to),
		SCENE(earlier_time_replaces_a_later_one),
		SCENE(waiters_are_called_once_per_room),
		SCENE(waiter_that_waits_again_waits_for_the_next),
		SCENE(waiter_removed_by_another_is_not_called),
		SCENE(no_room_goes_unheard),
		SCENE(thread_delivers_runs_the_hook_and_stops),
		SCENE(begins_before_its_first_letter),
		SCENE(who_never_began_does_not_finish),
		SCENE(handles_closed_after_the_thread_are_let_go),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
