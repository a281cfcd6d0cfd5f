#include "loopback.h"

#include <assert.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "net/inherit.h"
#include "net/socket.h"

/*
 * Each case is a process of its own: it lays descriptors where a manager would
 * have left them, reads the environment as the program does, and tells by its
 * end whether it liked what it saw.
 */

#define FIRST_FD 3

static char dir[] = "/tmp/test_inherit.XXXXXX";
static char path[64];

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

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

/* --- within such a process: assert() of libc --------------------------- */

static int
listening(const struct addr *a, int type)
{
	int fd = socket(a->family, type, 0);
	struct sockaddr_storage ss;
	socklen_t len;

	assert(fd >= 0 && addr_to_sockaddr(a, &ss, &len) == 0);
	assert(bind(fd, (struct sockaddr *)&ss, len) == 0);
	if (type == SOCK_STREAM)
		assert(listen(fd, 1) == 0);
	return fd;
}

/* The descriptors, as many as there are names for. */
static void
hand_over(const int *fds, int n, const char *names)
{
	char text[32];
	int high[16];

	/* Out of the way of their places, then into these. */
	for (int i = 0; i < n; i++) {
		high[i] = fcntl(fds[i], F_DUPFD, 100);
		assert(high[i] >= 0);
	}
	for (int i = 0; i < n; i++) {
		assert(dup2(high[i], FIRST_FD + i) >= 0);
		close(high[i]);
	}
	(void)snprintf(text, sizeof(text), "%d", getpid());
	setenv("LISTEN_PID", text, 1);
	(void)snprintf(text, sizeof(text), "%d", n);
	setenv("LISTEN_FDS", text, 1);
	if (names != NULL)
		setenv("LISTEN_FDNAMES", names, 1);
}

/* @n listeners on loopback. */
static void
hand_over_tcp(int n, const char *names)
{
	const struct addr a = loopback_addr(AF_INET);
	int fds[16];

	for (int i = 0; i < n; i++)
		fds[i] = listening(&a, SOCK_STREAM);
	hand_over(fds, n, names);
	inherit_init();
}

static void
check_one(const char *which, int expected)
{
	int fd = -1;

	assert(inherit_take(which, &fd, 1) == 1);
	assert(fd == expected);
}

static int
refused(const char *which)
{
	int fd = -7, rc = inherit_take(which, &fd, 1);

	assert(rc < 0 && fd == -7);
	return rc;
}

static void
take_by_name(void)
{
	hand_over_tcp(4, "web:::back");
	assert(inherit_count() == 4);
	check_one("back", 6);
	check_one("web", 3);
	assert(refused("web") == -EBUSY);
	assert(refused("3") == -EBUSY);
	assert(refused("other") == -ENOENT);
	assert(refused("we") == -ENOENT);
	assert(refused("") == -ENOENT);
	/* Those without a name are called as sd_listen_fds(3) does. */
	assert(refused("unknown") == -E2BIG);
	assert(strcmp(inherit_left(), "unknown") == 0);
}

static void
names_are_found(void **state)
{
	(void)state;
	in_process(take_by_name);
}

static void
take_by_place(void)
{
	hand_over_tcp(3, "a:7web:2");
	check_one("1", 4);
	check_one("0", 3);
	assert(refused("7web") == -EBUSY);
	assert(refused("3") == -ENOENT);
	assert(refused("-1") == -ENOENT);
	assert(refused("18446744073709551618") == -ENOENT);
	/* A number is a place, whatever the names. */
	check_one("2", 5);
	assert(inherit_left() == NULL);
}

static void
places_are_found(void **state)
{
	(void)state;
	in_process(take_by_place);
}

static void
take_several(void)
{
	int fds[3] = { -1, -1, -1 };

	hand_over_tcp(4, "web:x:web:web");
	assert(refused("web") == -E2BIG);
	/* Too many: nothing was taken. */
	assert(inherit_take("web", fds, 3) == 3);
	assert(fds[0] == 3 && fds[1] == 5 && fds[2] == 6);
	assert(strcmp(inherit_left(), "x") == 0);
}

static void
one_name_for_several(void **state)
{
	(void)state;
	in_process(take_several);
}

static void
too_few_names(void)
{
	hand_over_tcp(2, "web");
	check_one("unknown", 4);
}

static void
no_names(void)
{
	hand_over_tcp(1, NULL);
	check_one("unknown", 3);
}

static void
missing_names_are_unknown(void **state)
{
	(void)state;
	in_process(too_few_names);
	in_process(no_names);
}

static void
look_at_flags(void)
{
	hand_over_tcp(2, "a:b");
	for (int fd = 3; fd <= 4; fd++) {
		assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	}
	assert(getenv("LISTEN_PID") == NULL);
	assert(getenv("LISTEN_FDS") == NULL);
	assert(getenv("LISTEN_FDNAMES") == NULL);
}

static void
descriptors_and_environment_are_ours(void **state)
{
	(void)state;
	in_process(look_at_flags);
}

static const char *listen_pid, *listen_fds;

static void
look_at_others(void)
{
	const struct addr a = loopback_addr(AF_INET);
	int fd = listening(&a, SOCK_STREAM);

	hand_over(&fd, 1, "web");
	if (listen_pid != NULL)
		setenv("LISTEN_PID", listen_pid, 1);
	if (listen_fds != NULL)
		setenv("LISTEN_FDS", listen_fds, 1);
	inherit_init();
	assert(inherit_count() == 0);
	assert(inherit_left() == NULL);
	assert(refused("0") == -ENOENT);
	assert(strcmp(inherit_path(3), "") == 0);
	/* Somebody else's: left as it is, and not shown to our children. */
	assert((fcntl(3, F_GETFD) & FD_CLOEXEC) == 0);
	assert(getenv("LISTEN_FDS") == NULL);
}

