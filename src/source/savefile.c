#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/fanout.h"
#include "core/tally.h"
#include "net/mail.h"
#include "net/worker.h"
#include "source/filter.h"
#include "source/prefetch.h"
#include "source/savefile.h"
#include "source/savefile_feed.h"

/*
 * One worker, one thread that reads (source/prefetch.h).  A block, or a slice
 * of one when a sink is full, is handled per turn of the worker's loop, so that
 * its other handles, and the sinks' flushing, get their turn.
 */

/**
 * enum savefile_state - What the worker does about blocks
 *
 *	NEW	Not started.
 *	READING	Takes blocks; a letter comes with the next one, if none is
 *there. WAITING	For room in a sink; goes back to READING. ENDED	At the
 *end of the last file or of what was wanted; the owner has been told, and
 *answers with stop(). STOPPED	Sessions have ended; letters under way do
 *nothing.
 */
enum savefile_state {
	SAVEFILE_NEW,
	SAVEFILE_READING,
	SAVEFILE_WAITING,
	SAVEFILE_ENDED,
	SAVEFILE_STOPPED,
};

/**
 * struct savefile - See savefile.h
 * @block:	Being used; NULL: none
 * @dropping:	Its file is damaged: nothing more of it is looked at
 * @file:	Whose block was the last
 * @failed:	Something was damaged
 * @go_mail:	"There is a block"; in the box when prefetch_next() has found
 *		none, or when there is more to do
 */
struct savefile {
	struct source source;
	struct savefile_opts o;
	struct savefile_feed feed;
	struct prefetch *prefetch;
	struct worker *worker;
	struct fanout *fan;
	struct worker_waiter waiter;
	struct mail go_mail;
	struct mail start_mail;
	struct mail stop_mail;
	enum savefile_state state;
	struct prefetch_block *block;
	bool dropping;
	_Atomic size_t file;
	_Atomic bool failed;
};

/* --- on the worker ----------------------------------------------------- */

static void
set_state(struct savefile *sf, enum savefile_state next)
{
	static const unsigned allowed[] = {
		[SAVEFILE_NEW] =
		    1U << SAVEFILE_READING | 1U << SAVEFILE_STOPPED,
		[SAVEFILE_READING] = 1U << SAVEFILE_WAITING |
				     1U << SAVEFILE_ENDED |
				     1U << SAVEFILE_STOPPED,
		[SAVEFILE_WAITING] =
		    1U << SAVEFILE_READING | 1U << SAVEFILE_STOPPED,
		[SAVEFILE_ENDED] = 1U << SAVEFILE_STOPPED,
		[SAVEFILE_STOPPED] = 0,
	};

	assert((allowed[sf->state] & 1U << next) != 0);
	sf->state = next;
}

static const char *
shown_path(const struct savefile *sf, size_t file)
{
	const char *path = sf->o.paths[file];

	return strcmp(path, "-") == 0 ? "standard input" : path;
}

static void
tell(struct savefile *sf, struct err *err)
{
	err_prefix(err, "%s: ", shown_path(sf, sf->block->file));
	atomic_store(&sf->failed, true);
	sf->o.events.trouble(sf->o.events.self, err->text);
}

static void
end(struct savefile *sf)
{
	set_state(sf, SAVEFILE_ENDED);
	prefetch_stop(sf->prefetch);
	sf->o.events.finished(sf->o.events.self);
}

/* Behind damage nothing can be found: leave the file. */
static void
drop_file(struct savefile *sf, struct err *err)
{
	tell(sf, err);
	savefile_feed_drop(&sf->feed);
	prefetch_skip(sf->prefetch, sf->block->file);
	sf->dropping = true;
}

static bool
take_block(struct savefile *sf)
{
	struct prefetch_block *b = prefetch_next(sf->prefetch);

	if (b == NULL)
		return false;
	sf->block = b;
	if (b->first)
		sf->dropping = false;
	atomic_store(&sf->file, b->file);
	if (!sf->dropping)
		savefile_feed_begin(&sf->feed, b);
	return true;
}

/* The block is used up. */
static void
leave_block(struct savefile *sf)
{
	struct prefetch_block *b = sf->block;
	bool was_last = b->last && b->file == sf->o.npaths - 1;
	struct err err = { "" };

	if (b->last && !sf->dropping) {
		if (b->err.text[0] != '\0')
			tell(sf, &b->err);
		else if (savefile_feed_end(&sf->feed, &err) != 0)
			tell(sf, &err);
		savefile_feed_drop(&sf->feed);
	}
	sf->block = NULL;
	prefetch_give_back(sf->prefetch);
	savefile_feed_tick(&sf->feed);
	if (was_last || savefile_feed_is_over(&sf->feed))
		end(sf);
}

/* As much of a block as goes without a sink being full. */
static void
use_block(struct savefile *sf)
{
	enum savefile_feed_state state = SAVEFILE_FEED_GO_ON;
	struct err err = { "" };

	while (!sf->dropping && state == SAVEFILE_FEED_GO_ON) {
		if (fanout_held_up(sf->fan)) {
			set_state(sf, SAVEFILE_WAITING);
			worker_wait_room(sf->worker, &sf->waiter);
			return;
		}
		if (savefile_feed_some(&sf->feed, &state, &err) != 0)
			drop_file(sf, &err);
	}
	if (state == SAVEFILE_FEED_OVER && !sf->dropping)
		end(sf);
	else
		leave_block(sf);
}

