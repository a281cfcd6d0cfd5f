#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "net/writer_path.h"

/* A run that made so many files of one name is stopped. */
#define SUFFIX_MAX 99999

/* What ".pcapng" needs; longer is no extension but a part of a name. */
#define EXTENSION_MAX 8

/* Missing folders belong to whoever runs the program. */
#define FOLDER_MODE 0700

size_t
writer_path_stem(const char *path)
{
	const char *base = strrchr(path, '/');
	const char *dot, *p;

	base = base != NULL ? base + 1 : path;
	dot = strrchr(base, '.');
	if (dot == NULL || dot == base || !isalpha((unsigned char)dot[1]))
		return strlen(path);
	for (p = dot + 1; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p))
			return strlen(path);
	}
	return p - dot - 1 > EXTENSION_MAX ? strlen(path)
					   : (size_t)(dot - path);
}

bool
writer_path_is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) &&
	       !S_ISDIR(st.st_mode);
}

int
writer_path_make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		int rc;

		*slash = '\0';
		rc = mkdir(path, FOLDER_MODE) != 0 ? -errno : 0;
		*slash = '/';
		if (rc != 0 && rc != -EEXIST)
			return rc;
	}
	return 0;
}

int
writer_path_open(char *path, int flags, mode_t mode, enum outfile_what what)
{
	int fd = outfile_open(path, flags, mode, what);

	if (fd != -ENOENT || (flags & O_CREAT) == 0)
		return fd;
	fd = writer_path_make_folders(path);
	return fd == 0 ? outfile_open(path, flags, mode, what) : fd;
}

int
writer_path_make_unique(char **path, mode_t mode)
{
	size_t stem = writer_path_stem(*path), size = strlen(*path) + 8;
	char *unique = malloc(size);
	int fd = -EEXIST;

	if (unique == NULL)
		return -ENOMEM;
	for (unsigned n = 2; fd == -EEXIST && n <= SUFFIX_MAX; n++) {
		(void)snprintf(unique, size, "%.*s-%u%s", (int)stem, *path, n,
		    *path + stem);
		fd = outfile_open(unique, O_CREAT | O_EXCL, mode, OUTFILE_FILE);
	}
	if (fd < 0) {
		free(unique);
		return fd;
	}
	free(*path);
	*path = unique;
	return fd;
}

int
writer_path_give(const char *from, const char *to)
{
	int fd, rc;

	if (link(from, to) == 0) {
		/* If it stays too, the next one gets another name. */
		(void)unlink(from);
		return 0;
	}
	if (errno == EEXIST || errno == ENOENT)
		return -errno;
	/* No hard links here: the name is taken first, then replaced. */
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	(void)close(fd); /* nothing was written */
	if (rename(from, to) == 0)
		return 0;
	rc = -errno;
	/* It is ours, and empty. */
	(void)unlink(to);
	return rc;
}

int
writer_path_move(char **path, const char *to)
{
	size_t stem = writer_path_stem(to), size = strlen(to) + 8;
	char *name = malloc(size);
	int rc;

	if (name == NULL)
		return -ENOMEM;
	memcpy(name, to, strlen(to) + 1);
	rc = writer_path_give(*path, name);
	for (unsigned n = 2; rc == -EEXIST && n <= SUFFIX_MAX; n++) {
		(void)snprintf(
		    name, size, "%.*s-%u%s", (int)stem, to, n, to + stem);
		rc = writer_path_give(*path, name);
	}
	if (rc != 0) {
		free(name);
		return rc;
	}
	free(*path);
	*path = name;
	return 0;
}
