#ifndef CONTROL_WATCH_LANE_H
#define CONTROL_WATCH_LANE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "control/watch.h"
#include "control/watch_history.h"
#include "control/watch_pages.h"
#include "core/sink.h"
#include "net/mail.h"

/*
 * watch_lane.h - the watch as one worker has it: the inside of control/watch.h.
 *
 * Notes.  A session has at most one note under way, embedded in it: what
 * happens meanwhile is added to it.  They wait on a list under a lock that both
 * threads hold for a few instructions; one letter per lane tells the main
 * thread to come and get them.  So a slow main thread costs memory only for
 * sessions that have opened and closed before it heard of them.  Of these
 * WATCH_UNHEARD wait; the oldest then is forgotten, and counted.
 *
 * References.  An entry is held by its session while that is open, by its
 * history as long as there is one (the lane frees pages, on its own thread), by
 * its note, and by whoever looks at it.
 */

struct fanout;
struct worker;

/* Of sessions that opened and closed before the main thread heard of them. */
#define WATCH_UNHEARD 10000

/**
 * struct watch_entry - A session, as its worker knows it
 * @pub:	What all may see; the first member
 * @fan:	Where the session is
 * @is_open:	As far as the worker knows
 * @off:	[dir] Bytes plus gaps so far
 * @history:	What was said last
 * @touched:	On the lane's list of histories, unless it has no page
 * @followers:	Those who hear it, by their @of_session
 * @note:	On the lane's list of notes; under its lock, as of the next ones
 * @unheard:	On the lane's list of what opened and closed unheard
 * @news:	Bits of what the note says
 * @ending:	The letter that asks for its end
 * @is_asked:	... was sent; main thread alone
 * @session:	While @is_open; worker alone
 * @refreshing:	Letter to the worker: write the counters anew
 * @is_refreshing: ... is on its way
 */
struct watch_entry {
	struct watch_session pub;
	struct fanout *fan;
	bool is_open;
	uint64_t off[DIR_NDIRS];
	struct watch_history history;
	struct list touched;
	struct list followers;
	struct list note;
	struct list unheard;
	uint8_t news;
	struct mail ending;
	bool is_asked;
	const struct session *session;
	struct mail refreshing;
	_Atomic bool is_refreshing;
};

/**
 * struct watch_lane - See above
 * @node:	On the list of the watch
 * @watch:	What it is a lane of
 * @worker:	Whose it is
 * @pages:	Of all histories here
 * @touched:	Histories, the one touched longest ago first
 * @followers:	By their @node
 * @is_over:	The worker ends: nothing is told any more
 * @has_news:	The letter should go
 * @lock:	Of the rest
 * @notes:	Entries with news, in the order of the first
 * @unheard:	... of them those that are over and were not heard of
 * @nunheard:	How many
 * @letter:	To the main thread
 * @is_sent:	It is under way
 */
struct watch_lane {
	struct list node;
	struct watch *watch;
	struct worker *worker;
	struct watch_pages pages;
	struct list touched;
	struct list followers;
	bool is_over;
	bool has_news;
	pthread_mutex_t lock;
	struct list notes;
	struct list unheard;
	size_t nunheard;
	struct mail letter;
	bool is_sent;
};

/**
 * struct watch - What its lanes have in common
 * @opts:	As given
 * @sink:	watch_sink()
 * @lanes:	@nlanes of them; complete before traffic comes
 * @missed:	Sessions that the main thread never heard of
 */
struct watch {
	struct watch_opts opts;
	struct sink sink;
	struct list lanes;
	size_t nlanes;
	_Atomic uint64_t missed;
};

/** watch_lane_ops() - With a history, or without. */
const struct sink_ops *watch_lane_ops(bool history);

/** watch_lane_free() - Release what lane_free() has left. */
void watch_lane_free(struct watch_lane *lane);

/** watch_lane_entry() - The worker's side of a session. */
static inline struct watch_entry *
watch_lane_entry(struct watch_session *ws)
{
	return (struct watch_entry *)(void *)ws;
}

/** watch_lane_refresh() - See watch_refresh(). */
void watch_lane_refresh(struct watch_entry *e);

/** watch_lane_end() - See watch_end(). */
void watch_lane_end(struct watch_entry *e);

#endif /* CONTROL_WATCH_LANE_H */
