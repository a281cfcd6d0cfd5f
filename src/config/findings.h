#ifndef CONFIG_FINDINGS_H
#define CONFIG_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "config/jsonish.h"

/*
 * findings.h - all that is wrong with a configuration, with the places.
 *
 * Whoever edits a file wants to hear everything at once.  Readers add what
 * they find and go on; at the end the top prints the list, in the order of the
 * text, or is content.
 */

struct obuf;

/* More than this helps nobody; the rest is counted. */
#define FINDINGS_MAX 100

/** struct finding - One of them; @text is owned. */
struct finding {
	struct jsonish_pos pos;
	bool is_error;
	char *text;
};

/**
 * struct findings - All of them; zero is none
 * @v:		@n of them, in the order they were found; owned
 * @errors:	How many are errors and not warnings, those not kept included
 * @more:	So many were not kept
 * @failed:	Memory ran out: nothing that was read is worth anything
 */
struct findings {
	struct finding *v;
	size_t n;
	size_t errors;
	size_t more;
	bool failed;
};

/** findings_error() - Something is wrong at @pos: a sentence, no full stop. */
void findings_error(struct findings *f, struct jsonish_pos pos, const char *fmt,
    ...) ATTR_PRINTF(3, 4);

/** findings_warn() - It will work, but perhaps not as it was meant. */
void findings_warn(struct findings *f, struct jsonish_pos pos, const char *fmt,
    ...) ATTR_PRINTF(3, 4);

/** findings_are_bad() - Is there any error, or did memory run out? */
bool findings_are_bad(const struct findings *f);

/**
 * findings_put() - Append "FILE:LINE:COLUMN: sentence" lines
 * @file:	As its user called it
 *
 * In the order of the text; those of the same place in the order found.
 * Warnings say so: "FILE:LINE:COLUMN: warning: sentence".  Characters that
 * would drive a terminal are escaped.
 */
void findings_put(struct findings *f, const char *file, struct obuf *out);

/** findings_done() - Release them; empty and usable again. */
void findings_done(struct findings *f);

#endif /* CONFIG_FINDINGS_H */
