#include "live_rig.h"

#include "sink/outq.h"

#define MS CLOCK_NS_PER_MS

/** struct scene - A queue towards a consumer, and what it has told. */
struct scene {
	struct live live;
	struct outq_lane lane;
	struct outq *q;
	int consumer;
	unsigned gone;
	int error;
	unsigned answered;
	char answer[64];
	uint64_t put;
	const char *head;
	bool abort_on_answer;
};

static void
on_gone(void *self, int error)
{
	struct scene *sc = self;

	sc->gone++;
	sc->error = error;
}

static void
on_answer(void *self, const uint8_t *data, size_t len)
{
	struct scene *sc = self;
	size_t n = strlen(sc->answer);

	assert_true(n + len < sizeof(sc->answer));
	memcpy(sc->answer + n, data, len);
	if (sc->abort_on_answer) {
		outq_abort(sc->q);
		sc->q = NULL;
	}
}

static void
on_answered(void *self)
{
	((struct scene *)self)->answered++;
}

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	live_init(&sc->live);
	sc->consumer = -1;
	outq_lane_init(&sc->lane, sc->live.w, &sc->live.count, 0);
	*state = sc;
	return 0;
}

static uint64_t
dropped(const struct scene *sc, enum drop_reason why)
{
	return live_dropped(&sc->live, why);
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	if (sc->q != NULL)
		outq_finish(sc->q, OUTQ_RST);
	outq_lane_finish(&sc->lane, 0);
	(void)outq_lane_turn(&sc->lane, clock_mono_ns());
	if (sc->consumer >= 0)
		close(sc->consumer);
	/* Nothing that was put in may have got lost between the counters. */
	assert_int_equal(live_settled(&sc->live), sc->put);
	live_done(&sc->live);
	free(sc);
	return 0;
}

static void
put_head(void *self, struct obuf *out)
{
	obuf_puts(out, ((struct scene *)self)->head);
}

static void
make(struct scene *sc, size_t limit, size_t startup, enum outq_absent absent)
{
	sc->q = outq_new(&sc->lane, &(struct outq_opts){
					.limit = limit,
					.startup = startup,
					.absent = absent,
					.head = put_head,
					.gone = on_gone,
					.answer = on_answer,
					.answered = on_answered,
					.self = sc,
				    });
	assert_non_null(sc->q);
}

static void
attach(struct scene *sc, const char *head)
{
	int fd[2];

	loopback_pair(fd);
	loopback_small(fd[0]);
	loopback_small(fd[1]);
	if (sc->consumer >= 0)
		close(sc->consumer);
	sc->head = head;
	sc->consumer = fd[1];
	assert_int_equal(outq_attach(sc->q, fd[0]), 0);
}

static void
put(struct scene *sc, const void *data, size_t len)
{
	outq_put(sc->q, data, len, len);
	sc->put += len;
}

/* A record of text that stands for so many bytes. */
static void
put_framed(struct scene *sc, const char *text, size_t payload)
{
	outq_put(sc->q, text, strlen(text), payload);
	sc->put += payload;
}

/* Byte @i of an endless stream; its period is no power of two. */
static uint8_t
byte_at(uint64_t i)
{
	return (uint8_t)(i % 251);
}

static void
put_stream(struct scene *sc, uint64_t from, size_t len)
{
	uint8_t *data = malloc(len);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(from + i);
	put(sc, data, len);
	free(data);
}

/* The end of a turn of the loop. */
static void
end_turn(struct scene *sc)
{
	(void)outq_lane_turn(&sc->lane, clock_mono_ns());
}

/* What the consumer has got, up to @max; -1 after its end. */
static ssize_t
hear(struct scene *sc, void *buf, size_t max)
{
	end_turn(sc);

	ssize_t n = recv(sc->consumer, buf, max, MSG_DONTWAIT);

	if (n > 0)
		return n;
	return n == 0 ? -1 : 0;
}

