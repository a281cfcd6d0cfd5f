#ifndef CORE_TOMBSTONE_H
#define CORE_TOMBSTONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/dir.h"
#include "core/flow_map.h"
#include "core/segment.h"

/*
 * tombstone.h - what is left of a connection, so that stragglers are known.
 *
 * The last ACK, retransmissions, what was under way when a RST came: without
 * a tombstone each would open a ghost session.  A tombstone swallows what
 * lies near the end of the old streams.  A SYN of another number is a new
 * connection, and so is payload that lies somewhere else altogether (its SYN
 * was not captured).
 *
 * They lie in a ring: what they cost is bounded, the oldest makes room.
 */

/*
 * As many connections as a busy server has in the time that a straggler
 * takes; 6 MB when all are used, which only that server's captures do.
 * (Fuzzers want it short: then it is full at times, and made quickly.)
 */
#ifndef TOMBSTONE_RING
#define TOMBSTONE_RING 65536
#endif

/*
 * Longer than what is retransmitted comes late: one minute, as long as the
 * system keeps TIME-WAIT.
 */
#define TOMBSTONE_NS UINT64_C(60000000000)

/*
 * How far from the end a straggler may lie: more than the largest windows in
 * use, little enough that an unrelated number (all of them are as likely) is
 * taken for one in 3 of 100 cases.
 */
#define TOMBSTONE_NEAR (UINT32_C(64) << 20)

/**
 * struct tombstone - The table fills in what follows @node
 * @node:	In the map
 * @until_ns:	Packet time when it is forgotten
 * @start:	Sequence numbers of offset 0; valid with @known
 * @end:	Where the streams were when it ended; likewise
 * @known:	By direction
 * @client_at:	Which end of the key is the client
 * @lasts:	Never forgotten, but for want of room: the connection lives on,
 *		and nothing of it shall be recorded
 * @is_own:	It is one of our own and has no session; only a new SYN can make
 *		it somebody else's
 * @sticks:	Somebody has ended the session, though the connection lives on;
 *		only a SYN with a new number makes another
 * @is_used:	Private
 */
struct tombstone {
	struct flow_node node;
	uint64_t until_ns;
	uint32_t start[DIR_NDIRS];
	uint32_t end[DIR_NDIRS];
	bool known[DIR_NDIRS];
	uint8_t client_at;
	bool lasts;
	bool is_own;
	bool sticks;
	bool is_used;
};

/** struct tombstone_ring - Private. */
struct tombstone_ring {
	struct tombstone *slots;
	size_t next;
	struct flow_map *map;
	uint8_t tag;
};

/**
 * tombstone_init() - An empty ring
 * @map:	Where they are found; outlives the ring
 * @tag:	flow_node.tag of tombstones
 *
 * Return: 0 or -ENOMEM
 */
int tombstone_init(
    struct tombstone_ring *r, struct flow_map *map, uint8_t tag) ATTR_WUNRES;

/** tombstone_done() - Release it; the map's nodes are void then. */
void tombstone_done(struct tombstone_ring *r);

/** tombstone_bury() - Put one up for @key, for which the map has no node. */
struct tombstone *tombstone_bury(
    struct tombstone_ring *r, const struct flow_key *key, uint32_t hash);

/** tombstone_remove() - Take one away. */
void tombstone_remove(struct tombstone_ring *r, struct tombstone *t);

/** tombstone_jump() - The clock that stamps packets was set by @jump_ns. */
void tombstone_jump(struct tombstone_ring *r, int64_t jump_ns);

/** tombstone_of() - The tombstone of a node that is one. */
struct tombstone *tombstone_of(struct flow_node *node);

/** tombstone_dir() - Who sends from end @at of the key? */
enum dir tombstone_dir(const struct tombstone *t, unsigned at);

/**
 * tombstone_swallows() - Is @seg a straggler of it?
 * @now_ns:	Packet time
 *
 * Where the old connection lives on, follows it.
 */
bool tombstone_swallows(struct tombstone *t, enum dir dir,
    const struct segment *seg, uint64_t now_ns);

#endif /* CORE_TOMBSTONE_H */
