#ifndef OUTPUTS_SCENE_H
#define OUTPUTS_SCENE_H

#include "../net/loopback.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/addr.h"
#include "base/err.h"
#include "config/plan.h"
#include "config/sink_text.h"
#include "core/source.h"
#include "run/input.h"
#include "run/kinds.h"
#include "run/mainloop.h"
#include "run/outputs.h"
#include "run/sheet.h"
#include "run/sinks.h"
#include "run/sources.h"

/*
 * A run without its life: two proxies, one with two workers, in front of a
 * server that sends back what it gets; the test is the main thread and turns
 * its loop.  Clients are threads that check each byte.
 */

#define INPUTS  2
#define CLIENTS 3

/* How long a sink may take to go; tests that wait for that end make it less. */
static uint64_t scene_drain_ns = 20 * CLOCK_NS_PER_S;

/* Bytes of a session's request, and of its answer. */
#define TALK ((size_t)200 * 1024)

struct scene {
	struct plan plan;
	struct mainloop loop;
	struct source_numbers numbers;
	struct input inputs[INPUTS];
	struct source *sources[INPUTS];
	struct sheet_from figures[INPUTS];
	struct addr listening[INPUTS];
	struct sink_env env;
	struct sinks_from from;
	struct sinks sinks;
	struct outputs *outputs;
	unsigned over;
	bool has_ended;
	char folder[64];
	/* The server. */
	int server;
	struct addr server_addr;
	pthread_t server_thread;
	/* The clients. */
	pthread_t client_thread[CLIENTS];
	unsigned nclients;
	_Atomic bool enough;
	_Atomic unsigned talks;
	/* What was answered last. */
	bool answered;
	int error;
	char text[512];
	/* What outputs have told: how often, and the port at its end. */
	_Atomic unsigned notices;
	_Atomic uint16_t port;
};

/* For threads other than the test's, which cannot jump out of it. */
#define SCENE_CHECK(condition)                                                 \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(                                         \
			    stderr, "line %d: %s\n", __LINE__, #condition);    \
			abort();                                               \
		}                                                              \
	} while (0)

/* --- the server -------------------------------------------------------- */

/* Echoes one client to its end, and takes no other meanwhile. */
static inline void
scene_echo(int fd)
{
	static _Thread_local char buf[64 * 1024];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (ssize_t sent = 0, m; sent < n; sent += m) {
			m = send(
			    fd, buf + sent, (size_t)(n - sent), MSG_NOSIGNAL);
			if (m < 0)
				break;
		}
	}
	close(fd);
}

static inline void *
scene_echo_main(void *self)
{
	scene_echo((int)(intptr_t)self);
	return NULL;
}

/* A thread for each client; ends when the listener is shut down. */
static inline void *
scene_server_main(void *self)
{
	struct scene *sc = self;
	pthread_t thread;
	int fd;

	while ((fd = accept(sc->server, NULL, NULL)) >= 0) {
		SCENE_CHECK(pthread_create(&thread, NULL, scene_echo_main,
				(void *)(intptr_t)fd) == 0);
		SCENE_CHECK(pthread_detach(thread) == 0);
	}
	return NULL;
}

/* --- clients ----------------------------------------------------------- */

static inline uint8_t
scene_byte(size_t at)
{
	return (uint8_t)((at * 2654435761U) >> 13);
}

/* A request and its answer, of which not a byte is wrong. */
static inline void
scene_talk(const struct addr *a, size_t len)
{
	static _Thread_local uint8_t out[16 * 1024], in[16 * 1024];
	struct sockaddr_storage ss;
	socklen_t size;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t sent = 0, got = 0;

	SCENE_CHECK(addr_to_sockaddr(a, &ss, &size) == 0);
	SCENE_CHECK(connect(fd, (struct sockaddr *)&ss, size) == 0);

	while (got < len) {
		size_t part =
		    len - sent < sizeof(out) ? len - sent : sizeof(out);
		ssize_t n;

		for (size_t i = 0; i < part; i++)
			out[i] = scene_byte(sent + i);
		if (part > 0)
			SCENE_CHECK(
			    send(fd, out, part, MSG_NOSIGNAL) == (ssize_t)part);
		sent += part;
		if (sent == len && part > 0)
			SCENE_CHECK(shutdown(fd, SHUT_WR) == 0);
		n = recv(fd, in, sizeof(in), 0);
		SCENE_CHECK(n > 0);
		for (ssize_t i = 0; i < n; i++)
			SCENE_CHECK(in[i] == scene_byte(got + (size_t)i));
		got += (size_t)n;
	}
	SCENE_CHECK(recv(fd, in, sizeof(in), 0) == 0);
	close(fd);
}

