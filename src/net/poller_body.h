#ifndef NET_POLLER_BODY_H
#define NET_POLLER_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "net/poller.h"

/*
 * poller_body.h - what the bodies of net/poller.h have in common.
 */

/**
 * poller_body_tell() - Tell @f what of it is wanted, if anything is
 * @events:	What the kernel says, with POLLER_ERR
 * @hangs_up:	It says so, or that there is an error
 */
void poller_body_tell(struct poller_fd *f, unsigned events, bool hangs_up);

/** poller_body_let_go() - Of all on @closing; return how many there were. */
size_t poller_body_let_go(struct list *closing);

#endif /* NET_POLLER_BODY_H */
