#ifndef RUN_LIMITS_H
#define RUN_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * limits.h - how many sessions the inputs of a run may have, and how large.
 *
 * Where each session needs descriptors (the proxy), inputs share those there
 * are: what one does not want goes to the others.
 */

struct err;
struct input;
struct plan;

/**
 * struct limits_fds - Descriptors of a run
 * @all:	That this process may have
 * @files:	That a sink may spend on files of sessions (sink_env.max_open)
 * @lingering:	That one that sends may spend on consumers of sessions that are
 *		over (sink_env.max_linger)
 * @pipes:	Pipes that a worker of a proxy may have
 * @for_pipes:	What all of these take
 */
struct limits_fds {
	size_t all;
	unsigned files;
	unsigned lingering;
	unsigned pipes;
	size_t for_pipes;
};

/** limits_share() - Share @all out to what @p asks for. */
void limits_share(struct limits_fds *l, const struct plan *p, size_t all);

/**
 * limits_set() - Before the inputs start
 * @inputs:	@n of them
 * @fit:	So many sessions fit into our descriptors, > 0
 *
 * Return: 0 or -ENOMEM
 */
int limits_set(const struct input *inputs, size_t n, uint64_t fit,
    struct err *err) ATTR_WUNRES;

/**
 * limits_change() - While they hear: what @fresh says of inputs of their names
 *
 * An input that is not there, or of another kind, keeps its limits, as do
 * those that cannot change any.  Return: 0 or -ENOMEM
 */
int limits_change(const struct input *inputs, size_t n, uint64_t fit,
    const struct plan *fresh) ATTR_WUNRES;

#endif /* RUN_LIMITS_H */