static inline void *
scene_client_main(void *self)
{
	struct scene *sc = self;
	unsigned i = 0;

	while (!atomic_load(&sc->enough)) {
		scene_talk(&sc->listening[i % INPUTS],
		    i % 3 == 0 ? TALK : 1 + i % 100);
		atomic_fetch_add(&sc->talks, 1);
		i++;
	}
	return NULL;
}

static inline void
scene_begin_talking(struct scene *sc)
{
	for (; sc->nclients < CLIENTS; sc->nclients++)
		assert_int_equal(
		    pthread_create(&sc->client_thread[sc->nclients], NULL,
			scene_client_main, sc),
		    0);
}

static inline void
scene_stop_talking(struct scene *sc)
{
	atomic_store(&sc->enough, true);
	while (sc->nclients > 0)
		assert_int_equal(
		    pthread_join(sc->client_thread[--sc->nclients], NULL), 0);
}

/* --- the run ----------------------------------------------------------- */

#define SCENE_UNTIL(sc, condition) LOOPBACK_UNTIL(&(sc)->loop.loop, condition)

static inline void
scene_on_finished(void *self, struct input *in)
{
	(void)self;
	(void)in;
	fail_msg("a proxy came to its end");
}

static inline void
scene_on_over(void *self, struct input *in)
{
	struct scene *sc = self;

	(void)in;
	sc->over++;
}

