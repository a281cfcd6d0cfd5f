#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/roster.h"
#include "control/roster_filter.h"
#include "control/watch.h"

/*
 * How it works.  All sessions lie in one array, by number: they come nearly in
 * that order, so that a new one goes to the end or a little before it, and
 * finding one is a binary search.  One that is forgotten leaves a hole; when
 * half are holes, the array is closed up.
 *
 *	seats	 1 | 2 | - | 4 | - | 6 | ...	(numbers stay in holes)
 *	closed	 ring of the numbers of those that are over, oldest first
 */

/**
 * struct seat - A session's place
 * @id:		Its number
 * @ws:		NULL: a hole
 * @is_over:	It is on the ring
 */
struct seat {
	uint64_t id;
	struct watch_session *ws;
	bool is_over;
};

/**
 * struct roster - See above
 * @seats:	@n of them, with room for @room
 * @nholes:	How many are holes
 * @nover:	How many are over
 * @closed:	@nover numbers, from @first on
 * @listeners:	By their @node
 */
struct roster {
	struct seat *seats;
	size_t n;
	size_t room;
	size_t nholes;
	size_t nover;
	size_t first;
	uint64_t closed[ROSTER_CLOSED];
	struct list listeners;
};

struct roster *
roster_new(void)
{
	struct roster *r = calloc(1, sizeof(*r));

	if (r != NULL)
		list_init(&r->listeners);
	return r;
}

void
roster_free(struct roster *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		watch_session_unref(r->seats[i].ws);
	free(r->seats);
	free(r);
}

/* --- seats ------------------------------------------------------------- */

