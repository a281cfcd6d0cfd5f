#include "live_rig.h"

#include "net/own.h"
#include "sink/plug.h"

/** struct scene - A plug, the other end of its socket, and what it told. */
struct scene {
	struct live live;
	struct plug *plug;
	int there;
	unsigned told;
	int error;
	int events;
	int after;
};

static void
on_event(void *self, struct plug *p, int error, int events)
{
	struct scene *sc = self;

	assert_ptr_equal(p, sc->plug);
	sc->told++;
	sc->error = error;
	sc->events = events;
	plug_watch(p, sc->after);
}

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	live_init(&sc->live);
	sc->there = -1;
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	if (sc->plug != NULL)
		plug_close(sc->plug, false);
	if (sc->there >= 0)
		close(sc->there);
	live_done(&sc->live);
	free(sc);
	return 0;
}

static void
make(struct scene *sc, bool own)
{
	int fd[2];

	loopback_pair(fd);
	loopback_small(fd[0]);
	loopback_small(fd[1]);
	sc->there = fd[1];
	sc->plug = plug_open(sc->live.w, fd[0], own, on_event, sc);
	assert_non_null(sc->plug);
}

static void
turns(struct scene *sc)
{
	for (int i = 0; i < 5; i++)
		loopback_step(sc->live.w);
}

static void
test_tells_what_is_watched_alone(void **state)
{
	struct scene *sc = *state;
	char got[8];

	make(sc, false);
	assert_int_equal(send(sc->there, "hi", 2, 0), 2);
	turns(sc);
	assert_int_equal(sc->told, 0);
	plug_watch(sc->plug, UV_WRITABLE);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	assert_int_equal(sc->events, UV_WRITABLE);
	/* on_event() has asked for nothing more. */
	sc->told = 0;
	turns(sc);
	assert_int_equal(sc->told, 0);
	plug_watch(sc->plug, UV_READABLE);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	assert_int_equal(sc->events, UV_READABLE);
	assert_int_equal(sc->error, 0);
	assert_int_equal(plug_receive(sc->plug, got, sizeof(got)), 2);
	assert_int_equal(plug_receive(sc->plug, got, sizeof(got)), -EAGAIN);
	assert_int_equal(shutdown(sc->there, SHUT_WR), 0);
	loopback_wait(sc->there, POLLOUT);
	plug_watch(sc->plug, UV_READABLE);
	sc->told = 0;
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	assert_int_equal(plug_receive(sc->plug, got, sizeof(got)), 0);
}

/* Nobody reads, nothing waits to be written: the reset is noticed. */
static void
test_tells_a_reset_though_nothing_is_watched(void **state)
{
	struct scene *sc = *state;

	make(sc, false);
	plug_watch(sc->plug, 0);
	turns(sc);
	assert_int_equal(sc->told, 0);
	loopback_rst(sc->there);
	sc->there = -1;
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	assert_int_equal(sc->error, -ECONNRESET);
}

static void
test_takes_what_fits_and_no_more(void **state)
{
	struct scene *sc = *state;
	static char bytes[1 << 20];
	struct iovec iov[2] = { { bytes, 3 }, { bytes, sizeof(bytes) } };
	size_t taken = 0;
	ssize_t n;

	make(sc, false);
	while ((n = plug_send(sc->plug, iov, 2)) > 0)
		taken += (size_t)n;
	assert_int_equal(n, 0);
	assert_true(taken > 3 && plug_unsent(sc->plug) > 0);
	plug_watch(sc->plug, UV_WRITABLE);
	turns(sc);
	assert_int_equal(sc->told, 0);
	/* Room is told once the other side has made it. */
	while (taken > 0) {
		n = recv(sc->there, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0)
			taken -= (size_t)n;
		loopback_step(sc->live.w);
	}
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	assert_int_equal(sc->events, UV_WRITABLE);
	LOOPBACK_STEP_UNTIL(sc->live.w, plug_unsent(sc->plug) == 0);
}

/* Who is gone is an error, and no SIGPIPE. */
static void
test_sending_to_nobody_is_an_error(void **state)
{
	struct scene *sc = *state;
	struct iovec iov = { (void *)(uintptr_t) "x", 1 };

	make(sc, false);
	loopback_rst(sc->there);
	sc->there = -1;
	plug_watch(sc->plug, UV_READABLE);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	assert_true(plug_send(sc->plug, &iov, 1) < 0);
}

