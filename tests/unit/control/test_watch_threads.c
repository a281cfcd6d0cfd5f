#include "../net/loopback.h"
#include "watch_rig.h"

#include <malloc.h>
#include <stdatomic.h>

#include "base/attr.h"

/*
 * Two workers on threads of their own, each with sessions that come and go as
 * fast as they can, and a main thread that lists, follows, grants, stops and
 * ends them meanwhile.  What followers are told is checked byte by byte.
 */

#define WORKERS 2
#define AT_ONCE 8
#define EARS    16

/* A sanitizer is several times slower, and finds what it finds sooner. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SESSIONS 20000
#else
#define SESSIONS 100000
#endif

/* What may be in use at the end beyond what was after a quarter. */
#define GROWTH ((size_t)4 << 20)

struct hall;

/**
 * struct stage - A worker and its sessions
 * @step:	A letter to itself: the next events
 * @done:	... to the main thread: no session is left
 */
struct stage {
	struct hall *hall;
	struct worker *w;
	struct fanout *fan;
	struct rig_session session[AT_ONCE];
	uint64_t dice;
	struct mail step;
	struct mail done;
};

/**
 * struct hall - All of it; @rig has the main thread's part
 * @next_id:	Numbers of sessions, as a run gives them out
 * @ndone:	Workers that have no session left
 * @before:	Memory in use when a quarter of the sessions had closed; a
 *sanitizer tells 0
 */
struct hall {
	struct rig rig;
	struct roster_listener listener;
	struct stage stage[WORKERS];
	_Atomic uint64_t next_id;
	_Atomic unsigned ended;
	unsigned ndone;
	uint64_t opened;
	uint64_t closed;
	uint64_t dice;
	struct ear ear[EARS];
	unsigned nfollowed;
	unsigned nclosed;
	size_t before;
};

static uint64_t
roll(uint64_t *dice, uint64_t n)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 7;
	*dice ^= *dice << 17;
	return *dice % n;
}

/* --- on the workers' threads ------------------------------------------- */

static void
open_one(struct stage *st, struct rig_session *rs, uint64_t id)
{
	free(rs->slots);
	rs->slots = calloc(1, fanout_session_size(st->fan));
	assert_non_null(rs->slots);
	memset(&rs->s, 0, sizeof(rs->s));
	session_init(&rs->s, st->fan, rs->slots);
	rs->s.id = id;
	rs->s.source = "tap";
	rs->s.input = "tap";
	rs->open = true;
	session_open(&rs->s);
}

static void
close_one(struct rig_session *rs)
{
	session_close(&rs->s, rs->s.last_ns + 1, HOW_FIN, PARTY_US);
	rs->open = false;
}

static void
on_end(void *self, struct session *s)
{
	struct hall *h = self;

	atomic_fetch_add(&h->ended, 1);
	close_one(ATTR_CONTAINER(s, struct rig_session, s));
}

static void
say_something(struct stage *st, struct rig_session *rs)
{
	enum dir dir = (enum dir)roll(&st->dice, DIR_NDIRS);
	uint8_t bytes[1500];
	struct chunk c = {
		.dir = dir,
		.off = rs->s.off[dir],
		.ts_ns = rs->s.last_ns + 1,
		.len = 1 + roll(&st->dice, sizeof(bytes)),
	};
	const struct gap g = { dir, c.off, c.ts_ns, c.len, GAP_LOST };

	if (rs->s.ended[dir])
		return;
	if (roll(&st->dice, 20) == 0) {
		session_gap(&rs->s, &g);
		return;
	}
	for (size_t i = 0; i < c.len; i++)
		bytes[i] = rig_byte(rs->s.id, dir, c.off + i);
	if (fanout_need(&rs->s) != NEED_NOTHING)
		c.data = bytes;
	session_data(&rs->s, &c);
}

/* What happens next; false: nothing more will. */
static bool
act(struct stage *st)
{
	struct rig_session *rs = &st->session[roll(&st->dice, AT_ONCE)];
	uint64_t id;

	if (rs->open) {
		if (roll(&st->dice, 20) == 0)
			close_one(rs);
		else if (roll(&st->dice, 10) == 0)
			session_end(&rs->s, DIR_CLIENT, rs->s.last_ns + 1,
			    HOW_FIN, PARTY_CLIENT);
		else
			say_something(st, rs);
		return true;
	}
	id = atomic_fetch_add(&st->hall->next_id, 1) + 1;
	if (id > SESSIONS)
		return false;
	open_one(st, rs, id);
	return true;
}

static void
deliver_step(struct mail *m)
{
	struct stage *st = ATTR_CONTAINER(m, struct stage, step);
	bool more = true;

	for (int i = 0; more && i < 64; i++)
		more = act(st);
	worker_touch(st->w);
	if (more) {
		worker_post(st->w, &st->step);
		return;
	}
	for (size_t i = 0; i < AT_ONCE; i++)
		if (st->session[i].open)
			close_one(&st->session[i]);
	mail_send(&st->hall->rig.box, &st->done);
}

