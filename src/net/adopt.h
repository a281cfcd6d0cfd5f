#ifndef NET_ADOPT_H
#define NET_ADOPT_H

#include <stddef.h>

#include "base/attr.h"

struct endpoint;
struct err;
struct socket_listener;

/*
 * adopt.h - listeners that were handed to us (net/inherit.h), as if we had
 * opened them (net/socket.h).
 */

/**
 * adopt_listeners() - What an endpoint "fd:..." stands for
 * @e:		Of family ENDPOINT_FD
 * @out:	Room for SOCKET_MAX_ADDRS; each is a stream socket that listens,
 *		with our options
 * @n:		How many
 *
 * Return: 0 or -errno with @err
 */
int adopt_listeners(const struct endpoint *e, struct socket_listener *out,
    size_t *n, struct err *err) ATTR_WUNRES;

#endif /* NET_ADOPT_H */
