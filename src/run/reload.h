#ifndef RUN_RELOAD_H
#define RUN_RELOAD_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * reload.h - SIGHUP: the configuration is read again, and what can change
 * without touching a session changes.
 *
 *	outputs		those that are not wanted any more are removed, new
 *			ones added; one that says something else now is both.
 *			What control has added stays.
 *	logging		all of it
 *	limits		max-sessions, max-concurrent, max-bytes, idle-timeout
 *			of inputs that hear live traffic
 *
 * Everything else stays as it is, with a warning for each key.  A file that is
 * wrong changes nothing.
 */

struct err;
struct outputs;
struct plan;
struct reload;
struct sinks;

/**
 * struct reload_opts - What it is made from; outlives it
 * @plan:	What the run was started with; its reread() is called
 * @outputs:	Where sinks come and go
 * @sinks:	As they are now: those of the plan, in its order
 * @limit:	Give the limits of @fresh's inputs to those of the same names
 * @done:	It has been read, and whatever had to change has changed
 * @self:	Passed to both
 */
struct reload_opts {
	const struct plan *plan;
	struct outputs *outputs;
	const struct sinks *sinks;
	void (*limit)(void *self, const struct plan *fresh);
	void (*done)(void *self);
	void *self;
};

/** reload_new() - Remember what there is; NULL with @err without memory. */
struct reload *reload_new(
    const struct reload_opts *o, struct err *err) ATTR_WUNRES;

/**
 * reload_now() - Read the configuration again
 *
 * Outputs change later, one after the other; asked for again meanwhile, it
 * begins anew when they have.  What is wrong is logged.
 */
void reload_now(struct reload *r);

/** reload_removes() - Is the output of this name about to be removed? */
bool reload_removes(const struct reload *r, const char *name);

/** reload_free() - After outputs_stop(); NULL is a no-op. */
void reload_free(struct reload *r);

#endif /* RUN_RELOAD_H */
