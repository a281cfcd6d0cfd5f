#ifndef RUN_KINDS_H
#define RUN_KINDS_H

#include <stddef.h>

#include "core/sink_spec.h"

/*
 * kinds.h - all kinds of sinks.
 *
 * A new one is one line in kinds.c; parsing, help, "teeline list", completions
 * and the manual check follow from it.  Formats are listed in sink/formats.c;
 * each of them is a kind here.
 *
 * Formats and kinds without a line of help are for personalities alone: they
 * can be made, but are not offered.
 */

/**
 * kinds_all() - All of them
 * @n:		How many
 *
 * Formats come first.  Return: an array that lives as long as the program
 */
const struct sink_kind *const *kinds_all(size_t *n);

/** kinds_find() - The kind called @name; NULL if there is none. */
const struct sink_kind *kinds_find(const char *name);

#endif /* RUN_KINDS_H */