static inline void
scene_on_notice(void *self, const char *text)
{
	struct scene *sc = self;
	const char *at = text + strlen(text);

	while (at > text && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (*at != '\0')
		atomic_store(&sc->port, (uint16_t)strtoul(at, NULL, 10));
	atomic_fetch_add(&sc->notices, 1);
}

static inline void
scene_parse(const char *text, struct sink_spec *spec)
{
	struct sink_text_kinds kinds;
	struct err err = { "" };

	kinds.kinds = kinds_all(&kinds.n);
	assert_int_equal(sink_text_parse(spec, text, &kinds, &err), 0);
}

/* "left" with two workers, "right" with one; a sink that counts both. */
static inline void
scene_plan(struct scene *sc)
{
	static const char *const names[INPUTS] = { "left", "right" };
	struct endpoint client, server;
	struct sink_spec spec;
	struct err err = { "" };
	char target[ADDR_TEXT_MAX];

	plan_init(&sc->plan);
	for (size_t i = 0; i < INPUTS; i++) {
		struct plan_source *s =
		    plan_add_source(&sc->plan, PLAN_PROXY, names[i]);

		assert_non_null(s);
		s->workers = i == 0 ? 2 : 1;
		assert_int_equal(endpoint_parse(&client, ENDPOINT_LISTEN,
				     "127.0.0.1:0", &err),
		    0);
		assert_int_equal(
		    endpoint_parse(&server, ENDPOINT_DIAL,
			addr_format(&sc->server_addr, target), &err),
		    0);
		assert_int_equal(plan_add_pair(s, &client, &server), 0);
	}
	scene_parse("null,name=all", &spec);
	assert_int_equal(plan_add_sink(&sc->plan, &spec), 0);
	sc->plan.drain_ns = scene_drain_ns;
}

static inline void
scene_open(struct scene *sc, size_t i)
{
	const struct input_opts o = {
		.pipes = 64,
		.numbers = &sc->numbers,
		.loop = &sc->loop,
		.finished = scene_on_finished,
		.over = scene_on_over,
		.self = sc,
	};
	struct err err = { "" };

	assert_int_equal(
	    input_open(&sc->inputs[i], &sc->plan.sources[i], &o, &err), 0);
	sc->sources[i] = sc->inputs[i].source;
	sources_limit(sc->sources[i], &sc->plan.sources[i], 1000);
	assert_int_equal(sources_addrs(sc->sources[i], &sc->plan.sources[i],
			     &sc->listening[i], 1),
	    1);
}

static inline void
scene_attach(struct scene *sc, size_t i)
{
	struct input *in = &sc->inputs[i];
	struct err err = { "" };

	assert_int_equal(input_attach(in, sc->sinks.v, sc->sinks.n, &err), 0);
	sc->figures[i] = (struct sheet_from){
		.name = in->plan->name,
		.src = in->source,
		.fans = in->fans,
		.nfans = in->nworkers,
	};
	assert_int_equal(input_run(in, &err), 0);
}

static inline void
scene_begin(struct scene *sc)
{
	static const struct mainloop_ops no_ops = { .tick = NULL };
	struct err err = { "" };

	assert_int_equal(mainloop_open(&sc->loop, &no_ops, sc, &err), 0);
	for (size_t i = 0; i < INPUTS; i++)
		scene_open(sc, i);
	sc->env = (struct sink_env){
		.start_ns = clock_start_ns(),
		.notice = scene_on_notice,
		.remark = scene_on_notice,
		.self = sc,
		.max_open = 16,
	};
	sc->from = (struct sinks_from){ &sc->plan, sc->sources, &sc->env };
	assert_int_equal(sinks_make(&sc->sinks, &sc->from, &err), 0);
	for (size_t i = 0; i < INPUTS; i++)
		scene_attach(sc, i);
	sc->outputs = outputs_new(
	    &(struct outputs_opts){
		.sinks = &sc->sinks,
		.from = &sc->from,
		.inputs = sc->inputs,
		.ninputs = INPUTS,
		.figures = sc->figures,
		.loop = &sc->loop,
		.drain_ns = sc->plan.drain_ns,
	    },
	    &err);
	assert_non_null(sc->outputs);
	for (size_t i = 0; i < INPUTS; i++)
		input_start(&sc->inputs[i]);
}

static inline int
scene_set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	*state = sc;
	clock_init();
	(void)signal(SIGPIPE, SIG_IGN);
	strcpy(sc->folder, "/tmp/test_outputs.XXXXXX");
	assert_non_null(mkdtemp(sc->folder));
	sc->server_addr = loopback_addr(AF_INET);
	sc->server = loopback_listen(&sc->server_addr, 64);
	assert_int_equal(fcntl(sc->server, F_SETFL, 0), 0);
	assert_int_equal(
	    pthread_create(&sc->server_thread, NULL, scene_server_main, sc), 0);
	scene_plan(sc);
	scene_begin(sc);
	return 0;
}

/* No session is left; the workers are still there. */
static inline void
scene_be_quiet(struct scene *sc)
{
	scene_stop_talking(sc);
	for (size_t i = 0; i < INPUTS; i++)
		input_stop(&sc->inputs[i], 0);
	SCENE_UNTIL(sc, sc->over == INPUTS);
}

/* Nor are they; what sinks have yet to write is. */
static inline void
scene_end(struct scene *sc)
{
	if (sc->over == 0)
		scene_be_quiet(sc);
	for (size_t i = 0; i < INPUTS; i++)
		input_end(
		    &sc->inputs[i], clock_mono_ns() + sc->plan.drain_ns, true);
	for (size_t i = 0; i < INPUTS; i++)
		input_join(&sc->inputs[i]);
	outputs_stop(sc->outputs);
	sc->has_ended = true;
}

static inline void
scene_sheet(struct scene *sc, struct sheet *sh)
{
	assert_int_equal(
	    sheet_take(sh, sc->figures, INPUTS, sc->sinks.v, sc->sinks.n), 0);
	assert_int_equal(outputs_complete(sc->outputs, sh), 0);
}

/* The line of a name, of which there is one; or NULL. */
static inline const struct sheet_sink *
scene_find_line(const struct sheet *sh, const char *name)
{
	const struct sheet_sink *line = NULL;

	for (size_t i = 0; i < sh->nsinks; i++) {
		if (strcmp(sh->sinks[i].name, name) != 0)
			continue;
		assert_null(line);
		line = &sh->sinks[i];
	}
	return line;
}

