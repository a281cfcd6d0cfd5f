#ifndef SOURCE_CAPTURE_ROUTE_H
#define SOURCE_CAPTURE_ROUTE_H

#include <net/if.h>

#include "base/attr.h"

/*
 * capture_route.h - which interface is meant when none is named.
 *
 * Linux: that of the default route, IPv4's before IPv6's, the one of the
 * lowest metric.  Elsewhere: the first that is up and running, has an address
 * and is no loopback, in the order of libpcap.
 */

/**
 * capture_route_default() - Find it
 * @name:	Set on success
 *
 * Return: 0, or -ENODEV when there is none
 */
int capture_route_default(char name[IF_NAMESIZE]) ATTR_WUNRES;

#endif /* SOURCE_CAPTURE_ROUTE_H */
