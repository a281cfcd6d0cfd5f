#include "core/glimpse.h"

/*
 * A slot holds the bits of the hash that do not say which slot it is, one
 * that says that it is used, and the end.  Another connection has the same
 * bits once in 2^18.
 */
#define USED 2u
#define END  1u

static uint32_t *
slot_of(struct glimpse *g, uint32_t hash)
{
	return &g->slots[hash >> (32 - GLIMPSE_BITS)];
}

static uint32_t
mark_of(uint32_t hash)
{
	return hash << GLIMPSE_BITS | USED;
}

void
glimpse_note(struct glimpse *g, uint32_t hash, unsigned at)
{
	uint32_t *slot = slot_of(g, hash);

	if ((*slot & ~END) != mark_of(hash))
		*slot = mark_of(hash) | (at != 0 ? END : 0);
}

bool
glimpse_take(struct glimpse *g, uint32_t hash, unsigned *at)
{
	uint32_t *slot = slot_of(g, hash);

	if ((*slot & ~END) != mark_of(hash))
		return false;
	*at = *slot & END;
	*slot = 0;
	return true;
}
