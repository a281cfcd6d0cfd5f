#ifndef CORE_FLOW_MAP_H
#define CORE_FLOW_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/siphash.h"

/*
 * flow_map.h - finds what belongs to a pair of TCP ends.
 *
 * A hash table with chains whose nodes live inside the objects: no memory per
 * entry, nothing that can fail when one is put in.  It doubles when it holds
 * one node per bucket.  A million nodes are not moved at once: the old array
 * stays beside the new one, and each insertion moves a few of its buckets,
 * so that it is empty long before the next doubling:
 *
 *	old: buckets 0 .. moved-1 are empty, their nodes are in "now";
 *	     nodes of buckets from "moved" on are still here, new ones too
 *
 * A node is in one place at any time, so that looking it up costs one chain.
 * The hash is keyed: nobody can choose 4-tuples that share a chain.
 */

/**
 * struct flow_key - Two ends, the lesser first, so that order does not matter
 * @ip:		Network order; IPv4 in the first 4 bytes, then zeros
 * @port:	Host byte order
 * @family:	AF_INET or AF_INET6
 *
 * Without padding: compared and hashed as bytes.
 */
struct flow_key {
	uint8_t ip[2][16];
	uint16_t port[2];
	uint16_t family;
};

/**
 * flow_map_key() - The key of two ends
 *
 * Return: index of @src in the key, 0 or 1; 0 when both ends are the same
 */
unsigned flow_map_key(
    struct flow_key *key, const struct addr *src, const struct addr *dst);

/** flow_map_key_is_self() - Are both ends the same? */
bool flow_map_key_is_self(const struct flow_key *key);

/**
 * struct flow_node - Embedded in what a map finds
 * @next:	In its chain
 * @hash:	Of @key
 * @key:	Set by flow_map_insert()
 * @tag:	The owner's: what this node is embedded in
 */
struct flow_node {
	struct flow_node *next;
	uint32_t hash;
	struct flow_key key;
	uint8_t tag;
};

/** struct flow_map - Private; see above. */
struct flow_map {
	struct siphash_key secret;
	struct flow_node **now;
	struct flow_node **old;
	size_t now_size;
	size_t old_size;
	size_t moved;
	size_t count;
};

/**
 * flow_map_init() - An empty map
 *
 * Return: 0; -ENOMEM; -errno of siphash_key_make()
 */
int flow_map_init(struct flow_map *m) ATTR_WUNRES;

/** flow_map_done() - Forget the nodes; they are their owner's to free. */
void flow_map_done(struct flow_map *m);

/** flow_map_hash() - What find and insert want to know about @key. */
uint32_t flow_map_hash(const struct flow_map *m, const struct flow_key *key);

/** flow_map_find() - The node of @key, or NULL. */
struct flow_node *flow_map_find(
    const struct flow_map *m, const struct flow_key *key, uint32_t hash);

/**
 * flow_map_insert() - Put a node in
 * @node:	Not in any map; there is none of this key yet
 *
 * When there is no memory to grow, chains grow instead.
 */
void flow_map_insert(struct flow_map *m, struct flow_node *node,
    const struct flow_key *key, uint32_t hash);

/** flow_map_remove() - Take out a node that is in. */
void flow_map_remove(struct flow_map *m, struct flow_node *node);

#endif /* CORE_FLOW_MAP_H */
