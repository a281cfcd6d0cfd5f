#ifndef NET_SANDBOX_SECCOMP_H
#define NET_SANDBOX_SECCOMP_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * sandbox_seccomp.h - no system call but those that a run needs (seccomp(2)).
 *
 * What is left cannot start a program or a process, look into another one,
 * make raw or packet sockets, memory that is both writable and executable,
 * links, devices, or anything else of a system's administration.  It can open
 * files (which ones: net/sandbox_landlock.h), move bytes, have threads, wait,
 * tell the time, and speak TCP, UDP and UNIX sockets; and ask the kernel for
 * addresses by netlink, since name look-ups do.
 *
 *	call			"try"		"strict"
 *	of a run		as ever		as ever
 *	of an intruder		EPERM		ends the process (SIGSYS)
 *	any other		ENOSYS		ENOSYS
 *
 * ENOSYS is what libraries expect of a kernel older than they are: they do
 * without.  The calls of an intruder are those that nothing here would ever
 * make: starting programs, tracing, mounting, loading code into the kernel.
 */

struct err;

/**
 * sandbox_seccomp_enter() - From here on, and for all threads
 * @kills:	See "strict"
 *
 * Needs no-new-privileges, or CAP_SYS_ADMIN.  Return: how many system calls
 * are left; -ENOTSUP: the system has no such thing; or another -errno; with
 * @err
 */
int sandbox_seccomp_enter(bool kills, struct err *err) ATTR_WUNRES;

#endif /* NET_SANDBOX_SECCOMP_H */
