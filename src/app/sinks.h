#ifndef APP_SINKS_H
#define APP_SINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/sink_spec.h"

struct err;
struct plan;

/**
 * struct sinks - All sinks of a run
 * @v:		@n pointers, as fanout_new() wants them; owned
 */
struct sinks {
	struct sink **v;
	size_t n;
};

/** sinks_is_stdout() - Does what is asked for go to standard output? */
bool sinks_is_stdout(const struct sink_spec *spec);

/**
 * sinks_make() - Make what a plan asks for, in its order
 * @s:		Set on success; free with sinks_free()
 * @env:	Borrowed until all sinks are freed
 * @err:	Begins with the sink: "flows: ..."
 *
 * Settles what a specification left open.  Names: that of the kind, or
 * "kind-2", "kind-3", ... when taken.  Queue: the kind's default, at most 8 MiB
 * when files are read (reading waits without harm).  on-full
 * (decision 1): drop for live sockets and for taps, but close where a record
 * with a hole is worth nothing; standard output drops too, save when files are
 * read; any other recording pauses.
 *
 * Return: 0, -ENOMEM, or what the kind's make() returned: -EINVAL and -EEXIST
 *	   mean that the text is wrong, anything else the surroundings
 */
int sinks_make(struct sinks *s, const struct plan *p,
    const struct sink_env *env, struct err *err) ATTR_WUNRES;

/**
 * sinks_sessions() - How many sessions of a proxy fit into descriptors
 * @fds:	That are not in use yet
 * @files:	So many of them each sink of files may take
 *
 * Return: at least 1, since a run that can do nothing helps nobody
 */
uint64_t sinks_sessions(const struct sinks *s, size_t fds, unsigned files);

/** sinks_free() - Release all of them, after their lanes; idempotent. */
void sinks_free(struct sinks *s);

#endif /* APP_SINKS_H */
