#include "live_scene.h"

#include "base/list.h"
#include "sink/hub.h"

#define MADE_HEAD "SHB\nIDB 101\n"
#define SHAKE     "EPB 0 C S 0\nEPB 0 S SA 0\nEPB 0 C A 0\n"

/* All that a client is sent up to its end. */
static void
read_to_end(struct scene *sc, struct reader *r)
{
	SCENE_UNTIL(sc, (reader_read(r), r->ended != 0));
}

static void
test_nobody(void **state)
{
	struct scene *sc = *state;
	struct session *s;

	scene_start(sc);
	s = scene_open(sc, 1, 1);
	scene_say(s, DIR_CLIENT, 1000);
	scene_shut(s);
	scene_turn(sc);
	assert_int_equal(SCENE_COUNT(sc, offered), 1000);
	assert_int_equal(scene_dropped(sc, DROP_NO_CONSUMER), 1000);
	assert_int_equal(SCENE_COUNT(sc, drop_chunks[DROP_NO_CONSUMER]), 1);
}

static void
test_from_head_to_end(void **state)
{
	struct scene *sc = *state;
	struct session *s, *t;
	struct reader r;

	scene_start(sc);
	r = reader_come(sc);
	s = scene_open(sc, 0, 1);
	scene_say(s, DIR_CLIENT, 10);
	reader_expect(
	    sc, &r, 7, MADE_HEAD SHAKE "EPB 0 C PA 10\nEPB 0 S A 0\n");
	t = scene_open(sc, 1, 2);
	scene_say(t, DIR_SERVER, 20);
	reader_expect(sc, &r, 12, SHAKE "EPB 0 S PA 20\nEPB 0 C A 0\n");
	scene_shut(s);
	scene_shut(t);
	scene_finish(sc, 20 * CLOCK_NS_PER_S);
	reader_expect(sc, &r, 21,
	    "EPB 0 C FA 0\nEPB 0 S A 0\nEPB 0 S FA 0\nEPB 0 C A 0\n"
	    "EPB 0 C FA 0\nEPB 0 S A 0\nEPB 0 S FA 0\nEPB 0 C A 0\n"
	    "ISB 0 recv 18 drop 0\n");
	read_to_end(sc, &r);
	assert_int_equal(r.ended, 1);
	reader_done(&r);
	assert_int_equal(SCENE_COUNT(sc, offered), 30);
	assert_int_equal(SCENE_COUNT(sc, written), 30);
}

static uint32_t
seq_of(const struct reader *r, size_t block)
{
	size_t at = 0;

	while (block-- > 0)
		at += bytes_get_le32(r->got.data + at + 4);
	return bytes_get_be32(r->got.data + at + 28 + 20 + 4);
}

/*
 * Who comes in the middle gets a handshake at its place, and then the very
 * blocks that the others get; these get nothing for it.
 */
static void
test_late_client(void **state)
{
	struct scene *sc = *state;
	struct session *s, *ended;
	struct reader first, late;
	size_t from;

	scene_start(sc);
	s = scene_open(sc, 1, 1);
	scene_say(s, DIR_CLIENT, 100);
	first = reader_come(sc);
	reader_expect(sc, &first, 5, MADE_HEAD SHAKE);
	scene_say(s, DIR_SERVER, 3000);
	ended = scene_open(sc, 1, 2);
	scene_shut(ended);
	/* Seven of the session that is over. */
	reader_wait(sc, &first, 5 + 2 + 7);
	from = first.got.len;

	late = reader_come(sc);
	reader_expect(sc, &late, 5, MADE_HEAD SHAKE);
	assert_int_equal(first.got.len, from);
	scene_say(s, DIR_CLIENT, 5);
	scene_say(s, DIR_SERVER, 6);
	reader_wait(sc, &late, 9);
	reader_wait(sc, &first, 18);
	assert_int_equal(seq_of(&late, 2) + 1, seq_of(&late, 5));
	assert_int_equal(seq_of(&late, 3) + 1, seq_of(&late, 7));
	assert_memory_equal(first.got.data + from, late.got.data + late.seen,
	    first.got.len - from);
	assert_int_equal(SCENE_COUNT(sc, offered), 100 + 3000 + 2 * 11);
	assert_int_equal(scene_dropped(sc, DROP_NO_CONSUMER), 100);
	assert_int_equal(SCENE_COUNT(sc, written), 3000 + 2 * 11);
	scene_shut(s);
	reader_done(&first);
	reader_done(&late);
}

