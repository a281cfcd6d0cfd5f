#include <sys/mman.h>

#include "sink/outblock.h"

void
outblock_pool_init(struct outblock_pool *p)
{
	list_init(&p->spare);
	p->nspare = 0;
}

static void
unmap(struct outblock *k)
{
	(void)munmap(k, sizeof(*k)); /* fails for bad addresses only */
}

static struct outblock *
spare_one(struct outblock_pool *p)
{
	p->nspare--;
	return LIST_ENTRY(list_pop(&p->spare), struct outblock, node);
}

void
outblock_pool_done(struct outblock_pool *p)
{
	while (p->nspare > 0)
		unmap(spare_one(p));
}

static struct outblock *
map(void)
{
	void *at = mmap(NULL, sizeof(struct outblock), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	return at;
}

struct outblock *
outblock_new(struct outblock_pool *p)
{
	struct outblock *k = p->nspare > 0 ? spare_one(p) : map();

	if (k == NULL)
		return NULL;
	list_init(&k->node);
	k->from = k->to = 0;
	return k;
}

void
outblock_free(struct outblock_pool *p, struct outblock *k)
{
	if (p->nspare >= OUTBLOCK_KEPT) {
		unmap(k);
		return;
	}
	list_append(&p->spare, &k->node);
	p->nspare++;
}
