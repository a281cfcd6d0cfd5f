#ifndef SINK_OUTBLOCK_H
#define SINK_OUTBLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"

/*
 * outblock.h - memory for bytes that wait, which is the kernel's again when
 * they have left.
 *
 * Consumers stop for as long as they like, and what is allocated meanwhile
 * lives longer.  Blocks within the heap would so be holes in it for ever: the
 * memory of a run would grow with every consumer that was ever late.  So each
 * is a mapping of its own, of which what was never written costs nothing; and
 * since queues fill and run empty with every turn, a few are kept.
 */

/* Bytes of a block. */
#define OUTBLOCK_SIZE ((size_t)64 * 1024)

/* Blocks that a pool keeps although nobody uses them. */
#define OUTBLOCK_KEPT 4

/**
 * struct outblock - Bytes that wait
 * @node:	For whoever has it
 * @from, @to:	Those of @data that are valid
 */
struct outblock {
	struct list node;
	size_t from;
	size_t to;
	uint8_t data[OUTBLOCK_SIZE];
};

/** struct outblock_pool - Blocks of one thread; private */
struct outblock_pool {
	struct list spare;
	size_t nspare;
};

/** outblock_pool_init() - None is kept yet. */
void outblock_pool_init(struct outblock_pool *p);

/** outblock_pool_done() - Give back those that are kept; usable again. */
void outblock_pool_done(struct outblock_pool *p);

/** outblock_new() - An empty block, on no list; NULL without memory. */
struct outblock *outblock_new(struct outblock_pool *p) ATTR_WUNRES;

/** outblock_free() - It is on no list any more. */
void outblock_free(struct outblock_pool *p, struct outblock *k);

#endif /* SINK_OUTBLOCK_H */