/*
 * The letter comes while something is collected that the others have yet to
 * get: that is not for the one who comes, who is told of it as the past.
 */
static void
test_comes_in_the_middle_of_a_turn(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader first, late;

	scene_start(sc);
	first = reader_come(sc);
	s = scene_open(sc, 1, 1);
	scene_say(s, DIR_CLIENT, 100);
	reader_wait(sc, &first, 7);
	late = reader_new(sc);
	for (int i = 0; i < 5; i++)
		scene_turn_one(sc, 0);
	scene_say(s, DIR_CLIENT, 50);
	loopback_step(sc->w[1]);
	scene_say(s, DIR_CLIENT, 7);
	reader_expect(
	    sc, &late, 7, MADE_HEAD SHAKE "EPB 0 C PA 7\nEPB 0 S A 0\n");
	assert_int_equal(seq_of(&late, 2) + 1, seq_of(&late, 5));
	reader_expect(sc, &first, 11,
	    MADE_HEAD SHAKE "EPB 0 C PA 100\nEPB 0 S A 0\n"
			    "EPB 0 C PA 50\nEPB 0 S A 0\n"
			    "EPB 0 C PA 7\nEPB 0 S A 0\n");
	scene_shut(s);
	reader_done(&first);
	reader_done(&late);
}

static unsigned
number_after(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	assert_non_null(at);
	return (unsigned)strtoul(at + strlen(word), NULL, 10);
}

/* The numbers in the last ISB, and how many packets came. */
static void
last_stats(struct reader *r, unsigned *packets, unsigned *recv, unsigned *drop)
{
	char *lines = reader_lines(r), *line, *last = NULL;

	*packets = 0;
	for (line = strtok(lines, "\n"); line != NULL;
	     line = strtok(NULL, "\n")) {
		*packets += strncmp(line, "EPB", 3) == 0;
		if (strncmp(line, "ISB", 3) == 0)
			last = line;
	}
	assert_non_null(last);
	*recv = number_after(last, " recv ");
	*drop = number_after(last, " drop ");
	free(lines);
}

/* A slow one loses whole blocks and is told how many; the other loses none. */
static void
test_slow_client(void **state)
{
	struct scene *sc = *state;
	struct reader slow, quick;
	struct session *s[WORKERS];
	unsigned packets, recv_, drop, all = 0;

	sc->sink.queue = 16384;
	scene_start(sc);
	slow = reader_slow(sc);
	reader_wait(sc, &slow, 1);
	quick = reader_come(sc);
	for (size_t i = 0; i < WORKERS; i++)
		s[i] = scene_open(sc, i, i + 1);
	while (scene_dropped(sc, DROP_QUEUE_FULL) < 2 << 20) {
		for (size_t i = 0; i < WORKERS; i++)
			scene_say(s[i], DIR_CLIENT, 20000 + all++ % 999);
		scene_turn(sc);
		reader_read(&quick);
	}
	/* It catches up, and goes on; what it missed is said before that. */
	for (int i = 0; i < 20; i++) {
		reader_read(&slow);
		scene_turn(sc);
	}
	scene_say(s[1], DIR_CLIENT, 7);
	for (size_t i = 0; i < WORKERS; i++)
		scene_shut(s[i]);
	scene_finish(sc, 20 * CLOCK_NS_PER_S);
	SCENE_UNTIL(sc, (reader_read(&quick), reader_read(&slow),
			    quick.ended != 0 && slow.ended != 0));
	assert_int_equal(quick.ended, 1);
	assert_int_equal(slow.ended, 1);
	all = 2 * (all + 1) + 2 * 7;
	last_stats(&quick, &packets, &recv_, &drop);
	assert_int_equal(packets, all);
	assert_int_equal(recv_, all);
	assert_int_equal(drop, 0);
	last_stats(&slow, &packets, &recv_, &drop);
	assert_int_equal(recv_, all);
	assert_true(drop > 0);
	assert_int_equal(packets, all - drop);
	/* Nothing of a record that was not whole. */
	assert_int_equal(slow.seen, slow.got.len);
	reader_done(&slow);
	reader_done(&quick);
	assert_int_equal(scene_accounted(sc), SCENE_COUNT(sc, offered));
}

