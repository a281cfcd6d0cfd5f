#include "loopback.h"

#include <netinet/tcp.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/socket.h"

static const struct socket_listen_opts opts = { .backlog = 8 };

/** struct scene - Room for listeners, and a folder of our own. */
struct scene {
	struct socket_listener l[SOCKET_MAX_ADDRS];
	size_t n;
	struct err err;
	char dir[32];
	char path[64];
	char host[64];
};

static int
set_up(void **state)
{
	static struct scene sc;

	memset(&sc, 0, sizeof(sc));
	strcpy(sc.dir, "/tmp/test_socket.XXXXXX");
	if (mkdtemp(sc.dir) == NULL)
		return -1;
	(void)snprintf(sc.path, sizeof(sc.path), "%s/s", sc.dir);
	*state = &sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	for (size_t i = 0; i < sc->n; i++)
		socket_unlisten(&sc->l[i]);
	(void)unlink(sc->path);
	return rmdir(sc->dir);
}

static int
listen_to(struct scene *sc, enum endpoint_family family, const char *host,
    uint16_t port)
{
	struct endpoint e = {
		.how = ENDPOINT_LISTEN,
		.family = family,
		.port = port,
	};

	if (host != NULL) {
		(void)snprintf(sc->host, sizeof(sc->host), "%s", host);
		e.host = sc->host;
	}
	return socket_listen(&e, &opts, sc->l, &sc->n, &sc->err);
}

static bool
has_ipv6(void)
{
	struct addr a = loopback_addr(AF_INET6);
	struct sockaddr_storage ss;
	socklen_t len = 0;
	int fd = socket(AF_INET6, SOCK_STREAM, 0), rc = -1;

	assert_int_equal(addr_to_sockaddr(&a, &ss, &len), 0);
	if (fd >= 0) {
		rc = bind(fd, (struct sockaddr *)&ss, len);
		close(fd);
	}
	return rc == 0;
}

/* Both families, one port; each takes connections of its own family alone. */
static void
expect_both(struct scene *sc, const char *v4, const char *v6)
{
	char text[ADDR_TEXT_MAX];

	assert_int_equal(sc->n, has_ipv6() ? 2 : 1);
	assert_string_equal(addr_format_ip(&sc->l[0].addr, text), v4);
	assert_true(sc->l[0].addr.port != 0);
	for (size_t i = 0; i < sc->n; i++) {
		struct addr a = loopback_addr(sc->l[i].addr.family);
		int client, server;

		assert_int_equal(sc->l[i].addr.port, sc->l[0].addr.port);
		a.port = sc->l[i].addr.port;
		client = loopback_connect(&a);
		server = loopback_accept(sc->l[i].fd);
		close(client);
		close(server);
	}
	if (sc->n == 2)
		assert_string_equal(addr_format_ip(&sc->l[1].addr, text), v6);
}

static void
bare_port_is_loopback_in_both_families(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(listen_to(sc, ENDPOINT_ANY, NULL, 0), 0);
	expect_both(sc, "127.0.0.1", "::1");
}

static void
star_is_every_address_of_both_families(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(listen_to(sc, ENDPOINT_ANY, "*", 0), 0);
	expect_both(sc, "0.0.0.0", "::");
}

static void
a_family_of_its_own_is_kept_to(void **state)
{
	static const struct {
		enum endpoint_family family;
		const char *host;
		const char *is;
	} row[] = {
		{ ENDPOINT_TCP4, "*", "0.0.0.0" },
		{ ENDPOINT_TCP6, "*", "::" },
		{ ENDPOINT_TCP4, NULL, "127.0.0.1" },
		{ ENDPOINT_TCP6, NULL, "::1" },
		{ ENDPOINT_TCP4, "localhost", "127.0.0.1" },
		{ ENDPOINT_ANY, "127.0.0.2", "127.0.0.2" },
		{ ENDPOINT_ANY, "::1", "::1" },
	};
	struct scene *sc = *state;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		int rc = listen_to(sc, row[i].family, row[i].host, 0);

		if (!has_ipv6() && strchr(row[i].is, ':') != NULL) {
			assert_true(rc < 0);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(sc->n, 1);
		assert_string_equal(
		    addr_format_ip(&sc->l[0].addr, text), row[i].is);
		socket_unlisten(&sc->l[0]);
		assert_int_equal(sc->l[0].fd, -1);
		socket_unlisten(&sc->l[0]); /* idempotent */
	}
}

