#ifndef CONTROL_WATCH_PAGES_H
#define CONTROL_WATCH_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

/*
 * watch_pages.h - the memory of one worker's histories: pages of one size.
 *
 * It grows as it is needed, a slab at a time, up to its limit.  Then whoever
 * owns it makes room by giving pages back that matter least.  What it has grown
 * to it keeps.
 *
 * 2 KiB: a session that said a few lines each way holds two pages, so that the
 * default of 64 MiB remembers 16,000 of such; and one that is busy copies in
 * pieces long enough to cost nothing.
 */

#define WATCH_PAGE ((size_t)2048)

/**
 * struct watch_page - Records of one direction, one after the other
 * @node:	On the list of whoever took it
 * @from:	Stream position when it was begun
 * @last_seq:	Number of its last record
 * @used:	Bytes in it
 * @bytes:	Records, see control/watch_history.h
 */
struct watch_page {
	struct list node;
	uint64_t from;
	uint64_t last_seq;
	size_t used;
	uint8_t bytes[];
};

/* What fits into a page. */
#define WATCH_PAGE_ROOM (WATCH_PAGE - offsetof(struct watch_page, bytes))

/**
 * struct watch_pages - See above; embedded, used by one thread
 * @n:		Pages that were made
 * @max:	Pages there may be
 * @free:	Those that nobody has
 * @slabs:	What was allocated
 * @make_room:	Gives at least one page back, or says that there is none to be
 *		given; called from within watch_pages_take()
 * @self:	Passed to it
 */
struct watch_pages {
	size_t n;
	size_t max;
	struct list free;
	struct list slabs;
	bool (*make_room)(void *self);
	void *self;
};

/** watch_pages_init() - None yet; @bytes of them at most. */
void watch_pages_init(struct watch_pages *p, size_t bytes,
    bool (*make_room)(void *self), void *self);

/** watch_pages_done() - Release the memory, pages that were taken included. */
void watch_pages_done(struct watch_pages *p);

/** watch_pages_take() - An empty page; NULL: there is none to be had. */
struct watch_page *watch_pages_take(struct watch_pages *p);

/** watch_pages_give() - It is on no list, and not used any more. */
void watch_pages_give(struct watch_pages *p, struct watch_page *page);

#endif /* CONTROL_WATCH_PAGES_H */
