#include "feed_scene.h"

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
