#include "loopback.h"

#include "net/dial.h"
#include "net/socket.h"

/** struct scene - A loop, one listener, and the outcome of a dial. */
struct scene {
	uv_loop_t loop;
	struct dial *dial;
	struct addr open;   /* somebody listens there */
	struct addr closed; /* nobody does */
	int listener;
	unsigned before;
	unsigned told;
	int fd;
	struct addr to;
};

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	assert_int_equal(uv_loop_init(&sc->loop), 0);
	sc->before = loopback_fds();
	sc->open = loopback_addr(AF_INET);
	sc->closed = loopback_addr(AF_INET);
	sc->listener = loopback_listen(&sc->open, 8);
	close(loopback_bind(&sc->closed));
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	/* Ends only if the dial has let go of all its handles. */
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	close(sc->listener);
	assert_int_equal(loopback_fds(), sc->before);
	assert_int_equal(uv_loop_close(&sc->loop), 0);
	free(sc);
	return 0;
}

static void
on_done(void *self, int fd, const struct addr *to)
{
	struct scene *sc = self;

	sc->told++;
	sc->fd = fd;
	sc->to = *to;
}

static int
start(struct scene *sc, const struct addr *addrs, size_t n, uint64_t timeout_ms)
{
	struct dial_opts o = {
		.addrs = addrs,
		.naddrs = n,
		.timeout_ns = timeout_ms * CLOCK_NS_PER_MS,
	};
	int fd = dial_start(&sc->dial, &sc->loop, &o, &sc->to);

	if (fd == -EINPROGRESS)
		dial_on_done(sc->dial, on_done, sc);
	return fd;
}

/*
 * An address that does not answer: a listener whose queue is full.  Linux
 * then drops what comes, so that connecting neither succeeds nor fails.
 */
struct deaf {
	struct addr addr;
	int listener;
	int queued[2];
};

static void
deaf_open(struct deaf *d)
{
	d->addr = loopback_addr(AF_INET);
	d->listener = loopback_listen(&d->addr, 0);
	d->queued[0] = loopback_connect(&d->addr);
	assert_int_equal(
	    socket_connect(&d->addr, NULL, &d->queued[1]), -EINPROGRESS);
}

static void
deaf_close(struct deaf *d)
{
	close(d->queued[0]);
	close(d->queued[1]);
	close(d->listener);
}

static void
loopback_is_connected_at_once(void **state)
{
	struct scene *sc = *state;
	int fd = start(sc, &sc->open, 1, 10000);

	assert_true(fd >= 0);
	assert_true(addr_equal(&sc->to, &sc->open));
	close(loopback_accept(sc->listener));
	close(fd);
	assert_int_equal(sc->told, 0);
}

static void
the_first_that_answers_is_taken(void **state)
{
	struct scene *sc = *state;
	struct addr list[3] = { sc->closed, sc->open, sc->closed };
	int fd = start(sc, list, 3, 10000);

	assert_true(fd >= 0);
	assert_true(addr_equal(&sc->to, &sc->open));
	close(fd);
}

static void
the_last_refusal_is_the_outcome(void **state)
{
	struct scene *sc = *state;
	struct addr list[2] = { { .family = AF_UNSPEC }, sc->closed };

	assert_int_equal(start(sc, list, 2, 10000), -ECONNREFUSED);
	assert_true(addr_equal(&sc->to, &sc->closed));
}

static void
silence_ends_after_the_timeout(void **state)
{
	struct scene *sc = *state;
	uint64_t began = clock_mono_ns();
	struct deaf deaf;

	deaf_open(&deaf);
	assert_int_equal(start(sc, &deaf.addr, 1, 30), -EINPROGRESS);
	assert_int_equal(sc->told, 0);
	LOOPBACK_UNTIL(&sc->loop, sc->told == 1);
	assert_int_equal(sc->fd, -ETIMEDOUT);
	assert_true(addr_equal(&sc->to, &deaf.addr));
	assert_true(clock_mono_ns() - began >= 29 * CLOCK_NS_PER_MS);
	deaf_close(&deaf);
}

