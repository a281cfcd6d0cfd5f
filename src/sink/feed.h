#ifndef SINK_FEED_H
#define SINK_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/event.h"
#include "core/news.h"
#include "sink/outq.h"

/*
 * feed.h - one direction of a session on its way to whoever wants to hear
 * it: the bytes as they are, without framing.
 *
 * Until somebody is there, a startup buffer keeps the first bytes, or the
 * last ones.  With a header the consumer gets one line of JSON first, so that
 * it knows what it hears:
 *
 *	{"v":1,"session":7,"dir":"c2s","offset":0,"client":"...",
 *	 "server":"..."}
 *
 * offset is the place in the stream of the first byte behind the line.
 */

struct err;
struct session;
struct sink_spec;

/* What is kept for a first consumer, per direction. */
#define FEED_STARTUP_DEFAULT ((size_t)64 * 1024)

/**
 * struct feed_opts - What the feeds of a sink have in common
 * @limit:	Of each queue, bytes; or what is kept, if that is more
 * @startup:	[stream] Of its startup buffers; 0: none
 * @keep_tail:	Keep the last bytes, not the first
 * @keep_all:	Keep all of them, up to @limit: traffic waits for consumers
 * @header:	header=line
 * @redial:	See struct outq_opts
 * @kind:	Of the sink, for news; static
 * @retry_ns:	Likewise: from a consumer that is lost to the next call
 * @tell:	Hears when consumers come and go; NULL: nobody does
 * @tallies:	... and wants figures of each session
 * @tell_self:	Passed to it
 */
struct feed_opts {
	size_t limit;
	size_t startup[NEWS_NSTREAMS];
	bool keep_tail;
	bool keep_all;
	bool header;
	bool redial;
	const char *kind;
	uint64_t retry_ns;
	void (*tell)(void *self, const struct news *n);
	bool tallies;
	void *tell_self;
};

/** feed_read_keys() - startup=, keep= and header=, with their defaults. */
int feed_read_keys(struct feed_opts *o, const struct sink_spec *spec,
    struct err *err) ATTR_WUNRES;

/* The rows of these keys in a kind's table. */
#define FEED_KEYS                                                              \
	{ "startup", "BYTES[/BYTES]",                                          \
		"kept for a first consumer, each way, or of requests and of "  \
		"responses (default: 64KiB)" },                                \
	    { "keep", "head|tail",                                             \
		    "which bytes of what does not fit (default: head)" },      \
	{                                                                      \
		"header", "line|none",                                         \
		    "a line of JSON before the bytes (default: none)"          \
	}

/*
 * Pieces between gaps that are told apart in what keep=tail keeps: more gaps
 * in so few bytes are rare, and then the oldest piece goes.
 */
#define FEED_RUNS 4

/** struct feed_run - Bytes without a gap between them. */
struct feed_run {
	uint64_t off;
	size_t len;
};

/**
 * struct feed - One of them; in the session's slots
 * @q:		NULL: over
 * @s:		NULL: over, and what there was to say of it is in @head
 * @run:	What is kept, in @nruns pieces, oldest first; of a head, only
 *		where it begins
 * @stream:	What it is to its consumers
 * @tally:	Where it is counted, too; NULL: nowhere
 * @has_consumer: Was told
 * @id:		Of the session
 * @gone:	Told when its consumer is lost; NULL: no interest
 */
struct feed {
	struct outq *q;
	const struct session *s;
	const struct feed_opts *o;
	struct feed_run run[FEED_RUNS];
	unsigned nruns;
	enum dir dir;
	enum news_stream stream;
	struct news_tally *tally;
	bool has_consumer;
	struct obuf head;
	uint64_t id;
	void (*gone)(void *self, int error);
	void *self;
};

/**
 * struct feed_what - What it is to carry
 * @s:		The session,
 * @dir:	which direction of it,
 * @stream:	and what that is to its consumers
 * @tally:	Where it is counted, too, as long as the session is open; NULL:
 *		nowhere.  Its queue, which may outlive that, takes a reference.
 */
struct feed_what {
	const struct session *s;
	enum dir dir;
	enum news_stream stream;
	struct news_tally *tally;
};

/** feed_open() - Begin, with nobody there; 0 or -ENOMEM. */
int feed_open(struct feed *f, struct outq_lane *l, const struct feed_opts *o,
    const struct feed_what *what) ATTR_WUNRES;

/** feed_on_gone() - Whom to tell that the consumer is lost. */
void feed_on_gone(
    struct feed *f, void (*gone)(void *self, int error), void *self);

/** feed_let_go() - The session goes away, while the feed waits on. */
void feed_let_go(struct feed *f);

/** feed_done() - Release it, after its end or if it never opened. */
void feed_done(struct feed *f);

/** feed_missed() - Bytes of its direction that its queue had no room for. */
void feed_missed(struct feed *f, uint64_t len);

/** feed_put() - Bytes of its direction. */
void feed_put(struct feed *f, const struct chunk *c);

/**
 * feed_end() - No more will come; idempotent
 *
 * HOW_FIN ends the consumer's connection by FIN, anything else by RST; both
 * after all that is queued.
 */
void feed_end(struct feed *f, enum how how);

/** feed_cut() - Reset the consumer now; idempotent. */
void feed_cut(struct feed *f);

#endif /* SINK_FEED_H */
