#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"

#include "core/fanout_lanes.h"

/*
 * How often a lane that leaves is looked at: what it waits for may happen
 * elsewhere, on another worker or in a look-up.
 */
#define LOOK_NS (10 * CLOCK_NS_PER_MS)

/* --- room in the slots ------------------------------------------------- */

/* Slots start where any type may, so every part is rounded up to that. */
static size_t
round_up(size_t size)
{
	size_t align = alignof(max_align_t);

	return (size + align - 1) / align * align;
}

static bool
has_room(const struct fanout_lane *l)
{
	return l->state == FANOUT_LANE_WATCHING;
}

/* The end of a room that overlaps the bytes from @off to @end; 0: none does. */
static size_t
overlap(const struct fanout *f, size_t off, size_t end)
{
	for (size_t i = 0; i < FANOUT_MAX_SINKS; i++) {
		const struct fanout_lane *l = &f->lane[i];

		if (has_room(l) && l->held_off < end && off < l->room_end)
			return l->room_end;
	}
	return 0;
}

/* First fit; the rooms are few. */
static size_t
find_room(const struct fanout *f, size_t from, size_t size)
{
	size_t off = from, next;

	while ((next = overlap(f, off, off + size)) != 0)
		off = next;
	return off;
}

/* As much as the last room needs: what is behind it is free again. */
static void
measure(struct fanout *f)
{
	f->session_size = round_up(sizeof(struct fanout_lost));
	for (size_t i = 0; i < FANOUT_MAX_SINKS; i++) {
		const struct fanout_lane *l = &f->lane[i];

		if (has_room(l) && l->room_end > f->session_size)
			f->session_size = l->room_end;
	}
}

static void
give_room(struct fanout *f, struct fanout_lane *l, bool drops)
{
	size_t first = round_up(sizeof(struct fanout_lost));
	size_t held =
	    drops ? round_up(sizeof(struct fanout_held) * DIR_NDIRS) : 0;
	size_t size = held + round_up(l->pub.sink->ops->session_size);

	l->held_off = find_room(f, first, size);
	l->pub.slot_off = l->held_off + held;
	l->room_end = l->held_off + size;
}

/* --- what never changes about a lane ----------------------------------- */

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
	if (ops->need_session == NULL)
		return;
	assert(ops->need == NEED_NOTHING && ops->data != NULL);
	f->asked |= b;
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
	assert(sink->ops->need_session == NULL);
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

/* --- coming ------------------------------------------------------------ */

void
fanout_lanes_init(struct fanout *f)
{
	list_init(&f->sessions);
	measure(f);
}

struct fanout_lane *
fanout_lanes_find(struct fanout *f, const struct sink *sink)
{
	size_t i = 0;

	while (f->lane[i].pub.sink != sink) {
		i++;
		assert(i < FANOUT_MAX_SINKS);
	}
	return &f->lane[i];
}

static struct fanout_lane *
find_free(struct fanout *f)
{
	for (size_t i = 0; i < FANOUT_MAX_SINKS; i++)
		if (f->lane[i].state == FANOUT_LANE_FREE)
			return &f->lane[i];
	return NULL;
}

int
fanout_lanes_prepare(
    struct fanout *f, struct sink *sink, struct worker *w, struct err *err)
{
	struct fanout_lane *l = find_free(f);
	int rc;

	/* Who has something to finish says when it is done. */
	assert(sink->ops->finish == NULL || sink->ops->finished != NULL);
	if (l == NULL)
		return err_set(err, -E2BIG, "there are %d sinks: no more fit",
		    FANOUT_MAX_SINKS);
	memset(l, 0, sizeof(*l));
	l->pub.sink = sink;
	rc = sink->ops->lane_new(&l->pub, w, err);
	if (rc != 0) {
		l->pub.sink = NULL;
		return rc;
	}
	l->state = FANOUT_LANE_READY;
	return 0;
}

