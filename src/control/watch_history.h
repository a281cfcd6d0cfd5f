#ifndef CONTROL_WATCH_HISTORY_H
#define CONTROL_WATCH_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "control/watch_pages.h"
#include "core/event.h"

/*
 * watch_history.h - what was said last in a session.
 *
 * Each direction has its own pages, so that dropping the oldest one costs
 * nothing, and records never span two of them:
 *
 *	c2s  | data 0+20 | data 20+31            |
 *	s2c  | ... data 90+60 | | gap 150+9 | data 159+700 ... | | ...
 *	       ▲ dropped first: this direction has more
 *
 * When all pages are used, the direction that has more of them loses its
 * oldest: a long answer does not push out the question.  The numbers of the
 * records (seq) say how the two directions were interleaved.
 */

/**
 * struct watch_record - An event that is kept; @size bytes follow
 * @type:	An enum watch_type: data, gap or conflict
 * @dir:	An enum dir
 * @what:	Gap: an enum gap_why
 * @by:		Unused here; see control/follower.c
 * @size:	Data: @len; conflict: twice @len, first what was kept
 * @seq:	Running number within the session, from 1
 */
struct watch_record {
	uint8_t type;
	uint8_t dir;
	uint8_t what;
	uint8_t by;
	uint32_t size;
	uint64_t seq;
	uint64_t ts_ns;
	uint64_t off;
	uint64_t len;
};

/**
 * struct watch_history - See above; embedded, used by one thread
 * @pool:	Where the pages are from
 * @max:	How many it may have
 * @seq:	Number of the last event; whoever keeps others beside counts on
 * @pages:	[dir] the oldest first
 * @n:		[dir] how many
 */
struct watch_history {
	struct watch_pages *pool;
	size_t max;
	uint64_t seq;
	struct list pages[DIR_NDIRS];
	size_t n[DIR_NDIRS];
};

/**
 * watch_history_init() - Nothing was said yet
 * @bytes:	Memory that it may take, what describes the events included; it
 *		is two pages at least; 0: it keeps nothing
 */
void watch_history_init(
    struct watch_history *h, struct watch_pages *pool, size_t bytes);

/** watch_history_clear() - Give all pages back; @seq goes on. */
void watch_history_clear(struct watch_history *h);

/** watch_history_is_empty() - It has no page. */
bool watch_history_is_empty(const struct watch_history *h);

/**
 * watch_history_data() - Keep bytes, the last ones if they are too many
 *
 * Costs one copy of what is kept.  When no page can be had, nothing is kept:
 * then, as where pages were dropped, the next record begins further on.
 */
void watch_history_data(struct watch_history *h, const struct chunk *c);

/** watch_history_gap() - Keep that bytes are missing. */
void watch_history_gap(struct watch_history *h, const struct gap *g);

/**
 * watch_history_conflict() - Keep that bytes differed, maybe in several parts
 * @pos:	Where its direction stands
 */
void watch_history_conflict(
    struct watch_history *h, const struct conflict *c, uint64_t pos);

/** watch_history_from() - Where what is kept of @dir begins; @pos if nothing */
uint64_t watch_history_from(
    const struct watch_history *h, enum dir dir, uint64_t pos);

/**
 * struct watch_reader - A place in a history, valid until that changes
 *
 * Private.
 */
struct watch_reader {
	const struct watch_history *h;
	struct list *page[DIR_NDIRS];
	size_t at[DIR_NDIRS];
};

/** watch_history_seek() - Go to the first record numbered @seq or later. */
void watch_history_seek(
    const struct watch_history *h, uint64_t seq, struct watch_reader *r);

/**
 * watch_history_next() - Read, and go on
 * @data:	Its bytes; borrowed until the history changes
 *
 * Return: false: that was the last
 */
bool watch_history_next(
    struct watch_reader *r, struct watch_record *rec, const uint8_t **data);

#endif /* CONTROL_WATCH_HISTORY_H */