static void
test_losses_are_told_before_the_next_packets(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader r;
	char *lines, *isb;

	sc->sink.queue = 16384;
	scene_start(sc);
	r = reader_slow(sc);
	reader_wait(sc, &r, 1);
	s = scene_open(sc, 0, 1);
	while (scene_dropped(sc, DROP_QUEUE_FULL) == 0) {
		scene_say(s, DIR_CLIENT, 20000);
		scene_turn(sc);
	}
	for (int i = 0; i < 50; i++) {
		reader_read(&r);
		scene_turn(sc);
	}
	scene_say(s, DIR_SERVER, 77);
	for (int i = 0; i < 50; i++) {
		reader_read(&r);
		scene_turn(sc);
	}
	lines = reader_lines(&r);
	isb = strstr(lines, "ISB 0");
	assert_non_null(isb);
	/* Two packets were lost with the one chunk. */
	assert_non_null(strstr(isb, " drop 2\nEPB 0 S PA 77\nEPB 0 C A 0\n"));
	assert_null(strstr(isb + 1, "ISB"));
	free(lines);
	scene_shut(s);
	reader_done(&r);
}

static void
test_close_resets_the_slow_one(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader slow, quick;
	uint64_t said = 0;

	sc->sink.queue = 16384;
	sc->sink.on_full = ON_FULL_CLOSE;
	scene_start(sc);
	slow = reader_slow(sc);
	reader_wait(sc, &slow, 1);
	quick = reader_come(sc);
	s = scene_open(sc, 0, 1);
	while (scene_dropped(sc, DROP_GONE) == 0) {
		scene_say(s, DIR_CLIENT, 20000);
		said += 20000;
		scene_turn(sc);
		reader_read(&quick);
	}
	assert_int_equal(scene_dropped(sc, DROP_QUEUE_FULL), 20000);
	SCENE_UNTIL(sc, (reader_read(&slow), slow.ended != 0));
	assert_int_equal(slow.ended, -1);
	/* The session goes on, for the other. */
	scene_say(s, DIR_CLIENT, 20000);
	said += 20000;
	scene_turn(sc);
	assert_int_equal(SCENE_COUNT(sc, offered), 2 * said - 20000);
	assert_int_equal(s->active, 1);
	scene_shut(s);
	reader_done(&slow);
	reader_done(&quick);
}

/** struct waiting - A session that waits on the other worker. */
struct waiting {
	struct worker_waiter waiter;
	unsigned woken;
};

static void
on_room(struct worker_waiter *waiter)
{
	ATTR_CONTAINER(waiter, struct waiting, waiter)->woken++;
}

