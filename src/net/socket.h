#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/endpoint.h"

/*
 * socket.h - the system calls on stream sockets that more than one module
 * needs, with the options that every socket of ours gets.
 */

struct err;

/* Most addresses of one name or listener that are looked at. */
#define SOCKET_MAX_ADDRS 16

/**
 * struct socket_listener - One bound and listening descriptor
 * @fd:		Non-blocking, close-on-exec; owned
 * @addr:	What it is bound to, with the port that the kernel chose
 * @inherited:	It was handed to us: a path is not ours to remove
 */
struct socket_listener {
	int fd;
	struct addr addr;
	bool inherited;
};

/** struct socket_listen_opts - How to listen. */
struct socket_listen_opts {
	bool reuse_port;
	int backlog;
};

/**
 * socket_listen() - Bind and listen on all that an endpoint means
 * @e:		An ENDPOINT_LISTEN; a NULL host is 127.0.0.1 and ::1 with one
 *		port, "*" is 0.0.0.0 and [::] likewise.  The second of these
 *		is left out where the system has no IPv6.  Lives as long as
 *		the program (its path is borrowed).
 * @out:	Room for SOCKET_MAX_ADDRS
 * @n:		How many were opened, at least 1 on success
 *
 * A UNIX socket that nobody listens on any more is replaced; any other file
 * is left alone.  Of a name's addresses those that this machine lacks are left
 * out, as long as there is another.
 *
 * Return: 0 or -errno with @err
 */
int socket_listen(const struct endpoint *e, const struct socket_listen_opts *o,
    struct socket_listener *out, size_t *n, struct err *err) ATTR_WUNRES;

/**
 * socket_listen_at() - The same for addresses that are known
 * @a:		@n of them, of this machine, none a UNIX socket
 * @port:	Of all
 * @out:	Room for @n
 *
 * Looks no name up, and so never waits.
 *
 * Return: 0; else -errno, and nothing is open
 */
int socket_listen_at(const struct addr *a, size_t n, uint16_t port,
    const struct socket_listen_opts *o,
    struct socket_listener *out) ATTR_WUNRES;

/** socket_unlisten() - Close; remove the path of a UNIX socket. */
void socket_unlisten(struct socket_listener *l);

/**
 * socket_tune() - The options of both legs of a relayed connection
 *
 * TCP_NODELAY: a relay adds no delay of its own.  SO_OOBINLINE: an urgent
 * byte keeps its place in the stream.  Keepalive and TCP_USER_TIMEOUT: a peer
 * that is dead is found out (decision: see socket.c for the times).
 */
void socket_tune(int fd, const struct addr *peer);

/**
 * socket_tune_young() - Those of them that matter from the first byte on
 *
 * socket_tune_old() sets the others: they are about dead peers, which nobody
 * can be after a second.  Most connections do not live to see it, and save
 * five system calls.
 */
void socket_tune_young(int fd, const struct addr *peer);

/** socket_tune_old() - See there. */
void socket_tune_old(int fd, const struct addr *peer);

/**
 * socket_tune_accepted() - The same for a socket from socket_listen()
 *
 * On Linux it has all of them from its listener, and seven system calls per
 * connection are saved; elsewhere they are set.
 */
void socket_tune_accepted(int fd, const struct addr *peer);

/**
 * socket_connect() - Begin to connect
 * @to:		Numeric
 * @source:	Bind to this address first; NULL or AF_UNSPEC: let the kernel
 * @fd:		Set when the result is 0 or -EINPROGRESS; owned by the caller
 *
 * Return: 0 connected at once; -EINPROGRESS: wait until it is writable, then
 *	   socket_connected(); else -errno
 */
int socket_connect(
    const struct addr *to, const struct addr *source, int *fd) ATTR_WUNRES;

/**
 * socket_bind_towards() - The first half of socket_connect()
 * @local:	Set: what it is bound to, with the port that it will have; the
 *		address may still be a wildcard
 * @fd:		Set; owned by the caller
 *
 * For whoever must know the port before the first packet goes out.  If @source
 * names a port, that may be one that rests after a connection (TIME-WAIT, RFC
 * 9293 section 3.3.2); if it was one with @to, socket_connect_bound() says
 * -EADDRNOTAVAIL.
 *
 * Return: 0 or -errno
 */
int socket_bind_towards(const struct addr *to, const struct addr *source,
    struct addr *local, int *fd) ATTR_WUNRES;

/** socket_connect_bound() - The second half; results as above, @fd stays. */
int socket_connect_bound(int fd, const struct addr *to) ATTR_WUNRES;

/**
 * socket_connected() - How a connect that was under way has ended
 * @to:		As given to socket_connect()
 *
 * Return: 0 or -errno; -ECONNREFUSED also when @fd is connected to itself
 */
int socket_connected(int fd, const struct addr *to) ATTR_WUNRES;

/** socket_error() - Take the pending error of @fd: 0 or -errno. */
int socket_error(int fd);

/** socket_local() - Our end; AF_UNSPEC when the kernel does not tell. */
void socket_local(int fd, struct addr *a);

/** socket_peer() - The other end; AF_UNSPEC when it has gone. */
void socket_peer(int fd, struct addr *a);

/**
 * socket_unsent() - Bytes that a reset of @fd would throw away
 *
 * Return: the TCP send queue; 0 if unknown and for UNIX sockets, where what
 *	   was written is the reader's already
 */
size_t socket_unsent(int fd);

/** socket_reset() - Close with RST (TCP); UNIX sockets know no RST. */
void socket_reset(int fd);

#endif /* NET_SOCKET_H */
