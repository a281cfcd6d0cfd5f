#ifndef NET_GATE_H
#define NET_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/endpoint.h"
#include "net/socket.h"

/*
 * gate.h - the listeners of one endpoint, on one loop, with a way to shut
 * them for a while.
 *
 * While a gate is shut, connections wait in the kernel's queue.  A gate shuts
 * itself when descriptors or memory run out, tells nobody, and tries again
 * GATE_RETRY_MS later; more often than that would only burn CPU.
 */

struct err;

#define GATE_RETRY_MS 50

/* Connections taken before the loop's other work gets its turn. */
#define GATE_BATCH 64

/**
 * gate_accept - Somebody has connected
 * @fd:		Non-blocking, close-on-exec; owned by the callee
 * @peer:	Its address; a UNIX peer has an empty path
 * @listener:	The address it was accepted at
 *
 * May call gate_shut() or gate_close().
 */
typedef void gate_accept(
    void *self, int fd, const struct addr *peer, const struct addr *listener);

/** struct gate_post - One listener and its handle; private. */
struct gate_post {
	struct socket_listener listener;
	uv_poll_t poll;
	struct gate *gate;
};

/**
 * struct gate - See above; private, open only to be embedded
 * @shut:	The owner wants no connections
 * @starved:	Descriptors or memory have run out; @retry ends it
 */
struct gate {
	struct gate_post post[SOCKET_MAX_ADDRS];
	size_t n;
	uv_timer_t retry;
	bool started;
	bool shut;
	bool starved;
	bool closed;
	gate_accept *accept;
	void *self;
};

/** gate_open() - Bind and listen (net/socket.h); no loop is needed yet. */
int gate_open(struct gate *g, const struct endpoint *e,
    const struct socket_listen_opts *o, struct err *err) ATTR_WUNRES;

/**
 * gate_start() - Serve the gate on @loop; it starts shut
 *
 * On the loop's thread, or before that runs.  Return: 0 or -errno
 */
int gate_start(struct gate *g, uv_loop_t *loop, gate_accept *accept,
    void *self) ATTR_WUNRES;

/** gate_lift() - Take connections; idempotent. */
void gate_lift(struct gate *g);

/** gate_shut() - Leave them in the kernel's queue; idempotent. */
void gate_shut(struct gate *g);

/**
 * gate_close() - For good; idempotent
 *
 * The memory may go once the loop has ended.
 */
void gate_close(struct gate *g);

#endif /* NET_GATE_H */
