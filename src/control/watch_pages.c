#include <stdlib.h>

#include "control/watch_pages.h"

/* 64 KiB: few allocations, and little that is had and not needed. */
#define SLAB_PAGES ((size_t)32)

/** struct slab - What is allocated at a time; pages follow. */
struct slab {
	struct list node;
	uint8_t pages[];
};

_Static_assert(sizeof(struct slab) % _Alignof(struct watch_page) == 0 &&
		   WATCH_PAGE % _Alignof(struct watch_page) == 0,
    "pages lie where a struct watch_page may");

void
watch_pages_init(struct watch_pages *p, size_t bytes,
    bool (*make_room)(void *self), void *self)
{
	p->n = 0;
	p->max = bytes / WATCH_PAGE;
	list_init(&p->free);
	list_init(&p->slabs);
	p->make_room = make_room;
	p->self = self;
}

void
watch_pages_done(struct watch_pages *p)
{
	struct list *node;

	while ((node = list_shift(&p->slabs)) != NULL)
		free(LIST_ENTRY(node, struct slab, node));
	list_init(&p->free);
	p->n = 0;
}

/* Without memory it stays as large as it is. */
static void
grow(struct watch_pages *p)
{
	size_t n = p->max - p->n < SLAB_PAGES ? p->max - p->n : SLAB_PAGES;
	struct slab *slab;

	if (n == 0)
		return;
	slab = malloc(sizeof(*slab) + n * WATCH_PAGE);
	if (slab == NULL)
		return;
	list_append(&p->slabs, &slab->node);
	for (size_t i = 0; i < n; i++) {
		void *page = slab->pages + i * WATCH_PAGE;

		list_append(&p->free, &((struct watch_page *)page)->node);
	}
	p->n += n;
}

struct watch_page *
watch_pages_take(struct watch_pages *p)
{
	struct watch_page *page;
	struct list *node;

	if (list_is_empty(&p->free))
		grow(p);
	if (list_is_empty(&p->free) && !p->make_room(p->self))
		return NULL;
	node = list_shift(&p->free);
	if (node == NULL)
		return NULL;
	page = LIST_ENTRY(node, struct watch_page, node);
	page->used = 0;
	return page;
}

void
watch_pages_give(struct watch_pages *p, struct watch_page *page)
{
	list_append(&p->free, &page->node);
}
