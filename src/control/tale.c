#include <assert.h>
#include <stdint.h>

#include "base/obuf.h"

#include "control/tale.h"
#include "control/watch_lane.h"

static_assert(TALE_RESERVE == 16 * sizeof(struct watch_record),
    "twice the records that come once fit into what is reserved");

/* --- records ----------------------------------------------------------- */

static void
set_state(struct tale *t, enum tale_state state)
{
	assert(state > t->state);
	t->state = state;
}

/* Is there room for a record of @size bytes, without what is reserved? */
static bool
has_room(struct tale *t, size_t size)
{
	struct obuf *o = t->to;
	size_t n = sizeof(struct watch_record) + size;

	if (o->len + n + TALE_RESERVE > TALE_BATCH_MAX)
		return false;
	if (obuf_room(o, n + TALE_RESERVE) != NULL)
		return true;
	o->failed = false; /* no memory: then it is as full as it is */
	return false;
}

/* How many of @len bytes can be told, behind a gap. */
static size_t
fitting(struct tale *t, size_t len)
{
	size_t credit = atomic_load(&t->credit);
	size_t used =
	    t->to->len + TALE_RESERVE + 2 * sizeof(struct watch_record);
	size_t n = used < TALE_BATCH_MAX ? TALE_BATCH_MAX - used : 0;

	if (n > len)
		n = len;
	if (n > credit)
		n = credit;
	return has_room(t, sizeof(struct watch_record) + n) ? n : 0;
}

static void
say(struct tale *t, const struct watch_record *rec)
{
	obuf_put(t->to, rec, sizeof(*rec));
}

/* Everything up to @off that was not told is told as left out. */
static void
say_gap_up_to(struct tale *t, enum dir dir, uint64_t off, uint64_t ts_ns)
{
	const struct watch_record rec = {
		.type = WATCH_GAP,
		.dir = (uint8_t)dir,
		.what = GAP_QUEUE,
		.ts_ns = ts_ns,
		.off = t->off[dir],
		.len = off - t->off[dir],
	};

	if (off <= t->off[dir])
		return;
	say(t, &rec);
	t->off[dir] = off;
}

/* The first bytes of what @rec has, as many as there is credit and room for. */
static size_t
say_data(struct tale *t, const struct watch_record *rec, const uint8_t *data)
{
	size_t n = fitting(t, rec->size);
	struct watch_record r = *rec;

	if (n == 0)
		return 0;
	say_gap_up_to(t, (enum dir)r.dir, r.off, r.ts_ns);
	r.len = n;
	r.size = (uint32_t)n;
	say(t, &r);
	obuf_put(t->to, data, n);
	t->off[r.dir] = r.off + n;
	atomic_fetch_sub(&t->credit, n);
	return n;
}

/* Where nothing can be told, a gap of the stream is like any other. */
static bool
say_gap(struct tale *t, const struct watch_record *rec)
{
	if (fitting(t, 1) == 0)
		return false;
	say_gap_up_to(t, (enum dir)rec->dir, rec->off, rec->ts_ns);
	say(t, rec);
	t->off[rec->dir] = rec->off + rec->len;
	return true;
}

/* What was sent twice is no part of the stream: it is told or it is not. */
static bool
say_conflict(struct tale *t, const struct watch_record *rec,
    const uint8_t *kept, const uint8_t *other)
{
	size_t credit = atomic_load(&t->credit);

	if (credit == 0 || !has_room(t, sizeof(*rec) + rec->size))
		return false;
	/* It names bytes that went by. */
	say_gap_up_to(t, (enum dir)rec->dir, rec->off + rec->len, rec->ts_ns);
	say(t, rec);
	obuf_put(t->to, kept, rec->size / 2);
	obuf_put(t->to, other, rec->size / 2);
	atomic_fetch_sub(&t->credit, rec->size < credit ? rec->size : credit);
	return true;
}

static void
say_end(struct tale *t, enum dir dir)
{
	const struct watch_end *end = &t->entry->pub.end[dir];
	const struct watch_record rec = {
		.type = WATCH_END,
		.dir = (uint8_t)dir,
		.what = end->how,
		.by = end->by,
		.ts_ns = end->ts_ns,
		.off = end->off,
	};

	say_gap_up_to(t, dir, end->off, end->ts_ns);
	say(t, &rec);
	t->ended |= (uint8_t)(1U << dir);
}

static uint64_t
last_ns(const struct tale *t)
{
	return atomic_load_explicit(
	    &t->entry->pub.last_ns, memory_order_relaxed);
}

static void
say_close(struct tale *t)
{
	const struct watch_record rec = {
		.type = WATCH_CLOSE,
		.what = t->entry->pub.reason,
		.by = t->entry->pub.first,
		.ts_ns = last_ns(t),
	};

	say(t, &rec);
	set_state(t, TALE_OVER);
}

/* --- the history ------------------------------------------------------- */

/* An end that lies before record @seq, and was not told yet. */
static bool
has_end_before(const struct tale *t, enum dir dir, uint64_t seq)
{
	unsigned bit = 1U << dir;

	return (atomic_load(&t->entry->pub.ended) & bit) != 0 &&
	       (t->ended & bit) == 0 && t->entry->pub.end[dir].seq < seq;
}

static void
say_ends_before(struct tale *t, uint64_t seq)
{
	enum dir dir = DIR_CLIENT;

	if (t->entry->pub.end[DIR_SERVER].seq <
	    t->entry->pub.end[DIR_CLIENT].seq)
		dir = DIR_SERVER;
	if (has_end_before(t, dir, seq))
		say_end(t, dir);
	dir = dir_other(dir);
	if (has_end_before(t, dir, seq))
		say_end(t, dir);
}