static void
after_silence_the_next_address_is_tried(void **state)
{
	struct scene *sc = *state;
	struct deaf deaf[2];
	struct addr list[4];

	deaf_open(&deaf[0]);
	deaf_open(&deaf[1]);
	list[0] = deaf[0].addr;
	list[1] = sc->closed;
	list[2] = deaf[1].addr;
	list[3] = sc->open;
	assert_int_equal(start(sc, list, 4, 20), -EINPROGRESS);
	LOOPBACK_UNTIL(&sc->loop, sc->told == 1);
	assert_true(sc->fd >= 0);
	assert_true(addr_equal(&sc->to, &sc->open));
	close(sc->fd);
	deaf_close(&deaf[0]);
	deaf_close(&deaf[1]);
}

static void
after_silence_all_may_refuse(void **state)
{
	struct scene *sc = *state;
	struct addr list[3] = { { 0 }, sc->closed, sc->closed };
	struct deaf deaf;

	deaf_open(&deaf);
	list[0] = deaf.addr;
	assert_int_equal(start(sc, list, 3, 20), -EINPROGRESS);
	LOOPBACK_UNTIL(&sc->loop, sc->told == 1);
	assert_int_equal(sc->fd, -ECONNREFUSED);
	assert_true(addr_equal(&sc->to, &sc->closed));
	deaf_close(&deaf);
}

/* A connection under way that is answered after all. */
static void
a_late_answer_is_an_answer(void **state)
{
	struct scene *sc = *state;
	struct deaf deaf;

	deaf_open(&deaf);
	assert_int_equal(start(sc, &deaf.addr, 1, 25000), -EINPROGRESS);
	close(loopback_accept(deaf.listener)); /* room; the kernel retries */
	close(loopback_accept(deaf.listener));
	LOOPBACK_UNTIL(&sc->loop, sc->told == 1);
	assert_true(sc->fd >= 0);
	assert_true(addr_equal(&sc->to, &deaf.addr));
	assert_int_equal(socket_error(sc->fd), 0);
	close(sc->fd);
	deaf_close(&deaf);
}

static void
cancel_while_waiting(void **state)
{
	struct scene *sc = *state;
	struct deaf deaf;

	deaf_open(&deaf);
	assert_int_equal(start(sc, &deaf.addr, 1, 10), -EINPROGRESS);
	dial_cancel(sc->dial);
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	assert_int_equal(sc->told, 0);
	deaf_close(&deaf);
}

/** struct watcher - Cancels a dial as soon as its descriptor is closed. */
struct watcher {
	uv_check_t check;
	struct scene *sc;
	unsigned fds;
	bool hit;
};

static void
on_check(uv_check_t *check)
{
	struct watcher *w = check->data;

	if (loopback_fds() == w->fds)
		return;
	w->hit = true;
	dial_cancel(w->sc->dial);
	uv_close((uv_handle_t *)check, NULL);
}

/*
 * Between two tries: the first handle is closing, the second try has not
 * begun.  A loop turns from timers to checks to the closing of handles.
 */
static void
cancel_between_two_tries(void **state)
{
	struct watcher w = { .sc = *state };
	struct addr list[2];
	struct deaf deaf;

	deaf_open(&deaf);
	list[0] = deaf.addr;
	list[1] = w.sc->open;
	assert_int_equal(uv_check_init(&w.sc->loop, &w.check), 0);
	w.check.data = &w;
	assert_int_equal(uv_check_start(&w.check, on_check), 0);
	assert_int_equal(start(w.sc, list, 2, 10), -EINPROGRESS);
	w.fds = loopback_fds();
	LOOPBACK_UNTIL(&w.sc->loop, w.hit);
	(void)uv_run(&w.sc->loop, UV_RUN_DEFAULT);
	assert_int_equal(w.sc->told, 0);
	deaf_close(&deaf);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(loopback_is_connected_at_once),
		SCENE(the_first_that_answers_is_taken),
		SCENE(the_last_refusal_is_the_outcome),
		SCENE(silence_ends_after_the_timeout),
		SCENE(after_silence_the_next_address_is_tried),
		SCENE(after_silence_all_may_refuse),
		SCENE(a_late_answer_is_an_answer),
		SCENE(cancel_while_waiting),
		SCENE(cancel_between_two_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
