#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/sandbox_seccomp.h"

/*
 * Calls are named, not numbered: a name that this architecture or this
 * libseccomp does not know is left out, and the filter of the kernel is made
 * for the architecture that we run on; calls of any other end the process.
 *
 * The kernel remembers which calls pass whatever their arguments are (since
 * Linux 5.11), so that those of the data path cost nothing that could be
 * measured; none of them has a rule about arguments.  The rest is found in a
 * binary tree.
 */

/* What intruders do, and nothing here or in a library ever does. */
/* clang-format off: a list of words. */
static const char *const hostile[] = {
	"acct",
	"add_key",
	"bpf",
	"chroot",
	"delete_module",
	"execve",
	"execveat",
	"finit_module",
	"fsmount",
	"fsopen",
	"init_module",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"mount",
	"move_mount",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"reboot",
	"request_key",
	"setns",
	"swapoff",
	"swapon",
	"umount",
	"umount2",
	"unshare",
	"userfaultfd",
	NULL,
};
/* clang-format on */

/* Of the data path first, in the order of how often they come. */
/* clang-format off: a list of words. */
static const char *const plain[] = {
	/* bytes */
	"recvfrom",
	"sendto",
	"read",
	"write",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"splice",
	"tee",
	"epoll_ctl",
	"recvmsg",
	"sendmsg",
	"readv",
	"writev",
	"recv",
	"send",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"preadv2",
	"pwritev2",
	"recvmmsg",
	"sendmmsg",
	"sendfile",
	"sendfile64",
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"pselect6",
	"_newselect",
	/* threads and time */
	"futex",
	"futex_time64",
	"futex_waitv",
	"clock_gettime",
	"clock_gettime64",
	"gettimeofday",
	"time",
	"clock_getres",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"nanosleep",
	"sched_yield",
	"sched_getaffinity",
	"getcpu",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"set_tid_address",
	"membarrier",
	"gettid",
	"getpid",
	"getppid",
	"exit",
	"exit_group",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigtimedwait",
	"rt_sigsuspend",
	"sigreturn",
	"sigaltstack",
	/* memory */
	"munmap",
	"mremap",
	"madvise",
	"brk",
	/* sockets */
	"accept4",
	"accept",
	"connect",
	"bind",
	"listen",
	"shutdown",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
	/* descriptors */
	"close",
	"fcntl",
	"fcntl64",
	"dup",
	"dup2",
	"dup3",
	"pipe",
	"pipe2",
	"eventfd",
	"eventfd2",
	"epoll_create",
	"epoll_create1",
	"lseek",
	"_llseek",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"fallocate",
	"ftruncate",
	"ftruncate64",
	"flock",
	"fadvise64",
	"fadvise64_64",
	/* files: which ones is another's business */
	"open",
	"openat",
	"stat",
	"lstat",
	"fstat",
	"newfstatat",
	"stat64",
	"lstat64",
	"fstat64",
	"fstatat64",
	"statx",
	"statfs",
	"statfs64",
	"fstatfs",
	"fstatfs64",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"getcwd",
	"mkdir",
	"mkdirat",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"link",
	"linkat",
	/* who and where we are */
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getuid32",
	"geteuid32",
	"getgid32",
	"getegid32",
	"getresuid",
	"getresgid",
	"getgroups",
	"getpgrp",
	"getpgid",
	"getsid",
	"uname",
	"sysinfo",
	"getrusage",
	"times",
	"getrlimit",
	"ugetrlimit",
	"getrandom",
	"capget",
	NULL,
};
/* clang-format on */

/** struct rule - A call that some arguments are allowed to */
struct rule {
	const char *name;
	unsigned n;
	struct scmp_arg_cmp args[3];
};

/* The argument @i, of which the bits of @mask count, is @value. */
#define IS(i, mask, value)                                                     \
	{                                                                      \
		(i), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask),                 \
		    (scmp_datum_t)(value)                                      \
	}
#define ALL UINT32_MAX

/* SOCK_NONBLOCK and SOCK_CLOEXEC go with any type. */
#define TYPES 0xf

#define W_AND_X (PROT_WRITE | PROT_EXEC)

/* A thread, not a process, and no name space of its own. */
#if defined(__s390__)
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define CLONE_SPACES                                                           \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* C libraries name their memory with it */
#endif

