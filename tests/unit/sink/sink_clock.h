#ifndef SINK_CLOCK_H
#define SINK_CLOCK_H

/* The rig of sink_rig.h for sinks whose files have times in them. */

#include "sink_rig.h"

/* 2026-11-21 08:30:00 UTC */
#define START_NS 1795249800000000000ULL

static struct rig rig;

static inline int
set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	rig.env.start_ns = START_NS;
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	rig_done(&rig);
	return 0;
}

/* What the rig says next happens @ms after the start. */
static inline struct session *
at(struct session *s, uint64_t ms)
{
	s->open_ns = START_NS + ms * CLOCK_NS_PER_MS;
	return s;
}

static inline void
end(struct session *s, enum dir d, enum how how, enum party by)
{
	session_end(s, d, s->open_ns, how, by);
}

static inline void
shut(struct session *s, enum how how, enum party by)
{
	session_close(s, s->open_ns, how, by);
	free(s->slots);
	free(s);
}

#endif /* SINK_CLOCK_H */
