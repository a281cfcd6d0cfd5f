#ifndef NET_CAPABILITY_H
#define NET_CAPABILITY_H

#include "base/attr.h"

/*
 * capability.h - the rights of root, one by one (capabilities(7)).
 *
 * What needs them is opened first: listeners, captures.  Then they go, all
 * but those that outputs need when they come later:
 *
 *	CAP_NET_BIND_SERVICE	outputs that listen may do so below port 1024
 *	CAP_DAC_OVERRIDE	root alone: "sudo teeline ..." records into
 *				folders of others, as tcpdump does.  What it may
 *				write to then is up to net/sandbox_landlock.h.
 *
 * Neither is gained here: only what the process has can be kept.  Portable
 * bodies say -ENOTSUP.
 */

struct err;

/**
 * capability_forget() - No program that is started later can gain any
 *
 * Empties the bounding set where that is allowed, which it is only before root
 * becomes somebody else.  Where it is not, capability_no_new() does as much.
 */
void capability_forget(void);

/**
 * capability_drop() - Keep the two above, if they are there
 *
 * Before any thread: each has capabilities of its own.  Return: 0, -ENOTSUP or
 * another -errno with @err
 */
int capability_drop(struct err *err) ATTR_WUNRES;

/**
 * capability_no_new() - Neither set-uid programs nor file capabilities give
 * this process anything any more
 *
 * Return: 0 or -errno with @err
 */
int capability_no_new(struct err *err) ATTR_WUNRES;

#endif /* NET_CAPABILITY_H */
