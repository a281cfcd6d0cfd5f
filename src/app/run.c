#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "app/drain.h"
#include "app/run.h"
#include "app/sheet.h"
#include "app/sinks.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "core/fanout.h"
#include "net/mail.h"
#include "net/privilege.h"
#include "net/worker.h"
#include "source/proxy.h"

/*
 * How a run goes.  The order matters:
 *
 *	listeners	need privileges; no thread and no loop exists yet
 *	user		given up before any output is opened
 *	background	fork before any thread
 *	sinks		open their files, start their writers
 *	workers		loops, fan-outs, the proxy's part in each
 *	main loop	signals and letters from the workers, until told to end
 *	stop		sessions end, workers join, sinks drain, the sheet
 *
 * The main thread's loop carries no traffic.
 */

/* Listener addresses that are shown at start. */
#define MAX_SHOWN 64

/* With fewer descriptors than this none are spent on pipes for splicing. */
#define MIN_FDS_FOR_PIPES 256

/* Files that one sink may keep open: a sixteenth of all, within these. */
#define SINK_FILES_MIN 2
#define SINK_FILES_MAX 4096

enum signal_slot {
	SIGNAL_INT,
	SIGNAL_TERM,
	SIGNAL_HUP,
	SIGNAL_USR1,
};
#define SIGNAL_NSLOTS (SIGNAL_USR1 + 1)

/**
 * struct run - All that is made for a plan
 * @fds:	Descriptors this process may have
 * @stopping:	proxy_stop() has been called
 * @stop_ns:	When draining must be over, monotonic
 * @deaf:	A sink's thread had to be left behind
 */
struct run {
	const struct plan *plan;
	struct proxy *proxy;
	struct sinks sinks;
	struct sink_env env;
	struct worker **workers;
	struct fanout **fans;
	size_t nworkers;
	size_t nstarted;
	size_t fds;
	uv_loop_t loop;
	struct mail_box box;
	uv_signal_t signals[SIGNAL_NSLOTS];
	struct mail finished;
	struct mail stopped;
	struct mail stdout_gone;
	bool stopping;
	uint64_t stop_ns;
	bool deaf;
	bool has_loop;
};

/* --- the surroundings -------------------------------------------------- */

