/*
 * load.c - both ends of a benchmark: servers, and clients that drive them.
 *
 * Servers:
 *	load sink	swallow what was announced; answer its end with a byte
 *	load echo	send everything back
 *	load drain N	listen at N ports, swallow everything; at the end of
 *			standard input say how much it was
 * Clients:
 *	load bulk PORT STREAMS MIB SECONDS CHUNK
 *			send for so long, or so much in all if that comes
 *			first, CHUNK bytes at most in a call; wait for the
 *			answers
 *	load pingpong PORT CONNS SECONDS SIZE
 *			one message each way at a time
 *	load connect PORT AT_ONCE SECONDS
 *			connect, one byte each way, close
 *	load idle PORT CONNS
 *			open them
 *
 * Servers choose free ports of 127.0.0.1 and print them.  A client connects,
 * warms what is cold, says "ready" and waits for a line; then it is measured,
 * prints one line of JSON and holds its connections until its input ends, so
 * that neither their beginning nor their end is part of the figure.  One
 * thread and one epoll each: client, relay and server share two cores, and
 * what the ends burn, the relay does not get.
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

/* A stream is made of blocks: eight bytes with its length, then so many.  The
 * sender chooses when to end, so it does not know at first how many come. */
#define LAST_BLOCK (UINT64_C(1) << 63)

/* What a connection of swallow() still gets of its block, with LAST_BLOCK. */
static uint64_t owed[MAX_FDS];

/* Return: 1, or what recv() says; -1 with EAGAIN when it is not all there */
static ssize_t
next_announcement(int fd)
{
	uint64_t head;
	ssize_t n = recv(fd, &head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);

	if (n <= 0)
		return n;
	if (n < (ssize_t)sizeof(head)) {
		errno = EAGAIN;
		return -1;
	}
	owed[fd] = head;
	return recv(fd, &head, sizeof(head), 0) > 0;
}

/* Return: false when the connection is over */
static bool
swallow(int fd)
{
	for (;;) {
		uint64_t left = owed[fd] & ~LAST_BLOCK;
		ssize_t n;

		/* MSG_TRUNC: TCP throws bytes away without copying them. */
		if (left == 0)
			n = next_announcement(fd);
		else
			n = recv(fd, buffer,
			    left < 4 * BUFFER ? left : 4 * BUFFER,
			    MSG_TRUNC | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			owed[fd] = 0;
			return false;
		}
		if (left == 0)
			continue;
		owed[fd] -= (uint64_t)n;
		if (owed[fd] != LAST_BLOCK)
			continue;
		owed[fd] = 0;
		if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
			return false;
	}
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
	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (uint8_t)(i * 131 + i / 256);
}

/* Connected and warm: say so, and wait until somebody looks. */
static void
ready(void)
{
	printf("ready\n");
	(void)fflush(stdout);
	(void)getchar();
}

static void
result(const char *what, double seconds, uint64_t count)
{
	printf("{\"seconds\": %.6f, \"%s\": %llu}\n", seconds, what,
	    (unsigned long long)count);
	(void)fflush(stdout);
	while (getchar() != EOF)
		continue;
}

/* One stream of bulk(). */
struct stream {
	int fd;
	uint64_t head; /* what announces its block */
	size_t head_left;
	uint64_t left;   /* of the block */
	uint64_t budget; /* after the block */
};

/* How all of them send. */
struct bulk {
	struct stream *streams;
	unsigned count;
	size_t chunk; /* bytes in a call */
	uint64_t block;
	uint64_t sent;
	double end; /* time to stop */
};

static void
stream_wants(struct bulk *b, struct stream *s, uint32_t events)
{
	struct epoll_event ev = { .events = events,
		.data.u64 = (uint64_t)(s - b->streams) };

	if (epoll_ctl(poller, EPOLL_CTL_MOD, s->fd, &ev) != 0)
		die("epoll_ctl");
}

static void
next_block(struct bulk *b, struct stream *s)
{
	s->left = s->budget < b->block ? s->budget : b->block;
	s->budget -= s->left;
	if (now() >= b->end)
		s->budget = 0;
	s->head = s->left | (s->budget == 0 ? LAST_BLOCK : 0);
	s->head_left = sizeof(s->head);
	b->sent += s->left;
}

static void
send_some(struct bulk *b, struct stream *s)
{
	uint8_t *head = (uint8_t *)&s->head + sizeof(s->head) - s->head_left;
	struct iovec part[2] = { { head, s->head_left },
		{ buffer, s->left < b->chunk ? (size_t)s->left : b->chunk } };
	struct msghdr msg = { .msg_iov = part, .msg_iovlen = 2 };
	ssize_t n = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	size_t taken = n < 0 ? 0 : (size_t)n;
	size_t of_head = taken < s->head_left ? taken : s->head_left;

	if (n < 0 && errno != EAGAIN)
		die("send");
	s->head_left -= of_head;
	s->left -= taken - of_head;
	if (s->left > 0 || s->head_left > 0)
		return;
	if (s->budget > 0)
		next_block(b, s);
	else
		stream_wants(b, s, EPOLLIN);
}