/* The first seat with a number of @id or more; r->n if there is none. */
static size_t
seek(const struct roster *r, uint64_t id)
{
	size_t low = 0, high = r->n;

	/* Most are looked for to be put at the end. */
	if (high > 0 && r->seats[high - 1].id < id)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->seats[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The seat of a session; NULL: it has none. */
static struct seat *
seat_of(const struct roster *r, uint64_t id)
{
	size_t i = seek(r, id);

	if (i == r->n || r->seats[i].id != id || r->seats[i].ws == NULL)
		return NULL;
	return &r->seats[i];
}

static void
close_up(struct roster *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->seats[i].ws != NULL)
			r->seats[n++] = r->seats[i];
	r->n = n;
	r->nholes = 0;
}

/* Room for one more; 0 or -ENOMEM. */
static int
make_room(struct roster *r)
{
	size_t room = r->room > 0 ? r->room * 2 : 1024;
	struct seat *seats;

	if (r->nholes > r->n / 2)
		close_up(r);
	if (r->n < r->room)
		return 0;
	seats = realloc(r->seats, room * sizeof(*seats));
	if (seats == NULL)
		return -ENOMEM;
	r->seats = seats;
	r->room = room;
	return 0;
}

static void
forget(struct roster *r, struct seat *seat)
{
	watch_session_unref(seat->ws);
	seat->ws = NULL;
	r->nholes++;
}

static void
forget_oldest(struct roster *r)
{
	struct seat *seat = seat_of(r, r->closed[r->first]);

	assert(seat != NULL && seat->is_over);
	r->first = (r->first + 1) % ROSTER_CLOSED;
	r->nover--;
	forget(r, seat);
}

/* --- what the watch tells ---------------------------------------------- */

/** struct news - What listeners are told. */
struct news {
	enum {
		NEWS_OPENED,
		NEWS_ENDED,
		NEWS_CLOSED
	} what;
	struct watch_session *ws;
	enum dir dir;
};

static void
tell_one(const struct roster_listener *l, const struct news *n)
{
	switch (n->what) {
	case NEWS_OPENED:
		if (l->opened != NULL)
			l->opened(l->self, n->ws);
		break;
	case NEWS_ENDED:
		if (l->ended != NULL)
			l->ended(l->self, n->ws, n->dir);
		break;
	case NEWS_CLOSED:
		if (l->closed != NULL)
			l->closed(l->self, n->ws);
		break;
	}
}

/* Each once, whichever of them come or go meanwhile. */
static void
tell(struct roster *r, const struct news *n)
{
	struct list batch, *node;

	list_init(&batch);
	while ((node = list_shift(&r->listeners)) != NULL)
		list_append(&batch, node);
	while ((node = list_shift(&batch)) != NULL) {
		list_append(&r->listeners, node);
		tell_one(LIST_ENTRY(node, struct roster_listener, node), n);
	}
}

static void
on_opened(void *self, struct watch_session *ws)
{
	struct roster *r = self;
	size_t i;

	/* Without memory it is not listed; whoever listens hears of it. */
	if (make_room(r) == 0) {
		i = seek(r, ws->id);
		assert(i == r->n || r->seats[i].id != ws->id);
		memmove(&r->seats[i + 1], &r->seats[i],
		    (r->n - i) * sizeof(r->seats[0]));
		r->seats[i] = (struct seat){ .id = ws->id, .ws = ws };
		(void)watch_session_ref(ws); /* the roster's own */
		r->n++;
	}
	tell(r, &(struct news){ NEWS_OPENED, ws, DIR_CLIENT });
}

static void
on_ended(void *self, struct watch_session *ws, enum dir dir)
{
	tell(self, &(struct news){ NEWS_ENDED, ws, dir });
}

static void
on_closed(void *self, struct watch_session *ws)
{
	struct roster *r = self;
	struct seat *seat = seat_of(r, ws->id);

	if (seat != NULL) {
		if (r->nover == ROSTER_CLOSED)
			forget_oldest(r);
		seat->is_over = true;
		r->closed[(r->first + r->nover) % ROSTER_CLOSED] = ws->id;
		r->nover++;
	}
	tell(r, &(struct news){ NEWS_CLOSED, ws, DIR_CLIENT });
}

struct watch_notes
roster_notes(struct roster *r)
{
	return (struct watch_notes){
		.opened = on_opened,
		.ended = on_ended,
		.closed = on_closed,
		.self = r,
	};
}

void
roster_listen(struct roster *r, struct roster_listener *l)
{
	list_append(&r->listeners, &l->node);
}

void
roster_unlisten(struct roster_listener *l)
{
	list_remove(&l->node);
}

/* --- asking ------------------------------------------------------------ */

struct watch_session *
roster_find(const struct roster *r, uint64_t id)
{
	const struct seat *seat = seat_of(r, id);

	return seat != NULL ? seat->ws : NULL;
}

size_t
roster_open(const struct roster *r)
{
	return r->n - r->nholes - r->nover;
}

static bool
has_state(const struct seat *seat, enum roster_state state)
{
	if (seat->ws == NULL)
		return false;
	switch (state) {
	case ROSTER_ALL:
		break;
	case ROSTER_OPEN:
		return !seat->is_over;
	case ROSTER_OVER:
		return seat->is_over;
	}
	return true;
}

static bool
is_picked(const struct seat *seat, const struct roster_query *q,
    const struct roster_filter *filter)
{
	return has_state(seat, q->state) &&
	       roster_filter_takes(filter, seat->ws, seat->is_over);
}

/* How many are picked in all. */
static size_t
count(const struct roster *r, const struct roster_query *q,
    const struct roster_filter *filter)
{
	size_t n = 0;

	if (roster_filter_takes_all(filter)) {
		n += q->state != ROSTER_OVER ? roster_open(r) : 0;
		n += q->state != ROSTER_OPEN ? r->nover : 0;
		return n;
	}
	for (size_t i = 0; i < r->n; i++)
		n += is_picked(&r->seats[i], q, filter);
	return n;
}

/* Seats are walked up or down; r->n or more: there is none left. */
static size_t
first_seat(const struct roster *r, const struct roster_query *q)
{
	if (!q->newest_first)
		return q->after == UINT64_MAX ? r->n : seek(r, q->after + 1);
	return (q->after == 0 ? r->n : seek(r, q->after)) - 1;
}

static size_t
next_seat(const struct roster_query *q, size_t i)
{
	return q->newest_first ? i - 1 : i + 1;
}

/* Up to @q->limit of them; there is room. */
static void
fill(const struct roster *r, const struct roster_query *q,
    const struct roster_filter *filter, struct roster_page *page)
{
	uint64_t last = 0;

	for (size_t i = first_seat(r, q); i < r->n; i = next_seat(q, i)) {
		const struct seat *seat = &r->seats[i];

		if (!is_picked(seat, q, filter))
			continue;
		if (page->n == q->limit) {
			page->next = last;
			return;
		}
		page->sessions[page->n++] = seat->ws;
		last = seat->id;
	}
}

int
roster_list(const struct roster *r, const struct roster_query *q,
    struct roster_page *page)
{
	struct roster_page found = { .n = 0 };
	struct roster_filter filter;
	size_t most;

	if (roster_filter_init(&filter, q->text) != 0)
		return -ENOMEM;
	found.total = count(r, q, &filter);
	most = found.total < q->limit ? found.total : q->limit;
	found.sessions = calloc(most + 1, sizeof(struct watch_session *));
	if (found.sessions == NULL) {
		roster_filter_done(&filter);
		return -ENOMEM;
	}
	fill(r, q, &filter, &found);
	roster_filter_done(&filter);
	*page = found;
	return 0;
}

void
roster_page_done(struct roster_page *page)
{
	free(page->sessions);
	*page = (struct roster_page){ .n = 0 };
}
