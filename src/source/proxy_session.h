#ifndef SOURCE_PROXY_SESSION_H
#define SOURCE_PROXY_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "core/session.h"
#include "net/deadline.h"
#include "net/dial.h"
#include "net/resolve.h"
#include "source/relay.h"

/*
 * proxy_session.h - one client from its arrival to its last byte.
 *
 *	RESOLVE	The target's name is being looked up.
 *	DIAL	The server is being connected to.
 *	WAIT	The server is to come to us (listen:).
 *	NAMES	Names of the two ends are being looked up (--names).
 *	RELAY	Opened; the relay runs.
 *	GONE	Closed; waits for the loop to let go of its handles.
 *
 * Everything here runs on the thread of the session's worker.
 */

struct fanout;
struct proxy_session;
struct worker;

/**
 * struct proxy_lane - What the sessions of one worker share
 * @worker:	Runs them
 * @fan:	Records them
 * @input:	session.input
 * @relay:	See source/relay.h
 * @targets:	[pair] the addresses of each target; NULL endpoint: it listens
 * @sessions:	All that are not GONE
 * @idle:	Idle timeouts
 * @young:	Sessions whose server has just answered
 * @dial:	Timeout and source address; addresses are filled in
 * @names:	Look names up
 * @linger_ns:	How long a cut session may deliver
 * @over:	A session of @pair is over
 * @self:	Passed to @over
 */
struct proxy_lane {
	struct worker *worker;
	struct fanout *fan;
	const char *input;
	struct relay_env relay;
	struct resolve *targets;
	struct list sessions;
	struct deadline_queue idle;
	struct deadline_queue young;
	struct dial_opts dial;
	bool names;
	void (*over)(void *self, size_t pair);
	void *self;
};

/**
 * struct proxy_arrival - A client that has just been accepted
 * @id:		Number of its session
 * @pair:	Index of the pair it came for
 * @fd:		Its socket
 * @peer:	Its address
 * @listen:	Where it was accepted; AF_UNSPEC when we have called it
 * @target:	The target as its user wrote it; lives as long as the program
 * @ts_ns:	Event time of the accept
 */
struct proxy_arrival {
	uint64_t id;
	size_t pair;
	int fd;
	struct addr peer;
	struct addr listen;
	const char *target;
	uint64_t ts_ns;
};

/** proxy_session_lane_init() - The lists; the caller has set all the rest. */
void proxy_session_lane_init(struct proxy_lane *lane, uint64_t idle_ns);

/**
 * proxy_session_lane_idle() - Another idle timeout; 0: none
 *
 * Of sessions that wait the silence counts that has been already, if there was
 * a timeout before; else from now on.
 */
void proxy_session_lane_idle(struct proxy_lane *lane, uint64_t idle_ns);

/**
 * proxy_session_new() - Take a client over
 * @a:		Its descriptor is the session's from now on
 *
 * Connects to the server at once; if that one is to come to us, waits for
 * proxy_session_server().  The session may be over when this returns.
 *
 * Return: the session while it waits in WAIT, else NULL
 */
struct proxy_session *proxy_session_new(
    struct proxy_lane *lane, const struct proxy_arrival *a);

/**
 * proxy_session_turn_away() - A client that came when all was over
 * @a:		As above
 *
 * It is reset, and has a record (HOW_STOP), as it has a number.
 */
void proxy_session_turn_away(
    struct proxy_lane *lane, const struct proxy_arrival *a);

/** proxy_session_server() - The server has come; @fd is taken over. */
void proxy_session_server(
    struct proxy_session *ps, int fd, const struct addr *peer);

/**
 * proxy_session_wait_node() - For the queue of those in WAIT
 *
 * A session that ends meanwhile takes itself off.
 */
struct list *proxy_session_wait_node(struct proxy_session *ps);

/** proxy_session_of_wait() - The session behind that node. */
struct proxy_session *proxy_session_of_wait(struct list *node);

/** proxy_session_end() - Cut one that is open; see source_ops.end_session. */
void proxy_session_end(struct session *s);

/** proxy_session_lane_stop() - Cut every session of the lane (HOW_STOP). */
void proxy_session_lane_stop(struct proxy_lane *lane, uint64_t linger_ns);

/** proxy_session_lane_turn() - Timeouts, relays, sinks; see worker_turn. */
uint64_t proxy_session_lane_turn(struct proxy_lane *lane, uint64_t mono_ns);

#endif /* SOURCE_PROXY_SESSION_H */
