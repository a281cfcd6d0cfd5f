#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fanout_scene.h"

#define STOPPED(c2s, s2c)                                                      \
	"end c2s " #c2s " stop by us;end s2c " #s2c " stop by us;close stop;"

static void
come(struct scene *sc, size_t i)
{
	struct err err = { "" };

	assert_int_equal(fanout_prepare(sc->fan, sc->sink[i], NULL, &err), 0);
	fanout_add(sc->fan, sc->sink[i]);
}

static void
go(struct scene *sc, size_t i)
{
	fanout_remove(sc->fan, sc->sink[i], 5, NULL, NULL);
	(void)fanout_turn(sc->fan, 1);
	(void)fanout_turn(sc->fan, 2);
	fanout_forget(sc->fan, sc->sink[i]);
}

/* The one to come is the last. */
static void
start_without_last(struct scene *sc)
{
	sc->n--;
	start(sc);
	sc->n++;
}

/* --- coming ------------------------------------------------------------ */

static void
who_comes_hears_what_opens_from_then_on(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_NOTHING, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	start_without_last(sc);
	begin(sc);
	feed(sc, DIR_CLIENT, 3, 1);
	come(sc, 1);
	assert_int_equal(fanout_need(&sc->s), NEED_NOTHING);
	feed(sc, DIR_CLIENT, 4, 2);
	finish(sc);
	assert_string_equal(sc->fake[1].log, "");
	begin(sc);
	assert_int_equal(fanout_need(&sc->s), NEED_MEMORY);
	feed(sc, DIR_SERVER, 5, 3);
	finish(sc);
	assert_string_equal(sc->fake[1].log,
	    "open;s2c 0+5;end c2s 0 fin by us;end s2c 5 fin by us;close fin;");
	assert_int_equal(count_get(&counts(sc, 1)->offered), 5);
}

static void
counts_appear_when_it_is_added(void **state)
{
	struct scene *sc = *state;
	struct err err = { "" };

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	start_without_last(sc);
	assert_int_equal(fanout_prepare(sc->fan, sc->sink[1], NULL, &err), 0);
	assert_int_equal(fanout_count(sc->fan), 1);
	fanout_forget(sc->fan, sc->sink[1]);
	assert_int_equal(sc->fake[1].lanes, 0);
	come(sc, 1);
	assert_int_equal(fanout_count(sc->fan), 2);
	go(sc, 0);
	assert_int_equal(fanout_count(sc->fan), 1);
	assert_ptr_equal(fanout_lane(sc->fan, 0)->sink, sc->sink[1]);
}

/* When the worker begins; who comes later, when it comes; each once. */
static void
it_starts_when_its_worker_runs(void **state)
{
	struct scene *sc = *state;
	struct err err = { "" };

	for (int i = 0; i < 3; i++) {
		add(sc, NEED_MEMORY, ON_FULL_DROP);
		fake_has_start(&sc->fake[i]);
	}
	sc->n = 1;
	start(sc);
	sc->n = 3;
	come(sc, 1);
	assert_string_equal(sc->fake[0].log, "");
	assert_string_equal(sc->fake[1].log, "");
	fanout_start(sc->fan);
	assert_string_equal(sc->fake[0].log, "start;");
	assert_string_equal(sc->fake[1].log, "start;");
	assert_int_equal(fanout_prepare(sc->fan, sc->sink[2], NULL, &err), 0);
	assert_string_equal(sc->fake[2].log, "");
	fanout_add(sc->fan, sc->sink[2]);
	assert_string_equal(sc->fake[2].log, "start;");
	begin(sc);
	finish(sc);
	assert_string_equal(sc->fake[0].log,
	    "start;open;end c2s 0 fin by us;end s2c 0 fin by us;close fin;");
}

static void
a_lane_that_cannot_be_made_takes_no_place(void **state)
{
	struct scene *sc = *state;
	struct err err = { "" };

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	start_without_last(sc);
	sc->fake[1].lane_rc = -EADDRNOTAVAIL;
	for (int i = 0; i < FANOUT_MAX_SINKS; i++)
		assert_int_equal(
		    fanout_prepare(sc->fan, sc->sink[1], NULL, &err),
		    -EADDRNOTAVAIL);
	sc->fake[1].lane_rc = 0;
	come(sc, 1);
}