static void
hear_text(struct scene *sc, const char *want)
{
	char got[256] = "";
	size_t n = 0;

	LOOPBACK_UNTIL(sc->live.loop,
	    (n += (size_t)hear(sc, got + n, sizeof(got) - 1 - n)) >=
		strlen(want));
	assert_string_equal(got, want);
}

static void
hear_stream(struct scene *sc, uint64_t from, uint64_t len)
{
	uint8_t buf[4096];
	uint64_t got = 0;

	while (got < len) {
		size_t want = len - got < sizeof(buf) ? len - got : sizeof(buf);
		ssize_t n = 0;

		LOOPBACK_UNTIL(sc->live.loop, (n = hear(sc, buf, want)) != 0);
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(
			    buf[i], byte_at(from + got + (uint64_t)i));
		got += (uint64_t)n;
	}
	assert_int_equal(got, len);
}

static void
hear_end(struct scene *sc)
{
	char c;
	ssize_t n = 0;

	LOOPBACK_UNTIL(sc->live.loop, (n = hear(sc, &c, 1)) != 0);
	assert_int_equal(n, -1);
}

/* A system call for each packet would cost more than the packet. */
static void
test_short_records_go_together(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 0, OUTQ_DROP);
	attach(sc, "");
	put(sc, "he", 2);
	put(sc, "llo", 3);
	assert_int_equal(outq_queued(sc->q), 5);
	assert_int_equal(count_get(&sc->live.count.written), 0);
	end_turn(sc);
	assert_int_equal(outq_queued(sc->q), 0);
	assert_int_equal(count_get(&sc->live.count.written), 5);
	hear_text(sc, "hello");
}

/* ... and never fill a queue whose consumer could take them. */
static void
test_batch_goes_before_the_queue_is_full(void **state)
{
	struct scene *sc = *state;
	uint64_t total = 0;

	make(sc, 1000, 0, OUTQ_DROP);
	attach(sc, "");
	for (int i = 0; i < 5; i++, total += 400) {
		put_stream(sc, total, 400);
		assert_false(outq_full(sc->q));
	}
	hear_stream(sc, 0, total);
}

static void
test_long_record_goes_at_once_behind_short_ones(void **state)
{
	struct scene *sc = *state;

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 10);
	put_stream(sc, 10, 9000);
	assert_true(count_get(&sc->live.count.written) > 10);
	hear_stream(sc, 0, 9010);
}

/* The end of the turn may come too late for them. */
static void
test_short_records_before_an_end(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 0, OUTQ_DROP);
	attach(sc, "");
	put(sc, "last words", 10);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	assert_int_equal(count_get(&sc->live.count.written), 10);
	hear_text(sc, "last words");
	hear_end(sc);
}

static void
test_slow_consumer_gets_every_byte_in_order(void **state)
{
	struct scene *sc = *state;
	uint64_t total = 0;

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	for (size_t len = 1; total < 700000; len = len * 3 % 40009) {
		put_stream(sc, total, len);
		total += len;
	}
	assert_true(outq_queued(sc->q) > 0);
	assert_int_equal(
	    count_get(&sc->live.count.written) + outq_queued(sc->q), total);
	hear_stream(sc, 0, total);
	LOOPBACK_UNTIL(sc->live.loop, outq_queued(sc->q) == 0);
	assert_int_equal(count_get(&sc->live.count.written), total);
}

static void
test_full_from_the_limit_on(void **state)
{
	struct scene *sc = *state;
	uint64_t total = 0;

	make(sc, 50000, 0, OUTQ_DROP);
	attach(sc, "");
	while (!outq_full(sc->q)) {
		put_stream(sc, total, 1000);
		total += 1000;
	}
	assert_true(outq_queued(sc->q) >= 50000);
	assert_true(outq_queued(sc->q) < 51000);
	hear_stream(sc, 0, total);
	LOOPBACK_UNTIL(sc->live.loop, !outq_full(sc->q));
}

