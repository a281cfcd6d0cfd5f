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
 * @is_open:	When we were started; its number may be somebody else's now
 */
struct inherited {
	char *name;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	bool is_open;
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
	struct sockaddr_un un = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(un);

	if (getsockname(fd, (struct sockaddr *)&un, &len) != 0 ||
	    un.sun_family != AF_UNIX || len > sizeof(un))
		return;
	memcpy(in->path, un.sun_path,
	    len - offsetof(struct sockaddr_un, sun_path));
}

static bool
make_ours(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return false;
	/* Neither fails on what is open. */
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return true;
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
		int fd = FIRST_FD + (int)i;

		all[i].name = next_name(&names);
		all[i].is_open = make_ours(fd);
		look_for_path(&all[i], fd);
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
	int found[MOST];
	size_t n = 0;

	for (size_t i = 0; i < total; i++) {
		if (!is_called(i, which))
			continue;
		if (!all[i].is_open)
			return -EBADF;
		if (all[i].taken)
			return -EBUSY;
		if (n == max)
			return -E2BIG;
		found[n++] = FIRST_FD + (int)i;
	}
	if (n == 0)
		return -ENOENT;
	for (size_t i = 0; i < n; i++) {
		all[found[i] - FIRST_FD].taken = true;
		fds[i] = found[i];
	}
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
