#ifndef BASE_ADDR_NET_H
#define BASE_ADDR_NET_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/attr.h"

struct err;

/**
 * struct addr_net - The addresses that begin alike
 * @addr:	IPv4 or IPv6, no port
 * @bits:	How many of them count: 32 or 128 is one address
 */
struct addr_net {
	struct addr addr;
	unsigned bits;
};

/**
 * addr_net_parse() - Read "192.0.2.7", "10.0.0.0/8", "2001:db8::/32"
 * @err:	Quotes the text and says what would be right
 *
 * Bits behind the prefix must be 0, as in filters.  Return: 0 or -EINVAL
 */
int addr_net_parse(
    struct addr_net *net, const char *text, struct err *err) ATTR_WUNRES;

/** addr_net_is_one() - Is it a single address? */
bool addr_net_is_one(const struct addr_net *net);

/** addr_net_has() - Is this address, whatever its port, one of them? */
bool addr_net_has(const struct addr_net *net, const struct addr *a);

#endif /* BASE_ADDR_NET_H */
