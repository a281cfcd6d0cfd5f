#ifndef SOURCE_RELAY_H
#define SOURCE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/session.h"
#include "net/deadline.h"
#include "net/poller.h"
#include "net/worker.h"
#include "source/flow.h"
#include "source/mover.h"

/*
 * relay.h - two connected sockets and the bytes between them.
 *
 * The relay ends exactly as its peers do.  A FIN is passed on behind the last
 * byte, per direction.  A reset is passed on too, but behind the bytes that
 * came before it: closing with RST throws away what the kernel still holds,
 * so the relay stops reading, delivers, waits until the send queue is empty
 * (or RELAY_LINGER_NS are over), and only then resets the survivor.
 *
 *	HOLD	The client is here, the server is not yet.  Nothing is read;
 *		a reset by the client is noticed: gone() is called.
 *	RUN	Both flows live their own lives (source/flow.h).
 *	ABORT	Cut: by a reset, an error, a limit, a timeout or a stop.  What
 *		is held is flushed to those who can still take it.
 *	OVER	Both sockets are closed; relay_over() has been called.
 *
 * Resets: when a socket in error is told, bytes may still be readable in front
 * of the error.  Whoever reads from it goes on, and recv() tells the error
 * behind the last byte.  Whoever does not asks for SO_ERROR, which clears it,
 * and then the next recv() looks like a FIN: so the error is saved, the rest
 * read to its end later, and that end taken for the reset it is.  A side that
 * nothing is wanted from keeps POLLER_PRI: with no interest at all its error
 * would never be told.
 */

struct relay;

/* How long delivered bytes may take to leave after a cut. */
#define RELAY_LINGER_NS (5 * CLOCK_NS_PER_S)

/**
 * struct relay_env - What the relays of one worker share
 * @worker:	Runs them
 * @zero_copy:	Pipes may be used
 * @orderly:	Sessions that we cut end with FIN instead of RST
 * @max_bytes:	Of a session, both directions together; 0: no limit
 * @copies:	Movers with a pipe of doubled bytes, oldest first
 * @polls:	Relays in ABORT that wait for an empty send queue
 * @active:	Bytes have moved: re-arm the idle timeout; may be NULL
 * @gone:	In HOLD: the client has reset its connection; the callee calls
 *		relay_drop()
 * @over:	Both sockets are closed.  session_close() is the callee's; the
 *		memory may go when relay_forget() has called back.
 */
struct relay_env {
	struct worker *worker;
	bool zero_copy;
	bool orderly;
	uint64_t max_bytes;
	struct list copies;
	struct deadline_queue polls;
	void (*active)(struct relay *r);
	void (*gone)(struct relay *r, int error);
	void (*over)(struct relay *r);
};

/** enum relay_phase - See above. */
enum relay_phase {
	RELAY_HOLD,
	RELAY_RUN,
	RELAY_ABORT,
	RELAY_OVER,
};

/**
 * struct relay_side - One socket
 * @fd:		-1 once closed
 * @error:	Saved errno; 0: none.  The peer is gone, what it sent may not
 *		be read to its end yet.
 * @told:	The kernel says that there is an error, and it was not taken
 *		yet: what came before it is read first, and recv() tells it
 * @watched:	@poll is open
 * @parked:	A condition without an error stays raised on a side that we
 *		want nothing from: not polled until we do
 */
struct relay_side {
	struct poller_fd poll;
	struct relay *relay;
	int fd;
	int error;
	bool told;
	bool watched;
	bool parked;
};

/**
 * struct relay - Embedded in the session of the proxy
 * @side:	[DIR_CLIENT] and [DIR_SERVER]
 * @flow:	[d] from side d to the other one
 * @mover:	Likewise
 * @first:	Which side failed first; valid once one has
 * @how, @by:	Why it was cut; valid from ABORT on
 * @poll_wait:	On env->polls in ABORT
 * @abort_ns:	When waiting for the send queues ends
 * @room:	Waits while a sink that pauses is full
 * @closing:	Sides that the poller has yet to let go of
 */
struct relay {
	struct relay_env *env;
	struct session *session;
	struct relay_side side[DIR_NDIRS];
	struct flow flow[DIR_NDIRS];
	struct mover mover[DIR_NDIRS];
	enum relay_phase phase;
	uint8_t first;
	uint8_t how;
	uint8_t by;
	struct deadline poll_wait;
	uint64_t abort_ns;
	struct worker_waiter room;
	unsigned closing;
	void (*forgotten)(struct relay *r);
};

/** relay_env_init() - Fill in the rest of @e; @worker and callbacks are set. */
void relay_env_init(struct relay_env *e);

/**
 * relay_init() - Bookkeeping only; no descriptor yet
 * @s:		Outlives the relay
 */
void relay_init(struct relay *r, struct relay_env *env, struct session *s);

/**
 * relay_hold() - Take the client's socket over, and watch it for a reset
 *
 * Only where the server lets wait: it costs calls of its own.
 * Return: 0, or -errno: it is not watched, and will be at relay_start()
 */
int relay_hold(struct relay *r, int client_fd);

/**
 * relay_drop() - There will be no relay: reset the client, if it is held
 *
 * Followed by relay_forget().
 */
void relay_drop(struct relay *r);

/**
 * relay_start() - Begin with two connected, non-blocking sockets
 * @client_fd:	Also when it is held already
 *
 * Both belong to the relay from now on, also on failure (then they are
 * closed).  The session is open.  Return: 0 or -errno
 */
int relay_start(struct relay *r, int client_fd, int server_fd) ATTR_WUNRES;

/**
 * relay_cut() - End it now: deliver what is held, then RST (or FIN)
 * @how:	HOW_STOP, HOW_LIMIT, HOW_TIMEOUT or HOW_ERROR
 * @linger_ns:	How long delivery may take
 */
void relay_cut(
    struct relay *r, enum how how, enum party by, uint64_t linger_ns);

/**
 * relay_unsent() - Bytes that both readers have yet to take from the kernel
 *
 * Return: the sum of what socket_unsent() says
 */
size_t relay_unsent(const struct relay *r);

/**
 * relay_forget() - Let go of what the loop has of it
 * @forgotten:	Called from the loop, never at once; memory may go then
 *
 * Once, after over() was called, relay_start() failed, or relay_drop().
 *
 * Return: false: wait for @forgotten; true: there is nothing to wait for,
 *	   and it will not be called
 */
bool relay_forget(struct relay *r, void (*forgotten)(struct relay *r));

/**
 * relay_turn() - Give aged doubled bytes to the sinks, look after aborts
 *
 * Return: when to call again at the latest, or CLOCK_NEVER
 */
uint64_t relay_turn(struct relay_env *e, uint64_t mono_ns);

#endif /* SOURCE_RELAY_H */
