#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"

#include "core/fanout.h"
#include "core/packet.h"
#include "core/session.h"

/*
 * How it works.  What never changes about a lane (its need, its policy) is a
 * bit in a mask of the fan-out, so that the cost of a chunk is a walk over
 * the set bits of session.active and nothing else.  The slots of a session:
 *
 *	| struct lost | held, state of sink 0 | held, state of sink 1 | ...
 *
 * A bit of session.active moves to one of the masks in struct lost when its
 * sink loses the session; it is never in two of the three.
 */

/**
 * struct lost - Sinks that watch a session but cannot record it
 * @gone:	Gave it up, or could not open it
 * @missed:	Were full when it opened
 */
struct lost {
	uint64_t gone;
	uint64_t missed;
};

/**
 * struct held - A gap that a full sink has yet to be told about
 * @len:	0: none
 */
struct held {
	uint64_t off;
	uint64_t len;
	uint64_t ts_ns;
	enum gap_why why;
};

/**
 * struct lane - What the fan-out knows about a sink
 * @pub:	What the sink knows; @pub.slot_off is where its state lies
 * @held_off:	Where the session's struct held[DIR_NDIRS] lies; only for
 *		lanes in the mask @drop
 */
struct lane {
	struct sink_lane pub;
	size_t held_off;
};

/**
 * struct fanout - See fanout.h
 * @totals:	What its sessions add up to
 * @session_size: What every session needs
 * @file:	Lanes with NEED_FILE
 * @memory:	Lanes with NEED_MEMORY
 * @nothing:	Lanes with NEED_NOTHING that count stream bytes
 * @packet:	Lanes that keep packets
 * @strays:	Of them, those that keep packets of no session too
 * @own_queue:	Lanes with a queue per session and direction
 * @aside:	By direction: lanes that it is not counted for (sink.aside)
 * @drop:	Lanes that can be full, with ON_FULL_DROP
 * @pause:	... with ON_FULL_PAUSE
 * @close:	... with ON_FULL_CLOSE
 */
struct fanout {
	struct fanout_totals totals;
	size_t session_size;
	uint64_t file;
	uint64_t memory;
	uint64_t nothing;
	uint64_t packet;
	uint64_t strays;
	uint64_t own_queue;
	uint64_t aside[DIR_NDIRS];
	uint64_t drop;
	uint64_t pause;
	uint64_t close;
	size_t n;
	struct lane lane[];
};

/* Takes the lowest bit off a mask and returns its number. */
static unsigned
next_bit(uint64_t *mask)
{
	unsigned i = (unsigned)__builtin_ctzll(*mask);

	*mask &= *mask - 1;
	return i;
}

static uint64_t
bit(size_t i)
{
	return UINT64_C(1) << i;
}

/* Slots start where any type may, so every part is rounded up to that. */
static size_t
reserve(struct fanout *f, size_t size)
{
	size_t align = alignof(max_align_t), off = f->session_size;

	f->session_size += (size + align - 1) / align * align;
	return off;
}

static void
add_need(struct fanout *f, const struct sink_ops *ops, uint64_t b)
{
	switch (ops->need) {
	case NEED_NOTHING:
		f->nothing |= b;
		break;
	case NEED_FILE:
		assert(ops->data != NULL && ops->take != NULL &&
		       ops->discard != NULL);
		f->file |= b;
		break;
	case NEED_MEMORY:
		assert(ops->data != NULL);
		f->memory |= b;
		break;
	}
}

/* A sink that watches some sessions only wants none but their packets. */
static bool
watches_all(const struct sink *sink)
{
	const struct sink_match *m = &sink->match;

	return m->port == 0 && m->client.family == AF_UNSPEC &&
	       m->server.family == AF_UNSPEC;
}

static void
add_packets(struct fanout *f, const struct sink *sink, uint64_t b)
{
	assert(sink->ops->need == NEED_NOTHING);
	f->packet |= b;
	if (sink->ops->strays && watches_all(sink))
		f->strays |= b;
}

