#include "loopback.h"

#include <assert.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "net/notify.h"

/*
 * What the program tells a manager, read from the socket that it was told.
 * The environment is read once, so each case is a process of its own, which
 * tells by its end whether it liked what it saw.
 */

/** struct scene - The manager. */
struct scene {
	int fd;
	char dir[32];
	char path[64];
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
};

static struct scene sc;

static void
bind_to(const char *name, size_t len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	sc.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(sc.fd >= 0);
	memcpy(un.sun_path, name, len);
	assert_int_equal(
	    bind(sc.fd, (struct sockaddr *)&un,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&sc, 0, sizeof(sc));
	strcpy(sc.dir, "/tmp/test_notify.XXXXXX");
	if (mkdtemp(sc.dir) == NULL)
		return -1;
	(void)snprintf(sc.path, sizeof(sc.path), "%s/notify", sc.dir);
	bind_to(sc.path, strlen(sc.path));
	setenv("NOTIFY_SOCKET", sc.path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close(sc.fd);
	(void)unlink(sc.path);
	return rmdir(sc.dir);
}

/* What is told within: assert() of libc ends the process. */
static void
in_process(void (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		what();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
check_told(const char *expected)
{
	char got[1024] = "";
	ssize_t n = recv(sc.fd, got, sizeof(got) - 1, 0);

	assert_true(n >= 0);
	assert_string_equal(got, expected);
}

static void
check_told_nothing(void)
{
	char c;

	assert_int_equal(recv(sc.fd, &c, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
say_everything(void)
{
	notify_init();
	assert(notify_is_on());
	assert(getenv("NOTIFY_SOCKET") == NULL);
	notify_ready();
	notify_status("%d sessions", 12);
	notify_alive();
	notify_stopping(7000000000);
}

static void
check_everything(void)
{
	check_told("READY=1");
	check_told("STATUS=12 sessions");
	check_told("WATCHDOG=1");
	check_told("STOPPING=1\nEXTEND_TIMEOUT_USEC=7000000");
	check_told_nothing();
}

static void
tells_a_path(void **state)
{
	(void)state;
	in_process(say_everything);
	check_everything();
}

/* The name has no file and no NUL at its end: one more byte is another. */
static void
tells_an_abstract_name(void **state)
{
	char name[sizeof(sc.path) + 1];
	int n = snprintf(name, sizeof(name), "@%s", sc.path);

	(void)state;
	setenv("NOTIFY_SOCKET", name, 1);
	close(sc.fd);
	name[0] = '\0';
	bind_to(name, (size_t)n);
	in_process(say_everything);
	check_everything();
}

static void
say_reloading(void)
{
	notify_init();
	notify_reloading();
}

static void
reloading_has_the_time(void **state)
{
	static const char start[] = "RELOADING=1\nMONOTONIC_USEC=";
	char got[256] = "", *end;
	uint64_t us, before = clock_mono_ns() / 1000;

	(void)state;
	in_process(say_reloading);
	assert_true(recv(sc.fd, got, sizeof(got) - 1, 0) > 0);
	assert_memory_equal(got, start, sizeof(start) - 1);
	us = strtoull(got + sizeof(start) - 1, &end, 10);
	assert_int_equal(*end, '\0');
	assert_true(us >= before && us <= clock_mono_ns() / 1000);
}

static void
say_much(void)
{
	char much[2000];

	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	notify_init();
	notify_status("%s", much);
}

static void
long_status_is_cut(void **state)
{
	char got[2048];
	ssize_t n;

	(void)state;
	in_process(say_much);
	n = recv(sc.fd, got, sizeof(got), 0);
	assert_true(n > 200 && n < 1000);
	assert_memory_equal(got, "STATUS=xx", 9);
}

static void
say_to_nobody(void)
{
	notify_init();
	assert(!notify_is_on());
	assert(notify_watchdog_ns() == 0);
	assert(getenv("NOTIFY_SOCKET") == NULL);
	assert(getenv("WATCHDOG_USEC") == NULL);
	notify_ready();
	notify_alive();
	notify_status("nobody");
	notify_reloading();
	notify_stopping(1);
}

static void
no_manager_is_no_trouble(void **state)
{
	static const char *const names[] = { "", "@", "/", "relative",
		"/nobody/listens/there" };

	(void)state;
	setenv("WATCHDOG_USEC", "1000", 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		in_process(say_to_nobody);
	}
	memset(sc.name, 'x', sizeof(sc.name) - 1);
	sc.name[0] = '/';
	setenv("NOTIFY_SOCKET", sc.name, 1);
	in_process(say_to_nobody);
	unsetenv("NOTIFY_SOCKET");
	in_process(say_to_nobody);
	check_told_nothing();
}

/* More than the socket holds, and then the word that matters. */
static void
say_alive_too_often(void)
{
	notify_init();
	for (int i = 0; i < 1000; i++)
		notify_alive();
	notify_ready();
}

static void
ready_waits_for_a_busy_manager(void **state)
{
	uint64_t start = clock_mono_ns();
	char got[64] = "";
	pid_t pid = fork();
	int status, n = 0;

	(void)state;
	if (pid == 0) {
		say_alive_too_often();
		_exit(0);
	}
	/* The manager is busy for so long; its socket is full at once. */
	while (clock_mono_ns() - start < 200 * CLOCK_NS_PER_MS)
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	while (strcmp(got, "READY=1") != 0) {
		ssize_t len;

		loopback_wait(sc.fd, POLLIN);
		len = recv(sc.fd, got, sizeof(got) - 1, 0);
		assert_true(len > 0);
		got[len] = '\0';
		n++;
	}
	assert_true(n > 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What is expected of a process, and its environment. */
static uint64_t expected_ns;
static bool is_for_us;

static void
look_at_watchdog(void)
{
	char pid[32];

	(void)snprintf(pid, sizeof(pid), "%d", getpid() + !is_for_us);
	setenv("WATCHDOG_PID", pid, 1);
	notify_init();
	assert(notify_watchdog_ns() == expected_ns);
	assert(getenv("WATCHDOG_USEC") == NULL);
	assert(getenv("WATCHDOG_PID") == NULL);
}

static void
look_at_watchdog_of_nobody(void)
{
	notify_init();
	assert(notify_watchdog_ns() == expected_ns);
}

static void
watchdog_is_read(void **state)
{
	static const char *const bad[] = { "", "0", "-1", " 5", "5s", "x",
		"99999999999999999999999", "18446744073709551615" };

	(void)state;
	setenv("WATCHDOG_USEC", "30000000", 1);
	expected_ns = 30 * CLOCK_NS_PER_S;
	is_for_us = true;
	in_process(look_at_watchdog);
	in_process(look_at_watchdog_of_nobody);
	expected_ns = 0;
	is_for_us = false;
	in_process(look_at_watchdog);
	is_for_us = true;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("WATCHDOG_USEC", bad[i], 1);
		in_process(look_at_watchdog);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    tells_a_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    tells_an_abstract_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    reloading_has_the_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    long_status_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    no_manager_is_no_trouble, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    ready_waits_for_a_busy_manager, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    watchdog_is_read, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
