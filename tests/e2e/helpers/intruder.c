#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dlfcn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/*
 * intruder.c - somebody who has got into the program, and looks around.
 *
 * Loaded before it (LD_PRELOAD).  When a worker of the program accepts its
 * first connection, what is named in INTRUDER is tried there, on the worker's
 * thread, after every part of the sandbox was entered:
 *
 *	INTRUDER="raw open-read:/etc/shadow exec"
 *
 * Each becomes a line on standard error, "intruder: WORD ERRNO", 0 if it was
 * done.  System calls are made directly: what a library makes of a refusal is
 * not what is asked for.
 */

typedef long attempt(const char *arg);

static int
number(const char *arg)
{
	return (int)strtol(arg, NULL, 10); /* the test has written it */
}

static long
open_with(const char *path, int flags)
{
	long fd = syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close((int)fd);
	return fd;
}

static long
make_socket(int domain, int type, int protocol)
{
	long fd = syscall(SYS_socket, domain, type, protocol);

	if (fd >= 0)
		close((int)fd);
	return fd;
}

static long
raw(const char *arg)
{
	(void)arg;
	return make_socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

static long
raw6(const char *arg)
{
	(void)arg;
	return make_socket(AF_INET6, SOCK_RAW, IPPROTO_TCP);
}

static long
ping(const char *arg)
{
	(void)arg;
	return make_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
}

static long
packet(const char *arg)
{
	(void)arg;
	return make_socket(AF_PACKET, SOCK_RAW, 0x0300);
}

static long
packet_dgram(const char *arg)
{
	(void)arg;
	return make_socket(AF_PACKET, SOCK_DGRAM, 0x0300);
}

static long
netlink(const char *arg)
{
	return make_socket(AF_NETLINK, SOCK_RAW, number(arg));
}

static long
tcp(const char *arg)
{
	(void)arg;
	return make_socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long
udp(const char *arg)
{
	(void)arg;
	return make_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
}

static long
local(const char *arg)
{
	(void)arg;
	return make_socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
open_read(const char *arg)
{
	return open_with(arg, O_RDONLY);
}

static long
open_write(const char *arg)
{
	return open_with(arg, O_WRONLY | O_CREAT);
}

static long
cut(const char *arg)
{
	return syscall(SYS_truncate, arg, 0L);
}

static long
change_mode(const char *arg)
{
	return syscall(SYS_fchmodat, AT_FDCWD, arg, 0777);
}

static long
erase(const char *arg)
{
	return syscall(SYS_unlinkat, AT_FDCWD, arg, 0);
}

static long
make_folder(const char *arg)
{
	return syscall(SYS_mkdirat, AT_FDCWD, arg, 0700);
}

static long
make_link(const char *arg)
{
	return syscall(SYS_symlinkat, "/etc/shadow", AT_FDCWD, arg);
}

static long
make_device(const char *arg)
{
	return syscall(SYS_mknodat, AT_FDCWD, arg, S_IFCHR | 0600, 0x0103L);
}

static long
run_program(const char *arg)
{
	const char *argv[] = { arg, NULL };

	return syscall(SYS_execve, arg, argv, NULL);
}

static long
make_process(const char *arg)
{
	long pid;

	(void)arg;
	pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);
	if (pid == 0)
		_exit(0);
	return pid;
}

static long
trace(const char *arg)
{
	return syscall(SYS_ptrace, PTRACE_ATTACH, number(arg), 0L, 0L);
}

static long
look_into(const char *arg)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { &byte, 1 };

	return syscall(
	    SYS_process_vm_readv, number(arg), &here, 1L, &there, 1L, 0L);
}

static long
end_other(const char *arg)
{
	return syscall(SYS_kill, number(arg), 0);
}

static long
mount_something(const char *arg)
{
	return syscall(SYS_mount, "none", arg, "tmpfs", 0L, NULL);
}

static long
leave_space(const char *arg)
{
	(void)arg;
	return syscall(SYS_unshare, 0x10000000L); /* CLONE_NEWUSER */
}

static long
become_root(const char *arg)
{
	(void)arg;
	return syscall(SYS_setresuid, 0L, 0L, 0L);
}

static long
load_filter(const char *arg)
{
	(void)arg;
	return syscall(SYS_bpf, 0L, NULL, 0L);
}

static long
make_ring(const char *arg)
{
	char params[256] = "";

	(void)arg;
	return syscall(425, 4L, params); /* io_uring_setup */
}

static long
make_memory_file(const char *arg)
{
	(void)arg;
	return syscall(SYS_memfd_create, "x", 0L);
}

static long
map(int protection)
{
	long at = syscall(SYS_mmap, NULL, 4096L, protection,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1L, 0L);

	if (at != -1)
		munmap((void *)at, 4096);
	return at == -1 ? -1 : 0;
}

static long
map_code(const char *arg)
{
	(void)arg;
	return map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long
make_code(const char *arg)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long rc = syscall(SYS_mprotect, at, 4096L, PROT_READ | PROT_EXEC);
	int number = errno;

	(void)arg;
	munmap(at, 4096);
	errno = number;
	return rc;
}

static long
type_in(const char *arg)
{
	(void)arg;
	return syscall(SYS_ioctl, 0, TIOCSTI, "x");
}

static long
raise_limit(const char *arg)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };

	(void)arg;
	return syscall(SYS_prlimit64, 0L, RLIMIT_NOFILE, &limit, NULL);
}

