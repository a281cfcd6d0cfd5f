#ifndef RUN_SOURCES_H
#define RUN_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/source.h"

/*
 * sources.h - from an input of a plan to the source that it asks for.
 *
 * What differs between proxy, tap and read, seen from run/run.c, is here;
 * everything else goes through core/source.h.
 */

struct addr;
struct err;
struct plan_source;

/**
 * struct sources_opts - What the surroundings add to an input
 * @pipes:	That each worker of a proxy may use
 * @names:	--names
 * @numbers:	Of the run; outlive the source
 * @events:	See core/source.h
 */
struct sources_opts {
	unsigned pipes;
	bool names;
	struct source_numbers *numbers;
	struct source_events events;
};

/**
 * sources_open() - Open the listeners, the interface or the files
 *
 * What needs privileges happens here and nowhere else.  Return: NULL with @err
 * filled in; *@code is then -EINVAL when the text is wrong (a filter), else
 * another -errno
 */
struct source *sources_open(const struct plan_source *s,
    const struct sources_opts *o, int *code, struct err *err) ATTR_WUNRES;

/** sources_workers() - How many threads carry its traffic; > 0 */
size_t sources_workers(const struct plan_source *s);

/** sources_splicers() - Of @n inputs, workers that may use pipes. */
size_t sources_splicers(const struct plan_source *v, size_t n);

/** sources_has_limit() - Does each session of its need descriptors? */
bool sources_has_limit(const struct plan_source *s);

/**
 * sources_limit() - Settle how many sessions there may be at once
 * @limit:	> 0; the plan's max_concurrent, as far as descriptors go
 *
 * Before it is started; of those with sources_has_limit().
 */
void sources_limit(
    struct source *src, const struct plan_source *s, uint64_t limit);

/**
 * sources_addrs() - Where it listens
 * @out:	Room for @max of them
 *
 * Return: how many it has put there
 */
size_t sources_addrs(const struct source *src, const struct plan_source *s,
    struct addr *out, size_t max);

/** sources_iface() - The interface that it captures on; NULL: none. */
const char *sources_iface(
    const struct source *src, const struct plan_source *s);

/** sources_announce() - Say on standard error what is heard. */
void sources_announce(const struct source *src, const struct plan_source *s);

#endif /* RUN_SOURCES_H */
