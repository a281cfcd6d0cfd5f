#ifndef RUN_PLACES_H
#define RUN_PLACES_H

#include "base/attr.h"

/*
 * places.h - where an output writes, told from what was asked for.
 *
 * The part of a name before its first field is known from the start; the
 * folder that it names is where all of its files will lie, since no field can
 * leave it.
 */

struct sink_spec;

/**
 * places_visit - Told of a place
 * @path:	A folder, which need not be there; or a file that is there and
 *		is no regular one (a device, a FIFO)
 *
 * Return: 0 to go on; anything else ends the visit
 */
typedef int places_visit(void *self, const char *path);

/**
 * places_of_output() - Visit all places of an output, perhaps none
 *
 * A file that is a link to another folder has two.
 *
 * Return: 0, -ENOMEM, or what @visit returned
 */
int places_of_output(
    const struct sink_spec *spec, places_visit *visit, void *self) ATTR_WUNRES;

/** places_of_file() - The same for a file of which all is known. */
int places_of_file(
    const char *path, places_visit *visit, void *self) ATTR_WUNRES;

#endif /* RUN_PLACES_H */
