#include "book.h"

#include <signal.h>
#include <stdatomic.h>

#include "net/socket.h"
#include "source/proxy.h"

#define MAX_WORKERS 3
#define MAX_PAIRS   3

/**
 * struct scene - A proxy with its workers, and a server behind it
 * @server:	Listens; where pairs relay to unless a test says otherwise
 * @front:	[i] where pair i listens
 */
struct scene {
	struct book book;
	struct worker *worker[MAX_WORKERS];
	struct fanout *fan[MAX_WORKERS];
	size_t nworkers;
	struct source *proxy;
	struct proxy_opts o;
	struct source_numbers numbers;
	struct proxy_pair pair[MAX_PAIRS];
	struct endpoint client_end[MAX_PAIRS];
	struct endpoint server_end[MAX_PAIRS];
	char host[16];
	struct addr server_addr;
	int server;
	struct proxy_listening front[MAX_PAIRS];
	unsigned before;
	_Atomic unsigned finished, stopped;
};

static struct scene sc;

static void
on_finished(void *self)
{
	assert_ptr_equal(self, &sc);
	atomic_fetch_add(&sc.finished, 1);
}

static void
on_stopped(void *self)
{
	assert_ptr_equal(self, &sc);
	assert_int_equal(proxy_live(sc.proxy), 0);
	atomic_fetch_add(&sc.stopped, 1);
}

/* A loop of nobody's; it only makes the waits below wait. */
static uv_loop_t idle;

#define UNTIL(condition) LOOPBACK_UNTIL(&idle, condition)

static int
set_up(void **state)
{
	(void)state;
	memset(&sc, 0, sizeof(sc));
	book_init(&sc.book);
	strcpy(sc.host, "127.0.0.1");
	sc.before = loopback_fds();
	sc.server_addr = loopback_addr(AF_INET);
	sc.server = loopback_listen(&sc.server_addr, 64);
	for (int i = 0; i < MAX_PAIRS; i++) {
		sc.client_end[i] = (struct endpoint){
			.how = ENDPOINT_LISTEN,
			.host = sc.host,
		};
		sc.server_end[i] = (struct endpoint){
			.how = ENDPOINT_DIAL,
			.host = sc.host,
			.port = sc.server_addr.port,
		};
		sc.pair[i].client = &sc.client_end[i];
		sc.pair[i].server = &sc.server_end[i];
	}
	sc.o = (struct proxy_opts){
		.pairs = sc.pair,
		.npairs = 1,
		.connect_timeout_ns = 20 * CLOCK_NS_PER_S,
		.backlog = 128,
		.pipes = 64,
		.place = { "web", &sc.numbers },
		.events = {
			.finished = on_finished,
			.stopped = on_stopped,
			.self = &sc,
		},
	};
	return 0;
}

/* Starts what the test has described; at most @limit at once, 0: any. */
static void
begin(size_t nworkers, uint64_t limit)
{
	struct sink *sink = &sc.book.sink;
	struct err err = { "" };

	sc.proxy = proxy_new(&sc.o, &err);
	assert_string_equal(err.text, "");
	if (limit > 0)
		proxy_limit(sc.proxy, limit);
	for (size_t i = 0; i < nworkers; i++) {
		sc.worker[i] = worker_new((unsigned)i, &err);
		assert_non_null(sc.worker[i]);
		sc.fan[i] = fanout_new(&sink, 1, sc.worker[i], &err);
		assert_non_null(sc.fan[i]);
	}
	sc.nworkers = nworkers;
	assert_int_equal(
	    sc.proxy->ops->attach(sc.proxy, sc.worker, sc.fan, nworkers, &err),
	    0);
	(void)proxy_listening(sc.proxy, sc.front, MAX_PAIRS);
	for (size_t i = 0; i < nworkers; i++)
		assert_int_equal(worker_start(sc.worker[i], &err), 0);
	sc.proxy->ops->start(sc.proxy);
}

static void
stop(uint64_t linger_ns)
{
	sc.proxy->ops->stop(sc.proxy, linger_ns);
	UNTIL(atomic_load(&sc.stopped) == 1);
}

