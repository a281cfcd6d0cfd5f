#ifndef CORE_FLOW_TABLE_H
#define CORE_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/event.h"
#include "core/reasm.h"

/*
 * flow_table.h - from TCP segments to sessions.
 *
 * Finds the connection of a segment by its two ends in either order, makes
 * it, follows its states (core/connection.h), and lets it go: after both FINs
 * and their acknowledgement, an accepted RST, silence, or when there are too
 * many.  What is gone leaves a tombstone for a while, so that stragglers make
 * no ghost sessions.
 *
 * The 4-tuples are an attacker's: the table is hashed with a random key
 * (base/siphash.h), grows by doubling, and a session costs a bounded amount.
 * Time is packet time throughout: the latest time stamp seen, or what
 * flow_table_tick() said.  One thread uses a table.
 */

struct addr;
struct err;
struct fanout;
struct flow_table;
struct packet;
struct segment;
struct session;
struct source_limits;

/**
 * struct flow_opts - What a table is made from
 * @source:	session.source: "tap" or "read"; static
 * @input:	session.input
 * @reasm:	Budgets and rules of reassembly
 * @max_concurrent: Sessions at once; then the one idle longest is ended as
 *		HOW_EVICTED; > 0
 * @idle_ns:	Silence after which a session ends as HOW_TIMEOUT; 0: never
 * @max_bytes:	Per session, both directions: then it ends as HOW_LIMIT, and
 *		what follows are strays; 0: no limit
 * @next_id:	Number for a new session; 0: none may be opened any more, and
 *		its packets are strays.  Called on the table's thread.
 * @opening:	Called before session_open(): may fill in session.more, which is
 *		there for this.  NULL: nobody has anything to say, and sessions
 *		are smaller
 * @is_own:	Is @seg of a connection of our own (to a sink)?  Its packets
 *		make no session, and reach no sink that keeps packets, else
 *		recording would feed on itself.  Asked for each new connection
 *		and stray; NULL: none is
 * @self:	Passed to these
 */
struct flow_opts {
	const char *source;
	const char *input;
	struct reasm_opts reasm;
	uint64_t max_concurrent;
	uint64_t idle_ns;
	uint64_t max_bytes;
	uint64_t (*next_id)(void *self);
	void (*opening)(void *self, struct session *s);
	bool (*is_own)(void *self, const struct segment *seg);
	void *self;
};

/**
 * flow_table_new() - Make a table
 * @fan:	Where its sessions' events go; outlives the table
 *
 * Return: NULL on failure, with @err filled in
 */
struct flow_table *flow_table_new(
    const struct flow_opts *o, struct fanout *fan, struct err *err) ATTR_WUNRES;

/** flow_table_free() - After flow_table_stop(); NULL is a no-op. */
void flow_table_free(struct flow_table *t);

/** enum flow_verdict - What a packet turned out to be, for the sheet. */
enum flow_verdict {
	FLOW_SESSION, /* belongs to a session */
	FLOW_STRAY,   /* belongs to none */
};

/**
 * flow_table_limit() - Other limits; @l->sessions is its owner's business
 *
 * Between segments.  When there are more than @l->concurrent, those idle
 * longest are evicted at once.
 */
void flow_table_limit(struct flow_table *t, const struct source_limits *l);

/**
 * flow_table_segment() - A segment has come
 * @p:		Its packet, which the fan-out gets in any case: after the
 *		session's open, if it opens one, and before the events that it
 *		causes
 */
enum flow_verdict flow_table_segment(
    struct flow_table *t, const struct segment *seg, const struct packet *p);

/**
 * flow_table_tick() - Time passes also without packets
 * @now_ns:	Packet time.  Files: the latest time stamp.  Live: event time
 *		less what the kernel may still hold back
 *
 * Gives up holes, ends idle and lingering sessions, buries tombstones.  Cheap
 * when nothing is due.
 */
void flow_table_tick(struct flow_table *t, uint64_t now_ns);

/**
 * flow_table_jump() - The clock that stamps packets was set by @jump_ns
 *
 * What waits goes on waiting for as long as it would have.  Costs a walk over
 * all connections.
 */
void flow_table_jump(struct flow_table *t, int64_t jump_ns);

/**
 * flow_table_stop() - End every session
 * @how:	HOW_STOP
 *
 * Holes are given up and what is held is delivered first.
 */
void flow_table_stop(struct flow_table *t, enum how how);

/**
 * flow_table_end() - End one session, by us
 * @s:		Open, and of this table
 * @how:	HOW_STOP
 *
 * What is held is delivered first.  What follows are strays, until a SYN with a
 * new number opens another session.
 */
void flow_table_end(struct flow_table *t, struct session *s, enum how how);

/** flow_table_live() - Sessions at the moment. */
uint64_t flow_table_live(const struct flow_table *t);

/** flow_table_payload() - Its counters, by direction; any thread may read. */
const struct payload_count *flow_table_payload(const struct flow_table *t);

#endif /* CORE_FLOW_TABLE_H */