/* The proxy makes a session when a client comes, and opens it later. */
static void
slots_older_than_a_sink(void **state)
{
	struct scene *sc = *state;
	void *more;

	add(sc, NEED_NOTHING, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	start_without_last(sc);
	for (int helped = 0; helped < 2; helped++) {
		sc->slots = calloc(1, fanout_session_size(sc->fan));
		assert_non_null(sc->slots);
		session_init(&sc->s, sc->fan, sc->slots);
		sc->s.id = 7;
		assert_false(session_lacks_slots(&sc->s));
		come(sc, 1);
		assert_true(session_lacks_slots(&sc->s));
		more = calloc(1, fanout_session_size(sc->fan));
		assert_non_null(more);
		if (helped)
			session_use_slots(&sc->s, more);
		assert_int_equal(session_lacks_slots(&sc->s), !helped);
		session_open(&sc->s);
		feed(sc, DIR_CLIENT, 9, 1);
		finish(sc);
		assert_drops(sc, 1, DROP_GONE, helped ? 0 : 9, !helped);
		free(more);
		free(sc->slots);
		sc->slots = NULL;
		if (!helped) {
			assert_string_equal(sc->fake[1].log, "");
			go(sc, 1);
		}
	}
	assert_string_equal(sc->fake[1].log,
	    "open;c2s 0+9;end c2s 9 fin by us;end s2c 0 fin by us;close fin;");
}

/* --- going ------------------------------------------------------------- */

/* For each need and policy: its record ends, the session goes on. */
static void
to_who_goes_the_session_is_stopped(void **state)
{
	static const enum need needs[] = { NEED_NOTHING, NEED_FILE,
		NEED_MEMORY };
	static const enum on_full policies[] = { ON_FULL_DROP, ON_FULL_PAUSE,
		ON_FULL_CLOSE };
	struct scene *sc = *state;

	for (size_t i = 0; i < 9; i++) {
		sc->n = 0;
		add(sc, needs[i / 3], policies[i % 3]);
		add(sc, NEED_MEMORY, ON_FULL_DROP);
		begin(sc);
		feed(sc, DIR_CLIENT, 3, 1);
		feed(sc, DIR_SERVER, 4, 2);
		go(sc, 0);
		assert_string_equal(
		    sc->fake[0].log, "open;c2s 0+3;s2c 0+4;" STOPPED(3, 4));
		assert_int_equal(sc->fake[0].lanes, 0);
		assert_false(sc->s.ended[DIR_CLIENT]);
		assert_int_equal(sc->s.last_ns, 2);
		feed(sc, DIR_CLIENT, 5, 3);
		finish(sc);
		assert_int_equal(sc->s.reason, HOW_FIN);
		assert_string_equal(sc->fake[1].log,
		    "open;c2s 0+3;s2c 0+4;c2s 3+5;end c2s 8 fin by us;"
		    "end s2c 4 fin by us;close fin;");
		fanout_free(sc->fan);
		sc->fan = NULL;
	}
}

static void
what_has_ended_stays_ended(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	begin(sc);
	session_end(&sc->s, DIR_SERVER, 3, HOW_RST, PARTY_SERVER);
	go(sc, 0);
	assert_string_equal(sc->fake[0].log,
	    "open;end s2c 0 rst by server;end c2s 0 stop by us;close rst;");
	assert_true(sc->s.ended[DIR_SERVER]);
	assert_false(sc->s.ended[DIR_CLIENT]);
	assert_int_equal(sc->s.first, PARTY_SERVER);
	finish(sc);
}

static void
who_goes_while_full_hears_what_it_lost(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	begin(sc);
	feed(sc, DIR_CLIENT, 3, 1);
	sc->fake[0].full = true;
	feed(sc, DIR_CLIENT, 4, 2);
	go(sc, 0);
	assert_string_equal(sc->fake[0].log,
	    "open;c2s 0+3;gap c2s 3+4 queue @2;" STOPPED(7, 0));
	finish(sc);
}

static void
who_waits_for_it_waits_no_more(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_PAUSE);
	begin(sc);
	sc->fake[0].full = true;
	assert_true(fanout_blocked(&sc->s));
	assert_true(fanout_held_up(sc->fan));
	go(sc, 0);
	assert_false(fanout_blocked(&sc->s));
	assert_false(fanout_held_up(sc->fan));
	finish(sc);
}

