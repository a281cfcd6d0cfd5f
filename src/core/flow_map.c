#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/flow_map.h"

/* Room for a busy desktop's connections; 8 KiB. */
#define FLOW_MAP_START 1024

/*
 * Old buckets moved per insertion.  The next doubling is as many insertions
 * away as the old array has buckets, so 1 would do; 4 is over sooner.
 */
#define FLOW_MAP_STEP 4

static_assert(sizeof(struct flow_key) == 2 * 16 + 2 * 2 + 2, "padding");

unsigned
flow_map_key(
    struct flow_key *key, const struct addr *src, const struct addr *dst)
{
	size_t len = src->family == AF_INET6 ? 16 : 4;
	int order = memcmp(src->ip, dst->ip, len);
	unsigned at;

	if (order == 0)
		order = (int)src->port - (int)dst->port;
	at = order > 0;
	memset(key, 0, sizeof(*key));
	memcpy(key->ip[at], src->ip, len);
	memcpy(key->ip[1 - at], dst->ip, len);
	key->port[at] = src->port;
	key->port[1 - at] = dst->port;
	key->family = src->family;
	return at;
}

bool
flow_map_key_is_self(const struct flow_key *key)
{
	return key->port[0] == key->port[1] &&
	       memcmp(key->ip[0], key->ip[1], sizeof(key->ip[0])) == 0;
}

int
flow_map_init(struct flow_map *m)
{
	int rc;

	memset(m, 0, sizeof(*m));
	rc = siphash_key_make(&m->secret);
	if (rc != 0)
		return rc;
	m->now = calloc(FLOW_MAP_START, sizeof(struct flow_node *));
	if (m->now == NULL)
		return -ENOMEM;
	m->now_size = FLOW_MAP_START;
	return 0;
}

void
flow_map_done(struct flow_map *m)
{
	free(m->now);
	free(m->old);
	m->now = NULL;
	m->old = NULL;
}

uint32_t
flow_map_hash(const struct flow_map *m, const struct flow_key *key)
{
	return (uint32_t)siphash(&m->secret, key, sizeof(*key));
}

/* The one chain that a node of this hash is in, or goes to. */
static struct flow_node **
chain_of(const struct flow_map *m, uint32_t hash)
{
	if (m->old != NULL) {
		size_t i = hash & (m->old_size - 1);

		if (i >= m->moved)
			return &m->old[i];
	}
	return &m->now[hash & (m->now_size - 1)];
}

struct flow_node *
flow_map_find(
    const struct flow_map *m, const struct flow_key *key, uint32_t hash)
{
	struct flow_node *n = *chain_of(m, hash);

	while (n != NULL) {
		if (n->hash == hash && memcmp(&n->key, key, sizeof(*key)) == 0)
			break;
		n = n->next;
	}
	return n;
}

static void
put(struct flow_node **chain, struct flow_node *n)
{
	n->next = *chain;
	*chain = n;
}

/* The bucket counts as moved first: chain_of() then names the new one. */
static void
move_bucket(struct flow_map *m)
{
	struct flow_node *n = m->old[m->moved];

	m->old[m->moved] = NULL;
	m->moved++;
	while (n != NULL) {
		struct flow_node *next = n->next;

		put(chain_of(m, n->hash), n);
		n = next;
	}
}

static void
move_some(struct flow_map *m)
{
	if (m->old == NULL)
		return;
	for (unsigned i = 0; i < FLOW_MAP_STEP && m->moved < m->old_size; i++)
		move_bucket(m);
	if (m->moved == m->old_size) {
		free(m->old);
		m->old = NULL;
	}
}

static void
grow(struct flow_map *m)
{
	struct flow_node **bigger;

	if (m->count < m->now_size || m->old != NULL)
		return;
	bigger = calloc(m->now_size, 2 * sizeof(struct flow_node *));
	if (bigger == NULL)
		return;
	m->old = m->now;
	m->old_size = m->now_size;
	m->moved = 0;
	m->now = bigger;
	m->now_size *= 2;
}

void
flow_map_insert(struct flow_map *m, struct flow_node *node,
    const struct flow_key *key, uint32_t hash)
{
	grow(m);
	move_some(m);
	node->hash = hash;
	node->key = *key;
	put(chain_of(m, hash), node);
	m->count++;
}

void
flow_map_remove(struct flow_map *m, struct flow_node *node)
{
	struct flow_node **at = chain_of(m, node->hash);

	while (*at != node) {
		assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
	m->count--;
}
