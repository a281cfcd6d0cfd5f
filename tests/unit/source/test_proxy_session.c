#include "book.h"
#include "recorder.h"

#include <signal.h>

#include "net/socket.h"
#include "source/proxy_session.h"

/*
 * One worker's sessions, on a loop that the test turns.  The target does not
 * answer unless a test says otherwise, so that a session stays where it is.
 */
struct scene {
	struct book book;
	struct worker *w;
	struct fanout *fan;
	struct proxy_lane lane;
	struct resolve target;
	struct endpoint e;
	char host[64];
	struct addr server_addr;
	int server;
	int queued[2];
	int client;
	struct proxy_session *waits;
	unsigned over;
};

static struct scene sc;

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	(void)self;
	return proxy_session_lane_turn(&sc.lane, mono_ns);
}

static void
on_over(void *self, size_t pair)
{
	assert_ptr_equal(self, &sc);
	assert_int_equal(pair, 0);
	sc.over++;
}

static void
lane_init(uint64_t idle_ns)
{
	sc.lane = (struct proxy_lane){
		.worker = sc.w,
		.fan = sc.fan,
		.targets = &sc.target,
		.dial.timeout_ns = 1000 * CLOCK_NS_PER_S,
		.over = on_over,
		.self = &sc,
	};
	sc.lane.relay.worker = sc.w;
	proxy_session_lane_init(&sc.lane, idle_ns);
}

