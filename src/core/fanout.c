#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/err.h"

#include "core/fanout.h"
#include "core/fanout_lanes.h"
#include "core/packet.h"
#include "core/session.h"

/*
 * What becomes of events.  How lanes, their bits and their room in the slots
 * come and go is in core/fanout_lanes.h.
 *
 * A bit of session.active moves to one of the masks in struct fanout_lost when
 * its sink loses the session; it is never in two of the three.
 */

/* --- asking ------------------------------------------------------------ */

/*
 * Lanes that keep the packets of @s; they see no event between its open and
 * its close.
 */
static uint64_t
packet_lanes(const struct session *s)
{
	return s->no_packets ? 0 : s->fan->packet;
}

static void *
state_of(const struct session *s, const struct fanout_lane *l)
{
	return (char *)s->slots + l->pub.slot_off;
}

/* Does one of those that say so by session want bytes of this one? */
static bool
is_asked_for(const struct session *s)
{
	uint64_t mask = s->active & s->fan->asked;

	while (mask != 0) {
		const struct fanout_lane *l =
		    &s->fan->lane[fanout_lanes_next(&mask)];
		enum need need =
		    l->pub.sink->ops->need_session(&l->pub, state_of(s, l));

		assert(need != NEED_FILE);
		if (need == NEED_MEMORY)
			return true;
	}
	return false;
}

enum need
fanout_need(const struct session *s)
{
	uint64_t memory = s->fan->memory | s->fan->packet;
	uint64_t file = s->active & s->fan->file;

	if ((s->active & memory & ~packet_lanes(s)) != 0 || is_asked_for(s))
		return NEED_MEMORY;
	if (file == 0)
		return NEED_NOTHING;
	return (file & (file - 1)) == 0 ? NEED_FILE : NEED_MEMORY;
}

static bool
is_full(const struct fanout_lane *l)
{
	return l->pub.sink->ops->full(&l->pub);
}

/* The queue that bytes of this direction would go to. */
static bool
is_full_for(const struct session *s, size_t i, enum dir dir)
{
	const struct fanout_lane *l = &s->fan->lane[i];

	if ((s->fan->own_queue & fanout_lanes_bit(i)) == 0)
		return is_full(l);
	return l->pub.sink->ops->full_session(&l->pub, state_of(s, l), dir);
}

bool
fanout_blocked(const struct session *s)
{
	uint64_t mask = s->active & s->fan->pause;

	while (mask != 0) {
		unsigned i = fanout_lanes_next(&mask);

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
		if (is_full(&f->lane[fanout_lanes_next(&mask)]))
			return true;
	}
	return false;
}

/* --- what a full queue means ------------------------------------------- */

static struct fanout_lost *
lost_of(const struct session *s)
{
	return s->slots;
}

static struct fanout_held *
held_of(const struct session *s, const struct fanout_lane *l, enum dir dir)
{
	void *first = (char *)s->slots + l->held_off;

	return (struct fanout_held *)first + dir;
}

static void
count_drop(struct fanout_lane *l, enum drop_reason r, size_t len)
{
	count_add(&l->pub.count.drop_bytes[r], len);
	count_add(&l->pub.count.drop_chunks[r], 1);
}

