#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "base/outfile.h"

/* Every open(2) here. */
#define OURS (O_WRONLY | O_CLOEXEC | O_NOCTTY)

/* Without waiting, and no further than the name, since anything may be there.
 */
#define GENTLE (O_NONBLOCK | O_NOFOLLOW)

/* How often it is looked whether a pipe has a reader. */
#define LOOK_MS 20

static int
open_once(const char *path, int flags, mode_t mode)
{
	int fd;

	do {
		fd = open(path, flags | OURS, mode);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

static bool
is_trusted(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* May everybody write to the folder of @path?  If in doubt, yes. */
static bool
is_public(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == path ? 1 : (size_t)(slash - path);
	char *folder = slash == NULL ? strdup(".") : strndup(path, len);
	struct stat st;
	bool is;

	is = folder == NULL || stat(folder, &st) != 0 ||
	     (st.st_mode & S_IWOTH) != 0;
	free(folder);
	return is;
}

/* Not a second name of a link of ours or of root's, which anybody may make. */
static bool
is_own_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	       st.st_nlink == 1 && is_trusted(&st);
}

/* @st: what lies at @path itself */
static int
judge(const char *path, const struct stat *st)
{
	if (!is_public(path))
		return 0;
	if (!is_trusted(st))
		return -EUSERS;
	return S_ISREG(st->st_mode) && st->st_nlink > 1 ? -EMLINK : 0;
}

/*
 * In sticky folders the kernel itself refuses some of this, in fewer words
 * (may_create_in_sticky() of its fs/namei.c): -EACCES, or what it is.
 */
static int
explain(const char *path)
{
	struct stat st;
	int rc;

	if (lstat(path, &st) != 0)
		return -EACCES;
	if (S_ISLNK(st.st_mode) && !is_own_link(path))
		return -ELOOP;
	rc = judge(path, &st);
	return rc != 0 ? rc : -EACCES;
}

static int
wait_for_reader(const char *path, int flags)
{
	int fd = -ENXIO;

	for (int ms = 0; fd == -ENXIO && ms < OUTFILE_WAIT_MS; ms += LOOK_MS) {
		(void)poll(NULL, 0, LOOK_MS); /* if interrupted, the sooner */
		fd = open_once(path, flags, 0);
	}
	return fd;
}

/* A pipe without a reader; sockets, which cannot be opened, say the same. */
static int
open_pipe(const char *path, int flags)
{
	struct stat st;
	int rc;

	if (stat(path, &st) != 0 || !S_ISFIFO(st.st_mode))
		return -ENXIO;
	rc = (flags & O_NOFOLLOW) != 0 ? judge(path, &st) : 0;
	return rc == 0 ? wait_for_reader(path, flags) : rc;
}

/* What was opened: is it what it should be?  Whose link it was is known. */
static int
settle(int fd, const char *path, int flags, enum outfile_what what)
{
	struct stat st;
	int rc = 0;

	if (fstat(fd, &st) != 0)
		return -errno;
	if ((flags & O_NOFOLLOW) != 0)
		rc = judge(path, &st);
	if (rc == 0 && what == OUTFILE_FILE && !S_ISREG(st.st_mode))
		rc = -ENOTSUP;
	if (rc != 0)
		return rc;
	if ((flags & O_TRUNC) != 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    ftruncate(fd, 0) != 0)
		return -errno;
	return fcntl(fd, F_SETFL, flags & O_APPEND) == 0 ? 0 : -errno;
}

/* One that is not there, or cannot be seen, leads nowhere. */
static bool
is_trap(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	       !is_trusted(&st) && is_public(path);
}

/* @part: looked at up to its @len th byte, and changed back */
static bool
is_trap_up_to(char *part, size_t len)
{
	char next = part[len];
	bool is;

	part[len] = '\0';
	is = is_trap(part);
	part[len] = next;
	return is;
}

int
outfile_check_folder(const char *path)
{
	char *part = strdup(path);
	int rc = part == NULL ? -ENOMEM : 0;

	for (size_t i = 1; rc == 0 && path[0] != '\0'; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		if (is_trap_up_to(part, i))
			rc = -ELOOP;
		if (path[i] == '\0')
			break;
	}
	free(part);
	return rc;
}

/* The folder that @path lies in. */
static int
check_way(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int rc;

	if (slash == NULL || slash == path)
		return 0;
	folder = strndup(path, (size_t)(slash - path));
	rc = folder != NULL ? outfile_check_folder(folder) : -ENOMEM;
	free(folder);
	return rc;
}

int
outfile_open(const char *path, int flags, mode_t mode, enum outfile_what what)
{
	int look = (flags & ~O_TRUNC) | GENTLE;
	int fd, rc = what == OUTFILE_NAMED ? check_way(path) : 0;

	if (rc != 0)
		return rc;
	/* There is nothing, or it fails. */
	if ((flags & O_EXCL) != 0)
		return open_once(path, flags, mode);
	fd = open_once(path, look, mode);
	if (fd == -ELOOP && is_own_link(path)) {
		look &= ~O_NOFOLLOW;
		fd = open_once(path, look, mode);
	}
	if (fd == -ENXIO)
		fd = what == OUTFILE_NAMED ? open_pipe(path, look) : -ENOTSUP;
	if (fd == -EACCES)
		return explain(path);
	if (fd < 0)
		return fd;
	rc = settle(fd, path, look | flags, what);
	if (rc == 0)
		return fd;
	(void)close(fd); /* nothing was written */
	return rc;
}

const char *
outfile_why(int rc)
{
	switch (rc) {
	case -ELOOP:
		return "there is a symbolic link that somebody else has made";
	case -EUSERS:
		return "it is somebody else's, where everybody may write";
	case -EMLINK:
		return "it has several names, where everybody may write";
	case -ENOTSUP:
		return "there is something that is no file";
	case -ENXIO:
		return "nobody reads there";
	default:
		return strerror(-rc);
	}
}
