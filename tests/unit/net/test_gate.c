#include "loopback.h"

#include "base/err.h"
#include "net/gate.h"

static const struct socket_listen_opts opts = { .backlog = 128 };

/** struct scene - A gate, and who came through it. */
struct scene {
	uv_loop_t loop;
	struct gate gate;
	unsigned accepted;
	struct addr peer;
	struct addr listener;
	unsigned shut_after;
	unsigned close_after;
	unsigned before;
	char host[16];
};

static void
on_accept(
    void *self, int fd, const struct addr *peer, const struct addr *listener)
{
	struct scene *sc = self;

	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	sc->peer = *peer;
	sc->listener = *listener;
	sc->accepted++;
	if (sc->accepted == sc->shut_after)
		gate_shut(&sc->gate);
	if (sc->accepted == sc->close_after)
		gate_close(&sc->gate);
}

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));
	struct endpoint e = {
		.how = ENDPOINT_LISTEN,
		.family = ENDPOINT_TCP4,
	};
	struct err err = { "" };

	assert_non_null(sc);
	strcpy(sc->host, "127.0.0.1");
	e.host = sc->host;
	assert_int_equal(uv_loop_init(&sc->loop), 0);
	sc->before = loopback_fds();
	assert_int_equal(gate_open(&sc->gate, &e, &opts, &err), 0);
	assert_int_equal(gate_start(&sc->gate, &sc->loop, on_accept, sc), 0);
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	gate_close(&sc->gate);
	gate_close(&sc->gate); /* idempotent */
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	assert_int_equal(loopback_fds(), sc->before);
	assert_int_equal(uv_loop_close(&sc->loop), 0);
	free(sc);
	return 0;
}

static int
call(const struct scene *sc)
{
	return loopback_connect(&sc->gate.post[0].listener.addr);
}

static void
some_turns(struct scene *sc)
{
	for (int i = 0; i < 5; i++)
		loopback_turn(&sc->loop);
}

static void
it_starts_shut_and_queues(void **state)
{
	struct scene *sc = *state;
	int fd = call(sc);

	some_turns(sc);
	assert_int_equal(sc->accepted, 0);
	gate_lift(&sc->gate);
	gate_lift(&sc->gate);
	LOOPBACK_UNTIL(&sc->loop, sc->accepted == 1);
	close(fd);
}

static void
addresses_are_those_of_both_ends(void **state)
{
	struct scene *sc = *state;
	struct sockaddr_in in = { 0 };
	socklen_t len = sizeof(in);
	int fd = call(sc);

	gate_lift(&sc->gate);
	LOOPBACK_UNTIL(&sc->loop, sc->accepted == 1);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	assert_int_equal(sc->peer.family, AF_INET);
	assert_int_equal(sc->peer.port, ntohs(in.sin_port));
	assert_true(addr_equal(&sc->listener, &sc->gate.post[0].listener.addr));
	close(fd);
}

static void
shutting_within_the_callback_stops_at_once(void **state)
{
	struct scene *sc = *state;
	int fd[5];

	sc->shut_after = 2;
	for (int i = 0; i < 5; i++)
		fd[i] = call(sc);
	gate_lift(&sc->gate);
	LOOPBACK_UNTIL(&sc->loop, sc->accepted == 2);
	some_turns(sc);
	assert_int_equal(sc->accepted, 2);
	gate_lift(&sc->gate); /* the others have waited */
	LOOPBACK_UNTIL(&sc->loop, sc->accepted == 5);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
}

static void
closing_within_the_callback_refuses_the_rest(void **state)
{
	struct scene *sc = *state;
	struct addr a = sc->gate.post[0].listener.addr;
	int first = call(sc), second = call(sc), fd;
	char c;

	sc->close_after = 1;
	gate_lift(&sc->gate);
	LOOPBACK_UNTIL(&sc->loop, sc->accepted == 1);
	loopback_wait(second, POLLIN);
	assert_int_equal(recv(second, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(socket_connect(&a, NULL, &fd), -ECONNREFUSED);
	gate_lift(&sc->gate);
	gate_shut(&sc->gate);
	some_turns(sc);
	assert_int_equal(sc->accepted, 1);
	close(first);
	close(second);
}

static void
a_crowd_does_not_starve_the_loop(void **state)
{
	struct scene *sc = *state;
	int fd[GATE_BATCH + 10];

	for (int i = 0; i < GATE_BATCH + 10; i++)
		fd[i] = call(sc);
	gate_lift(&sc->gate);
	(void)uv_run(&sc->loop, UV_RUN_NOWAIT);
	assert_int_equal(sc->accepted, GATE_BATCH);
	LOOPBACK_UNTIL(&sc->loop, sc->accepted == GATE_BATCH + 10);
	for (int i = 0; i < GATE_BATCH + 10; i++)
		close(fd[i]);
}

/* Out of descriptors: it pauses without spinning, and goes on by itself. */
static void
starvation_ends_by_itself(void **state)
{
	struct scene *sc = *state;
	uint64_t began = clock_mono_ns();
	int fd = call(sc);
	struct loopback_famine f;

	loopback_starve(&f, 0);
	gate_lift(&sc->gate);
	LOOPBACK_UNTIL(&sc->loop, sc->gate.starved);
	assert_false(uv_is_active((uv_handle_t *)&sc->gate.post[0].poll));
	gate_shut(&sc->gate); /* shut and lifted meanwhile */
	gate_lift(&sc->gate);
	assert_false(uv_is_active((uv_handle_t *)&sc->gate.post[0].poll));
	assert_int_equal(sc->accepted, 0);
	/* The next try finds none either. */
	LOOPBACK_UNTIL(&sc->loop,
	    clock_mono_ns() - began > 3 * GATE_RETRY_MS * CLOCK_NS_PER_MS);
	assert_int_equal(sc->accepted, 0);
	loopback_feed(&f);
	LOOPBACK_UNTIL(&sc->loop, sc->accepted == 1);
	assert_false(sc->gate.starved);
	close(fd);
}

static void
starving_gate_can_be_closed(void **state)
{
	struct scene *sc = *state;
	int fd = call(sc);
	struct loopback_famine f;

	loopback_starve(&f, 0);
	gate_lift(&sc->gate);
	LOOPBACK_UNTIL(&sc->loop, sc->gate.starved);
	gate_close(&sc->gate);
	loopback_feed(&f);
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT); /* ends: nothing is left */
	assert_int_equal(sc->accepted, 0);
	close(fd);
}

static void
a_gate_that_never_started_closes_its_listeners(void **state)
{
	struct scene *sc = *state;
	struct endpoint e = { .how = ENDPOINT_LISTEN };
	struct err err = { "" };
	unsigned before = loopback_fds();
	struct gate g;

	(void)sc;
	assert_int_equal(gate_open(&g, &e, &opts, &err), 0);
	assert_true(loopback_fds() > before);
	gate_close(&g);
	assert_int_equal(loopback_fds(), before);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(it_starts_shut_and_queues),
		SCENE(addresses_are_those_of_both_ends),
		SCENE(shutting_within_the_callback_stops_at_once),
		SCENE(closing_within_the_callback_refuses_the_rest),
		SCENE(a_crowd_does_not_starve_the_loop),
		SCENE(starvation_ends_by_itself),
		SCENE(starving_gate_can_be_closed),
		SCENE(a_gate_that_never_started_closes_its_listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
