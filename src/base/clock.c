#include <assert.h>
#include <time.h>

#include "base/clock.h"

/* Written once by clock_init() before threads start, then only read. */
static uint64_t real_at_start;
static uint64_t mono_at_start;

static uint64_t
read_ns(clockid_t id)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);

	/* Both clocks exist on every supported system. */
	assert(rc == 0);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

void
clock_init(void)
{
	real_at_start = read_ns(CLOCK_REALTIME);
	mono_at_start = read_ns(CLOCK_MONOTONIC);
}

uint64_t
clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t
clock_event_of(uint64_t mono_ns)
{
	return real_at_start + (mono_ns - mono_at_start);
}

uint64_t
clock_event_ns(void)
{
	return clock_event_of(clock_mono_ns());
}

uint64_t
clock_start_ns(void)
{
	return real_at_start;
}