/* A record of the history; false: not, or not all of it, for the time being */
static bool
retell(struct tale *t, const struct watch_record *rec, const uint8_t *data)
{
	struct watch_record rest = *rec;
	uint64_t told;

	switch ((enum watch_type)rec->type) {
	case WATCH_GAP:
		return say_gap(t, rec);
	case WATCH_CONFLICT:
		return say_conflict(t, rec, data, data + rec->size / 2);
	case WATCH_DATA:
	case WATCH_END:
	case WATCH_CLOSE:
	case WATCH_LIVE:
		break;
	}
	/* The first part may have been told before. */
	told = t->off[rec->dir] > rec->off ? t->off[rec->dir] - rec->off : 0;
	assert(told <= rec->size);
	rest.off += told;
	rest.size -= (uint32_t)told;
	return say_data(t, &rest, data + told) == rest.size;
}

/*
 * What was there when it began is told.  One that is slow may read on in the
 * history for ever; it need not know.
 */
static void
say_live(struct tale *t)
{
	const struct watch_record live = {
		.type = WATCH_LIVE,
		.ts_ns = last_ns(t),
	};

	if (t->is_live)
		return;
	t->is_live = true;
	say(t, &live);
}

/* All of the history is told. */
static void
catch_up(struct tale *t)
{
	const struct watch_entry *e = t->entry;

	say_ends_before(t, UINT64_MAX);
	for (int d = 0; d < DIR_NDIRS; d++)
		say_gap_up_to(t, (enum dir)d, e->off[d], last_ns(t));
	say_live(t);
	set_state(t, TALE_LIVE);
	if (!e->is_open)
		say_close(t);
}

/* True: all of it is told. */
static bool
replay(struct tale *t)
{
	struct watch_reader r;
	struct watch_record rec;
	const uint8_t *data;

	watch_history_seek(&t->entry->history, t->seq, &r);
	while (watch_history_next(&r, &rec, &data)) {
		t->seq = rec.seq;
		say_ends_before(t, rec.seq);
		if (rec.seq > t->begun)
			say_live(t);
		if (!retell(t, &rec, data))
			return false;
		t->seq++;
	}
	catch_up(t);
	return true;
}

/* --- what happens ------------------------------------------------------ */

void
tale_data(struct tale *t, const struct chunk *c)
{
	const struct watch_record rec = {
		.type = WATCH_DATA,
		.dir = (uint8_t)c->dir,
		.size = c->len < TALE_BATCH_MAX ? (uint32_t)c->len
						: (uint32_t)TALE_BATCH_MAX,
		.ts_ns = c->ts_ns,
		.off = c->off,
	};
	size_t n = 0;

	if (t->state != TALE_LIVE)
		return;
	if (c->data != NULL)
		n = say_data(t, &rec, c->data);
	if (n < c->len)
		atomic_fetch_add(&t->missed, c->len - n);
}

void
tale_gap(struct tale *t, const struct gap *g)
{
	const struct watch_record rec = {
		.type = WATCH_GAP,
		.dir = (uint8_t)g->dir,
		.what = (uint8_t)g->why,
		.ts_ns = g->ts_ns,
		.off = g->off,
		.len = g->len,
	};

	if (t->state == TALE_LIVE)
		(void)say_gap(t, &rec); /* or it is one with what is left out */
}

void
tale_conflict(struct tale *t, const struct conflict *c)
{
	const struct watch_record rec = {
		.type = WATCH_CONFLICT,
		.dir = (uint8_t)c->dir,
		.size = (uint32_t)(c->len * 2),
		.ts_ns = c->ts_ns,
		.off = c->off,
		.len = c->len,
	};

	if (t->state == TALE_LIVE && c->len < TALE_BATCH_MAX / 2)
		(void)say_conflict(t, &rec, c->kept, c->other); /* or not */
}

void
tale_end(struct tale *t, enum dir dir)
{
	if (t->state == TALE_LIVE)
		say_end(t, dir);
}

void
tale_close(struct tale *t)
{
	if (t->state == TALE_LIVE)
		say_close(t);
}

/* --- from beginning to end --------------------------------------------- */

void
tale_init(struct tale *t, const struct watch_entry *e, size_t credit)
{
	*t = (struct tale){ .entry = e, .seq = 1 };
	atomic_init(&t->credit, credit);
}

void
tale_begin(struct tale *t, bool history)
{
	const struct watch_entry *e = t->entry;

	t->begun = e->history.seq;
	if (history)
		return;
	t->is_live = true;
	t->off[DIR_CLIENT] = e->off[DIR_CLIENT];
	t->off[DIR_SERVER] = e->off[DIR_SERVER];
	t->ended = atomic_load(&e->pub.ended);
	set_state(t, TALE_LIVE);
	if (!e->is_open)
		say_close(t);
}

/* What was left out is said once there is credit again; true: it is. */
static bool
own_up(struct tale *t)
{
	const uint64_t *off = t->entry->off;

	if (t->off[DIR_CLIENT] == off[DIR_CLIENT] &&
	    t->off[DIR_SERVER] == off[DIR_SERVER])
		return true;
	if (fitting(t, 1) == 0)
		return false;
	say_gap_up_to(t, DIR_CLIENT, off[DIR_CLIENT], last_ns(t));
	say_gap_up_to(t, DIR_SERVER, off[DIR_SERVER], last_ns(t));
	return true;
}

bool
tale_go_on(struct tale *t)
{
	if (t->state == TALE_REPLAYS && !replay(t))
		return false;
	return t->state != TALE_LIVE || own_up(t);
}
