#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/outfile.h"
#include "config/plan.h"
#include "core/packet.h"
#include "core/source.h"
#include "run/descriptors.h"
#include "run/kinds.h"
#include "run/limits.h"
#include "run/places.h"
#include "run/sinks.h"

/* Enough for a writer to be busy while the next batches are made. */
#define READ_QUEUE ((size_t)6 << 20)

/* Names that the plan asks for are taken from the start; @p may be NULL. */
static bool
is_taken(const struct plan *p, const struct sinks *s, const char *name)
{
	for (size_t i = 0; p != NULL && i < p->nsinks; i++)
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
	const struct sink_kind *kind = kinds_find(spec->kind);

	return kind != NULL && goes_to_stdout(kind, spec);
}

bool
sinks_is_shared(const struct sink_spec *spec)
{
	static const char *const many[] = { "DIR", "ROOT", "ADDR:PORT" };
	const struct sink_kind *kind = kinds_find(spec->kind);

	if (kind == NULL || kind->arg == NULL)
		return true;
	for (size_t i = 0; i < ATTR_COUNT(many); i++)
		if (strcmp(kind->arg, many[i]) == 0)
			return false;
	/* Fields: a file for each session. */
	return strcmp(kind->arg, "FILE") != 0 || strchr(spec->arg, '{') == NULL;
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

/* Every name that a sink hears is that of an input. */
static int
check_inputs(
    const struct plan *p, const struct sink_spec *spec, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < spec->ninputs; i++)
		rc = plan_check_input(p, spec->inputs[i], err);
	if (rc != 0)
		err_prefix(err, "input: ");
	return rc;
}

/* A tap cannot wait and a proxy should not: the one that can least decides. */
static bool
outranks(const char *source, const char *other)
{
	if (strcmp(source, "tap") == 0)
		return true;
	return strcmp(source, "proxy") == 0 && strcmp(other, "read") == 0;
}

