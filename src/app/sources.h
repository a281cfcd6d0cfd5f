#ifndef APP_SOURCES_H
#define APP_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/source.h"

/*
 * sources.h - from a plan to the source that it asks for.
 *
 * What differs between proxy, tap and read, seen from app/run.c, is here;
 * everything else goes through core/source.h.
 */

struct err;
struct plan;

/**
 * struct sources_opts - What the surroundings add to the plan
 * @fds:	Descriptors this process may have
 * @events:	See core/source.h
 */
struct sources_opts {
	size_t fds;
	struct source_events events;
};

/**
 * sources_open() - Open the listeners, the interface or the files
 *
 * What needs privileges happens here and nowhere else.  Return: NULL with @err
 * filled in; *@code is then -EINVAL when the text is wrong (a filter), else
 * another -errno
 */
struct source *sources_open(const struct plan *p, const struct sources_opts *o,
    int *code, struct err *err) ATTR_WUNRES;

/** sources_workers() - How many threads carry the traffic of this plan; > 0 */
size_t sources_workers(const struct plan *p);

/**
 * sources_limit() - Settle how many sessions there may be at once
 * @fit:	So many fit into the descriptors that the sinks have left
 *
 * Before the source is started.
 */
void sources_limit(struct source *src, const struct plan *p, uint64_t fit);

/** sources_announce() - Say what is heard, or call the plan's ready(). */
void sources_announce(const struct source *src, const struct plan *p);

#endif /* APP_SOURCES_H */
