#ifndef CONTROL_LINE_BOOK_H
#define CONTROL_LINE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/list.h"
#include "core/count.h"
#include "core/locals.h"
#include "core/news.h"

/*
 * line_book.h - what is known of sessions beside the roster: where consumers
 * connect to, and what became of the bytes.
 *
 * A sink's news may arrive before the note that its session has opened.  They
 * wait in the entry, so that clients hear of the session first.
 *
 * For control/line*.c; on the main thread.
 */

struct watch_session;

/* Sinks with consumers that a session can have. */
#define LINE_BOOK_SINKS 8

/* Figures of a stream that are noted when they change. */
#define LINE_BOOK_NOTED 3

/* News that wait for their session; what exceeds it is not told. */
#define LINE_BOOK_WAITING 16

/* Entries whose session is not known (yet): beyond that the oldest goes. */
#define LINE_BOOK_UNKNOWN 20000

/**
 * struct line_entry - A session
 * @node:	In its bucket
 * @unknown:	In the list of those whose session is not known yet
 * @tally:	@ntallies of its sinks; references
 * @port:	[stream] Of the listening sink; 0: there is none
 * @waiting:	@nwaiting news that were not told yet; NULL: there were none
 * @noted:	[dir] packets that were retransmitted, gap bytes and conflicts,
 *		as told last
 * @acked:	[dir] as seen last,
 * @heard_ns:	[dir] when it last became more, or there was nothing left to
 *		acknowledge (monotonic),
 * @stall_ns:	[dir] and when it was told last that it does not
 */
struct line_entry {
	struct list node;
	struct list unknown;
	uint64_t id;
	struct news_tally *tally[LINE_BOOK_SINKS];
	size_t ntallies;
	uint16_t port[NEWS_NSTREAMS];
	struct news *waiting;
	size_t nwaiting;
	uint64_t noted[2][LINE_BOOK_NOTED];
	uint64_t acked[2];
	uint64_t heard_ns[2];
	uint64_t stall_ns[2];
};

/**
 * struct line_sum - Figures of one session or of all, by stream
 * @chunks:	Offered
 */
struct line_sum {
	uint64_t written[NEWS_NSTREAMS];
	uint64_t chunks[NEWS_NSTREAMS];
	uint64_t drop_bytes[NEWS_NSTREAMS][DROP_NREASONS];
	uint64_t drop_chunks[NEWS_NSTREAMS][DROP_NREASONS];
};

/**
 * struct line_book - All of them
 * @buckets:	Chains by number
 * @unknown:	See struct line_entry; @nunknown of them, oldest first
 * @late:	Tallies of sessions that are over while something of them is
 *		still queued; @nlate of them
 * @over:	Sum of those that are over for good
 * @files_opened, @files_closed: Of sinks that write files
 */
struct line_book {
	struct list *buckets;
	struct list unknown;
	size_t nunknown;
	struct news_tally **late;
	size_t nlate;
	size_t late_room;
	struct line_sum over;
	uint64_t files_opened;
	uint64_t files_closed;
};

/** line_book_init() - 0 or -ENOMEM. */
int line_book_init(struct line_book *b) ATTR_WUNRES;

/** line_book_done() - Idempotent. */
void line_book_done(struct line_book *b);

/** line_book_find() - The entry of session @id; NULL: none. */
struct line_entry *line_book_find(const struct line_book *b, uint64_t id);

/** line_book_add() - The same, and one is made; NULL without memory. */
struct line_entry *line_book_add(struct line_book *b, uint64_t id);

/** line_book_known() - Its session is known now. */
void line_book_known(struct line_book *b, struct line_entry *e);

/** line_book_take() - A sink watches it; takes a reference of the tally. */
void line_book_take(struct line_entry *e, const struct news *n);

/**
 * line_book_wait() - These news wait for the session
 *
 * Return: 0; -ENOMEM; -E2BIG: there are too many already
 */
int line_book_wait(struct line_entry *e, const struct news *n) ATTR_WUNRES;

/** line_book_told() - Those that waited were told. */
void line_book_told(struct line_entry *e);

/** line_book_forget() - The session is over; what it had stays in the sum. */
void line_book_forget(struct line_book *b, struct line_entry *e);

/** line_book_sum() - Figures of a session; NULL: zeros. */
void line_book_sum(const struct line_entry *e, struct line_sum *sum);

/** line_book_total() - Figures of all there were. */
void line_book_total(struct line_book *b, struct line_sum *sum);

/** line_book_sum_forwarded() - Chunks that were not dropped. */
uint64_t line_book_sum_forwarded(const struct line_sum *sum);

/** line_book_sum_dropped() - Bytes that were, and in *@chunks how many chunks.
 */
uint64_t line_book_sum_dropped(const struct line_sum *sum, uint64_t *chunks);

#endif /* CONTROL_LINE_BOOK_H */
