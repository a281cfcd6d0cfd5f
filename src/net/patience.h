#ifndef NET_PATIENCE_H
#define NET_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "core/dir.h"

/*
 * patience.h - whether to look for an answer before going to sleep.
 *
 * A thread that sleeps is woken late: 10 to 20 us on loopback, as long as the
 * answer itself took.  So a worker that has just passed a short message on
 * looks for what follows it, PATIENCE_SPAN_NS at most, and sleeps only then.
 * What it burns meanwhile must be worth it.  So it keeps a credit for each
 * direction, since a server that answers at once may have a client that
 * thinks: a look that finds something earns, a look in vain costs as much as
 * PATIENCE_COST of them.  Without credit the worker sleeps at once, and tries
 * after 1, 2, 4, ... PATIENCE_RAREST messages whether that has changed.
 *
 * What is found must be an answer, or come from somebody else.  More of the
 * same is a stream: a worker that looks for that reads and sends every chunk
 * by itself, where one that sleeps gets several (64 bytes at a time, one way:
 * 10 MB/s for 90 s of CPU a GB instead of 14.5 for 45).  A question may come in
 * two parts; from the third on a look that finds the next one is in vain, too.
 *
 * Only after short messages: a large one is not answered, it is followed by
 * more, and while a worker looks for that the peers have no processor
 * to make it on.  Nothing passed on, nothing to look for: whoever is idle
 * sleeps.
 */

#define PATIENCE_SPAN_NS (50 * CLOCK_NS_PER_US)
#define PATIENCE_SHORT   ((size_t)4096)
#define PATIENCE_COST    4U
/* So many found without a loss between: the next drought begins mildly. */
#define PATIENCE_SURE   8U
#define PATIENCE_MOST   64U
#define PATIENCE_RAREST 1024U

/**
 * struct patience_side - What was learned after messages of one direction
 * @credit:	0: look only to try
 * @rest:	Messages to sleep after before the next try
 * @next:	What @rest will be if that is in vain, too
 */
struct patience_side {
	unsigned credit;
	unsigned rest;
	unsigned next;
};

/**
 * struct patience - Of one worker; embedded, the fields are private
 * @passed:	A short message was passed on since the last wait, ...
 * @dir:	... in this direction
 * @who:	... by this one, of the session and direction that said it
 * @found:	The look after it has found something
 * @again:	Before that, it was more of the same
 */
struct patience {
	struct patience_side side[DIR_NDIRS];
	bool passed;
	enum dir dir;
	const void *who;
	bool found;
	bool again;
};

/** patience_init() - Nothing learned: the first message is a try. */
void patience_init(struct patience *p);

/**
 * patience_passed() - @len bytes of @dir were passed on; the last counts
 * @who:	Tells directions of sessions apart; never looked into
 */
void patience_passed(
    struct patience *p, const void *who, enum dir dir, size_t len);

/**
 * patience_begin() - Before a wait
 *
 * Return: until when to look (monotonic ns); 0: not at all
 */
uint64_t patience_begin(struct patience *p, uint64_t mono_ns) ATTR_WUNRES;

/**
 * patience_end() - After a look
 * @found:	Something came meanwhile.  What was there when it began would
 *		have been found without: then this is not called.
 */
void patience_end(struct patience *p, bool found);

#endif /* NET_PATIENCE_H */
