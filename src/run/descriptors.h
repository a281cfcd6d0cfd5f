#ifndef RUN_DESCRIPTORS_H
#define RUN_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * descriptors.h - how many descriptors this process may have, and who gets
 * them.
 *
 *	open now | files of the sinks | two sockets for each session
 */

/** descriptors_raise() - As many as the system allows; how many that are. */
size_t descriptors_raise(void);

/* What a sink needs that writes one record of all sessions: the file, the one
 * before it while they are changed, and a folder. */
#define DESCRIPTORS_SHARED 4

/**
 * descriptors_per_sink() - Files that a sink with files of sessions may keep
 * open
 * @all:	Descriptors this process may have
 * @sinks:	So many there are at the start
 * @shared:	So many of them need DESCRIPTORS_SHARED at most
 * @sockets:	There are sessions that need descriptors.  Else files are all
 *		that does, and a sink may have more: what it has to close to
 *		make room, and to open again, is its greatest expense.
 *
 * All of them together leave half of @all to sessions, unless that is too
 * little for two files each.
 */
unsigned descriptors_per_sink(
    size_t all, size_t sinks, size_t shared, bool sockets);

/**
 * descriptors_lingering() - Connections of sessions that are over, which a sink
 * that sends may keep
 * @all, @sinks: As above
 *
 * All of them together have a quarter of @all at most, unless that is less than
 * four each.
 */
unsigned descriptors_lingering(size_t all, size_t sinks);

/**
 * descriptors_pipes() - Pipes that a worker may have for splicing, of @all
 * @workers:	So many splice, > 0
 *
 * Return: 0 where descriptors are too few to be spent so
 */
unsigned descriptors_pipes(size_t all, size_t workers);

/** descriptors_left() - Of @all, those that are not open now. */
size_t descriptors_left(size_t all);

/**
 * descriptors_share() - Share sessions out to those that want some
 * @want:	Of @n: how many it wants at most, 0: any number.  Set to what it
 *		gets, > 0
 *
 * Evenly; what one does not want goes to the others.
 */
void descriptors_share(uint64_t fit, uint64_t *want, size_t n);

#endif /* RUN_DESCRIPTORS_H */
