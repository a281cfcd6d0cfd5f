#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/fanout.h"
#include "core/session.h"
#include "net/worker.h"

#include "control/follower.h"
#include "control/watch_lane.h"

static_assert(offsetof(struct watch_entry, pub) == 0,
    "a session is the first member of its entry");

/* Bits of watch_entry.news. */
#define NEWS_OPENED   1
#define NEWS_ENDED(d) (2 << (d))
#define NEWS_CLOSED   8
#define NEWS_WHOLE    (NEWS_OPENED | NEWS_CLOSED)

/* Notes that are told in one turn of the main loop. */
#define NOTES_AT_ONCE 1000

/* --- notes: the worker's side ------------------------------------------ */

static bool
is_whole(const struct watch_entry *e)
{
	return (e->news & NEWS_WHOLE) == NEWS_WHOLE;
}

/* Takes it off the notes; the reference goes to the caller. */
static void
withdraw(struct watch_lane *lane, struct watch_entry *e)
{
	list_remove(&e->note);
	if (!list_is_empty(&e->unheard))
		lane->nunheard--;
	list_remove(&e->unheard);
}

/* Too many are over and unheard of: the oldest is forgotten. */
static struct watch_entry *
forget_oldest(struct watch_lane *lane)
{
	struct watch_entry *e;

	if (lane->nunheard <= WATCH_UNHEARD)
		return NULL;
	e = LIST_ENTRY(lane->unheard.next, struct watch_entry, unheard);
	withdraw(lane, e);
	atomic_fetch_add(&lane->watch->missed, 1);
	return e;
}

static void
note(struct watch_lane *lane, struct watch_entry *e, unsigned news)
{
	struct watch_entry *forgotten = NULL;

	pthread_mutex_lock(&lane->lock);
	e->news |= (uint8_t)news;
	if (list_is_empty(&e->note)) {
		list_append(&lane->notes, &e->note);
		(void)watch_session_ref(&e->pub); /* the note's own */
	}
	if (is_whole(e) && list_is_empty(&e->unheard)) {
		list_append(&lane->unheard, &e->unheard);
		lane->nunheard++;
		forgotten = forget_oldest(lane);
	}
	pthread_mutex_unlock(&lane->lock);
	lane->has_news = true;
	if (forgotten != NULL)
		watch_session_unref(&forgotten->pub);
}

static void
send_notes(struct watch_lane *lane)
{
	bool send;

	if (!lane->has_news)
		return;
	lane->has_news = false;
	pthread_mutex_lock(&lane->lock);
	send = !lane->is_sent;
	lane->is_sent = true;
	pthread_mutex_unlock(&lane->lock);
	if (send)
		mail_send(lane->watch->opts.box, &lane->letter);
}

/* --- notes: the main thread's side ------------------------------------- */

/* The next note, with its reference; NULL: the letter may come again. */
static struct watch_entry *
take_note(struct watch_lane *lane, unsigned *news)
{
	struct watch_entry *e = NULL;

	pthread_mutex_lock(&lane->lock);
	if (list_is_empty(&lane->notes)) {
		lane->is_sent = false;
	} else {
		e = LIST_ENTRY(lane->notes.next, struct watch_entry, note);
		withdraw(lane, e);
		*news = e->news;
		e->news = 0;
	}
	pthread_mutex_unlock(&lane->lock);
	return e;
}

static void
tell_ends(const struct watch_notes *n, struct watch_entry *e, unsigned news)
{
	enum dir first = DIR_CLIENT;

	if ((news & NEWS_ENDED(DIR_CLIENT)) != 0 &&
	    (news & NEWS_ENDED(DIR_SERVER)) != 0 &&
	    e->pub.end[DIR_SERVER].seq < e->pub.end[DIR_CLIENT].seq)
		first = DIR_SERVER;
	if ((news & (unsigned)NEWS_ENDED(first)) != 0)
		n->ended(n->self, &e->pub, first);
	first = dir_other(first);
	if ((news & (unsigned)NEWS_ENDED(first)) != 0)
		n->ended(n->self, &e->pub, first);
}

