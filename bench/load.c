/*
 * load.c - both ends of a benchmark: servers, and clients that drive them.
 *
 * Servers:
 *	load sink	swallow what was announced; answer a byte
 *	load echo	send everything back
 *	load drain N	listen at N ports, swallow everything; at the end of
 *			standard input say how much it was
 * Clients:
 *	load bulk PORT STREAMS MIB
 *			send so much in all, wait for the answers
 *	load pingpong PORT CONNS SECONDS SIZE
 *			one message each way at a time
 *	load connect PORT AT_ONCE SECONDS
 *			connect, one byte each way, close
 *	load idle PORT CONNS
 *			open them, say "ready", hold until the end of input
 *
 * Servers choose free ports of 127.0.0.1 and print them.  Clients print one
 * line of JSON.  One thread and one epoll each: client, relay and server share
 * two cores, and what the ends burn, the relay does not get.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER     ((size_t)256 * 1024)
#define MAX_EVENTS 256
#define MAX_FDS    65536

static uint8_t buffer[4 * BUFFER];
static int poller;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
watch(int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &ev) != 0)
		die("epoll_ctl");
}

static void
no_delay(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* --- servers ----------------------------------------------------------- */

static int
listen_anywhere(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, len) != 0 ||
	    listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		die("listen");
	printf("%u\n", (unsigned)ntohs(in.sin_port));
	(void)fflush(stdout);
	return fd;
}

static void
accept_all(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		no_delay(fd);
		watch(fd, EPOLLIN, (uint64_t)fd);
	}
}

/* Bytes that a stream has announced in its first eight, and still owes. */
static uint64_t owed[MAX_FDS];

/* Return: false when the connection is over */
static bool
swallow(int fd)
{
	ssize_t n;

	if (owed[fd] == 0 &&
	    recv(fd, &owed[fd], sizeof(owed[fd]), 0) != sizeof(owed[fd]))
		return false; /* the client has had its answer */
	/* MSG_TRUNC: TCP throws the bytes away without copying them. */
	while (owed[fd] > 0) {
		n = recv(fd, buffer,
		    owed[fd] < 4 * BUFFER ? owed[fd] : 4 * BUFFER,
		    MSG_TRUNC | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0) {
			owed[fd] = 0;
			return false;
		}
		owed[fd] -= (uint64_t)n;
	}
	return send(fd, "", 1, MSG_NOSIGNAL) == 1;
}

static bool
echo(int fd)
{
	ssize_t n = recv(fd, buffer, BUFFER, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN;
	return n > 0 && send(fd, buffer, (size_t)n, MSG_NOSIGNAL) == n;
}

_Noreturn static void
serve(bool (*handle)(int fd))
{
	int listener = listen_anywhere();

	watch(listener, EPOLLIN, (uint64_t)listener);
	for (;;) {
		struct epoll_event ev[MAX_EVENTS];
		int n = epoll_wait(poller, ev, MAX_EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = (int)ev[i].data.u64;

			if (fd == listener)
				accept_all(listener);
			else if (!handle(fd))
				(void)close(fd);
		}
	}
}

/* Bytes that came to the ports of drain(). */
static uint64_t drained;

/* Return: false when the connection is over */
static bool
swallow_all(int fd)
{
	/* MSG_TRUNC: TCP throws the bytes away without copying them. */
	ssize_t n = recv(fd, buffer, 4 * BUFFER, MSG_TRUNC | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN;
	drained += (uint64_t)n;
	return n > 0;
}

static void
drain_one(int fd, int last)
{
	if (fd <= last)
		accept_all(fd);
	else if (!swallow_all(fd))
		(void)close(fd);
}

/* Input has ended, and nothing has come for a while. */
#define QUIET_MS 200

static int
drain(unsigned ports)
{
	struct epoll_event ev[MAX_EVENTS];
	int last = -1; /* the listeners are the first that are opened */
	int wait_ms = -1;
	int n;

	while (ports-- > 0) {
		last = listen_anywhere();
		watch(last, EPOLLIN, (uint64_t)last);
	}
	watch(STDIN_FILENO, EPOLLIN, STDIN_FILENO);
	while ((n = epoll_wait(poller, ev, MAX_EVENTS, wait_ms)) > 0) {
		for (int i = 0; i < n; i++) {
			int fd = (int)ev[i].data.u64;

			if (fd != STDIN_FILENO) {
				drain_one(fd, last);
			} else if (read(fd, buffer, BUFFER) <= 0) {
				(void)epoll_ctl(
				    poller, EPOLL_CTL_DEL, fd, &ev[i]);
				wait_ms = QUIET_MS;
			}
		}
	}
	printf("{\"bytes\": %llu}\n", (unsigned long long)drained);
	return 0;
}

/* --- clients ----------------------------------------------------------- */

static int
dial(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof(in)) != 0)
		die("connect");
	no_delay(fd);
	return fd;
}

static void
fill_buffer(void)
{
	/* Bytes of every value, in no short cycle; hex and base64 alike. */
	for (size_t i = 0; i < BUFFER; i++)
		buffer[i] = (uint8_t)(i * 131 + i / 256);
}

static void
watch_answer(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = (uint64_t)fd };

	(void)epoll_ctl(poller, EPOLL_CTL_MOD, fd, &ev);
}

