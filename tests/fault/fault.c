/*
 * fault.c - a system that fails when it is told to.
 *
 * Preloaded into the program under test (LD_PRELOAD), it stands before the
 * calls that can meet a full disk, a lack of descriptors or a clock that
 * jumps.  The test and the program share a page, the file that env
 * TEELINE_FAULT names: rules that the test may write, change and take away
 * while the program runs, counters that it may read.
 *
 *	rule	which call, on which paths; how many are let through first,
 *		how many then fail, and how: errno, or 0 for half of the bytes
 *	clock	added to CLOCK_REALTIME, and to the stamps of packets that are
 *		captured; the monotonic clock stays
 *
 * And it catches a signal that nobody blocks and that restarts nothing, so
 * that a test can interrupt every call of every thread: SIGRTMIN + 5.
 *
 * Calls go to the kernel as they are: what a sanitizer puts before them is
 * not asked.  tests/e2e/helpers/faults.py knows the layout of the page.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#define RULES     64
#define PATH_SIZE 216
#define FDS       8192
#define NAME_SIZE 512
#define STORM     (SIGRTMIN + 5)
#define NS_PER_S  1000000000LL
#define NS_PER_US 1000LL
#define HALF      (-2)
#define NO_FAULT  (-1)

/* Which calls a rule is about; the order is known to the tests. */
enum fault_call {
	FAULT_WRITE, /* write, writev, pwrite, pwritev */
	FAULT_SPLICE,
	FAULT_FTRUNCATE,
	FAULT_OPEN,
	FAULT_LINK,
	FAULT_RENAME,
	FAULT_UNLINK,
	FAULT_MKDIR,
	FAULT_ACCEPT,
	FAULT_SOCKET,
	FAULT_PIPE,
	FAULT_RECV,
	FAULT_SEND,
};

/**
 * struct fault_rule - When a call fails
 * @call:	enum fault_call
 * @error:	errno, or 0: half of the bytes are written
 * @skip:	So many are let through first
 * @count:	So many fail then; -1: all of them
 * @seen:	Calls that it was about, so far
 * @failed:	Those that failed
 * @path:	How the file's name begins; "" is any, and any socket
 *
 * The test writes all but @seen and @failed.
 */
struct fault_rule {
	_Atomic uint32_t call;
	_Atomic int32_t error;
	_Atomic int64_t skip;
	_Atomic int64_t count;
	_Atomic int64_t seen;
	_Atomic int64_t failed;
	char path[PATH_SIZE];
};

struct fault_page {
	_Atomic int64_t clock_ns;
	_Atomic uint32_t nrules; /* those before are whole */
	uint32_t unused[61];
	struct fault_rule rules[RULES];
};

_Static_assert(sizeof(struct fault_rule) == 256, "known to the tests");
_Static_assert(offsetof(struct fault_page, rules) == 256, "known to the tests");

static struct fault_page *page;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static char names[FDS][NAME_SIZE];

static void
on_storm(int number)
{
	(void)number;
}

