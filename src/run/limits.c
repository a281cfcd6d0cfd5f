#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/plan.h"
#include "core/source.h"
#include "run/descriptors.h"
#include "run/input.h"
#include "run/limits.h"
#include "run/sinks.h"
#include "run/sources.h"

void
limits_share(struct limits_fds *l, const struct plan *p, size_t all)
{
	size_t splicers = sources_splicers(p->sources, p->nsources);
	size_t shared = 0;
	bool sockets = false;

	for (size_t i = 0; i < p->nsources; i++)
		sockets = sockets || sources_has_limit(&p->sources[i]);
	for (size_t i = 0; i < p->nsinks; i++)
		shared += sinks_is_shared(&p->sinks[i]);
	*l = (struct limits_fds){
		.all = all,
		.files = descriptors_per_sink(all, p->nsinks, shared, sockets),
		.lingering = descriptors_lingering(all, p->nsinks),
		.pipes = splicers > 0 ? descriptors_pipes(all, splicers) : 0,
	};
	l->for_pipes = 2 * splicers * l->pipes;
}

/* NULL: what the run was started with. */
static const struct plan_source *
wanted_of(const struct input *in, const struct plan *fresh)
{
	const struct plan_source *s = NULL;

	if (fresh != NULL)
		s = plan_find_source(fresh, in->plan->name);
	return s != NULL && s->input == in->plan->input ? s : in->plan;
}

/* What each input with sources_has_limit() gets; NULL without memory. */
static uint64_t *
share(const struct input *inputs, size_t n, uint64_t fit,
    const struct plan *fresh)
{
	uint64_t *want = calloc(n, sizeof(*want));
	size_t nwant = 0;

	if (want == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (sources_has_limit(inputs[i].plan))
			want[nwant++] =
			    wanted_of(&inputs[i], fresh)->max_concurrent;
	descriptors_share(fit, want, nwant);
	return want;
}

int
limits_set(const struct input *inputs, size_t n, uint64_t fit, struct err *err)
{
	uint64_t *gets = share(inputs, n, fit, NULL);
	size_t next = 0;

	if (gets == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (sources_has_limit(inputs[i].plan))
			sources_limit(
			    inputs[i].source, inputs[i].plan, gets[next++]);
	free(gets);
	return 0;
}

int
limits_change(const struct input *inputs, size_t n, uint64_t fit,
    const struct plan *fresh)
{
	uint64_t *gets = share(inputs, n, fit, fresh);
	size_t next = 0;

	if (gets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct plan_source *s = wanted_of(&inputs[i], fresh);
		struct source *src = inputs[i].source;
		struct source_limits l = {
			.sessions = s->max_sessions,
			.concurrent = s->max_concurrent,
			.bytes = s->max_bytes,
			.idle_ns = s->idle_timeout_ns,
		};

		if (sources_has_limit(s))
			l.concurrent = gets[next++];
		if (src->ops->limit != NULL && inputs[i].state == INPUT_HEARS)
			src->ops->limit(src, &l);
	}
	free(gets);
	return 0;
}
