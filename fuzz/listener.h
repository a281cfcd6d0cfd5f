#ifndef FUZZ_LISTENER_H
#define FUZZ_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "core/fanout.h"
#include "core/packet.h"
#include "core/session.h"
#include "core/sink.h"
#include "core/tally.h"
#include "fuzz.h"

/*
 * listener.h - two sinks that hold what they hear against core/event.h: the
 * order of events, that they follow each other without a hole, and the sums.
 * One hears events, the other one keeps packets.
 */

/** struct listener - Both of them, and a fan-out that has them */
struct listener {
	struct sink events;
	struct sink packets;
	struct sink_ops events_ops;
	struct sink_ops packets_ops;
	struct fanout *fan;
	uint64_t live;
	uint64_t opened;
	uint64_t bytes[DIR_NDIRS];
	uint64_t npackets;
};

/** struct listener_state - What it knows of a session */
struct listener_state {
	uint64_t id;
	uint64_t off[DIR_NDIRS];
	bool ended[DIR_NDIRS];
};

static inline int
listener_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)w;
	(void)err;
	lane->self = lane->sink->self;
	return 0;
}

static inline void
listener_lane_free(struct sink_lane *lane)
{
	(void)lane;
}

static inline int
listener_open(struct sink_lane *lane, void *state, const struct session *s)
{
	struct listener_state *st = state;
	struct listener *l = lane->self;

	FUZZ_CHECK(st->id == 0 && s->id != 0);
	st->id = s->id;
	l->live++;
	l->opened++;
	return 0;
}

static inline void
listener_step(struct listener_state *st, const struct session *s, enum dir dir,
    uint64_t off, uint64_t len)
{
	FUZZ_CHECK(st->id == s->id);
	FUZZ_CHECK(!st->ended[dir] && off == st->off[dir] && len > 0);
	st->off[dir] += len;
	FUZZ_CHECK(s->off[dir] == st->off[dir]);
}

static inline void
listener_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct listener *l = lane->self;
	volatile uint8_t sum = 0;

	listener_step(st, s, c->dir, c->off, c->len);
	for (size_t i = 0; i < c->len; i++)
		sum = (uint8_t)(sum + c->data[i]);
	l->bytes[c->dir] += c->len;
}

static inline void
listener_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	(void)lane;
	FUZZ_CHECK(g->why != GAP_QUEUE);
	listener_step(st, s, g->dir, g->off, g->len);
}

static inline void
listener_conflict(struct sink_lane *lane, void *state, const struct session *s,
    const struct conflict *c)
{
	const struct listener_state *st = state;

	(void)lane;
	FUZZ_CHECK(st->id == s->id && c->len > 0);
	FUZZ_CHECK(c->off + c->len <= st->off[c->dir]);
	FUZZ_CHECK(memcmp(c->kept, c->other, c->len) != 0);
}

static inline void
listener_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	struct listener_state *st = state;

	(void)lane;
	FUZZ_CHECK(st->id == s->id && !st->ended[e->dir]);
	FUZZ_CHECK(e->off == st->off[e->dir]);
	st->ended[e->dir] = true;
}

static inline void
listener_close(struct sink_lane *lane, void *state, const struct session *s)
{
	struct listener_state *st = state;
	struct listener *l = lane->self;

	FUZZ_CHECK(st->id == s->id && l->live > 0);
	for (unsigned i = 0; i < DIR_NDIRS; i++) {
		FUZZ_CHECK(st->ended[i] || s->reason == HOW_REFUSED);
		FUZZ_CHECK(s->off[i] >= s->bytes[i]);
	}
	st->id = 0;
	l->live--;
}

static inline int
listener_open_quietly(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
	return 0;
}

static inline void
listener_close_quietly(
    struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
}

static inline void
listener_packet(struct sink_lane *lane, void *st, const struct session *s,
    const struct packet *p)
{
	struct listener *l = lane->self;

	FUZZ_CHECK((st != NULL) == (s != NULL));
	FUZZ_CHECK(p->wire_len >= p->len && p->iface != NULL);
	l->npackets++;
}

/** listener_init() - Make the fan-out.  Return: false without memory */
static inline bool
listener_init(struct listener *l)
{
	struct sink *sinks[] = { &l->events, &l->packets };
	struct err err = { "" };

	memset(l, 0, sizeof(*l));
	l->events_ops = (struct sink_ops){
		.kind = "events",
		.need = NEED_MEMORY,
		.session_size = sizeof(struct listener_state),
		.lane_new = listener_lane_new,
		.lane_free = listener_lane_free,
		.open = listener_open,
		.data = listener_data,
		.gap = listener_gap,
		.conflict = listener_conflict,
		.end = listener_end,
		.close = listener_close,
	};
	l->packets_ops = (struct sink_ops){
		.kind = "packets",
		.need = NEED_NOTHING,
		.lane_new = listener_lane_new,
		.lane_free = listener_lane_free,
		.open = listener_open_quietly,
		.packet = listener_packet,
		.close = listener_close_quietly,
		.strays = true,
	};
	l->events.ops = &l->events_ops;
	l->packets.ops = &l->packets_ops;
	l->events.self = l->packets.self = l;
	l->fan = fanout_new(sinks, ATTR_COUNT(sinks), NULL, &err);
	FUZZ_CHECK(
	    l->fan != NULL || (memory_is_short() && err.text[0] != '\0'));
	return l->fan != NULL;
}

/** listener_done() - All sessions are over. */
static inline void
listener_done(struct listener *l)
{
	FUZZ_CHECK(l->live == 0);
	fanout_free(l->fan);
}

/** listener_check_sums() - What core/tally.h promises of payload. */
static inline void
listener_check_sums(const struct listener *l, const struct payload_count *p)
{
	for (unsigned i = 0; i < DIR_NDIRS; i++)
		FUZZ_CHECK(count_get(&p[i].received) ==
			   l->bytes[i] + count_get(&p[i].duplicate) +
			       count_get(&p[i].differing) +
			       count_get(&p[i].late) + count_get(&p[i].strays) +
			       count_get(&p[i].held));
}

#endif /* FUZZ_LISTENER_H */
