#ifndef NET_OWN_H
#define NET_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"

/*
 * own.h - the connections of this process, so that a capture leaves them out.
 *
 * A sink that sends what was captured makes traffic; captured in turn, it
 * would feed on itself.  So whatever opens a TCP connection enters its ends
 * here, and the capture asks for each new connection that it hears.
 *
 * The first packet of a connection may be captured before connect() returns:
 * bind() first, so that the port is known, enter, then connect().  And it may
 * be read from a ring after the connection is over (a call that was refused
 * takes microseconds, a block of packets milliseconds): so the ends of those
 * that left are remembered, for packets that were captured before.
 */

/*
 * So many that left are remembered.  Sinks with a connection for each record
 * make 10,000 a second, and none of them is read from the ring while they are
 * made: as many as there are ports for them, which then rest for a minute.
 */
#define OWN_REMEMBERED 32768

/**
 * struct own - A connection, or a listener; embedded in whoever has it
 * @local:	Our end, AF_INET or AF_INET6; 0.0.0.0 or [::]: any address of
 *		this machine; which ones that are is asked when one is heard
 * @remote:	The other end; AF_UNSPEC: any, as for a listener
 * @node:	Private
 *
 * The owner fills in the ends before own_enter() and leaves it alone, in its
 * place, until own_leave().
 */
struct own {
	struct addr local;
	struct addr remote;
	struct list node;
};

/** own_enter() - From any thread; the lock is held for a few instructions. */
void own_enter(struct own *o);

/** own_leave() - From any thread; after own_enter(), once. */
void own_leave(struct own *o);

/**
 * own_has() - Is, or was, a connection between these two ends one of ours?
 * @ts_ns:	When its packet was captured, in ns since the Unix epoch, by the
 *		system's clock
 *
 * In either order; scopes, which packets do not tell, are ignored.  From any
 * thread; without a lock until something is entered.
 */
bool own_has(const struct addr *a, const struct addr *b, uint64_t ts_ns);

#endif /* NET_OWN_H */