static void
raise_fd_limit(struct run *r)
{
	struct rlimit rl;

	r->fds = 1024;
	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	if (rl.rlim_cur < rl.rlim_max) {
		struct rlimit more = { rl.rlim_max, rl.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			rl = more;
	}
	r->fds = rl.rlim_cur > 1 << 20 ? 1 << 20 : (size_t)rl.rlim_cur;
}

static unsigned
files_per_sink(const struct run *r)
{
	size_t n = r->fds / 16;

	if (n < SINK_FILES_MIN)
		n = SINK_FILES_MIN;
	return (unsigned)(n > SINK_FILES_MAX ? SINK_FILES_MAX : n);
}

/*
 * Sessions that fit: two sockets each, beside what is open now and what the
 * sinks may open.  At least one: a run that can do nothing helps nobody.
 */
static uint64_t
sessions_that_fit(const struct run *r)
{
	int probe = dup(STDERR_FILENO);
	size_t used = probe < 0 ? 64 : (size_t)probe;

	if (probe >= 0)
		close(probe);
	used += r->sinks.n * files_per_sink(r) + 1;
	return r->fds > used + 2 ? (r->fds - used) / 2 : 1;
}

static size_t
worker_count(const struct plan *p)
{
	return p->workers > 0 ? p->workers : uv_available_parallelism();
}

static bool
wants_color(const struct plan *p)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	switch (p->color) {
	case PLAN_COLOR_ALWAYS:
		return true;
	case PLAN_COLOR_NEVER:
		return false;
	case PLAN_COLOR_AUTO:
		break;
	}
	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

static void
on_notice(void *self, const char *text)
{
	(void)self;
	log_error("%s", text);
}

static void
on_stdout_gone(void *self)
{
	struct run *r = self;

	mail_send(&r->box, &r->stdout_gone);
}

static struct sink_env
sink_env(struct run *r)
{
	bool tty = isatty(STDOUT_FILENO);

	return (struct sink_env){
		.source = "proxy",
		.overwrite = r->plan->overwrite,
		.utf8 = tty && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.color = wants_color(r->plan),
		.only = r->plan->only,
		.start_ns = clock_start_ns(),
		.notice = on_notice,
		.stdout_gone = on_stdout_gone,
		.self = r,
		.max_open = files_per_sink(r),
	};
}

/* --- letters from the workers ------------------------------------------ */

static void
on_proxy_finished(void *self)
{
	struct run *r = self;

	mail_send(&r->box, &r->finished);
}

static void
on_proxy_stopped(void *self)
{
	struct run *r = self;

	mail_send(&r->box, &r->stopped);
}

static void
exit_at_once(int number)
{
	_exit(128 + number);
}

/*
 * From here on a signal to stop ends the process, also while this thread is
 * held up by a sink that drains and no loop runs any more.
 */
static void
hear_second_signal(struct run *r)
{
	(void)uv_signal_stop(&r->signals[SIGNAL_INT]);
	(void)uv_signal_stop(&r->signals[SIGNAL_TERM]);
	(void)signal(SIGINT, exit_at_once);
	(void)signal(SIGTERM, exit_at_once);
}

static void
begin_stop(struct run *r)
{
	if (r->stopping)
		return;
	r->stopping = true;
	hear_second_signal(r);
	r->stop_ns = clock_mono_ns() + r->plan->drain_ns;
	proxy_stop(r->proxy, r->plan->drain_ns);
}

static void
on_finished(struct mail *m)
{
	begin_stop(ATTR_CONTAINER(m, struct run, finished));
}

/* Whoever read our output has gone: there is nothing left to do (EPIPE). */
static void
on_gone(struct mail *m)
{
	begin_stop(ATTR_CONTAINER(m, struct run, stdout_gone));
}

static void
close_handles(struct run *r)
{
	for (int i = 0; i < SIGNAL_NSLOTS; i++)
		uv_close((uv_handle_t *)&r->signals[i], NULL);
	/* libuv has restored the defaults, which would end the draining. */
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	mail_close(&r->box);
}

static void
on_stopped(struct mail *m)
{
	close_handles(ATTR_CONTAINER(m, struct run, stopped));
}

/* --- signals ----------------------------------------------------------- */

static void
show_sheet(struct run *r)
{
	struct sheet sh;

	if (sheet_take(&sh, r->fans, r->nworkers) != 0) {
		log_error("no memory for the balance sheet");
		return;
	}
	sheet_print(&sh);
	sheet_done(&sh);
}

static void
reopen_sinks(struct run *r)
{
	for (size_t i = 0; i < r->sinks.n; i++) {
		struct sink *sink = r->sinks.v[i];

		if (sink->ops->reopen != NULL)
			sink->ops->reopen(sink);
	}
}

static void
on_signal(uv_signal_t *handle, int number)
{
	struct run *r = handle->data;

	switch (number) {
	case SIGHUP:
		reopen_sinks(r);
		break;
	case SIGUSR1:
		show_sheet(r);
		break;
	default:
		if (r->plan->stopping != NULL)
			r->plan->stopping(r->plan, number);
		begin_stop(r);
		break;
	}
}

static int
open_main_loop(struct run *r, struct err *err)
{
	static const int number[] = {
		[SIGNAL_INT] = SIGINT,
		[SIGNAL_TERM] = SIGTERM,
		[SIGNAL_HUP] = SIGHUP,
		[SIGNAL_USR1] = SIGUSR1,
	};
	int rc = uv_loop_init(&r->loop);

	if (rc == 0)
		rc = mail_init(&r->box, &r->loop);
	for (int i = 0; i < SIGNAL_NSLOTS && rc == 0; i++) {
		rc = uv_signal_init(&r->loop, &r->signals[i]);
		if (rc == 0)
			rc = uv_signal_start(
			    &r->signals[i], on_signal, number[i]);
		r->signals[i].data = r;
	}
	if (rc != 0)
		return err_set(
		    err, rc, "cannot make the main loop: %s", uv_strerror(rc));
	r->has_loop = true;
	return 0;
}

/* --- making ------------------------------------------------------------ */

static int
open_proxy(struct run *r, struct err *err)
{
	const struct plan_proxy *pp = &r->plan->proxy;
	struct proxy_pair *pairs = calloc(pp->npairs, sizeof(*pairs));
	struct proxy_opts o = {
		.pairs = pairs,
		.npairs = pp->npairs,
		.connect_timeout_ns = pp->connect_timeout_ns,
		.source = pp->source,
		.reuse_port = pp->reuse_port,
		.backlog = pp->backlog,
		.zero_copy = !pp->copy && r->fds >= MIN_FDS_FOR_PIPES,
		.orderly = pp->orderly,
		.names = r->plan->names,
		.max_sessions = r->plan->max_sessions,
		.max_bytes = r->plan->max_bytes,
		.idle_timeout_ns = r->plan->idle_timeout_ns,
		.finished = on_proxy_finished,
		.stopped = on_proxy_stopped,
		.self = r,
	};

	if (pairs == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < pp->npairs; i++)
		pairs[i] = (struct proxy_pair){ &pp->pairs[i].client,
			&pp->pairs[i].server, pp->pairs[i].label };
	r->proxy = proxy_new(&o, err);
	free(pairs);
	return r->proxy == NULL ? -EIO : 0;
}

/* As daemon(3), once the listeners are open and before any thread is. */
static int
go_to_background(struct err *err)
{
	return daemon(0, 0) == 0
		   ? 0
		   : err_set(err, -errno, "cannot go to the background: %s",
			 strerror(errno));
}

static int
drop_privileges(const struct plan *p, struct err *err)
{
	if (p->user != NULL)
		return privilege_become(p->user, err);
	return privilege_real(err);
}

static int
make_workers(struct run *r, struct err *err)
{
	size_t n = worker_count(r->plan);

	r->workers = calloc(n, sizeof(struct worker *));
	r->fans = calloc(n, sizeof(struct fanout *));
	if (r->workers == NULL || r->fans == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		r->workers[i] = worker_new((unsigned)i, err);
		if (r->workers[i] == NULL)
			return -EIO;
		r->nworkers = i + 1;
		r->fans[i] =
		    fanout_new(r->sinks.v, r->sinks.n, r->workers[i], err);
		if (r->fans[i] == NULL)
			return -EIO;
	}
	return proxy_attach(r->proxy, r->workers, r->fans, n, err);
}

static int
start_workers(struct run *r, struct err *err)
{
	uint64_t limit = r->plan->max_concurrent;
	uint64_t fit = sessions_that_fit(r);

	proxy_limit(r->proxy, limit > 0 && limit < fit ? limit : fit);
	for (size_t i = 0; i < r->nworkers; i++) {
		int rc = worker_start(r->workers[i], err);

		if (rc != 0)
			return rc;
		r->nstarted++;
	}
	return 0;
}

static void
say_listening(const struct proxy_listening *list, size_t n)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		(void)fprintf(stderr, "teeline: listening on %s, %s %s\n",
		    addr_format(&list[i].addr, text),
		    list[i].for_server ? "for servers of" : "relaying to",
		    list[i].peer);
}