static void
add_policy(struct fanout *f, const struct sink *sink, uint64_t b)
{
	if (sink->ops->full == NULL)
		return;
	if (sink->ops->full_session != NULL)
		f->own_queue |= b;
	switch (sink->on_full) {
	case ON_FULL_DROP:
		f->drop |= b;
		break;
	case ON_FULL_PAUSE:
		f->pause |= b;
		break;
	case ON_FULL_CLOSE:
		assert(sink->ops->abort != NULL);
		f->close |= b;
		break;
	}
}

static int
add_lane(struct fanout *f, struct sink *sink, struct worker *w, struct err *err)
{
	struct lane *l = &f->lane[f->n];
	uint64_t b = bit(f->n);
	int rc;

	if (sink->ops->packet != NULL)
		add_packets(f, sink, b);
	else
		add_need(f, sink->ops, b);
	add_policy(f, sink, b);
	for (int d = 0; d < DIR_NDIRS; d++)
		f->aside[d] |= sink->aside[d] ? b : 0;
	if ((f->drop & b) != 0)
		l->held_off = reserve(f, sizeof(struct held) * DIR_NDIRS);
	l->pub.sink = sink;
	l->pub.slot_off = reserve(f, sink->ops->session_size);
	rc = sink->ops->lane_new(&l->pub, w, err);
	if (rc != 0)
		return rc;
	f->n++;
	return 0;
}

struct fanout *
fanout_new(
    struct sink *const *sinks, size_t n, struct worker *w, struct err *err)
{
	struct fanout *f;

	if (n > FANOUT_MAX_SINKS) {
		(void)err_set(err, -E2BIG, "%zu sinks are more than %d", n,
		    FANOUT_MAX_SINKS);
		return NULL;
	}
	f = calloc(1, sizeof(*f) + n * sizeof(f->lane[0]));
	if (f == NULL) {
		(void)err_set(err, -ENOMEM, "no memory for %zu sinks", n);
		return NULL;
	}
	(void)reserve(f, sizeof(struct lost));
	while (f->n < n) {
		if (add_lane(f, sinks[f->n], w, err) != 0) {
			fanout_free(f);
			return NULL;
		}
	}
	return f;
}

void
fanout_free(struct fanout *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++)
		f->lane[i].pub.sink->ops->lane_free(&f->lane[i].pub);
	free(f);
}

struct fanout_totals *
fanout_totals(struct fanout *f)
{
	return &f->totals;
}

size_t
fanout_session_size(const struct fanout *f)
{
	return f->session_size;
}

size_t
fanout_count(const struct fanout *f)
{
	return f->n;
}

const struct sink_lane *
fanout_lane(const struct fanout *f, size_t i)
{
	assert(i < f->n);
	return &f->lane[i].pub;
}

/*
 * Lanes that keep the packets of @s; they see no event between its open and
 * its close.
 */
static uint64_t
packet_lanes(const struct session *s)
{
	return s->no_packets ? 0 : s->fan->packet;
}

enum need
fanout_need(const struct session *s)
{
	uint64_t memory = s->fan->memory | s->fan->packet;
	uint64_t file = s->active & s->fan->file;

	if ((s->active & memory & ~packet_lanes(s)) != 0)
		return NEED_MEMORY;
	if (file == 0)
		return NEED_NOTHING;
	return (file & (file - 1)) == 0 ? NEED_FILE : NEED_MEMORY;
}

static void *
state_of(const struct session *s, const struct lane *l)
{
	return (char *)s->slots + l->pub.slot_off;
}

static bool
is_full(const struct lane *l)
{
	return l->pub.sink->ops->full(&l->pub);
}

/* The queue that bytes of this direction would go to. */
static bool
is_full_for(const struct session *s, size_t i, enum dir dir)
{
	const struct lane *l = &s->fan->lane[i];

	if ((s->fan->own_queue & bit(i)) == 0)
		return is_full(l);
	return l->pub.sink->ops->full_session(&l->pub, state_of(s, l), dir);
}

