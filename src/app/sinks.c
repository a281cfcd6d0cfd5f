#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/registry.h"
#include "app/sinks.h"
#include "base/err.h"
#include "config/plan.h"

/* Enough for a writer to be busy while the next batches are made. */
#define READ_QUEUE ((size_t)8 << 20)

static bool
is_taken(const struct plan *p, const struct sinks *s, const char *name)
{
	/* Names that were asked for are taken from the start. */
	for (size_t i = 0; i < p->nsinks; i++)
		if (p->sinks[i].name != NULL &&
		    strcmp(p->sinks[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->name != NULL && strcmp(s->v[i]->name, name) == 0)
			return true;
	return false;
}

/* "flows", "flows-2", ...; NULL without memory. */
static char *
choose_name(
    const struct plan *p, const struct sinks *s, const struct sink_spec *spec)
{
	char name[96];

	if (spec->name != NULL)
		return strdup(spec->name);
	(void)snprintf(name, sizeof(name), "%.64s", spec->kind);
	for (unsigned i = 2; is_taken(p, s, name); i++)
		(void)snprintf(name, sizeof(name), "%.64s-%u", spec->kind, i);
	return strdup(name);
}

static int
check_names(const struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->nsinks; i++)
		for (size_t j = 0; p->sinks[i].name != NULL && j < i; j++)
			if (p->sinks[j].name != NULL &&
			    strcmp(p->sinks[i].name, p->sinks[j].name) == 0)
				return err_set(err, -EINVAL,
				    "name=%s is given to two sinks",
				    p->sinks[i].name);
	return 0;
}

/* "-" may be the name of a folder as well. */
static bool
goes_to_stdout(const struct sink_kind *kind, const struct sink_spec *spec)
{
	return kind->arg != NULL && strcmp(kind->arg, "FILE") == 0 &&
	       strcmp(spec->arg, "-") == 0;
}

bool
sinks_is_stdout(const struct sink_spec *spec)
{
	const struct sink_kind *kind = registry_find_sink(spec->kind);

	return kind != NULL && goes_to_stdout(kind, spec);
}

static enum on_full
default_on_full(const struct sink_kind *kind, const struct sink_spec *spec,
    const char *source)
{
	if (kind->whole)
		return ON_FULL_CLOSE;
	if (kind->live || strcmp(source, "tap") == 0)
		return ON_FULL_DROP;
	if (goes_to_stdout(kind, spec) && strcmp(source, "read") != 0)
		return ON_FULL_DROP;
	return ON_FULL_PAUSE;
}

/*
 * Who reads files waits for the sinks without harm: there a long queue costs
 * memory and gains nothing.
 */
static size_t
default_queue(const struct sink_kind *kind, const char *source)
{
	bool waits = strcmp(source, "read") == 0 && kind->queue > READ_QUEUE;

	return waits ? READ_QUEUE : kind->queue;
}

/* Appends an empty sink to @s, which has room for it. */
static struct sink *
add_sink(struct sinks *s)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (sink != NULL)
		s->v[s->n++] = sink;
	return sink;
}

static int
make_one(struct sinks *s, const struct plan *p, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	const struct sink_kind *kind = registry_find_sink(spec->kind);
	struct sink *sink;
	char *name;
	int rc;

	if (kind == NULL)
		return err_set(
		    err, -EINVAL, "\"%.64s\" is no kind of sink", spec->kind);
	name = choose_name(p, s, spec);
	sink = name != NULL ? add_sink(s) : NULL;
	if (sink == NULL) {
		free(name);
		return err_set(err, -ENOMEM, "out of memory");
	}
	sink->name = name;
	sink->queue =
	    spec->queue != 0 ? spec->queue : default_queue(kind, env->source);
	sink->match = spec->match;
	sink->on_full = spec->has_on_full
			    ? spec->on_full
			    : default_on_full(kind, spec, env->source);
	rc = kind->make(sink, spec, env, err);
	if (rc != 0) {
		/* Half made: there is nothing that free() could release. */
		sink->ops = NULL;
		err_prefix(err, "%s: ", name);
	}
	return rc;
}

int
sinks_make(struct sinks *s, const struct plan *p, const struct sink_env *env,
    struct err *err)
{
	struct sinks made = { .n = 0 };
	int rc = check_names(p, err);

	if (rc != 0)
		return rc;
	made.v = calloc(p->nsinks + 1, sizeof(struct sink *));
	if (made.v == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < p->nsinks; i++)
		rc = make_one(&made, p, &p->sinks[i], env, err);
	if (rc != 0) {
		sinks_free(&made);
		return rc;
	}
	*s = made;
	return 0;
}

uint64_t
sinks_sessions(const struct sinks *s, size_t fds, unsigned files)
{
	size_t each = 2; /* the client's and the server's socket */

	for (size_t i = 0; i < s->n; i++) {
		size_t own = s->v[i]->session_fds;
		size_t taken = own > 0 ? 0 : files;

		each += own;
		fds = fds > taken ? fds - taken : 0;
	}
	return fds > each ? fds / each : 1;
}

void
sinks_free(struct sinks *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sink *sink = s->v[i];

		if (sink->ops != NULL && sink->ops->free != NULL)
			sink->ops->free(sink);
		free(sink->name);
		free(sink);
	}
	free(s->v);
	*s = (struct sinks){ .n = 0 };
}