static void
say_ready(const struct run *r)
{
	struct proxy_listening list[MAX_SHOWN];
	struct addr addrs[MAX_SHOWN];
	size_t n = proxy_listening(r->proxy, list, MAX_SHOWN);

	if (n > MAX_SHOWN)
		n = MAX_SHOWN;
	for (size_t i = 0; i < n; i++)
		addrs[i] = list[i].addr;
	if (r->plan->ready != NULL)
		r->plan->ready(r->plan, addrs, n);
	else if (!r->plan->quiet)
		say_listening(list, n);
}

static int
open_all(struct run *r, int *code, struct err *err)
{
	int rc;

	*code = RUN_FAIL;
	rc = open_proxy(r, err);
	if (rc == 0)
		rc = drop_privileges(r->plan, err);
	if (rc == 0 && r->plan->daemon)
		rc = go_to_background(err);
	if (rc == 0)
		rc = open_main_loop(r, err);
	if (rc != 0)
		return rc;
	r->env = sink_env(r);
	rc = sinks_make(&r->sinks, r->plan, &r->env, err);
	if (rc == -EINVAL || rc == -EEXIST)
		*code = RUN_USAGE;
	if (rc == 0)
		rc = make_workers(r, err);
	return rc;
}

/* --- ending ------------------------------------------------------------ */

