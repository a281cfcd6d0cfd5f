#include "live_rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/session.h"
#include "core/sink_spec.h"
#include "sink/feed.h"
#include "sink/outq_lane.h"

/** struct scene - The client's direction of session 7, and its consumer. */
struct scene {
	struct live live;
	struct outq_lane lane;
	struct session s;
	struct feed_opts o;
	struct feed feed;
	int consumer;
	unsigned gone;
	struct news_tally *tally;
	char news[256];
};

/* What the feed tells of its consumers, as words. */
static void
on_news(void *self, const struct news *n)
{
	struct scene *sc = self;
	size_t len = strlen(sc->news);

	(void)snprintf(sc->news + len, sizeof(sc->news) - len,
	    "%s %s %" PRIu64 " %s%s%s\n", n->kind,
	    n->type == NEWS_CAME ? "came" : "gone", n->session,
	    news_stream_name(n->stream), n->ended ? " ended" : "",
	    n->retry_ns != 0 ? " retries" : "");
	assert_int_equal(n->peer.family, AF_INET);
	assert_int_not_equal(n->peer.port, 0);
}

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	live_init(&sc->live);
	outq_lane_init(&sc->lane, sc->live.w, &sc->live.count, 0);
	sc->consumer = -1;
	sc->o = (struct feed_opts){
		.limit = 1000,
		.startup = { 8, 8 },
		.header = true,
		.kind = "connect",
		.retry_ns = 5,
		.tell = on_news,
		.tell_self = sc,
	};
	sc->s.id = 7;
	sc->s.client = loopback_addr(AF_INET);
	sc->s.client.port = 40112;
	sc->s.server = loopback_addr(AF_INET6);
	sc->s.server.port = 80;
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	if (sc->feed.q != NULL)
		feed_cut(&sc->feed);
	feed_done(&sc->feed);
	outq_lane_finish(&sc->lane, 0);
	(void)outq_lane_turn(&sc->lane, clock_mono_ns());
	if (sc->consumer >= 0)
		close(sc->consumer);
	assert_int_equal(live_settled(&sc->live), sc->s.bytes[DIR_CLIENT]);
	live_done(&sc->live);
	news_tally_unref(sc->tally);
	free(sc);
	return 0;
}

static void
make(struct scene *sc)
{
	const struct feed_what what = {
		.s = &sc->s,
		.dir = DIR_CLIENT,
		.stream = NEWS_RESPONSES,
		.tally = sc->tally,
	};

	assert_int_equal(feed_open(&sc->feed, &sc->lane, &sc->o, &what), 0);
}

/* The totals of a session include what its sinks are told. */
static void
say(struct scene *sc, const char *text)
{
	struct chunk c = {
		.dir = DIR_CLIENT,
		.off = sc->s.off[DIR_CLIENT],
		.len = strlen(text),
		.data = (const uint8_t *)text,
	};

	sc->s.off[DIR_CLIENT] += c.len;
	sc->s.bytes[DIR_CLIENT] += c.len;
	feed_put(&sc->feed, &c);
}

/* A gap: bytes that nobody has. */
static void
miss(struct scene *sc, uint64_t len)
{
	sc->s.off[DIR_CLIENT] += len;
}

static void
attach(struct scene *sc)
{
	int fd[2];

	loopback_pair(fd);
	sc->consumer = fd[1];
	assert_int_equal(outq_attach(sc->feed.q, fd[0]), 0);
}

/* What comes next; 0 at the end. */
static size_t
hear_some(struct scene *sc, char *buf, size_t size)
{
	ssize_t n = 0;

	/* What is short goes out when the turn ends. */
	(void)outq_lane_turn(&sc->lane, clock_mono_ns());
	LOOPBACK_STEP_UNTIL(
	    sc->live.w, (n = recv(sc->consumer, buf, size, MSG_DONTWAIT)) >= 0);
	return (size_t)n;
}

static void
hear(struct scene *sc, const char *want)
{
	char got[512];
	size_t n = 0, more = 1;

	while (more > 0 && n < strlen(want)) {
		more = hear_some(sc, got + n, sizeof(got) - 1 - n);
		n += more;
	}
	got[n] = '\0';
	assert_string_equal(got, want);
}

#define HEADER(offset)                                                         \
	"{\"v\":1,\"session\":7,\"dir\":\"c2s\",\"offset\":" offset            \
	",\"client\":\"127.0.0.1:40112\",\"server\":\"[::1]:80\"}\n"

static void
test_header_of_who_was_there_from_the_start(void **state)
{
	struct scene *sc = *state;

	make(sc);
	attach(sc);
	hear(sc, HEADER("0"));
	say(sc, "hello");
	hear(sc, "hello");
}

