#ifndef WHOLE_H
#define WHOLE_H

#include "base/attr.h"

struct err;

/**
 * whole_play() - Play a scenario into a whole sink, then show what it made
 * @path:	The scenario
 * @spec:	KIND:ARG[,key=value...]; relative names lie in the current
 *		folder, which is empty
 *
 * Prints each file of the folder: its name, its length, and its bytes; a hex
 * dump unless all of them are text.
 *
 * Return: 0 or -errno with @err
 */
int whole_play(const char *path, const char *spec, struct err *err) ATTR_WUNRES;

#endif /* WHOLE_H */