static void
join_workers(struct run *r)
{
	for (size_t i = 0; i < r->nstarted; i++)
		worker_stop(r->workers[i]);
	for (size_t i = 0; i < r->nstarted; i++)
		worker_join(r->workers[i]);
}

static void
drain_sinks(struct run *r)
{
	if (drain_all(r->sinks.v, r->sinks.n, r->stop_ns) != 0)
		r->deaf = true;
}

static int
close_books(struct run *r)
{
	const struct plan *p = r->plan;
	struct err err = { "" };
	struct sheet sh;
	int code = RUN_OK;

	if (sheet_take(&sh, r->fans, r->nworkers) != 0) {
		log_error("no memory for the balance sheet");
		return RUN_FAIL;
	}
	if (p->stats != NULL && strcmp(p->stats, "-") != 0 &&
	    sheet_write(&sh, p->stats, &err) != 0) {
		log_error("%s", err.text);
		code = RUN_FAIL;
	}
	if (!p->quiet || (p->stats != NULL && strcmp(p->stats, "-") == 0))
		sheet_print(&sh);
	if (sheet_has_failure(&sh))
		code = RUN_FAIL;
	if (code == RUN_OK && p->strict && sheet_has_loss(&sh))
		code = RUN_LOSS;
	sheet_done(&sh);
	return code;
}

static void
free_all(struct run *r)
{
	for (size_t i = 0; i < r->nworkers; i++)
		worker_free(r->workers[i]);
	for (size_t i = 0; i < r->nworkers; i++)
		fanout_free(r->fans[i]);
	sinks_free(&r->sinks);
	proxy_free(r->proxy);
	free(r->fans);
	free(r->workers);
}

static void
close_main_loop(struct run *r)
{
	if (!r->has_loop)
		return;
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	mail_done(&r->box);
	(void)uv_loop_close(&r->loop);
}

/* Something failed before traffic came: undo what was done. */
static void
abandon(struct run *r)
{
	if (r->has_loop)
		close_handles(r);
	/* The listeners' handles belong to the workers while these run. */
	join_workers(r);
	if (r->proxy != NULL)
		proxy_close(r->proxy);
	r->stop_ns = clock_mono_ns() + r->plan->drain_ns;
	drain_sinks(r);
}

static int
carry_traffic(struct run *r)
{
	say_ready(r);
	proxy_start(r->proxy);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	join_workers(r);
	drain_sinks(r);
	return close_books(r);
}

int
run_plan(const struct plan *p)
{
	struct run r = {
		.plan = p,
		.finished.deliver = on_finished,
		.stopped.deliver = on_stopped,
		.stdout_gone.deliver = on_gone,
	};
	struct err err = { "" };
	int code;

	clock_init();
	(void)setlocale(LC_CTYPE, ""); /* "C" if there is no such locale */
	(void)signal(SIGPIPE, SIG_IGN);
	raise_fd_limit(&r);
	if (open_all(&r, &code, &err) == 0 && start_workers(&r, &err) == 0) {
		code = carry_traffic(&r);
	} else {
		log_error("%s", err.text);
		abandon(&r);
	}
	/* A thread that hangs in the kernel still uses its sink. */
	if (r.deaf)
		_exit(code);
	close_main_loop(&r);
	free_all(&r);
	return code;
}
