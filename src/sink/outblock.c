#include <sys/mman.h>

#include "sink/outblock.h"

void
outblock_pool_init(struct outblock_pool *p)
{
	*p = (struct outblock_pool){ 0 };
	list_init(&p->spare);
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
	if (p->nspare < p->unused)
		p->unused = p->nspare;
	return LIST_ENTRY(list_pop(&p->spare), struct outblock, node);
}

void
outblock_pool_done(struct outblock_pool *p)
{
	while (p->nspare > 0)
		unmap(spare_one(p));
}

static void
look_from(struct outblock_pool *p, uint64_t mono_ns)
{
	p->unused = p->nspare;
	p->look_ns = mono_ns + OUTBLOCK_REST_NS;
}

/* The longest unused are at the other end than those that are taken. */
static void
give_back(struct outblock_pool *p, size_t n)
{
	while (n-- > 0 && p->nspare > OUTBLOCK_KEPT) {
		p->nspare--;
		unmap(LIST_ENTRY(list_shift(&p->spare), struct outblock, node));
	}
}

uint64_t
outblock_pool_turn(struct outblock_pool *p, uint64_t mono_ns)
{
	if (p->nspare <= OUTBLOCK_KEPT) {
		p->look_ns = 0;
		return CLOCK_NEVER;
	}
	if (p->look_ns == 0)
		look_from(p, mono_ns);
	if (mono_ns < p->look_ns)
		return p->look_ns;
	give_back(p, p->unused);
	look_from(p, mono_ns);
	return p->nspare > OUTBLOCK_KEPT ? p->look_ns : CLOCK_NEVER;
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
	if (p->nspare >= OUTBLOCK_SPARE_MAX) {
		unmap(k);
		return;
	}
	list_append(&p->spare, &k->node);
	p->nspare++;
}
