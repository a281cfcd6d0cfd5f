#ifndef LOOPBACK_H
#define LOOPBACK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/addr.h"
#include "base/clock.h"

/*
 * What tests between sockets share: real loopback connections, a loop that is
 * driven by the test itself, and waits that end.
 */

/* Longer than anything here takes, also under a sanitizer on a busy machine. */
#define LOOPBACK_DEADLINE_NS (30 * CLOCK_NS_PER_S)

/** loopback_turn() - One turn of @loop; waits a moment for something to do. */
static inline void
loopback_turn(uv_loop_t *loop)
{
	struct pollfd p = { .fd = uv_backend_fd(loop), .events = POLLIN };

	(void)poll(&p, 1, 1); /* or the timers' turn */
	(void)uv_run(loop, UV_RUN_NOWAIT);
}

/** LOOPBACK_UNTIL() - Turn @loop until @condition holds; fails when late. */
#define LOOPBACK_UNTIL(loop, condition)                                        \
	do {                                                                   \
		uint64_t late_ = clock_mono_ns() + LOOPBACK_DEADLINE_NS;       \
		while (!(condition)) {                                         \
			if (clock_mono_ns() > late_)                           \
				fail_msg("never happened: %s", #condition);    \
			loopback_turn(loop);                                   \
		}                                                              \
	} while (0)

/** loopback_step() - Likewise, of a worker that has no thread. */
#define loopback_step(worker) ((void)worker_step(worker, 1))

/** LOOPBACK_STEP_UNTIL() - Turn @worker until @condition holds. */
#define LOOPBACK_STEP_UNTIL(worker, condition)                                 \
	do {                                                                   \
		uint64_t late_ = clock_mono_ns() + LOOPBACK_DEADLINE_NS;       \
		while (!(condition)) {                                         \
			if (clock_mono_ns() > late_)                           \
				fail_msg("never happened: %s", #condition);    \
			loopback_step(worker);                                 \
		}                                                              \
	} while (0)

/** loopback_wait() - Wait until @fd shows one of @events; fails when late. */
static inline short
loopback_wait(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_int_equal(
	    poll(&p, 1, (int)(LOOPBACK_DEADLINE_NS / CLOCK_NS_PER_MS)), 1);
	return p.revents;
}

/** loopback_addr() - 127.0.0.1 (AF_INET) or ::1 (AF_INET6), port 0. */
static inline struct addr
loopback_addr(uint16_t family)
{
	struct addr a = { .family = family };

	if (family == AF_INET) {
		a.ip[0] = 127;
		a.ip[3] = 1;
	} else {
		a.ip[15] = 1;
	}
	return a;
}

/** loopback_bind() - A bound socket; @a gets its port. */
static inline int
loopback_bind(struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = 0;
	int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(addr_to_sockaddr(a, &ss, &len), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	if (a->family == AF_UNIX)
		return fd;
	len = sizeof(ss);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(a, (struct sockaddr *)&ss, "");
	return fd;
}

/** loopback_listen() - A listener; @a gets its port. */
static inline int
loopback_listen(struct addr *a, int backlog)
{
	int fd = loopback_bind(a);

	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/** loopback_connect() - A connected, blocking socket. */
static inline int
loopback_connect(const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = 0;
	int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(addr_to_sockaddr(a, &ss, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

/** loopback_accept() - The next connection; fails when none comes. */
static inline int
loopback_accept(int listener)
{
	int fd;

	loopback_wait(listener, POLLIN);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/** loopback_name() - The address of @fd, or of its @peer. */
static inline struct addr
loopback_name(int fd, bool peer)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a;

	assert_int_equal(peer ? getpeername(fd, (struct sockaddr *)&ss, &len)
			      : getsockname(fd, (struct sockaddr *)&ss, &len),
	    0);
	addr_from_sockaddr(&a, (struct sockaddr *)&ss, "");
	return a;
}

/** loopback_nonblock() - What our code expects of its descriptors. */
static inline void
loopback_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
}

/** loopback_small() - Little room in both queues, to be slow with. */
static inline void
loopback_small(int fd)
{
	int size = 4096;

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

/** loopback_pair() - A TCP connection: [0] and [1], both non-blocking. */
static inline void
loopback_pair(int fd[2])
{
	struct addr a = loopback_addr(AF_INET);
	int listener = loopback_listen(&a, 1);

	fd[0] = loopback_connect(&a);
	fd[1] = loopback_accept(listener);
	close(listener);
	loopback_nonblock(fd[0]);
	loopback_nonblock(fd[1]);
}

/** loopback_readable() - Bytes that can be read from @fd. */
static inline size_t
loopback_readable(int fd)
{
	int n = 0;

	assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
	return (size_t)n;
}

/** loopback_rst() - Close with RST. */
static inline void
loopback_rst(int fd)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	close(fd);
}

/** loopback_fds() - Descriptors of this process that are open. */
static inline unsigned
loopback_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/** struct loopback_famine - What loopback_feed() puts back. */
struct loopback_famine {
	struct rlimit old;
	int fill[1024];
	size_t n;
};

/** loopback_starve() - Leave room for @more descriptors beside the open ones */
static inline void
loopback_starve(struct loopback_famine *f, unsigned more)
{
	struct rlimit low;
	int top = 0;

	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			top = fd;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &f->old), 0);
	low = f->old;
	low.rlim_cur = (rlim_t)top + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	/* Free numbers below the limit would be room as well. */
	f->n = 0;
	while (f->n < 1024 && (f->fill[f->n] = dup(STDERR_FILENO)) >= 0)
		f->n++;
	low.rlim_cur += more;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
}

/** loopback_feed() - The end of it. */
static inline void
loopback_feed(struct loopback_famine *f)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &f->old), 0);
	while (f->n > 0)
		close(f->fill[--f->n]);
}

#endif /* LOOPBACK_H */