static void
deliver_notes(struct mail *m)
{
	struct watch_lane *lane = ATTR_CONTAINER(m, struct watch_lane, letter);
	const struct watch_notes *n = &lane->watch->opts.notes;

	for (int i = 0; i < NOTES_AT_ONCE; i++) {
		unsigned news = 0;
		struct watch_entry *e = take_note(lane, &news);

		if (e == NULL)
			return;
		if ((news & NEWS_OPENED) != 0)
			n->opened(n->self, &e->pub);
		tell_ends(n, e, news);
		if ((news & NEWS_CLOSED) != 0)
			n->closed(n->self, &e->pub);
		watch_session_unref(&e->pub);
	}
	/* Others want to be heard on this thread as well. */
	mail_send(lane->watch->opts.box, &lane->letter);
}

/* --- histories --------------------------------------------------------- */

static void
store_from(struct watch_entry *e)
{
	for (int d = 0; d < DIR_NDIRS; d++)
		atomic_store_explicit(&e->pub.history[d],
		    watch_history_from(&e->history, (enum dir)d, e->off[d]),
		    memory_order_relaxed);
}

/* Lets go of a history, if there is one, and of the entry with it. */
static void
give_up(struct watch_entry *e)
{
	if (list_is_empty(&e->touched))
		return;
	list_remove(&e->touched);
	watch_history_clear(&e->history);
	store_from(e);
	watch_session_unref(&e->pub);
}

/* The history that was touched longest ago goes, but not the one in use. */
static bool
make_room(void *self)
{
	struct watch_lane *lane = self;

	if (lane->touched.next == lane->touched.prev)
		return false;
	give_up(LIST_ENTRY(lane->touched.next, struct watch_entry, touched));
	return true;
}

/* Before it is written to: it becomes the last one to be given up. */
static void
touch(struct watch_lane *lane, struct watch_entry *e)
{
	if (list_is_empty(&e->touched))
		(void)watch_session_ref(&e->pub); /* the history's own */
	list_remove(&e->touched);
	list_append(&lane->touched, &e->touched);
}

static void
touched(struct watch_entry *e)
{
	if (watch_history_is_empty(&e->history))
		give_up(e);
	else
		store_from(e);
}

/* How much memory a worker has is known when all are. */
static void
settle_pages(struct watch_lane *lane)
{
	const struct watch *w = lane->watch;

	if (lane->pages.max == 0)
		lane->pages.max =
		    w->opts.history_total / w->nlanes / WATCH_PAGE;
}

/* --- sessions ---------------------------------------------------------- */

/* 0 or -ENOMEM; NULL is copied as NULL. */
static int
copy_text(char **to, const char *text)
{
	if (text == NULL)
		return 0;
	*to = strdup(text);
	return *to != NULL ? 0 : -ENOMEM;
}

static int
copy_facts(struct watch_session *ws, const struct session *s)
{
	ws->id = s->id;
	ws->source = s->source;
	ws->input = s->input;
	ws->client = s->client;
	ws->server = s->server;
	ws->listen = *session_listen(s);
	ws->local = *session_local(s);
	ws->midstream = s->midstream;
	ws->has_packets = !s->no_packets;
	ws->open_ns = s->open_ns;
	if (copy_text(&ws->host[DIR_CLIENT],
		session_name(s, DIR_CLIENT)->host) != 0 ||
	    copy_text(
		&ws->host[DIR_SERVER], session_name(s, DIR_SERVER)->host) != 0)
		return -ENOMEM;
	return copy_text(&ws->target, session_target(s));
}

/* What others read while traffic flows; @s includes the event by now. */
static void
store_counts(struct watch_entry *e, const struct session *s)
{
	struct watch_session *ws = &e->pub;

	for (int d = 0; d < DIR_NDIRS; d++) {
		e->off[d] = s->off[d];
		atomic_store_explicit(
		    &ws->bytes[d], s->bytes[d], memory_order_relaxed);
		atomic_store_explicit(&ws->gap_bytes[d],
		    session_gap_bytes(s, (enum dir)d), memory_order_relaxed);
		atomic_store_explicit(&ws->lost_bytes[d],
		    session_lost_bytes(s, (enum dir)d), memory_order_relaxed);
		atomic_store_explicit(
		    &ws->packets[d], s->packets[d], memory_order_relaxed);
		atomic_store_explicit(
		    &ws->acked[d], s->acked[d], memory_order_relaxed);
		atomic_store_explicit(&ws->retransmitted[d],
		    s->retransmitted[d], memory_order_relaxed);
	}
	atomic_store_explicit(&ws->last_ns, s->last_ns, memory_order_relaxed);
}

