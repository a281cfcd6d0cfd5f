#include "outq_scene.h"

/* A system call for each packet would cost more than the packet. */
static void
test_short_records_go_together(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put(sc, "he", 2);
	scene_put(sc, "llo", 3);
	assert_int_equal(outq_queued(sc->q), 5);
	assert_int_equal(count_get(&sc->live.count.written), 0);
	scene_end_turn(sc);
	assert_int_equal(outq_queued(sc->q), 0);
	assert_int_equal(count_get(&sc->live.count.written), 5);
	scene_hear_text(sc, "hello");
}

/* ... and never fill a queue whose consumer could take them. */
static void
test_batch_goes_before_the_queue_is_full(void **state)
{
	struct scene *sc = *state;
	uint64_t total = 0;

	scene_make(sc, 1000, 0, OUTQ_DROP);
	scene_attach(sc, "");
	for (int i = 0; i < 5; i++, total += 400) {
		scene_put_stream(sc, total, 400);
		assert_false(outq_full(sc->q));
	}
	scene_hear_stream(sc, 0, total);
}

static void
test_long_record_goes_at_once_behind_short_ones(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 10);
	scene_put_stream(sc, 10, 9000);
	assert_true(count_get(&sc->live.count.written) > 10);
	scene_hear_stream(sc, 0, 9010);
}

/* The end of the turn may come too late for them. */
static void
test_short_records_before_an_end(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put(sc, "last words", 10);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	assert_int_equal(count_get(&sc->live.count.written), 10);
	scene_hear_text(sc, "last words");
	scene_hear_end(sc);
}

static void
test_slow_consumer_gets_every_byte_in_order(void **state)
{
	struct scene *sc = *state;
	uint64_t total = 0;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	for (size_t len = 1; total < 700000; len = len * 3 % 40009) {
		scene_put_stream(sc, total, len);
		total += len;
	}
	assert_true(outq_queued(sc->q) > 0);
	assert_int_equal(
	    count_get(&sc->live.count.written) + outq_queued(sc->q), total);
	scene_hear_stream(sc, 0, total);
	LOOPBACK_STEP_UNTIL(sc->live.w, outq_queued(sc->q) == 0);
	assert_int_equal(count_get(&sc->live.count.written), total);
}

static void
test_full_from_the_limit_on(void **state)
{
	struct scene *sc = *state;
	uint64_t total = 0;

	scene_make(sc, 50000, 0, OUTQ_DROP);
	scene_attach(sc, "");
	while (!outq_full(sc->q)) {
		scene_put_stream(sc, total, 1000);
		total += 1000;
	}
	assert_true(outq_queued(sc->q) >= 50000);
	assert_true(outq_queued(sc->q) < 51000);
	scene_hear_stream(sc, 0, total);
	LOOPBACK_STEP_UNTIL(sc->live.w, !outq_full(sc->q));
}

static void
test_without_consumer_drops_and_says_so(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 0, OUTQ_DROP);
	scene_put(sc, "lost", 4);
	assert_int_equal(scene_dropped(sc, DROP_NO_CONSUMER), 4);
	scene_attach(sc, "");
	scene_put(sc, "heard", 5);
	scene_hear_text(sc, "heard");
}

static void
test_keeps_the_head_for_the_first_consumer(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 8, OUTQ_KEEP_HEAD);
	scene_put(sc, "abc", 3);
	scene_put(sc, "defgh", 5);
	scene_put(sc, "x", 1);
	assert_int_equal(scene_dropped(sc, DROP_STARTUP_FULL), 1);
	scene_attach(sc, "head;");
	scene_put(sc, "live", 4);
	scene_hear_text(sc, "head;abcdefghlive");
}

/* A chunk is as long as what was read at once: longer than what is kept. */
static void
test_keeps_the_head_to_the_byte(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 8, OUTQ_KEEP_HEAD);
	scene_put(sc, "abc", 3);
	scene_put(sc, "defghijkl", 9);
	assert_int_equal(scene_dropped(sc, DROP_STARTUP_FULL), 4);
	scene_attach(sc, "");
	scene_put(sc, "live", 4);
	scene_hear_text(sc, "abcdefghlive");
}

