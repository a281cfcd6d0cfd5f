#include <stdlib.h>
#include <string.h>

#include "core/late.h"
#include "core/reasm_backlog.h"
#include "core/reasm_pool.h"

/* One that nobody has; NULL: ENOMEM */
static struct reasm_backlog *
take(struct reasm_pool *p)
{
	struct list *node = list_shift(&p->spare);

	/*
	 * This allocates in the data path, as every piece that is held does:
	 * room in each direction for what few of them need would be a third
	 * of what a session costs.
	 */
	if (node == NULL)
		return malloc(sizeof(struct reasm_backlog));
	p->nspare--;
	return LIST_ENTRY(node, struct reasm_backlog, wait);
}

struct reasm_backlog *
reasm_backlog_make(struct reasm_pool *p, struct reasm *r)
{
	struct reasm_backlog *b = r->backlog;

	if (b != NULL)
		return b;
	b = take(p);
	if (b == NULL)
		return NULL;
	memset(b, 0, sizeof(*b));
	b->r = r;
	list_init(&b->wait);
	list_init(&b->by_held);
	r->backlog = b;
	return b;
}

void
reasm_backlog_leave(struct reasm_pool *p, struct reasm *r)
{
	struct reasm_backlog *b = r->backlog;

	if (b == NULL || b->late != NULL || reasm_backlog_is_held(r) ||
	    reasm_backlog_waits(r))
		return;
	r->backlog = NULL;
	if (p->nspare >= REASM_BACKLOG_SPARE) {
		free(b);
		return;
	}
	list_append(&p->spare, &b->wait);
	p->nspare++;
}

void
reasm_backlog_done(struct reasm_pool *p)
{
	struct list *node;

	while ((node = list_shift(&p->spare)) != NULL)
		free(LIST_ENTRY(node, struct reasm_backlog, wait));
}

bool
reasm_backlog_is_held(const struct reasm *r)
{
	return reasm_backlog_held(r) != NULL || reasm_backlog_cut(r) != NULL;
}