static struct watch_entry *
entry_of(void *st)
{
	struct watch_entry **e = st;

	return *e;
}

/* It is between events, as source_ops.end_session wants it. */
static void
deliver_ending(struct mail *m)
{
	struct watch_entry *e = ATTR_CONTAINER(m, struct watch_entry, ending);

	/* Where nobody knows how to, as in a player of records, it goes on. */
	if (e->is_open)
		(void)fanout_end_session(e->fan, e->pub.id);
	watch_session_unref(&e->pub);
}

static void
deliver_refreshing(struct mail *m)
{
	struct watch_entry *e =
	    ATTR_CONTAINER(m, struct watch_entry, refreshing);

	if (e->is_open)
		store_counts(e, e->session);
	atomic_store(&e->is_refreshing, false);
	watch_session_unref(&e->pub);
}

void
watch_lane_refresh(struct watch_entry *e)
{
	if (atomic_exchange(&e->is_refreshing, true))
		return;
	(void)watch_session_ref(&e->pub); /* the letter's own */
	worker_post(e->pub.lane->worker, &e->refreshing);
}

void
watch_lane_end(struct watch_entry *e)
{
	if (e->is_asked)
		return;
	e->is_asked = true;
	(void)watch_session_ref(&e->pub); /* the letter's own */
	worker_post(e->pub.lane->worker, &e->ending);
}

static int
lane_open(struct sink_lane *sl, void *st, const struct session *s)
{
	struct watch_lane *lane = sl->self;
	struct watch_entry **to = st, *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	settle_pages(lane);
	atomic_init(&e->pub.refs, 1); /* the session's own */
	e->pub.lane = lane;
	e->fan = s->fan;
	e->is_open = true;
	watch_history_init(
	    &e->history, &lane->pages, lane->watch->opts.history);
	list_init(&e->touched);
	list_init(&e->followers);
	list_init(&e->note);
	list_init(&e->unheard);
	e->ending.deliver = deliver_ending;
	e->refreshing.deliver = deliver_refreshing;
	e->session = s;
	if (copy_facts(&e->pub, s) != 0) {
		watch_session_unref(&e->pub);
		return -ENOMEM;
	}
	store_counts(e, s);
	*to = e;
	note(lane, e, NEWS_OPENED);
	return 0;
}

static void
lane_data(struct sink_lane *sl, void *st, const struct session *s,
    const struct chunk *c)
{
	struct watch_entry *e = entry_of(st);

	store_counts(e, s);
	if (c->data != NULL && e->history.max > 0) {
		touch(sl->self, e);
		watch_history_data(&e->history, c);
		touched(e);
	}
	follower_data(e, c);
}

static void
lane_gap(struct sink_lane *sl, void *st, const struct session *s,
    const struct gap *g)
{
	struct watch_entry *e = entry_of(st);

	store_counts(e, s);
	if (e->history.max > 0) {
		touch(sl->self, e);
		watch_history_gap(&e->history, g);
		touched(e);
	}
	follower_gap(e, g);
}

static void
lane_conflict(struct sink_lane *sl, void *st, const struct session *s,
    const struct conflict *c)
{
	struct watch_entry *e = entry_of(st);

	store_counts(e, s);
	atomic_fetch_add_explicit(
	    &e->pub.conflicts[c->dir], 1, memory_order_relaxed);
	if (e->history.max > 0) {
		touch(sl->self, e);
		watch_history_conflict(&e->history, c, e->off[c->dir]);
		touched(e);
	}
	follower_conflict(e, c);
}

static void
lane_end(struct sink_lane *sl, void *st, const struct session *s,
    const struct end *end)
{
	struct watch_entry *e = entry_of(st);
	struct watch_session *ws = &e->pub;

	store_counts(e, s);
	ws->end[end->dir] = (struct watch_end){
		.seq = ++e->history.seq,
		.ts_ns = end->ts_ns,
		.off = end->off,
		.how = (uint8_t)end->how,
		.by = (uint8_t)end->by,
	};
	atomic_fetch_or(&ws->ended, (uint8_t)(1U << end->dir));
	follower_end(e, end->dir);
	note(sl->self, e, (unsigned)NEWS_ENDED(end->dir));
}