static void
who_goes_is_needed_for_no_more(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_FILE, ON_FULL_DROP);
	add(sc, NEED_FILE, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	begin(sc);
	go(sc, 2);
	assert_int_equal(fanout_need(&sc->s), NEED_MEMORY);
	go(sc, 0);
	assert_int_equal(fanout_need(&sc->s), NEED_FILE);
	take(sc, DIR_CLIENT, 6);
	go(sc, 1);
	assert_int_equal(fanout_need(&sc->s), NEED_NOTHING);
	finish(sc);
	assert_string_equal(
	    sc->fake[1].log, "open;take c2s 0+6;" STOPPED(6, 0));
}

/* Bits of sessions that were lost to it are not charged to the next one. */
static void
a_bit_is_clean_when_it_is_used_again(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_CLOSE);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	add(sc, NEED_MEMORY, ON_FULL_DROP);
	sc->n = 2;
	start(sc);
	sc->n = 4;
	sc->fake[1].full = true;
	begin(sc);
	sc->fake[0].full = true;
	feed(sc, DIR_CLIENT, 3, 1);
	assert_int_equal(count_get(&counts(sc, 1)->missed), 1);
	go(sc, 0);
	go(sc, 1);
	come(sc, 2);
	come(sc, 3);
	feed(sc, DIR_CLIENT, 4, 2);
	assert_int_equal(count_get(&counts(sc, 0)->offered), 0);
	assert_int_equal(count_get(&counts(sc, 1)->offered), 0);
	assert_drops(sc, 0, DROP_GONE, 0, 0);
	assert_drops(sc, 1, DROP_QUEUE_FULL, 0, 0);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "open;abort;");
	assert_string_equal(sc->fake[2].log, "");
}

/* One that keeps packets has no ends to hear of. */
static void
who_keeps_packets_goes_without_ends(void **state)
{
	static const uint8_t bytes[8];
	const struct packet p = { .data = bytes, .len = 8, .ts_ns = 4 };
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	fake_keep_packets(&sc->fake[0]);
	begin(sc);
	fanout_packet(sc->fan, &sc->s, &p);
	go(sc, 0);
	fanout_packet(sc->fan, &sc->s, &p);
	fanout_packet(sc->fan, NULL, &p);
	finish(sc);
	assert_string_equal(sc->fake[0].log, "open;packet 8 @4;close stop;");
}

/* --- letting go of handles --------------------------------------------- */

static void
on_left(void *self)
{
	unsigned *n = self;

	(*n)++;
}

static void
it_has_left_when_it_has_finished(void **state)
{
	struct scene *sc = *state;
	unsigned left = 0;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	fake_has_finish(&sc->fake[0]);
	sc->fake[0].busy = true;
	sc->fake[0].due_ns = 40;
	begin(sc);
	fanout_remove(sc->fan, sc->sink[0], 123, on_left, &left);
	assert_string_equal(sc->fake[0].log, "open;" STOPPED(0, 0) "finish;");
	assert_int_equal(sc->fake[0].finish_ns, 123);
	assert_int_equal(left, 0);
	/* It is looked at now and then, whatever it says itself. */
	sc->fake[0].due_ns = CLOCK_NEVER;
	assert_true(fanout_turn(sc->fan, 1) < CLOCK_NS_PER_S);
	sc->fake[0].due_ns = 40;
	assert_int_equal(fanout_turn(sc->fan, 1), 40);
	assert_int_equal(left, 0);
	/* Its counters are there until it is forgotten. */
	assert_int_equal(fanout_count(sc->fan), 1);
	sc->fake[0].busy = false;
	/* In this turn the loop lets go of what it has closed. */
	assert_int_equal(fanout_turn(sc->fan, 2), 2);
	assert_int_equal(left, 0);
	assert_int_equal(fanout_turn(sc->fan, 3), CLOCK_NEVER);
	assert_int_equal(left, 1);
	assert_int_equal(fanout_turn(sc->fan, 4), CLOCK_NEVER);
	assert_int_equal(left, 1);
	assert_int_equal(sc->fake[0].turns, 3);
	fanout_forget(sc->fan, sc->sink[0]);
	assert_int_equal(fanout_count(sc->fan), 0);
	finish(sc);
}