/* Many stuck consumers: none of them makes another's session suffer. */
static void
test_all_together_hold_too_much(void **state)
{
	struct scene *sc = *state;
	const struct outq_opts o = {
		.limit = 50000, .startup = 50000, .absent = OUTQ_KEEP_HEAD
	};
	struct outq *small;

	make(sc, 50000, 50000, OUTQ_KEEP_HEAD);
	small = outq_new(&sc->lane, &o);
	assert_non_null(small);
	sc->lane.most = 10000;
	put_stream(sc, 0, 6000);
	assert_false(outq_full(sc->q));
	put_stream(sc, 6000, 1000);
	outq_put(small, "0123456789", 10, 10);
	assert_false(outq_full(sc->q));
	put_stream(sc, 7000, 3000);
	assert_true(outq_full(sc->q));
	assert_false(outq_full(small));
	outq_abort(small);
	assert_int_equal(sc->lane.queued, 10000);
	attach(sc, "");
	hear_stream(sc, 0, 10000);
	assert_int_equal(sc->lane.queued, 0);
	assert_false(outq_full(sc->q));
	sc->put += 10; /* what the small one was given, and dropped */
}

static void
test_without_consumer_drops_and_says_so(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 0, OUTQ_DROP);
	put(sc, "lost", 4);
	assert_int_equal(dropped(sc, DROP_NO_CONSUMER), 4);
	attach(sc, "");
	put(sc, "heard", 5);
	hear_text(sc, "heard");
}

static void
test_keeps_the_head_for_the_first_consumer(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 8, OUTQ_KEEP_HEAD);
	put(sc, "abc", 3);
	put(sc, "defgh", 5);
	put(sc, "x", 1);
	assert_int_equal(dropped(sc, DROP_STARTUP_FULL), 1);
	attach(sc, "head;");
	put(sc, "live", 4);
	hear_text(sc, "head;abcdefghlive");
}

/* A chunk is as long as what was read at once: longer than what is kept. */
static void
test_keeps_the_head_to_the_byte(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 8, OUTQ_KEEP_HEAD);
	put(sc, "abc", 3);
	put(sc, "defghijkl", 9);
	assert_int_equal(dropped(sc, DROP_STARTUP_FULL), 4);
	attach(sc, "");
	put(sc, "live", 4);
	hear_text(sc, "abcdefghlive");
}

static void
test_keeps_the_tail_to_the_byte(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 8, OUTQ_KEEP_TAIL);
	put(sc, "abc", 3);
	put(sc, "defg", 4);
	put(sc, "hi", 2);
	assert_int_equal(dropped(sc, DROP_STARTUP_FULL), 1);
	put(sc, "a chunk that is too long", 24);
	assert_int_equal(dropped(sc, DROP_STARTUP_FULL), 1 + 8 + 16);
	put(sc, "end", 3);
	attach(sc, "");
	hear_text(sc, " longend");
}

/* Half a record is none, and the head has no holes. */
static void
test_keeps_framed_records_whole(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 8, OUTQ_KEEP_HEAD);
	put_framed(sc, "[abc]", 3);
	put_framed(sc, "[def]", 3);
	put_framed(sc, "[]", 0);
	assert_int_equal(dropped(sc, DROP_STARTUP_FULL), 3);
	attach(sc, "");
	hear_text(sc, "[abc]");
	put_framed(sc, "[live]", 4);
	hear_text(sc, "[live]");
}

static void
test_second_consumer_hears_no_old_bytes(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 100, OUTQ_KEEP_HEAD);
	put(sc, "one", 3);
	attach(sc, "");
	hear_text(sc, "one");
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_UNTIL(sc->live.loop, sc->gone == 1);
	assert_int_equal(sc->error, -ECONNRESET);
	assert_int_equal(outq_state(sc->q), OUTQ_ABSENT);
	put(sc, "two", 3);
	assert_int_equal(dropped(sc, DROP_NO_CONSUMER), 3);
	attach(sc, "");
	put(sc, "three", 5);
	hear_text(sc, "three");
}

