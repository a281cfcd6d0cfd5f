#ifndef SINK_STREAM_H
#define SINK_STREAM_H

#include <stddef.h>

#include "base/attr.h"
#include "core/sink_spec.h"

/*
 * stream.h - a format (sink/format.h) on standard output or in files.
 *
 *	FILE		one file for all sessions; must not exist yet, unless
 *			append=yes: then it goes on at its end
 *	FILE with fields	a file for each session, or with {dir} for each
 *			direction of it; never over a file that exists
 *	-		standard output; full queues drop, except in "read"
 *	&2		standard error, likewise
 *
 * The key "with", which only personalities set, names more formats: each event
 * is then told by all of them (sink/chorus.h).
 *
 * A file of one direction gets that direction's events, and both ends of the
 * session; its format has a state of its own there.
 */

/* Default of queue= for the kinds that the registry makes of formats. */
#define STREAM_QUEUE ((size_t)64 * 1024 * 1024)

/** stream_keys - The kinds' own keys, as in struct sink_kind. */
extern const struct sink_key stream_keys[];

/**
 * stream_make() - As struct sink_kind's make, for every format
 *
 * The kind of @spec is the name of the format, which exists.
 */
int stream_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err) ATTR_WUNRES;

/** stream_check() - Likewise its check: opens nothing. */
int stream_check(const struct sink_spec *spec, const struct sink_env *env,
    struct err *err) ATTR_WUNRES;

#endif /* SINK_STREAM_H */