__attribute__((constructor)) static void
fault_begin(void)
{
	const char *path = getenv("TEELINE_FAULT");
	struct sigaction act = { .sa_handler = on_storm };
	void *map;
	int fd;

	if (path == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	map = mmap(
	    NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || sigaction(STORM, &act, NULL) != 0)
		abort();
	(void)syscall(SYS_close, fd);
	page = map;
}

/* --- rules ------------------------------------------------------------- */

/* One more call that a rule is about: does it fail? */
static int
judge(struct fault_rule *r)
{
	int64_t number = atomic_fetch_add(&r->seen, 1);
	int64_t skip = atomic_load(&r->skip), count = atomic_load(&r->count);
	int error;

	if (number < skip || (count >= 0 && number >= skip + count))
		return NO_FAULT;
	(void)atomic_fetch_add(&r->failed, 1);
	error = atomic_load(&r->error);
	return error == 0 ? HALF : error;
}

/* What is to become of a call: NO_FAULT, HALF, or an errno. */
static int
ask(enum fault_call call, const char *path)
{
	uint32_t n = page != NULL ? atomic_load(&page->nrules) : 0;
	int fault = NO_FAULT;

	for (uint32_t i = 0; i < n && i < RULES && fault == NO_FAULT; i++) {
		struct fault_rule *r = &page->rules[i];

		if (atomic_load(&r->call) == (uint32_t)call &&
		    strncmp(path, r->path, strlen(r->path)) == 0)
			fault = judge(r);
	}
	return fault;
}

static int
ask_fd(enum fault_call call, int fd)
{
	char name[NAME_SIZE] = "";

	if (page == NULL || atomic_load(&page->nrules) == 0)
		return NO_FAULT;
	if (fd >= 0 && fd < FDS) {
		(void)pthread_mutex_lock(&names_lock);
		memcpy(name, names[fd], sizeof(name));
		(void)pthread_mutex_unlock(&names_lock);
	}
	return ask(call, name);
}

static void
call_fd(int fd, const char *name)
{
	if (fd < 0 || fd >= FDS)
		return;
	(void)pthread_mutex_lock(&names_lock);
	names[fd][0] = '\0';
	(void)strncat(names[fd], name, NAME_SIZE - 1);
	(void)pthread_mutex_unlock(&names_lock);
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

/* --- files ------------------------------------------------------------- */

int
open(const char *path, int flags, ...)
{
	int fault = ask(FAULT_OPEN, path), fd;
	mode_t mode = 0;

	if ((flags & O_CREAT) != 0) {
		va_list more;

		va_start(more, flags);
		mode = va_arg(more, mode_t);
		va_end(more);
	}
	if (fault > 0)
		return fail(fault);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	call_fd(fd, path);
	return fd;
}

int
close(int fd)
{
	if (page != NULL)
		call_fd(fd, "");
	return (int)syscall(SYS_close, fd);
}

/* Of a vector, the part that holds half of its bytes; at least one. */
static int
halve(const struct iovec *iov, int n, struct iovec *half)
{
	size_t total = 0, left;
	int used = 0;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	left = total > 1 ? total / 2 : total;
	while (used < n && left > 0) {
		half[used] = iov[used];
		if (half[used].iov_len > left)
			half[used].iov_len = left;
		left -= half[used].iov_len;
		used++;
	}
	return used;
}

static ssize_t
write_at(int fd, const struct iovec *iov, int n, off_t at)
{
	if (at < 0)
		return syscall(SYS_writev, fd, iov, n);
	return syscall(SYS_pwritev, fd, iov, n, (unsigned long)at, 0UL);
}

static ssize_t
write_some(int fd, const struct iovec *iov, int n, off_t at)
{
	int fault = ask_fd(FAULT_WRITE, fd);
	struct iovec *half;
	ssize_t done;

	if (fault > 0)
		return fail(fault);
	if (fault == NO_FAULT)
		return write_at(fd, iov, n, at);
	half = calloc((size_t)n, sizeof(*half));
	if (half == NULL)
		abort();
	done = write_at(fd, half, halve(iov, n, half), at);
	free(half);
	return done;
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	return write_some(fd, iov, n, -1);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	return write_some(fd, iov, n, at);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	const struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };

	return write_some(fd, &iov, 1, -1);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	const struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };

	return write_some(fd, &iov, 1, at);
}

ssize_t
splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t len,
    unsigned flags)
{
	int fault = ask_fd(FAULT_SPLICE, to);

	if (fault > 0)
		return fail(fault);
	if (fault == HALF && len > 1)
		len /= 2;
	return syscall(SYS_splice, from, from_at, to, to_at, len, flags);
}

int
ftruncate(int fd, off_t len)
{
	int fault = ask_fd(FAULT_FTRUNCATE, fd);

	return fault > 0 ? fail(fault) : (int)syscall(SYS_ftruncate, fd, len);
}

