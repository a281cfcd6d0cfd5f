#ifndef CONTROL_FOLLOWER_H
#define CONTROL_FOLLOWER_H

#include "base/attr.h"
#include "core/event.h"

/*
 * follower.h - the inside of following a session: see control/watch.h.
 *
 *	worker                                main thread
 *	events ─► batch ──────letter────────► event(), one by one
 *	          batch ◄─────(is empty)─────
 *	          wakes ◄──letter── grant, and a batch that came back
 *
 * Two batches go back and forth, so that one can be filled while the other is
 * read; each is bounded, and so is what the credit lets in.  What does not fit
 * is left out: a follower knows the offset up to which it was told everything,
 * and what lies between that and the next event is told as a gap.
 *
 * A follower that wants the history is told it first, as far as it has credit,
 * and goes on there until it has caught up; what happens meanwhile it reads
 * there too, unless the history has forgotten it by then.
 */

struct follower;
struct follower_opts;
struct watch_entry;
struct watch_lane;

/** follower_new() - See watch_follow(). */
struct follower *follower_new(
    struct watch_entry *e, const struct follower_opts *o) ATTR_WUNRES;

/*
 * The rest on the worker's thread: what has happened to a session, once it is
 * in the entry and its history.
 */

/** follower_data() - Bytes; or that there were some, if there are none in @c */
void follower_data(struct watch_entry *e, const struct chunk *c);

/** follower_gap() - A gap of the stream. */
void follower_gap(struct watch_entry *e, const struct gap *g);

/** follower_conflict() - A conflict. */
void follower_conflict(struct watch_entry *e, const struct conflict *c);

/** follower_end() - An end. */
void follower_end(struct watch_entry *e, enum dir dir);

/** follower_close() - The close. */
void follower_close(struct watch_entry *e);

/** follower_turn() - The turn ends: send what there is to all of @lane. */
void follower_turn(struct watch_lane *lane);

/** follower_finish() - For the last time. */
void follower_finish(struct watch_lane *lane);

#endif /* CONTROL_FOLLOWER_H */