/* Appends the interfaces of @src to *@all, @env->nifaces of them. */
static int
add_ifaces(
    const struct source *src, struct packet_iface **all, struct sink_env *env)
{
	const struct packet_iface *list;
	struct packet_iface *more;
	size_t n;

	if (src->ops->ifaces == NULL)
		return 0;
	n = src->ops->ifaces(src, &list);
	if (n == 0)
		return 0;
	more = realloc(*all, (env->nifaces + n) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	memcpy(more + env->nifaces, list, n * sizeof(*more));
	*all = more;
	env->nifaces += n;
	return 0;
}

/* What the inputs mean to a sink that hears them; *@ifaces: owned. */
static int
settle_env(const struct sink_spec *spec, const struct plan *p,
    struct source *const *sources, struct sink_env *env,
    struct packet_iface **ifaces)
{
	env->source = NULL;
	env->packets = false;
	env->nifaces = 0;
	env->inputs = plan_has_names(p);
	for (size_t i = 0; i < p->nsources; i++) {
		const struct source_ops *ops = sources[i]->ops;

		if (!sink_spec_hears(spec, p->sources[i].name))
			continue;
		if (env->source == NULL || outranks(ops->name, env->source))
			env->source = ops->name;
		env->packets = env->packets || ops->packets;
		if (add_ifaces(sources[i], ifaces, env) != 0)
			return -ENOMEM;
	}
	assert(env->source != NULL);
	env->ifaces = *ifaces;
	return 0;
}

static void
settle_policy(struct sink *sink, const struct sink_kind *kind,
    const struct sink_spec *spec, const struct sink_env *env)
{
	sink->queue =
	    spec->queue != 0 ? spec->queue : default_queue(kind, env->source);
	sink->match = spec->match;
	sink->on_full = spec->has_on_full
			    ? spec->on_full
			    : default_on_full(kind, spec, env->source);
}

/* "KIND:ARG" for those that were not written as a text. */
static char *
text_of(const struct sink_spec *spec)
{
	size_t len = strlen(spec->kind) + strlen(spec->arg) + 2;
	char *text;

	if (spec->text != NULL)
		return strdup(spec->text);
	text = malloc(len);
	if (text != NULL)
		(void)snprintf(text, len, "%s%s%s", spec->kind,
		    spec->arg[0] != '\0' ? ":" : "", spec->arg);
	return text;
}

static int
begin_one(struct sinks_made *m, const char *name, const struct sink_spec *spec)
{
	*m = (struct sinks_made){
		.sink = calloc(1, sizeof(*m->sink)),
		.text = text_of(spec),
		.kind = strdup(spec->kind),
		.arg = strdup(spec->arg),
		.is_stdout = sinks_is_stdout(spec),
		.is_shared = sinks_is_shared(spec),
	};
	if (m->sink != NULL)
		m->sink->name = strdup(name);
	if (m->text == NULL || m->kind == NULL || m->arg == NULL)
		return -ENOMEM;
	return m->sink == NULL || m->sink->name == NULL ? -ENOMEM : 0;
}

static int
check_place(void *self, const char *path)
{
	int rc = outfile_check_folder(path);

	return rc == 0 ? 0
		       : err_set(self, rc, "cannot write in %s: %s", path,
			     outfile_why(rc));
}

int
sinks_make_one(struct sinks_made *m, const char *name,
    const struct sinks_from *from, const struct sink_spec *spec,
    struct err *err)
{
	const struct sink_kind *kind = kinds_find(spec->kind);
	struct sink_env env = *from->env;
	int rc = begin_one(m, name, spec);

	if (rc != 0)
		return err_set(err, rc, "out of memory");
	if (kind == NULL)
		return err_set(
		    err, -EINVAL, "\"%.64s\" is no kind of sink", spec->kind);
	rc = check_inputs(from->plan, spec, err);
	if (rc == 0)
		rc = places_of_output(spec, check_place, err);
	if (rc == 0 &&
	    settle_env(spec, from->plan, from->sources, &env, &m->ifaces) != 0)
		rc = err_set(err, -ENOMEM, "out of memory");
	if (rc == 0) {
		settle_policy(m->sink, kind, spec, &env);
		rc = kind->make(m->sink, spec, &env, err);
		/* Half made: there is nothing that free() could release. */
		if (rc != 0)
			m->sink->ops = NULL;
	}
	if (rc != 0)
		err_prefix(err, "%s: ", name);
	return rc;
}

void
sinks_made_done(struct sinks_made *m)
{
	struct sink *sink = m->sink;

	if (sink != NULL && sink->ops != NULL && sink->ops->free != NULL)
		sink->ops->free(sink);
	if (sink != NULL)
		free(sink->name);
	free(sink);
	free(m->ifaces);
	free(m->text);
	free(m->kind);
	free(m->arg);
	*m = (struct sinks_made){ .sink = NULL };
}

int
sinks_reserve(struct sinks *s)
{
	struct sink **v = realloc(s->v, (s->n + 1) * sizeof(struct sink *));
	struct sinks_made *made;

	if (v == NULL)
		return -ENOMEM;
	s->v = v;
	made = realloc(s->made, (s->n + 1) * sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	s->made = made;
	return 0;
}

void
sinks_append(struct sinks *s, struct sinks_made *m)
{
	assert(s->v != NULL && s->made != NULL); /* sinks_reserve() */
	s->v[s->n] = m->sink;
	s->made[s->n] = *m;
	s->n++;
	*m = (struct sinks_made){ .sink = NULL };
}

/* The next of the plan. */
static int
add_one(struct sinks *s, const struct sinks_from *from, struct err *err)
{
	const struct sink_spec *spec = &from->plan->sinks[s->n];
	struct sinks_made m = { .sink = NULL };
	char *name = choose_name(from->plan, s, spec);
	int rc = -ENOMEM;

	if (name != NULL)
		rc = sinks_reserve(s);
	if (rc != 0)
		rc = err_set(err, rc, "out of memory");
	else
		rc = sinks_make_one(&m, name, from, spec, err);
	if (rc == 0)
		sinks_append(s, &m);
	sinks_made_done(&m);
	free(name);
	return rc;
}

int
sinks_make(struct sinks *s, const struct sinks_from *from, struct err *err)
{
	struct sinks made = { .n = 0 };
	int rc = check_names(from->plan, err);

	while (rc == 0 && made.n < from->plan->nsinks)
		rc = add_one(&made, from, err);
	if (rc != 0) {
		sinks_free(&made);
		return rc;
	}
	*s = made;
	return 0;
}

int
sinks_choose_name(const struct sinks *s, const struct sink_spec *spec,
    char **name, struct err *err)
{
	char *chosen;

	if (spec->name != NULL && is_taken(NULL, s, spec->name))
		return err_set(err, -EEXIST,
		    "there is an output of the name \"%.64s\" already",
		    spec->name);
	chosen = choose_name(NULL, s, spec);
	if (chosen == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	*name = chosen;
	return 0;
}

size_t
sinks_heard_by(const struct sinks *s, const struct plan *p, const char *input,
    struct sink **out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (sink_spec_hears(&p->sinks[i], input))
			out[n++] = s->v[i];
	return n;
}

void
sinks_take_out(struct sinks *s, const struct sink *sink)
{
	size_t i = 0;

	while (s->v[i] != sink) {
		i++;
		assert(i < s->n);
	}
	sinks_made_done(&s->made[i]);
	s->n--;
	memmove(&s->v[i], &s->v[i + 1], (s->n - i) * sizeof(struct sink *));
	memmove(&s->made[i], &s->made[i + 1], (s->n - i) * sizeof(s->made[0]));
}

uint64_t
sinks_sessions(const struct sinks *s, size_t fds, const struct limits_fds *l)
{
	size_t each = 2; /* the client's and the server's socket */

	for (size_t i = 0; i < s->n; i++) {
		bool is_shared = s->made[i].is_shared;
		size_t own = s->v[i]->session_fds;
		size_t taken = is_shared ? DESCRIPTORS_SHARED : l->files;

		if (own > 0)
			taken = l->lingering;
		each += own;
		fds = fds > taken ? fds - taken : 0;
	}
	return fds > each ? fds / each : 1;
}

void
sinks_free(struct sinks *s)
{
	for (size_t i = 0; i < s->n; i++)
		sinks_made_done(&s->made[i]);
	free(s->made);
	free(s->v);
	*s = (struct sinks){ .n = 0 };
}

/* As settle_env() will have it when there are sources. */
static const char *
leading_input(const struct plan *p, const struct sink_spec *spec)
{
	const char *leads = plan_input_name(PLAN_READ);

	for (size_t i = 0; i < p->nsources; i++) {
		const char *name = plan_input_name(p->sources[i].input);

		if (sink_spec_hears(spec, p->sources[i].name) &&
		    outranks(name, leads))
			leads = name;
	}
	return leads;
}

/* For kinds whose make() has no lasting effect. */
static int
try_make(const struct sink_kind *kind, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	char name[] = "trial";
	struct sink trial = { .name = name };
	int rc;

	settle_policy(&trial, kind, spec, env);
	rc = kind->make(&trial, spec, env, err);
	/* Half made, there is nothing that free() could release. */
	if (rc == 0 && trial.ops->free != NULL)
		trial.ops->free(&trial);
	return rc;
}

int
sinks_try(const struct plan *p, const struct sink_spec *spec, struct err *err)
{
	const struct sink_kind *kind = kinds_find(spec->kind);
	const struct sink_env env = { .source = leading_input(p, spec) };

	if (kind == NULL)
		return err_set(
		    err, -EINVAL, "\"%.64s\" is no kind of sink", spec->kind);
	return kind->check != NULL ? kind->check(spec, &env, err)
				   : try_make(kind, spec, &env, err);
}