static void
test_pause_holds_every_worker(void **state)
{
	struct scene *sc = *state;
	struct waiting wait = { .waiter.room = on_room };
	struct session *s[WORKERS];
	struct reader r;

	sc->sink.queue = 16384;
	sc->sink.on_full = ON_FULL_PAUSE;
	scene_start(sc);
	for (size_t i = 0; i < WORKERS; i++) {
		s[i] = scene_open(sc, i, i + 1);
		/* Nobody is there: there is nothing to wait for. */
		scene_say(s[i], DIR_CLIENT, 100000);
		assert_false(fanout_blocked(s[i]));
	}
	r = reader_slow(sc);
	reader_wait(sc, &r, 1);
	while (!fanout_blocked(s[0])) {
		scene_say(s[0], DIR_CLIENT, 20000);
		scene_turn(sc);
	}
	assert_true(fanout_blocked(s[1]));
	list_init(&wait.waiter.node);
	worker_wait_room(sc->w[1], &wait.waiter);
	SCENE_UNTIL(sc, (reader_read(&r), wait.woken > 0));
	assert_false(fanout_blocked(s[1]));
	/* One that goes while it is full holds nobody any more. */
	while (!fanout_blocked(s[1])) {
		scene_say(s[1], DIR_CLIENT, 20000);
		scene_turn(sc);
	}
	loopback_rst(r.fd);
	r.fd = -1;
	SCENE_UNTIL(sc, !fanout_blocked(s[0]) && !fanout_blocked(s[1]));
	assert_int_equal(scene_dropped(sc, DROP_QUEUE_FULL), 0);
	for (size_t i = 0; i < WORKERS; i++)
		scene_shut(s[i]);
	reader_done(&r);
}

/* Interfaces are told before their first packet, to each client. */
static void
test_interfaces(void **state)
{
	static const struct packet_iface eth = { .id = 0, .linktype = 1 };
	static const struct packet_iface sll = { .id = 7, .linktype = 276 };
	struct scene *sc = *state;
	struct reader r, late;

	sc->nworkers = 1;
	sc->env.source = "read";
	sc->env.packets = true;
	scene_start(sc);
	r = reader_come(sc);
	reader_expect(sc, &r, 1, "SHB\n");
	scene_packet(sc, &sll, 60);
	scene_packet(sc, &sll, 61);
	reader_expect(sc, &r, 4, "IDB 276\nEPB 0 60\nEPB 0 61\n");
	late = reader_come(sc);
	reader_expect(sc, &late, 2, "SHB\nIDB 276\n");
	scene_packet(sc, &eth, 70);
	scene_packet(sc, &sll, 71);
	reader_expect(sc, &r, 7, "IDB 1\nEPB 1 70\nEPB 0 71\n");
	reader_expect(sc, &late, 5, "IDB 1\nEPB 1 70\nEPB 0 71\n");
	scene_finish(sc, 20 * CLOCK_NS_PER_S);
	reader_expect(sc, &r, 9, "ISB 0 recv 3 drop 0\nISB 1 recv 1 drop 0\n");
	reader_expect(
	    sc, &late, 7, "ISB 0 recv 1 drop 0\nISB 1 recv 1 drop 0\n");
	reader_done(&r);
	reader_done(&late);
	assert_int_equal(SCENE_COUNT(sc, written), 60 + 61 + 2 * (70 + 71));
}

/*
 * A tap on one worker, a proxy on the other: what the proxy's packets come from
 * is an interface too, which appears with the first of them, there.
 */
static void
test_both_kinds(void **state)
{
	static const struct packet_iface eth = { .id = 0, .linktype = 1 };
	static const struct packet_iface sll = { .id = 1, .linktype = 276 };
	struct scene *sc = *state;
	struct session *s;
	struct reader r;

	sc->env.source = "tap";
	sc->env.packets = true;
	sc->env.ifaces = &eth;
	sc->env.nifaces = 1;
	scene_start(sc);
	r = reader_come(sc);
	reader_expect(sc, &r, 2, "SHB\nIDB 1\n");
	s = scene_open(sc, 1, 1);
	reader_expect(
	    sc, &r, 6, "IDB 101\nEPB 1 C S 0\nEPB 1 S SA 0\nEPB 1 C A 0\n");
	scene_packet(sc, &sll, 60);
	scene_packet(sc, &eth, 61);
	reader_expect(sc, &r, 9, "IDB 276\nEPB 2 60\nEPB 0 61\n");
	scene_say(s, DIR_CLIENT, 10);
	reader_expect(sc, &r, 11, "EPB 1 C PA 10\nEPB 1 S A 0\n");
	scene_shut(s);
	reader_done(&r);
}

