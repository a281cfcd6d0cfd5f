#ifndef CORE_CONNECTION_JUDGE_H
#define CORE_CONNECTION_JUDGE_H

#include <stdbool.h>

#include "core/connection.h"

/*
 * connection_judge.h - is a segment part of a connection?
 *
 * Pure functions.  They err towards believing: a segment that was captured
 * and belongs to the stream must not be lost since another one, or an
 * acknowledgement, went past us; but one that cannot belong to it must not
 * make a stream of gigabytes of nothing, nor end it.
 *
 * A 4-tuple used again: a SYN with a new number on a live connection may be a
 * forgery or a late one, so it only becomes its rival.  The rival succeeds
 * when the other side acknowledges just its number, which only one who
 * received it can.  The same holds for segments so far away that their
 * numbers have nothing to do with the connection's (a capture with a hole of
 * hours).  The old session ends as HOW_TIMEOUT then: it was over without us
 * having heard how, which is what silence would have told in the end;
 * nothing was evicted to make room.
 */

/** enum connection_verdict - What to do with a segment, see connection.h */
enum connection_verdict {
	CONNECTION_STRAY,
	CONNECTION_ACCEPT,
	CONNECTION_RENEW,
	CONNECTION_REPLACE,
};

/** connection_judge_opens() - Does it open a session where there is none? */
bool connection_judge_opens(const struct segment *seg);

/** connection_judge() - What to do with a segment from @dir? */
enum connection_verdict connection_judge(
    const struct connection *c, enum dir dir, const struct segment *seg);

#endif /* CORE_CONNECTION_JUDGE_H */