/* As run/run.c does it. */
static int
tear_down(void **state)
{
	(void)state;
	if (atomic_load(&sc.stopped) == 0)
		stop(0);
	for (size_t i = 0; i < sc.nworkers; i++)
		worker_stop(sc.worker[i]);
	for (size_t i = 0; i < sc.nworkers; i++)
		worker_join(sc.worker[i]);
	for (size_t i = 0; i < sc.nworkers; i++)
		worker_free(sc.worker[i]);
	for (size_t i = 0; i < sc.nworkers; i++)
		fanout_free(sc.fan[i]);
	sc.proxy->ops->free(sc.proxy);
	if (sc.server >= 0)
		close(sc.server);
	assert_int_equal(atomic_load(&sc.stopped), 1);
	assert_int_equal(sc.book.opened, sc.book.closed);
	assert_int_equal(loopback_fds(), sc.before);
	pthread_mutex_destroy(&sc.book.lock);
	return 0;
}

/* --- what the peers do ------------------------------------------------- */

static int
client(int pair)
{
	return loopback_connect(&sc.front[pair].addr);
}

static void
says(int from, int to, const char *text)
{
	char buf[64];
	size_t len = strlen(text), n = 0;

	assert_int_equal(send(from, text, len, MSG_NOSIGNAL), len);
	while (n < len) {
		ssize_t got;

		loopback_wait(to, POLLIN);
		got = recv(to, buf + n, len - n, 0);
		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_memory_equal(buf, text, len);
}

static void
expect_fin(int fd)
{
	char c;

	loopback_wait(fd, POLLIN);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
}

static void
expect_rst(int fd)
{
	char c;

	loopback_wait(fd, POLLIN);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

/* Closes both ends of a session and waits until it is over. */
static void
finish(int c, int s)
{
	unsigned closed = book_closed(&sc.book);

	shutdown(c, SHUT_WR);
	expect_fin(s);
	close(s);
	expect_fin(c);
	close(c);
	UNTIL(book_closed(&sc.book) == closed + 1);
}

/* --- tests ------------------------------------------------------------- */

static void
a_session_knows_its_four_ends(void **state)
{
	struct addr from, local;
	struct book_entry e;
	char target[64];
	int c, s;

	(void)state;
	begin(1, 0);
	c = client(0);
	s = loopback_accept(sc.server);
	from = loopback_name(c, false);
	local = loopback_name(s, true);
	says(c, s, "hello");
	says(s, c, "good day");
	finish(c, s);
	e = book_entry(&sc.book, 1);
	assert_int_equal(e.reason, HOW_FIN);
	assert_int_equal(e.first, PARTY_CLIENT);
	assert_int_equal(e.bytes[DIR_CLIENT], 5);
	assert_int_equal(e.bytes[DIR_SERVER], 8);
	assert_true(addr_equal(&e.client, &from));
	assert_true(addr_equal(&e.server, &sc.server_addr));
	assert_true(addr_equal(&e.listen, &sc.front[0].addr));
	assert_true(addr_equal(&e.local, &local));
	(void)snprintf(target, sizeof(target), "127.0.0.1:%u",
	    (unsigned)sc.server_addr.port);
	assert_string_equal(e.target, target);
}

static void
sessions_go_to_the_worker_with_the_fewest(void **state)
{
	unsigned on[MAX_WORKERS] = { 0 };
	int c[9], s[9];

	(void)state;
	begin(3, 0);
	for (int i = 0; i < 9; i++) {
		c[i] = client(0);
		s[i] = loopback_accept(sc.server);
		says(c[i], s[i], "x");
		on[book_entry(&sc.book, (uint64_t)i + 1).worker]++;
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(on[i], 3);
	assert_int_equal(proxy_live(sc.proxy), 9);
	for (int i = 0; i < 9; i++)
		finish(c[i], s[i]);
	assert_int_equal(proxy_live(sc.proxy), 0);
}

static void
many_one_after_the_other(void **state)
{
	(void)state;
	begin(2, 0);
	for (unsigned i = 0; i < 200; i++) {
		int c = client(0), s = loopback_accept(sc.server);

		says(c, s, "ping");
		finish(c, s);
	}
	assert_int_equal(book_opened(&sc.book), 200);
}

static void
max_sessions_closes_the_door(void **state)
{
	struct addr a;
	int c[2], s[2];

	(void)state;
	sc.o.max_sessions = 2;
	begin(2, 0);
	a = sc.front[0].addr;
	for (int i = 0; i < 2; i++) {
		c[i] = client(0);
		s[i] = loopback_accept(sc.server);
		says(c[i], s[i], "x");
	}
	finish(c[0], s[0]);
	assert_int_equal(atomic_load(&sc.finished), 0);
	says(s[1], c[1], "y"); /* the last one lives on */
	finish(c[1], s[1]);
	UNTIL(atomic_load(&sc.finished) == 1);
	for (int fd = -1, rc = 0; rc != -ECONNREFUSED;) {
		rc = socket_connect(&a, NULL, &fd);
		if (rc == 0)
			close(fd);
	}
	stop(0);
	assert_int_equal(atomic_load(&sc.finished), 1);
	assert_int_equal(book_opened(&sc.book), 2);
}

/* A refused session is one of them, too. */
static void
max_sessions_counts_those_that_fail(void **state)
{
	int c;

	(void)state;
	sc.o.max_sessions = 1;
	close(sc.server);
	sc.server = -1;
	begin(1, 0);
	c = client(0);
	UNTIL(atomic_load(&sc.finished) == 1);
	expect_rst(c);
	close(c);
}

static void
others_wait_while_there_is_no_room(void **state)
{
	int c[2], s[2];

	(void)state;
	begin(1, 1);
	c[0] = client(0);
	s[0] = loopback_accept(sc.server);
	c[1] = client(0); /* in the kernel's queue */
	for (int i = 0; i < 10; i++) {
		says(c[0], s[0], "still here");
		assert_int_equal(proxy_live(sc.proxy), 1);
	}
	finish(c[0], s[0]);
	s[1] = loopback_accept(sc.server);
	says(c[1], s[1], "my turn");
	finish(c[1], s[1]);
}

/* The @n-th session is there, and alone; then it is over. */
static void
expect_alone(unsigned n)
{
	int s = loopback_accept(sc.server);

	/* Turns enough to take another one by mistake. */
	for (int i = 0; i < 10; i++)
		loopback_turn(&idle);
	assert_int_equal(proxy_live(sc.proxy), 1);
	assert_int_equal(book_opened(&sc.book), n);
	loopback_rst(s);
	UNTIL(book_closed(&sc.book) == n);
}

/* The limit is one for all pairs, however close together they come. */
static void
other_pairs_wait_as_well(void **state)
{
	int c[3];

	(void)state;
	sc.o.npairs = 3;
	begin(1, 1);
	for (int i = 0; i < 3; i++)
		c[i] = client(i);
	for (unsigned n = 1; n <= 3; n++)
		expect_alone(n);
	for (int i = 0; i < 3; i++)
		close(c[i]);
}

static void
a_refused_server_resets_the_client(void **state)
{
	struct book_entry e;
	int c;

	(void)state;
	close(sc.server);
	sc.server = -1;
	begin(2, 0);
	c = client(0);
	expect_rst(c);
	close(c);
	UNTIL(book_closed(&sc.book) == 1);
	e = book_entry(&sc.book, 1);
	assert_int_equal(e.reason, HOW_REFUSED);
	assert_int_equal(e.first, PARTY_SERVER);
	assert_string_equal(e.error, "Connection refused");
	assert_true(addr_equal(&e.server, &sc.server_addr));
}

static void
stop_ends_all_that_is_alive(void **state)
{
	int c[4], s[4];

	(void)state;
	begin(2, 0);
	for (int i = 0; i < 4; i++) {
		c[i] = client(0);
		s[i] = loopback_accept(sc.server);
		says(c[i], s[i], "x");
	}
	stop(CLOCK_NS_PER_S);
	for (int i = 0; i < 4; i++) {
		expect_rst(c[i]);
		expect_rst(s[i]);
		close(c[i]);
		close(s[i]);
	}
	for (uint64_t id = 1; id <= 4; id++)
		assert_int_equal(book_entry(&sc.book, id).reason, HOW_STOP);
	assert_int_equal(atomic_load(&sc.finished), 0);
}

static void
stop_without_sessions(void **state)
{
	(void)state;
	begin(3, 0);
	stop(CLOCK_NS_PER_S);
	assert_int_equal(book_opened(&sc.book), 0);
}

/* Whoever was accepted has a record, also when all ends in that moment. */
static void
stop_in_the_middle_of_a_crowd(void **state)
{
	int c[40];

	(void)state;
	begin(3, 0);
	for (int i = 0; i < 40; i++)
		c[i] = client(0);
	UNTIL(book_opened(&sc.book) > 0);
	stop(0);
	for (int i = 0; i < 40; i++)
		close(c[i]);
	assert_int_equal(book_opened(&sc.book), book_closed(&sc.book));
	/* Numbers were given without a hole. */
	for (unsigned id = 1; id <= sc.book.opened; id++)
		assert_true(book_entry(&sc.book, id).closed);
}

/* --- ends the other way round ------------------------------------------ */

static void
a_client_that_is_called(void **state)
{
	struct addr a = loopback_addr(AF_INET);
	int listener = loopback_listen(&a, 4);

	(void)state;
	sc.client_end[0].how = ENDPOINT_DIAL;
	sc.client_end[0].port = a.port;
	begin(2, 0);
	for (int i = 0; i < 3; i++) { /* one at a time, again and again */
		int c = loopback_accept(listener);
		int s = loopback_accept(sc.server);

		says(c, s, "who is there?");
		assert_int_equal(proxy_live(sc.proxy), 1);
		if (i == 2) /* nobody to call any more */
			close(listener);
		finish(c, s);
	}
	assert_true(addr_equal(&sc.book.entry[0].client, &a));
}

static void
a_server_that_comes_to_us(void **state)
{
	struct addr back;
	int c[2], s[2];

	(void)state;
	sc.server_end[0].how = ENDPOINT_LISTEN;
	sc.server_end[0].port = 0;
	begin(2, 0);
	assert_false(sc.front[0].for_server);
	assert_true(sc.front[1].for_server);
	back = sc.front[1].addr;
	c[0] = client(0);
	UNTIL(proxy_live(sc.proxy) == 1);
	c[1] = client(0);
	UNTIL(proxy_live(sc.proxy) == 2);
	assert_int_equal(book_opened(&sc.book), 0);
	s[0] = loopback_connect(&back);
	s[1] = loopback_connect(&back);
	says(c[0], s[0], "first come"); /* first served */
	says(s[1], c[1], "second");
	finish(c[0], s[0]);
	finish(c[1], s[1]);
}

/* The server may be there first: it waits in the kernel's queue. */
static void
a_server_that_is_early(void **state)
{
	int c, s;

	(void)state;
	sc.server_end[0].how = ENDPOINT_LISTEN;
	sc.server_end[0].port = 0;
	begin(1, 0);
	s = loopback_connect(&sc.front[1].addr);
	c = client(0);
	says(s, c, "at last");
	finish(c, s);
}

/* The client has left: the server is for the next one. */
static void
a_server_is_not_wasted(void **state)
{
	int c, s;

	(void)state;
	sc.server_end[0].how = ENDPOINT_LISTEN;
	sc.server_end[0].port = 0;
	begin(1, 0);
	c = client(0);
	UNTIL(proxy_live(sc.proxy) == 1);
	loopback_rst(c);
	UNTIL(book_closed(&sc.book) == 1);
	assert_int_equal(book_entry(&sc.book, 1).reason, HOW_RST);
	s = loopback_connect(&sc.front[1].addr);
	c = client(0);
	says(s, c, "still here");
	finish(c, s);
}

static void
stop_while_the_server_has_not_come(void **state)
{
	int c;

	(void)state;
	sc.server_end[0].how = ENDPOINT_LISTEN;
	sc.server_end[0].port = 0;
	begin(2, 0);
	c = client(0);
	UNTIL(proxy_live(sc.proxy) == 1);
	stop(CLOCK_NS_PER_S);
	expect_rst(c);
	close(c);
	assert_int_equal(book_entry(&sc.book, 1).reason, HOW_STOP);
}

static void
unix_ends_are_known_by_their_paths(void **state)
{
	char dir[] = "/tmp/test_proxy.XXXXXX", front[64], back[64];
	struct addr a = { .family = AF_UNIX, .path = back };
	struct book_entry e;
	int c, s, listener;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(front, sizeof(front), "%s/front", dir);
	(void)snprintf(back, sizeof(back), "%s/back", dir);
	listener = loopback_listen(&a, 1);
	sc.client_end[0].family = ENDPOINT_UNIX;
	sc.client_end[0].host = front;
	sc.server_end[0].family = ENDPOINT_UNIX;
	sc.server_end[0].host = back;
	begin(2, 0);
	c = client(0);
	s = loopback_accept(listener);
	says(c, s, "hello");
	finish(c, s);
	e = book_entry(&sc.book, 1);
	assert_int_equal(e.client.family, AF_UNIX);
	assert_string_equal(e.listen.path, front);
	assert_string_equal(e.server.path, back);
	close(listener);
	stop(0);
	assert_int_equal(unlink(back), 0);
	assert_int_equal(rmdir(dir), 0); /* ours was removed */
}

/* --- at start ---------------------------------------------------------- */

static void
a_port_in_use_closes_the_others(void **state)
{
	struct err err = { "" };
	unsigned before = loopback_fds();

	(void)state;
	sc.o.npairs = 2;
	sc.client_end[1].port = sc.server_addr.port;
	assert_null(proxy_new(&sc.o, &err));
	assert_non_null(strstr(err.text, "in use"));
	assert_int_equal(loopback_fds(), before);
	sc.client_end[1].port = 0;
	begin(1, 0); /* for the tear-down */
}

/* A target that does not resolve: undone without a thread. */
static void
a_start_that_fails_is_undone(void **state)
{
	char name[] = "no-such-name.invalid";
	struct sink *sink = &sc.book.sink;
	struct err err = { "" };

	(void)state;
	sc.server_end[0].host = name;
	sc.proxy = proxy_new(&sc.o, &err);
	assert_non_null(sc.proxy);
	sc.worker[0] = worker_new(0, &err);
	sc.fan[0] = fanout_new(&sink, 1, sc.worker[0], &err);
	assert_true(
	    sc.proxy->ops->attach(sc.proxy, sc.worker, sc.fan, 1, &err) < 0);
	assert_non_null(strstr(err.text, "does not resolve"));
	sc.proxy->ops->close(sc.proxy);
	worker_free(sc.worker[0]);
	fanout_free(sc.fan[0]);
	sc.proxy->ops->free(sc.proxy);
	sc.server_end[0].host = sc.host;
	begin(1, 0); /* for the tear-down */
}

/* One thread could be started, the next could not. */
static void
a_start_that_fails_half_way_is_undone(void **state)
{
	struct sink *sink = &sc.book.sink;
	struct err err = { "" };

	(void)state;
	sc.o.npairs = 2; /* a gate on each worker */
	sc.proxy = proxy_new(&sc.o, &err);
	assert_non_null(sc.proxy);
	for (unsigned i = 0; i < 2; i++) {
		sc.worker[i] = worker_new(i, &err);
		sc.fan[i] = fanout_new(&sink, 1, sc.worker[i], &err);
	}
	assert_int_equal(
	    sc.proxy->ops->attach(sc.proxy, sc.worker, sc.fan, 2, &err), 0);
	assert_int_equal(worker_start(sc.worker[0], &err), 0);
	worker_stop(sc.worker[0]);
	worker_join(sc.worker[0]);
	sc.proxy->ops->close(sc.proxy);
	for (unsigned i = 0; i < 2; i++) {
		worker_free(sc.worker[i]);
		fanout_free(sc.fan[i]);
	}
	sc.proxy->ops->free(sc.proxy);
	sc.o.npairs = 1;
	begin(1, 0); /* for the tear-down */
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(a_session_knows_its_four_ends),
		SCENE(sessions_go_to_the_worker_with_the_fewest),
		SCENE(many_one_after_the_other),
		SCENE(max_sessions_closes_the_door),
		SCENE(max_sessions_counts_those_that_fail),
		SCENE(others_wait_while_there_is_no_room),
		SCENE(other_pairs_wait_as_well),
		SCENE(a_refused_server_resets_the_client),
		SCENE(stop_ends_all_that_is_alive),
		SCENE(stop_without_sessions),
		SCENE(stop_in_the_middle_of_a_crowd),
		SCENE(a_client_that_is_called),
		SCENE(a_server_that_comes_to_us),
		SCENE(a_server_that_is_early),
		SCENE(a_server_is_not_wasted),
		SCENE(stop_while_the_server_has_not_come),
		SCENE(unix_ends_are_known_by_their_paths),
		SCENE(a_port_in_use_closes_the_others),
		SCENE(a_start_that_fails_is_undone),
		SCENE(a_start_that_fails_half_way_is_undone),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	if (uv_loop_init(&idle) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
