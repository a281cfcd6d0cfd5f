#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/obuf.h"
#include "net/worker.h"

#include "control/follower.h"
#include "control/tale.h"
#include "control/watch_lane.h"

/*
 * References: the owner's until follower_stop(), the worker's from the letter
 * that begins to the one that stops, and one for each batch on its way to the
 * main thread.  The last one frees it.
 */

/**
 * struct batch - Events on their way to the main thread
 * @events:	See struct tale
 * @is_sent:	It is the main thread's
 */
struct batch {
	struct mail mail;
	struct follower *follower;
	struct obuf events;
	_Atomic bool is_sent;
};

/**
 * struct follower - See above
 * @refs:	See above
 * @entry:	What it follows; held
 * @opts:	As given
 * @is_stopped:	The owner has let go; main thread alone
 * @wants:	The worker waits for credit or an empty batch
 * @is_woken:	@wake is under way
 * @begin:	Letters to the worker
 * @node:	On the list of the lane; the worker's, as of the next ones
 * @of_session:	On the list of @entry
 * @is_attached: It is on both
 * @tale:	What it is told
 * @batch:	See struct batch
 * @filling:	Which of them; not sent, unless the lane is over
 */
struct follower {
	_Atomic unsigned refs;
	struct watch_entry *entry;
	struct follower_opts opts;
	bool is_stopped;
	_Atomic bool wants;
	_Atomic bool is_woken;
	struct mail begin;
	struct mail wake;
	struct mail stop;
	struct list node;
	struct list of_session;
	bool is_attached;
	struct tale tale;
	struct batch batch[2];
	unsigned filling;
};

static struct follower *
of_session(struct list *node)
{
	return LIST_ENTRY(node, struct follower, of_session);
}

static void
unref(struct follower *f)
{
	if (atomic_fetch_sub(&f->refs, 1) > 1)
		return;
	watch_session_unref(&f->entry->pub);
	obuf_done(&f->batch[0].events);
	obuf_done(&f->batch[1].events);
	free(f);
}

/* --- what happens ------------------------------------------------------ */

void
follower_data(struct watch_entry *e, const struct chunk *c)
{
	struct list *node;

	for (node = e->followers.next; node != &e->followers; node = node->next)
		tale_data(&of_session(node)->tale, c);
}

void
follower_gap(struct watch_entry *e, const struct gap *g)
{
	struct list *node;

	for (node = e->followers.next; node != &e->followers; node = node->next)
		tale_gap(&of_session(node)->tale, g);
}

void
follower_conflict(struct watch_entry *e, const struct conflict *c)
{
	struct list *node;

	for (node = e->followers.next; node != &e->followers; node = node->next)
		tale_conflict(&of_session(node)->tale, c);
}

void
follower_end(struct watch_entry *e, enum dir dir)
{
	struct list *node;

	for (node = e->followers.next; node != &e->followers; node = node->next)
		tale_end(&of_session(node)->tale, dir);
}

void
follower_close(struct watch_entry *e)
{
	struct list *node;

	for (node = e->followers.next; node != &e->followers; node = node->next)
		tale_close(&of_session(node)->tale);
}

/* --- sending ----------------------------------------------------------- */

static void
send_batch(struct follower *f)
{
	struct batch *b = &f->batch[f->filling];

	assert(!b->events.failed);
	atomic_fetch_add(&f->refs, 1);
	atomic_store(&b->is_sent, true);
	f->filling ^= 1;
	f->tale.to = &f->batch[f->filling].events;
	mail_send(f->entry->pub.lane->watch->opts.box, &b->mail);
}

/* Sends what there is, unless there would be no batch to go on with. */
static bool
flush(struct follower *f)
{
	if (f->tale.to->len == 0)
		return true;
	if (atomic_load(&f->batch[f->filling ^ 1].is_sent))
		return false;
	send_batch(f);
	return true;
}

/* False: it waits for credit, or for a batch to come back. */
static bool
advance(struct follower *f)
{
	bool done = tale_go_on(&f->tale);

	return flush(f) && done;
}

static void
turn(struct follower *f)
{
	if (advance(f))
		return;
	/* Whoever has changed something before it sees this wakes nobody. */
	atomic_store(&f->wants, true);
	(void)advance(f); /* if it still waits, it will be woken */
}

void
follower_turn(struct watch_lane *lane)
{
	struct list *node;

	for (node = lane->followers.next; node != &lane->followers;
	     node = node->next)
		turn(LIST_ENTRY(node, struct follower, node));
}

/* The batches are filled no more, so that both may be under way. */
void
follower_finish(struct watch_lane *lane)
{
	struct list *node;

	for (node = lane->followers.next; node != &lane->followers;
	     node = node->next) {
		struct follower *f = LIST_ENTRY(node, struct follower, node);

		if (!advance(f) && f->tale.to->len > 0)
			send_batch(f);
	}
}

