#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/endpoint.h"
#include "base/list.h"
#include "net/socket.h"

/*
 * resolve.h - the addresses behind a target, as one worker sees them.
 *
 * A numeric target or a UNIX path is its own address.  A name is looked up in
 * the loop's thread pool; the answer serves for RESOLVE_AGE_NS, so that a
 * change in the DNS is noticed and a thousand sessions a second do not mean a
 * thousand look-ups.
 */

struct err;

#define RESOLVE_AGE_NS (10 * 1000000000ULL)

/**
 * struct resolve_waiter - Somebody who waits for an answer
 * @node:	list_init() before first use
 * @done:	Called on the loop's thread; @rc is 0 or a UV_EAI_* code
 */
struct resolve_waiter {
	struct list node;
	void (*done)(struct resolve_waiter *w, int rc);
};

/**
 * struct resolve - A target
 * @addrs:	@naddrs addresses, in the order they are to be tried; valid
 *		after resolve_now() said true or a waiter was called with 0
 *
 * The other fields belong to resolve.c.
 */
struct resolve {
	const struct endpoint *endpoint;
	uv_loop_t *loop;
	struct addr addrs[SOCKET_MAX_ADDRS];
	size_t naddrs;
	bool numeric;
	bool busy;
	uint64_t asked_ns;
	struct list waiters;
	uv_getaddrinfo_t req;
};

/**
 * resolve_init() - Prepare; look a name up now, on this thread
 * @e:		An ENDPOINT_DIAL; lives as long as the program
 * @loop:	The worker's
 *
 * Return: 0, or -errno with @err when the name has no address
 */
int resolve_init(struct resolve *r, const struct endpoint *e, uv_loop_t *loop,
    struct err *err) ATTR_WUNRES;

/** resolve_now() - Are the addresses fresh? */
bool resolve_now(const struct resolve *r);

/**
 * resolve_wait() - Ask; the waiter is called later, never at once
 *
 * Return: 0, or -errno when nothing could be asked: then nobody waits
 */
int resolve_wait(struct resolve *r, struct resolve_waiter *w) ATTR_WUNRES;

/** resolve_cancel() - Stop waiting; idempotent. */
void resolve_cancel(struct resolve_waiter *w);

/** resolve_is_idle() - Is no look-up under way? */
bool resolve_is_idle(const struct resolve *r);

/** resolve_stop() - Give up a look-up under way, so that the loop can end. */
void resolve_stop(struct resolve *r);

#endif /* NET_RESOLVE_H */
