#ifndef CONTROL_API_STATUS_H
#define CONTROL_API_STATUS_H

#include <stdbool.h>

/*
 * api_status.h - which status of HTTP says why something could not be done.
 *
 * The one place where errors of the program (control/backend.h) become those
 * of its control plane:
 *
 *	403	it is not allowed: to the sandbox, to the user
 *	404	there is none
 *	409	not as things are: a name, a file, an address is taken
 *	422	it was understood, but what it says cannot be
 *	503	not now: no memory, no descriptors, too much under way, the end
 *	507	the disk is full
 *	500	any other reason of the surroundings
 */

/**
 * api_status() - The status for a negative errno
 * @is_new:	Of something that was to be added: what is not there is a folder
 *		or a host of its text, and not itself
 */
unsigned api_status(int error, bool is_new);

#endif /* CONTROL_API_STATUS_H */