static void
it_finishes_once(void **state)
{
	struct scene *sc = *state;

	for (int removed_first = 0; removed_first < 2; removed_first++) {
		sc->n = 0;
		add(sc, NEED_MEMORY, ON_FULL_DROP);
		fake_has_finish(&sc->fake[0]);
		start(sc);
		if (removed_first)
			fanout_remove(sc->fan, sc->sink[0], 5, NULL, NULL);
		fanout_finish(sc->fan, 6, true);
		if (!removed_first)
			fanout_remove(sc->fan, sc->sink[0], 5, NULL, NULL);
		assert_string_equal(sc->fake[0].log, "finish;");
		fanout_free(sc->fan);
		sc->fan = NULL;
		assert_int_equal(sc->fake[0].lanes, 0);
	}
}

/* --- need by session --------------------------------------------------- */

static void
a_sink_that_is_asked_counts_until_it_wants_bytes(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_NOTHING, ON_FULL_DROP);
	add(sc, NEED_FILE, ON_FULL_DROP);
	fake_ask(&sc->fake[0]);
	begin(sc);
	assert_int_equal(fanout_need(&sc->s), NEED_FILE);
	take(sc, DIR_CLIENT, 3);
	sc->fake[0].wanted = NEED_MEMORY;
	assert_int_equal(fanout_need(&sc->s), NEED_MEMORY);
	feed(sc, DIR_CLIENT, 4, 1);
	sc->fake[0].wanted = NEED_NOTHING;
	assert_int_equal(fanout_need(&sc->s), NEED_FILE);
	take(sc, DIR_CLIENT, 5);
	go(sc, 1);
	assert_int_equal(fanout_need(&sc->s), NEED_NOTHING);
	feed(sc, DIR_CLIENT, 6, 2);
	finish(sc);
	assert_string_equal(sc->fake[0].log,
	    "open;c2s 0+3;c2s 3+4;c2s 7+5;c2s 12+6;end c2s 18 fin by us;"
	    "end s2c 0 fin by us;close fin;");
	assert_int_equal(count_get(&counts(sc, 0)->written), 18);
}

static void
sessions_are_found_while_they_are_open(void **state)
{
	struct scene *sc = *state;

	begin(sc);
	assert_ptr_equal(fanout_find(sc->fan, 7), &sc->s);
	assert_null(fanout_find(sc->fan, 8));
	finish(sc);
	assert_null(fanout_find(sc->fan, 7));
}

/* Its source ends it, before the call returns. */
static void
end_now(void *self, struct session *s)
{
	struct scene *sc = self;

	assert_ptr_equal(s, &sc->s);
	session_close(s, 5, HOW_STOP, PARTY_US);
}

static void
a_session_is_ended_by_its_source(void **state)
{
	struct scene *sc = *state;

	add(sc, NEED_MEMORY, ON_FULL_DROP);
	begin(sc);
	assert_int_equal(fanout_end_session(sc->fan, 7), -ENOTSUP);
	fanout_set_end(sc->fan, end_now, sc);
	assert_int_equal(fanout_end_session(sc->fan, 8), -ENOENT);
	assert_int_equal(fanout_end_session(sc->fan, 7), 0);
	assert_string_equal(sc->fake[0].log, "open;" STOPPED(0, 0));
	assert_int_equal(fanout_end_session(sc->fan, 7), -ENOENT);
}

/* --- all of it --------------------------------------------------------- */

#define SESSIONS 6
#define CYCLES   1000

static uint32_t
dice(uint32_t sides)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % sides;
}

