#include "control_rig.h"

/*
 * Sessions that are followed (control/watch.h): byte 0 is how much history
 * there is, byte 1 for how many sessions; then follow steps of sessions, of
 * those who follow them, and of the two threads.
 *
 * A follower is told each byte once, as it was said, or that it was left out;
 * never more than it has granted.  What was lost on the way is told as lost,
 * and is never data.  Who was there from the beginning and takes everything
 * misses nothing.
 */

#define SESSIONS 4
#define EARS     4
#define STEPS    400 /* of an input: more cost time only */
#define LOSSES   32
#define MOST     16 /* sessions, one after the other */
#define ALL      ((size_t)1 << 40)

/* Less than a batch, so that no turn has too much to tell. */
#define AT_ONCE ((size_t)128 * 1024)

/** struct range - Offsets from @from up to @to */
struct range {
	uint64_t from;
	uint64_t to;
};

/** struct track - What was lost of a session, for good */
struct track {
	struct range lost[DIR_NDIRS][LOSSES];
	size_t n[DIR_NDIRS];
	uint64_t off[DIR_NDIRS];
};

/**
 * struct hearer - A follower
 * @granted:	Bytes that it may be told
 * @cost:	... of these
 * @takes_all:	It was there before the first byte, and grants everything
 */
struct hearer {
	struct ear ear;
	struct scene *sc;
	uint64_t granted;
	uint64_t cost;
	bool takes_all;
};

/** struct scene - @unsettled: bytes said that may not have been told yet */
struct scene {
	struct rig r;
	struct track track[MOST];
	struct hearer hearer[EARS];
	size_t unsettled;
};

/* --- what is told ------------------------------------------------------ */

/* How much of the range was lost. */
static uint64_t
lost_in(const struct track *t, enum dir dir, struct range r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n[dir]; i++) {
		struct range l = t->lost[dir][i];

		l.from = l.from > r.from ? l.from : r.from;
		l.to = l.to < r.to ? l.to : r.to;
		sum += l.from < l.to ? l.to - l.from : 0;
	}
	return sum;
}

static void
on_event(void *self, const struct watch_event *e)
{
	struct hearer *h = self;
	const struct track *t = &h->sc->track[h->ear.id - 1];
	const struct range r = { e->off, e->off + e->len };

	ear_event(&h->ear, e);
	if (e->type == WATCH_DATA) {
		h->cost += e->len;
		FUZZ_CHECK(lost_in(t, e->dir, r) == 0);
	} else if (e->type == WATCH_GAP && e->why != GAP_QUEUE) {
		FUZZ_CHECK(lost_in(t, e->dir, r) == e->len);
	} else if (e->type == WATCH_END) {
		FUZZ_CHECK(e->off == t->off[e->dir]);
	}
	FUZZ_CHECK(h->cost <= h->granted);
}

static void
check_hearer(const struct hearer *h)
{
	const struct ear *ear = &h->ear;
	const struct track *t = &h->sc->track[ear->id - 1];
	uint64_t left_out =
	    ear->left_out[DIR_CLIENT] + ear->left_out[DIR_SERVER];

	for (unsigned i = 0; i < DIR_NDIRS; i++)
		FUZZ_CHECK(ear->off[i] <= t->off[i]);
	if (ear->is_closed)
		FUZZ_CHECK(follower_missed(ear->f) <= left_out);
	if (!h->takes_all || memory_is_short())
		return;
	FUZZ_CHECK(left_out == 0 && follower_missed(ear->f) == 0);
	for (unsigned i = 0; i < DIR_NDIRS; i++)
		FUZZ_CHECK(ear->off[i] == t->off[i]);
}

static void
settle(struct scene *sc)
{
	rig_settle(&sc->r);
	sc->unsettled = 0;
	for (size_t i = 0; i < EARS; i++)
		if (sc->hearer[i].ear.f != NULL)
			check_hearer(&sc->hearer[i]);
}

/* --- steps of sessions ------------------------------------------------- */

static struct track *
track_of(struct scene *sc, size_t i)
{
	return &sc->track[sc->r.session[i].s.id - 1];
}

static void
begin(struct scene *sc, size_t i)
{
	/* Each has its place in what is known of them. */
	if (sc->r.next_id < MOST)
		(void)rig_open(&sc->r, i); /* it is rig->session[i] */
}

static void
lose(struct scene *sc, size_t i, enum dir dir, uint64_t len)
{
	struct track *t = track_of(sc, i);

	if (t->n[dir] == LOSSES)
		return;
	t->lost[dir][t->n[dir]++] =
	    (struct range){ t->off[dir], t->off[dir] + len };
	t->off[dir] += len;
	rig_lose(&sc->r, i, dir, len);
}

