#ifndef CORE_REASM_H
#define CORE_REASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/event.h"
#include "core/tally.h"

/*
 * reasm.h - one direction of a TCP stream put in order.
 *
 * Segments come in with 32-bit sequence numbers, in any order, more than
 * once, overlapping, with holes; data, gaps and conflicts go out to the
 * session in stream order with 64-bit offsets (core/session.h).  What state
 * the connection is in, whose window a segment is in, when to give up: that
 * is the caller's business (core/connection.h).
 *
 *	delivered ....... next |hole| held | hole | held held |
 *	     history (bounded)       a balanced tree by offset
 *
 * A segment at the next offset goes straight to the session and is not
 * copied but into the history; one behind a hole is copied and held.  What
 * lies in a hole that was given up comes too late and is counted.
 *
 * Order of conflicts: a conflict names bytes that have been delivered: its
 * end never lies beyond the session's offset.  A conflict between two copies
 * that are both held is told right after the kept copy is delivered.
 *
 * Bounds: held bytes, with what it costs to keep them, are counted against
 * the direction's and the pool's budget.  When either is full, the first
 * hole of the direction that holds the most (for the pool; else its own) is
 * given up as GAP_BUDGET.  Cost per segment: logarithmic in the number of
 * held pieces.
 */

struct reasm_backlog;
struct reasm_pool;
struct session;

/**
 * enum reasm_overlap - Which copy of bytes that are still held wins
 *
 * Those delivered win always.  The names are Suricata's; what each means is
 * written at reasm_overlap_keeps_new() in reasm_overlap.c, with its source.
 */
enum reasm_overlap {
	REASM_FIRST,
	REASM_LAST,
	REASM_LINUX,
	REASM_WINDOWS,
	REASM_BSD,
};
#define REASM_NOVERLAPS (REASM_BSD + 1)

/**
 * struct reasm_opts - Budgets and rules, the same for all directions
 * @hold:	Most bytes held per direction; default 4 MiB
 * @hold_total:	Most bytes held in all by this pool; default 256 MiB
 * @hold_ns:	How long an acknowledged hole is waited for, in packet time;
 *		default 2 s
 * @history:	Bytes of delivered payload that the pool remembers, to tell a
 *		repetition from a conflict (core/history.h); default 4 MiB
 * @overlap:	Default REASM_FIRST
 */
struct reasm_opts {
	size_t hold;
	size_t hold_total;
	uint64_t hold_ns;
	size_t history;
	enum reasm_overlap overlap;
};

#define REASM_HOLD_DEFAULT       ((size_t)4 << 20)
#define REASM_HOLD_TOTAL_DEFAULT ((size_t)256 << 20)
#define REASM_HOLD_NS_DEFAULT    UINT64_C(2000000000)
#define REASM_HISTORY_DEFAULT    ((size_t)4 << 20)

/** reasm_pool_new() - What the directions of one worker share; NULL: ENOMEM */
struct reasm_pool *reasm_pool_new(const struct reasm_opts *o) ATTR_WUNRES;

/** reasm_pool_free() - When no direction is left; NULL is a no-op. */
void reasm_pool_free(struct reasm_pool *p);

/** reasm_pool_payload() - Its counters, by direction; any thread may read. */
struct payload_count *reasm_pool_payload(struct reasm_pool *p);

/**
 * struct reasm - One direction; embedded in its connection, private
 * @s:		Where events go
 * @dir:	Which direction of it
 * @started:	reasm_start() was called
 * @next_seq:	Sequence number of the next offset to be delivered; that
 *		offset is @s->off[@dir]
 * @trail:	Last entry in the pool's history
 * @backlog:	What waits, and what was given up (core/reasm_backlog.h); NULL
 *		while all has come in order, as it does in most directions
 */
struct reasm {
	struct session *s;
	uint8_t dir;
	bool started;
	uint32_t next_seq;
	uint64_t trail;
	struct reasm_backlog *backlog;
};

/** reasm_init() - A direction of @s that has no place yet. */
void reasm_init(struct reasm *r, struct session *s, enum dir dir);

/** reasm_done() - Release what is held (reasm_flush() has been called). */
void reasm_done(struct reasm_pool *p, struct reasm *r);

/** reasm_start() - @seq is the sequence number of offset 0; once. */
void reasm_start(struct reasm *r, uint32_t seq);

/**
 * reasm_offset() - The stream offset of a sequence number
 *
 * The one that lies nearest to what is delivered next; negative: before the
 * start of the stream.  After reasm_start().
 */
int64_t reasm_offset(const struct reasm *r, uint32_t seq);

/** enum reasm_result - What a segment was, for the summary. */
enum reasm_result {
	REASM_NEW,  /* some of it had not been seen before */
	REASM_SEEN, /* nothing new: a retransmission, or too late */
};

/**
 * struct reasm_piece - Payload of one segment
 * @ts_ns:	Time of its packet; events caused by it bear it
 * @seq:	Sequence number of its first byte
 * @data:	@len bytes captured; borrowed until the callee returns
 * @wire_len:	Bytes sent; those beyond @len become a gap (GAP_SNAPLEN) if no
 *		other copy fills it in time
 */
struct reasm_piece {
	uint64_t ts_ns;
	uint32_t seq;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
};

/**
 * reasm_segment() - Payload has come
 *
 * Counts it as received, and as what became of it.  After reasm_start().
 */
enum reasm_result reasm_segment(
    struct reasm_pool *p, struct reasm *r, const struct reasm_piece *piece);

/**
 * reasm_ack() - The other side has acknowledged up to @seq
 *
 * A hole below it is given up hold_ns later, by reasm_pool_tick(): also when
 * nothing is held behind it.  A FIN that @seq covers is the caller's to leave
 * out.  After reasm_start().
 */
void reasm_ack(
    struct reasm_pool *p, struct reasm *r, uint32_t seq, uint64_t ts_ns);

/**
 * reasm_flush() - Give up every hole, deliver all that is held
 * @upto:	If beyond what is held: the rest is a gap too, a lost tail that
 *		a FIN or an acknowledgement proves.  0: just what is held
 * @why:	GAP_LOST or GAP_BUDGET
 */
void reasm_flush(struct reasm_pool *p, struct reasm *r, uint64_t upto,
    uint64_t ts_ns, enum gap_why why);

/**
 * reasm_discard() - Forget what is held: it is counted as strays
 *
 * For a direction that ends here; an acknowledged hole is waited for still if
 * it does not.
 */
void reasm_discard(struct reasm_pool *p, struct reasm *r);

/**
 * reasm_pool_tick() - Give up the holes whose time has come
 * @now_ns:	Packet time
 *
 * Constant time when there is none.  @gave_up is called after the events of
 * each, so that the connection may see its end come into reach; it may not
 * free the direction.
 */
void reasm_pool_tick(struct reasm_pool *p, uint64_t now_ns,
    void (*gave_up)(void *self, struct reasm *r), void *self);

/**
 * reasm_pool_jump() - The clock that stamps packets was set by @jump_ns
 *
 * Holes wait for as long as they would have.  Costs a walk over them.
 */
void reasm_pool_jump(struct reasm_pool *p, int64_t jump_ns);

/** reasm_overlap_parse() - Read "first", "last", ...; 0 or -EINVAL. */
int reasm_overlap_parse(const char *text, enum reasm_overlap *o);

#endif /* CORE_REASM_H */