struct crowd {
	struct session s[SESSIONS];
	void *slots[SESSIONS];
	bool open[SESSIONS];
	bool there[MAX_FAKES];
	uint64_t next_id;
};

static void
close_one(struct crowd *c, size_t i)
{
	session_close(&c->s[i], 9, HOW_FIN, PARTY_US);
	free(c->slots[i]);
	c->open[i] = false;
}

static void
open_or_close(struct scene *sc, struct crowd *c, size_t i)
{
	if (c->open[i]) {
		close_one(c, i);
		return;
	}
	c->slots[i] = calloc(1, fanout_session_size(sc->fan));
	assert_non_null(c->slots[i]);
	session_init(&c->s[i], sc->fan, c->slots[i]);
	c->s[i].id = ++c->next_id;
	session_open(&c->s[i]);
	c->open[i] = true;
}

static void
say_something(struct crowd *c, size_t i)
{
	static const uint8_t bytes[16];
	enum dir dir = (enum dir)dice(DIR_NDIRS);
	struct chunk chunk = {
		.dir = dir,
		.off = c->s[i].off[dir],
		.data = bytes,
		.len = 1 + dice(16),
	};

	if (c->open[i])
		session_data(&c->s[i], &chunk);
}

static void
come_or_go(struct scene *sc, struct crowd *c, size_t i)
{
	static const enum need needs[] = { NEED_NOTHING, NEED_FILE,
		NEED_MEMORY };
	struct fake *f = &sc->fake[i];

	if (c->there[i]) {
		go(sc, i);
		assert_int_equal(f->watched, 0);
		assert_int_equal(f->lanes, 0);
	} else {
		fake_init(f, needs[dice(3)], (enum on_full)dice(3));
		f->ops.session_size += dice(5) * 24;
		come(sc, i);
	}
	c->there[i] = !c->there[i];
}

/*
 * Slots of different sizes and queues that fill and empty, with sessions of
 * all ages: no state is another's (fake_of() looks), and nothing grows.
 */
static void
a_thousand_times(void **state)
{
	struct scene *sc = *state;
	struct crowd c = { .next_id = 0 };
	size_t most = MAX_FAKES * (sizeof(struct fake_state) + 256);

	for (size_t i = 0; i < MAX_FAKES; i++)
		add(sc, NEED_MEMORY, ON_FULL_DROP);
	sc->n = 0;
	start(sc);
	for (int i = 0; i < CYCLES; i++) {
		size_t who = dice(MAX_FAKES);

		come_or_go(sc, &c, who);
		sc->fake[dice(MAX_FAKES)].full = dice(3) == 0;
		for (int j = 0; j < 8; j++)
			say_something(&c, dice(SESSIONS));
		open_or_close(sc, &c, dice(SESSIONS));
		assert_true(fanout_session_size(sc->fan) < most);
	}
	for (size_t i = 0; i < SESSIONS; i++)
		if (c.open[i])
			close_one(&c, i);
	for (size_t i = 0; i < MAX_FAKES; i++)
		if (c.there[i])
			go(sc, i);
	assert_int_equal(fanout_count(sc->fan), 0);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(who_comes_hears_what_opens_from_then_on),
		SCENE(counts_appear_when_it_is_added),
		SCENE(it_starts_when_its_worker_runs),
		SCENE(a_lane_that_cannot_be_made_takes_no_place),
		SCENE(slots_older_than_a_sink),
		SCENE(to_who_goes_the_session_is_stopped),
		SCENE(what_has_ended_stays_ended),
		SCENE(who_goes_while_full_hears_what_it_lost),
		SCENE(who_waits_for_it_waits_no_more),
		SCENE(who_goes_is_needed_for_no_more),
		SCENE(a_bit_is_clean_when_it_is_used_again),
		SCENE(who_keeps_packets_goes_without_ends),
		SCENE(it_has_left_when_it_has_finished),
		SCENE(it_finishes_once),
		SCENE(a_sink_that_is_asked_counts_until_it_wants_bytes),
		SCENE(sessions_are_found_while_they_are_open),
		SCENE(a_session_is_ended_by_its_source),
		SCENE(a_thousand_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