void
fanout_lanes_add(struct fanout *f, struct fanout_lane *l)
{
	const struct sink *sink = l->pub.sink;
	uint64_t b = fanout_lanes_bit(fanout_lanes_number(f, l));

	assert(l->state == FANOUT_LANE_READY);
	if (sink->ops->packet != NULL)
		add_packets(f, sink, b);
	else
		add_need(f, sink->ops, b);
	add_policy(f, sink, b);
	for (int d = 0; d < DIR_NDIRS; d++)
		f->aside[d] |= sink->aside[d] ? b : 0;
	give_room(f, l, (f->drop & b) != 0);
	l->state = FANOUT_LANE_WATCHING;
	measure(f);
	f->watching |= b;
	if (sink->ops->turn != NULL)
		f->turning |= b;
	atomic_fetch_or(&f->taken, b);
	if (f->running)
		fanout_lanes_start(l);
}

void
fanout_lanes_start(struct fanout_lane *l)
{
	if (l->pub.sink->ops->start != NULL)
		l->pub.sink->ops->start(&l->pub);
}

/* --- going ------------------------------------------------------------- */

void
fanout_lanes_leave(struct fanout *f, struct fanout_lane *l)
{
	uint64_t others = ~fanout_lanes_bit(fanout_lanes_number(f, l));

	assert(l->state == FANOUT_LANE_WATCHING);
	f->watching &= others;
	f->file &= others;
	f->memory &= others;
	f->nothing &= others;
	f->asked &= others;
	f->packet &= others;
	f->strays &= others;
	f->own_queue &= others;
	for (int d = 0; d < DIR_NDIRS; d++)
		f->aside[d] &= others;
	f->drop &= others;
	f->pause &= others;
	f->close &= others;
	f->leaving |= ~others;
	l->state = FANOUT_LANE_LEAVING;
	measure(f);
}

void
fanout_lanes_finish(struct fanout_lane *l, uint64_t deadline_ns)
{
	if (l->pub.sink->ops->finish != NULL)
		l->pub.sink->ops->finish(&l->pub, deadline_ns);
}

/*
 * Handles that are closed in a turn of the loop are its own until the turn's
 * end, and letters that were under way come in it: so it has left in the next.
 *
 * Return: it has left
 */
static bool
see_off(struct fanout *f, struct fanout_lane *l)
{
	const struct sink_ops *ops = l->pub.sink->ops;
	uint64_t b = fanout_lanes_bit(fanout_lanes_number(f, l));

	if (!l->finished) {
		l->finished = ops->finished == NULL || ops->finished(&l->pub);
		if (l->finished)
			f->turning &= ~b;
		return false;
	}
	f->leaving &= ~b;
	if (l->left != NULL)
		l->left(l->left_self);
	return true;
}

static uint64_t
see_all_off(struct fanout *f, uint64_t mono_ns)
{
	uint64_t mask = f->leaving, due = CLOCK_NEVER;

	while (mask != 0) {
		struct fanout_lane *l = &f->lane[fanout_lanes_next(&mask)];

		if (see_off(f, l))
			continue;
		if (l->finished)
			due = mono_ns; /* with the next turn */
		else if (mono_ns + LOOK_NS < due)
			due = mono_ns + LOOK_NS;
	}
	return due;
}

uint64_t
fanout_lanes_turn(struct fanout *f, uint64_t mono_ns)
{
	uint64_t mask = f->turning, due, first = CLOCK_NEVER;

	while (mask != 0) {
		struct sink_lane *pub = &f->lane[fanout_lanes_next(&mask)].pub;

		due = pub->sink->ops->turn(pub, mono_ns);
		if (due < first)
			first = due;
	}
	due = see_all_off(f, mono_ns);
	return due < first ? due : first;
}

void
fanout_lanes_forget(struct fanout *f, struct fanout_lane *l)
{
	uint64_t b = fanout_lanes_bit(fanout_lanes_number(f, l));

	atomic_fetch_and(&f->taken, ~b);
	l->pub.sink->ops->lane_free(&l->pub);
	l->pub.sink = NULL;
	l->state = FANOUT_LANE_FREE;
}
