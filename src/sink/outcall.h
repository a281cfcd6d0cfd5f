#ifndef SINK_OUTCALL_H
#define SINK_OUTCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/endpoint.h"
#include "base/list.h"
#include "net/deadline.h"
#include "net/dial.h"
#include "net/own.h"
#include "net/resolve.h"

/*
 * outcall.h - calls from sinks to their consumers: resolve, connect, try
 * again.
 *
 * A target is where all calls of a sink on one worker go; a call is one
 * connection that is wanted there.  Calls are paced: after a failure a call
 * waits before it tries again, so that an absent consumer costs a connect now
 * and then and nothing else.
 */

struct err;
struct worker;

/**
 * struct outcall_opts - How to call
 * @endpoint:	An ENDPOINT_DIAL; lives as long as the sink
 * @timeout_ns:	For each address
 * @retry_ns:	From a failure to the next try; > 0
 * @tries:	Then the call has failed; 0: for ever
 * @own:	Enter the connections as ours (net/own.h): traffic is captured.
 *		The entry lasts until outcall_cancel().
 * @name:	Of the sink; lives as long as it
 * @tell:	Hears that a call has failed, and why; again only once one was
 *		answered.  Called on each worker; NULL: nobody hears it
 * @tell_self:	Passed to it
 */
struct outcall_opts {
	const struct endpoint *endpoint;
	uint64_t timeout_ns;
	uint64_t retry_ns;
	unsigned tries;
	bool own;
	const char *name;
	void (*tell)(void *self, const char *text);
	void *tell_self;
};

/**
 * struct outcall_target - Where calls of one worker go; private
 * @is_absent:	The last call has failed, which was told
 */
struct outcall_target {
	struct outcall_opts o;
	struct worker *worker;
	struct resolve resolve;
	struct deadline_queue pauses;
	struct list calls;
	bool stopped;
	bool is_absent;
};

/**
 * outcall_target_init() - Look the name up, on this thread, which may block
 *
 * Return: 0, or -errno with @err when the name has no address
 */
int outcall_target_init(struct outcall_target *t, const struct outcall_opts *o,
    struct worker *w, struct err *err) ATTR_WUNRES;

/**
 * outcall_target_stop() - Make no more calls; those under way are cancelled
 *
 * On the worker's thread.  Nobody is told.
 */
void outcall_target_stop(struct outcall_target *t);

/** outcall_target_is_idle() - Stopped, and no look-up is under way any more. */
bool outcall_target_is_idle(const struct outcall_target *t);

/**
 * outcall_target_turn() - Try again whose pause is over
 *
 * Return: when to be called again at the latest (monotonic ns), or
 *	   CLOCK_NEVER
 */
uint64_t outcall_target_turn(struct outcall_target *t, uint64_t mono_ns);

/**
 * struct outcall - A connection that is wanted; private
 * @answered:	Connected: @fd is owned by the callee, who may free the call.
 *		It is over.
 * @failed:	So many tries have failed; @error is that of the last one (a
 *		negative errno).  The call is over.
 * @self:	Passed to these; neither is called from within outcall_start()
 */
struct outcall {
	struct outcall_target *target;
	struct list node;
	struct resolve_waiter waiter;
	struct deadline pause;
	struct dial *dial;
	struct own own;
	bool entered;
	unsigned tried;
	void (*answered)(void *self, int fd);
	void (*failed)(void *self, int error);
	void *self;
};

/** outcall_init() - No call yet; the callbacks are set by the caller. */
void outcall_init(struct outcall *c, struct outcall_target *t);

/**
 * outcall_start() - Call
 * @at_once:	Else after a pause, as after a failure
 *
 * The first try is made in the next turn of the loop at the earliest.
 */
void outcall_start(struct outcall *c, bool at_once);

/** outcall_is_on() - Is a call under way, or waiting for its next try? */
bool outcall_is_on(const struct outcall *c);

/** outcall_cancel() - Nobody is told any more; idempotent. */
void outcall_cancel(struct outcall *c);

#endif /* SINK_OUTCALL_H */
