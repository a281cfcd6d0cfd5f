/*
 * proto.c - a relay of one page: what this machine allows.
 *
 *	proto relay|record|hex PORT TARGET-PORT FOLDER
 *
 * Relays 127.0.0.1:PORT to 127.0.0.1:TARGET-PORT, a blocking thread for each
 * direction, no limits, no errors survived.  relay splices; record also
 * doubles the bytes in their pipe and splices them into a file of each
 * direction; hex reads, sends, and writes a dump of them to such a file.
 * What a finished program reaches of this is the price of being one.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_SIZE ((size_t)1 << 20)
#define READ_SIZE ((size_t)256 << 10)
#define ROW       16
#define LINE      79 /* 8 digits, 16 bytes, 16 characters, blanks, a newline */

/* One direction of a connection. */
struct way {
	int from;
	int to;
	int file; /* -1: none */
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
splice_all(int from, int to, size_t n)
{
	while (n > 0) {
		ssize_t got = splice(from, NULL, to, NULL, n, SPLICE_F_MOVE);

		if (got <= 0)
			die("splice");
		n -= (size_t)got;
	}
}

static void *
run_splice(void *arg)
{
	struct way *w = arg;
	int a[2], b[2];
	ssize_t n, doubled;

	if (pipe(a) != 0 || pipe(b) != 0)
		die("pipe");
	(void)fcntl(a[1], F_SETPIPE_SZ, PIPE_SIZE);
	(void)fcntl(b[1], F_SETPIPE_SZ, PIPE_SIZE);
	while ((n = splice(
		    w->from, NULL, a[1], NULL, PIPE_SIZE, SPLICE_F_MOVE)) > 0) {
		for (; n > 0; n -= doubled) {
			doubled = n;
			if (w->file >= 0)
				doubled = tee(a[0], b[1], (size_t)n, 0);
			if (doubled <= 0)
				die("tee");
			splice_all(a[0], w->to, (size_t)doubled);
			if (w->file >= 0)
				splice_all(b[0], w->file, (size_t)doubled);
		}
	}
	(void)shutdown(w->to, SHUT_WR);
	return NULL;
}

static void
write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done <= 0)
			die("write");
		p += done;
		n -= (size_t)done;
	}
}

/* Return: where the next line goes; @n is at most ROW */
static uint8_t *
dump_line(uint8_t *out, uint64_t off, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	memset(out, ' ', LINE);
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)digits[off >> (28 - 4 * i) & 15];
	for (size_t i = 0; i < n; i++) {
		uint8_t *pair = out + 10 + 3 * i + i / 8;

		pair[0] = (uint8_t)digits[p[i] >> 4];
		pair[1] = (uint8_t)digits[p[i] & 15];
		out[61 + i] = p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.';
	}
	out[61 + n] = '\n';
	return out + 62 + n;
}

static void *
run_hex(void *arg)
{
	struct way *w = arg;
	uint8_t *in = malloc(READ_SIZE);
	uint8_t *text = malloc((READ_SIZE / ROW + 1) * LINE);
	uint64_t off = 0;
	ssize_t n;

	if (in == NULL || text == NULL)
		die("malloc");
	while ((n = read(w->from, in, READ_SIZE)) > 0) {
		uint8_t *end = text;

		write_all(w->to, in, (size_t)n);
		for (size_t i = 0; i < (size_t)n; i += ROW, off += ROW)
			end = dump_line(end, off, in + i,
			    (size_t)n - i < ROW ? (size_t)n - i : ROW);
		write_all(w->file, text, (size_t)(end - text));
	}
	(void)shutdown(w->to, SHUT_WR);
	free(in);
	free(text);
	return NULL;
}

static struct sockaddr_in
loopback(const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	in.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return in;
}

static void
start(struct way w, const char *folder, void *(*run)(void *))
{
	static unsigned files;
	struct way *mine = malloc(sizeof(*mine));
	char path[4096];
	pthread_t thread;
	int one = 1;

	if (mine == NULL)
		die("malloc");
	if (folder != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%u", folder, files++);
		w.file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
		if (w.file < 0)
			die(path);
	}
	(void)setsockopt(w.to, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*mine = w;
	if (pthread_create(&thread, NULL, run, mine) != 0)
		die("pthread_create");
}

int
main(int argc, char **argv)
{
	if (argc != 5) {
		(void)fputs("usage: proto relay|record|hex PORT TARGET-PORT "
			    "FOLDER\n",
		    stderr);
		return 2;
	}
	void *(*run)(void *) = *argv[1] == 'h' ? run_hex : run_splice;
	const char *folder = strcmp(argv[1], "relay") == 0 ? NULL : argv[4];
	struct sockaddr_in here = loopback(argv[2]);
	struct sockaddr_in there = loopback(argv[3]);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&here, sizeof(here)) != 0 ||
	    listen(listener, 128) != 0)
		die("listen");
	for (;;) {
		int client = accept(listener, NULL, NULL);
		int server = socket(AF_INET, SOCK_STREAM, 0);

		if (client < 0 || connect(server, (struct sockaddr *)&there,
				      sizeof(there)) != 0)
			die("connect");
		start((struct way){ client, server, -1 }, folder, run);
		start((struct way){ server, client, -1 }, folder, run);
	}
}