static long
tell_names(const char *arg)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int rc = getaddrinfo(arg, "http", &hints, &found);

	if (rc != 0) {
		errno = rc == EAI_SYSTEM ? errno : 1000 - rc;
		return -1;
	}
	freeaddrinfo(found);
	return 0;
}

static void *
nothing(void *arg)
{
	return arg;
}

static long
make_thread(const char *arg)
{
	pthread_t thread;

	(void)arg;
	errno = pthread_create(&thread, NULL, nothing, NULL);
	return errno != 0 ? -1 : pthread_join(thread, NULL);
}

static const struct {
	const char *word;
	attempt *attempt;
} words[] = {
	{ "bpf", load_filter },
	{ "chmod", change_mode },
	{ "code", make_code },
	{ "exec", run_program },
	{ "fork", make_process },
	{ "icmp", ping },
	{ "io_uring", make_ring },
	{ "kill", end_other },
	{ "limit", raise_limit },
	{ "memfd", make_memory_file },
	{ "mkdir", make_folder },
	{ "mknod", make_device },
	{ "mount", mount_something },
	{ "name", tell_names },
	{ "netlink", netlink },
	{ "packet", packet },
	{ "packet-dgram", packet_dgram },
	{ "ptrace", trace },
	{ "raw", raw },
	{ "raw6", raw6 },
	{ "read", open_read },
	{ "setuid", become_root },
	{ "symlink", make_link },
	{ "tcp", tcp },
	{ "thread", make_thread },
	{ "truncate", cut },
	{ "type", type_in },
	{ "udp", udp },
	{ "unix", local },
	{ "unlink", erase },
	{ "unshare", leave_space },
	{ "vm-read", look_into },
	{ "write", open_write },
	{ "write-and-exec", map_code },
};

static void
try(const char *what)
{
	size_t len = strcspn(what, ":");
	const char *arg = what[len] == ':' ? what + len + 1 : "";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int rc;

		if (strlen(words[i].word) != len ||
		    strncmp(words[i].word, what, len) != 0)
			continue;
		errno = 0;
		rc = words[i].attempt(arg) >= 0 ? 0 : errno;
		dprintf(STDERR_FILENO, "intruder: %s %d\n", what, rc);
		return;
	}
	dprintf(STDERR_FILENO, "intruder: %s is no word\n", what);
}

static void
look_around(void)
{
	char *all = getenv("INTRUDER");
	char *rest = NULL;

	all = all != NULL ? strdup(all) : NULL;
	for (char *what = all != NULL ? strtok_r(all, " ", &rest) : NULL;
	     what != NULL; what = strtok_r(NULL, " ", &rest))
		try(what);
	free(all);
	dprintf(STDERR_FILENO, "intruder: done\n");
}

int
accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int conn = (int)syscall(SYS_accept4, fd, addr, len, flags);
	int number = errno;

	if (conn >= 0)
		(void)pthread_once(&once, look_around);
	errno = number;
	return conn;
}