static void
go(struct savefile *sf)
{
	if (sf->state != SAVEFILE_READING ||
	    (sf->block == NULL && !take_block(sf)))
		return;
	use_block(sf);
	worker_touch(sf->worker);
	if (sf->state == SAVEFILE_READING)
		worker_post(sf->worker, &sf->go_mail);
}

static void
on_go(struct mail *m)
{
	go(ATTR_CONTAINER(m, struct savefile, go_mail));
}

static void
on_room(struct worker_waiter *waiter)
{
	struct savefile *sf = ATTR_CONTAINER(waiter, struct savefile, waiter);

	set_state(sf, SAVEFILE_READING);
	go(sf);
}

/* On the thread that reads. */
static void
on_ready(void *self)
{
	struct savefile *sf = self;

	worker_post(sf->worker, &sf->go_mail);
}

static void
on_start(struct mail *m)
{
	struct savefile *sf = ATTR_CONTAINER(m, struct savefile, start_mail);

	set_state(sf, SAVEFILE_READING);
	prefetch_start(sf->prefetch);
}

static void
on_stop(struct mail *m)
{
	struct savefile *sf = ATTR_CONTAINER(m, struct savefile, stop_mail);

	set_state(sf, SAVEFILE_STOPPED);
	list_remove(&sf->waiter.node);
	prefetch_stop(sf->prefetch);
	savefile_feed_stop(&sf->feed);
	worker_touch(sf->worker);
	sf->o.events.stopped(sf->o.events.self);
}

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	struct savefile *sf = self;

	return fanout_turn(sf->fan, mono_ns);
}

/* --- source_ops -------------------------------------------------------- */

static int
attach(struct source *src, struct worker *const *workers,
    struct fanout *const *fans, size_t n, struct err *err)
{
	struct savefile *sf = (struct savefile *)src;
	int rc;

	(void)n; /* one does it all */
	sf->worker = workers[0];
	sf->fan = fans[0];
	rc = savefile_feed_attach(&sf->feed, sf->fan, err);
	if (rc == 0)
		rc = prefetch_attach(sf->prefetch, err);
	if (rc != 0)
		return rc;
	worker_set_turn(sf->worker, on_turn, sf);
	return 0;
}

static void
start(struct source *src)
{
	struct savefile *sf = (struct savefile *)src;

	worker_post(sf->worker, &sf->start_mail);
}

static void
stop(struct source *src, uint64_t linger_ns)
{
	struct savefile *sf = (struct savefile *)src;

	(void)linger_ns; /* nothing is under way: files wait */
	worker_post(sf->worker, &sf->stop_mail);
}

static void
end_session(struct source *src, struct session *s)
{
	struct savefile *sf = (struct savefile *)src;

	/* If it was the last one wanted, the next block will tell. */
	savefile_feed_end_session(&sf->feed, s);
	worker_touch(sf->worker);
}

static void
shut(struct source *src)
{
	struct savefile *sf = (struct savefile *)src;

	prefetch_stop(sf->prefetch);
}

static void
free_all(struct source *src)
{
	struct savefile *sf = (struct savefile *)src;

	if (sf == NULL)
		return;
	prefetch_free(sf->prefetch);
	savefile_feed_done(&sf->feed);
	free(sf);
}

static void
tally(const struct source *src, struct tally *t)
{
	savefile_feed_tally(&((const struct savefile *)src)->feed, t);
}

static bool
failed(const struct source *src)
{
	return atomic_load(&((const struct savefile *)src)->failed);
}

static const struct source_ops ops = {
	.name = "read",
	.packets = true,
	.attach = attach,
	.start = start,
	.stop = stop,
	.end_session = end_session,
	.close = shut,
	.free = free_all,
	.tally = tally,
	.failed = failed,
};

/* --- making ------------------------------------------------------------ */

static struct savefile *
make(const struct savefile_opts *o)
{
	struct savefile *sf = calloc(1, sizeof(*sf));

	if (sf == NULL)
		return NULL;
	sf->source.ops = &ops;
	sf->o = *o;
	sf->go_mail.deliver = on_go;
	sf->start_mail.deliver = on_start;
	sf->stop_mail.deliver = on_stop;
	sf->waiter.room = on_room;
	list_init(&sf->waiter.node);
	return sf;
}

struct source *
savefile_new(const struct savefile_opts *o, int *code, struct err *err)
{
	struct savefile *sf = make(o);
	struct filter *filter;

	assert(o->npaths > 0);
	if (sf == NULL) {
		*code = err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	filter = filter_new(o->filter, err);
	if (filter == NULL) {
		*code = -EINVAL;
		free(sf);
		return NULL;
	}
	savefile_feed_init(&sf->feed,
	    &(struct savefile_feed_opts){
		.source = ops.name,
		.place = o->place,
		.max_packets = o->max_packets,
		.max_sessions = o->max_sessions,
		.names = o->names,
		.dissect = o->dissect,
	    },
	    filter);
	sf->prefetch = prefetch_new(
	    &(struct prefetch_opts){
		.paths = o->paths,
		.npaths = o->npaths,
		.ready = on_ready,
		.self = sf,
	    },
	    code, err);
	if (sf->prefetch == NULL) {
		savefile_feed_done(&sf->feed);
		free(sf);
		return NULL;
	}
	return &sf->source;
}

void
savefile_progress(const struct source *src, struct savefile_progress *p)
{
	const struct savefile *sf = (const struct savefile *)src;

	p->path = sf->o.paths[atomic_load(&sf->file)];
	p->done = prefetch_done(sf->prefetch);
	p->total = prefetch_total(sf->prefetch);
	p->packets = count_get(&sf->feed.packets);
}