bool
fanout_blocked(const struct session *s)
{
	uint64_t mask = s->active & s->fan->pause;

	while (mask != 0) {
		unsigned i = next_bit(&mask);

		if (is_full_for(s, i, DIR_CLIENT) ||
		    is_full_for(s, i, DIR_SERVER))
			return true;
	}
	return false;
}

bool
fanout_held_up(const struct fanout *f)
{
	uint64_t mask = f->pause;

	while (mask != 0) {
		if (is_full(&f->lane[next_bit(&mask)]))
			return true;
	}
	return false;
}

uint64_t
fanout_turn(struct fanout *f, uint64_t mono_ns)
{
	uint64_t due, first = CLOCK_NEVER;

	for (size_t i = 0; i < f->n; i++) {
		struct sink_lane *pub = &f->lane[i].pub;

		if (pub->sink->ops->turn == NULL)
			continue;
		due = pub->sink->ops->turn(pub, mono_ns);
		first = due < first ? due : first;
	}
	return first;
}

void
fanout_finish(struct fanout *f, uint64_t deadline_ns, bool is_told)
{
	for (size_t i = 0; i < f->n; i++) {
		struct sink_lane *pub = &f->lane[i].pub;
		uint64_t waits = is_told ? 0 : f->pause & bit(i);

		if (pub->sink->ops->finish != NULL)
			pub->sink->ops->finish(
			    pub, waits != 0 ? CLOCK_NEVER : deadline_ns);
	}
}

static struct lost *
lost_of(const struct session *s)
{
	return s->slots;
}

static struct held *
held_of(const struct session *s, const struct lane *l, enum dir dir)
{
	void *first = (char *)s->slots + l->held_off;

	return (struct held *)first + dir;
}

static void
count_drop(struct lane *l, enum drop_reason r, size_t len)
{
	count_add(&l->pub.count.drop_bytes[r], len);
	count_add(&l->pub.count.drop_chunks[r], 1);
}

/* Add bytes that the sink did not get to what it will be told about. */
static void
hold(struct held *h, const struct gap *g)
{
	if (h->len == 0) {
		h->off = g->off;
		h->why = g->why;
	} else if (h->why != g->why) {
		h->why = GAP_QUEUE;
	}
	assert(h->off + h->len == g->off);
	h->len += g->len;
	h->ts_ns = g->ts_ns;
}

/* Before the next event of a direction: what the full queue has cost. */
static void
tell(const struct session *s, struct lane *l, enum dir dir)
{
	struct held *h = held_of(s, l, dir);
	struct gap g = {
		.dir = dir,
		.off = h->off,
		.ts_ns = h->ts_ns,
		.len = h->len,
		.why = h->why,
	};

	if (h->len == 0)
		return;
	h->len = 0;
	if (l->pub.sink->ops->gap != NULL)
		l->pub.sink->ops->gap(&l->pub, state_of(s, l), s, &g);
}

/* ON_FULL_CLOSE: the sink lets go of the session. */
static void
give_up(struct session *s, struct lane *l, uint64_t b)
{
	s->active &= ~b;
	lost_of(s)->gone |= b;
	l->pub.sink->ops->abort(&l->pub, state_of(s, l), s);
}

/* What a full queue means for @g (a conflict: no bytes); true: not seen. */
static bool
refused(struct session *s, size_t i, const struct gap *g)
{
	struct lane *l = &s->fan->lane[i];

	if (!is_full_for(s, i, g->dir))
		return false;
	if ((bit(i) & s->fan->close) != 0)
		give_up(s, l, bit(i));
	else if (g->len > 0)
		hold(held_of(s, l, g->dir), g);
	return true;
}

/* Does a full queue keep events from lane @b? */
static bool
may_refuse(const struct session *s, uint64_t b)
{
	return (b & (s->fan->drop | s->fan->close)) != 0;
}