static const struct rule rules[] = {
	{ "socket", 3,
	    { IS(0, ALL, AF_INET), IS(1, TYPES, SOCK_STREAM), IS(2, ALL, 0) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_INET), IS(1, TYPES, SOCK_STREAM),
		IS(2, ALL, IPPROTO_TCP) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_INET), IS(1, TYPES, SOCK_DGRAM), IS(2, ALL, 0) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_INET), IS(1, TYPES, SOCK_DGRAM),
		IS(2, ALL, IPPROTO_UDP) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_INET6), IS(1, TYPES, SOCK_STREAM),
		IS(2, ALL, 0) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_INET6), IS(1, TYPES, SOCK_STREAM),
		IS(2, ALL, IPPROTO_TCP) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_INET6), IS(1, TYPES, SOCK_DGRAM), IS(2, ALL, 0) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_INET6), IS(1, TYPES, SOCK_DGRAM),
		IS(2, ALL, IPPROTO_UDP) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_UNIX), IS(1, TYPES, SOCK_STREAM), IS(2, ALL, 0) } },
	{ "socket", 3,
	    { IS(0, ALL, AF_UNIX), IS(1, TYPES, SOCK_DGRAM), IS(2, ALL, 0) } },
	{ "socket", 2, { IS(0, ALL, AF_NETLINK), IS(2, ALL, NETLINK_ROUTE) } },
	/* Name services are libraries, and come with code; none is written. */
	{ "mmap", 1, { IS(2, W_AND_X, 0) } },
	{ "mmap", 1, { IS(2, W_AND_X, PROT_WRITE) } },
	{ "mmap", 1, { IS(2, W_AND_X, PROT_EXEC) } },
	{ "mmap2", 1, { IS(2, W_AND_X, 0) } },
	{ "mmap2", 1, { IS(2, W_AND_X, PROT_WRITE) } },
	{ "mmap2", 1, { IS(2, W_AND_X, PROT_EXEC) } },
	{ "mprotect", 1, { IS(2, PROT_EXEC, 0) } },
	{ "clone", 1,
	    { IS(CLONE_FLAGS, CLONE_SPACES | CLONE_THREAD, CLONE_THREAD) } },
	{ "prctl", 1, { IS(0, ALL, PR_SET_NAME) } },
	{ "prctl", 1, { IS(0, ALL, PR_GET_NAME) } },
	{ "prctl", 1, { IS(0, ALL, PR_SET_VMA) } },
	/* Our own limits, and only to be looked at. */
	{ "prlimit64", 2, { IS(0, ALL, 0), IS(2, UINT64_MAX, 0) } },
	/* Not TIOCSTI, which types at the terminal that we came from. */
	{ "ioctl", 1, { IS(1, ALL, FIONBIO) } },
	{ "ioctl", 1, { IS(1, ALL, FIONREAD) } },
	{ "ioctl", 1, { IS(1, ALL, FIOCLEX) } },
	{ "ioctl", 1, { IS(1, ALL, TCGETS) } },
	{ "ioctl", 1, { IS(1, ALL, TIOCGWINSZ) } },
	{ "ioctl", 1, { IS(1, ALL, SIOCOUTQ) } },
	{ "ioctl", 1, { IS(1, ALL, SIOCGIFNAME) } },
	{ "ioctl", 1, { IS(1, ALL, SIOCGIFINDEX) } },
	{ "ioctl", 1, { IS(1, ALL, SIOCGIFFLAGS) } },
};

/*
 * At the end, LeakSanitizer stops the program from a process that it makes
 * for that, and traces it; the shadow of memory is not ours to judge.
 */
#if ATTR_SANITIZED
static const char *const sanitizer[] = { "clone", "mmap", "mprotect", "prctl",
	"ptrace", "wait4", "tgkill", "kill", "mincore", "msync", "personality",
	"setrlimit", "prlimit64", NULL };
#else
static const char *const sanitizer[] = { NULL };
#endif

static bool
is_for_sanitizer(const char *name)
{
	for (size_t i = 0; sanitizer[i] != NULL; i++)
		if (strcmp(sanitizer[i], name) == 0)
			return true;
	return false;
}

/* 0, also for what is not known here. */
static int
add(scmp_filter_ctx filter, uint32_t action, const struct rule *r)
{
	int call = seccomp_syscall_resolve_name(r->name);

	if (call == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, action, call, r->n, r->args);
}

static int
add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
	int rc = 0;

	for (size_t i = 0; names[i] != NULL && rc == 0; i++) {
		const struct rule r = { .name = names[i] };

		if (action == SCMP_ACT_ALLOW || !is_for_sanitizer(names[i]))
			rc = add(filter, action, &r);
	}
	return rc;
}

/* abort() and the like raise signals for us, and nobody else gets any. */
static int
add_own_signals(scmp_filter_ctx filter)
{
	const struct rule r = { "tgkill", 1,
		{ IS(0, ALL, (uint32_t)getpid()) } };

	return is_for_sanitizer(r.name) ? 0 : add(filter, SCMP_ACT_ALLOW, &r);
}

static int
add_rules(scmp_filter_ctx filter)
{
	int rc = add_own_signals(filter);

	for (size_t i = 0; i < ATTR_COUNT(rules) && rc == 0; i++)
		if (!is_for_sanitizer(rules[i].name))
			rc = add(filter, SCMP_ACT_ALLOW, &rules[i]);
	return rc;
}

static int
fill(scmp_filter_ctx filter, bool kills)
{
	uint32_t punishment =
	    kills ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	/* That is the business of capability_no_new(). */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (rc == 0)
		rc = add_names(filter, SCMP_ACT_ALLOW, plain);
	if (rc == 0)
		rc = add_rules(filter);
	if (rc == 0)
		rc = add_names(filter, punishment, hostile);
	if (rc == 0)
		rc = add_names(filter, SCMP_ACT_ALLOW, sanitizer);
	/* Older libraries have no tree: the filter is right without, too. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return rc;
}

static int
count_allowed(void)
{
	const char *before = "";
	int n = 1; /* tgkill */

	for (size_t i = 0; plain[i] != NULL; i++)
		n += seccomp_syscall_resolve_name(plain[i]) >= 0;
	for (size_t i = 0; i < ATTR_COUNT(rules); i++) {
		if (strcmp(rules[i].name, before) != 0)
			n += seccomp_syscall_resolve_name(rules[i].name) >= 0;
		before = rules[i].name;
	}
	return n;
}

int
sandbox_seccomp_enter(bool kills, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc;

	if (filter == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	rc = fill(filter, kills);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc != 0)
		return err_set(err, rc, "system calls cannot be filtered: %s",
		    strerror(-rc));
	return count_allowed();
}
