#include <assert.h>

#include "base/attr.h"
#include "base/log.h"

#include "source/flow.h"

static const char *const state_name[] = {
	[FLOW_OPEN] = "open",
	[FLOW_DRAIN] = "drain",
	[FLOW_FLUSH] = "flush",
	[FLOW_SHUT] = "shut",
	[FLOW_DEAD] = "dead",
};
static_assert(ATTR_COUNT(state_name) == FLOW_NSTATES, "a name per state");

/* The only place that writes ->state. */
static void
set_state(struct flow *f, enum flow_state next)
{
	static const unsigned allowed[] = {
		[FLOW_OPEN] =
		    1U << FLOW_DRAIN | 1U << FLOW_FLUSH | 1U << FLOW_DEAD,
		[FLOW_DRAIN] =
		    1U << FLOW_SHUT | 1U << FLOW_FLUSH | 1U << FLOW_DEAD,
		[FLOW_FLUSH] = 1U << FLOW_DEAD,
		[FLOW_SHUT] = 0,
		[FLOW_DEAD] = 0,
	};
	static_assert(ATTR_COUNT(allowed) == FLOW_NSTATES, "a row per state");

	assert(allowed[f->state] & 1U << next);
	log_debug("flow: %s -> %s", state_name[f->state], state_name[next]);
	f->state = next;
}

void
flow_init(struct flow *f)
{
	f->state = FLOW_OPEN;
}

void
flow_fin(struct flow *f)
{
	set_state(f, FLOW_DRAIN);
}

void
flow_shut(struct flow *f)
{
	set_state(f, FLOW_SHUT);
}

void
flow_cut(struct flow *f)
{
	if (f->state == FLOW_OPEN || f->state == FLOW_DRAIN)
		set_state(f, FLOW_FLUSH);
}

void
flow_kill(struct flow *f)
{
	if (!flow_is_final(f))
		set_state(f, FLOW_DEAD);
}

unsigned
flow_want(const struct flow *f, size_t held)
{
	switch (f->state) {
	case FLOW_OPEN:
		return held > 0 ? FLOW_WANT_WRITE : FLOW_WANT_READ;
	case FLOW_DRAIN:
		/* A FIN must never overtake the bytes sent before it. */
		return held > 0 ? FLOW_WANT_WRITE : FLOW_WANT_SHUTDOWN;
	case FLOW_FLUSH:
		return held > 0 ? FLOW_WANT_WRITE : FLOW_WANT_BURY;
	case FLOW_SHUT:
	case FLOW_DEAD:
		break;
	}
	return 0;
}

bool
flow_is_final(const struct flow *f)
{
	return f->state == FLOW_SHUT || f->state == FLOW_DEAD;
}