static bool
data_refused(struct session *s, size_t i, const struct chunk *c)
{
	struct lane *l = &s->fan->lane[i];
	struct gap g = {
		.dir = c->dir,
		.off = c->off,
		.ts_ns = c->ts_ns,
		.len = c->len,
		.why = GAP_QUEUE,
	};

	if (!may_refuse(s, bit(i)))
		return false;
	if (refused(s, i, &g)) {
		count_drop(l, DROP_QUEUE_FULL, c->len);
		return true;
	}
	if ((bit(i) & s->fan->drop) != 0)
		tell(s, l, c->dir);
	return false;
}

static void
count_lost(struct session *s, size_t len, uint64_t mask, enum drop_reason r)
{
	while (mask != 0) {
		struct lane *l = &s->fan->lane[next_bit(&mask)];

		count_add(&l->pub.count.offered, len);
		count_drop(l, r, len);
	}
}

/* Everything about @c but handing its bytes over; false: do not. */
static bool
admit(struct session *s, unsigned i, const struct chunk *c)
{
	struct lane *l = &s->fan->lane[i];

	if ((s->fan->aside[c->dir] & bit(i)) != 0)
		return true;
	count_add(&l->pub.count.offered, c->len);
	if (data_refused(s, i, c))
		return false;
	if ((s->fan->nothing & bit(i)) != 0)
		count_add(&l->pub.count.written, c->len);
	return true;
}

/* To the sinks in @mask, as bytes in memory or as a count. */
static void
spread(struct session *s, const struct chunk *c, uint64_t mask)
{
	const struct lost lost = *lost_of(s);
	uint64_t others = ~packet_lanes(s);
	uint64_t theirs = others & ~s->fan->aside[c->dir];

	if ((lost.gone | lost.missed) != 0) {
		count_lost(s, c->len, lost.gone & theirs, DROP_GONE);
		count_lost(s, c->len, lost.missed & theirs, DROP_QUEUE_FULL);
	}
	mask &= others;
	while (mask != 0) {
		unsigned i = next_bit(&mask);
		struct lane *l = &s->fan->lane[i];

		if (admit(s, i, c) && l->pub.sink->ops->data != NULL)
			l->pub.sink->ops->data(&l->pub, state_of(s, l), s, c);
	}
}

void
fanout_data(struct session *s, const struct chunk *c)
{
	assert(c->data != NULL || fanout_need(s) == NEED_NOTHING);
	spread(s, c, s->active);
}

void
fanout_take(struct session *s, const struct chunk *c, void *pipe)
{
	uint64_t file = s->active & s->fan->file;
	uint64_t home = file != 0 ? file : s->fan->file;
	unsigned i;
	struct lane *l;

	/* The taker may have given up since the source asked for the need. */
	assert(fanout_need(s) != NEED_MEMORY && home != 0);
	i = next_bit(&home);
	l = &s->fan->lane[i];
	spread(s, c, s->active & ~file);
	if (file != 0 && admit(s, i, c))
		l->pub.sink->ops->take(&l->pub, state_of(s, l), s, c, pipe);
	else
		l->pub.sink->ops->discard(&l->pub, pipe);
}

static void
open_lane(struct session *s, unsigned i)
{
	struct lane *l = &s->fan->lane[i];
	int rc;

	if (!sink_matches(l->pub.sink, s))
		return;
	if (s->no_packets && l->pub.sink->ops->packet != NULL &&
	    l->pub.sink->ops->data == NULL)
		return;
	/* Packets are lost one by one, and a queue of its own is empty. */
	if (may_refuse(s, bit(i)) &&
	    ((packet_lanes(s) | s->fan->own_queue) & bit(i)) == 0 &&
	    is_full(l)) {
		lost_of(s)->missed |= bit(i);
		count_add(&l->pub.count.missed, 1);
		return;
	}
	rc = l->pub.sink->ops->open(&l->pub, state_of(s, l), s);
	if (rc == 0)
		s->active |= bit(i);
	else if (rc != -ECANCELED)
		lost_of(s)->gone |= bit(i);
}