int
link(const char *from, const char *to)
{
	int fault = ask(FAULT_LINK, from);

	if (fault > 0)
		return fail(fault);
	return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
rename(const char *from, const char *to)
{
	int fault = ask(FAULT_RENAME, from);

	if (fault > 0)
		return fail(fault);
	return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int
unlink(const char *path)
{
	int fault = ask(FAULT_UNLINK, path);

	if (fault > 0)
		return fail(fault);
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int
mkdir(const char *path, mode_t mode)
{
	int fault = ask(FAULT_MKDIR, path);

	if (fault > 0)
		return fail(fault);
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* --- sockets and pipes ------------------------------------------------- */

int
accept4(int fd, __SOCKADDR_ARG addr, socklen_t *restrict len, int flags)
{
	int fault = ask(FAULT_ACCEPT, "");

	if (fault > 0)
		return fail(fault);
	return (int)syscall(SYS_accept4, fd, addr.__sockaddr__, len, flags);
}

int
socket(int family, int type, int proto)
{
	int fault = ask(FAULT_SOCKET, "");

	if (fault > 0)
		return fail(fault);
	return (int)syscall(SYS_socket, family, type, proto);
}

int
pipe2(int fds[2], int flags)
{
	int fault = ask(FAULT_PIPE, "");

	if (fault > 0)
		return fail(fault);
	return (int)syscall(SYS_pipe2, fds, flags);
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	int fault = ask(FAULT_RECV, "");

	if (fault > 0)
		return fail(fault);
	if (fault == HALF && len > 1)
		len = 1;
	return syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL);
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	int fault = ask(FAULT_SEND, "");

	if (fault > 0)
		return fail(fault);
	if (fault == HALF && len > 1)
		len = 1;
	return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

/* --- clocks ------------------------------------------------------------ */

static void
shift(struct timespec *ts)
{
	int64_t ns = ts->tv_sec * NS_PER_S + ts->tv_nsec;

	ns += page != NULL ? atomic_load(&page->clock_ns) : 0;
	ts->tv_sec = ns / NS_PER_S;
	ts->tv_nsec = ns % NS_PER_S;
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, ts);

	if (rc == 0 &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		shift(ts);
	return rc;
}

int
timespec_get(struct timespec *ts, int base)
{
	return clock_gettime(CLOCK_REALTIME, ts) == 0 ? base : 0;
}

time_t
time(time_t *to)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* as time(2): cannot fail */
	if (to != NULL)
		*to = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &ts); /* as above */
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / NS_PER_US;
	return 0;
}

/* --- captured packets -------------------------------------------------- */

struct hearer {
	pcap_handler handler;
	u_char *self;
};

/* By the second: of what the rest is counted in, the capture decides. */
static void
stamp(u_char *self, const struct pcap_pkthdr *header, const u_char *data)
{
	const struct hearer *h = (const struct hearer *)(void *)self;
	struct pcap_pkthdr set = *header;

	if (page != NULL)
		set.ts.tv_sec += atomic_load(&page->clock_ns) / NS_PER_S;
	h->handler(h->self, &set, data);
}

int
pcap_dispatch(pcap_t *p, int n, pcap_handler handler, u_char *self)
{
	struct hearer h = { handler, self };
	int (*next)(pcap_t *, int, pcap_handler, u_char *);

	/* As POSIX has it, where ISO C knows no such conversion. */
	*(void **)&next = dlsym(RTLD_NEXT, "pcap_dispatch");
	return next(p, n, stamp, (u_char *)(void *)&h);
}

/* --- signals ----------------------------------------------------------- */

/* Threads that block everything are interrupted all the same. */
int
pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	const size_t size = 8; /* of the kernel's set */
	sigset_t without;
	long rc;

	if (set != NULL && how != SIG_UNBLOCK) {
		without = *set;
		(void)sigdelset(&without, STORM); /* a number that there is */
		set = &without;
	}
	rc = syscall(SYS_rt_sigprocmask, how, set, old, size);
	return rc == 0 ? 0 : errno;
}