static int
set_up(void **state)
{
	struct sink *sink = &sc.book.sink;
	struct err err = { "" };

	(void)state;
	memset(&sc, 0, sizeof(sc));
	book_init(&sc.book);
	sc.w = worker_new(0, &err);
	assert_non_null(sc.w);
	sc.fan = fanout_new(&sink, 1, sc.w, &err);
	assert_non_null(sc.fan);
	worker_set_turn(sc.w, on_turn, NULL);
	sc.server_addr = loopback_addr(AF_INET);
	sc.server = loopback_listen(&sc.server_addr, 0);
	/* A full queue: the kernel drops what comes. */
	sc.queued[0] = loopback_connect(&sc.server_addr);
	assert_int_equal(
	    socket_connect(&sc.server_addr, NULL, &sc.queued[1]), -EINPROGRESS);
	strcpy(sc.host, "127.0.0.1");
	sc.e = (struct endpoint){
		.how = ENDPOINT_DIAL,
		.host = sc.host,
		.port = sc.server_addr.port,
	};
	assert_int_equal(
	    resolve_init(&sc.target, &sc.e, worker_loop(sc.w), &err), 0);
	sc.client = -1;
	lane_init(0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_true(list_is_empty(&sc.lane.sessions));
	assert_int_equal(sc.over, 1);
	assert_int_equal(sc.book.opened, 1);
	assert_int_equal(sc.book.closed, 1);
	close(sc.server);
	close(sc.queued[0]);
	close(sc.queued[1]);
	if (sc.client >= 0)
		close(sc.client);
	worker_free(sc.w);
	fanout_free(sc.fan);
	pthread_mutex_destroy(&sc.book.lock);
	return 0;
}

#define UNTIL(condition) LOOPBACK_STEP_UNTIL(sc.w, condition)

static struct proxy_arrival
arrival(void)
{
	struct proxy_arrival a = {
		.id = 1,
		.target = "target",
		.peer = loopback_addr(AF_INET),
		.ts_ns = clock_event_ns(),
	};
	int fd[2];

	loopback_pair(fd);
	sc.client = fd[0];
	a.fd = fd[1];
	return a;
}

static void
begin(void)
{
	struct proxy_arrival a = arrival();

	sc.waits = proxy_session_new(&sc.lane, &a);
	assert_int_equal(sc.over, 0);
	for (int i = 0; i < 3; i++)
		loopback_step(sc.w);
	assert_int_equal(sc.book.opened, 0);
}

static void
expect(enum how reason, enum party first, const char *error)
{
	UNTIL(sc.over == 1);
	assert_int_equal(sc.book.entry[0].reason, reason);
	assert_int_equal(sc.book.entry[0].first, first);
	assert_string_equal(sc.book.entry[0].error, error);
}

static void
expect_reset_client(void)
{
	char c;

	loopback_wait(sc.client, POLLIN);
	assert_int_equal(recv(sc.client, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static bool
has_fin(void)
{
	char buf[64];

	return recv(sc.client, buf, sizeof(buf), MSG_DONTWAIT) == 0;
}

/* The client hears of the server's end, and ends as well. */
static void
expect_fin(void)
{
	UNTIL(has_fin());
	assert_int_equal(shutdown(sc.client, SHUT_WR), 0);
}

/* --- the states before the relay --------------------------------------- */

static void
name_is_to_be_looked_up(void)
{
	struct err err = { "" };

	strcpy(sc.host, "localhost");
	sc.e.family = ENDPOINT_TCP4;
	assert_int_equal(
	    resolve_init(&sc.target, &sc.e, worker_loop(sc.w), &err), 0);
	sc.target.asked_ns -= RESOLVE_AGE_NS;
}

static void
server_is_to_come(void)
{
	sc.target.endpoint = NULL;
}

/* It has come; what it says and hears goes through the result. */
static int
server_comes(void)
{
	int fd[2];

	loopback_pair(fd);
	proxy_session_server(sc.waits, fd[1], &sc.server_addr);
	return fd[0];
}

static void
stop_resets(void)
{
	proxy_session_lane_stop(&sc.lane, 1000 * CLOCK_NS_PER_S);
	assert_int_equal(sc.over, 1); /* at once */
	expect(HOW_STOP, PARTY_US, "");
	expect_reset_client();
}

static void
stop_while_dialling(void **state)
{
	(void)state;
	begin();
	stop_resets();
}

static void
stop_while_waiting(void **state)
{
	(void)state;
	server_is_to_come();
	begin();
	assert_non_null(sc.waits);
	stop_resets();
}

static void
stop_while_looking_up(void **state)
{
	struct proxy_arrival a;

	(void)state;
	name_is_to_be_looked_up();
	a = arrival();
	assert_null(proxy_session_new(&sc.lane, &a));
	assert_true(sc.target.busy);
	resolve_stop(&sc.target);
	stop_resets();
}

static void
stop_while_naming(void **state)
{
	int s;

	(void)state;
	sc.lane.names = true;
	server_is_to_come();
	begin();
	s = server_comes();
	assert_int_equal(sc.book.opened, 0);
	stop_resets();
	close(s);
}

static void
client_leaves_while_naming(void **state)
{
	int s;

	(void)state;
	sc.lane.names = true;
	server_is_to_come();
	begin();
	s = server_comes();
	loopback_rst(sc.client);
	sc.client = -1;
	/* Before its name is known, or right after that. */
	expect(HOW_RST, PARTY_CLIENT, "");
	close(s);
}

static void
client_leaves_while_dialling(void **state)
{
	(void)state;
	begin();
	loopback_rst(sc.client);
	sc.client = -1;
	expect(HOW_RST, PARTY_CLIENT, "");
}

static void
client_leaves_while_waiting(void **state)
{
	struct list queue;

	(void)state;
	server_is_to_come();
	begin();
	list_init(&queue);
	list_append(&queue, proxy_session_wait_node(sc.waits));
	assert_ptr_equal(proxy_session_of_wait(queue.next), sc.waits);
	loopback_rst(sc.client);
	sc.client = -1;
	expect(HOW_RST, PARTY_CLIENT, "");
	assert_true(list_is_empty(&queue)); /* took itself off */
}

/* What it said meanwhile is not lost, nor is its FIN. */
static void
client_speaks_while_waiting(void **state)
{
	char buf[8];
	int s;

	(void)state;
	server_is_to_come();
	begin();
	assert_int_equal(send(sc.client, "hello", 5, 0), 5);
	assert_int_equal(shutdown(sc.client, SHUT_WR), 0);
	for (int i = 0; i < 3; i++)
		loopback_step(sc.w);
	s = server_comes();
	UNTIL(recv(s, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK) == 5);
	assert_int_equal(recv(s, buf, sizeof(buf), 0), 5);
	UNTIL(recv(s, buf, sizeof(buf), MSG_DONTWAIT) == 0);
	close(s);
	UNTIL(has_fin());
	expect(HOW_FIN, PARTY_CLIENT, "");
	assert_int_equal(sc.book.entry[0].bytes[DIR_CLIENT], 5);
}

/* --- ended by somebody ------------------------------------------------- */

static void
ended_in_the_middle(void **state)
{
	char c;
	int s;

	(void)state;
	server_is_to_come();
	begin();
	s = server_comes();
	assert_int_equal(send(sc.client, "hello", 5, 0), 5);
	UNTIL(recv(s, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 1);
	proxy_session_end(fanout_find(sc.fan, 1));
	expect(HOW_STOP, PARTY_US, "");
	assert_int_equal(sc.book.entry[0].bytes[DIR_CLIENT], 5);
	expect_reset_client();
	/* What came before the end is there; then the reset. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(recv(s, &c, 1, 0), 1);
	loopback_wait(s, POLLIN);
	assert_int_equal(recv(s, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(s);
}

/* A sink that came while the server let wait is not left out. */
static void
a_sink_comes_while_waiting(void **state)
{
	struct recorder late;
	struct err err = { "" };
	int s;

	(void)state;
	server_is_to_come();
	begin();
	recorder_init(&late, NEED_MEMORY);
	late.ops.session_size = 500;
	assert_int_equal(fanout_prepare(sc.fan, &late.sink, sc.w, &err), 0);
	fanout_add(sc.fan, &late.sink);
	s = server_comes();
	assert_int_equal(late.opened, 1);
	close(s);
	expect_fin();
	expect(HOW_FIN, PARTY_SERVER, "");
	assert_int_equal(late.closed, 1);
	fanout_remove(sc.fan, &late.sink, 0, NULL, NULL);
	fanout_forget(sc.fan, &late.sink);
}

/* --- servers that cannot be reached ------------------------------------ */

static void
no_answer_is_a_timeout(void **state)
{
	(void)state;
	sc.lane.dial.timeout_ns = 500 * CLOCK_NS_PER_MS;
	begin();
	expect(HOW_TIMEOUT, PARTY_US, "Connection timed out");
	expect_reset_client();
	assert_true(addr_equal(&sc.book.entry[0].server, &sc.server_addr));
}

static void
no_name_is_an_error(void **state)
{
	struct proxy_arrival a;

	(void)state;
	name_is_to_be_looked_up();
	strcpy(sc.host, "no-such-name.invalid");
	a = arrival();
	assert_null(proxy_session_new(&sc.lane, &a));
	UNTIL(sc.over == 1);
	assert_int_equal(sc.book.entry[0].reason, HOW_ERROR);
	assert_true(sc.book.entry[0].error[0] != '\0');
	expect_reset_client();
}

static void
no_descriptor_is_an_error(void **state)
{
	struct proxy_arrival a = arrival();
	struct loopback_famine f;

	(void)state;
	loopback_starve(&f, 0);
	assert_null(proxy_session_new(&sc.lane, &a));
	loopback_feed(&f);
	expect(HOW_ERROR, PARTY_US, "Too many open files");
	expect_reset_client();
}

static void
too_late_is_a_stop(void **state)
{
	struct proxy_arrival a = arrival();

	(void)state;
	proxy_session_turn_away(&sc.lane, &a);
	expect(HOW_STOP, PARTY_US, "");
	expect_reset_client();
}

/* --- silence ----------------------------------------------------------- */

static void
silence_ends_a_session(void **state)
{
	char c;
	int s;

	(void)state;
	lane_init(30 * CLOCK_NS_PER_MS);
	server_is_to_come();
	begin();
	s = server_comes();
	expect(HOW_TIMEOUT, PARTY_US, "");
	expect_reset_client();
	loopback_wait(s, POLLIN);
	assert_int_equal(recv(s, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(s);
}

static void
a_word_now_and_then_keeps_it_alive(void **state)
{
	uint64_t began, said = 0, now;
	char buf[64];
	int s;

	(void)state;
	lane_init(200 * CLOCK_NS_PER_MS);
	server_is_to_come();
	begin();
	s = server_comes();
	began = clock_mono_ns();
	while ((now = clock_mono_ns()) - began < 700 * CLOCK_NS_PER_MS) {
		if (now - said > 20 * CLOCK_NS_PER_MS) {
			assert_int_equal(send(s, "x", 1, MSG_NOSIGNAL), 1);
			said = now;
		}
		loopback_step(sc.w);
		(void)recv(sc.client, buf, sizeof(buf), MSG_DONTWAIT);
	}
	assert_int_equal(sc.over, 0);
	close(s);
	expect_fin();
	expect(HOW_FIN, PARTY_SERVER, "");
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(stop_while_dialling),
		SCENE(stop_while_waiting),
		SCENE(stop_while_looking_up),
		SCENE(stop_while_naming),
		SCENE(client_leaves_while_naming),
		SCENE(client_leaves_while_dialling),
		SCENE(client_leaves_while_waiting),
		SCENE(client_speaks_while_waiting),
		SCENE(ended_in_the_middle),
		SCENE(a_sink_comes_while_waiting),
		SCENE(no_answer_is_a_timeout),
		SCENE(no_name_is_an_error),
		SCENE(no_descriptor_is_an_error),
		SCENE(too_late_is_a_stop),
		SCENE(silence_ends_a_session),
		SCENE(a_word_now_and_then_keeps_it_alive),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
