#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "net/adopt.h"
#include "net/inherit.h"
#include "net/socket.h"

static int
option_of(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = 0;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value
								   : -errno;
}

/* NULL: it is what it should be. */
static const char *
what_is_wrong(int fd)
{
	struct addr a;

	if (option_of(fd, SO_TYPE) != SOCK_STREAM)
		return "it is no stream socket (ListenStream= is wanted)";
	if (option_of(fd, SO_ACCEPTCONN) != 1)
		return "it does not listen (Accept=no is wanted)";
	socket_local(fd, &a);
	if (a.family == AF_UNSPEC)
		return "it is neither TCP nor UNIX";
	return NULL;
}

static int
adopt(int fd, struct socket_listener *l, const char *which, struct err *err)
{
	const char *wrong = what_is_wrong(fd);

	if (wrong != NULL)
		return err_set(err, -EINVAL,
		    "cannot listen on fd:%.64s: descriptor %d: %s", which, fd,
		    wrong);
	l->fd = fd;
	l->inherited = true;
	socket_local(fd, &l->addr);
	if (l->addr.family == AF_UNIX)
		l->addr.path = inherit_path(fd);
	socket_tune(fd, &l->addr); /* for those that are accepted here */
	return 0;
}

static int
refuse(int rc, const char *which, struct err *err)
{
	if (rc == -ENOENT && inherit_count() == 0)
		return err_set(err, rc,
		    "cannot listen on fd:%.64s: no descriptors were handed "
		    "over (LISTEN_FDS is not set for this process)",
		    which);
	if (rc == -ENOENT)
		return err_set(err, rc,
		    "cannot listen on fd:%.64s: none of the %zu descriptors "
		    "that were handed over is called so",
		    which, inherit_count());
	if (rc == -EBUSY)
		return err_set(err, rc,
		    "cannot listen on fd:%.64s: it is used twice", which);
	if (rc == -EBADF)
		return err_set(err, rc,
		    "cannot listen on fd:%.64s: the descriptor that was handed "
		    "over is not open",
		    which);
	return err_set(err, rc,
	    "cannot listen on fd:%.64s: more than %d descriptors are called so",
	    which, SOCKET_MAX_ADDRS);
}

int
adopt_listeners(const struct endpoint *e, struct socket_listener *out,
    size_t *n, struct err *err)
{
	int fds[SOCKET_MAX_ADDRS];
	int got = inherit_take(e->host, fds, SOCKET_MAX_ADDRS);

	if (got < 0)
		return refuse(got, e->host, err);
	*n = 0;
	for (int i = 0; i < got; i++) {
		int rc = adopt(fds[i], &out[*n], e->host, err);

		if (rc != 0) {
			while (i < got)
				close(fds[i++]);
			while (*n > 0)
				close(out[--*n].fd);
			return rc;
		}
		++*n;
	}
	return 0;
}