static void
test_lost_consumer_costs_what_was_queued(void **state)
{
	struct scene *sc = *state;

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 300000);
	assert_true(outq_queued(sc->q) > 0);
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_UNTIL(sc->live.loop, sc->gone == 1);
	assert_int_equal(outq_queued(sc->q), 0);
	assert_int_equal(
	    count_get(&sc->live.count.written) + dropped(sc, DROP_GONE),
	    300000);
	assert_true(dropped(sc, DROP_GONE) > 0);
}

static void
test_half_closed_consumer_goes_on_hearing(void **state)
{
	struct scene *sc = *state;

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	assert_int_equal(send(sc->consumer, "bye", 3, 0), 3);
	assert_int_equal(shutdown(sc->consumer, SHUT_WR), 0);
	LOOPBACK_UNTIL(sc->live.loop, sc->answered == 1);
	assert_string_equal(sc->answer, "bye");
	put_stream(sc, 0, 100000);
	hear_stream(sc, 0, 100000);
	assert_int_equal(sc->gone, 0);
	assert_int_equal(sc->answered, 1);
}

static void
test_half_closed_consumer_that_resets_is_noticed(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 0, OUTQ_DROP);
	attach(sc, "");
	assert_int_equal(shutdown(sc->consumer, SHUT_WR), 0);
	LOOPBACK_UNTIL(sc->live.loop, sc->answered == 1);
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_UNTIL(sc->live.loop, sc->gone == 1);
}

static void
test_finish_sends_the_rest_then_fin(void **state)
{
	struct scene *sc = *state;

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	hear_stream(sc, 0, 300000);
	hear_end(sc);
	/* The consumer may still talk; its end closes the connection. */
	assert_int_equal(send(sc->consumer, "thanks", 6, MSG_NOSIGNAL), 6);
	close(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_UNTIL(sc->live.loop, list_is_empty(&sc->lane.all));
	assert_int_equal(sc->gone, 0);
	assert_string_equal(sc->answer, "");
	assert_int_equal(count_get(&sc->live.count.written), 300000);
}

/* FIN, and the answers to all that was said. */
static void
test_fin_waits_for_the_consumer_and_hears_it_out(void **state)
{
	struct scene *sc = *state;

	make(sc, 1000, 100, OUTQ_KEEP_HEAD);
	put(sc, "question", 8);
	outq_fin(sc->q);
	attach(sc, "");
	hear_text(sc, "question");
	hear_end(sc);
	assert_int_equal(send(sc->consumer, "answer", 6, 0), 6);
	assert_int_equal(shutdown(sc->consumer, SHUT_WR), 0);
	LOOPBACK_UNTIL(sc->live.loop, sc->answered == 1);
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

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_RST);
	sc->q = NULL;
	while (n > 0) {
		loopback_turn(sc->live.loop);
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

	make(sc, 1000, 100, OUTQ_KEEP_HEAD);
	put(sc, "kept", 4);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	assert_int_equal(dropped(sc, DROP_NO_CONSUMER), 4);
	assert_true(list_is_empty(&sc->lane.all));
}

static void
test_abort_resets(void **state)
{
	struct scene *sc = *state;
	char c;

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 300000);
	outq_abort(sc->q);
	sc->q = NULL;
	assert_int_equal(
	    count_get(&sc->live.count.written) + dropped(sc, DROP_GONE),
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

	make(sc, 1000, 0, OUTQ_DROP);
	attach(sc, "");
	sc->abort_on_answer = true;
	assert_int_equal(send(sc->consumer, "x", 1, 0), 1);
	LOOPBACK_UNTIL(sc->live.loop, sc->q == NULL);
}

static void
test_patience_with_finished_queues_ends(void **state)
{
	struct scene *sc = *state;
	uint64_t now = clock_mono_ns();

	sc->lane.late.span_ns = 5 * CLOCK_NS_PER_S;
	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	assert_true(outq_lane_turn(&sc->lane, now) >= now + 4000 * MS);
	assert_false(list_is_empty(&sc->lane.all));
	(void)outq_lane_turn(&sc->lane, clock_mono_ns() + 5001 * MS);
	assert_true(list_is_empty(&sc->lane.all));
	assert_true(dropped(sc, DROP_CLOSING) > 0);
}

/* Where traffic waits for consumers, slow is not stuck. */
static void
test_patience_begins_anew_with_what_is_taken(void **state)
{
	struct scene *sc = *state;
	uint64_t began;

	sc->lane.late.span_ns = 5 * CLOCK_NS_PER_S;
	sc->lane.patient = true;
	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	began = deadline_next(&sc->lane.late);
	hear_stream(sc, 0, 200000);
	assert_true(deadline_next(&sc->lane.late) > began);
	(void)outq_lane_turn(&sc->lane, began);
	assert_false(list_is_empty(&sc->lane.all));
	hear_stream(sc, 200000, 100000);
	assert_int_equal(dropped(sc, DROP_CLOSING), 0);
}

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	struct scene *sc = self;

	return outq_lane_turn(&sc->lane, mono_ns);
}

