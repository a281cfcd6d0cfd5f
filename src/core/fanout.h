#ifndef CORE_FANOUT_H
#define CORE_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/event.h"
#include "core/sink.h"

struct packet;
struct session;

/*
 * fanout.h - hands a session's events to the sinks of one worker.
 *
 * What is the same for every sink lives here: which sessions it watches, the
 * strongest need, what a full queue means (drop, pause, close), the gap that
 * tells a sink what its own full queue cost it, and the counters.
 *
 * When a sink with ON_FULL_DROP is full, its data events are left out and
 * counted; before the next event of that direction it gets one gap of reason
 * GAP_QUEUE over exactly the bytes left out.  Gaps of the stream itself that
 * come meanwhile are held back likewise, and joined with what was left out;
 * conflicts are left out.  Sessions that open while it is full are not
 * recorded by it at all (counted as missed).  Otherwise a stuck sink would
 * still grow with every gap and every new session.
 *
 * A full sink with ON_FULL_CLOSE gives the session up: abort(), and whatever
 * comes later is counted as DROP_GONE.
 *
 * Sinks that keep packets get those instead of the events (fanout_packet()).
 * Each packet is kept or lost for itself: there is nothing to be told later,
 * and sessions that open while such a sink is full are not missed.
 */

/* Bits of session.active; more sinks than this at a time are refused. */
#define FANOUT_MAX_SINKS 64

/**
 * struct fanout - The lanes of one worker
 *
 * Used by its thread alone, but for what is said of fanout_prepare() and
 * fanout_forget().
 */
struct fanout;

/**
 * fanout_new() - Make a lane of each sink
 * @sinks:	The sinks outlive their lanes, the array need not
 * @n:		At most FANOUT_MAX_SINKS, else it fails
 * @w:		Passed to lane_new()
 *
 * Return: NULL on failure, with @err filled in
 */
struct fanout *fanout_new(struct sink *const *sinks, size_t n, struct worker *w,
    struct err *err) ATTR_WUNRES;

/**
 * fanout_start() - The worker runs: its sinks may use the loop from now on
 *
 * On the worker's thread, once, before the first event; see sink_ops.start.
 * Sinks that are added later are started then.
 */
void fanout_start(struct fanout *f);

/** fanout_free() - Free all lanes; no session may be left. */
void fanout_free(struct fanout *f);

/**
 * fanout_session_size() - Bytes of slots that a session made now needs; > 0
 *
 * Changes as sinks come and go.
 */
size_t fanout_session_size(const struct fanout *f);

/**
 * fanout_count() - Number of lanes, also of those that are leaving
 *
 * This and fanout_lane(): from the thread that manages the sinks.
 */
size_t fanout_count(const struct fanout *f);

/**
 * fanout_lane() - Lane @i, for the sheet; its counters may be read
 *
 * Which sink's it is, is in it: numbers change as sinks come and go.
 */
const struct sink_lane *fanout_lane(const struct fanout *f, size_t i);

/**
 * fanout_lane_of() - The lane of @sink, likewise; NULL: it has none here
 *
 * From that thread as well.
 */
const struct sink_lane *fanout_lane_of(
    const struct fanout *f, const struct sink *sink);

/*
 * Sinks that come and go.  One thread manages them (the main thread), a sink at
 * a time, with a letter to the worker and one back between the steps:
 *
 *	manager: prepare ──► worker: add            it hears what opens from now
 *	worker:  remove ──► ... left ──► manager: drain, forget
 */

/**
 * fanout_prepare() - Make the lane of a sink that is to come
 * @w:		Passed to lane_new()
 *
 * By the manager, or a thread of its; it may look names up and open files.  No
 * other step is under way.
 *
 * Return: 0 or -errno with @err: -E2BIG when there are FANOUT_MAX_SINKS
 */
int fanout_prepare(struct fanout *f, struct sink *sink, struct worker *w,
    struct err *err) ATTR_WUNRES;

/**
 * fanout_add() - It watches the sessions that open from now on
 *
 * On the worker's thread, between events.
 */
void fanout_add(struct fanout *f, struct sink *sink);

/**
 * fanout_remove() - It watches nothing any more
 * @deadline_ns: Until when it may bring out what is queued; see
 *		sink_ops.finish
 * @left:	Called on the worker's thread, later, from fanout_turn(), one
 *		turn of the loop after it has finished: the loop has let go of
 *		its handles, and no call of it will come.  Never after the loop
 *		has ended.  NULL is fine
 * @self:	Passed to it
 *
 * On the worker's thread, between events.  As far as it knows, each session
 * that it watches is stopped now, by us, at the time of its last event: it is
 * told what it has lost, the ends of directions that have none, and the close.
 * For everybody else they go on.
 *
 * Then the caller calls worker_touch() and worker_room(): who was held up by
 * this sink is not any more.  Costs a walk over the sessions of this worker.
 */
