#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/capability.h"
#include "net/sandbox_seccomp.h"

/*
 * A filter stays, so each test sets it in a child; the status of the child is
 * 0, or the number of the line that did not hold.
 */

#define HOLDS(what)                                                            \
	do {                                                                   \
		if (!(what))                                                   \
			_exit(__LINE__ > 255 ? 255 : __LINE__);                \
	} while (0)

static int
status_of(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#ifdef TEELINE_PORTABLE

static void
test_there_is_none(void **state)
{
	struct err err = { "" };

	(void)state;
	(void)status_of;
	assert_int_equal(sandbox_seccomp_enter(false, &err), -ENOTSUP);
	assert_string_not_equal(err.text, "");
	assert_int_equal(capability_drop(&err), -ENOTSUP);
	assert_int_equal(capability_no_new(&err), -ENOTSUP);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_there_is_none),
};

#else

static void
enter(bool kills)
{
	struct err err = { "" };

	HOLDS(capability_no_new(&err) == 0);
	HOLDS(sandbox_seccomp_enter(kills, &err) > 100);
}

static int
error_of(long rc)
{
	return rc < 0 ? errno : 0;
}

static int
make_socket(int domain, int type, int protocol)
{
	int fd = socket(domain, type, protocol);
	int rc = error_of(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

static void
sockets(void)
{
	enter(false);
	HOLDS(make_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) == 0);
	HOLDS(make_socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP) !=
	      ENOSYS);
	HOLDS(make_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP) == 0);
	HOLDS(make_socket(AF_UNIX, SOCK_STREAM, 0) == 0);
	HOLDS(make_socket(AF_NETLINK, SOCK_RAW, 0) == 0);
	HOLDS(make_socket(AF_INET, SOCK_RAW, IPPROTO_TCP) == ENOSYS);
	HOLDS(make_socket(AF_INET, SOCK_RAW, 0) == ENOSYS);
	HOLDS(make_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) == ENOSYS);
	HOLDS(make_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP) == ENOSYS);
	HOLDS(make_socket(AF_PACKET, SOCK_DGRAM, 0) == ENOSYS);
	HOLDS(make_socket(AF_NETLINK, SOCK_RAW, 4) == ENOSYS);
	HOLDS(make_socket(AF_UNIX, SOCK_SEQPACKET, 0) == ENOSYS);
}

static void
calls(void)
{
	enter(false);
	HOLDS(error_of(syscall(SYS_execve, "/bin/true", NULL, NULL)) == EPERM);
	HOLDS(error_of(syscall(SYS_unshare, 0)) == EPERM);
	HOLDS(error_of(syscall(SYS_fchmodat, -100, "/", 0)) == ENOSYS);
	HOLDS(error_of(syscall(SYS_setuid, getuid())) == ENOSYS);
	HOLDS(error_of(syscall(100000)) == ENOSYS);
	HOLDS(getppid() > 0);
}

static void
memory(void)
{
	void *at;

	enter(false);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	HOLDS(at != MAP_FAILED);
	HOLDS(mprotect(at, 4096, PROT_READ) == 0);
#if !ATTR_SANITIZED
	HOLDS(error_of(mprotect(at, 4096, PROT_READ | PROT_EXEC)) == ENOSYS);
	HOLDS(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	HOLDS(error_of(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0)) ==
	      ENOSYS);
#endif
}

static pthread_barrier_t entered;

static void *
after_that(void *arg)
{
	(void)pthread_barrier_wait(&entered); /* one of the two gets no 0 */
	*(int *)arg = make_socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	return NULL;
}

/* Whoever was there before is bound as well; new ones can still be made. */
static void
threads(void)
{
	pthread_t before, later;
	int rc = 0;

	HOLDS(pthread_barrier_init(&entered, NULL, 2) == 0);
	HOLDS(pthread_create(&before, NULL, after_that, &rc) == 0);
	enter(false);
	(void)pthread_barrier_wait(&entered); /* likewise */
	HOLDS(pthread_join(before, NULL) == 0 && rc == ENOSYS);
	HOLDS(pthread_create(&later, NULL, after_that, &rc) == 0);
	(void)pthread_barrier_wait(&entered); /* likewise */
	HOLDS(pthread_join(later, NULL) == 0 && rc == ENOSYS);
}

static void
strict(void)
{
	enter(true);
	HOLDS(make_socket(AF_INET, SOCK_RAW, IPPROTO_TCP) == ENOSYS);
	(void)syscall(SYS_execve, "/bin/true", NULL, NULL); /* it ends here */
}

/* Root keeps its own; nobody can gain anything. */
static void
privileges(void)
{
	struct err err = { "" };

	HOLDS(capability_drop(&err) == 0);
	HOLDS(make_socket(AF_INET, SOCK_RAW, IPPROTO_TCP) == EPERM);
	HOLDS(capability_drop(&err) == 0);
	HOLDS(capability_no_new(&err) == 0);
}

static void
test_good(void **state)
{
	static void (*const body[])(
	    void) = { sockets, calls, memory, threads, privileges };

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(body); i++) {
		int status = status_of(body[i]);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("part %zu: status %x, line %d", i,
			    (unsigned)status, WEXITSTATUS(status));
	}
}

static void
test_strict(void **state)
{
	int status = status_of(strict);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),
	cmocka_unit_test(test_strict),
};

#endif

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