/* More interfaces than a batch may speak of, one after the other. */
static void
test_many_interfaces(void **state)
{
	struct packet_iface iface[40] = { { 0 } };
	char *lines, want[64];
	struct scene *sc = *state;
	struct reader r;

	sc->nworkers = 1;
	sc->env.packets = true;
	scene_start(sc);
	r = reader_come(sc);
	for (uint32_t i = 0; i < 40; i++) {
		iface[i].id = i;
		iface[i].linktype = 1;
		scene_packet(sc, &iface[i], 60);
	}
	reader_wait(sc, &r, 1 + 40 + 40);
	scene_finish(sc, 20 * CLOCK_NS_PER_S);
	reader_wait(sc, &r, 1 + 40 + 40 + 40);
	lines = reader_lines(&r);
	for (uint32_t i = 0; i < 40; i++) {
		(void)snprintf(want, sizeof(want), "ISB %u recv 1 drop 0\n", i);
		assert_non_null(strstr(lines, want));
	}
	free(lines);
	reader_done(&r);
	assert_int_equal(SCENE_COUNT(sc, written), 40 * 60);
}

/* It has gone before the other worker has heard that it came. */
static void
test_gone_at_once(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader r;

	scene_start(sc);
	s = scene_open(sc, 1, 1);
	r = reader_new(sc);
	while (reader_hears(&r) < 1)
		scene_turn_one(sc, 0);
	loopback_rst(r.fd);
	r.fd = -1;
	for (int i = 0; i < 20; i++)
		scene_turn_one(sc, 0);
	for (int i = 0; i < 5; i++)
		scene_turn(sc);
	scene_say(s, DIR_CLIENT, 10);
	assert_int_equal(scene_dropped(sc, DROP_NO_CONSUMER), 10);
	scene_shut(s);
	reader_done(&r);
}

/* A client that closes in quiet times does not keep its place. */
static void
test_gone_in_quiet_times(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader r;

	scene_start(sc);
	s = scene_open(sc, 0, 1);
	r = reader_come(sc);
	reader_wait(sc, &r, 5);
	close(r.fd);
	r.fd = -1;
	for (int i = 0; i < 20; i++)
		scene_turn(sc);
	scene_say(s, DIR_CLIENT, 10);
	assert_int_equal(scene_dropped(sc, DROP_NO_CONSUMER), 10);
	scene_shut(s);
	reader_done(&r);
}

/* One that has only ended its side goes on being served. */
static void
test_half_closed_client(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader r;

	scene_start(sc);
	s = scene_open(sc, 0, 1);
	r = reader_come(sc);
	assert_int_equal(write(r.fd, "hello", 5), 5);
	assert_int_equal(shutdown(r.fd, SHUT_WR), 0);
	reader_expect(sc, &r, 6, MADE_HEAD SHAKE "ISB 0 recv 3 drop 0\n");
	scene_say(s, DIR_CLIENT, 10);
	reader_expect(sc, &r, 8, "EPB 0 C PA 10\nEPB 0 S A 0\n");
	scene_shut(s);
	reader_done(&r);
}

static void
test_most_clients(void **state)
{
	struct scene *sc = *state;
	struct reader r[HUB_CLIENTS_MAX], more;
	size_t end;

	scene_start(sc);
	for (int i = 0; i < HUB_CLIENTS_MAX; i++)
		r[i] = reader_come(sc);
	more = reader_new(sc);
	for (int i = 0; i < 20; i++)
		scene_turn(sc);
	reader_read(&more);
	assert_int_equal(reader_blocks(&more, 0, &end), 0);
	loopback_rst(r[5].fd);
	r[5].fd = -1;
	reader_wait(sc, &more, 2);
	for (int i = 0; i < HUB_CLIENTS_MAX; i++)
		reader_done(&r[i]);
	reader_done(&more);
}

