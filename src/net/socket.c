#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "base/err.h"
#include "net/adopt.h"
#include "net/privilege.h"
#include "net/socket.h"

/*
 * Dead peers.  An idle connection: first probe after 60 s, then every 15 s,
 * given up after 8 unanswered ones, so 3 minutes.  With bytes under way the
 * kernel gives up by itself after some 15 minutes.  TCP_USER_TIMEOUT also
 * ends connections whose reader has stopped but still answers window probes
 * (tcp(7)), and a program halted in a debugger is not dead: hence an hour.
 */
#define KEEP_IDLE_S     60
#define KEEP_INTERVAL_S 15
#define KEEP_COUNT      8
#define USER_TIMEOUT_MS (60 * 60 * 1000)

/* Tries to find one port that is free for IPv4 and IPv6. */
#define PORT_TRIES 16

static void
set_int(int fd, int level, int name, int value)
{
	/* A system without the option relays all the same. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

void
socket_tune_young(int fd, const struct addr *peer)
{
	if (peer->family == AF_UNIX)
		return;
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
}

void
socket_tune_old(int fd, const struct addr *peer)
{
	if (peer->family == AF_UNIX)
		return;
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
#endif
#ifdef TCP_USER_TIMEOUT
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
#endif
}

void
socket_tune(int fd, const struct addr *peer)
{
	socket_tune_young(fd, peer);
	socket_tune_old(fd, peer);
}

void
socket_tune_accepted(int fd, const struct addr *peer)
{
#ifdef __linux__
	(void)fd;
	(void)peer;
#else
	socket_tune(fd, peer);
#endif
}

static int
open_stream(const struct addr *a)
{
	int fd =
	    socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int
socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return -errno;
	return -error;
}

void
socket_local(int fd, struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		ss.ss_family = AF_UNSPEC;
	addr_from_sockaddr(a, (const struct sockaddr *)&ss, "");
}

void
socket_peer(int fd, struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getpeername(fd, (struct sockaddr *)&ss, &len) != 0)
		ss.ss_family = AF_UNSPEC;
	addr_from_sockaddr(a, (const struct sockaddr *)&ss, "");
}

size_t
socket_unsent(int fd)
{
#ifdef SIOCOUTQ
	socklen_t len = sizeof(int);
	int n = 0, domain = AF_UNIX;

	/* Mostly there is nothing: then it does not matter what it is. */
	if (ioctl(fd, SIOCOUTQ, &n) != 0 || n <= 0)
		return 0;
	/* What a UNIX socket has taken lies in its reader's queue already. */
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain != AF_UNIX)
		return (size_t)n;
#else
	(void)fd;
#endif
	return 0;
}

void
socket_reset(int fd)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

static bool
is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == AF_INET ? a->ip[0] == 127
				    : memcmp(a->ip, one, sizeof(one)) == 0;
}

static int
bind_source(int fd, const struct addr *source, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int rc;

	if (source == NULL || source->family != to->family)
		return 0;
	rc = addr_to_sockaddr(source, &ss, &len);
	if (rc != 0)
		return rc;
#ifdef IP_BIND_ADDRESS_NO_PORT
	/* The port is chosen at connect: more than 28,000 sessions fit. */
	set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
#endif
	return bind(fd, (struct sockaddr *)&ss, len) == 0 ? 0 : -errno;
}

/*
 * The kernel connects a socket to itself when it happens to give it the very
 * port that is called and nobody listens there.  An echo is no server.
 */
static bool
is_self(int fd, const struct addr *to)
{
	struct addr local;

	socket_local(fd, &local);
	return to->family != AF_UNIX && addr_equal(&local, to);
}

int
socket_connected(int fd, const struct addr *to)
{
	int rc = socket_error(fd);

	return rc == 0 && is_self(fd, to) ? -ECONNREFUSED : rc;
}

static int
begin_connect(int fd, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int rc = addr_to_sockaddr(to, &ss, &len);

	if (rc != 0)
		return rc;
	if (connect(fd, (struct sockaddr *)&ss, len) == 0)
		return is_self(fd, to) ? -ECONNREFUSED : 0;
	if (errno != EINPROGRESS)
		return -errno;
	/*
	 * On loopback the handshake is over when connect() returns; asking
	 * again at once saves a turn through the poller.
	 */
	if (!is_loopback(to))
		return -EINPROGRESS;
	if (connect(fd, (struct sockaddr *)&ss, len) == 0 || errno == EISCONN)
		return is_self(fd, to) ? -ECONNREFUSED : 0;
	return errno == EALREADY ? -EINPROGRESS : -errno;
}

int
socket_bind_towards(const struct addr *to, const struct addr *source,
    struct addr *local, int *fd)
{
	struct sockaddr_storage ss;
	struct addr any = { .family = to->family };
	socklen_t len;
	int s = open_stream(to), rc;