/* However often the system's tables name an address. */
static void
a_name_is_listened_to_on_one_port(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(listen_to(sc, ENDPOINT_ANY, "localhost", 0), 0);
	assert_true(sc->n >= 1);
	for (size_t i = 0; i < sc->n; i++) {
		assert_int_equal(sc->l[i].addr.port, sc->l[0].addr.port);
		for (size_t j = 0; j < i; j++)
			assert_false(
			    addr_equal(&sc->l[i].addr, &sc->l[j].addr));
	}
}

static void
descriptors_are_as_promised(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(listen_to(sc, ENDPOINT_TCP4, "127.0.0.1", 0), 0);
	assert_true(fcntl(sc->l[0].fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(sc->l[0].fd, F_GETFD) & FD_CLOEXEC);
}

/* A failure leaves nothing open and says, in words, what is wrong. */
static void
expect_failure(struct scene *sc, int rc, int want, const char *words)
{
	assert_int_equal(rc, want);
	assert_int_equal(sc->n, 0);
	if (strstr(sc->err.text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", sc->err.text, words);
}

static void
a_port_in_use_is_named(void **state)
{
	struct scene *sc = *state;
	struct addr a = loopback_addr(AF_INET);
	int taken = loopback_listen(&a, 1);
	unsigned before = loopback_fds();
	char words[64];

	(void)snprintf(words, sizeof(words), "%u: it is in use", a.port);
	expect_failure(
	    sc, listen_to(sc, ENDPOINT_ANY, NULL, a.port), -EADDRINUSE, words);
	expect_failure(sc, listen_to(sc, ENDPOINT_TCP4, "127.0.0.1", a.port),
	    -EADDRINUSE, words);
	assert_int_equal(loopback_fds(), before);
	close(taken);
}

/* The one of IPv4 must not stay open when that of IPv6 is taken. */
static void
a_port_in_use_in_one_family_is_in_use(void **state)
{
	struct scene *sc = *state;
	struct addr a = loopback_addr(AF_INET6);
	unsigned before;
	int taken;

	if (!has_ipv6()) {
		assert_int_equal(listen_to(sc, ENDPOINT_ANY, NULL, 0), 0);
		assert_int_equal(sc->n, 1);
		return;
	}
	taken = loopback_listen(&a, 1);
	before = loopback_fds();
	expect_failure(sc, listen_to(sc, ENDPOINT_ANY, NULL, a.port),
	    -EADDRINUSE, "in use");
	assert_int_equal(loopback_fds(), before);
	close(taken);
}

static void
other_failures_have_their_sentence(void **state)
{
	struct scene *sc = *state;

	expect_failure(sc, listen_to(sc, ENDPOINT_TCP4, "192.0.2.1", 0),
	    -EADDRNOTAVAIL, "no such address");
	expect_failure(sc,
	    listen_to(sc, ENDPOINT_ANY, "no-such-name.invalid", 0),
	    -EADDRNOTAVAIL, "does not resolve");
	expect_failure(sc, listen_to(sc, ENDPOINT_UNIX, "/no/such/folder/s", 0),
	    -ENOENT, "No such file");
}

static void
reuse_port_is_shared_only_when_asked_for(void **state)
{
	struct scene *sc = *state;
	struct socket_listen_opts share = { .reuse_port = true, .backlog = 1 };
	char host[] = "127.0.0.1";
	struct endpoint e = {
		.how = ENDPOINT_LISTEN,
		.family = ENDPOINT_TCP4,
		.host = host,
	};
	struct socket_listener second[SOCKET_MAX_ADDRS];
	size_t n = 0;

	assert_int_equal(socket_listen(&e, &share, sc->l, &sc->n, NULL), 0);
	e.port = sc->l[0].addr.port;
	assert_int_equal(
	    socket_listen(&e, &opts, second, &n, NULL), -EADDRINUSE);
	assert_int_equal(socket_listen(&e, &share, second, &n, NULL), 0);
	socket_unlisten(&second[0]);
}

/* --- UNIX sockets ------------------------------------------------------ */

static struct addr
unix_addr(const struct scene *sc)
{
	return (struct addr){ .family = AF_UNIX, .path = sc->path };
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void
unix_listener_comes_and_goes(void **state)
{
	struct scene *sc = *state;
	struct addr a = unix_addr(sc);
	int client, server;

	assert_int_equal(listen_to(sc, ENDPOINT_UNIX, sc->path, 0), 0);
	assert_int_equal(sc->n, 1);
	assert_true(addr_equal(&sc->l[0].addr, &a));
	client = loopback_connect(&a);
	server = loopback_accept(sc->l[0].fd);
	close(client);
	close(server);
	socket_unlisten(&sc->l[0]);
	assert_false(exists(sc->path));
}

static void
a_dead_unix_socket_is_replaced(void **state)
{
	struct scene *sc = *state;
	struct addr a = unix_addr(sc);

	close(loopback_listen(&a, 1)); /* as after kill -9 */
	assert_true(exists(sc->path));
	assert_int_equal(listen_to(sc, ENDPOINT_UNIX, sc->path, 0), 0);
	close(loopback_connect(&a));
}

static void
a_live_unix_socket_is_left_alone(void **state)
{
	struct scene *sc = *state;
	struct addr a = unix_addr(sc);
	int owner = loopback_listen(&a, 4), client;

	expect_failure(sc, listen_to(sc, ENDPOINT_UNIX, sc->path, 0),
	    -EADDRINUSE, "in use");
	client = loopback_connect(&a); /* still reaches its owner */
	close(loopback_accept(owner));
	close(client);
	close(owner);
}

static void
a_busy_unix_socket_is_not_a_dead_one(void **state)
{
	struct scene *sc = *state;
	struct addr a = unix_addr(sc);
	int owner = loopback_listen(&a, 0);
	int waits = loopback_connect(&a); /* fills the queue */

	expect_failure(sc, listen_to(sc, ENDPOINT_UNIX, sc->path, 0),
	    -EADDRINUSE, "in use");
	assert_true(exists(sc->path));
	close(waits);
	close(owner);
}

/* To the kernel a file that is no socket refuses connections, too. */
static void
a_file_is_never_removed(void **state)
{
	struct scene *sc = *state;
	int fd = open(sc->path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
	expect_failure(sc, listen_to(sc, ENDPOINT_UNIX, sc->path, 0),
	    -EADDRINUSE, "in use");
	assert_true(exists(sc->path));
}

/* --- connected sockets ------------------------------------------------- */

static int
int_option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void
tuning_sets_what_both_legs_get(void **state)
{
	struct addr a = loopback_addr(AF_INET);
	int fd[2];

	(void)state;
	loopback_pair(fd);
	socket_tune(fd[0], &a);
	assert_int_equal(int_option(fd[0], IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(int_option(fd[0], SOL_SOCKET, SO_OOBINLINE), 1);
	assert_int_equal(int_option(fd[0], SOL_SOCKET, SO_KEEPALIVE), 1);
	close(fd[0]);
	close(fd[1]);
}

/* On Linux it is the listener that hands them on; elsewhere they are set. */
static void
accepted_sockets_get_them_too(void **state)
{
	struct scene *sc = *state;
	int fd, there;

	assert_int_equal(listen_to(sc, ENDPOINT_ANY, "127.0.0.1", 0), 0);
	assert_true(socket_connect(&sc->l[0].addr, NULL, &fd) <= 0);
	loopback_wait(sc->l[0].fd, POLLIN);
	there = accept(sc->l[0].fd, NULL, NULL);
	assert_true(there >= 0);
	socket_tune_accepted(there, &sc->l[0].addr);
	assert_int_equal(int_option(there, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(int_option(there, SOL_SOCKET, SO_OOBINLINE), 1);
	assert_int_equal(int_option(there, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(int_option(there, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	assert_true(int_option(there, IPPROTO_TCP, TCP_USER_TIMEOUT) > 0);
	close(there);
	close(fd);
}

static void
reset_reaches_the_peer_as_such(void **state)
{
	char c;
	int fd[2];

	(void)state;
	loopback_pair(fd);
	socket_reset(fd[0]);
	loopback_wait(fd[1], POLLIN);
	assert_int_equal(recv(fd[1], &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd[1]);
}

static void
pending_error_is_taken_once(void **state)
{
	int fd[2];

	(void)state;
	loopback_pair(fd);
	assert_int_equal(socket_error(fd[1]), 0);
	loopback_rst(fd[0]);
	loopback_wait(fd[1], POLLIN);
	assert_int_equal(socket_error(fd[1]), -ECONNRESET);
	assert_int_equal(socket_error(fd[1]), 0);
	assert_int_equal(socket_error(-1), -EBADF);
	close(fd[1]);
}

/* Write until nothing more goes in.  Return: bytes that went in. */
static size_t
fill(int fd)
{
	static const uint8_t bytes[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		total += (size_t)n;
	return total;
}

static void
unsent_counts_what_a_reset_would_lose(void **state)
{
	size_t total, unsent;
	int fd[2];

	(void)state;
	loopback_pair(fd);
	assert_int_equal(socket_unsent(fd[0]), 0);
	total = fill(fd[0]);
	unsent = socket_unsent(fd[0]);
	assert_true(unsent > 0 && unsent <= total);
	close(fd[0]);
	close(fd[1]);
	assert_int_equal(socket_unsent(-1), 0);
}

/* What a UNIX socket has taken lies with its reader: closing loses nothing. */
static void
unsent_is_nothing_on_a_unix_socket(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_true(fill(fd[0]) > 0);
	assert_int_equal(socket_unsent(fd[0]), 0);
	close(fd[0]);
	close(fd[1]);
}

/* --- connecting -------------------------------------------------------- */

static void
connect_reaches_a_loopback_listener_at_once(void **state)
{
	struct addr a = loopback_addr(AF_INET), from = loopback_addr(AF_INET);
	struct addr local;
	int listener = loopback_listen(&a, 1), fd = -1;

	(void)state;
	from.ip[3] = 3;
	assert_int_equal(socket_connect(&a, &from, &fd), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	socket_local(fd, &local);
	assert_true(addr_same_ip(&local, &from));
	assert_true(local.port != 0);
	close(loopback_accept(listener));
	close(fd);
	close(listener);
}

static void
connect_failures_open_nothing(void **state)
{
	struct scene *sc = *state;
	struct addr closed = loopback_addr(AF_INET), odd = { 0 };
	struct addr wrong = { .family = AF_INET, .ip = { 192, 0, 2, 1 } };
	struct addr path = unix_addr(sc);
	unsigned before = loopback_fds();
	int fd = -7;

	close(loopback_bind(&closed));
	assert_int_equal(socket_connect(&closed, NULL, &fd), -ECONNREFUSED);
	assert_int_equal(socket_connect(&path, NULL, &fd), -ENOENT);
	assert_int_equal(socket_connect(&odd, NULL, &fd), -EAFNOSUPPORT);
	assert_int_equal(socket_connect(&closed, &wrong, &fd), -EADDRNOTAVAIL);
	assert_int_equal(fd, -7);
	assert_int_equal(loopback_fds(), before);
}

/* A UNIX server whose queue is full refuses, as far as its client can tell. */
static void
connect_to_a_busy_unix_socket_is_refused(void **state)
{
	struct scene *sc = *state;
	struct addr a = unix_addr(sc);
	int owner = loopback_listen(&a, 0), waits = loopback_connect(&a), fd;

	assert_int_equal(socket_connect(&a, NULL, &fd), -ECONNREFUSED);
	close(waits);
	close(owner);
}

/*
 * The kernel connects a socket to itself when it happens to choose the port
 * that is called, and nobody listens there: an echo that looks like a server.
 */
static void
connect_to_oneself_is_refused(void **state)
{
	struct addr a = loopback_addr(AF_INET);
	int fd = -7;

	(void)state;
	close(loopback_bind(&a));
	assert_int_equal(socket_connect(&a, &a, &fd), -ECONNREFUSED);
	assert_int_equal(fd, -7);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(bare_port_is_loopback_in_both_families),
		SCENE(star_is_every_address_of_both_families),
		SCENE(a_family_of_its_own_is_kept_to),
		SCENE(a_name_is_listened_to_on_one_port),
		SCENE(descriptors_are_as_promised),
		SCENE(a_port_in_use_is_named),
		SCENE(a_port_in_use_in_one_family_is_in_use),
		SCENE(other_failures_have_their_sentence),
		SCENE(reuse_port_is_shared_only_when_asked_for),
		SCENE(unix_listener_comes_and_goes),
		SCENE(a_dead_unix_socket_is_replaced),
		SCENE(a_live_unix_socket_is_left_alone),
		SCENE(a_busy_unix_socket_is_not_a_dead_one),
		SCENE(a_file_is_never_removed),
		SCENE(tuning_sets_what_both_legs_get),
		SCENE(accepted_sockets_get_them_too),
		SCENE(reset_reaches_the_peer_as_such),
		SCENE(pending_error_is_taken_once),
		SCENE(unsent_counts_what_a_reset_would_lose),
		SCENE(unsent_is_nothing_on_a_unix_socket),
		SCENE(connect_reaches_a_loopback_listener_at_once),
		SCENE(connect_failures_open_nothing),
		SCENE(connect_to_a_busy_unix_socket_is_refused),
		SCENE(connect_to_oneself_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