static void
test_closes_by_fin_or_by_reset(void **state)
{
	struct scene *sc = *state;
	char c;

	make(sc, false);
	plug_close(sc->plug, false);
	loopback_wait(sc->there, POLLIN);
	assert_int_equal(recv(sc->there, &c, 1, 0), 0);
	close(sc->there);

	make(sc, false);
	plug_close(sc->plug, true);
	sc->plug = NULL;
	loopback_wait(sc->there, POLLIN);
	assert_int_equal(recv(sc->there, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void
test_tells_nothing_once_closed(void **state)
{
	struct scene *sc = *state;

	make(sc, false);
	plug_watch(sc->plug, UV_READABLE | UV_WRITABLE);
	assert_int_equal(send(sc->there, "hi", 2, 0), 2);
	plug_close(sc->plug, false);
	sc->plug = NULL;
	turns(sc);
	assert_int_equal(sc->told, 0);
}

static void
test_fin_leaves_the_other_direction(void **state)
{
	struct scene *sc = *state;
	char c;

	make(sc, false);
	plug_shutdown(sc->plug);
	loopback_wait(sc->there, POLLIN);
	assert_int_equal(recv(sc->there, &c, 1, 0), 0);
	assert_int_equal(send(sc->there, "y", 1, 0), 1);
	plug_watch(sc->plug, UV_READABLE);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	assert_int_equal(plug_receive(sc->plug, &c, 1), 1);
}

static void
test_accepts_and_says_when_there_is_nobody(void **state)
{
	struct scene *sc = *state;
	struct addr at = loopback_addr(AF_INET);
	int listener = loopback_listen(&at, 4), fd;

	loopback_nonblock(listener);
	sc->plug = plug_open(sc->live.w, listener, false, on_event, sc);
	assert_non_null(sc->plug);
	assert_int_equal(plug_accept(sc->plug), -EAGAIN);
	sc->there = loopback_connect(&at);
	plug_watch(sc->plug, UV_READABLE);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	fd = plug_accept(sc->plug);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	close(fd);
}

static void
test_is_entered_as_ours_until_closed(void **state)
{
	struct scene *sc = *state;
	struct addr here, there;

	make(sc, true);
	here = loopback_name(sc->there, true);
	there = loopback_name(sc->there, false);
	assert_true(own_has(&there, &here, UINT64_MAX));
	plug_close(sc->plug, false);
	sc->plug = NULL;
	assert_false(own_has(&there, &here, UINT64_MAX));
}

/* The descriptor is taken in any case. */
static void
test_refuses_what_cannot_be_polled(void **state)
{
	struct scene *sc = *state;
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_null(plug_open(sc->live.w, fd, true, on_event, sc));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* Once both directions are over there is nothing to wake up for. */
static void
test_hang_up_wakes_nobody(void **state)
{
	struct scene *sc = *state;
	char c;

	make(sc, false);
	plug_shutdown(sc->plug);
	close(sc->there);
	sc->there = -1;
	LOOPBACK_STEP_UNTIL(
	    sc->live.w, plug_receive(sc->plug, &c, 1) != -EAGAIN);
	plug_watch(sc->plug, 0);
	LOOPBACK_STEP_UNTIL(sc->live.w, worker_step(sc->live.w, 0) == 0);
	assert_int_equal(sc->told, 0);
}

/* ... nor once a peer of another kind has closed, until it is sent to. */
static void
test_local_hang_up_wakes_nobody(void **state)
{
	struct scene *sc = *state;
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd),
	    0);
	sc->plug = plug_open(sc->live.w, fd[0], false, on_event, sc);
	assert_non_null(sc->plug);
	close(fd[1]);
	plug_watch(sc->plug, 0);
	LOOPBACK_STEP_UNTIL(sc->live.w, worker_step(sc->live.w, 0) == 0);
	assert_int_equal(sc->told, 0);
	plug_watch(sc->plug, UV_WRITABLE);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->told > 0);
	assert_int_equal(plug_send_bytes(sc->plug, "x", 1), -EPIPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tells_what_is_watched_alone),
		TEST(test_tells_a_reset_though_nothing_is_watched),
		TEST(test_takes_what_fits_and_no_more),
		TEST(test_sending_to_nobody_is_an_error),
		TEST(test_closes_by_fin_or_by_reset),
		TEST(test_tells_nothing_once_closed),
		TEST(test_fin_leaves_the_other_direction),
		TEST(test_accepts_and_says_when_there_is_nobody),
		TEST(test_is_entered_as_ours_until_closed),
		TEST(test_refuses_what_cannot_be_polled),
		TEST(test_hang_up_wakes_nobody),
		TEST(test_local_hang_up_wakes_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
