#include "../net/loopback.h"

#include "base/endpoint.h"
#include "base/err.h"
#include "core/count.h"
#include "net/own.h"
#include "net/worker.h"
#include "sink/courier.h"

#define MS CLOCK_NS_PER_MS

/** struct scene - A courier, and the target it is sent to. */
struct scene {
	struct worker *w;
	unsigned before;
	struct sink_count count;
	struct endpoint to;
	struct courier courier;
	struct addr addr;
	int listener;
	int target;
	uint64_t put;
	size_t told; /* bytes of records that have gone out */
	bool ended;
};

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	sc->w = worker_new(0, NULL);
	assert_non_null(sc->w);
	sc->before = loopback_fds();
	sc->target = -1;
	sc->addr = loopback_addr(AF_INET);
	/* Its port is known, and nobody listens yet. */
	sc->listener = loopback_bind(&sc->addr);
	*state = sc;
	return 0;
}

static void
listen_now(struct scene *sc)
{
	int size = 4096;

	assert_int_equal(setsockopt(sc->listener, SOL_SOCKET, SO_RCVBUF, &size,
			     sizeof(size)),
	    0);
	assert_int_equal(listen(sc->listener, 64), 0);
}

static void
on_sent(void *self, size_t len, const struct addr *to)
{
	struct scene *sc = self;

	assert_true(addr_equal(to, &sc->addr));
	sc->told += len;
}

static void
make(struct scene *sc, bool keep, unsigned tries, bool own)
{
	struct courier_opts o = {
		.call = { .endpoint = &sc->to,
		    .timeout_ns = 20 * CLOCK_NS_PER_S,
		    .retry_ns = 5 * MS,
		    .own = own },
		.tries = tries,
		.limit = (size_t)1 << 20,
		.keep = keep,
		.sent = on_sent,
		.self = sc,
	};
	char text[ADDR_TEXT_MAX];
	struct err err;

	assert_int_equal(endpoint_parse(&sc->to, ENDPOINT_DIAL,
			     addr_format(&sc->addr, text), &err),
	    0);
	assert_int_equal(
	    courier_init(&sc->courier, &o, sc->w, &sc->count, &err), 0);
}

static void
turn(struct scene *sc)
{
	loopback_step(sc->w);
	(void)courier_turn(&sc->courier, clock_mono_ns());
}

