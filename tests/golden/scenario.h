#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdint.h>

#include "base/attr.h"

/*
 * scenario.h - conversations written down as text, played into real sessions.
 *
 * One command a line; '#' begins a comment.  Words are separated by blanks;
 * "..." holds any bytes with C escapes.  What may follow in brackets may be
 * left out.
 *
 *	open ID [client=ADDR] [server=ADDR] [listen=ADDR] [local=ADDR]
 *		[target=TEXT] [source=TEXT] [client_host=TEXT]
 *		[client_service=TEXT] [server_host=TEXT] [server_service=TEXT]
 *		[midstream=yes] [error=TEXT]
 *	data ID DIR BYTES [times=N]	N times the same bytes, as one chunk
 *	all ID DIR			the bytes 0 to 255 as one chunk
 *	gap ID DIR LEN WHY
 *	conflict ID DIR OFFSET KEPT OTHER
 *	end ID DIR HOW PARTY
 *	close ID HOW PARTY [error=TEXT] [lost_c2s=N] [lost_s2c=N]
 *		[packets_c2s=N] [packets_s2c=N] [again_c2s=N] [again_s2c=N]
 *	wait TIME			"300ms", "2s"
 *	full yes|no			the sink's queue is full, or has room
 *
 * Every command but wait may end with at=SECONDS, the time it happens, counted
 * from the beginning.  The clock starts at 2026-11-21 08:30:00 UTC and moves
 * only by at= and wait.
 */

struct err;
struct fanout;

#define SCENARIO_START_NS 1795249800000000000ULL

/**
 * struct scenario_hooks - What the player has to know
 * @time:	The clock has moved to @ts_ns
 * @event:	An event has been played
 * @full:	The command "full"
 * @self:	Passed on
 */
struct scenario_hooks {
	void (*time)(void *self, uint64_t ts_ns);
	void (*event)(void *self);
	void (*full)(void *self, int is_full);
	void *self;
};

/**
 * scenario_play() - Play a file
 * @fan:	Gets all sessions; each must be closed at the end
 *
 * Return: 0; -errno with @err, which names file and line
 */
int scenario_play(const char *path, struct fanout *fan,
    const struct scenario_hooks *hooks, struct err *err) ATTR_WUNRES;

#endif /* SCENARIO_H */
