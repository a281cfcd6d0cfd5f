#include "run_scene.h"

/* Whole runs with sinks that send. */

static void
add_live(const char *kind, const char *arg, bool waits)
{
	struct sink_spec spec;

	assert_int_equal(sink_spec_init(&spec, kind, arg), 0);
	spec.has_on_full = waits;
	spec.on_full = ON_FULL_PAUSE;
	assert_int_equal(plan_add_sink(&sc.plan, &spec), 0);
}

/* --- threads that cannot be made --------------------------------------- */

static void
plan_all_that_send(bool waits)
{
	char there[64], both[96];

	plan_init(&sc.plan);
	sc.plan.quiet = true;
	(void)add_proxy("a", 0);
	(void)add_proxy("b", 0);
	(void)snprintf(
	    there, sizeof(there), "127.0.0.1:%u", sc.server_addr.port);
	(void)snprintf(both, sizeof(both), "%s/%u", there, sc.server_addr.port);
	add_live("tee", there, waits);
	add_live("connect", both, waits);
	add_live("listen", "127.0.0.1:20000-20099", waits);
	add_live("payload", there, waits);
	add_live("pcapng-listen", "127.0.0.1:0", waits);
}

/* With @n threads; does it say that one of its workers could not start? */
static bool
fails_to_start(rlim_t n, bool waits, const char *what)
{
	bool ran;

	plan_done(&sc.plan);
	plan_all_that_send(waits);
	sc.nproc = n;
	assert_int_equal(truncate(path_of("err"), 0), 0);
	ran = start() == sizeof(sc.front);
	if (ran)
		assert_int_equal(kill(sc.pid, SIGTERM), 0);
	assert_int_equal(ended(), ran ? RUN_OK : RUN_FAIL);
	return !ran && was_said(what);
}

/*
 * It says so and ends, without waiting for those that never began or for time
 * to pass, whichever of the four workers is the one.
 */
static void
threads_that_cannot_be_made(void **state)
{
	int fd = open(path_of("err"), O_WRONLY | O_CREAT, 0666);
	unsigned first = 0, second = 0;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	sc.user = 100000 + (uid_t)getpid();
	if (geteuid() == 0) {
		assert_int_equal(chown(sc.dir, sc.user, (gid_t)-1), 0);
		assert_int_equal(chown(path_of("err"), sc.user, (gid_t)-1), 0);
	}
	for (rlim_t n = 1; n < 8; n++) {
		for (int waits = 0; waits < 2; waits++) {
			first +=
			    fails_to_start(n, waits, "cannot start worker 0: ");
			second += was_said("cannot start worker 1: ");
		}
	}
	/* Only the first, if this user has no number of its own. */
	assert_true(first > 0);
	assert_true(second > 0 || geteuid() != 0);
}

/* --- a live capture of both kinds -------------------------------------- */

static uint16_t
live_port(void)
{
	static const char words[] = "clients connect to 127.0.0.1:";
	char *text, *at;
	uint16_t port;

	UNTIL(was_said(words));
	text = read_all("err");
	at = strstr(text, words);
	port = (uint16_t)strtoul(at + strlen(words), NULL, 10);
	free(text);
	return port;
}

/* Writes down in "cap" what it hears. */
static pid_t
start_dumpcap(void)
{
	char from[64];
	pid_t pid;
	int null;

	(void)snprintf(from, sizeof(from), "TCP@127.0.0.1:%u", live_port());
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	null = open("/dev/null", O_RDWR);
	(void)dup2(null, STDERR_FILENO);
	(void)execlp("dumpcap", "dumpcap", "-q", "-i", from, "-w",
	    path_of("cap"), (char *)NULL);
	_exit(127);
}

static pid_t
start_tshark(const char *one, const char *two, int out)
{
	int null;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	/* Of a file that still grows it may complain. */
	null = open("/dev/null", O_RDWR);
	(void)dup2(null, STDERR_FILENO);
	(void)dup2(out, STDOUT_FILENO);
	(void)execlp("tshark", "tshark", "-r", path_of("cap"), "-T", "fields",
	    "-e", one, two != NULL ? "-e" : (char *)NULL, two, (char *)NULL);
	_exit(127);
}

/* What tshark says of one field or two: a line for each packet. */
static char *
packets_of(const char *one, const char *two)
{
	size_t size = 1 << 20, len = 0;
	char *text = calloc(1, size);
	int out[2], status;
	pid_t pid;
	ssize_t n;

	assert_non_null(text);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = start_tshark(one, two, out[1]);
	close(out[1]);
	while ((n = read(out[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	assert_true(len < size - 1);
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return text;
}

static size_t
count_lines(const char *text, const char *line)
{
	size_t n = 0, len = strlen(line);

	while (*text != '\0') {
		n += strncmp(text, line, len) == 0 && text[len] == '\n';
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return n;
}

/* From now on what both inputs hear is in the file. */
static bool
is_heard(void)
{
	char *names = packets_of("frame.interface_name", NULL);
	bool both =
	    count_lines(names, "lo") > 0 && count_lines(names, "proxy") > 0;

	free(names);
	return both;
}

/*
 * Packets as captured, and packets made for the proxy, each on an interface of
 * its own; the proxy's two workers and the tap's number them together.
 */
static void
a_proxy_and_a_tap_for_one_client(void **state)
{
	json_t *all;
	char *names;
	pid_t dumpcap;
	const json_t *o;
	size_t i, whole = 0;
	int status;

	(void)state;
	(void)add_proxy("web", 0);
	add_tap("net");
	add_live("pcapng-listen", "127.0.0.1:0", false);
	begin(1);
	dumpcap = start_dumpcap();
	UNTIL(access(path_of("cap"), F_OK) == 0);
	do {
		talk(0);
	} while (!is_heard());
	for (int n = 0; n < 10; n++)
		talk(0);
	assert_int_equal(kill(sc.pid, SIGTERM), 0);
	assert_int_equal(ended(), RUN_OK);
	UNTIL(waitpid(dumpcap, &status, WNOHANG) == dumpcap);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

	names = packets_of("frame.interface_id", "frame.interface_name");
	/* The one that was known came first. */
	assert_true(count_lines(names, "0\tlo") >= 10 * 8);
	assert_true(count_lines(names, "1\tproxy") >= 10 * 8);
	assert_null(strstr(names, "\n2\t"));
	free(names);
	read_back();
	all = load_lines("again");
	assert_int_equal(count_events(all, "gap", NULL), 0);
	assert_int_equal(count_events(all, "conflict", NULL), 0);
	json_array_foreach(all, i, o)
	{
		const json_t *bytes = json_object_get(o, "bytes");

		whole += strcmp(text_of(o, "event"), "close") == 0 &&
			 number_of(bytes, "c2s") == strlen("ping") &&
			 number_of(bytes, "s2c") == strlen("pong!");
	}
	assert_true(whole >= 2 * 10);
	json_decref(all);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(threads_that_cannot_be_made),
		SCENE(a_proxy_and_a_tap_for_one_client),
	};
	int rc;

	if (uv_loop_init(&idle) != 0)
		return 1;
	clock_init();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)uv_loop_close(&idle); /* there is nothing on it */
	return rc;
}
