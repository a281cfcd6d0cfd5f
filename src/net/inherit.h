#ifndef NET_INHERIT_H
#define NET_INHERIT_H

#include <stddef.h>

#include "base/attr.h"

/*
 * inherit.h - listening descriptors that whoever started us has opened:
 * systemd's socket activation, without its library (sd_listen_fds(3)).
 *
 *	LISTEN_PID	whom they are for; if not us, there are none
 *	LISTEN_FDS	how many there are, from descriptor 3 on
 *	LISTEN_FDNAMES	their names, divided by colons; "unknown" without
 *
 * A descriptor is asked for by its position from 0, or by name; several may
 * have one name and are taken together.  Descriptors belong to the process,
 * so there is one table, read once at start.
 */

/** inherit_init() - Read the environment, clean it; before any thread. */
void inherit_init(void);

/**
 * inherit_take() - The descriptors that are called so
 * @which:	"0", "1", ... or a name
 * @fds:	Room for @max; owned by the caller from now on, close-on-exec
 *		and non-blocking
 *
 * Return: how many, at least one; -ENOENT: there is none of that name;
 *	   -EBUSY: somebody has taken it; -EBADF: it was not open when we
 *	   were started; -E2BIG: more than @max.  Then @fds is as it was, and
 *	   nothing is taken
 */
int inherit_take(const char *which, int *fds, size_t max) ATTR_WUNRES;

/**
 * inherit_path() - Where a UNIX socket that was handed over is bound
 *
 * Return: "" if it is no UNIX socket, or has no path; lives as long as the
 *	   program
 */
const char *inherit_path(int fd);

/** inherit_count() - How many there were. */
size_t inherit_count(void);

/**
 * inherit_left() - The name of one that nobody has taken; NULL: none is left
 *
 * For a warning: whoever connects there would wait for ever.
 */
const char *inherit_left(void);

#endif /* NET_INHERIT_H */
