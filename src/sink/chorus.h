#ifndef SINK_CHORUS_H
#define SINK_CHORUS_H

#include <stddef.h>

#include "base/attr.h"
#include "sink/format.h"

struct err;

/*
 * chorus.h - several formats as one: each event is told by all of them, in
 * order, one right after the other.
 *
 * For tcpreen, which may have several outputs on the same standard output.
 * Separate sinks could not do it: each has a thread of its own, and their
 * records would come in any order.
 */

/**
 * struct chorus_part - A voice
 * @format:	What it is
 * @off:	Where its state lies in that of the session
 */
struct chorus_part {
	const struct format *format;
	size_t off;
};

/**
 * struct chorus - See above; read-only once made
 * @format:	To be used like any other, with format_opts.chorus set to this
 * @n:		Number of parts
 */
struct chorus {
	struct format format;
	size_t n;
	struct chorus_part part[];
};

/**
 * chorus_new() - Make one
 * @first:	Name of the first format
 * @more:	Names of the others, separated by commas
 * @err:	Which name is no format
 *
 * Return: NULL on failure; free with chorus_free()
 */
struct chorus *chorus_new(
    const char *first, const char *more, struct err *err) ATTR_WUNRES;

/** chorus_free() - NULL is a no-op. */
void chorus_free(struct chorus *c);

#endif /* SINK_CHORUS_H */