/* Turn until @condition holds; fails when late. */
#define UNTIL(sc, condition)                                                   \
	do {                                                                   \
		uint64_t late_ = clock_mono_ns() + LOOPBACK_DEADLINE_NS;       \
		while (!(condition)) {                                         \
			if (clock_mono_ns() > late_)                           \
				fail_msg("never happened: %s", #condition);    \
			turn(sc);                                              \
		}                                                              \
	} while (0)

static uint64_t
dropped(const struct scene *sc, enum drop_reason why)
{
	return count_get(&sc->count.drop_bytes[why]);
}

static uint64_t
written(const struct scene *sc)
{
	return count_get(&sc->count.written);
}

/* Records that went out, their bytes, and tries that failed. */
static void
expect_sent(const struct scene *sc, unsigned records, size_t bytes,
    unsigned failed_tries)
{
	assert_int_equal(count_get(&sc->count.sent), records);
	assert_int_equal(count_get(&sc->count.sent_bytes), bytes);
	assert_int_equal(count_get(&sc->count.failed_tries), failed_tries);
	assert_int_equal(sc->told, bytes);
}

/* The end of the run, all of whose time is over. */
static void
end_now(struct scene *sc)
{
	courier_finish(&sc->courier, 0);
	turn(sc);
	sc->ended = true;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;
	uint64_t sum;

	if (!sc->ended)
		end_now(sc);
	courier_done(&sc->courier);
	for (int i = 0; i < 3; i++)
		loopback_step(sc->w);
	if (sc->target >= 0)
		close(sc->target);
	if (sc->listener >= 0)
		close(sc->listener);
	endpoint_done(&sc->to);
	assert_int_equal(loopback_fds(), sc->before);
	sum = written(sc);
	for (int r = 0; r < DROP_NREASONS; r++)
		sum += dropped(sc, (enum drop_reason)r);
	/* Nothing that was put in got lost between the counters. */
	assert_int_equal(sum, sc->put);
	worker_free(sc->w);
	free(sc);
	return 0;
}

/* A record: "<" of no worth, then the text. */
static void
put(struct scene *sc, const char *text)
{
	struct outbuf_part parts[] = { { "<", 1 }, { text, strlen(text) } };

	courier_put(&sc->courier, parts, 2, strlen(text));
	sc->put += strlen(text);
}

/* A record of @len bytes, all of which are @c. */
static void
put_run(struct scene *sc, char c, size_t len)
{
	char *text = malloc(len);
	struct outbuf_part part = { text, len };

	assert_non_null(text);
	memset(text, c, len);
	courier_put(&sc->courier, &part, 1, len);
	sc->put += len;
	free(text);
}

/* The next connection comes to the target. */
static void
answer(struct scene *sc)
{
	struct pollfd p = { sc->listener, POLLIN, 0 };

	if (sc->target >= 0)
		close(sc->target);
	UNTIL(sc, poll(&p, 1, 0) == 1);
	sc->target = loopback_accept(sc->listener);
}

static bool
is_calling(struct scene *sc)
{
	struct pollfd p = { sc->listener, POLLIN, 0 };

	turn(sc);
	return poll(&p, 1, 0) == 1;
}

static void
hear(struct scene *sc, const char *want)
{
	char got[256] = "";
	size_t n = 0;

	while (n < strlen(want)) {
		ssize_t part;

		turn(sc);
		part = recv(
		    sc->target, got + n, sizeof(got) - 1 - n, MSG_DONTWAIT);
		if (part < 0)
			assert_int_equal(errno, EAGAIN);
		else
			assert_true(part > 0);
		n += part > 0 ? (size_t)part : 0;
	}
	assert_string_equal(got, want);
}

static void
hear_end(struct scene *sc)
{
	ssize_t n;
	char c;

	UNTIL(sc, (n = recv(sc->target, &c, 1, MSG_DONTWAIT)) >= 0);
	assert_int_equal(n, 0);
}

static size_t
hear_part(struct scene *sc, char *buf, size_t max)
{
	ssize_t n;

	UNTIL(sc, (n = recv(sc->target, buf, max, MSG_DONTWAIT)) >= 0);
	assert_true(n > 0);
	return (size_t)n;
}

/* So many bytes, all of which are @c. */
static void
hear_run(struct scene *sc, char c, size_t len)
{
	char buf[4096];

	while (len > 0) {
		size_t want = len < sizeof(buf) ? len : sizeof(buf);
		size_t n = hear_part(sc, buf, want);

		for (size_t i = 0; i < n; i++)
			assert_int_equal(buf[i], c);
		len -= n;
	}
}

static void
test_one_connection_for_all(void **state)
{
	struct scene *sc = *state;

	listen_now(sc);
	make(sc, true, 3, false);
	put(sc, "one");
	put(sc, "two");
	answer(sc);
	hear(sc, "<one<two");
	put(sc, "three");
	hear(sc, "<three");
	assert_false(is_calling(sc));
	assert_int_equal(written(sc), 11);
	courier_finish(&sc->courier, clock_mono_ns() + LOOPBACK_DEADLINE_NS);
	sc->ended = true;
	hear_end(sc);
	/* It has everything: whether it closes is its own business. */
	UNTIL(sc, !sc->courier.held);
	assert_true(clock_mono_ns() < sc->courier.finish_ns);
}

static void
test_a_connection_each(void **state)
{
	struct scene *sc = *state;

	listen_now(sc);
	make(sc, false, 3, false);
	put(sc, "one");
	put(sc, "two");
	put(sc, "three");
	answer(sc);
	hear(sc, "<one");
	hear_end(sc);
	answer(sc);
	hear(sc, "<two");
	hear_end(sc);
	answer(sc);
	hear(sc, "<three");
	hear_end(sc);
	assert_false(is_calling(sc));
	assert_int_equal(written(sc), 11);
	expect_sent(sc, 3, 14, 0);
}

/* Its answers, however long, neither fill anything nor make RST of FIN. */
static void
test_answers_are_dropped(void **state)
{
	struct scene *sc = *state;
	char buf[65536] = "";
	size_t sent = 0;

	listen_now(sc);
	make(sc, false, 3, false);
	put(sc, "question");
	answer(sc);
	loopback_nonblock(sc->target);
	while (sent < (size_t)4 << 20) {
		ssize_t n = send(sc->target, buf, sizeof(buf), MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else
			assert_int_equal(errno, EAGAIN);
		turn(sc);
	}
	hear(sc, "<question");
	hear_end(sc);
	assert_int_equal(shutdown(sc->target, SHUT_WR), 0);
	UNTIL(sc, sc->courier.nparting == 0);
}

/* A record that was begun is sent again from its beginning. */
static void
test_lost_in_the_middle(void **state)
{
	struct scene *sc = *state;

	listen_now(sc);
	make(sc, true, 3, false);
	put(sc, "first");
	answer(sc);
	hear(sc, "<first");
	/* Neither fits into what the system takes. */
	put_run(sc, 'a', (size_t)8 << 20);
	put_run(sc, 'b', 1000);
	hear_run(sc, 'a', 100000);
	assert_int_equal(written(sc), 5);
	loopback_rst(sc->target);
	sc->target = -1;
	answer(sc);
	hear_run(sc, 'a', (size_t)8 << 20);
	hear_run(sc, 'b', 1000);
	assert_int_equal(written(sc), sc->put);
	expect_sent(sc, 3, sc->put + 1, 1);
}

/* A record whose every connection is lost is given up, not those after it. */
static void
test_tries(void **state)
{
	struct scene *sc = *state;

	listen_now(sc);
	make(sc, true, 2, false);
	put_run(sc, 'a', (size_t)8 << 20);
	put(sc, "next");
	for (int i = 0; i < 2; i++) {
		answer(sc);
		hear_run(sc, 'a', 100000);
		loopback_rst(sc->target);
		sc->target = -1;
	}
	answer(sc);
	hear(sc, "<next");
	assert_int_equal(dropped(sc, DROP_GONE), (size_t)8 << 20);
	assert_int_equal(count_get(&sc->count.drop_chunks[DROP_GONE]), 1);
	expect_sent(sc, 1, 5, 2);
}

/* Nobody is there, until somebody is. */
static void
test_absent_then_there(void **state)
{
	struct scene *sc = *state;

	make(sc, false, 2, false);
	put(sc, "lost");
	put(sc, "lost too");
	UNTIL(sc, dropped(sc, DROP_GONE) == 12);
	put(sc, "kept");
	turn(sc);
	assert_int_equal(written(sc), 0);
	listen_now(sc);
	answer(sc);
	hear(sc, "<kept");
	hear_end(sc);
	assert_int_equal(written(sc), 4);
}

/*
 * One that has said FIN goes on listening; what it does not acknowledge
 * is not written.
 */
static void
test_half_closed_target(void **state)
{
	struct scene *sc = *state;

	listen_now(sc);
	make(sc, true, 3, false);
	put(sc, "one");
	answer(sc);
	assert_int_equal(shutdown(sc->target, SHUT_WR), 0);
	hear(sc, "<one");
	for (int i = 0; i < 3; i++)
		turn(sc);
	put(sc, "two");
	hear(sc, "<two");
	UNTIL(sc, written(sc) == 6);
	assert_false(is_calling(sc));
}

/* One that has closed an idle connection gets all there is on the next. */
static void
test_target_that_closes_when_idle(void **state)
{
	struct scene *sc = *state;

	listen_now(sc);
	make(sc, true, 3, false);
	put(sc, "one");
	answer(sc);
	hear(sc, "<one");
	close(sc->target);
	sc->target = -1;
	for (int i = 0; i < 5; i++)
		turn(sc);
	put(sc, "two");
	put(sc, "three");
	answer(sc);
	hear(sc, "<two<three");
	UNTIL(sc, written(sc) == sc->put);
}

static void
test_end_of_the_run(void **state)
{
	struct scene *sc = *state;

	listen_now(sc);
	make(sc, true, 3, false);
	put_run(sc, 'a', (size_t)8 << 20);
	answer(sc);
	courier_finish(&sc->courier, clock_mono_ns() + 20 * MS);
	sc->ended = true;
	UNTIL(sc, !sc->courier.held);
	assert_int_equal(dropped(sc, DROP_CLOSING), (size_t)8 << 20);
}

/* No time is set: it ends when the target has taken nothing for a while. */
static void
test_end_that_waits_for_the_target(void **state)
{
	struct scene *sc = *state;

	listen_now(sc);
	make(sc, true, 3, false);
	put_run(sc, 'a', (size_t)32 << 20);
	answer(sc);
	courier_finish(&sc->courier, CLOCK_NEVER);
	sc->ended = true;
	hear_run(sc, 'a', (size_t)7 << 20);
	assert_true(sc->courier.held);
	assert_true(courier_turn(&sc->courier, clock_mono_ns()) != CLOCK_NEVER);
	(void)courier_turn(&sc->courier, clock_mono_ns() + 60 * CLOCK_NS_PER_S);
	assert_false(sc->courier.held);
	assert_int_equal(dropped(sc, DROP_CLOSING), (size_t)32 << 20);
}

static void
test_end_of_the_run_without_a_target(void **state)
{
	struct scene *sc = *state;

	make(sc, true, 1000, false);
	put(sc, "nobody");
	turn(sc);
	end_now(sc);
	assert_int_equal(dropped(sc, DROP_NO_CONSUMER), 6);
}

static void
test_full(void **state)
{
	struct scene *sc = *state;

	make(sc, true, 1000, false);
	while (!courier_is_full(&sc->courier))
		put_run(sc, 'a', 1000);
	assert_int_equal(sc->put, 1049000);
	listen_now(sc);
	answer(sc);
	hear_run(sc, 'a', (size_t)sc->put);
	assert_false(courier_is_full(&sc->courier));
	/* What its length took is not kept for ever. */
	for (uint64_t i = 0; i < 3; i++)
		(void)courier_turn(
		    &sc->courier, clock_mono_ns() + i * OUTBLOCK_REST_NS);
	assert_int_equal(sc->courier.blocks.nspare, OUTBLOCK_KEPT);
}

/*
 * More records at once than the queue is for: they leave before the turn is
 * over.
 */
static void
test_long_turn(void **state)
{
	struct scene *sc = *state;
	int size = 8 << 20;

	assert_int_equal(setsockopt(sc->listener, SOL_SOCKET, SO_RCVBUF, &size,
			     sizeof(size)),
	    0);
	assert_int_equal(listen(sc->listener, 64), 0);
	make(sc, true, 3, false);
	for (int i = 0; i < 200; i++)
		put_run(sc, 'a', 1000);
	assert_true(written(sc) >= 100000);
	answer(sc);
	hear_run(sc, 'a', 200000);
}

/* A capture asks for it as soon as its first packet is out. */
static void
test_own_connections_are_entered(void **state)
{
	struct scene *sc = *state;
	struct addr peer;

	listen_now(sc);
	make(sc, false, 3, true);
	put(sc, "word");
	answer(sc);
	peer = loopback_name(sc->target, true);
	assert_true(own_has(&peer, &sc->addr, UINT64_MAX));
	hear(sc, "<word");
	hear_end(sc);
	assert_true(own_has(&peer, &sc->addr, UINT64_MAX));
	close(sc->target);
	sc->target = -1;
	UNTIL(sc, sc->courier.nparting == 0);
	assert_false(own_has(&peer, &sc->addr, UINT64_MAX));
}

/*
 * Who never closes holds so many connections, and no more; it is called no
 * faster than that for a while, but it is called.
 */
static void
test_target_that_never_closes(void **state)
{
	struct scene *sc = *state;
	int held[250];

	assert_int_equal(listen(sc->listener, 128), 0);
	make(sc, false, 3, false);
	for (int i = 0; i < 250; i++)
		put(sc, "x");
	for (int i = 0; i < 250; i++) {
		answer(sc);
		held[i] = sc->target;
		sc->target = -1;
		assert_true(sc->courier.nparting <= 100);
	}
	turn(sc); /* the loop lets go of the last one */
	assert_int_equal(loopback_fds(), sc->before + 250 + 1 + 100);
	/* Those that were let go of have got all, and FIN. */
	for (int i = 0; i < 250; i++) {
		sc->target = held[i];
		hear(sc, "<x");
		hear_end(sc);
		close(held[i]);
	}
	sc->target = -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_connection_for_all),
		TEST(test_a_connection_each),
		TEST(test_answers_are_dropped),
		TEST(test_lost_in_the_middle),
		TEST(test_tries),
		TEST(test_absent_then_there),
		TEST(test_half_closed_target),
		TEST(test_target_that_closes_when_idle),
		TEST(test_end_of_the_run),
		TEST(test_end_that_waits_for_the_target),
		TEST(test_end_of_the_run_without_a_target),
		TEST(test_full),
		TEST(test_long_turn),
		TEST(test_own_connections_are_entered),
		TEST(test_target_that_never_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