static void
test_keeps_the_tail_to_the_byte(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 8, OUTQ_KEEP_TAIL);
	scene_put(sc, "abc", 3);
	scene_put(sc, "defg", 4);
	scene_put(sc, "hi", 2);
	assert_int_equal(scene_dropped(sc, DROP_STARTUP_FULL), 1);
	scene_put(sc, "a chunk that is too long", 24);
	assert_int_equal(scene_dropped(sc, DROP_STARTUP_FULL), 1 + 8 + 16);
	scene_put(sc, "end", 3);
	scene_attach(sc, "");
	scene_hear_text(sc, " longend");
}

/* Half a record is none, and the head has no holes. */
static void
test_keeps_framed_records_whole(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 8, OUTQ_KEEP_HEAD);
	scene_put_framed(sc, "[abc]", 3);
	scene_put_framed(sc, "[def]", 3);
	scene_put_framed(sc, "[]", 0);
	assert_int_equal(scene_dropped(sc, DROP_STARTUP_FULL), 3);
	scene_attach(sc, "");
	scene_hear_text(sc, "[abc]");
	scene_put_framed(sc, "[live]", 4);
	scene_hear_text(sc, "[live]");
}

static void
test_second_consumer_hears_no_old_bytes(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 100, OUTQ_KEEP_HEAD);
	scene_put(sc, "one", 3);
	scene_attach(sc, "");
	scene_hear_text(sc, "one");
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->gone == 1);
	assert_int_equal(sc->error, -ECONNRESET);
	assert_int_equal(outq_state(sc->q), OUTQ_ABSENT);
	scene_put(sc, "two", 3);
	assert_int_equal(scene_dropped(sc, DROP_NO_CONSUMER), 3);
	scene_attach(sc, "");
	scene_put(sc, "three", 5);
	scene_hear_text(sc, "three");
}

static void
test_lost_consumer_costs_what_was_queued(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	assert_true(outq_queued(sc->q) > 0);
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->gone == 1);
	assert_int_equal(outq_queued(sc->q), 0);
	assert_int_equal(
	    count_get(&sc->live.count.written) + scene_dropped(sc, DROP_GONE),
	    300000);
	assert_true(scene_dropped(sc, DROP_GONE) > 0);
}

static void
test_half_closed_consumer_goes_on_hearing(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	assert_int_equal(send(sc->consumer, "bye", 3, 0), 3);
	assert_int_equal(shutdown(sc->consumer, SHUT_WR), 0);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 1);
	assert_string_equal(sc->answer, "bye");
	scene_put_stream(sc, 0, 100000);
	scene_hear_stream(sc, 0, 100000);
	assert_int_equal(sc->gone, 0);
	assert_int_equal(sc->answered, 1);
}

static void
test_half_closed_consumer_that_resets_is_noticed(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 0, OUTQ_DROP);
	scene_attach(sc, "");
	assert_int_equal(shutdown(sc->consumer, SHUT_WR), 0);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 1);
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->gone == 1);
}

static void
test_finish_sends_the_rest_then_fin(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	scene_hear_stream(sc, 0, 300000);
	scene_hear_end(sc);
	/* The consumer may still talk; its end closes the connection. */
	assert_int_equal(send(sc->consumer, "thanks", 6, MSG_NOSIGNAL), 6);
	close(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_STEP_UNTIL(sc->live.w, list_is_empty(&sc->lane.all));
	assert_int_equal(sc->gone, 0);
	assert_string_equal(sc->answer, "");
	assert_int_equal(count_get(&sc->live.count.written), 300000);
}

/* FIN, and the answers to all that was said. */
static void
test_fin_waits_for_the_consumer_and_hears_it_out(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 100, OUTQ_KEEP_HEAD);
	scene_put(sc, "question", 8);
	outq_fin(sc->q);
	scene_attach(sc, "");
	scene_hear_text(sc, "question");
	scene_hear_end(sc);
	assert_int_equal(send(sc->consumer, "answer", 6, 0), 6);
	assert_int_equal(shutdown(sc->consumer, SHUT_WR), 0);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 1);
	assert_string_equal(sc->answer, "answer");
	assert_int_equal(sc->gone, 0);
}

