#ifndef NET_PRIVILEGE_H
#define NET_PRIVILEGE_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/attr.h"

/*
 * privilege.h - give up what was needed to open the listeners.
 *
 * Called before any thread is started: user and group ids belong to the
 * process only as long as it has one thread.
 */

struct err;

/**
 * privilege_become() - Become another user for good
 * @user:	A name of the user database, or a number
 *
 * Sets the supplementary groups, the group and the user, and makes sure that
 * the way back is closed.  The capabilities of root go with it; for the others
 * see net/capability.h.  Return: 0; -EINVAL: there is no such user;
 * another -errno: not permitted; with @err
 */
int privilege_become(const char *user, struct err *err) ATTR_WUNRES;

/**
 * privilege_check_user() - Is there such a user?  0 or -EINVAL with @err
 */
int privilege_check_user(const char *user, struct err *err) ATTR_WUNRES;

/**
 * privilege_is_borrowed() - Installed set-uid or set-gid, and started so
 *
 * What it may do then is not what its user may do.
 */
bool privilege_is_borrowed(void);

/**
 * privilege_set_aside() - Installed set-uid: be the real user until needed
 *
 * From here on paths are opened, made and removed with the rights of whoever
 * started the program; privilege_bind() alone takes the owner's.  The first
 * thing that main() does.  Does nothing otherwise.  Return: 0 or -errno
 */
int privilege_set_aside(void) ATTR_WUNRES;

/**
 * privilege_bind() - As bind(2); a port of TCP with what was set aside
 *
 * The path of a UNIX socket is bound as the real user.  While there is one
 * thread, or after privilege_real().  Return: 0 or -errno
 */
int privilege_bind(
    int fd, const struct sockaddr *sa, socklen_t len) ATTR_WUNRES;

/**
 * privilege_real() - Installed set-uid: the real user and group for good
 *
 * Does nothing otherwise.  Return: 0 or -errno with @err
 */
int privilege_real(struct err *err) ATTR_WUNRES;

#endif /* NET_PRIVILEGE_H */
