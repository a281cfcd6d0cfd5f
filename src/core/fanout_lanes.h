#ifndef CORE_FANOUT_LANES_H
#define CORE_FANOUT_LANES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "core/fanout.h"
#include "core/sink.h"

/*
 * fanout_lanes.h - the sinks of a fan-out, as they come and go.
 *
 * The inside of core/fanout.h, for fanout.c and this alone.
 *
 * What never changes about a lane (its need, its policy) is a bit in a mask of
 * the fan-out, so that the cost of a chunk is a walk over the set bits of
 * session.active and nothing else.  The slots of a session:
 *
 *	| struct fanout_lost | held, state of a sink | held, state ... |
 *
 * A lane has a number, which is its bit, and room in the slots.  Both are used
 * again when it has gone: no session that is open then watches it any more, and
 * those that open later have zeroed slots.  A session that had its slots before
 * a lane came may have no room for it: see struct session, @slots_size.
 *
 *	FREE ── prepare ──► READY ── add ──► WATCHING ── remove ──► LEAVING
 *	 ▲                    │                                        │
 *	 └────── forget ──────┴───────────────────── forget ───────────┘
 *
 * Two threads have to do with a lane: whoever manages the sinks (the main
 * thread) prepares and forgets it, the worker adds and removes it; a letter
 * goes between two steps, and the steps of all lanes come one after the other.
 * So the counters of the lanes in @taken may be read by the main thread at any
 * time.
 */

/** enum fanout_lane_state - See above. */
enum fanout_lane_state {
	FANOUT_LANE_FREE,
	FANOUT_LANE_READY,
	FANOUT_LANE_WATCHING,
	FANOUT_LANE_LEAVING,
};

/**
 * struct fanout_lost - Sinks that watch a session but cannot record it
 * @gone:	Gave it up, or could not open it
 * @missed:	Were full when it opened
 */
struct fanout_lost {
	uint64_t gone;
	uint64_t missed;
};

/**
 * struct fanout_held - A gap that a full sink has yet to be told about
 * @len:	0: none
 */
struct fanout_held {
	uint64_t off;
	uint64_t len;
	uint64_t ts_ns;
	enum gap_why why;
};

/**
 * struct fanout_lane - What the fan-out knows about a sink
 * @pub:	What the sink knows; @pub.slot_off is where its state lies
 * @held_off:	Where the session's struct fanout_held[DIR_NDIRS] lies; only for
 *		lanes in the mask @drop.  Its room begins here
 * @room_end:	Behind the last byte of its room
 * @state:	A enum fanout_lane_state
 * @finished:	LEAVING: it has said so; what it closed goes with this turn
 * @left:	LEAVING: to be told, once, a turn later; may be NULL
 * @left_self:	Passed to it
 */
struct fanout_lane {
	struct sink_lane pub;
	size_t held_off;
	size_t room_end;
	uint8_t state;
	bool finished;
	void (*left)(void *self);
	void *left_self;
};

/**
 * struct fanout - See core/fanout.h
 * @totals:	What its sessions add up to
 * @sessions:	Those that are open, by their @node
 * @session_size: What a session needs that is made now
 * @watching:	Lanes that new sessions are offered to
 * @file:	Lanes with NEED_FILE
 * @memory:	Lanes with NEED_MEMORY
 * @nothing:	Lanes with NEED_NOTHING that count stream bytes
 * @asked:	... of them, those that say by session whether that is still so
 * @packet:	Lanes that keep packets
 * @strays:	Of them, those that keep packets of no session too
 * @own_queue:	Lanes with a queue per session and direction
 * @aside:	By direction: lanes that it is not counted for (sink.aside)
 * @drop:	Lanes that can be full, with ON_FULL_DROP
 * @pause:	... with ON_FULL_PAUSE
 * @close:	... with ON_FULL_CLOSE
 * @turning:	Lanes with turn(), also those that are leaving
 * @leaving:	Lanes that have yet to let go of their handles
 * @running:	fanout_start() was called
 * @finishing:	fanout_finish() was called
 * @end:	fanout_set_end()
 * @end_self:	Passed to it
 * @taken:	Lanes whose counters count; written by both threads in turn
 */
struct fanout {
	struct fanout_totals totals;
	struct list sessions;
	size_t session_size;
	uint64_t watching;
	uint64_t file;
	uint64_t memory;
	uint64_t nothing;
	uint64_t asked;
	uint64_t packet;
	uint64_t strays;
	uint64_t own_queue;
	uint64_t aside[DIR_NDIRS];
	uint64_t drop;
	uint64_t pause;
	uint64_t close;
	uint64_t turning;
	uint64_t leaving;
	bool running;
	bool finishing;
	void (*end)(void *self, struct session *s);
	void *end_self;
	_Atomic uint64_t taken;
	struct fanout_lane lane[FANOUT_MAX_SINKS];
};

/** fanout_lanes_next() - Take the lowest bit off a mask: its number. */
static inline unsigned
fanout_lanes_next(uint64_t *mask)
{
	unsigned i = (unsigned)__builtin_ctzll(*mask);

	*mask &= *mask - 1;
	return i;
}

/** fanout_lanes_bit() - The mask of lane @i. */
static inline uint64_t
fanout_lanes_bit(size_t i)
{
	return UINT64_C(1) << i;
}

/** fanout_lanes_find() - The lane of @sink, which has one that is not free. */
struct fanout_lane *fanout_lanes_find(
    struct fanout *f, const struct sink *sink);

/** fanout_lanes_number() - Of a lane. */
static inline unsigned
fanout_lanes_number(const struct fanout *f, const struct fanout_lane *l)
{
	return (unsigned)(l - f->lane);
}

/** fanout_lanes_init() - No lane. */
void fanout_lanes_init(struct fanout *f);

/** fanout_lanes_prepare() - See fanout_prepare(). */
int fanout_lanes_prepare(struct fanout *f, struct sink *sink, struct worker *w,
    struct err *err) ATTR_WUNRES;

/** fanout_lanes_add() - READY becomes WATCHING. */
void fanout_lanes_add(struct fanout *f, struct fanout_lane *l);

/** fanout_lanes_start() - Its worker runs; see sink_ops.start. */
void fanout_lanes_start(struct fanout_lane *l);

/**
 * fanout_lanes_leave() - WATCHING becomes LEAVING
 *
 * No session watches it any more.
 */
void fanout_lanes_leave(struct fanout *f, struct fanout_lane *l);

/** fanout_lanes_finish() - Its sink begins to end; see sink_ops.finish. */
void fanout_lanes_finish(struct fanout_lane *l, uint64_t deadline_ns);

/** fanout_lanes_forget() - It becomes FREE. */
void fanout_lanes_forget(struct fanout *f, struct fanout_lane *l);

/** fanout_lanes_turn() - See fanout_turn(). */
uint64_t fanout_lanes_turn(struct fanout *f, uint64_t mono_ns);

#endif /* CORE_FANOUT_LANES_H */