void fanout_remove(struct fanout *f, struct sink *sink, uint64_t deadline_ns,
    void (*left)(void *self), void *self);

/**
 * fanout_forget() - Free the lane of a sink that has left and was drained
 *
 * By the manager.  Its counters are gone then.  Or of one that was prepared and
 * never added.
 */
void fanout_forget(struct fanout *f, struct sink *sink);

/**
 * fanout_find() - The open session of number @id; NULL: there is none here
 *
 * Costs a walk over the sessions of this worker.
 */
struct session *fanout_find(const struct fanout *f, uint64_t id);

/**
 * fanout_set_end() - How a session is ended from outside; before traffic comes
 * @end:	source_ops.end_session of whoever feeds this fan-out
 * @self:	Passed to it
 */
void fanout_set_end(
    struct fanout *f, void (*end)(void *self, struct session *s), void *self);

/**
 * fanout_end_session() - Have the source end session @id, as a user asks for
 *
 * On the worker's thread, between events, never from within a callback of a
 * sink: the session may close before this returns.  Costs what fanout_find()
 * does.
 *
 * Return: 0; -ENOENT: no such session is open here; -ENOTSUP: nobody has said
 *	   how
 */
int fanout_end_session(struct fanout *f, uint64_t id);

/**
 * fanout_need() - The strongest need of the sinks that watch @s
 *
 * Two sinks that both need a file make NEED_MEMORY: a pipe can be given away
 * only once.
 *
 * It changes between events, as sinks go and as people look (need_session() in
 * core/sink.h), so that it is asked before each read.
 */
enum need fanout_need(const struct session *s);

/**
 * fanout_blocked() - Is a sink of @s full that wants its sessions paused?
 *
 * To be asked before each read.  After a "yes" the source waits for
 * worker_room() (net/worker.h) before it asks again.
 */
bool fanout_blocked(const struct session *s);

/**
 * fanout_held_up() - Is any sink full that wants its sessions paused?
 *
 * For sources that cannot hold back a single session (captures): to be asked
 * before each block, and then as fanout_blocked().
 */
bool fanout_held_up(const struct fanout *f);

/**
 * fanout_packet() - Hand a packet as captured to the sinks that keep packets
 * @s:		The session it belongs to, open; NULL: none
 *
 * A full sink with ON_FULL_DROP loses it, counted by reason; one with
 * ON_FULL_CLOSE gives the session up, or loses it when there is none.
 */
void fanout_packet(struct fanout *f, struct session *s, const struct packet *p);

/**
 * fanout_turn() - Let the sinks flush
 * @mono_ns:	Monotonic time
 *
 * Return: when to call again at the latest, or CLOCK_NEVER
 */
uint64_t fanout_turn(struct fanout *f, uint64_t mono_ns);

/**
 * fanout_finish() - No session is left and none will come: the sinks end
 * @deadline_ns: Monotonic; see sink_ops.finish
 * @is_told:	Somebody wants us to end.  If not, sinks for which traffic
 *		waits when they are full (ON_FULL_PAUSE) have all the time
 *		that they grant their consumers
 *
 * On the worker's thread.
 */
void fanout_finish(struct fanout *f, uint64_t deadline_ns, bool is_told);

/**
 * struct fanout_totals - What the sessions of one worker add up to
 * @opened:	Sessions opened
 * @ended:	Sessions closed, by reason
 * @bytes:	Stream bytes delivered, by direction
 * @gap_bytes:	Stream bytes declared missing
 * @lost_bytes:	Read from a sender, never delivered to its receiver; counted
 *		when the session closes
 * @conflicts:	Conflict events
 */
struct fanout_totals {
	struct count opened;
	struct count ended[HOW_NHOWS];
	struct count bytes[DIR_NDIRS];
	struct count gap_bytes[DIR_NDIRS];
	struct count lost_bytes[DIR_NDIRS];
	struct count conflicts;
};

/** fanout_totals() - Written by session.c; any thread may read it. */
struct fanout_totals *fanout_totals(struct fanout *f);

/* The rest is called by session.c alone. */
void fanout_open(struct session *s);
void fanout_data(struct session *s, const struct chunk *c);
void fanout_take(struct session *s, const struct chunk *c, void *pipe);
void fanout_gap(struct session *s, const struct gap *g);
void fanout_conflict(struct session *s, const struct conflict *c);
void fanout_end(struct session *s, const struct end *e);
void fanout_close(struct session *s);

#endif /* CORE_FANOUT_H */
