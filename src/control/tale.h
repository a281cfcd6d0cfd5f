#ifndef CONTROL_TALE_H
#define CONTROL_TALE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/event.h"

/*
 * tale.h - what a follower is told of a session, and what not.
 *
 * What it is told is bounded by its credit, and by the room of a batch.  The
 * rest is left out: a tale knows the offset up to which everything was told,
 * and what lies between that and the next event is told as a gap, at the latest
 * when there is credit again.  Ends and the close are told in any case.
 *
 * Who wants the history is told it first, and waits for credit there; what
 * happens meanwhile is in the history too, unless that has forgotten it by
 * then.  Having caught up, it is told what happens.
 *
 * All on the worker's thread, but for the credit.
 */

struct obuf;
struct watch_entry;
struct watch_record;

/* Most bytes of a batch: several reads, or many small ones. */
#define TALE_BATCH_MAX ((size_t)512 * 1024)

/*
 * Room in a batch that is always there, for what comes once and must not be
 * lost: an end for each direction with a gap before it, two more gaps, the end
 * of the history, the close; a struct watch_record each.
 */
#define TALE_RESERVE ((size_t)640)

/**
 * enum tale_state - How far it is
 * @TALE_REPLAYS: It reads the history.  Leaves by having caught up.
 * @TALE_LIVE:	It is told what happens.  Leaves by the close.
 * @TALE_OVER:	It was told the close.
 */
enum tale_state {
	TALE_REPLAYS,
	TALE_LIVE,
	TALE_OVER,
};

/**
 * struct tale - Embedded; private but for @credit and @missed
 * @entry:	The session
 * @to:		The batch: struct watch_record, each with its bytes.  At least
 *		TALE_RESERVE bytes are allocated when it is empty.  Replaced
 *		by the owner.
 * @credit:	Bytes that may still be told; others add to it
 * @missed:	Bytes that were left out for want of credit or room
 * @seq:	REPLAYS: the record of the history to be told next
 * @begun:	The last event when it began
 * @is_live:	WATCH_LIVE has been told, or was not asked for
 * @off:	[dir] Everything before has been told
 * @ended:	Bit dir: its end has been told, or was not asked for
 */
struct tale {
	const struct watch_entry *entry;
	struct obuf *to;
	_Atomic size_t credit;
	_Atomic uint64_t missed;
	enum tale_state state;
	uint64_t seq;
	uint64_t begun;
	bool is_live;
	uint64_t off[DIR_NDIRS];
	uint8_t ended;
};

/** tale_init() - Nothing is told before tale_begin(). */
void tale_init(struct tale *t, const struct watch_entry *e, size_t credit);

/** tale_begin() - With the history, or with what happens from now on. */
void tale_begin(struct tale *t, bool history);

/*
 * What happens, once it is in the entry and its history; nothing is told to
 * those who are not LIVE.
 */

/** tale_data() - Bytes; without @c->data, that there were some. */
void tale_data(struct tale *t, const struct chunk *c);

/** tale_gap() - A gap of the stream. */
void tale_gap(struct tale *t, const struct gap *g);

/** tale_conflict() - A conflict; no part of the stream: told or not told. */
void tale_conflict(struct tale *t, const struct conflict *c);

/** tale_end() - An end. */
void tale_end(struct tale *t, enum dir dir);

/** tale_close() - The close. */
void tale_close(struct tale *t);

/**
 * tale_go_on() - Tell what there is credit and room for
 *
 * Return: true: everything is told, or was left out and that is told
 */
bool tale_go_on(struct tale *t) ATTR_WUNRES;

#endif /* CONTROL_TALE_H */