/* --- on the main thread ------------------------------------------------ */

static void
deliver_done(struct mail *m)
{
	struct stage *st = ATTR_CONTAINER(m, struct stage, done);

	st->hall->ndone++;
}

static void
leave(struct hall *h, struct ear *ear)
{
	if (ear->f == NULL)
		return;
	h->nclosed += ear->is_closed;
	ear_stop(ear);
}

static void
follow(struct hall *h, struct watch_session *ws)
{
	static const size_t credits[] = { 0, 100, 5000, SIZE_MAX };
	struct ear *ear = &h->ear[roll(&h->dice, EARS)];

	leave(h, ear);
	memset(ear, 0, sizeof(*ear));
	ear->grants = roll(&h->dice, 2) == 0;
	if (roll(&h->dice, 8) == 0)
		ear->stop_at = 1 + (unsigned)roll(&h->dice, 4);
	ear_follow(ear, &h->rig, ws->id, true,
	    credits[roll(&h->dice, ATTR_COUNT(credits))]);
	h->nfollowed++;
}

static void
on_opened(void *self, struct watch_session *ws)
{
	struct hall *h = self;
	struct ear *ear = &h->ear[roll(&h->dice, EARS)];

	h->opened++;
	if (roll(&h->dice, 100) == 0)
		follow(h, ws);
	else if (roll(&h->dice, 20) == 0)
		watch_end(h->rig.watch, ws);
	if (ear->f != NULL)
		follower_grant(ear->f, roll(&h->dice, 3000));
}

static void
on_closed(void *self, struct watch_session *ws)
{
	struct hall *h = self;

	assert_true(atomic_load(&ws->closed));
	h->closed++;
	if (h->before == 0 && h->closed >= SESSIONS / 4)
		h->before = mallinfo2().uordblks;
}

static void
start(struct hall *h, size_t history)
{
	const struct watch_opts o = {
		.history = history,
		.history_total = (size_t)1 << 20,
		.box = &h->rig.box,
		.notes = roster_notes(h->rig.roster),
	};
	struct sink *sink;
	struct err err = { "" };

	h->rig.watch = watch_new(&o, &err);
	assert_non_null(h->rig.watch);
	sink = watch_sink(h->rig.watch);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct stage *st = &h->stage[i];

		st->hall = h;
		st->dice = 88172645463325252ULL + i;
		st->step.deliver = deliver_step;
		st->done.deliver = deliver_done;
		st->w = worker_new(i, &err);
		assert_non_null(st->w);
		st->fan = fanout_new(&sink, 1, st->w, &err);
		assert_non_null(st->fan);
		fanout_set_end(st->fan, on_end, h);
		worker_set_turn(st->w, rig_on_turn, st->fan);
		worker_set_finish(st->w, rig_on_finish, st->fan);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(worker_start(h->stage[i].w, &err), 0);
		worker_post(h->stage[i].w, &h->stage[i].step);
	}
}

static void
stop(struct hall *h)
{
	for (unsigned i = 0; i < WORKERS; i++)
		worker_stop(h->stage[i].w);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_join(h->stage[i].w);
	rig_turn_main(&h->rig);
	for (unsigned i = 0; i < EARS; i++)
		leave(h, &h->ear[i]);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker_free(h->stage[i].w);
		fanout_free(h->stage[i].fan);
		for (size_t j = 0; j < AT_ONCE; j++)
			free(h->stage[i].session[j].slots);
	}
	mail_close(&h->rig.box);
	(void)uv_run(&h->rig.loop, UV_RUN_DEFAULT);
	mail_done(&h->rig.box);
	assert_int_equal(uv_loop_close(&h->rig.loop), 0);
}

static void
play(size_t history)
{
	struct hall *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	h->dice = 362436069;
	assert_int_equal(uv_loop_init(&h->rig.loop), 0);
	assert_int_equal(mail_init(&h->rig.box, &h->rig.loop), 0);
	h->rig.roster = roster_new();
	assert_non_null(h->rig.roster);
	h->listener = (struct roster_listener){
		.opened = on_opened,
		.closed = on_closed,
		.self = h,
	};
	roster_listen(h->rig.roster, &h->listener);
	start(h, history);
	LOOPBACK_UNTIL(&h->rig.loop,
	    h->ndone == WORKERS &&
		h->closed + watch_missed(h->rig.watch) >= SESSIONS);
	assert_int_equal(h->opened, h->closed);
	assert_int_equal(roster_open(h->rig.roster), 0);
	assert_true(h->nfollowed > 100);
	assert_true(mallinfo2().uordblks < h->before + GROWTH);
	stop(h);
	assert_true(h->nclosed > 20);
	assert_true(atomic_load(&h->ended) > 20);
	watch_free(h->rig.watch);
	roster_free(h->rig.roster);
	free(h);
}

static void
with_histories(void **state)
{
	(void)state;
	play((size_t)16 << 10);
}

static void
without_histories(void **state)
{
	(void)state;
	play(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_histories),
		cmocka_unit_test(without_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
