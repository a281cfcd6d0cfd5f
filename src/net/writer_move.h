#ifndef NET_WRITER_MOVE_H
#define NET_WRITER_MOVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * writer_move.h - bytes from a pipe to a file without passing through here.
 */

/**
 * writer_move() - Move @len bytes that lie in a pipe
 * @rd:		Read end; holds at least @len bytes
 * @fd:		Target
 * @off:	Where to in @fd; NULL: where @fd stands
 * @moved:	How many were moved, also on failure
 *
 * Return: 0; -ENOTSUP when this system or this target cannot do it, and the
 *	   rest must be copied; another -errno
 */
int writer_move(
    int rd, int fd, const uint64_t *off, size_t len, size_t *moved) ATTR_WUNRES;

#endif /* NET_WRITER_MOVE_H */
