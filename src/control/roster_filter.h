#ifndef CONTROL_ROSTER_FILTER_H
#define CONTROL_ROSTER_FILTER_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * roster_filter.h - which sessions somebody is looking for, in words.
 *
 * A word is part of a session's number ("#12"), of its addresses, names, target
 * or input, or of its state ("open", "closed"); the case of ASCII letters does
 * not matter.  All words must be there.
 */

struct watch_session;

/** struct roster_filter - Private; @words end with an empty one. */
struct roster_filter {
	char *words;
};

/** roster_filter_init() - From words between blanks; NULL: takes all. */
int roster_filter_init(struct roster_filter *f, const char *text) ATTR_WUNRES;

/** roster_filter_done() - Idempotent. */
void roster_filter_done(struct roster_filter *f);

/** roster_filter_takes_all() - There is no word. */
bool roster_filter_takes_all(const struct roster_filter *f);

/** roster_filter_takes() - Does it have all words? */
bool roster_filter_takes(const struct roster_filter *f,
    const struct watch_session *ws, bool is_over);

#endif /* CONTROL_ROSTER_FILTER_H */
