#ifndef SINK_OUTBLOCK_H
#define SINK_OUTBLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/list.h"

/*
 * outblock.h - memory for bytes that wait, which is the kernel's again when
 * they have left.
 *
 * Consumers stop for as long as they like, and what is allocated meanwhile
 * lives longer.  Blocks within the heap would so be holes in it for ever: the
 * memory of a run would grow with every consumer that was ever late.  So each
 * is a mapping of its own, of which what was never written costs nothing.
 *
 * Queues fill and run empty with every turn, and mapping costs more than what
 * is written there.  So blocks that nobody uses are kept, until a second has
 * passed in which they were not needed.
 */

/* Bytes of a block. */
#define OUTBLOCK_SIZE ((size_t)64 * 1024)

/* Blocks that a pool keeps for ever although nobody uses them, */
#define OUTBLOCK_KEPT 4

/* and those that it keeps for a while: at most 32 MiB. */
#define OUTBLOCK_SPARE_MAX 512

/* So long is nobody to need a block before it is given back. */
#define OUTBLOCK_REST_NS CLOCK_NS_PER_S

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

/**
 * struct outblock_pool - Blocks of one thread; private
 * @spare:	@nspare of them that nobody uses; the last one is taken first
 * @unused:	The fewest that there were since
 * @look_ns:	OUTBLOCK_REST_NS before this; 0: nobody looks
 */
struct outblock_pool {
	struct list spare;
	size_t nspare;
	size_t unused;
	uint64_t look_ns;
};

/** outblock_pool_init() - None is kept yet. */
void outblock_pool_init(struct outblock_pool *p);

/** outblock_pool_done() - Give back those that are kept; usable again. */
void outblock_pool_done(struct outblock_pool *p);

/**
 * outblock_pool_turn() - Give back what was not needed for a second
 * @mono_ns:	Now
 *
 * Return: when to be called again at the latest, or CLOCK_NEVER
 */
uint64_t outblock_pool_turn(struct outblock_pool *p, uint64_t mono_ns);

/** outblock_new() - An empty block, on no list; NULL without memory. */
struct outblock *outblock_new(struct outblock_pool *p) ATTR_WUNRES;

/** outblock_free() - It is on no list any more. */
void outblock_free(struct outblock_pool *p, struct outblock *k);

#endif /* SINK_OUTBLOCK_H */
