#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "control/line_book.h"

/* Sessions have consecutive numbers: chains stay as short as can be. */
#define BUCKETS 8192

static struct list *
bucket(const struct line_book *b, uint64_t id)
{
	return &b->buckets[id % BUCKETS];
}

int
line_book_init(struct line_book *b)
{
	*b = (struct line_book){
		.buckets = malloc(BUCKETS * sizeof(struct list)),
	};
	list_init(&b->unknown);
	if (b->buckets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&b->buckets[i]);
	return 0;
}

static void
free_entry(struct line_book *b, struct line_entry *e)
{
	for (size_t i = 0; i < e->ntallies; i++)
		news_tally_unref(e->tally[i]);
	if (!list_is_empty(&e->unknown))
		b->nunknown--;
	list_remove(&e->unknown);
	list_remove(&e->node);
	free(e->waiting);
	free(e);
}

void
line_book_done(struct line_book *b)
{
	struct list *node;

	for (size_t i = 0; b->buckets != NULL && i < BUCKETS; i++)
		while ((node = list_shift(&b->buckets[i])) != NULL)
			free_entry(
			    b, LIST_ENTRY(node, struct line_entry, node));
	for (size_t i = 0; i < b->nlate; i++)
		news_tally_unref(b->late[i]);
	free(b->late);
	free(b->buckets);
	b->late = NULL;
	b->nlate = 0;
	b->buckets = NULL;
}

struct line_entry *
line_book_find(const struct line_book *b, uint64_t id)
{
	const struct list *head = bucket(b, id);

	for (struct list *at = head->next; at != head; at = at->next) {
		struct line_entry *e = LIST_ENTRY(at, struct line_entry, node);

		if (e->id == id)
			return e;
	}
	return NULL;
}

struct line_entry *
line_book_add(struct line_book *b, uint64_t id)
{
	struct line_entry *e = line_book_find(b, id);

	if (e != NULL)
		return e;
	if (b->nunknown >= LINE_BOOK_UNKNOWN)
		line_book_forget(
		    b, LIST_ENTRY(b->unknown.next, struct line_entry, unknown));
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->id = id;
	list_init(&e->node);
	list_init(&e->unknown);
	list_append(bucket(b, id), &e->node);
	list_append(&b->unknown, &e->unknown);
	b->nunknown++;
	return e;
}

void
line_book_known(struct line_book *b, struct line_entry *e)
{
	if (list_is_empty(&e->unknown))
		return;
	list_remove(&e->unknown);
	b->nunknown--;
}

void
line_book_take(struct line_entry *e, const struct news *n)
{
	for (int i = 0; i < NEWS_NSTREAMS; i++)
		if (n->port[i] != 0)
			e->port[i] = n->port[i];
	if (n->tally != NULL && e->ntallies < LINE_BOOK_SINKS)
		e->tally[e->ntallies++] = news_tally_ref(n->tally);
}

int
line_book_wait(struct line_entry *e, const struct news *n)
{
	if (e->nwaiting == LINE_BOOK_WAITING)
		return -E2BIG;
	if (e->waiting == NULL)
		e->waiting = calloc(LINE_BOOK_WAITING, sizeof(*e->waiting));
	if (e->waiting == NULL)
		return -ENOMEM;
	e->waiting[e->nwaiting] = *n;
	/* It is in the entry; here it would be one reference too many. */
	e->waiting[e->nwaiting++].tally = NULL;
	return 0;
}

void
line_book_told(struct line_entry *e)
{
	free(e->waiting);
	e->waiting = NULL;
	e->nwaiting = 0;
}

/* --- figures ------------------------------------------------------------- */

static void
add_tally(struct line_sum *sum, const struct news_tally *t)
{
	for (int i = 0; i < NEWS_NSTREAMS; i++) {
		const struct sink_count *c = &t->count[i];

		sum->written[i] += count_get(&c->written);
		sum->chunks[i] += count_get(&t->chunks[i]);
		for (int r = 0; r < DROP_NREASONS; r++) {
			sum->drop_bytes[i][r] += count_get(&c->drop_bytes[r]);
			sum->drop_chunks[i][r] += count_get(&c->drop_chunks[r]);
		}
	}
}

/* Whoever held it beside us has let go: it will not change any more. */
static bool
is_settled(const struct news_tally *t)
{
	return atomic_load(&t->refs) == 1;
}

/* Takes the reference over; without memory it counts as it is now. */
static void
put_aside(struct line_book *b, struct news_tally *t)
{
	size_t room = b->late_room == 0 ? 16 : b->late_room * 2;
	struct news_tally **more;

	if (!is_settled(t) && b->nlate == b->late_room) {
		more = realloc(b->late, room * sizeof(struct news_tally *));
		if (more != NULL) {
			b->late = more;
			b->late_room = room;
		}
	}
	if (!is_settled(t) && b->nlate < b->late_room) {
		b->late[b->nlate++] = t;
		return;
	}
	add_tally(&b->over, t);
	news_tally_unref(t);
}

static void
settle_late(struct line_book *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->nlate; i++) {
		if (!is_settled(b->late[i])) {
			b->late[kept++] = b->late[i];
			continue;
		}
		add_tally(&b->over, b->late[i]);
		news_tally_unref(b->late[i]);
	}
	b->nlate = kept;
}

void
line_book_forget(struct line_book *b, struct line_entry *e)
{
	/* What waits for consumers is over soon: seldom are there many. */
	if (b->nlate == b->late_room)
		settle_late(b);
	for (size_t i = 0; i < e->ntallies; i++)
		put_aside(b, e->tally[i]);
	e->ntallies = 0;
	free_entry(b, e);
}

void
line_book_sum(const struct line_entry *e, struct line_sum *sum)
{
	*sum = (struct line_sum){ .written = { 0 } };
	for (size_t i = 0; e != NULL && i < e->ntallies; i++)
		add_tally(sum, e->tally[i]);
}

void
line_book_total(struct line_book *b, struct line_sum *sum)
{
	settle_late(b);
	*sum = b->over;
	for (size_t i = 0; i < b->nlate; i++)
		add_tally(sum, b->late[i]);
	for (size_t i = 0; i < BUCKETS; i++) {
		struct list *head = &b->buckets[i];

		for (struct list *at = head->next; at != head; at = at->next) {
			const struct line_entry *e =
			    LIST_ENTRY(at, struct line_entry, node);

			for (size_t k = 0; k < e->ntallies; k++)
				add_tally(sum, e->tally[k]);
		}
	}
}

uint64_t
line_book_sum_dropped(const struct line_sum *sum, uint64_t *chunks)
{
	uint64_t bytes = 0;

	*chunks = 0;
	for (int i = 0; i < NEWS_NSTREAMS; i++) {
		for (int r = 0; r < DROP_NREASONS; r++) {
			bytes += sum->drop_bytes[i][r];
			*chunks += sum->drop_chunks[i][r];
		}
	}
	return bytes;
}

uint64_t
line_book_sum_forwarded(const struct line_sum *sum)
{
	uint64_t dropped, all = 0;

	(void)line_book_sum_dropped(
	    sum, &dropped); /* its bytes do not matter */
	for (int i = 0; i < NEWS_NSTREAMS; i++)
		all += sum->chunks[i];
	/* One chunk can be dropped in parts. */
	return all > dropped ? all - dropped : 0;
}