static void
say(struct scene *sc, size_t i, enum dir dir, unsigned how)
{
	size_t len = how < 200 ? 1 + how : (how - 199) * 500;

	track_of(sc, i)->off[dir] += len;
	rig_feed(&sc->r, i, dir, len);
	sc->unsettled += len;
	if (sc->unsettled > AT_ONCE)
		settle(sc);
}

static void
differ(struct scene *sc, size_t i, enum dir dir, unsigned how)
{
	struct session *s = &sc->r.session[i].s;
	const struct conflict c = {
		.dir = dir,
		.off = s->off[dir] - 4 - how % (s->off[dir] - 3),
		.ts_ns = ++sc->r.now_ns,
		.kept = (const uint8_t *)"kept",
		.other = (const uint8_t *)"sent",
		.len = 4,
	};

	session_conflict(s, &c);
}

static void
step_session(struct scene *sc, size_t i, unsigned op, struct fuzz_in *in)
{
	struct rig_session *rs = &sc->r.session[i];
	enum dir dir = op & 1 ? DIR_SERVER : DIR_CLIENT;

	op >>= 1;
	if (!rs->open)
		begin(sc, i);
	else if (op == 6)
		rig_close(&sc->r, i);
	else if (rs->s.ended[dir])
		return;
	else if (op == 5)
		rig_end(&sc->r, i, dir);
	else if (op == 4)
		lose(sc, i, dir, 1 + fuzz_u16(in));
	else if (op == 3 && rs->s.off[dir] >= 4)
		differ(sc, i, dir, fuzz_u8(in));
	else
		say(sc, i, dir, fuzz_u8(in));
}

/* --- steps of those who follow ----------------------------------------- */

static void
follow(struct scene *sc, struct hearer *h, struct fuzz_in *in)
{
	unsigned how = fuzz_u8(in);
	uint64_t id = 1 + how % MOST;
	const struct track *t = &sc->track[id - 1];
	struct watch_session *ws;
	struct follower_opts o = {
		.history = (how & 16) != 0,
		.credit = how & 32 ? ALL : (size_t)fuzz_u8(in) * 16,
		.event = on_event,
		.self = h,
	};

	settle(sc);
	ws = roster_find(sc->r.roster, id);
	if (h->ear.f != NULL || ws == NULL)
		return;
	*h = (struct hearer){ .sc = sc, .granted = o.credit };
	h->takes_all =
	    o.credit == ALL && t->off[DIR_CLIENT] + t->off[DIR_SERVER] == 0;
	h->ear.id = id;
	if (!o.history)
		memcpy(h->ear.off, t->off, sizeof(h->ear.off));
	h->ear.f = watch_follow(sc->r.watch, ws, &o);
	FUZZ_CHECK(h->ear.f != NULL || memory_is_short());
	/* It begins where the session stands when its letter comes. */
	settle(sc);
}

static void
step_hearer(struct scene *sc, struct hearer *h, unsigned op, struct fuzz_in *in)
{
	size_t n;

	if (op == 0) {
		follow(sc, h, in);
	} else if (h->ear.f != NULL && op == 1) {
		n = (size_t)fuzz_u8(in) * fuzz_u8(in);
		h->granted += n;
		follower_grant(h->ear.f, n);
	} else if (h->ear.f != NULL && op == 2) {
		ear_stop(&h->ear);
	}
}

static void
step(struct scene *sc, struct fuzz_in *in)
{
	unsigned op = fuzz_u8(in), what = op >> 2;

	if (what < 20)
		step_session(sc, op % SESSIONS, what % 14, in);
	else if (what < 40)
		step_hearer(sc, &sc->hearer[op % EARS], what % 3, in);
	else if (what < 48)
		rig_turn_worker(&sc->r);
	else if (what < 56)
		rig_turn_main(&sc->r);
	else
		settle(sc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	size_t history = 512 * (size_t)fuzz_u8(&in);
	size_t total = 2048 * (size_t)fuzz_u8(&in);
	struct scene *sc = memory_own_zeroed(sizeof(*sc));

	/* cmocka's checks are to end the program. */
	(void)setenv("CMOCKA_TEST_ABORT", "1", 1);
	memory_pause(true);
	rig_start(&sc->r, history, total);
	memory_pause(false);
	for (int i = 0; i < STEPS && in.left > 0; i++)
		step(sc, &in);
	settle(sc);
	for (size_t i = 0; i < EARS; i++)
		if (sc->hearer[i].ear.f != NULL)
			ear_stop(&sc->hearer[i].ear);
	control_rig_stop(&sc->r);
	free(sc);
	return 0;
}
