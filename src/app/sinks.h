#ifndef APP_SINKS_H
#define APP_SINKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "core/sink_spec.h"

struct err;
struct packet_iface;
struct plan;
struct source;

/**
 * struct sinks - All sinks of a run
 * @v:		@n pointers, in the order of the plan; owned
 * @ifaces:	Of each: the interfaces that it knows from the start; owned
 */
struct sinks {
	struct sink **v;
	struct packet_iface **ifaces;
	size_t n;
};

/** sinks_is_stdout() - Does what is asked for go to standard output? */
bool sinks_is_stdout(const struct sink_spec *spec);

/**
 * sinks_make() - Make what a plan asks for, in its order
 * @s:		Set on success; free with sinks_free()
 * @sources:	Those of the plan's inputs, in their order; they outlive the
 *		sinks
 * @env:	What all sinks have in common; what depends on the inputs that
 *		a sink hears is set here: tap if one of them is a tap, else
 *		proxy if one is, else read
 * @err:	Begins with the sink: "flows: ..."
 *
 * Settles what a specification left open.  Names: that of the kind, or
 * "kind-2", "kind-3", ... when taken.  Queue: the kind's default, at most 8 MiB
 * when files are read (reading waits without harm).  on-full
 * (decision 1): drop for live sockets and for taps; standard output drops too,
 * save when files are read; any other recording pauses.
 *
 * Return: 0, -ENOMEM, or what the kind's make() returned: -EINVAL and -EEXIST
 *	   mean that the text is wrong, anything else the surroundings
 */
int sinks_make(struct sinks *s, const struct plan *p,
    struct source *const *sources, const struct sink_env *env,
    struct err *err) ATTR_WUNRES;

/**
 * sinks_heard_by() - Which sinks hear an input?
 * @p:		The plan that @s was made from
 * @input:	Its name
 * @out:	Room for @s->n of them
 *
 * Return: how many it has put there
 */
size_t sinks_heard_by(const struct sinks *s, const struct plan *p,
    const char *input, struct sink **out);

/** sinks_free() - Release all of them, after their lanes; idempotent. */
void sinks_free(struct sinks *s);

#endif /* APP_SINKS_H */