static void
send_share(int fd)
{
	size_t want = owed[fd] < BUFFER ? (size_t)owed[fd] : BUFFER;
	ssize_t n = send(fd, buffer, want, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		die("send");
	owed[fd] -= n < 0 ? 0 : (uint64_t)n;
	if (owed[fd] == 0)
		watch_answer(fd);
}

static void
begin_stream(uint16_t port, uint64_t share)
{
	int fd = dial(port);

	if (send(fd, &share, sizeof(share), 0) != sizeof(share))
		die("send");
	owed[fd] = share;
	watch(fd, EPOLLIN | EPOLLOUT, (uint64_t)fd);
}

/* No end of stream is needed: not every relay passes one on by itself. */
static int
bulk(uint16_t port, unsigned streams, uint64_t mib)
{
	uint64_t share = mib * 1024 * 1024 / streams;
	struct epoll_event ev[MAX_EVENTS];
	unsigned open = streams;
	double start = now();

	fill_buffer();
	for (unsigned i = 0; i < streams; i++)
		begin_stream(port, share);
	while (open > 0) {
		int n = epoll_wait(poller, ev, MAX_EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = (int)ev[i].data.u64;

			if ((ev[i].events & EPOLLIN) == 0) {
				send_share(fd);
				continue;
			}
			if (recv(fd, buffer, 1, 0) != 1)
				die("the answer to a stream");
			(void)close(fd);
			open--;
		}
	}
	printf("{\"seconds\": %.6f, \"bytes\": %llu}\n", now() - start,
	    (unsigned long long)(share * streams));
	return 0;
}

static int
pingpong(uint16_t port, unsigned conns, double seconds, size_t size)
{
	struct epoll_event ev[MAX_EVENTS];
	uint64_t done = 0;
	double start;

	fill_buffer();
	for (unsigned i = 0; i < conns; i++) {
		int fd = dial(port);

		watch(fd, EPOLLIN, (uint64_t)fd);
		if (send(fd, buffer, size, 0) != (ssize_t)size)
			die("send");
	}
	start = now();
	while (now() - start < seconds) {
		int n = epoll_wait(poller, ev, MAX_EVENTS, 1000);

		for (int i = 0; i < n; i++) {
			int fd = (int)ev[i].data.u64;

			if (recv(fd, buffer, size, MSG_WAITALL) !=
			    (ssize_t)size)
				die("recv");
			if (send(fd, buffer, size, 0) != (ssize_t)size)
				die("send");
			done++;
		}
	}
	printf("{\"seconds\": %.6f, \"requests\": %llu}\n", now() - start,
	    (unsigned long long)done);
	return 0;
}

static int
new_call(uint16_t port)
{
	int fd = dial(port);

	if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
		die("send");
	watch(fd, EPOLLIN, (uint64_t)fd);
	return fd;
}

static int
connects(uint16_t port, unsigned at_once, double seconds)
{
	struct epoll_event ev[MAX_EVENTS];
	uint64_t done = 0;
	double start = now();

	for (unsigned i = 0; i < at_once; i++)
		(void)new_call(port);
	while (now() - start < seconds) {
		int n = epoll_wait(poller, ev, MAX_EVENTS, 1000);

		for (int i = 0; i < n; i++) {
			int fd = (int)ev[i].data.u64;

			if (recv(fd, buffer, 1, 0) != 1)
				die("recv");
			/* The server side keeps TIME_WAIT: ports last. */
			struct linger hard = { .l_onoff = 1 };

			(void)setsockopt(
			    fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
			(void)close(fd);
			done++;
			(void)new_call(port);
		}
	}
	printf("{\"seconds\": %.6f, \"connections\": %llu}\n", now() - start,
	    (unsigned long long)done);
	return 0;
}

static int
idle(uint16_t port, unsigned conns)
{
	for (unsigned i = 0; i < conns; i++) {
		int fd = dial(port);

		/* A byte each way, so that the server's end exists too. */
		if (send(fd, "x", 1, 0) != 1 || recv(fd, buffer, 1, 0) != 1)
			die("idle");
	}
	printf("ready\n");
	(void)fflush(stdout);
	(void)getchar();
	return 0;
}

static void
raise_fd_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	unsigned long arg[4] = { 0 };

	for (int i = 2; i < argc && i < 6; i++)
		arg[i - 2] = strtoul(argv[i], NULL, 10);
	raise_fd_limit();
	(void)signal(SIGPIPE, SIG_IGN);
	poller = epoll_create1(0);
	if (strcmp(mode, "sink") == 0)
		serve(swallow);
	if (strcmp(mode, "echo") == 0)
		serve(echo);
	if (strcmp(mode, "drain") == 0 && argc == 3 && arg[0] > 0)
		return drain((unsigned)arg[0]);
	if (strcmp(mode, "bulk") == 0 && argc == 5)
		return bulk((uint16_t)arg[0], (unsigned)arg[1], arg[2]);
	if (strcmp(mode, "pingpong") == 0 && argc == 6)
		return pingpong(
		    (uint16_t)arg[0], (unsigned)arg[1], (double)arg[2], arg[3]);
	if (strcmp(mode, "connect") == 0 && argc == 5)
		return connects(
		    (uint16_t)arg[0], (unsigned)arg[1], (double)arg[2]);
	if (strcmp(mode, "idle") == 0 && argc == 4)
		return idle((uint16_t)arg[0], (unsigned)arg[1]);
	(void)fprintf(stderr, "load: see the head of bench/load.c\n");
	return 2;
}
