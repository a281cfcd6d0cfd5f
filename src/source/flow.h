#ifndef SOURCE_FLOW_H
#define SOURCE_FLOW_H

#include <stdbool.h>
#include <stddef.h>

/**
 * enum flow_state - Life of one direction of a relayed connection
 *
 *	OPEN	Bytes flow: we read while nothing is held, and write what is.
 *	DRAIN	The sender has finished (FIN read).  We only write what is
 *		still held, then pass the FIN on.
 *	FLUSH	Cut short (a reset, a limit, a stop).  We only write what is
 *		still held; no FIN follows it.
 *	SHUT	All is written and the FIN has been passed on.  Final.
 *	DEAD	Over without a FIN: cut and flushed, or the receiver is gone.
 *		Final.
 *
 * OPEN -> DRAIN -> SHUT is the orderly path.  OPEN and DRAIN may be cut
 * (FLUSH); any state that is not final may go to DEAD.  The two flows of a
 * connection are independent: that is what keeps half-closed connections
 * working through the relay.
 */
enum flow_state {
	FLOW_OPEN,
	FLOW_DRAIN,
	FLOW_FLUSH,
	FLOW_SHUT,
	FLOW_DEAD,
};
#define FLOW_NSTATES (FLOW_DEAD + 1)

/** enum flow_want - What to do next; a set of flags. */
enum flow_want {
	FLOW_WANT_READ = 1 << 0,     /* read from the sender */
	FLOW_WANT_WRITE = 1 << 1,    /* wait for room at the receiver */
	FLOW_WANT_SHUTDOWN = 1 << 2, /* pass the FIN on, then flow_shut() */
	FLOW_WANT_BURY = 1 << 3,     /* nothing left to flush: flow_kill() */
};

/**
 * struct flow - One direction, as pure bookkeeping
 * @state:	See enum flow_state; written by flow.c alone
 *
 * How many bytes are held is the mover's knowledge (source/mover.h) and comes
 * in as an argument.
 */
struct flow {
	enum flow_state state;
};

/** flow_init() - OPEN. */
void flow_init(struct flow *f);

/** flow_fin() - The sender has finished; OPEN only. */
void flow_fin(struct flow *f);

/** flow_shut() - The FIN has been passed on; DRAIN only. */
void flow_shut(struct flow *f);

/** flow_cut() - No more reading, no FIN; final states stay as they are. */
void flow_cut(struct flow *f);

/** flow_kill() - Give up; final states stay as they are. */
void flow_kill(struct flow *f);

/**
 * flow_want() - Derive what to do next
 * @held:	Bytes read but not yet written
 *
 * Bytes are read only while none are held: what this process keeps of a
 * stream is bounded by one read, and a slow receiver slows its sender.
 *
 * Return: a set of enum flow_want; 0 if and only if @f is final
 */
unsigned flow_want(const struct flow *f, size_t held);

/** flow_is_final() - SHUT or DEAD. */
bool flow_is_final(const struct flow *f);

#endif /* SOURCE_FLOW_H */
