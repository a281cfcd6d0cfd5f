#include <stdlib.h>
#include <string.h>

#include "core/late.h"
#include "core/reasm_backlog.h"
#include "core/reasm_pool.h"

/* One that nobody has; NULL: ENOMEM */
static struct reasm_backlog *
take(struct reasm_pool *p)
{
	struct reasm_backlog *b;

	/*
	 * This allocates in the data path, as every piece that is held does:
	 * room in each direction for what few of them need would be a third
	 * of what a session costs.
	 */
	if (list_is_empty(&p->spare))
		return malloc(sizeof(*b));
	b = LIST_ENTRY(p->spare.next, struct reasm_backlog, wait);
	list_remove(&b->wait);
	p->nspare--;
	return b;
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
	while (!list_is_empty(&p->spare))
		free(take(p));
}

bool
reasm_backlog_is_held(const struct reasm *r)
{
	return reasm_backlog_held(r) != NULL || reasm_backlog_cut(r) != NULL;
}