static void
test_no_header_unless_asked_for(void **state)
{
	struct scene *sc = *state;

	sc->o.header = false;
	make(sc);
	attach(sc);
	say(sc, "hello");
	hear(sc, "hello");
}

static void
test_header_of_the_head_that_was_kept(void **state)
{
	struct scene *sc = *state;

	make(sc);
	say(sc, "01234");
	say(sc, "56789");
	attach(sc);
	/* What did not fit is missing between them, and counted. */
	say(sc, "abc");
	hear(sc, HEADER("0") "01234567abc");
	assert_int_equal(live_dropped(&sc->live, DROP_STARTUP_FULL), 2);
}

static void
test_header_of_the_tail_that_was_kept(void **state)
{
	struct scene *sc = *state;

	sc->o.keep_tail = true;
	make(sc);
	say(sc, "01234");
	say(sc, "56789");
	attach(sc);
	say(sc, "abc");
	hear(sc, HEADER("2") "23456789abc");
	assert_int_equal(live_dropped(&sc->live, DROP_STARTUP_FULL), 2);
}

static void
test_header_of_a_tail_with_a_gap_in_it(void **state)
{
	struct scene *sc = *state;

	sc->o.keep_tail = true;
	make(sc);
	miss(sc, 3);
	say(sc, "0123");
	miss(sc, 100);
	say(sc, "45");
	say(sc, "678");
	attach(sc);
	say(sc, "abc");
	hear(sc, HEADER("4") "12345678abc");
}

static void
test_header_of_a_tail_behind_a_gap(void **state)
{
	struct scene *sc = *state;

	sc->o.keep_tail = true;
	make(sc);
	say(sc, "0123");
	miss(sc, 100);
	say(sc, "456789");
	say(sc, "abc");
	miss(sc, 5);
	attach(sc);
	say(sc, "d");
	hear(sc, HEADER("105") "56789abcd");
}

/* Of more pieces than can be told apart the oldest go. */
static void
test_header_of_a_tail_full_of_gaps(void **state)
{
	struct scene *sc = *state;

	sc->o.keep_tail = true;
	make(sc);
	say(sc, "01");
	for (int i = 0; i < FEED_RUNS; i++) {
		miss(sc, 10);
		say(sc, "x");
	}
	assert_int_equal(live_dropped(&sc->live, DROP_STARTUP_FULL), 2);
	attach(sc);
	say(sc, "abc");
	hear(sc, HEADER("12") "xxxxabc");
}

/* The head that was kept begins where it began, wherever gaps are. */
static void
test_header_of_a_head_with_a_gap_in_it(void **state)
{
	struct scene *sc = *state;

	make(sc);
	miss(sc, 3);
	say(sc, "0123");
	miss(sc, 100);
	say(sc, "456789");
	attach(sc);
	say(sc, "abc");
	hear(sc, HEADER("3") "01234567abc");
}

static void
test_header_of_who_comes_late_with_nothing_kept(void **state)
{
	struct scene *sc = *state;

	sc->o.startup[NEWS_RESPONSES] = 0;
	make(sc);
	say(sc, "01234");
	attach(sc);
	say(sc, "abc");
	hear(sc, HEADER("5") "abc");
	assert_int_equal(live_dropped(&sc->live, DROP_NO_CONSUMER), 5);
}

static void
on_gone(void *self, int error)
{
	struct scene *sc = self;

	assert_int_equal(error, -ECONNRESET);
	sc->gone++;
}

static void
test_header_of_the_next_consumer(void **state)
{
	struct scene *sc = *state;

	make(sc);
	attach(sc);
	say(sc, "first");
	hear(sc, HEADER("0") "first");
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	feed_on_gone(&sc->feed, on_gone, sc);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->gone == 1);
	say(sc, "unheard");
	attach(sc);
	say(sc, "second");
	hear(sc, HEADER("12") "second");
	assert_int_equal(live_dropped(&sc->live, DROP_NO_CONSUMER), 7);
}

/* The session's memory is used again while its feed still waits. */
static void
test_header_when_the_session_has_gone(void **state)
{
	struct scene *sc = *state;
	uint64_t said;

	make(sc);
	say(sc, "0123");
	feed_let_go(&sc->feed);
	said = sc->s.bytes[DIR_CLIENT];
	memset(&sc->s, 0xA5, sizeof(sc->s));
	sc->s.bytes[DIR_CLIENT] = said;
	attach(sc);
	feed_end(&sc->feed, HOW_FIN);
	hear(sc, HEADER("0") "0123");
}

static uint64_t
told(const struct scene *sc, enum drop_reason why)
{
	return count_get(&sc->tally->count[NEWS_RESPONSES].drop_bytes[why]);
}