	if (s < 0)
		return s;
	if (source != NULL && source->family == to->family)
		any = *source;
	if (to->family == AF_UNIX) { /* has no port, and needs no name */
		*local = any;
		*fd = s;
		return 0;
	}
	/* A port at rest will do. */
	if (any.port != 0)
		set_int(s, SOL_SOCKET, SO_REUSEADDR, 1);
	rc = addr_to_sockaddr(&any, &ss, &len);
	if (rc == 0 && bind(s, (struct sockaddr *)&ss, len) != 0)
		rc = -errno;
	if (rc != 0) {
		close(s);
		return rc;
	}
	socket_local(s, local);
	*fd = s;
	return 0;
}

/* The queue of a UNIX server is full: it does not answer. */
static int
verdict(int rc)
{
	return rc == -EAGAIN ? -ECONNREFUSED : rc;
}

int
socket_connect_bound(int fd, const struct addr *to)
{
	return verdict(begin_connect(fd, to));
}

int
socket_connect(const struct addr *to, const struct addr *source, int *fd)
{
	int s = open_stream(to), rc;

	if (s < 0)
		return s;
	rc = bind_source(s, source, to);
	if (rc == 0)
		rc = begin_connect(s, to);
	if (rc != 0 && rc != -EINPROGRESS) {
		close(s);
		return verdict(rc);
	}
	*fd = s;
	return rc;
}

/*
 * A socket file that refuses connections has no owner any more.  Other files
 * refuse them too, and are nobody's to remove; a full queue has an owner.
 */
