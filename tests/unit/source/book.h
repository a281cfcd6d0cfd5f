#ifndef BOOK_H
#define BOOK_H

#include "../net/loopback.h"

#include <pthread.h>

#include "base/err.h"
#include "core/fanout.h"
#include "core/session.h"
#include "net/worker.h"

/*
 * A sink that keeps book of sessions, from several workers at once.
 */

#define BOOK_MAX 512

/** struct book_entry - A session, as it was when it closed. */
struct book_entry {
	uint64_t id;
	unsigned worker;
	bool closed;
	enum how reason;
	enum party first;
	uint64_t bytes[DIR_NDIRS];
	struct addr client;
	struct addr server;
	struct addr listen;
	struct addr local;
	char error[64];
	char target[64];
};

/** struct book - Entry [i] is session i + 1. */
struct book {
	struct sink sink;
	struct sink_ops ops;
	pthread_mutex_t lock;
	struct book_entry entry[BOOK_MAX];
	unsigned opened;
	unsigned closed;
};

static inline int
book_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)err;
	lane->self = w;
	return 0;
}

static inline void
book_lane_free(struct sink_lane *lane)
{
	lane->self = NULL;
}

static inline int
book_open(struct sink_lane *lane, void *st, const struct session *s)
{
	struct book *b = lane->sink->self;
	struct book_entry *e;

	(void)st;
	assert_true(s->id >= 1 && s->id <= BOOK_MAX);
	pthread_mutex_lock(&b->lock);
	e = &b->entry[s->id - 1];
	assert_int_equal(e->id, 0); /* numbers are given once */
	e->id = s->id;
	e->worker = worker_index(lane->self);
	e->client = s->client;
	e->server = s->server;
	e->listen = *session_listen(s);
	e->local = *session_local(s);
	(void)snprintf(e->target, sizeof(e->target), "%s",
	    session_target(s) != NULL ? session_target(s) : "");
	assert_true(s->no_packets);
	b->opened++;
	pthread_mutex_unlock(&b->lock);
	return 0;
}

static inline void
book_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct book *b = lane->sink->self;
	struct book_entry *e;

	(void)st;
	pthread_mutex_lock(&b->lock);
	e = &b->entry[s->id - 1];
	assert_false(e->closed);
	assert_int_equal(e->worker, worker_index(lane->self));
	e->closed = true;
	e->reason = (enum how)s->reason;
	e->first = (enum party)s->first;
	e->bytes[DIR_CLIENT] = s->bytes[DIR_CLIENT];
	e->bytes[DIR_SERVER] = s->bytes[DIR_SERVER];
	(void)snprintf(e->error, sizeof(e->error), "%s",
	    session_error(s) != NULL ? session_error(s) : "");
	b->closed++;
	pthread_mutex_unlock(&b->lock);
}

/** book_init() - Empty. */
static inline void
book_init(struct book *b)
{
	memset(b, 0, sizeof(*b));
	assert_int_equal(pthread_mutex_init(&b->lock, NULL), 0);
	b->ops = (struct sink_ops){
		.kind = "book",
		.need = NEED_NOTHING,
		.lane_new = book_lane_new,
		.lane_free = book_lane_free,
		.open = book_open,
		.close = book_close,
	};
	b->sink.ops = &b->ops;
	b->sink.self = b;
}

static inline unsigned
book_read(struct book *b, const unsigned *count)
{
	unsigned n;

	pthread_mutex_lock(&b->lock);
	n = *count;
	pthread_mutex_unlock(&b->lock);
	return n;
}

/** book_opened() - Sessions that were opened; from any thread. */
static inline unsigned
book_opened(struct book *b)
{
	return book_read(b, &b->opened);
}

/** book_closed() - Those of them that are over. */
static inline unsigned
book_closed(struct book *b)
{
	return book_read(b, &b->closed);
}

/** book_entry() - What became of session @id; a copy. */
static inline struct book_entry
book_entry(struct book *b, uint64_t id)
{
	struct book_entry e;

	pthread_mutex_lock(&b->lock);
	e = b->entry[id - 1];
	pthread_mutex_unlock(&b->lock);
	return e;
}

#endif /* BOOK_H */