/* Add bytes that the sink did not get to what it will be told about. */
static void
hold(struct fanout_held *h, const struct gap *g)
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
tell(const struct session *s, struct fanout_lane *l, enum dir dir)
{
	struct fanout_held *h = held_of(s, l, dir);
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
give_up(struct session *s, struct fanout_lane *l, uint64_t b)
{
	s->active &= ~b;
	lost_of(s)->gone |= b;
	l->pub.sink->ops->abort(&l->pub, state_of(s, l), s);
}

/* What a full queue means for @g (a conflict: no bytes); true: not seen. */
static bool
refused(struct session *s, size_t i, const struct gap *g)
{
	struct fanout_lane *l = &s->fan->lane[i];

	if (!is_full_for(s, i, g->dir))
		return false;
	if ((fanout_lanes_bit(i) & s->fan->close) != 0)
		give_up(s, l, fanout_lanes_bit(i));
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
	struct fanout_lane *l = &s->fan->lane[i];
	struct gap g = {
		.dir = c->dir,
		.off = c->off,
		.ts_ns = c->ts_ns,
		.len = c->len,
		.why = GAP_QUEUE,
	};

	if (!may_refuse(s, fanout_lanes_bit(i)))
		return false;
	if (refused(s, i, &g)) {
		count_drop(l, DROP_QUEUE_FULL, c->len);
		/* Who had to let go of the session has no state any more. */
		if (l->pub.sink->ops->missed != NULL &&
		    (fanout_lanes_bit(i) & s->fan->drop) != 0)
			l->pub.sink->ops->missed(
			    &l->pub, state_of(s, l), c->dir, c->len);
		return true;
	}
	if ((fanout_lanes_bit(i) & s->fan->drop) != 0)
		tell(s, l, c->dir);
	return false;
}

static void
count_lost(struct session *s, size_t len, uint64_t mask, enum drop_reason r)
{
	while (mask != 0) {
		struct fanout_lane *l = &s->fan->lane[fanout_lanes_next(&mask)];

		count_add(&l->pub.count.offered, len);
		count_drop(l, r, len);
	}
}

/* Everything about @c but handing its bytes over; false: do not. */
static bool
admit(struct session *s, unsigned i, const struct chunk *c)
{
	struct fanout_lane *l = &s->fan->lane[i];

	if ((s->fan->aside[c->dir] & fanout_lanes_bit(i)) != 0)
		return true;
	count_add(&l->pub.count.offered, c->len);
	if (data_refused(s, i, c))
		return false;
	if ((s->fan->nothing & fanout_lanes_bit(i)) != 0)
		count_add(&l->pub.count.written, c->len);
	return true;
}

/* To the sinks in @mask, as bytes in memory or as a count. */
static void
spread(struct session *s, const struct chunk *c, uint64_t mask)
{
	const struct fanout_lost lost = *lost_of(s);
	uint64_t others = ~packet_lanes(s);
	uint64_t theirs = others & ~s->fan->aside[c->dir];

	if ((lost.gone | lost.missed) != 0) {
		count_lost(s, c->len, lost.gone & theirs, DROP_GONE);
		count_lost(s, c->len, lost.missed & theirs, DROP_QUEUE_FULL);
	}
	mask &= others;
	while (mask != 0) {
		unsigned i = fanout_lanes_next(&mask);
		struct fanout_lane *l = &s->fan->lane[i];

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
	struct fanout_lane *l;

	/* The taker may have given up since the source asked for the need. */
	assert(fanout_need(s) != NEED_MEMORY && home != 0);
	i = fanout_lanes_next(&home);
	l = &s->fan->lane[i];
	spread(s, c, s->active & ~file);
	if (file != 0 && admit(s, i, c))
		l->pub.sink->ops->take(&l->pub, state_of(s, l), s, c, pipe);
	else
		l->pub.sink->ops->discard(&l->pub, pipe);
}

/* Its slots may be older than the lane. */
static bool
has_room_for(const struct session *s, const struct fanout_lane *l)
{
	return l->room_end <= s->slots_size;
}

/* Whose queue is full loses the whole of a session that opens then. */
static bool
is_missed(const struct session *s, unsigned i)
{
	/* Where packets are kept, or each session has its own queue, it opens.
	 */
	return may_refuse(s, fanout_lanes_bit(i)) &&
	       ((packet_lanes(s) | s->fan->own_queue) & fanout_lanes_bit(i)) ==
		   0 &&
	       is_full(&s->fan->lane[i]);
}

static void
open_lane(struct session *s, unsigned i)
{
	struct fanout_lane *l = &s->fan->lane[i];
	int rc = -ENOMEM;

	if (!sink_matches(l->pub.sink, s))
		return;
	if (s->no_packets && l->pub.sink->ops->packet != NULL &&
	    l->pub.sink->ops->data == NULL)
		return;
	if (is_missed(s, i)) {
		lost_of(s)->missed |= fanout_lanes_bit(i);
		count_add(&l->pub.count.missed, 1);
		return;
	}
	if (has_room_for(s, l))
		rc = l->pub.sink->ops->open(&l->pub, state_of(s, l), s);
	if (rc == 0)
		s->active |= fanout_lanes_bit(i);
	else if (rc != -ECANCELED) {
		lost_of(s)->gone |= fanout_lanes_bit(i);
		count_add(&l->pub.count.missed, 1);
	}
}

void
fanout_open(struct session *s)
{
	uint64_t mask = s->fan->watching;

	list_append(&s->fan->sessions, &s->node);
	while (mask != 0)
		open_lane(s, fanout_lanes_next(&mask));
}

/* A gap of the stream goes on, unless the sink is behind already. */
static void
gap_lane(struct session *s, unsigned i, const struct gap *g)
{
	struct fanout_lane *l = &s->fan->lane[i];

	if (may_refuse(s, fanout_lanes_bit(i)) && refused(s, i, g))
		return;
	if ((s->fan->drop & fanout_lanes_bit(i)) != 0)
		tell(s, l, g->dir);
	if (l->pub.sink->ops->gap != NULL)
		l->pub.sink->ops->gap(&l->pub, state_of(s, l), s, g);
}

void
fanout_gap(struct session *s, const struct gap *g)
{
	uint64_t mask = s->active & ~packet_lanes(s);

	while (mask != 0)
		gap_lane(s, fanout_lanes_next(&mask), g);
}

static void
conflict_lane(struct session *s, unsigned i, const struct conflict *c)
{
	struct fanout_lane *l = &s->fan->lane[i];
	const struct gap none = { .dir = c->dir, .why = GAP_QUEUE };

	if (l->pub.sink->ops->conflict == NULL)
		return;
	if (may_refuse(s, fanout_lanes_bit(i)) && refused(s, i, &none)) {
		count_drop(l, DROP_QUEUE_FULL, 0);
		return;
	}
	if ((s->fan->drop & fanout_lanes_bit(i)) != 0)
		tell(s, l, c->dir);
	l->pub.sink->ops->conflict(&l->pub, state_of(s, l), s, c);
}

void
fanout_conflict(struct session *s, const struct conflict *c)
{
	uint64_t mask = s->active & ~packet_lanes(s);

	while (mask != 0)
		conflict_lane(s, fanout_lanes_next(&mask), c);
}

/*
 * Ends and closes reach a full sink too: they are bounded by the sessions it
 * knows, and without them it could not let go of one.
 */
static void
end_lane(struct session *s, unsigned i, const struct end *e)
{
	struct fanout_lane *l = &s->fan->lane[i];

	if ((s->fan->drop & fanout_lanes_bit(i)) != 0)
		tell(s, l, e->dir);
	if (l->pub.sink->ops->end != NULL)
		l->pub.sink->ops->end(&l->pub, state_of(s, l), s, e);
}

void
fanout_end(struct session *s, const struct end *e)
{
	uint64_t mask = s->active & ~packet_lanes(s);

	while (mask != 0)
		end_lane(s, fanout_lanes_next(&mask), e);
}

void
fanout_close(struct session *s)
{
	uint64_t mask = s->active;

	s->active = 0;
	list_remove(&s->node);
	while (mask != 0) {
		struct fanout_lane *l = &s->fan->lane[fanout_lanes_next(&mask)];

		l->pub.sink->ops->close(&l->pub, state_of(s, l), s);
	}
}

/* --- packets ----------------------------------------------------------- */

/* A packet for lane @i, which wants it; @s is NULL for those of no session. */
static void
packet_lane(
    struct fanout *f, unsigned i, struct session *s, const struct packet *p)
{
	struct fanout_lane *l = &f->lane[i];
	bool full =
	    ((f->drop | f->close) & fanout_lanes_bit(i)) != 0 && is_full(l);

	count_add(&l->pub.count.offered, p->len);
	if (full) {
		count_drop(l, DROP_QUEUE_FULL, p->len);
		if (s != NULL && (f->close & fanout_lanes_bit(i)) != 0)
			give_up(s, l, fanout_lanes_bit(i));
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
		packet_lane(f, fanout_lanes_next(&mask), s, p);
}

/* --- a sink leaves ----------------------------------------------------- */

/* One direction of a session that seems over to the sink of a lane. */
static void
part_dir(struct session *s, unsigned i, enum dir dir)
{
	const struct end e = {
		.dir = dir,
		.off = s->off[dir],
		.ts_ns = s->last_ns,
		.how = HOW_STOP,
		.by = PARTY_US,
	};

	if (s->ended[dir])
		return;
	if (!s->ended[dir_other(dir)])
		s->first = PARTY_US;
	s->ended[dir] = true;
	s->how[dir] = HOW_STOP;
	if ((packet_lanes(s) & fanout_lanes_bit(i)) == 0)
		end_lane(s, i, &e);
}

static uint8_t
worse(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

/*
 * To a sink that leaves, the session was stopped here; for all others it goes
 * on, and knows nothing of it.
 */
static void
part(struct session *s, struct fanout_lane *l, unsigned i)
{
	const struct session was = *s;

	part_dir(s, i, DIR_CLIENT);
	part_dir(s, i, DIR_SERVER);
	s->reason =
	    worse(HOW_STOP, worse(s->how[DIR_CLIENT], s->how[DIR_SERVER]));
	l->pub.sink->ops->close(&l->pub, state_of(s, l), s);
	*s = was;
	s->active &= ~fanout_lanes_bit(i);
}

void
fanout_remove(struct fanout *f, struct sink *sink, uint64_t deadline_ns,
    void (*left)(void *self), void *self)
{
	struct fanout_lane *l = fanout_lanes_find(f, sink);
	unsigned i = fanout_lanes_number(f, l);
	struct list *node;

	for (node = f->sessions.next; node != &f->sessions; node = node->next) {
		struct session *s = LIST_ENTRY(node, struct session, node);

		if ((s->active & fanout_lanes_bit(i)) != 0)
			part(s, l, i);
		/* The bit will be another's. */
		lost_of(s)->gone &= ~fanout_lanes_bit(i);
		lost_of(s)->missed &= ~fanout_lanes_bit(i);
	}
	l->left = left;
	l->left_self = self;
	fanout_lanes_leave(f, l);
	if (!f->finishing)
		fanout_lanes_finish(l, deadline_ns);
}
