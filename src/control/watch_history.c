#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "control/watch.h"
#include "control/watch_history.h"

/* Records begin where their numbers may be read from. */
#define ALIGN alignof(struct watch_record)

/* Pieces shorter than this are not worth a record of their own. */
#define PIECE_MIN ((size_t)64)

/* Bytes that a page of one record holds. */
#define PIECE_MAX (WATCH_PAGE_ROOM - sizeof(struct watch_record))

/* No history is smaller: each direction has one. */
#define PAGES_MIN 2

static_assert(
    WATCH_PAGE_ROOM % alignof(struct watch_record) == 0 &&
	offsetof(struct watch_page, bytes) % alignof(struct watch_record) == 0,
    "records lie where a struct watch_record may");

void
watch_history_init(
    struct watch_history *h, struct watch_pages *pool, size_t bytes)
{
	h->pool = pool;
	h->max = bytes / WATCH_PAGE;
	if (bytes > 0 && h->max < PAGES_MIN)
		h->max = PAGES_MIN;
	h->seq = 0;
	for (int d = 0; d < DIR_NDIRS; d++) {
		list_init(&h->pages[d]);
		h->n[d] = 0;
	}
}

static struct watch_page *
page_of(struct list *node)
{
	return LIST_ENTRY(node, struct watch_page, node);
}

void
watch_history_clear(struct watch_history *h)
{
	for (int d = 0; d < DIR_NDIRS; d++) {
		struct list *node;

		while ((node = list_shift(&h->pages[d])) != NULL)
			watch_pages_give(h->pool, page_of(node));
		h->n[d] = 0;
	}
}

bool
watch_history_is_empty(const struct watch_history *h)
{
	return h->n[DIR_CLIENT] == 0 && h->n[DIR_SERVER] == 0;
}

/* --- keeping ----------------------------------------------------------- */

/* The oldest page of the direction that has more; @dir if that is either. */
static struct watch_page *
drop_oldest(struct watch_history *h, enum dir dir)
{
	enum dir other = dir_other(dir);
	enum dir from = h->n[other] > h->n[dir] ? other : dir;
	struct list *node = list_shift(&h->pages[from]);

	if (node == NULL)
		return NULL;
	h->n[from]--;
	page_of(node)->used = 0;
	return page_of(node);
}

static struct watch_page *
begin_page(struct watch_history *h, enum dir dir, uint64_t pos)
{
	struct watch_page *page = NULL;

	if (h->n[DIR_CLIENT] + h->n[DIR_SERVER] < h->max)
		page = watch_pages_take(h->pool);
	if (page == NULL)
		page = drop_oldest(h, dir);
	if (page == NULL)
		return NULL;
	page->from = pos;
	list_append(&h->pages[dir], &page->node);
	h->n[dir]++;
	return page;
}

/* A page with room for a record of @size bytes, or for a part worth having. */
static struct watch_page *
find_page(struct watch_history *h, enum dir dir, uint64_t pos, size_t size)
{
	size_t least = size < PIECE_MIN ? size : PIECE_MIN;
	struct watch_page *page;

	if (h->n[dir] > 0) {
		page = page_of(h->pages[dir].prev);
		if (WATCH_PAGE_ROOM - page->used >=
		    sizeof(struct watch_record) + least)
			return page;
	}
	return begin_page(h, dir, pos);
}

static size_t
room_in(const struct watch_page *page)
{
	return WATCH_PAGE_ROOM - page->used - sizeof(struct watch_record);
}

/* Begins a record; where its bytes go. */
static uint8_t *
append(struct watch_history *h, struct watch_page *page,
    const struct watch_record *rec)
{
	struct watch_record r = *rec;
	uint8_t *to = page->bytes + page->used;

	r.seq = ++h->seq;
	memcpy(to, &r, sizeof(r));
	page->last_seq = r.seq;
	page->used += (sizeof(r) + r.size + ALIGN - 1) / ALIGN * ALIGN;
	assert(page->used <= WATCH_PAGE_ROOM);
	return to + sizeof(r);
}

static size_t
shorter(size_t a, size_t b)
{
	return a < b ? a : b;
}

