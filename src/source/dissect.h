#ifndef SOURCE_DISSECT_H
#define SOURCE_DISSECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/flow_table.h"

/*
 * dissect.h - from packets to sessions: what tap and read have in common.
 *
 *	packet ── decode (wire/decode.h) ─┬─ TCP ────────► flow table
 *	              ▲                   ├─ fragment ─► core/defrag.h ─┐
 *	              └───────────────────┼──── whole datagram ◄────────┘
 *	                                  └─ not TCP, undecodable: counted
 *
 * One per worker, used by its thread alone; only dissect_tally() may be
 * called from others.  Every packet is in exactly one class of struct tally,
 * and reaches the sinks that keep packets exactly once; those of connections
 * of our own do not, since these sinks may be what made them.
 */

struct dissect;
struct err;
struct fanout;
struct packet;
struct session;
struct source_limits;
struct tally;

/**
 * struct dissect_opts - What it is made from
 * @flow:	The flow table's part
 * @decap:	Layers of tunnels that are opened (decision 20); default 4
 */
struct dissect_opts {
	struct flow_opts flow;
	unsigned decap;
};

#define DISSECT_DECAP_DEFAULT 4
#define DISSECT_DECAP_MAX     16

/** dissect_new() - Make it; NULL with @err. */
struct dissect *dissect_new(const struct dissect_opts *o, struct fanout *fan,
    struct err *err) ATTR_WUNRES;

/** dissect_free() - After dissect_stop(); NULL is a no-op. */
void dissect_free(struct dissect *d);

/** dissect_packet() - A packet that has passed the filter. */
void dissect_packet(struct dissect *d, const struct packet *p);

/** dissect_tick() - Time passes; see flow_table_tick(). */
void dissect_tick(struct dissect *d, uint64_t now_ns);

/**
 * dissect_jump() - The clock that stamps packets was set
 * @jump_ns:	By so much; negative: back
 *
 * Nothing becomes older or younger by it.  Costs a walk over all connections.
 */
void dissect_jump(struct dissect *d, int64_t jump_ns);

/** dissect_stop() - Nothing more comes: end every session. */
void dissect_stop(struct dissect *d);

/** dissect_limit() - Other limits; see flow_table_limit(). */
void dissect_limit(struct dissect *d, const struct source_limits *l);

/** dissect_end() - End one session; see source_ops.end_session. */
void dissect_end(struct dissect *d, struct session *s);

/** dissect_live() - Sessions at the moment. */
uint64_t dissect_live(const struct dissect *d);

/** dissect_tally() - Add what was counted; from any thread. */
void dissect_tally(const struct dissect *d, struct tally *t);

#endif /* SOURCE_DISSECT_H */