void
fanout_open(struct session *s)
{
	for (unsigned i = 0; i < s->fan->n; i++)
		open_lane(s, i);
}

/* A gap of the stream goes on, unless the sink is behind already. */
static void
gap_lane(struct session *s, unsigned i, const struct gap *g)
{
	struct lane *l = &s->fan->lane[i];

	if (may_refuse(s, bit(i)) && refused(s, i, g))
		return;
	if ((s->fan->drop & bit(i)) != 0)
		tell(s, l, g->dir);
	if (l->pub.sink->ops->gap != NULL)
		l->pub.sink->ops->gap(&l->pub, state_of(s, l), s, g);
}

void
fanout_gap(struct session *s, const struct gap *g)
{
	uint64_t mask = s->active & ~packet_lanes(s);

	while (mask != 0)
		gap_lane(s, next_bit(&mask), g);
}

static void
conflict_lane(struct session *s, unsigned i, const struct conflict *c)
{
	struct lane *l = &s->fan->lane[i];
	const struct gap none = { .dir = c->dir, .why = GAP_QUEUE };

	if (l->pub.sink->ops->conflict == NULL)
		return;
	if (may_refuse(s, bit(i)) && refused(s, i, &none)) {
		count_drop(l, DROP_QUEUE_FULL, 0);
		return;
	}
	if ((s->fan->drop & bit(i)) != 0)
		tell(s, l, c->dir);
	l->pub.sink->ops->conflict(&l->pub, state_of(s, l), s, c);
}

void
fanout_conflict(struct session *s, const struct conflict *c)
{
	uint64_t mask = s->active & ~packet_lanes(s);

	while (mask != 0)
		conflict_lane(s, next_bit(&mask), c);
}

/*
 * Ends and closes reach a full sink too: they are bounded by the sessions it
 * knows, and without them it could not let go of one.
 */
void
fanout_end(struct session *s, const struct end *e)
{
	uint64_t mask = s->active & ~packet_lanes(s);

	while (mask != 0) {
		unsigned i = next_bit(&mask);
		struct lane *l = &s->fan->lane[i];

		if ((s->fan->drop & bit(i)) != 0)
			tell(s, l, e->dir);
		if (l->pub.sink->ops->end != NULL)
			l->pub.sink->ops->end(&l->pub, state_of(s, l), s, e);
	}
}

void
fanout_close(struct session *s)
{
	uint64_t mask = s->active;

	s->active = 0;
	while (mask != 0) {
		struct lane *l = &s->fan->lane[next_bit(&mask)];

		l->pub.sink->ops->close(&l->pub, state_of(s, l), s);
	}
}

/* --- packets ----------------------------------------------------------- */

/* A packet for lane @i, which wants it; @s is NULL for those of no session. */
static void
packet_lane(
    struct fanout *f, unsigned i, struct session *s, const struct packet *p)
{
	struct lane *l = &f->lane[i];
	bool full = ((f->drop | f->close) & bit(i)) != 0 && is_full(l);

	count_add(&l->pub.count.offered, p->len);
	if (full) {
		count_drop(l, DROP_QUEUE_FULL, p->len);
		if (s != NULL && (f->close & bit(i)) != 0)
			give_up(s, l, bit(i));
		return;
	}
	l->pub.sink->ops->packet(
	    &l->pub, s == NULL ? NULL : state_of(s, l), s, p);
}

void
fanout_packet(struct fanout *f, struct session *s, const struct packet *p)
{
	uint64_t mask = f->strays;

	if (f->packet == 0)
		return;
	if (s != NULL) {
		assert(!s->no_packets);
		count_lost(s, p->len, lost_of(s)->gone & f->packet, DROP_GONE);
		mask = s->active & f->packet;
	}
	while (mask != 0)
		packet_lane(f, next_bit(&mask), s, p);
}
