#ifndef CONTROL_ROSTER_H
#define CONTROL_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "core/dir.h"

/*
 * roster.h - the sessions that the control plane knows, on the main thread.
 *
 * Open sessions all, closed ones as many as ROSTER_CLOSED, the latest.  Found
 * by number (a binary search); listed by number, so that a page can go on where
 * the last one ended although sessions come and go meanwhile.
 */

struct roster;
struct watch_notes;
struct watch_session;

/* Closed sessions that are remembered. */
#define ROSTER_CLOSED 10000

/** roster_new() - Empty; NULL without memory. */
struct roster *roster_new(void) ATTR_WUNRES;

/** roster_free() - Lets go of all sessions; NULL is a no-op. */
void roster_free(struct roster *r);

/** roster_notes() - What the watch is to call: see control/watch.h. */
struct watch_notes roster_notes(struct roster *r);

/** roster_find() - Session @id; NULL if it is not, or no longer, known. */
struct watch_session *roster_find(const struct roster *r, uint64_t id);

/** enum roster_state - Which sessions a query is about. */
enum roster_state {
	ROSTER_ALL,
	ROSTER_OPEN,
	ROSTER_OVER,
};

/**
 * struct roster_query - Which sessions, and which of these
 * @state:	See enum roster_state
 * @text:	In a part of its number ("#12"), addresses, names, target, input
 *		or state, regardless of case; several words must all be there;
 *		NULL: any
 * @after:	Only those beyond this number (below it, if @newest_first); 0:
 *		from the beginning
 * @newest_first: Descending numbers
 * @limit:	At most so many
 *
 * With @text it costs a look at every session there is, a microsecond each.
 */
struct roster_query {
	enum roster_state state;
	const char *text;
	uint64_t after;
	bool newest_first;
	size_t limit;
};

/**
 * struct roster_page - An answer
 * @sessions:	@n of them; borrowed until the next turn of the loop
 * @next:	What @after of the next query should be; 0: there is no more
 * @total:	Sessions that match in all
 */
struct roster_page {
	struct watch_session **sessions;
	size_t n;
	uint64_t next;
	size_t total;
};

/** roster_list() - 0 or -ENOMEM; release with roster_page_done(). */
int roster_list(const struct roster *r, const struct roster_query *q,
    struct roster_page *page) ATTR_WUNRES;

/** roster_page_done() - Idempotent. */
void roster_page_done(struct roster_page *page);

/** roster_open() - How many are open. */
size_t roster_open(const struct roster *r);

/**
 * struct roster_listener - Whoever wants to know when sessions come and go
 * @node:	Private
 * @opened:	Any of these may be NULL.  They run on the main thread; from
 *		within, listeners may be removed and added.
 */
struct roster_listener {
	struct list node;
	void (*opened)(void *self, struct watch_session *ws);
	void (*ended)(void *self, struct watch_session *ws, enum dir dir);
	void (*closed)(void *self, struct watch_session *ws);
	void *self;
};

/** roster_listen() - From now on. */
void roster_listen(struct roster *r, struct roster_listener *l);

/** roster_unlisten() - Of one that listens; idempotent. */
void roster_unlisten(struct roster_listener *l);

#endif /* CONTROL_ROSTER_H */