/* The hub's worker ends first: what the other has still comes. */
static void
test_end_waits_for_all(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader r;

	scene_start(sc);
	r = reader_come(sc);
	s = scene_open(sc, 1, 1);
	scene_say(s, DIR_CLIENT, 10);
	scene_shut(s);
	fanout_finish(sc->fan[0], clock_mono_ns() + 20 * CLOCK_NS_PER_S, true);
	for (int i = 0; i < 5; i++)
		scene_turn_one(sc, 0);
	fanout_finish(sc->fan[1], clock_mono_ns() + 20 * CLOCK_NS_PER_S, true);
	sc->running = false;
	reader_expect(sc, &r, 12,
	    MADE_HEAD SHAKE "EPB 0 C PA 10\nEPB 0 S A 0\n"
			    "EPB 0 C FA 0\nEPB 0 S A 0\nEPB 0 S FA 0\n"
			    "EPB 0 C A 0\nISB 0 recv 9 drop 0\n");
	read_to_end(sc, &r);
	assert_int_equal(r.ended, 1);
	reader_done(&r);
}

/* A worker that never says so, and a client that never reads: time is up. */
static void
test_deadline(void **state)
{
	struct scene *sc = *state;
	struct session *s;
	struct reader r;

	scene_start(sc);
	r = reader_slow(sc);
	reader_wait(sc, &r, 1);
	for (int i = 0; i < 4; i++)
		scene_turn(sc);
	s = scene_open(sc, 1, 1);
	while (scene_dropped(sc, DROP_QUEUE_FULL) == 0) {
		scene_say(s, DIR_CLIENT, 20000);
		scene_turn(sc);
	}
	scene_shut(s);
	fanout_finish(sc->fan[0], clock_mono_ns() + 20 * CLOCK_NS_PER_MS, true);
	SCENE_UNTIL(sc, scene_dropped(sc, DROP_CLOSING) > 0);
	fanout_finish(sc->fan[1], 0, true);
	sc->running = false;
	SCENE_UNTIL(sc, (reader_read(&r), r.ended != 0));
	/* Not taken for a whole one. */
	assert_int_equal(r.ended, -1);
	reader_done(&r);
}

static void
test_wrong_words(void **state)
{
	static const char *const wrong[] = { "dial:127.0.0.1:80", "x:y", "" };
	struct scene *sc = *state;
	struct addr taken = loopback_addr(AF_INET);
	int fd = loopback_listen(&taken, 1);
	char arg[64];
	struct err err;

	for (size_t i = 0; i < ATTR_COUNT(wrong); i++)
		assert_int_equal(scene_try(sc, wrong[i], &err), -EINVAL);
	assert_int_equal(scene_try(sc, wrong[0], &err), -EINVAL);
	assert_string_equal(err.text,
	    "\"dial:127.0.0.1:80\": an address of ours is wanted, since "
	    "consumers call here");
	(void)snprintf(arg, sizeof(arg), "127.0.0.1:%u", taken.port);
	assert_int_equal(scene_try(sc, arg, &err), -EADDRINUSE);
	assert_null(sc->sink.self);
	close(fd);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody),
		TEST(test_from_head_to_end),
		TEST(test_late_client),
		TEST(test_comes_in_the_middle_of_a_turn),
		TEST(test_slow_client),
		TEST(test_losses_are_told_before_the_next_packets),
		TEST(test_close_resets_the_slow_one),
		TEST(test_pause_holds_every_worker),
		TEST(test_interfaces),
		TEST(test_both_kinds),
		TEST(test_many_interfaces),
		TEST(test_gone_at_once),
		TEST(test_gone_in_quiet_times),
		TEST(test_half_closed_client),
		TEST(test_most_clients),
		TEST(test_end_waits_for_all),
		TEST(test_deadline),
		TEST(test_wrong_words),
	};

	clock_init();
	/* What libuv opens once and keeps. */
	worker_free(worker_new(0, NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
