#ifndef SOURCE_CALLER_H
#define SOURCE_CALLER_H

#include <stdbool.h>
#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/endpoint.h"
#include "net/dial.h"
#include "net/resolve.h"

/*
 * caller.h - a client that does not come to us: we call it (dial:).
 *
 * One connection at a time: the next call is made when caller_next() says
 * that the session is over.  A call that is not answered is made again
 * CALLER_RETRY_MS later.
 */

struct err;

#define CALLER_RETRY_MS 1000

/* From one call to the next, however short the session between them was. */
#define CALLER_PACE_MS 100

/** caller_done - Somebody has answered; @fd is owned by the callee. */
typedef void caller_done(void *self, int fd, const struct addr *peer);

/** struct caller - Private, open only to be embedded. */
struct caller {
	struct resolve resolve;
	struct resolve_waiter waiter;
	uint64_t timeout_ns;
	struct dial *dial;
	uv_timer_t timer;
	uv_loop_t *loop;
	bool closed;
	uint64_t called_ms;
	caller_done *done;
	void *self;
};

/** caller_init() - Prepare on @loop; 0, or -errno with @err. */
int caller_init(struct caller *c, const struct endpoint *e, uv_loop_t *loop,
    uint64_t timeout_ns, struct err *err) ATTR_WUNRES;

/** caller_on_done() - Whom to tell; before the first caller_next(). */
void caller_on_done(struct caller *c, caller_done *done, void *self);

/** caller_next() - Make the next call, a turn later. */
void caller_next(struct caller *c);

/** caller_close() - Stop for good; idempotent. */
void caller_close(struct caller *c);

#endif /* SOURCE_CALLER_H */
