#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "net/notify.h"

/* Longest message; a status is cut to it. */
#define MESSAGE_MAX 512

/*
 * A socket of datagrams holds few of them (net.unix.max_dgram_qlen, 10), and a
 * manager at boot is busy.  Without "READY=1" it would take us for one that
 * never came up: such a word is worth a moment; a sign of life, of which the
 * next one is due soon, is not.
 */
#define PATIENCE_MS 2000

static int fd = -1;
static uint64_t watchdog_ns;

/* "/run/..." or "@abstract"; 0 or -EINVAL. */
static int
address_of(const char *name, struct sockaddr_un *un, socklen_t *len)
{
	size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2 ||
	    n >= sizeof(un->sun_path))
		return -EINVAL;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, name, n);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	if (name[0] == '@')
		un->sun_path[0] = '\0';
	return 0;
}

static void
open_socket(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNSPEC };
	socklen_t len;
	int s;

	if (name == NULL || address_of(name, &un, &len) != 0)
		return;
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return;
	if (connect(s, (const struct sockaddr *)&un, len) != 0) {
		close(s);
		return;
	}
	fd = s;
}

/* WATCHDOG_PID: set, it says whom the watchdog is for. */
static uint64_t
read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	char *end;
	uint64_t us;

	if (usec == NULL || usec[0] < '0' || usec[0] > '9')
		return 0;
	if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	errno = 0;
	us = strtoull(usec, &end, 10);
	if (errno != 0 || *end != '\0' || us > UINT64_MAX / 1000)
		return 0;
	return us * 1000;
}

void
notify_init(void)
{
	open_socket(getenv("NOTIFY_SOCKET"));
	if (fd >= 0)
		watchdog_ns = read_watchdog();
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

bool
notify_is_on(void)
{
	return fd >= 0;
}

uint64_t
notify_watchdog_ns(void)
{
	return watchdog_ns;
}

/* A manager that does not listen at all is its own misfortune. */
static bool
say(const char *text)
{
	return fd < 0 || send(fd, text, strlen(text), MSG_NOSIGNAL) >= 0 ||
	       (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void
insist(const char *text)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	/* Once: what has taken its place meanwhile may take it for ever. */
	if (!say(text) && poll(&room, 1, PATIENCE_MS) == 1)
		(void)say(text);
}

void
notify_ready(void)
{
	insist("READY=1");
}

void
notify_reloading(void)
{
	char text[MESSAGE_MAX];
	struct timespec now;

	/* Type=notify-reload (systemd 253) wants to know since when. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(text, sizeof(text),
	    "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	insist(text);
}

void
notify_stopping(uint64_t within_ns)
{
	char text[MESSAGE_MAX];

	(void)snprintf(text, sizeof(text),
	    "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64, within_ns / 1000);
	insist(text);
}

void
notify_alive(void)
{
	(void)say("WATCHDOG=1"); /* or the next one */
}

void
notify_status(const char *fmt, ...)
{
	char text[MESSAGE_MAX] = "STATUS=";
	const size_t head = sizeof("STATUS=") - 1;
	va_list ap;

	if (fd < 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text + head, sizeof(text) - head, fmt, ap);
	va_end(ap);
	(void)say(text); /* or the next one */
}
