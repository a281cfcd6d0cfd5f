#ifndef RUN_SINKS_H
#define RUN_SINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/sink_spec.h"

struct err;
struct limits_fds;
struct packet_iface;
struct plan;
struct source;

/**
 * struct sinks_made - A sink, and what is kept beside it; all of it owned
 * @sink:	Its ops are NULL if it could not be made to its end
 * @ifaces:	The interfaces that it knows from the start
 * @text:	What it was made from, as its user wrote it, or in short
 * @kind, @arg:	Those of its specification
 * @is_stdout:	See sinks_is_stdout()
 * @is_shared:	See sinks_is_shared()
 * @is_stuck:	A thread of it had to be left behind (sink_ops.drain)
 */
struct sinks_made {
	struct sink *sink;
	struct packet_iface *ifaces;
	char *text;
	char *kind;
	char *arg;
	bool is_stdout;
	bool is_shared;
	bool is_stuck;
};

/**
 * struct sinks - All sinks of a run
 * @v:		@n pointers, in the order of the plan, then in that of coming
 * @made:	What belongs to each: @made[i].sink is @v[i]; owned
 */
struct sinks {
	struct sink **v;
	struct sinks_made *made;
	size_t n;
};

/**
 * struct sinks_from - What sinks are made from, beside their specification
 * @plan:	Of the run
 * @sources:	Those of the plan's inputs, in their order; they outlive the
 *		sinks
 * @env:	What all sinks have in common; what depends on the inputs that
 *		a sink hears is set here: tap if one of them is a tap, else
 *		proxy if one is, else read
 */
struct sinks_from {
	const struct plan *plan;
	struct source *const *sources;
	const struct sink_env *env;
};

/** sinks_is_stdout() - Does what is asked for go to standard output? */
bool sinks_is_stdout(const struct sink_spec *spec);

/**
 * sinks_is_shared() - Does it need few descriptors, for all sessions together?
 *
 * Not if each session has files (or clients) of its own.  What sessions have
 * in connections (sink.session_fds) is another matter.
 */
bool sinks_is_shared(const struct sink_spec *spec);

/**
 * sinks_make() - Make what a plan asks for, in its order
 * @s:		Set on success; free with sinks_free()
 * @err:	Begins with the sink: "flows: ..."
 *
 * Settles what a specification left open.  Names: that of the kind, or
 * "kind-2", "kind-3", ... when taken.  Queue: the kind's default, at most 6 MiB
 * when files are read (reading waits without harm).  on-full
 * (decision 1): drop for live sockets and for taps, but close where a record
 * with a hole is worth nothing; standard output drops too, save when files are
 * read; any other recording pauses.
 *
 * Return: 0, -ENOMEM, or what the kind's make() returned: -EINVAL and -EEXIST
 *	   mean that the text is wrong, anything else the surroundings
 */
int sinks_make(struct sinks *s, const struct sinks_from *from,
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

/**
 * sinks_choose_name() - For one that is to come while others are there
 * @name:	Set on success; to be freed
 *
 * Return: 0, -ENOMEM, or -EEXIST: the one that was asked for is taken
 */
int sinks_choose_name(const struct sinks *s, const struct sink_spec *spec,
    char **name, struct err *err) ATTR_WUNRES;

/**
 * sinks_make_one() - Make one more, which is none of @s yet
 * @m:		Release it with sinks_made_done(), also on failure
 * @name:	Copied
 *
 * From any thread; it may open files and look names up.  For the rest see
 * sinks_make().
 */
int sinks_make_one(struct sinks_made *m, const char *name,
    const struct sinks_from *from, const struct sink_spec *spec,
    struct err *err) ATTR_WUNRES;

/** sinks_made_done() - Release it, after its lanes; idempotent. */
void sinks_made_done(struct sinks_made *m);

/** sinks_reserve() - Make room for one more; 0 or -ENOMEM. */
int sinks_reserve(struct sinks *s) ATTR_WUNRES;

/** sinks_append() - It is one of them now; there is room for it. */
void sinks_append(struct sinks *s, struct sinks_made *m);

/** sinks_take_out() - Release one of them, after its lanes. */
void sinks_take_out(struct sinks *s, const struct sink *sink);

/**
 * sinks_sessions() - How many sessions of a proxy fit into descriptors
 * @fds:	That are not in use yet
 * @l:		So many of them a sink may take that is not shared, or that has
 *		connections
 *
 * Return: at least 1, since a run that can do nothing helps nobody
 */
uint64_t sinks_sessions(
    const struct sinks *s, size_t fds, const struct limits_fds *l);

/**
 * sinks_try() - Is this specification right, as far as can be told dry?
 * @p:		The inputs that it will hear
 * @err:	What the kind says
 *
 * Opens nothing.  Return: 0, -EINVAL or -ENOMEM
 */
int sinks_try(const struct plan *p, const struct sink_spec *spec,
    struct err *err) ATTR_WUNRES;

/** sinks_free() - Release all of them, after their lanes; idempotent. */
void sinks_free(struct sinks *s);

#endif /* RUN_SINKS_H */
