#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "core/sink.h"
#include "run/drain.h"

/**
 * struct drain - A sink on its way out
 * @threaded:	@thread runs; else the sink is drained by the caller
 */
struct drain {
	struct sink *sink;
	uint64_t deadline_ns;
	pthread_t thread;
	bool threaded;
	int rc;
};

static uint64_t
deadline_of(const struct sink *sink, uint64_t deadline_ns, bool is_told)
{
	return is_told || sink->on_full != ON_FULL_PAUSE ? deadline_ns
							 : CLOCK_NEVER;
}

static void *
run(void *self)
{
	struct drain *d = self;

	d->rc = d->sink->ops->drain(d->sink, d->deadline_ns);
	return NULL;
}

static void *
thread_main(void *self)
{
	struct drain *d = self;

	thread_name("drain %s", d->sink->name);
	return run(d);
}

/* Those without a thread come last: then nobody waits for them. */
static int
finish(struct drain *v, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		if (!v[i].threaded)
			(void)run(&v[i]);
	for (size_t i = 0; i < n; i++) {
		if (v[i].threaded)
			(void)pthread_join(v[i].thread, NULL);
		if (v[i].rc != 0)
			rc = v[i].rc;
	}
	return rc;
}

/* Without memory for threads: one after the other is better than not. */
static int
drain_in_turn(
    struct sink *const *sinks, size_t n, uint64_t deadline_ns, bool is_told)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct drain d = { .sink = sinks[i],
			.deadline_ns =
			    deadline_of(sinks[i], deadline_ns, is_told) };

		if (sinks[i]->ops->drain == NULL)
			continue;
		(void)run(&d);
		if (d.rc != 0)
			rc = d.rc;
	}
	return rc;
}

int
drain_all(
    struct sink *const *sinks, size_t n, uint64_t deadline_ns, bool is_told)
{
	struct drain *v = calloc(n + 1, sizeof(*v));
	size_t used = 0;
	int rc;

	if (v == NULL)
		return drain_in_turn(sinks, n, deadline_ns, is_told);
	for (size_t i = 0; i < n; i++) {
		struct drain *d = &v[used];

		if (sinks[i]->ops->drain == NULL)
			continue;
		d->sink = sinks[i];
		d->deadline_ns = deadline_of(sinks[i], deadline_ns, is_told);
		d->threaded =
		    pthread_create(&d->thread, NULL, thread_main, d) == 0;
		used++;
	}
	rc = finish(v, used);
	free(v);
	return rc;
}
