#ifndef SOURCE_CAPTURE_FANOUT_H
#define SOURCE_CAPTURE_FANOUT_H

#include "base/attr.h"

/*
 * capture_fanout.h - several rings that share an interface's packets, so that
 * both directions of a connection come to the same one (packet(7),
 * PACKET_FANOUT).  Elsewhere than on Linux there is no such thing.
 *
 * Fragments of IPv4 are put together before their ring is chosen; those of
 * IPv6 are not.  The ring is chosen by what is in a tunnel for some kinds of
 * them, by the outer headers for others: halves of such a flow may part.
 */

struct err;

/**
 * capture_fanout_join() - Let one more ring take part
 * @fd:		Of an active ring
 * @group:	-1: the first, makes a group that is nobody else's and sets
 *		this to it
 *
 * Return: 0; -ENOTSUP: not on this system; another -errno; with @err
 */
int capture_fanout_join(int fd, int *group, struct err *err) ATTR_WUNRES;

#endif /* SOURCE_CAPTURE_FANOUT_H */
