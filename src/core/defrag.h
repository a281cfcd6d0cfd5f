#ifndef CORE_DEFRAG_H
#define CORE_DEFRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * defrag.h - IP datagrams made whole again (RFC 815, RFC 8200 section 4.5).
 *
 * A datagram is a set of blocks that are lent from a pool, with a bit per 8
 * bytes that have come.  Whole ones are put together in one buffer and let
 * go; those that never become whole are forgotten after a while of packet
 * time, or when their place is needed, the oldest first.
 *
 * Overlaps: what came first stays.  Exact repetitions are no overlap.  An IPv6
 * datagram with an overlap, and any whose fragments disagree about its end,
 * is dropped with all that still comes for it (RFC 5722).
 *
 * Bounds: blocks, datagrams, age; memory is taken at once, and touched as it
 * is needed.  Cost per fragment: what it copies, and a search in a table with
 * a keyed hash.
 */

struct defrag;
struct err;

/*
 * 4 MiB of fragments; a datagram takes whole KiB, at most 64.  Fuzzers want
 * less, which is made quickly.
 */
#ifndef DEFRAG_BLOCKS_DEFAULT
#define DEFRAG_BLOCKS_DEFAULT 4096
#endif
#define DEFRAG_DATAGRAMS_DEFAULT 1024
/* As Linux waits for fragments of IPv4. */
#define DEFRAG_AGE_NS_DEFAULT UINT64_C(30000000000)

#define DEFRAG_BLOCK        1024
#define DEFRAG_DATAGRAM_MAX 65536

/**
 * struct defrag_opts - Bounds
 * @blocks:	Of DEFRAG_BLOCK bytes each; more than one datagram needs
 * @datagrams:	That wait at the same time; > 0
 * @age_ns:	How long they wait, from their first fragment on
 */
struct defrag_opts {
	uint32_t blocks;
	uint32_t datagrams;
	uint64_t age_ns;
};

/** defrag_new() - NULL on failure, with @err filled in. */
struct defrag *defrag_new(
    const struct defrag_opts *o, struct err *err) ATTR_WUNRES;

/** defrag_free() - With all that waits; NULL is a no-op. */
void defrag_free(struct defrag *d);

/**
 * struct defrag_piece - A fragment
 * @version:	4 or 6
 * @protocol:	What the datagram carries, as this fragment says; part of the
 *		datagram's name in IPv4, in IPv6 only believed at offset 0
 * @more:	Others follow
 * @id:		Identification
 * @src:	Sender, 4 or 16 bytes
 * @dst:	Receiver
 * @off:	Of @data in the payload; a multiple of 8
 * @data:	@len bytes captured, borrowed
 * @wire_len:	Bytes sent, > 0, at least @len; with @more a multiple of 8.
 *		@off + @wire_len is below DEFRAG_DATAGRAM_MAX
 * @depth:	Kept for the caller: the least of all fragments
 * @packets:	How many packets it took, > 0: a fragment may itself have come
 *		in fragments
 * @ts_ns:	Packet time
 */
struct defrag_piece {
	uint8_t version;
	uint8_t protocol;
	bool more;
	uint32_t id;
	const uint8_t *src;
	const uint8_t *dst;
	uint32_t off;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
	unsigned depth;
	uint32_t packets;
	uint64_t ts_ns;
};

/**
 * struct defrag_whole - A datagram's payload
 * @len:	Bytes of it up to the first that were not captured
 * @wire_len:	Bytes it has
 * @packets:	How many packets brought it, repetitions included
 *
 * The others are as in struct defrag_piece.  Pointers are good until the
 * next call of defrag_add().
 */
struct defrag_whole {
	uint8_t version;
	uint8_t protocol;
	const uint8_t *src;
	const uint8_t *dst;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
	unsigned depth;
	uint32_t packets;
};

/**
 * defrag_jump() - The clock that stamps packets was set by @jump_ns
 *
 * What waits goes on waiting for as long as it would have.
 */
void defrag_jump(struct defrag *d, int64_t jump_ns);

/**
 * defrag_add() - A fragment has come
 * @p:		May point into what the last call has put together
 * @w:		Filled in when its datagram is whole now
 *
 * Return: true if it is
 */
bool defrag_add(
    struct defrag *d, const struct defrag_piece *p, struct defrag_whole *w);

/** defrag_waiting() - Datagrams that are not whole, at the moment. */
uint32_t defrag_waiting(const struct defrag *d);

#endif /* CORE_DEFRAG_H */