static void
remove_stale(const struct addr *a)
{
	struct stat st;
	int fd;

	if (lstat(a->path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = open_stream(a);
	if (fd < 0)
		return;
	if (begin_connect(fd, a) == -ECONNREFUSED)
		(void)unlink(a->path); /* bind() says what is wrong */
	close(fd);
}

static int
listen_at(const struct addr *a, const struct socket_listen_opts *o,
    struct socket_listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int rc, fd;

	rc = addr_to_sockaddr(a, &ss, &len);
	if (rc != 0)
		return rc;
	fd = open_stream(a);
	if (fd < 0)
		return fd;
	if (a->family == AF_UNIX)
		remove_stale(a);
	else
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	socket_tune(fd, a); /* for those that are accepted here */
	if (a->family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (o->reuse_port)
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	rc = privilege_bind(fd, (struct sockaddr *)&ss, len);
	if (rc == 0 && listen(fd, o->backlog) != 0)
		rc = -errno;
	if (rc != 0) {
		close(fd);
		return rc;
	}
	l->fd = fd;
	l->inherited = false;
	l->addr = *a;
	if (a->family != AF_UNIX)
		socket_local(fd, &l->addr);
	return 0;
}

int
socket_listen_at(const struct addr *a, size_t n, uint16_t port,
    const struct socket_listen_opts *o, struct socket_listener *out)
{
	struct addr at;
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		at = a[i];
		at.port = port;
		rc = listen_at(&at, o, &out[i]);
	}
	if (rc == 0)
		return 0;
	for (i--; i > 0; i--)
		close(out[i - 1].fd);
	return rc;
}

/* Both families of loopback or "every address", on one and the same port. */
static int
listen_both(const struct endpoint *e, const struct socket_listen_opts *o,
    struct socket_listener *out, size_t *n)
{
	bool any = e->host != NULL;
	struct addr v4 = { .family = AF_INET, .port = e->port };
	struct addr v6 = { .family = AF_INET6 };
	int rc;

	if (!any) {
		v4.ip[0] = 127;
		v4.ip[3] = 1;
		v6.ip[15] = 1;
	}
	rc = listen_at(&v4, o, &out[0]);
	if (rc != 0)
		return rc;
	*n = 1;
	v6.port = out[0].addr.port;
	rc = listen_at(&v6, o, &out[1]);
	if (rc == 0) {
		*n = 2;
		return 0;
	}
	if (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL)
		return 0;
	close(out[0].fd);
	*n = 0;
	return rc;
}

static int
listen_pair(const struct endpoint *e, const struct socket_listen_opts *o,
    struct socket_listener *out, size_t *n)
{
	int rc = -EADDRINUSE;

	/* A port that the kernel chose for IPv4 may be taken for IPv6. */
	for (int i = 0; i < PORT_TRIES && rc == -EADDRINUSE; i++) {
		rc = listen_both(e, o, out, n);
		if (e->port != 0)
			break;
	}
	return rc;
}

static bool
is_listened_to(const struct addr *a, const struct socket_listener *l, size_t n)
{
	while (n > 0)
		if (addr_same_ip(a, &l[--n].addr))
			return true;
	return false;
}

/*
 * All addresses of a list that this machine has, on one port.  Lists name
 * addresses twice (a name in two lines of the hosts file), or one of a family
 * that is switched off.
 */
static int
listen_list(const struct addrinfo *ai, const struct socket_listen_opts *o,
    uint16_t port, struct socket_listener *out, size_t *n)
{
	int rc, last = -EADDRNOTAVAIL;
	struct addr a;

	*n = 0;
	for (; ai != NULL && *n < SOCKET_MAX_ADDRS; ai = ai->ai_next) {
		addr_from_sockaddr(&a, ai->ai_addr, "");
		if (is_listened_to(&a, out, *n))
			continue;
		a.port = *n > 0 ? out[0].addr.port : port;
		rc = listen_at(&a, o, &out[*n]);
		if (rc == 0)
			++*n;
		else
			last = rc;
		if (rc != 0 && rc != -EAFNOSUPPORT && rc != -EADDRNOTAVAIL)
			goto fail;
	}
	return *n > 0 ? 0 : last;

fail:
	while (*n > 0)
		close(out[--*n].fd);
	return last;
}

static int
listen_name(const struct endpoint *e, const struct socket_listen_opts *o,
    struct socket_listener *out, size_t *n, struct err *err)
{
	bool every = e->host != NULL && strcmp(e->host, "*") == 0;
	const char *host = every ? NULL : e->host;
	struct addrinfo hints = {
		.ai_family = e->family == ENDPOINT_TCP4   ? AF_INET
			     : e->family == ENDPOINT_TCP6 ? AF_INET6
							  : AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = every ? AI_PASSIVE : 0,
	};
	struct addrinfo *list;
	int rc;

	rc = getaddrinfo(host, host == NULL ? "0" : NULL, &hints, &list);
	if (rc != 0)
		return err_set(err, -EADDRNOTAVAIL,
		    "cannot listen on %s: the name does not resolve (%s)",
		    host == NULL ? "loopback" : host, gai_strerror(rc));
	rc = -EADDRINUSE;
	/* A port that the kernel chose for one may be taken for the next. */
	for (int i = 0; i < PORT_TRIES && rc == -EADDRINUSE; i++) {
		rc = listen_list(list, o, e->port, out, n);
		if (e->port != 0)
			break;
	}
	freeaddrinfo(list);
	return rc;
}

static int
listen_unix(const struct endpoint *e, const struct socket_listen_opts *o,
    struct socket_listener *out, size_t *n)
{
	struct addr a = { .family = AF_UNIX, .path = e->host };
	int rc = listen_at(&a, o, &out[0]);

	if (rc == 0)
		*n = 1;
	return rc;
}

static int
say_why(int rc, const struct endpoint *e, struct err *err)
{
	bool any_port = e->family != ENDPOINT_UNIX && e->port == 0;
	char full[ADDR_TEXT_MAX];
	const char *text = endpoint_format(e, full);

	/* Whichever it would have been, it is not the port. */
	if (any_port && e->host != NULL)
		text = e->host;
	switch (rc) {
	case -EADDRINUSE:
		return err_set(err, rc,
		    "cannot listen on %s: it is in use by another program",
		    text);
	case -EACCES:
	case -EPERM:
		return err_set(err, rc,
		    "cannot listen on %s: no permission (ports below 1024 "
		    "need root or CAP_NET_BIND_SERVICE)",
		    text);
	case -EADDRNOTAVAIL:
		return err_set(err, rc,
		    "cannot listen on %s: this machine has no such address",
		    text);
	default:
		return err_set(
		    err, rc, "cannot listen on %s: %s", text, strerror(-rc));
	}
}

int
socket_listen(const struct endpoint *e, const struct socket_listen_opts *o,
    struct socket_listener *out, size_t *n, struct err *err)
{
	bool every = e->host != NULL && strcmp(e->host, "*") == 0;
	struct err why = { "" };
	int rc;

	if (e->family == ENDPOINT_FD)
		return adopt_listeners(e, out, n, err);
	if (e->family == ENDPOINT_UNIX)
		rc = listen_unix(e, o, out, n);
	else if (e->family == ENDPOINT_ANY && (e->host == NULL || every))
		rc = listen_pair(e, o, out, n);
	else
		rc = listen_name(e, o, out, n, &why);
	if (rc == 0)
		return 0;
	if (why.text[0] != '\0')
		return err_set(err, rc, "%s", why.text);
	return say_why(rc, e, err);
}

void
socket_unlisten(struct socket_listener *l)
{
	if (l->fd < 0)
		return;
	close(l->fd);
	l->fd = -1;
	if (l->addr.family == AF_UNIX && !l->inherited)
		(void)unlink(l->addr.path);
}
