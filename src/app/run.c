#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/drain.h"
#include "app/mainloop.h"
#include "app/progress.h"
#include "app/run.h"
#include "app/sheet.h"
#include "app/sinks.h"
#include "app/sources.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "core/fanout.h"
#include "core/source.h"
#include "net/privilege.h"
#include "net/worker.h"

/*
 * How a run goes.  The order matters:
 *
 *	source		listeners, captures need privileges; no thread yet
 *	user		given up before any output is opened
 *	background	fork before any thread
 *	main loop	signals and letters
 *	sinks		open their files, start their writers
 *	workers		loops, fan-outs, the source's part in each
 *	traffic		until the source has finished, or a signal came
 *	stop		sessions end, workers join, sinks drain, the sheet
 */

/* Files that one sink may keep open: a sixteenth of all, within these. */
#define SINK_FILES_MIN 2
#define SINK_FILES_MAX 4096

/* How often the line about progress is drawn. */
#define PROGRESS_MS 100

struct run;

/** struct ending - What the end of a worker needs to know. */
struct ending {
	const struct run *run;
	struct fanout *fan;
};

/**
 * struct run - All that is made for a plan
 * @fds:	Descriptors this process may have
 * @stopping:	The source was told to stop
 * @is_told:	... by somebody: it did not come to its own end
 * @is_unwell:	The plan's watch has ended the run
 * @stop_ns:	When draining must be over, monotonic
 * @deaf:	A sink's thread had to be left behind
 */