static void
lane_close(struct sink_lane *sl, void *st, const struct session *s)
{
	struct watch_entry *e = entry_of(st);
	struct watch_session *ws = &e->pub;

	store_counts(e, s);
	e->is_open = false;
	ws->reason = s->reason;
	ws->first = s->first;
	if (copy_text(&ws->error, session_error(s)) != 0)
		ws->error = NULL; /* the reason alone must do */
	atomic_store(&ws->closed, true);
	follower_close(e);
	note(sl->self, e, NEWS_CLOSED);
	watch_session_unref(ws);
}

static enum need
lane_need_session(const struct sink_lane *sl, const void *st)
{
	struct watch_entry *const *e = st;

	(void)sl;
	return list_is_empty(&(*e)->followers) ? NEED_NOTHING : NEED_MEMORY;
}

/* --- the lane ---------------------------------------------------------- */

static int
lane_new(struct sink_lane *sl, struct worker *w, struct err *err)
{
	struct watch *watch = sl->sink->self;
	struct watch_lane *lane = calloc(1, sizeof(*lane));
	int rc;

	if (lane == NULL)
		return err_set(err, -ENOMEM, "no memory for control");
	rc = pthread_mutex_init(&lane->lock, NULL);
	if (rc != 0) {
		free(lane);
		return err_set(err, -rc, "no lock for control");
	}
	lane->watch = watch;
	lane->worker = w;
	watch_pages_init(&lane->pages, 0, make_room, lane);
	list_init(&lane->touched);
	list_init(&lane->followers);
	list_init(&lane->notes);
	list_init(&lane->unheard);
	lane->letter.deliver = deliver_notes;
	list_append(&watch->lanes, &lane->node);
	watch->nlanes++;
	sl->self = lane;
	return 0;
}

/* The rest lives as long as the watch: letters may be under way. */
static void
lane_free(struct sink_lane *sl)
{
	struct watch_lane *lane = sl->self;

	lane->is_over = true;
	while (!list_is_empty(&lane->touched))
		give_up(LIST_ENTRY(
		    lane->touched.next, struct watch_entry, touched));
	watch_pages_done(&lane->pages);
}

void
watch_lane_free(struct watch_lane *lane)
{
	struct watch_entry *e;
	unsigned news;

	while ((e = take_note(lane, &news)) != NULL)
		watch_session_unref(&e->pub);
	(void)pthread_mutex_destroy(&lane->lock); /* nobody holds it */
	free(lane);
}

static uint64_t
lane_turn(struct sink_lane *sl, uint64_t mono_ns)
{
	struct watch_lane *lane = sl->self;

	(void)mono_ns;
	if (lane->is_over)
		return CLOCK_NEVER;
	send_notes(lane);
	follower_turn(lane);
	return CLOCK_NEVER;
}

/* The main thread may be waiting for this worker: it is not waited for. */
static void
lane_finish(struct sink_lane *sl, uint64_t deadline_ns)
{
	struct watch_lane *lane = sl->self;

	(void)deadline_ns;
	send_notes(lane);
	follower_finish(lane);
	lane->is_over = true;
}

static bool
lane_finished(const struct sink_lane *sl)
{
	const struct watch_lane *lane = sl->self;

	return lane->is_over;
}

#define OPS_OF_BOTH                                                            \
	.kind = "watch", .session_size = sizeof(struct watch_entry *),         \
	.lane_new = lane_new, .lane_free = lane_free, .open = lane_open,       \
	.data = lane_data, .gap = lane_gap, .conflict = lane_conflict,         \
	.end = lane_end, .close = lane_close, .turn = lane_turn,               \
	.finish = lane_finish, .finished = lane_finished

static const struct sink_ops with_history = {
	.need = NEED_MEMORY,
	OPS_OF_BOTH,
};

static const struct sink_ops without_history = {
	.need = NEED_NOTHING,
	.need_session = lane_need_session,
	OPS_OF_BOTH,
};

const struct sink_ops *
watch_lane_ops(bool history)
{
	return history ? &with_history : &without_history;
}
