#ifndef SOURCE_CAPTURE_OPEN_H
#define SOURCE_CAPTURE_OPEN_H

#include <pcap/pcap.h>

#include "base/attr.h"

/*
 * capture_open.h - from the name of an interface to rings that are filled.
 *
 * Several rings take part in a fan-out (capture_fanout.h) from behind a filter
 * that lets nothing pass, so that no packet is in two rings or in the wrong
 * one: only when all have joined, and what they held before is thrown away,
 * they get the true filter.
 */

struct capture_opts;
struct err;

/* How long the kernel keeps a block that is not full, ms (decision 30). */
#define CAPTURE_OPEN_BLOCK_MS 10

/**
 * capture_open() - Open @o->rings rings
 * @iface:	What to capture from; @o->iface does not matter here
 * @rings:	Room for @o->rings handles, non-blocking, with a descriptor that
 *		can be waited on; set on success
 * @remark:	Filled in when something is not as it was asked for, but good
 *		enough (no promiscuous mode); else left alone
 *
 * Return: 0; -EINVAL: the filter is wrong; -ENODEV: no such interface;
 *	   -EPERM; -ENETDOWN; another -errno; with @err
 */
int capture_open(const struct capture_opts *o, const char *iface,
    pcap_t **rings, struct err *remark, struct err *err) ATTR_WUNRES;

#endif /* SOURCE_CAPTURE_OPEN_H */
