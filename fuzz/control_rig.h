#ifndef FUZZ_CONTROL_RIG_H
#define FUZZ_CONTROL_RIG_H

#include <stdlib.h>

#include "fuzz.h"

/* What it needs itself is always there. */
#define malloc(size)    memory_own(size)
#define calloc(n, size) memory_own_zeroed((n) * (size))
#include "../tests/unit/control/watch_rig.h"
#undef malloc
#undef calloc

/*
 * control_rig.h - sessions that the control plane has seen: the rig of
 * tests/unit/control/watch_rig.h with a few of every kind, and operations on
 * them that an input may ask for.
 */

/** control_rig_start() - Two are open, one has ended half, one is over. */
static inline void
control_rig_start(struct rig *r)
{
	/* cmocka's checks are to end the program. */
	(void)setenv("CMOCKA_TEST_ABORT", "1", 1);
	memory_pause(true);
	rig_start(r, 256, 1024);
	for (size_t i = 0; i < 4; i++)
		(void)rig_open(r, i); /* it is rig->session[i] */
	rig_feed(r, 0, DIR_CLIENT, 30);
	rig_feed(r, 0, DIR_SERVER, 300);
	rig_lose(r, 0, DIR_SERVER, 7);
	rig_feed(r, 0, DIR_SERVER, 5);
	rig_feed(r, 1, DIR_CLIENT, 9);
	rig_end(r, 1, DIR_CLIENT);
	rig_feed(r, 2, DIR_SERVER, 40);
	rig_close(r, 2);
	rig_settle(r);
	memory_pause(false);
}

/** control_rig_stop() - Release it. */
static inline void
control_rig_stop(struct rig *r)
{
	memory_pause(true);
	rig_stop(r);
	memory_pause(false);
}

/**
 * control_rig_do() - Something happens to a session
 * @what:	o(pen), f(eed), s (server feeds), l(ose), e(nd), c(lose); others
 *		just let time pass
 * @i:		Which session
 */
static inline void
control_rig_do(struct rig *r, char what, size_t i)
{
	struct rig_session *rs = &r->session[i % RIG_SESSIONS];
	bool is_over = !rs->open || rs->s.ended[DIR_CLIENT];

	i %= RIG_SESSIONS;
	if (what == 'o' && !rs->open)
		(void)rig_open(r, i); /* likewise */
	else if (what == 'f' && !is_over)
		rig_feed(r, i, DIR_CLIENT, 20);
	else if (what == 's' && rs->open)
		rig_feed(r, i, DIR_SERVER, 2000);
	else if (what == 'l' && !is_over)
		rig_lose(r, i, DIR_CLIENT, 50);
	else if (what == 'e' && !is_over)
		rig_end(r, i, DIR_CLIENT);
	else if (what == 'c' && rs->open)
		rig_close(r, i);
	rig_settle(r);
}

#endif /* FUZZ_CONTROL_RIG_H */
