#ifndef RUN_OUTPUTS_GONE_H
#define RUN_OUTPUTS_GONE_H

#include <stddef.h>

#include "base/attr.h"
#include "run/sheet.h"

/*
 * outputs_gone.h - the figures of sinks that are no more.
 *
 * They stay in the sheet, or it would not add up.  A line is kept for each
 * name, whatever sinks had it; a sink of that name that lives adds to it, so
 * that counters never go back.  Names may be many in a program that runs for
 * months: those that went longest ago are added up in one line, "(removed)",
 * which is no name that a sink can have.
 */

/* Lines that are kept; the first is for all that have none of their own. */
#define OUTPUTS_GONE_LINES 64

/** struct outputs_gone - Private; zeroed, it is empty. */
struct outputs_gone {
	struct sheet_sink line[OUTPUTS_GONE_LINES];
	size_t n;
};

/**
 * outputs_gone_add() - A sink has gone
 * @last:	Its line; the name is copied, its kind is static
 *
 * Without memory for a name its figures go to the line of all.
 */
void outputs_gone_add(struct outputs_gone *g, const struct sheet_sink *last);

/** outputs_gone_complete() - Add all of it to a sheet; 0 or -ENOMEM. */
int outputs_gone_complete(
    const struct outputs_gone *g, struct sheet *sh) ATTR_WUNRES;

/** outputs_gone_done() - Release it; sheets that were completed are void. */
void outputs_gone_done(struct outputs_gone *g);

#endif /* RUN_OUTPUTS_GONE_H */
