#include "line_rig.h"

#include <signal.h>
#include <stdatomic.h>

/*
 * Workers that tell news as fast as they can, while sessions come and go on
 * the main thread and a client asks for all of them: for SAN=thread.
 */

#define TELLERS  3
#define SESSIONS 2000
#define ASKED    50

/** struct teller - A thread that does what a sink with consumers does. */
struct teller {
	struct line_rig *lr;
	uint64_t first;
	uv_thread_t thread;
	_Atomic bool done;
};

static void
tell(struct teller *t, uint64_t id)
{
	struct news_tally *tally = news_tally_new();
	struct news n = {
		.type = NEWS_OPENED,
		.kind = "listen",
		.session = id,
		.tally = tally,
		.port = { 1001, 1002 },
	};

	assert_non_null(tally);
	line_tell(t->lr->line, &n);
	n.type = NEWS_CAME;
	n.tally = NULL;
	line_tell(t->lr->line, &n);
	for (int i = 0; i < 10; i++) {
		count_add(&tally->chunks[NEWS_REQUESTS], 1);
		count_add(&tally->count[NEWS_REQUESTS].written, 3);
	}
	n.type = NEWS_GONE;
	n.ended = true;
	line_tell(t->lr->line, &n);
	news_tally_unref(tally);
}

static void
run_teller(void *self)
{
	struct teller *t = self;

	for (uint64_t id = t->first; id <= SESSIONS; id += TELLERS)
		tell(t, id);
	atomic_store(&t->done, true);
}

static bool
are_done(struct teller t[TELLERS])
{
	for (int i = 0; i < TELLERS; i++)
		if (!atomic_load(&t[i].done))
			return false;
	return true;
}

static bool
is_reply(const json_t *object)
{
	return strcmp(text_of(object, "event"), "control_reply") == 0;
}

/* Reads what is there; return: how many replies that were. */
static unsigned
skim(struct caller *c, struct line_rig *lr)
{
	unsigned n = 0;

	while (caller_has_line(c)) {
		json_t *object = caller_hear(c, lr);

		n += is_reply(object);
		json_decref(object);
	}
	assert_false(c->over);
	return n;
}

/* Reads on until the reply to the last of its questions is there. */
static json_t *
last_reply(struct caller *c, struct line_rig *lr, unsigned asked)
{
	json_t *object = NULL;

	for (unsigned n = 0; n < asked; n += is_reply(object)) {
		json_decref(object);
		object = caller_hear(c, lr);
		assert_non_null(object);
	}
	return object;
}

static void
news_from_all_sides(void **state)
{
	static struct teller t[TELLERS];
	struct line_rig lr;
	struct caller c;
	unsigned asked = 0;
	json_t *reply, *stats;

	(void)state;
	line_rig_start(&lr, NULL);
	caller_come(&c, &lr);
	for (int i = 0; i < TELLERS; i++) {
		t[i].lr = &lr;
		t[i].first = (uint64_t)i + 1;
		assert_int_equal(
		    uv_thread_create(&t[i].thread, run_teller, &t[i]), 0);
	}
	while (lr.r.next_id < SESSIONS || !are_done(t)) {
		size_t i = lr.r.next_id % RIG_SESSIONS;

		line_rig_turn(&lr);
		asked -= skim(&c, &lr);
		if (lr.r.next_id == SESSIONS)
			continue;
		if (lr.r.session[i].open)
			rig_close(&lr.r, i);
		rig_open(&lr.r, i);
		if (lr.r.next_id % (SESSIONS / ASKED) == 0) {
			caller_say(&c, &lr, "{\"cmd\":\"list_sessions\"}");
			asked++;
		}
	}
	for (int i = 0; i < TELLERS; i++)
		assert_int_equal(uv_thread_join(&t[i].thread), 0);
	for (size_t i = 0; i < RIG_SESSIONS; i++)
		rig_close(&lr.r, i);
	rig_settle(&lr.r);
	caller_say(&c, &lr, "{\"cmd\":\"stats\"}");
	reply = last_reply(&c, &lr, asked + 1);
	stats = json_object_get(reply, "stats");
	/* Every byte of every session is in the sum, nothing was left out. */
	assert_int_equal(
	    json_integer_value(json_object_get(stats, "bytes_forwarded")),
	    SESSIONS * 30);
	assert_int_equal(json_integer_value(
			     json_object_get(stats, "control_events_dropped")),
	    0);
	json_decref(reply);
	caller_leave(&c);
	line_rig_stop(&lr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(news_from_all_sides),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
