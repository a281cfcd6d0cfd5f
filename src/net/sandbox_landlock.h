#ifndef NET_SANDBOX_LANDLOCK_H
#define NET_SANDBOX_LANDLOCK_H

#include "base/attr.h"

/*
 * sandbox_landlock.h - no file but those of the folders named (landlock(7)).
 *
 *	new() ── allow(), for each place ── enter() ─► for good, and for all
 *	                                               threads that come
 *
 * A rule binds to the folder that a path leads to now, with all beneath it; a
 * folder that takes its name later is another one.  A rule can also be about
 * one file, and is then as good as the file is: where files are replaced, allow
 * their folder.  Once entered, rules cannot be added.
 *
 * What is open stays open.  The kernel's version decides how much is kept
 * apart; sandbox_landlock_version() tells.  Not covered in any: stat(2),
 * connecting to UNIX sockets, and what seccomp forbids anyway.
 */

struct err;
struct sandbox_landlock;

/** enum sandbox_landlock_use - What may be done in a place. */
enum sandbox_landlock_use {
	SANDBOX_LANDLOCK_READ,   /* read files, list folders */
	SANDBOX_LANDLOCK_WRITE,  /* make, write, rename, remove files, folders,
				    sockets; not read them */
	SANDBOX_LANDLOCK_REMOVE, /* remove files: sockets at the end */
};
#define SANDBOX_LANDLOCK_NUSES (SANDBOX_LANDLOCK_REMOVE + 1)

/**
 * sandbox_landlock_version() - Of the kernel's rules (1: Linux 5.13)
 *
 * Return: -ENOSYS: it has none, -EOPNOTSUPP: they are switched off, or
 * another -errno
 */
int sandbox_landlock_version(void);

/** sandbox_landlock_new() - Nothing is allowed yet; NULL with @err. */
struct sandbox_landlock *sandbox_landlock_new(struct err *err) ATTR_WUNRES;

/**
 * sandbox_landlock_allow() - Allow a folder with all beneath it, or a file
 * @path:	As it is found now; links are followed.  Not a regular file for
 *		REMOVE, or what is written to would have to be there.
 *
 * Return: 0, also for what is no file of a folder (a pipe); or -errno, as a
 * rule -ENOENT
 */
int sandbox_landlock_allow(struct sandbox_landlock *l, const char *path,
    enum sandbox_landlock_use use) ATTR_WUNRES;

/**
 * sandbox_landlock_enter() - From here on, nothing else is allowed
 *
 * Needs no-new-privileges, or CAP_SYS_ADMIN.  Return: 0 or -errno with @err
 */
int sandbox_landlock_enter(
    struct sandbox_landlock *l, struct err *err) ATTR_WUNRES;

/**
 * sandbox_landlock_find() - Does @path lie in a folder for WRITE?
 * @path:	What is missing at its end is thought of as made
 *
 * From any thread.  Return: 0: it does; -EXDEV: it lies elsewhere; or another
 * -errno: it cannot be told, for want of descriptors, or of the right to look
 */
int sandbox_landlock_find(
    const struct sandbox_landlock *l, const char *path) ATTR_WUNRES;

/** sandbox_landlock_free() - The rules stay; NULL is a no-op. */
void sandbox_landlock_free(struct sandbox_landlock *l);

#endif /* NET_SANDBOX_LANDLOCK_H */
