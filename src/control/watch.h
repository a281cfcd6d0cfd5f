#ifndef CONTROL_WATCH_H
#define CONTROL_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "core/event.h"

/*
 * watch.h - the sink through which the control plane sees sessions.
 *
 *	worker: lane ──notes, events──► main thread: roster, followers
 *	             ◄──follow, grant── 		(letters both ways)
 *
 * Each session gets a struct watch_session that both sides share: facts that
 * never change, and counters that its worker writes and anybody reads.  What
 * happened (opened, ended, closed) travels as notes, a letter a turn.
 *
 * The lane keeps the last bytes of each session (its history), so that one
 * sees what was said before one looked.  A follower gets the history if it
 * wants, then events as they come, as far as its credit goes: what exceeds it
 * is left out and told as a gap of reason "queue".  Traffic never waits for it.
 *
 * Without history the lane needs no bytes (NEED_NOTHING) of a session that
 * nobody follows: it may go on being spliced.
 */

struct err;
struct mail_box;
struct sink;
struct watch;

/**
 * struct watch_end - How a direction ended
 * @seq:	Its place among the records of the history
 * @ts_ns:	When
 * @off:	Length of its stream
 * @how:	enum how
 * @by:		enum party
 */
struct watch_end {
	uint64_t seq;
	uint64_t ts_ns;
	uint64_t off;
	uint8_t how;
	uint8_t by;
};

/**
 * struct watch_session - A session, as all threads see it
 * @refs:	See watch_session_ref()
 * @id:		And the next ones: as in struct session (core/session.h), copied
 *		when it opened.  Names and @target are NULL if there are none.
 * @has_packets: @packets and @retransmitted count
 * @bytes:	Written by its worker, read by anybody, as far as @closed; the
 *		sums of one moment may lie an event apart
 * @conflicts:	Segments that differed from what they repeated
 * @acked:	As of the last event, or of watch_refresh()
 * @last_ns:	Event time of the last event
 * @history:	[dir] Bytes from this offset up to @bytes plus gaps are kept
 * @ended:	Bit dir: that direction is over; @end[dir] is valid then, and
 *		changes no more
 * @closed:	It is over; @reason and @first are valid then.  Read with
 *		acquire, written last.
 * @error:	As session.error at the end; NULL if none
 * @lane:	Private
 * @told:	For who tells of changes on the main thread: what it has told
 */
struct watch_session {
	_Atomic unsigned refs;
	uint64_t id;
	const char *source;
	const char *input;
	struct addr client;
	struct addr server;
	struct addr listen;
	struct addr local;
	char *host[DIR_NDIRS];
	char *target;
	bool midstream;
	bool has_packets;
	uint64_t open_ns;
	_Atomic uint64_t last_ns;
	_Atomic uint64_t bytes[DIR_NDIRS];
	_Atomic uint64_t gap_bytes[DIR_NDIRS];
	_Atomic uint64_t lost_bytes[DIR_NDIRS];
	_Atomic uint64_t packets[DIR_NDIRS];
	_Atomic uint64_t retransmitted[DIR_NDIRS];
	_Atomic uint64_t conflicts[DIR_NDIRS];
	_Atomic uint64_t acked[DIR_NDIRS];
	_Atomic uint64_t history[DIR_NDIRS];
	_Atomic uint8_t ended;
	struct watch_end end[DIR_NDIRS];
	_Atomic bool closed;
	uint8_t reason;
	uint8_t first;
	char *error;
	struct watch_lane *lane;
	uint64_t told;
};

/** watch_session_ref() - One more holder; from any thread. */
struct watch_session *watch_session_ref(struct watch_session *ws);

/** watch_session_unref() - One less; the last frees it.  NULL: a no-op. */
void watch_session_unref(struct watch_session *ws);

/**
 * struct watch_notes - What the main thread is told
 * @opened:	A session, which may be over by now; @ws is valid as long as a
 *		reference is held (the callee takes its own)
 * @ended:	A direction of it is over
 * @closed:	It is over
 *
 * In the order of events per session.  Called on the thread of @box.  Of
 * sessions that come and go while that thread is busy the latest are told; of
 * the others it never hears: see watch_missed().
 */
struct watch_notes {
	void (*opened)(void *self, struct watch_session *ws);
	void (*ended)(void *self, struct watch_session *ws, enum dir dir);
	void (*closed)(void *self, struct watch_session *ws);
	void *self;
};

