#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/sandbox_landlock.h"

/*
 * The system calls and their bits as linux/landlock.h has them, since the
 * kernel's headers here may be older than the kernel that we run on.  Bits
 * that a kernel does not know are not asked for.
 */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

#define CREATE_VERSION    1U
#define RULE_PATH_BENEATH 1

#define FS_EXECUTE     (UINT64_C(1) << 0)
#define FS_WRITE_FILE  (UINT64_C(1) << 1)
#define FS_READ_FILE   (UINT64_C(1) << 2)
#define FS_READ_DIR    (UINT64_C(1) << 3)
#define FS_REMOVE_DIR  (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_CHAR   (UINT64_C(1) << 6)
#define FS_MAKE_DIR    (UINT64_C(1) << 7)
#define FS_MAKE_REG    (UINT64_C(1) << 8)
#define FS_MAKE_SOCK   (UINT64_C(1) << 9)
#define FS_MAKE_FIFO   (UINT64_C(1) << 10)
#define FS_MAKE_BLOCK  (UINT64_C(1) << 11)
#define FS_MAKE_SYM    (UINT64_C(1) << 12)
#define FS_REFER       (UINT64_C(1) << 13) /* version 2 */
#define FS_TRUNCATE    (UINT64_C(1) << 14) /* version 3 */
#define FS_IOCTL_DEV   (UINT64_C(1) << 15) /* version 5 */
#define FS_VERSION_1   (FS_REFER - 1)

#define SCOPE_SIGNAL (UINT64_C(1) << 1) /* version 6 */

