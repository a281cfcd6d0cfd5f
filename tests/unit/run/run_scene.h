#ifndef RUN_SCENE_H
#define RUN_SCENE_H

#include "../net/loopback.h"

#include <assert.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/attr.h"
#include "base/log.h"
#include "config/plan.h"
#include "run/run.h"

/*
 * Whole runs of several inputs, each in a process of its own: a plan as a
 * configuration would make it, real sockets, and what the sinks have left.
 */

#define MAX_FRONTS 4

/** struct ready - What the run tells once it listens. */
struct ready {
	size_t n;
	struct addr addrs[MAX_FRONTS];
};

/**
 * struct scene - A plan and its run
 * @server:	Where proxies relay to
 * @front:	Where they listen, in the order of the plan
 * @nproc:	Most threads that the run may have; 0: as many as it likes
 * @user:	... under this number, which nobody else has
 */
struct scene {
	char dir[32];
	struct plan plan;
	struct addr server_addr;
	int server;
	pid_t pid;
	struct ready front;
	rlim_t nproc;
	uid_t user;
};

static struct scene sc;

/* The run's end of the pipe, in its process. */
static int tell = -1;

/* A loop of nobody's; it only makes the waits below wait. */
static uv_loop_t idle;

#define UNTIL(condition) LOOPBACK_UNTIL(&idle, condition)

/* --- the scene --------------------------------------------------------- */

static inline const char *
path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", sc.dir, name);
	return path;
}

static inline int
set_up(void **state)
{
	(void)state;
	memset(&sc, 0, sizeof(sc));
	strcpy(sc.dir, "/tmp/test_run.XXXXXX");
	assert_non_null(mkdtemp(sc.dir));
	sc.server_addr = loopback_addr(AF_INET);
	sc.server = loopback_listen(&sc.server_addr, 64);
	plan_init(&sc.plan);
	sc.plan.quiet = true;
	sc.plan.stats = strdup(path_of("stats"));
	return 0;
}