/* Defaults: of history per session, and of all histories (decision 34). */
#define WATCH_HISTORY       ((size_t)64 * 1024)
#define WATCH_HISTORY_TOTAL ((size_t)64 * 1024 * 1024)

/**
 * struct watch_opts - What a watch is made from
 * @history:	Bytes kept of each session, both directions, and what describes
 *		them (40 bytes an event); 0: none
 * @history_total: Of all sessions, in equal parts for the workers; the
 *		histories touched longest ago go first
 * @box:	Letters to the main thread; outlives the watch
 * @notes:	See struct watch_notes
 */
struct watch_opts {
	size_t history;
	size_t history_total;
	struct mail_box *box;
	struct watch_notes notes;
};

/** watch_new() - NULL with @err without memory. */
struct watch *watch_new(
    const struct watch_opts *o, struct err *err) ATTR_WUNRES;

/**
 * watch_sink() - The sink to be given to every fan-out; owned by the watch
 *
 * It does not appear in the sheet: it records nothing.
 */
struct sink *watch_sink(struct watch *w);

/** watch_missed() - Sessions that came and went and were never told of. */
uint64_t watch_missed(const struct watch *w);

/**
 * watch_free() - All workers are freed, and their fan-outs
 *
 * The box has delivered its letters, and followers were stopped before.
 * References to sessions may be left.  NULL is a no-op.
 */
void watch_free(struct watch *w);

/** enum watch_type - What a follower is told. */
enum watch_type {
	WATCH_DATA,
	WATCH_GAP,
	WATCH_CONFLICT, /* @data is what was kept, @other what was not */
	WATCH_END,
	WATCH_CLOSE, /* the last one */
	WATCH_LIVE,  /* what the history had when it began is told; once, to
			those who asked for it, also when there is none */
};

/**
 * struct watch_event - An event, as values; borrowed until the callee returns
 *
 * @how and @by of an end; of a close they are reason and first.  With
 * history, a gap of reason "queue" that comes first stands for bytes that are
 * no longer kept.
 */
struct watch_event {
	enum watch_type type;
	enum dir dir;
	uint64_t ts_ns;
	uint64_t off;
	uint64_t len;
	const uint8_t *data;
	const uint8_t *other;
	enum gap_why why;
	enum how how;
	enum party by;
};

struct follower;

/**
 * struct follower_opts - How to follow
 * @history:	Begin with what is kept; it waits for credit
 * @credit:	Payload bytes that may come before follower_grant(); what
 *		happens while there is none is left out, but for ends and close
 * @event:	Called on the main thread, never from within watch_follow()
 * @self:	Passed to it
 */
struct follower_opts {
	bool history;
	size_t credit;
	void (*event)(void *self, const struct watch_event *e);
	void *self;
};

/**
 * watch_follow() - Hear a session from now on
 * @ws:		A reference is held by the caller; the follower takes its own
 *
 * Of a session that is over, its history if it is still kept (a closed
 * session's stays until room is needed), then its close.
 *
 * On the main thread, as long as the workers are not freed; to one that ends
 * nothing is told any more.  Return: NULL without memory
 */
struct follower *watch_follow(const struct watch *w, struct watch_session *ws,
    const struct follower_opts *o) ATTR_WUNRES;

/** follower_grant() - So many bytes more may come; also from its callback. */
void follower_grant(struct follower *f, size_t bytes);

/** follower_missed() - Bytes left out so far, but for those told as gaps since
 * the history had forgotten them. */
uint64_t follower_missed(const struct follower *f);

/**
 * follower_stop() - Hear no more; nothing is told after this
 *
 * Also from its callback.  It must not be used any more.  NULL is a no-op.
 */
void follower_stop(struct follower *f);

/**
 * watch_refresh() - Have its counters written anew, although nothing happens
 *
 * They are as of the last event, and an acknowledgement is none.  On the main
 * thread; done on the session's worker, soon.
 */
void watch_refresh(const struct watch *w, struct watch_session *ws);

/**
 * watch_end() - Have a session ended, as if its user had asked for it
 *
 * On the main thread; carried out on the session's worker, soon
 * (source_ops.end_session).  Nothing happens to one that is over.
 */
void watch_end(const struct watch *w, struct watch_session *ws);

#endif /* CONTROL_WATCH_H */