/* --- letters to the worker --------------------------------------------- */

static void
deliver_begin(struct mail *m)
{
	struct follower *f = ATTR_CONTAINER(m, struct follower, begin);
	struct watch_entry *e = f->entry;
	struct watch_lane *lane = e->pub.lane;

	if (lane->is_over)
		return;
	list_append(&lane->followers, &f->node);
	list_append(&e->followers, &f->of_session);
	f->is_attached = true;
	tale_begin(&f->tale, f->opts.history);
	worker_touch(lane->worker);
}

static void
deliver_wake(struct mail *m)
{
	struct follower *f = ATTR_CONTAINER(m, struct follower, wake);

	atomic_store(&f->is_woken, false);
	worker_touch(f->entry->pub.lane->worker);
}

static void
deliver_stop(struct mail *m)
{
	struct follower *f = ATTR_CONTAINER(m, struct follower, stop);

	if (f->is_attached) {
		list_remove(&f->node);
		list_remove(&f->of_session);
	}
	unref(f);
}

/* --- the main thread's side -------------------------------------------- */

static void
post(struct follower *f, struct mail *m)
{
	worker_post(f->entry->pub.lane->worker, m);
}

/* Something has changed that the worker may be waiting for. */
static void
wake(struct follower *f)
{
	if (!f->is_stopped && atomic_exchange(&f->wants, false) &&
	    !atomic_exchange(&f->is_woken, true))
		post(f, &f->wake);
}

static void
show(const struct follower *f, const struct watch_record *rec,
    const uint8_t *data)
{
	struct watch_event e = {
		.type = (enum watch_type)rec->type,
		.dir = (enum dir)rec->dir,
		.ts_ns = rec->ts_ns,
		.off = rec->off,
		.len = rec->len,
		.by = (enum party)rec->by,
	};

	if (e.type == WATCH_GAP)
		e.why = (enum gap_why)rec->what;
	if (e.type == WATCH_END || e.type == WATCH_CLOSE)
		e.how = (enum how)rec->what;
	if (e.type == WATCH_DATA || e.type == WATCH_CONFLICT)
		e.data = data;
	if (e.type == WATCH_CONFLICT)
		e.other = data + rec->size / 2;
	f->opts.event(f->opts.self, &e);
}

static void
deliver_batch(struct mail *m)
{
	struct batch *b = ATTR_CONTAINER(m, struct batch, mail);
	struct follower *f = b->follower;
	struct watch_record rec;

	for (size_t at = 0; at < b->events.len && !f->is_stopped;
	     at += sizeof(rec) + rec.size) {
		memcpy(&rec, b->events.data + at, sizeof(rec));
		show(f, &rec, b->events.data + at + sizeof(rec));
	}
	b->events.len = 0;
	atomic_store(&b->is_sent, false);
	wake(f);
	unref(f);
}

static int
batch_init(struct follower *f, unsigned i)
{
	struct batch *b = &f->batch[i];

	b->mail.deliver = deliver_batch;
	b->follower = f;
	return obuf_room(&b->events, TALE_RESERVE) != NULL ? 0 : -ENOMEM;
}

struct follower *
follower_new(struct watch_entry *e, const struct follower_opts *o)
{
	struct follower *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	atomic_init(&f->refs, 1);
	f->entry = e;
	(void)watch_session_ref(&e->pub); /* the follower's own */
	f->opts = *o;
	f->begin.deliver = deliver_begin;
	f->wake.deliver = deliver_wake;
	f->stop.deliver = deliver_stop;
	list_init(&f->node);
	list_init(&f->of_session);
	tale_init(&f->tale, e, o->credit);
	f->tale.to = &f->batch[0].events;
	if (batch_init(f, 0) != 0 || batch_init(f, 1) != 0) {
		unref(f);
		return NULL;
	}
	atomic_fetch_add(&f->refs, 1); /* the worker's, until it stops */
	post(f, &f->begin);
	return f;
}

void
follower_grant(struct follower *f, size_t bytes)
{
	size_t had = atomic_load(&f->tale.credit), sum;

	do {
		sum = bytes < SIZE_MAX - had ? had + bytes : SIZE_MAX;
	} while (!atomic_compare_exchange_weak(&f->tale.credit, &had, sum));
	wake(f);
}

uint64_t
follower_missed(const struct follower *f)
{
	return atomic_load(&f->tale.missed);
}

void
follower_stop(struct follower *f)
{
	if (f == NULL)
		return;
	f->is_stopped = true;
	post(f, &f->stop);
	unref(f);
}