static inline int
remove_it(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int
tear_down(void **state)
{
	(void)state;
	if (sc.pid > 0) { /* the test has failed */
		(void)kill(sc.pid, SIGKILL);
		(void)waitpid(sc.pid, NULL, 0);
	}
	plan_done(&sc.plan);
	close(sc.server);
	assert_int_equal(nftw(sc.dir, remove_it, 8, FTW_DEPTH | FTW_PHYS), 0);
	return 0;
}

static inline struct plan_source *
add_proxy(const char *name, uint64_t max_sessions)
{
	struct plan_source *s = plan_add_source(&sc.plan, PLAN_PROXY, name);
	struct endpoint client = { .how = ENDPOINT_LISTEN };
	struct endpoint server = {
		.how = ENDPOINT_DIAL,
		.port = sc.server_addr.port,
	};

	assert_non_null(s);
	client.host = strdup("127.0.0.1");
	server.host = strdup("127.0.0.1");
	assert_int_equal(plan_add_pair(s, &client, &server), 0);
	s->max_sessions = max_sessions;
	s->workers = 2;
	return s;
}

/* A file with one session, in which a client has said "hi". */
static inline void
add_read(const char *name)
{
	static const char log[] = "c 1.0 con\nc 2.0 2\nhis 5.0 hup\n";
	struct plan_source *s = plan_add_source(&sc.plan, PLAN_READ, name);
	FILE *f = fopen(path_of("old"), "w");

	assert_non_null(s);
	assert_non_null(f);
	assert_true(fputs(log, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(plan_add_file(s, path_of("old")), 0);
}

/* What the server hears, on its way through the kernel. */
static inline void
add_tap(const char *name)
{
	struct plan_source *s = plan_add_source(&sc.plan, PLAN_TAP, name);
	char filter[32];

	assert_non_null(s);
	(void)snprintf(filter, sizeof(filter), "tcp port %u",
	    (unsigned)sc.server_addr.port);
	s->capture.iface = strdup("lo");
	s->capture.filter = strdup(filter);
	s->capture.buffer = (size_t)4 << 20;
}

/* Into a file of the folder; @input: NULL: it hears all of them. */
static inline void
add_sink(const char *kind, const char *file, const char *input)
{
	struct sink_spec spec;

	assert_int_equal(sink_spec_init(&spec, kind, path_of(file)), 0);
	if (input != NULL)
		assert_int_equal(sink_spec_hear(&spec, input), 0);
	assert_int_equal(plan_add_sink(&sc.plan, &spec), 0);
}

/* --- a run ------------------------------------------------------------- */

static inline void
on_ready(const struct plan *p, const struct addr *listening, size_t n)
{
	struct ready r = { .n = n };

	(void)p;
	assert(n <= MAX_FRONTS);
	memcpy(r.addrs, listening, n * sizeof(r.addrs[0]));
	assert(write(tell, &r, sizeof(r)) == (ssize_t)sizeof(r));
}

/* A limit of 0: none again. */
static inline void
limit_threads(rlim_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NPROC, &limit) != 0)
		_exit(99);
	limit.rlim_cur = n > 0 ? n : limit.rlim_max;
	if (setrlimit(RLIMIT_NPROC, &limit) != 0)
		_exit(99);
}

/* For root there is no limit; of others, all threads of the user count. */
static inline void
become_user(void)
{
	if (geteuid() == 0 && setuid(sc.user) != 0)
		_exit(99);
	limit_threads(sc.nproc);
}

/* In the process of the run. */
static inline void
run(void)
{
	int fd = open(path_of("err"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	int code;

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(99);
	close(fd);
	close(sc.server);
	log_init("teeline", LOG_LEVEL_INFO);
	if (sc.nproc > 0)
		become_user();
	/* What raises limits again at the end would be kept from it. */
	sc.plan.sandbox = PLAN_SANDBOX_OFF;
	code = run_plan(&sc.plan);
	plan_done(&sc.plan);
	/* A sanitizer looks for leaks with a thread of its own. */
	limit_threads(0);
	exit(code);
}

/* Starts the plan; how many bytes of struct ready came? */
static inline ssize_t
start(void)
{
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	tell = fds[1];
	sc.plan.ready = on_ready;
	(void)fflush(NULL);
	sc.pid = fork();
	assert_true(sc.pid >= 0);
	if (sc.pid == 0)
		run();
	close(fds[1]);
	loopback_wait(fds[0], POLLIN);
	n = read(fds[0], &sc.front, sizeof(sc.front));
	close(fds[0]);
	return n;
}

static inline void
begin(size_t nfronts)
{
	assert_int_equal(start(), sizeof(sc.front));
	assert_int_equal(sc.front.n, nfronts);
}

/* Waits for the end; returns the exit code. */
static inline int
ended(void)
{
	int status = 0;

	UNTIL(waitpid(sc.pid, &status, WNOHANG) == sc.pid);
	sc.pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static inline char *
read_all(const char *name)
{
	FILE *f = fopen(path_of(name), "r");
	size_t size = 1 << 20, n;
	char *text = calloc(1, size);

	assert_non_null(text);
	if (f == NULL)
		return text;
	n = fread(text, 1, size - 1, f);
	assert_true(n < size - 1);
	assert_int_equal(fclose(f), 0);
	return text;
}

static inline bool
was_said(const char *words)
{
	char *text = read_all("err");
	bool said = strstr(text, words) != NULL;

	free(text);
	return said;
}

/* --- what the peers do ------------------------------------------------- */

static inline void
say(int from, int to, const char *text)
{
	char buf[64];
	size_t len = strlen(text), n = 0;

	assert_int_equal(send(from, text, len, MSG_NOSIGNAL), len);
	while (n < len) {
		ssize_t got;

		loopback_wait(to, POLLIN);
		got = recv(to, buf + n, len - n, 0);
		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_memory_equal(buf, text, len);
}

/* A session through the @nth proxy: "ping", "pong!", and an orderly end. */
static inline void
talk(size_t nth)
{
	int c = loopback_connect(&sc.front.addrs[nth]);
	int s = loopback_accept(sc.server);
	char byte;

	say(c, s, "ping");
	say(s, c, "pong!");
	close(s);
	loopback_wait(c, POLLIN);
	assert_int_equal(recv(c, &byte, 1, 0), 0);
	close(c);
}

/* --- what was left ----------------------------------------------------- */

/* Lines of a jsonl file as an array. */
static inline json_t *
load_lines(const char *name)
{
	json_t *all = json_array();
	char *text = read_all(name);
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		json_t *one = json_loads(line, 0, NULL);

		assert_non_null(one);
		assert_int_equal(json_array_append_new(all, one), 0);
	}
	free(text);
	return all;
}

static inline const char *
text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

static inline json_int_t
number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* How many events have this name and, unless NULL, this input? */
static inline size_t
count_events(const json_t *all, const char *event, const char *input)
{
	size_t n = 0, i;
	const json_t *o;

	json_array_foreach((json_t *)(uintptr_t)all, i, o)
	{
		n += strcmp(text_of(o, "event"), event) == 0 &&
		     (input == NULL || strcmp(text_of(o, "input"), input) == 0);
	}
	return n;
}

/* By which a session was heard. */
static inline const char *
input_of(const json_t *all, json_int_t session)
{
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)all, i, o)
	{
		if (strcmp(text_of(o, "event"), "open") == 0 &&
		    number_of(o, "session") == session)
			return text_of(o, "input");
	}
	fail_msg("session %lld never opened", (long long)session);
	return "";
}

/* The numbers of the sessions are 1 to @n, each once. */
static inline void
expect_dense(const json_t *all, size_t n)
{
	bool seen[64] = { false };
	const json_t *o;
	size_t i;

	assert_true(n < ATTR_COUNT(seen));
	assert_int_equal(count_events(all, "open", NULL), n);
	json_array_foreach((json_t *)(uintptr_t)all, i, o)
	{
		json_int_t id = number_of(o, "session");

		if (strcmp(text_of(o, "event"), "open") != 0)
			continue;
		assert_true(id >= 1 && (size_t)id <= n);
		assert_false(seen[id]);
		seen[id] = true;
	}
}

static inline json_t *
load_stats(void)
{
	json_t *root = json_load_file(path_of("stats"), 0, NULL);

	assert_non_null(root);
	return root;
}

static inline const json_t *
named(const json_t *root, const char *list, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(root, list), i, o)
	{
		if (strcmp(text_of(o, "name"), name) == 0)
			return o;
	}
	fail_msg("%s is not among the %s", name, list);
	return NULL;
}

/* Reads "cap", and what comes of it is in "again". */
static inline void
read_back(void)
{
	struct plan_source *s;

	plan_done(&sc.plan);
	sc.plan.quiet = true;
	s = plan_add_source(&sc.plan, PLAN_READ, NULL);
	assert_non_null(s);
	assert_int_equal(plan_add_file(s, path_of("cap")), 0);
	add_sink("jsonl", "again", NULL);
	begin(0);
	assert_int_equal(ended(), RUN_OK);
}

#endif /* RUN_SCENE_H */