void
watch_history_data(struct watch_history *h, const struct chunk *c)
{
	size_t most = h->max * PIECE_MAX;
	size_t done = c->len > most ? c->len - most : 0;
	struct watch_record rec = {
		.type = WATCH_DATA,
		.dir = (uint8_t)c->dir,
		.ts_ns = c->ts_ns,
	};

	while (done < c->len) {
		struct watch_page *page =
		    find_page(h, c->dir, c->off + done, c->len - done);
		size_t n;

		if (page == NULL)
			return;
		n = shorter(c->len - done, room_in(page));
		rec.off = c->off + done;
		rec.len = n;
		rec.size = (uint32_t)n;
		memcpy(append(h, page, &rec), c->data + done, n);
		done += n;
	}
}

void
watch_history_gap(struct watch_history *h, const struct gap *g)
{
	const struct watch_record rec = {
		.type = WATCH_GAP,
		.dir = (uint8_t)g->dir,
		.what = (uint8_t)g->why,
		.ts_ns = g->ts_ns,
		.off = g->off,
		.len = g->len,
	};
	struct watch_page *page =
	    h->max > 0 ? find_page(h, g->dir, g->off, 0) : NULL;

	if (page != NULL)
		(void)append(h, page, &rec); /* no bytes follow */
}

void
watch_history_conflict(
    struct watch_history *h, const struct conflict *c, uint64_t pos)
{
	struct watch_record rec = {
		.type = WATCH_CONFLICT,
		.dir = (uint8_t)c->dir,
		.ts_ns = c->ts_ns,
	};

	for (size_t done = 0; h->max > 0 && done < c->len;) {
		size_t left = c->len - done, n;
		struct watch_page *page = find_page(h, c->dir, pos, left * 2);
		uint8_t *to;

		if (page == NULL)
			return;
		n = shorter(left, room_in(page) / 2);
		rec.off = c->off + done;
		rec.len = n;
		rec.size = (uint32_t)(n * 2);
		to = append(h, page, &rec);
		memcpy(to, c->kept + done, n);
		memcpy(to + n, c->other + done, n);
		done += n;
	}
}

uint64_t
watch_history_from(const struct watch_history *h, enum dir dir, uint64_t pos)
{
	return h->n[dir] > 0 ? page_of(h->pages[dir].next)->from : pos;
}

/* --- reading ----------------------------------------------------------- */

/* The record of @dir that comes next; false: there is none. */
static bool
peek(struct watch_reader *r, enum dir dir, struct watch_record *rec)
{
	const struct list *end = &r->h->pages[dir];

	while (
	    r->page[dir] != end && r->at[dir] >= page_of(r->page[dir])->used) {
		r->page[dir] = r->page[dir]->next;
		r->at[dir] = 0;
	}
	if (r->page[dir] == end)
		return false;
	memcpy(rec, page_of(r->page[dir])->bytes + r->at[dir], sizeof(*rec));
	return true;
}

static void
step(struct watch_reader *r, enum dir dir, const struct watch_record *rec)
{
	r->at[dir] += (sizeof(*rec) + rec->size + ALIGN - 1) / ALIGN * ALIGN;
}

void
watch_history_seek(
    const struct watch_history *h, uint64_t seq, struct watch_reader *r)
{
	struct watch_record rec;

	r->h = h;
	for (int d = 0; d < DIR_NDIRS; d++) {
		const struct list *end = &h->pages[d];
		struct list *page = end->next;

		while (page != end && page_of(page)->last_seq < seq)
			page = page->next;
		r->page[d] = page;
		r->at[d] = 0;
		while (peek(r, (enum dir)d, &rec) && rec.seq < seq)
			step(r, (enum dir)d, &rec);
	}
}

bool
watch_history_next(
    struct watch_reader *r, struct watch_record *rec, const uint8_t **data)
{
	struct watch_record of[DIR_NDIRS];
	bool c2s = peek(r, DIR_CLIENT, &of[DIR_CLIENT]);
	bool s2c = peek(r, DIR_SERVER, &of[DIR_SERVER]);
	enum dir dir = DIR_CLIENT;

	if (!c2s && !s2c)
		return false;
	if (!c2s || (s2c && of[DIR_SERVER].seq < of[DIR_CLIENT].seq))
		dir = DIR_SERVER;
	*rec = of[dir];
	*data = page_of(r->page[dir])->bytes + r->at[dir] + sizeof(*rec);
	step(r, dir, rec);
	return true;
}