/* Return: seconds until the last answer */
static double
send_all(struct bulk *b, uint64_t bytes, double seconds)
{
	struct epoll_event ev[MAX_EVENTS];
	unsigned open = b->count;
	double start = now();

	b->sent = 0;
	b->end = start + seconds;
	for (unsigned i = 0; i < b->count; i++) {
		b->streams[i].budget = bytes / b->count;
		next_block(b, &b->streams[i]);
		stream_wants(b, &b->streams[i], EPOLLIN | EPOLLOUT);
	}
	while (open > 0) {
		int n = epoll_wait(poller, ev, MAX_EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct stream *s = &b->streams[ev[i].data.u64];

			if ((ev[i].events & EPOLLIN) == 0) {
				send_some(b, s);
				continue;
			}
			if (recv(s->fd, buffer + BUFFER, 1, 0) != 1)
				die("the answer to a stream");
			stream_wants(b, s, 0);
			open--;
		}
	}
	return now() - start;
}

#define WARM_SHARE  8
#define WARM_BYTES  ((uint64_t)32 << 20)
#define LARGE_BLOCK ((uint64_t)4 << 20)
#define SMALL_BLOCK ((uint64_t)4 << 10)

/* No end of stream is needed: not every relay passes one on by itself. */
static int
bulk(
    uint16_t port, unsigned streams, uint64_t mib, double seconds, size_t chunk)
{
	uint64_t bytes = mib << 20;
	uint64_t warm = bytes / WARM_SHARE;
	struct bulk b = { .count = streams,
		.chunk = chunk > 0 && chunk <= sizeof(buffer) ? chunk : BUFFER,
		.streams = calloc(streams, sizeof(*b.streams)) };

	/* Slow ways end soon after their time, too. */
	b.block = b.chunk * 1024 < LARGE_BLOCK ? b.chunk * 1024 : LARGE_BLOCK;
	b.block = b.block > SMALL_BLOCK ? b.block : SMALL_BLOCK;
	if (b.streams == NULL || bytes / streams == 0)
		die("streams");
	fill_buffer();
	for (unsigned i = 0; i < streams; i++) {
		b.streams[i].fd = dial(port);
		watch(b.streams[i].fd, 0, i);
	}
	(void)send_all(
	    &b, warm < WARM_BYTES ? warm : WARM_BYTES, seconds / WARM_SHARE);
	ready();
	seconds = send_all(&b, bytes, seconds);
	result("bytes", seconds, b.sent);
	free(b.streams);
	return 0;
}

static void
say(int fd, size_t size)
{
	if (send(fd, buffer, size, MSG_NOSIGNAL) != (ssize_t)size)
		die("send");
}

static void
hear(int fd, size_t size)
{
	if (recv(fd, buffer + BUFFER, size, MSG_WAITALL) != (ssize_t)size)
		die("recv");
}

static int
pingpong(uint16_t port, unsigned conns, double seconds, size_t size)
{
	struct epoll_event ev[MAX_EVENTS];
	int *fd = calloc(conns, sizeof(*fd));
	uint64_t done = 0;
	double start;

	if (fd == NULL)
		die("connections");
	fill_buffer();
	for (unsigned i = 0; i < conns; i++) {
		fd[i] = dial(port);
		say(fd[i], size);
		hear(fd[i], size);
		watch(fd[i], EPOLLIN, (uint64_t)fd[i]);
	}
	ready();
	start = now();
	for (unsigned i = 0; i < conns; i++)
		say(fd[i], size);
	while (now() - start < seconds) {
		int n = epoll_wait(poller, ev, MAX_EVENTS, 1000);

		for (int i = 0; i < n; i++) {
			hear((int)ev[i].data.u64, size);
			say((int)ev[i].data.u64, size);
			done++;
		}
	}
	result("requests", now() - start, done);
	free(fd);
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
	double start;

	ready();
	start = now();
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
	result("connections", now() - start, done);
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
	ready();
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
	double arg[5] = { 0 };

	for (int i = 2; i < argc && i < 7; i++)
		arg[i - 2] = strtod(argv[i], NULL);
	raise_fd_limit();
	(void)signal(SIGPIPE, SIG_IGN);
	poller = epoll_create1(0);
	if (strcmp(mode, "sink") == 0)
		serve(swallow);
	if (strcmp(mode, "echo") == 0)
		serve(echo);
	if (strcmp(mode, "drain") == 0 && argc == 3 && arg[0] > 0)
		return drain((unsigned)arg[0]);
	if (strcmp(mode, "bulk") == 0 && argc == 7 && arg[1] > 0)
		return bulk((uint16_t)arg[0], (unsigned)arg[1],
		    (uint64_t)arg[2], arg[3], (size_t)arg[4]);
	if (strcmp(mode, "pingpong") == 0 && argc == 6)
		return pingpong(
		    (uint16_t)arg[0], (unsigned)arg[1], arg[2], (size_t)arg[3]);
	if (strcmp(mode, "connect") == 0 && argc == 5)
		return connects((uint16_t)arg[0], (unsigned)arg[1], arg[2]);
	if (strcmp(mode, "idle") == 0 && argc == 4)
		return idle((uint16_t)arg[0], (unsigned)arg[1]);
	(void)fprintf(stderr, "load: see the head of bench/load.c\n");
	return 2;
}