/* Rights that a rule about a file, not a folder, may give. */
#define FS_OF_FILE                                                             \
	(FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

/* Older kernels know the first field alone. */
#define RULESET_SIZE_1 sizeof(uint64_t)

struct beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static const uint64_t rights[] = {
	[SANDBOX_LANDLOCK_READ] = FS_READ_FILE | FS_READ_DIR,
	[SANDBOX_LANDLOCK_WRITE] = FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG |
				   FS_MAKE_DIR | FS_MAKE_SOCK | FS_REMOVE_FILE |
				   FS_REFER | FS_IOCTL_DEV,
	[SANDBOX_LANDLOCK_REMOVE] = FS_REMOVE_FILE,
};
_Static_assert(ATTR_COUNT(rights) == SANDBOX_LANDLOCK_NUSES, "one for each");

/** struct place - A folder, whatever it is called. */
struct place {
	dev_t dev;
	ino_t ino;
};

/**
 * struct sandbox_landlock - Rules being made
 * @fd:		Of the kernel's set; -1 once it is entered
 * @fs:		What the kernel keeps apart
 * @writable:	@nwritable folders for WRITE
 */
struct sandbox_landlock {
	int fd;
	uint64_t fs;
	struct place *writable;
	size_t nwritable;
};

int
sandbox_landlock_version(void)
{
	long version = syscall(
	    SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_VERSION);

	if (version >= 0)
		return (int)version;
	return -errno;
}

static struct ruleset
known_to(int version)
{
	struct ruleset r = { .fs = FS_VERSION_1 };

	if (version >= 2)
		r.fs |= FS_REFER;
	if (version >= 3)
		r.fs |= FS_TRUNCATE;
	if (version >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (version >= 6)
		r.scoped = SCOPE_SIGNAL;
	return r;
}

static const char *
why_not(int version)
{
	if (version == -EOPNOTSUPP)
		return "it is switched off";
	if (version == -ENOSYS)
		return "this kernel has none";
	return strerror(-version);
}

struct sandbox_landlock *
sandbox_landlock_new(struct err *err)
{
	int version = sandbox_landlock_version();
	struct ruleset r = known_to(version);
	struct sandbox_landlock *l;

	if (version < 0) {
		(void)err_set(
		    err, version, "no Landlock: %s", why_not(version));
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	l->fs = r.fs;
	l->fd = (int)syscall(SYS_landlock_create_ruleset, &r,
	    version >= 6 ? sizeof(r) : RULESET_SIZE_1, 0U);
	if (l->fd < 0) {
		(void)err_set(err, -errno, "no Landlock: %s", strerror(errno));
		sandbox_landlock_free(l);
		return NULL;
	}
	return l;
}

static int
remember(struct sandbox_landlock *l, const struct stat *st)
{
	struct place *more =
	    realloc(l->writable, (l->nwritable + 1) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	l->writable = more;
	more[l->nwritable++] = (struct place){ st->st_dev, st->st_ino };
	return 0;
}

static int
add_rule(struct sandbox_landlock *l, int at, const struct stat *st,
    enum sandbox_landlock_use use)
{
	struct beneath rule = { .allowed = rights[use] & l->fs, .parent = at };

	if (!S_ISDIR(st->st_mode))
		rule.allowed &= FS_OF_FILE;
	if (rule.allowed == 0)
		return 0;
	if (syscall(SYS_landlock_add_rule, l->fd, RULE_PATH_BENEATH, &rule,
		0U) == 0)
		return 0;
	/* Pipes and sockets lie in no folder, and nobody keeps us from them. */
	return errno == EBADFD ? 0 : -errno;
}

int
sandbox_landlock_allow(
    struct sandbox_landlock *l, const char *path, enum sandbox_landlock_use use)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) == 0 ? add_rule(l, fd, &st, use) : -errno;
	if (rc == 0 && use == SANDBOX_LANDLOCK_WRITE && S_ISDIR(st.st_mode))
		rc = remember(l, &st);
	(void)close(fd); /* it was only a name */
	return rc;
}

int
sandbox_landlock_enter(struct sandbox_landlock *l, struct err *err)
{
	if (syscall(SYS_landlock_restrict_self, l->fd, 0U) != 0)
		return err_set(err, -errno, "Landlock cannot be entered: %s",
		    strerror(errno));
	(void)close(l->fd); /* the kernel has it now */
	l->fd = -1;
	return 0;
}

/* What is missing may be made in the folder above it. */
static bool
is_missing(int fd)
{
	return fd < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/*
 * The folder that @path lies in or will lie in, or -errno; O_PATH needs no
 * right to the folder itself.
 */
static int
open_nearest(const char *path)
{
	char *part = strdup(path);
	int fd = -1;

	if (part == NULL)
		return -ENOMEM;
	for (;;) {
		char *slash;

		fd = open(part[0] != '\0' ? part : ".",
		    O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (!is_missing(fd) || part[0] == '\0' ||
		    strcmp(part, "/") == 0)
			break;
		slash = strrchr(part, '/');
		if (slash == NULL)
			part[0] = '\0';
		else
			slash[slash == part ? 1 : 0] = '\0';
	}
	if (fd < 0)
		fd = -errno;
	free(part);
	return fd;
}

static bool
is_writable(const struct sandbox_landlock *l, const struct stat *st)
{
	for (size_t i = 0; i < l->nwritable; i++)
		if (l->writable[i].dev == st->st_dev &&
		    l->writable[i].ino == st->st_ino)
			return true;
	return false;
}

/*
 * The folder above @fd, or -errno: -EXDEV above the root, which is its own;
 * @here is @fd itself, and @below what was below it.
 */
static int
open_above(int fd, const struct place *here, const struct place *below)
{
	int up;

	if (here->dev == below->dev && here->ino == below->ino)
		return -EXDEV;
	up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (up < 0)
		return -errno;
	return up;
}

/*
 * One step up from @fd, which is closed.  Return: the folder above it; 0 for
 * one that is writable; or -errno, as above
 */
static int
climb(const struct sandbox_landlock *l, int fd, struct place *below)
{
	struct stat st;
	int up = 0;

	if (fstat(fd, &st) != 0) {
		up = -errno;
	} else if (!is_writable(l, &st)) {
		const struct place here = { st.st_dev, st.st_ino };

		up = open_above(fd, &here, below);
		*below = here;
	}
	(void)close(fd); /* it was only a name */
	return up;
}

int
sandbox_landlock_find(const struct sandbox_landlock *l, const char *path)
{
	struct place below = { 0, 0 };
	int at = open_nearest(path);

	/* 0 is the standard input, which is always open. */
	while (at > 0)
		at = climb(l, at, &below);
	return at;
}

void
sandbox_landlock_free(struct sandbox_landlock *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		(void)close(l->fd); /* rules that were not entered */
	free(l->writable);
	free(l);
}