struct run {
	const struct plan *plan;
	struct source *source;
	struct sinks sinks;
	struct sink_env env;
	struct worker **workers;
	struct fanout **fans;
	struct ending *endings;
	size_t nworkers;
	size_t nstarted;
	size_t fds;
	struct mainloop loop;
	struct progress progress;
	struct mail finished;
	struct mail stopped;
	struct mail stdout_gone;
	bool stopping;
	bool is_told;
	bool is_unwell;
	uint64_t stop_ns;
	bool deaf;
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

/* Sessions that fit beside what is open now. */
static uint64_t
sessions_that_fit(const struct run *r)
{
	int probe = dup(STDERR_FILENO);
	size_t used = probe < 0 ? 64 : (size_t)probe;

	if (probe >= 0)
		close(probe);
	used++; /* a client is accepted before it is turned away */
	return sinks_sessions(
	    &r->sinks, r->fds > used ? r->fds - used : 0, files_per_sink(r));
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
on_remark(void *self, const char *text)
{
	(void)self;
	log_info("%s", text);
}

static void
on_stdout_gone(void *self)
{
	struct run *r = self;

	mainloop_send(&r->loop, &r->stdout_gone);
}

static struct sink_env
sink_env(struct run *r)
{
	const struct source_ops *ops = r->source->ops;
	bool tty = isatty(STDOUT_FILENO);
	struct sink_env env = {
		.source = ops->name,
		.packets = ops->packets,
		.overwrite = r->plan->overwrite,
		.utf8 = tty && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.color = wants_color(r->plan),
		.only = r->plan->only,
		.start_ns = clock_start_ns(),
		.notice = on_notice,
		.remark = on_remark,
		.stdout_gone = on_stdout_gone,
		.self = r,
		.max_open = files_per_sink(r),
	};

	if (ops->ifaces != NULL)
		env.nifaces = ops->ifaces(r->source, &env.ifaces);
	return env;
}

/* --- the end comes ----------------------------------------------------- */

static void
begin_stop(struct run *r, bool is_told)
{
	if (r->stopping)
		return;
	r->stopping = true;
	r->is_told = is_told;
	mainloop_stop_is_final(&r->loop);
	r->stop_ns = clock_mono_ns() + r->plan->drain_ns;
	r->source->ops->stop(r->source, r->plan->drain_ns);
}

static void
deliver_finished(struct mail *m)
{
	begin_stop(ATTR_CONTAINER(m, struct run, finished), false);
}

/* Whoever read our output has gone: there is nothing left to do (EPIPE). */
static void
deliver_gone(struct mail *m)
{
	begin_stop(ATTR_CONTAINER(m, struct run, stdout_gone), true);
}

static void
deliver_stopped(struct mail *m)
{
	mainloop_end(&ATTR_CONTAINER(m, struct run, stopped)->loop);
}

/* --- what the source tells, on its own threads ------------------------- */

static void
on_finished(void *self)
{
	struct run *r = self;

	mainloop_send(&r->loop, &r->finished);
}

static void
on_stopped(void *self)
{
	struct run *r = self;

	mainloop_send(&r->loop, &r->stopped);
}

static void
on_trouble(void *self, const char *text)
{
	(void)self;
	log_error("%s", text);
}

/* --- signals ----------------------------------------------------------- */

static void
on_signal_stop(void *self, int number)
{
	struct run *r = self;

	if (r->plan->stopping != NULL)
		r->plan->stopping(r->plan, number);
	begin_stop(r, true);
}

static void
reopen_sinks(void *self)
{
	struct run *r = self;

	for (size_t i = 0; i < r->sinks.n; i++) {
		struct sink *sink = r->sinks.v[i];

		if (sink->ops->reopen != NULL)
			sink->ops->reopen(sink);
	}
}

static void
show_sheet(void *self)
{
	struct run *r = self;
	struct sheet sh;

	if (sheet_take(&sh, r->source, r->fans, r->nworkers) != 0) {
		log_error("no memory for the balance sheet");
		return;
	}
	progress_hide(&r->progress);
	sheet_print(&sh);
	sheet_done(&sh);
}

static void
watch_figures(struct run *r)
{
	struct sheet sh;

	/* Without memory it is told the next time. */
	if (sheet_take(&sh, r->source, r->fans, r->nworkers) != 0)
		return;
	if (r->plan->watch(r->plan, &sh) != 0) {
		r->is_unwell = true;
		begin_stop(r, true);
	}
	sheet_done(&sh);
}

/* Never both: whoever watches has no line about progress. */
static void
on_tick(void *self)
{
	struct run *r = self;

	progress_draw(&r->progress, clock_mono_ns());
	if (r->plan->watch != NULL && !r->stopping)
		watch_figures(r);
}

static const struct mainloop_ops loop_ops = {
	.stop = on_signal_stop,
	.reopen = reopen_sinks,
	.show = show_sheet,
	.tick = on_tick,
};

/* --- making ------------------------------------------------------------ */

static int
open_source(struct run *r, struct err *err)
{
	const struct sources_opts o = {
		.fds = r->fds,
		.events = {
			.finished = on_finished,
			.stopped = on_stopped,
			.trouble = on_trouble,
			.self = r,
		},
	};
	int code = 0;

	r->source = sources_open(r->plan, &o, &code, err);
	return r->source != NULL ? 0 : code;
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

/* No session is left on this worker: its sinks send what they have. */
static void
on_worker_ends(void *self)
{
	const struct ending *e = self;

	fanout_finish(e->fan, e->run->stop_ns, e->run->is_told);
}

static int
make_workers(struct run *r, struct err *err)
{
	size_t n = sources_workers(r->plan);

	r->workers = calloc(n, sizeof(struct worker *));
	r->fans = calloc(n, sizeof(struct fanout *));
	r->endings = calloc(n, sizeof(struct ending));
	if (r->workers == NULL || r->fans == NULL || r->endings == NULL)
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
		r->endings[i] = (struct ending){ r, r->fans[i] };
		worker_set_finish(
		    r->workers[i], on_worker_ends, &r->endings[i]);
	}
	return r->source->ops->attach(r->source, r->workers, r->fans, n, err);
}

/* The log is written by it, so that no thread may run yet. */
static void
start_ticking(struct run *r)
{
	if (r->plan->watch != NULL)
		mainloop_tick(&r->loop, r->plan->watch_ms);
	if (!progress_wanted(r->plan))
		return;
	progress_start(&r->progress, r->source, clock_mono_ns());
	mainloop_tick(&r->loop, PROGRESS_MS);
}

static int
start_workers(struct run *r, struct err *err)
{
	start_ticking(r);
	sources_limit(r->source, r->plan, sessions_that_fit(r));
	for (size_t i = 0; i < r->nworkers; i++) {
		int rc = worker_start(r->workers[i], err);

		if (rc != 0)
			return rc;
		r->nstarted++;
	}
	return 0;
}

/* Those that read the command line give -EINVAL and -EEXIST: it is wrong. */
static int
open_all(struct run *r, int *code, struct err *err)
{
	int rc = open_source(r, err);

	*code = rc == -EINVAL ? RUN_USAGE : RUN_FAIL;
	if (rc == 0)
		rc = drop_privileges(r->plan, err);
	if (rc == 0 && r->plan->daemon)
		rc = go_to_background(err);
	if (rc == 0)
		rc = mainloop_open(&r->loop, &loop_ops, r, err);
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
	progress_hide(&r->progress);
}

static void
drain_sinks(struct run *r)
{
	if (drain_all(r->sinks.v, r->sinks.n, r->stop_ns, r->is_told) != 0)
		r->deaf = true;
}

static int
close_books(struct run *r)
{
	const struct plan *p = r->plan;
	struct err err = { "" };
	struct sheet sh;
	int code = RUN_OK;

	if (sheet_take(&sh, r->source, r->fans, r->nworkers) != 0) {
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
	if (p->watch != NULL && p->watch(p, &sh) != 0)
		code = RUN_FAIL;
	if (r->is_unwell || sheet_has_failure(&sh))
		code = RUN_FAIL;
	if (r->source->ops->failed != NULL && r->source->ops->failed(r->source))
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
	if (r->source != NULL)
		r->source->ops->free(r->source);
	for (size_t i = 0; i < r->nworkers; i++)
		fanout_free(r->fans[i]);
	sinks_free(&r->sinks);
	free(r->endings);
	free(r->fans);
	free(r->workers);
}

/* Something failed before traffic came: undo what was done. */
static void
abandon(struct run *r)
{
	mainloop_end(&r->loop);
	r->stop_ns = clock_mono_ns() + r->plan->drain_ns;
	/* The listeners' handles belong to the workers while these run. */
	join_workers(r);
	if (r->source != NULL)
		r->source->ops->close(r->source);
	r->is_told = true;
	drain_sinks(r);
}

static int
carry_traffic(struct run *r)
{
	sources_announce(r->source, r->plan);
	r->source->ops->start(r->source);
	mainloop_run(&r->loop);
	join_workers(r);
	drain_sinks(r);
	return close_books(r);
}

int
run_plan(const struct plan *p)
{
	struct run r = {
		.plan = p,
		.finished.deliver = deliver_finished,
		.stopped.deliver = deliver_stopped,
		.stdout_gone.deliver = deliver_gone,
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
	progress_stop(&r.progress);
	mainloop_close(&r.loop);
	free_all(&r);
	return code;
}