static void
only_what_is_for_us(void **state)
{
	static const char *const pids[] = { "1", "", "0", "x" };
	static const char *const counts[] = { "0", "-1", "", "1x", "257",
		"99999999999999999999" };

	(void)state;
	listen_fds = NULL;
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		listen_pid = pids[i];
		in_process(look_at_others);
	}
	listen_pid = NULL;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		listen_fds = counts[i];
		in_process(look_at_others);
	}
}

/* --- as listeners ------------------------------------------------------ */

static int
adopt(const char *which, struct socket_listener *l, size_t *n, struct err *err)
{
	static const struct socket_listen_opts opts = { .backlog = 8 };
	char text[64];
	struct endpoint e;
	int rc;

	(void)snprintf(text, sizeof(text), "fd:%s", which);
	rc = endpoint_parse(&e, ENDPOINT_LISTEN, text, err);
	assert(rc == 0);
	rc = socket_listen(&e, &opts, l, n, err);
	endpoint_done(&e);
	return rc;
}

static void
adopt_tcp(void)
{
	struct socket_listener l[SOCKET_MAX_ADDRS];
	struct err err = { "" };
	struct addr a[2];
	size_t n = 0;

	hand_over_tcp(3, "web:x:web");
	socket_local(3, &a[0]);
	socket_local(5, &a[1]);
	assert(adopt("web", l, &n, &err) == 0);
	assert(n == 2);
	for (int i = 0; i < 2; i++) {
		socklen_t len = sizeof(int);
		int to, rc, on = 0;

		assert(l[i].fd == 3 + 2 * i && l[i].inherited);
		assert(l[i].addr.port != 0 && addr_equal(&l[i].addr, &a[i]));
		/* With the options that those of ours have. */
		rc = getsockopt(l[i].fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len);
		assert(rc == 0 && on == 1);
		rc = socket_connect(&l[i].addr, NULL, &to);
		assert(rc == 0 || rc == -EINPROGRESS);
		close(to);
		socket_unlisten(&l[i]);
		assert(fcntl(3 + 2 * i, F_GETFD) == -1);
	}
}

static void
listeners_are_adopted(void **state)
{
	(void)state;
	in_process(adopt_tcp);
}

static void
adopt_unix(void)
{
	const struct addr a = { .family = AF_UNIX, .path = path };
	int fd = listening(&a, SOCK_STREAM);
	struct socket_listener l[SOCKET_MAX_ADDRS];
	struct err err = { "" };
	size_t n;

	hand_over(&fd, 1, "web");
	inherit_init();
	assert(adopt("web", l, &n, &err) == 0);
	assert(n == 1 && l[0].addr.family == AF_UNIX);
	assert(strcmp(l[0].addr.path, path) == 0);
	/* The path is its maker's: who connects there is not refused. */
	socket_unlisten(&l[0]);
	assert(access(path, F_OK) == 0);
}

static void
path_is_known_and_left(void **state)
{
	(void)state;
	in_process(adopt_unix);
}

static void
check_refusal(const char *which, const char *says)
{
	struct socket_listener l[SOCKET_MAX_ADDRS];
	struct err err = { "" };
	size_t n;

	assert(adopt(which, l, &n, &err) != 0);
	if (strstr(err.text, says) == NULL) {
		(void)fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

static void
adopt_nothing(void)
{
	inherit_init();
	check_refusal("0",
	    "cannot listen on fd:0: no descriptors were handed over "
	    "(LISTEN_FDS is not set for this process)");
}

static void
adopt_wrong_ones(void)
{
	const struct addr a = loopback_addr(AF_INET);
	int fds[5];

	fds[0] = listening(&a, SOCK_DGRAM);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	fds[2] = listening(&a, SOCK_STREAM);
	assert(pipe(fds + 3) == 0);
	hand_over(fds, 4, "dgram:idle:web:pipe");
	close(7);
	setenv("LISTEN_FDS", "5", 1);
	inherit_init();
	check_refusal("dgram", "descriptor 3: it is no stream socket");
	check_refusal("idle", "descriptor 4: it does not listen");
	check_refusal("pipe", "descriptor 6: it is no stream socket");
	check_refusal("4", "was handed over is not open");
	check_refusal("wen", "none of the 5 descriptors that were handed");
	check_one("web", 5);
	check_refusal("web", "it is used twice");
}

/* A number that was not open may be anything's later. */
static void
adopt_what_was_closed(void)
{
	const struct addr a = loopback_addr(AF_INET);
	int fd = listening(&a, SOCK_STREAM);

	hand_over(&fd, 1, "web");
	close(FIRST_FD);
	inherit_init();
	assert(dup2(listening(&a, SOCK_STREAM), FIRST_FD) == FIRST_FD);
	check_refusal("web", "was handed over is not open");
	assert(fcntl(FIRST_FD, F_GETFD) >= 0);
}

static void
refusals_say_why(void **state)
{
	(void)state;
	in_process(adopt_nothing);
	in_process(adopt_wrong_ones);
	in_process(adopt_what_was_closed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_are_found),
		TEST(places_are_found),
		TEST(one_name_for_several),
		TEST(missing_names_are_unknown),
		TEST(descriptors_and_environment_are_ours),
		TEST(only_what_is_for_us),
		TEST(listeners_are_adopted),
		TEST(path_is_known_and_left),
		TEST(refusals_say_why),
	};

	return cmocka_run_group_tests_name("inherit", tests, NULL, NULL);
}
