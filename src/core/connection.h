#ifndef CORE_CONNECTION_H
#define CORE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/half.h"
#include "core/segment.h"
#include "core/session.h"

/*
 * connection.h - one TCP connection, as somebody sees it who only listens.
 *
 * A session and its two directions in sequence space (core/half.h).  The
 * connection turns segments into the session's events and says what it waits
 * for; finding it, clocks and limits are the flow table's.
 *
 * Per segment the table calls connection_judge() (core/connection_judge.h),
 * which changes nothing, and then by the verdict:
 *
 *	STRAY	connection_stray()
 *	ACCEPT	connection_segment()
 *	RENEW	connection_end(), and a new one with connection_open()
 *	REPLACE	connection_end(), and a new one with connection_succeed()
 *
 * Nothing here closes the session behind the table's back but an accepted
 * RST: see connection_wait().
 *
 * Data on a SYN (RFC 7413) is held until the other side acknowledges it, or
 * goes on behind it, since a server may refuse it; the client sends it again
 * then, and only one of the two is part of the stream.
 */

/**
 * enum connection_state - What the connection has been through
 *
 * NEW	As initialized.  connection_open() or connection_succeed() and the
 *	first segment leave it for SYN or OPEN.
 * SYN	One side's SYN was seen, no answer yet.  The answer must acknowledge
 *	it; a RST that does refuses the connection (OVER).  Any segment of the
 *	other side, or another than a SYN of the first (the answer went past
 *	us), leaves it for OPEN.  Its SYN with a new number renews.
 * OPEN	Bytes flow, holes are waited for.  A direction ends when delivery
 *	has reached its FIN.  Both ended: LINGER.  An accepted RST: OVER.
 * LINGER Both directions have ended; what comes belongs to the session still,
 *	until the last FIN is acknowledged or a second has passed.  A SYN with
 *	a new number renews.
 * OVER	The session is closed; only connection_done() is allowed.
 */
enum connection_state {
	CONNECTION_NEW,
	CONNECTION_SYN,
	CONNECTION_OPEN,
	CONNECTION_LINGER,
	CONNECTION_OVER,
};
#define CONNECTION_NSTATES (CONNECTION_OVER + 1)

/**
 * enum connection_wait - What a connection waits for, besides segments
 * @CONNECTION_WAIT_NONE: Nothing
 * @CONNECTION_WAIT_LINGER: The acknowledgement of the last FIN, for
 *		CONNECTION_LINGER_NS
 * @CONNECTION_WAIT_END: Nothing any more: connection_end()
 * @CONNECTION_WAIT_OVER: It is closed: connection_done()
 */
enum connection_wait {
	CONNECTION_WAIT_NONE,
	CONNECTION_WAIT_LINGER,
	CONNECTION_WAIT_END,
	CONNECTION_WAIT_OVER,
};

/* A lost ACK is followed by a retransmitted FIN within about this time. */
#define CONNECTION_LINGER_NS UINT64_C(1000000000)

/*
 * Most bytes of data on SYNs held at once by all connections of a table, so
 * that a flood of such SYNs costs no more; what is beyond is delivered as if
 * it had been acknowledged.
 */
#define CONNECTION_SYN_HOLD ((size_t)1 << 20)

/**
 * struct connection_env - What the connections of a table share
 * @pool:	Of their reassembly
 * @now_ns:	Packet time, never going backwards; the table writes it
 * @syn_held:	Bytes of data on SYNs held; starts as 0
 */
struct connection_env {
	struct reasm_pool *pool;
	uint64_t now_ns;
	size_t syn_held;
};

/**
 * struct connection_rival - A claim that the 4-tuple is used anew
 * @next:	Sequence number whose acknowledgement proves it
 * @peer:	Next sequence number of the other side; valid with @answers
 * @ts_ns:	When it was seen
 * @dir:	Who made it, in terms of the present session
 * @scale:	As in its SYN
 * @syn:	It is a SYN, not mere data
 * @answers:	It is a SYN-ACK
 */
struct connection_rival {
	uint32_t next;
	uint32_t peer;
	uint64_t ts_ns;
	uint8_t dir;
	uint8_t scale;
	bool syn;
	bool answers;
};

/**
 * struct connection_syn - Data on a SYN, while nobody knows if they count
 * @ts_ns:	When it was seen
 * @len:	Bytes of @data
 * @wire_len:	Bytes of it that were sent
 */
struct connection_syn {
	uint64_t ts_ns;
	uint32_t len;
	uint32_t wire_len;
	uint8_t data[];
};

/**
 * struct connection - One of them; all but @s is private
 * @s:		The table fills it in before connection_open()
 * @half:	By sender
 * @rival:	Valid with @has_rival
 * @syn:	Data on the opener's SYN; NULL: none (any more)
 * @state:	A enum connection_state
 * @opener:	Who sent the first SYN seen
 * @is_self:	Both ends are the same: all segments come from DIR_CLIENT, and
 *		acknowledge its own bytes
 */
struct connection {
	struct session s;
	struct half half[DIR_NDIRS];
	struct connection_rival rival;
	struct connection_syn *syn;
	uint8_t state;
	uint8_t opener;
	bool has_rival;
	bool is_self;
};

/** connection_acked_by() - Whose bytes do ACKs from @dir acknowledge? */
static inline enum dir
connection_acked_by(const struct connection *c, enum dir dir)
{
	return c->is_self ? dir : dir_other(dir);
}

/**
 * connection_init() - Make one that nobody has heard of yet
 * @fan, @slots: See session_init()
 */
void connection_init(struct connection *c, struct fanout *fan, void *slots);

/** connection_done() - Release it; its session is closed, or never opened. */
void connection_done(struct connection *c, struct connection_env *env);

/**
 * connection_open() - Announce the session
 * @seg:	The segment that opens it; connection_segment() comes next
 *
 * All of @s but @open_ns and @midstream was filled in by the table.
 */
void connection_open(struct connection *c, const struct segment *seg);

/**
 * connection_succeed() - Likewise, for the connection that a rival announced
 * @rival:	Its @dir in terms of the new session
 */
void connection_succeed(struct connection *c, struct connection_env *env,
    const struct connection_rival *rival);

/** connection_segment() - Follow an accepted segment, tell the session. */
void connection_segment(struct connection *c, struct connection_env *env,
    enum dir dir, const struct segment *seg);

/** connection_stray() - Take note of one that is not part of it. */
void connection_stray(struct connection *c, struct connection_env *env,
    enum dir dir, const struct segment *seg);

/** connection_count_stray() - Count payload of @dir as such. */
void connection_count_stray(
    struct connection_env *env, enum dir dir, const struct segment *seg);

/** connection_wait() - What it waits for. */
enum connection_wait connection_wait(const struct connection *c);

/** connection_gave_up() - reasm_pool_tick() gave up a hole of this one. */
void connection_gave_up(struct connection *c, struct connection_env *env);

/** connection_of() - The connection that a direction belongs to. */
struct connection *connection_of(struct reasm *r);

/**
 * connection_end() - Close the session
 * @how:	As for session_close(), by us; directions whose FIN was reached
 *		end by that, and if both do, @how does not count
 *
 * Holes are given up and what is held is delivered first, but not for
 * HOW_LIMIT.
 */
void connection_end(
    struct connection *c, struct connection_env *env, enum how how);

#endif /* CORE_CONNECTION_H */
