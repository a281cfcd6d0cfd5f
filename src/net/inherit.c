#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/inherit.h"

/* The first descriptor that is handed over. */
#define FIRST_FD 3

/* More are not for us: a proxy has a few listeners. */
#define MOST 256

/* As sd_listen_fds_with_names(3) calls those without a name. */
#define NO_NAME "unknown"

/**
 * struct inherited - A descriptor; it is FIRST_FD and its place
 * @name:	Or NULL, for want of memory
 * @path:	As inherit_path() tells
 */
struct inherited {
	char *name;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	bool taken;
};

static struct inherited *all;
static size_t total;

/* A number in the environment; -1: not there, or no number. */
static long
number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	long n;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' ? n : -1;
}

/* The next name of the list; *@list moves behind it. */
static char *
next_name(const char **list)
{
	const char *from = *list;
	size_t n;

	if (from == NULL)
		return strdup(NO_NAME);
	n = strcspn(from, ":");
	*list = from[n] == ':' ? from + n + 1 : NULL;
	return n > 0 ? strndup(from, n) : strdup(NO_NAME);
}

static void
look_for_path(struct inherited *in, int fd)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	if (getsockname(fd, (struct sockaddr *)&un, &len) != 0 ||
	    un.sun_family != AF_UNIX || len > sizeof(un))
		return;
	memcpy(in->path, un.sun_path,
	    len - offsetof(struct sockaddr_un, sun_path));
}

static void
ready(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	/* A descriptor that is not open is found out when it is used. */
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void
clean_environment(void)
{
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}

void
inherit_init(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	long n = number_of("LISTEN_FDS");

	if (number_of("LISTEN_PID") == (long)getpid() && n > 0 && n <= MOST) {
		all = calloc((size_t)n, sizeof(*all));
		total = all != NULL ? (size_t)n : 0;
	}
	for (size_t i = 0; i < total; i++) {
		all[i].name = next_name(&names);
		look_for_path(&all[i], FIRST_FD + (int)i);
		ready(FIRST_FD + (int)i);
	}
	clean_environment();
}

const char *
inherit_path(int fd)
{
	return fd >= FIRST_FD && (size_t)(fd - FIRST_FD) < total
		   ? all[fd - FIRST_FD].path
		   : "";
}

size_t
inherit_count(void)
{
	return total;
}

/* "0", "1", ...: a place; else a name. */
static bool
is_called(size_t i, const char *which)
{
	char *end;

	if (which[0] >= '0' && which[0] <= '9') {
		unsigned long place = strtoul(which, &end, 10);

		if (*end == '\0')
			return place == i;
	}
	return all[i].name != NULL && strcmp(all[i].name, which) == 0;
}

int
inherit_take(const char *which, int *fds, size_t max)
{
	size_t n = 0;
	bool busy = false;

	for (size_t i = 0; i < total; i++) {
		if (!is_called(i, which))
			continue;
		busy = busy || all[i].taken;
		if (n == max)
			return -E2BIG;
		fds[n++] = FIRST_FD + (int)i;
	}
	if (n == 0)
		return -ENOENT;
	if (busy)
		return -EBUSY;
	for (size_t i = 0; i < n; i++)
		all[fds[i] - FIRST_FD].taken = true;
	return (int)n;
}

const char *
inherit_left(void)
{
	for (size_t i = 0; i < total; i++)
		if (!all[i].taken)
			return all[i].name != NULL ? all[i].name : NO_NAME;
	return NULL;
}