/* Nobody waits for a deadline once the last queue is out. */
static void
test_end_of_the_last_queue_ends_the_worker(void **state)
{
	struct scene *sc = *state;

	worker_set_turn(sc->live.w, on_turn, sc);
	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	outq_lane_finish(&sc->lane, CLOCK_NEVER);
	hear_stream(sc, 0, 300000);
	hear_end(sc);
	assert_true(sc->lane.held);
	close(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_UNTIL(sc->live.loop, !sc->lane.held);
}

static void
test_end_of_the_worker_ends_patience(void **state)
{
	struct scene *sc = *state;
	uint64_t end = clock_mono_ns() + 1000 * MS;

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	put_stream(sc, 0, 300000);
	outq_finish(sc->q, OUTQ_FIN);
	sc->q = NULL;
	outq_lane_finish(&sc->lane, end);
	assert_int_equal(outq_lane_turn(&sc->lane, end - 1), end);
	assert_int_equal(outq_lane_turn(&sc->lane, end), CLOCK_NEVER);
	assert_true(dropped(sc, DROP_CLOSING) > 0);
	assert_true(list_is_empty(&sc->lane.all));
}

/* A frame counts when its last byte is out, and is lost as a whole. */
static void
test_frames_count_whole(void **state)
{
	struct scene *sc = *state;
	static uint8_t frame[100000];

	make(sc, (size_t)1 << 20, 0, OUTQ_DROP);
	attach(sc, "");
	outq_put(sc->q, "12345678ab", 10, 2);
	sc->put += 2;
	end_turn(sc);
	assert_int_equal(count_get(&sc->live.count.written), 2);
	outq_put(sc->q, frame, sizeof(frame), sizeof(frame) - 8);
	sc->put += sizeof(frame) - 8;
	assert_true(outq_queued(sc->q) > 0);
	assert_int_equal(count_get(&sc->live.count.written), 2);
	loopback_rst(sc->consumer);
	sc->consumer = -1;
	LOOPBACK_UNTIL(sc->live.loop, sc->gone == 1);
	assert_int_equal(dropped(sc, DROP_GONE), sizeof(frame) - 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(test_all_together_hold_too_much),
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
		TEST(test_abort_resets),
		TEST(test_abort_from_within_an_answer),
		TEST(test_patience_with_finished_queues_ends),
		TEST(test_patience_begins_anew_with_what_is_taken),
		TEST(test_end_of_the_last_queue_ends_the_worker),
		TEST(test_end_of_the_worker_ends_patience),
		TEST(test_frames_count_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
