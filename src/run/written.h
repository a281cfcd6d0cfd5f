#ifndef RUN_WRITTEN_H
#define RUN_WRITTEN_H

#include <stddef.h>

#include "core/sink_spec.h"

/*
 * written.h - files that outputs of this run have written and let go.
 *
 * An output that is changed, or comes back after a while, finds the file that
 * it has written itself.  That is no file of somebody else, which would have to
 * be left alone, and what is in it must not be lost.
 */

/*
 * So many are remembered, the latest: 256 KiB with the longest names that are
 * usual.  A file of an older one is somebody else's again.
 */
#define WRITTEN_MAX 1024

/**
 * struct written - Private; zeroed, it is empty
 * @v:		@n of them, the oldest first
 */
struct written {
	struct written_file {
		char *kind;
		char *arg;
	} v[WRITTEN_MAX];
	size_t n;
};

/**
 * written_add() - An output is gone, its files are closed
 * @kind, @arg:	As in struct sink_spec; copied
 *
 * Without memory it is not remembered.
 */
void written_add(struct written *w, const char *kind, const char *arg);

/** written_past() - Who has written what a new output is to write? */
enum sink_past written_past(
    const struct written *w, const struct sink_spec *spec);

/** written_done() - Release it. */
void written_done(struct written *w);

#endif /* RUN_WRITTEN_H */