/* RST in is RST out, after delivery. */
static void
test_finish_with_reset_delivers_first(void **state)
{
	struct scene *sc = *state;
	uint8_t buf[4096];
	uint64_t got = 0;
	ssize_t n = 1;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_RST);
	sc->q = NULL;
	while (n > 0) {
		loopback_step(sc->live.w);
		(void)outq_lane_turn(&sc->lane, clock_mono_ns());
		n = recv(sc->consumer, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			n = 1;
		else if (n > 0)
			got += (uint64_t)n;
	}
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(got, 300000);
	assert_true(list_is_empty(&sc->lane.all));
}

static void
test_finish_without_consumer_drops_what_was_kept(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 100, OUTQ_KEEP_HEAD);
	scene_put(sc, "kept", 4);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	assert_int_equal(scene_dropped(sc, DROP_NO_CONSUMER), 4);
	assert_true(list_is_empty(&sc->lane.all));
}

static void
test_abort_without_consumer_says_so(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 100, OUTQ_KEEP_HEAD);
	scene_put(sc, "kept", 4);
	outq_abort(sc->q);
	sc->q = NULL;
	assert_int_equal(scene_dropped(sc, DROP_NO_CONSUMER), 4);
	assert_true(list_is_empty(&sc->lane.all));
}

static void
test_abort_resets(void **state)
{
	struct scene *sc = *state;
	char c;

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	scene_put_stream(sc, 0, 300000);
	outq_abort(sc->q);
	sc->q = NULL;
	assert_int_equal(
	    count_get(&sc->live.count.written) + scene_dropped(sc, DROP_GONE),
	    300000);
	loopback_wait(sc->consumer, POLLIN);
	while (recv(sc->consumer, &c, 1, 0) == 1)
		continue;
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(sc->gone, 0);
}

static void
test_abort_from_within_an_answer(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 1000, 0, OUTQ_DROP);
	scene_attach(sc, "");
	sc->abort_on_answer = true;
	assert_int_equal(send(sc->consumer, "x", 1, 0), 1);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->q == NULL);
}

/* A frame counts when its last byte is out, and is lost as a whole. */
static void
test_frames_count_whole(void **state)
{
	struct scene *sc = *state;
	static uint8_t frame[100000];

	scene_make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	scene_attach(sc, "");
	outq_put(sc->q, "12345678ab", 10, 2);
	sc->put += 2;
	scene_end_turn(sc);
	assert_int_equal(count_get(&sc->live.count.written), 2);
	outq_put(sc->q, frame, sizeof(frame), sizeof(frame) - 8);
	sc->put += sizeof(frame) - 8;
	assert_true(outq_queued(sc->q) > 0);
	assert_int_equal(count_get(&sc->live.count.written), 2);
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->gone == 1);
	assert_int_equal(scene_dropped(sc, DROP_GONE), sizeof(frame) - 8);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_short_records_go_together),
		TEST(test_batch_goes_before_the_queue_is_full),
		TEST(test_long_record_goes_at_once_behind_short_ones),
		TEST(test_short_records_before_an_end),
		TEST(test_slow_consumer_gets_every_byte_in_order),
		TEST(test_full_from_the_limit_on),
		TEST(test_without_consumer_drops_and_says_so),
		TEST(test_keeps_the_head_for_the_first_consumer),
		TEST(test_keeps_the_head_to_the_byte),
		TEST(test_keeps_the_tail_to_the_byte),
		TEST(test_keeps_framed_records_whole),
		TEST(test_second_consumer_hears_no_old_bytes),
		TEST(test_lost_consumer_costs_what_was_queued),
		TEST(test_half_closed_consumer_goes_on_hearing),
		TEST(test_half_closed_consumer_that_resets_is_noticed),
		TEST(test_finish_sends_the_rest_then_fin),
		TEST(test_fin_waits_for_the_consumer_and_hears_it_out),
		TEST(test_finish_with_reset_delivers_first),
		TEST(test_finish_without_consumer_drops_what_was_kept),
		TEST(test_abort_without_consumer_says_so),
		TEST(test_abort_resets),
		TEST(test_abort_from_within_an_answer),
		TEST(test_frames_count_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
