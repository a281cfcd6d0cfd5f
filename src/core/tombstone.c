#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/tombstone.h"

int
tombstone_init(struct tombstone_ring *r, struct flow_map *map, uint8_t tag)
{
	r->slots = calloc(TOMBSTONE_RING, sizeof(*r->slots));
	if (r->slots == NULL)
		return -ENOMEM;
	r->next = 0;
	r->map = map;
	r->tag = tag;
	return 0;
}

void
tombstone_done(struct tombstone_ring *r)
{
	free(r->slots);
	r->slots = NULL;
}

struct tombstone *
tombstone_bury(
    struct tombstone_ring *r, const struct flow_key *key, uint32_t hash)
{
	struct tombstone *t = &r->slots[r->next];

	r->next = (r->next + 1) % TOMBSTONE_RING;
	if (t->is_used)
		tombstone_remove(r, t);
	memset(t, 0, sizeof(*t));
	t->is_used = true;
	t->node.tag = r->tag;
	flow_map_insert(r->map, &t->node, key, hash);
	return t;
}

void
tombstone_remove(struct tombstone_ring *r, struct tombstone *t)
{
	flow_map_remove(r->map, &t->node);
	t->is_used = false;
}

void
tombstone_jump(struct tombstone_ring *r, int64_t jump_ns)
{
	for (unsigned i = 0; i < TOMBSTONE_RING; i++)
		r->slots[i].until_ns += (uint64_t)jump_ns;
}

struct tombstone *
tombstone_of(struct flow_node *node)
{
	return ATTR_CONTAINER(node, struct tombstone, node);
}

enum dir
tombstone_dir(const struct tombstone *t, unsigned at)
{
	return at == t->client_at ? DIR_CLIENT : DIR_SERVER;
}

static bool
is_near(struct tombstone *t, enum dir dir, const struct segment *seg)
{
	uint32_t end = seg->seq + seg->wire_len;
	uint32_t ahead = end - t->end[dir];

	if (ahead <= TOMBSTONE_NEAR) {
		t->end[dir] = end;
		return true;
	}
	return t->end[dir] - seg->seq <= TOMBSTONE_NEAR;
}

bool
tombstone_swallows(struct tombstone *t, enum dir dir, const struct segment *seg,
    uint64_t now_ns)
{
	const unsigned handshake = SEGMENT_SYN | SEGMENT_ACK;

	if (!t->lasts && now_ns >= t->until_ns)
		return false;
	if (t->is_own)
		return (seg->flags & handshake) != SEGMENT_SYN;
	if (t->sticks)
		return (seg->flags & handshake) != SEGMENT_SYN ||
		       (t->known[dir] && seg->seq + 1 == t->start[dir]);
	if (segment_has(seg, SEGMENT_SYN) && !segment_has(seg, SEGMENT_RST))
		return t->known[dir] && seg->seq + 1 == t->start[dir];
	if (seg->wire_len == 0 || !t->known[dir])
		return true;
	return is_near(t, dir, seg);
}
