#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"

#include "core/fanout.h"
#include "core/fanout_lanes.h"
#include "core/session.h"

/* The fan-out but for its events: who is there, and for how long. */

struct fanout *
fanout_new(
    struct sink *const *sinks, size_t n, struct worker *w, struct err *err)
{
	struct fanout *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		(void)err_set(err, -ENOMEM, "no memory for %zu sinks", n);
		return NULL;
	}
	fanout_lanes_init(f);
	for (size_t i = 0; i < n; i++) {
		if (fanout_prepare(f, sinks[i], w, err) != 0) {
			fanout_free(f);
			return NULL;
		}
		fanout_add(f, sinks[i]);
	}
	return f;
}

void
fanout_start(struct fanout *f)
{
	uint64_t mask = f->watching;

	f->running = true;
	while (mask != 0)
		fanout_lanes_start(&f->lane[fanout_lanes_next(&mask)]);
}

void
fanout_free(struct fanout *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < FANOUT_MAX_SINKS; i++)
		if (f->lane[i].state != FANOUT_LANE_FREE)
			fanout_lanes_forget(f, &f->lane[i]);
	free(f);
}

struct fanout_totals *
fanout_totals(struct fanout *f)
{
	return &f->totals;
}

size_t
fanout_session_size(const struct fanout *f)
{
	return f->session_size;
}

size_t
fanout_count(const struct fanout *f)
{
	return (size_t)__builtin_popcountll(atomic_load(&f->taken));
}

const struct sink_lane *
fanout_lane(const struct fanout *f, size_t i)
{
	uint64_t mask = atomic_load(&f->taken);

	while (mask != 0) {
		unsigned at = fanout_lanes_next(&mask);

		if (i-- == 0)
			return &f->lane[at].pub;
	}
	assert(false);
	return NULL;
}

const struct sink_lane *
fanout_lane_of(const struct fanout *f, const struct sink *sink)
{
	uint64_t mask = atomic_load(&f->taken);

	while (mask != 0) {
		const struct fanout_lane *l =
		    &f->lane[fanout_lanes_next(&mask)];

		if (l->pub.sink == sink)
			return &l->pub;
	}
	return NULL;
}

int
fanout_prepare(
    struct fanout *f, struct sink *sink, struct worker *w, struct err *err)
{
	return fanout_lanes_prepare(f, sink, w, err);
}

void
fanout_add(struct fanout *f, struct sink *sink)
{
	fanout_lanes_add(f, fanout_lanes_find(f, sink));
}

void
fanout_forget(struct fanout *f, struct sink *sink)
{
	fanout_lanes_forget(f, fanout_lanes_find(f, sink));
}

struct session *
fanout_find(const struct fanout *f, uint64_t id)
{
	struct list *node;

	for (node = f->sessions.next; node != &f->sessions; node = node->next) {
		struct session *s = LIST_ENTRY(node, struct session, node);

		if (s->id == id)
			return s;
	}
	return NULL;
}

void
fanout_set_end(
    struct fanout *f, void (*end)(void *self, struct session *s), void *self)
{
	f->end = end;
	f->end_self = self;
}

int
fanout_end_session(struct fanout *f, uint64_t id)
{
	struct session *s = fanout_find(f, id);

	if (s == NULL)
		return -ENOENT;
	if (f->end == NULL)
		return -ENOTSUP;
	f->end(f->end_self, s);
	return 0;
}

uint64_t
fanout_turn(struct fanout *f, uint64_t mono_ns)
{
	return fanout_lanes_turn(f, mono_ns);
}

void
fanout_finish(struct fanout *f, uint64_t deadline_ns, bool is_told)
{
	uint64_t mask = f->watching;

	f->finishing = true;
	while (mask != 0) {
		unsigned i = fanout_lanes_next(&mask);
		bool waits = !is_told && (f->pause & fanout_lanes_bit(i)) != 0;

		fanout_lanes_finish(
		    &f->lane[i], waits ? CLOCK_NEVER : deadline_ns);
	}
}