/* The line of a name, which is there. */
static inline const struct sheet_sink *
scene_line(const struct sheet *sh, const char *name)
{
	const struct sheet_sink *line = scene_find_line(sh, name);

	if (line == NULL)
		fail_msg("there is no line of %s", name);
	return line;
}

static inline uint64_t
scene_dropped(const struct sheet_sink *line)
{
	uint64_t n = 0;

	for (int r = 0; r < DROP_NREASONS; r++)
		n += line->drop_bytes[r];
	return n;
}

/* At the very end, all of it. */
static inline void
scene_check_sums(struct scene *sc)
{
	struct sheet sh;
	const struct sheet_sink *all;

	scene_sheet(sc, &sh);
	all = scene_find_line(&sh, "all");
	if (all != NULL)
		assert_int_equal(
		    all->offered, sh.bytes[DIR_CLIENT] + sh.bytes[DIR_SERVER]);
	for (size_t i = 0; i < sh.nsinks; i++) {
		const struct sheet_sink *line = &sh.sinks[i];

		assert_int_equal(
		    line->offered, line->written + scene_dropped(line));
		assert_int_equal(line->queued, 0);
	}
	for (int d = 0; d < DIR_NDIRS; d++)
		assert_int_equal(sh.lost_bytes[d], 0);
	sheet_done(&sh);
}

static inline void
scene_remove_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[4096];

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		assert_true(snprintf(name, sizeof(name), "%s/%s", path,
				e->d_name) < (int)sizeof(name));
		if (e->d_type == DT_DIR)
			scene_remove_folder(name);
		else
			assert_int_equal(unlink(name), 0);
	}
	closedir(d);
	assert_int_equal(rmdir(path), 0);
}

static inline void
scene_stop_server(struct scene *sc)
{
	assert_int_equal(shutdown(sc->server, SHUT_RDWR), 0);
	assert_int_equal(pthread_join(sc->server_thread, NULL), 0);
	close(sc->server);
}

static inline int
scene_tear_down(void **state)
{
	struct scene *sc = *state;

	if (!sc->has_ended)
		scene_end(sc);
	assert_int_equal(outputs_drain(sc->outputs,
			     clock_mono_ns() + 20 * CLOCK_NS_PER_S, true),
	    0);
	scene_check_sums(sc);
	scene_stop_server(sc);
	mainloop_end(&sc->loop);
	mainloop_close(&sc->loop);
	outputs_free(sc->outputs);
	for (size_t i = 0; i < INPUTS; i++)
		input_free(&sc->inputs[i]);
	sinks_free(&sc->sinks);
	plan_done(&sc->plan);
	scene_remove_folder(sc->folder);
	free(sc);
	return 0;
}

/* --- changes ----------------------------------------------------------- */

static inline void
scene_on_done(void *self, int error, const char *text)
{
	struct scene *sc = self;

	assert_false(sc->answered);
	sc->answered = true;
	sc->error = error;
	(void)snprintf(sc->text, sizeof(sc->text), "%s", text);
}

/* Waits for the answer: 0 or a negative errno. */
static inline int
scene_answer(struct scene *sc)
{
	SCENE_UNTIL(sc, sc->answered);
	sc->answered = false;
	return sc->error;
}

/* An output, "%s" in its text being the scene's folder. */
static inline int
scene_add(struct scene *sc, const char *format)
{
	char text[256];
	const char *at = strstr(format, "%s");

	if (at != NULL)
		(void)snprintf(text, sizeof(text), "%.*s%s%s",
		    (int)(at - format), format, sc->folder, at + 2);
	else
		(void)snprintf(text, sizeof(text), "%s", format);
	assert_int_equal(
	    outputs_add_text(sc->outputs, text, scene_on_done, sc), 0);
	assert_false(sc->answered);
	return scene_answer(sc);
}

static inline int
scene_remove(struct scene *sc, const char *name)
{
	assert_int_equal(
	    outputs_remove(sc->outputs, name, scene_on_done, sc), 0);
	return scene_answer(sc);
}

/* So many more sessions come and go. */
static inline void
scene_hear(struct scene *sc, unsigned talks)
{
	unsigned until = atomic_load(&sc->talks) + talks;

	SCENE_UNTIL(sc, atomic_load(&sc->talks) >= until);
}

#endif /* OUTPUTS_SCENE_H */
