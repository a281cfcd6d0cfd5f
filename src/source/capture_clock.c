#include "source/capture_clock.h"

uint64_t
capture_clock_at(const struct capture_clock *c, uint64_t event_ns)
{
	/* Modulo 2^64: the clock may have been set back. */
	return event_ns + (uint64_t)c->shift_ns;
}

bool
capture_clock_fits(struct capture_clock *c, uint64_t ts_ns, uint64_t event_ns)
{
	if (ts_ns > capture_clock_at(c, event_ns) + CAPTURE_CLOCK_JUMP_NS ||
	    ts_ns + CAPTURE_CLOCK_JUMP_NS < c->last_ns)
		return false;
	if (ts_ns > c->last_ns)
		c->last_ns = ts_ns;
	return true;
}

int64_t
capture_clock_set(struct capture_clock *c, uint64_t ts_ns, uint64_t event_ns)
{
	int64_t jump = (int64_t)(ts_ns - capture_clock_at(c, event_ns));

	c->shift_ns += jump;
	c->last_ns = ts_ns;
	return jump;
}