/* The figures of a session are those of its sink, whatever becomes of it. */
static void
test_tally(void **state)
{
	struct scene *sc = *state;
	const struct sink_count *count;

	sc->tally = news_tally_new();
	assert_non_null(sc->tally);
	count = &sc->tally->count[NEWS_RESPONSES];
	make(sc);
	say(sc, "0123456789");
	assert_int_equal(told(sc, DROP_STARTUP_FULL), 2);
	attach(sc);
	hear(sc, HEADER("0") "01234567");
	assert_int_equal(count_get(&count->written), 8);
	feed_missed(&sc->feed, 100);
	assert_int_equal(told(sc, DROP_QUEUE_FULL), 100);
	assert_int_equal(count_get(&sc->tally->chunks[NEWS_RESPONSES]), 2);
	assert_int_equal(count_get(&sc->tally->chunks[NEWS_REQUESTS]), 0);
	/* The queue has its own reference, as long as it lives. */
	assert_int_equal(atomic_load(&sc->tally->refs), 2);
	say(sc, "x");
	feed_cut(&sc->feed);
	assert_int_equal(atomic_load(&sc->tally->refs), 1);
	assert_int_equal(count_get(&count->written) + told(sc, DROP_GONE), 9);
}

static void
test_news_of_consumers(void **state)
{
	struct scene *sc = *state;

	make(sc);
	assert_string_equal(sc->news, "");
	attach(sc);
	assert_string_equal(sc->news, "connect came 7 responses\n");
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	feed_on_gone(&sc->feed, on_gone, sc);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->gone == 1);
	assert_string_equal(sc->news, "connect came 7 responses\n"
				      "connect gone 7 responses retries\n");
	sc->news[0] = '\0';
	attach(sc);
	feed_end(&sc->feed, HOW_FIN);
	assert_string_equal(sc->news, "connect came 7 responses\n"
				      "connect gone 7 responses ended\n");
}

static void
test_keys(void **state)
{
	struct scene *sc = *state;
	struct feed_opts o = { .limit = 7 };
	struct err err = { "" };
	struct sink_spec spec;

	(void)sc;
	assert_int_equal(sink_spec_init(&spec, "connect", "h:1/2"), 0);
	assert_int_equal(feed_read_keys(&o, &spec, &err), 0);
	assert_int_equal(o.startup[NEWS_REQUESTS], 65536);
	assert_int_equal(o.startup[NEWS_RESPONSES], 65536);
	assert_false(o.keep_tail || o.header);
	assert_int_equal(o.limit, 7);
	assert_int_equal(sink_spec_set(&spec, "startup", "1MiB"), 0);
	assert_int_equal(sink_spec_set(&spec, "keep", "tail"), 0);
	assert_int_equal(sink_spec_set(&spec, "header", "line"), 0);
	assert_int_equal(feed_read_keys(&o, &spec, &err), 0);
	assert_int_equal(o.startup[NEWS_REQUESTS], 1 << 20);
	assert_int_equal(o.startup[NEWS_RESPONSES], 1 << 20);
	assert_true(o.keep_tail && o.header);
	assert_int_equal(sink_spec_set(&spec, "startup", "65MiB"), 0);
	assert_int_equal(feed_read_keys(&o, &spec, &err), -EINVAL);
	assert_string_equal(
	    err.text, "startup: 65MiB is out of range: 0 to 64MiB");
	assert_int_equal(sink_spec_set(&spec, "startup", "0/8"), 0);
	assert_int_equal(feed_read_keys(&o, &spec, &err), 0);
	assert_int_equal(o.startup[NEWS_REQUESTS], 0);
	assert_int_equal(o.startup[NEWS_RESPONSES], 8);
	assert_int_equal(sink_spec_set(&spec, "startup", "1/x"), 0);
	assert_int_equal(feed_read_keys(&o, &spec, &err), -EINVAL);
	sink_spec_done(&spec);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_header_of_who_was_there_from_the_start),
		TEST(test_no_header_unless_asked_for),
		TEST(test_header_of_the_head_that_was_kept),
		TEST(test_header_of_the_tail_that_was_kept),
		TEST(test_header_of_a_tail_with_a_gap_in_it),
		TEST(test_header_of_a_tail_behind_a_gap),
		TEST(test_header_of_a_tail_full_of_gaps),
		TEST(test_header_of_a_head_with_a_gap_in_it),
		TEST(test_header_of_who_comes_late_with_nothing_kept),
		TEST(test_header_of_the_next_consumer),
		TEST(test_header_when_the_session_has_gone),
		TEST(test_tally),
		TEST(test_news_of_consumers),
		TEST(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
