#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/descriptors.h"
#include "app/drain.h"
#include "app/input.h"
#include "app/mainloop.h"
#include "app/outputs.h"
#include "app/progress.h"
#include "app/run.h"
#include "app/service.h"
#include "app/sheet.h"
#include "app/sinks.h"
#include "app/sources.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "core/source.h"
#include "net/inherit.h"
#include "net/privilege.h"

/*
 * How a run goes.  The order matters:
 *
 *	inputs		listeners, captures need privileges; no thread yet
 *	user		given up before any output is opened
 *	background	fork before any thread
 *	main loop	signals and letters
 *	sinks		open their files, start their writers
 *	workers		of each input: loops, fan-outs, the source's part
 *	traffic		until all inputs have finished, or a signal came
 *	stop		sessions end, workers join, sinks drain, the sheet
 *
 * An input that comes to its own end is stopped alone; with the last one that
 * hears, the run begins to stop.
 */

/* How often the line about progress is drawn. */
#define PROGRESS_MS 100

/* What ending takes beyond the time to drain: threads, files, the sheet. */
#define TIDY_NS (5 * CLOCK_NS_PER_S)

/* Listeners that plan.ready() is told of. */
#define MAX_ADDRS 256

/**
 * struct run - All that is made for a plan
 * @inputs:	@ninputs opened ones, in the order of the plan, which has room
 *		for them
 * @sources:	Their sources
 * @from:	Where their figures are
 * @sinks_from:	What sinks are made from, with @env
 * @outputs:	The sinks as they come and go; NULL: not that far yet
 * @fds:	Descriptors this process may have
 * @stopping:	No input hears any more
 * @is_told:	... since somebody said so: they did not all come to their end
 * @is_unwell:	The plan's watch has ended the run
 * @stop_ns:	When draining must be over, monotonic
 * @deaf:	A sink's thread had to be left behind
 */
struct run {
	const struct plan *plan;
	struct input *inputs;
	size_t ninputs;
	struct source **sources;
	struct sheet_from *from;
	struct source_numbers numbers;
	struct sinks sinks;
	struct sinks_from sinks_from;
	struct sink_env env;
	struct outputs *outputs;
	size_t fds;
	struct mainloop loop;
	struct service service;
	struct progress progress;
	struct mail stdout_gone;
	bool stopping;
	bool is_told;
	bool is_unwell;
	uint64_t stop_ns;
	bool deaf;
};

/* --- the surroundings -------------------------------------------------- */

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
	bool tty = isatty(STDOUT_FILENO);

	return (struct sink_env){
		.overwrite = r->plan->overwrite,
		.utf8 = tty && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.color = wants_color(r->plan),
		.only = r->plan->only,
		.start_ns = clock_start_ns(),
		.notice = on_notice,
		.remark = on_remark,
		.stdout_gone = on_stdout_gone,
		.self = r,
		.max_open = descriptors_per_sink(r->fds),
	};
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
	service_stopping(&r->service, r->plan->drain_ns + TIDY_NS);
	for (size_t i = 0; i < r->ninputs; i++)
		input_stop(&r->inputs[i], r->plan->drain_ns);
}

/* Whoever read our output has gone: there is nothing left to do (EPIPE). */
static void
deliver_gone(struct mail *m)
{
	begin_stop(ATTR_CONTAINER(m, struct run, stdout_gone), true);
}

static size_t
count_state(const struct run *r, enum input_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < r->ninputs; i++)
		n += r->inputs[i].state == state;
	return n;
}

static void
on_input_finished(void *self, struct input *in)
{
	struct run *r = self;

	if (count_state(r, INPUT_HEARS) == 1)
		begin_stop(r, false);
	else
		input_stop(in, r->plan->drain_ns);
}

static void
on_input_over(void *self, struct input *in)
{
	struct run *r = self;

	if (!r->stopping)
		log_info("input %s is over", in->plan->name);
	if (count_state(r, INPUT_OVER) == r->ninputs)
		mainloop_end(&r->loop);
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

	service_reloading(&r->service);
	for (size_t i = 0; i < r->sinks.n; i++) {
		struct sink *sink = r->sinks.v[i];

		if (sink->ops->reopen != NULL)
			sink->ops->reopen(sink);
	}
	service_ready(&r->service);
}

static int
take_sheet(const struct run *r, struct sheet *sh)
{
	int rc = sheet_take(sh, r->from, r->ninputs, r->sinks.v, r->sinks.n);

	if (rc == 0) {
		rc = outputs_complete(r->outputs, sh);
		if (rc != 0)
			sheet_done(sh);
	}
	if (rc != 0)
		log_error("no memory for the balance sheet");
	return rc;
}

static void
show_sheet(void *self)
{
	struct run *r = self;
	struct sheet sh;

	if (take_sheet(r, &sh) != 0)
		return;
	progress_hide(&r->progress);
	sheet_print(&sh);
	sheet_done(&sh);
}

static int
give_sheet(void *self, struct sheet *sh)
{
	return take_sheet(self, sh);
}

static void
watch_figures(struct run *r)
{
	struct sheet sh;

	/* Without memory it is told the next time. */
	if (take_sheet(r, &sh) != 0)
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
open_inputs(struct run *r, struct err *err)
{
	const struct plan *p = r->plan;
	const struct input_opts o = {
		.fds = r->fds,
		.names = p->names,
		.numbers = &r->numbers,
		.loop = &r->loop,
		.finished = on_input_finished,
		.over = on_input_over,
		.self = r,
	};

	r->inputs = calloc(p->nsources, sizeof(*r->inputs));
	r->sources = calloc(p->nsources, sizeof(struct source *));
	r->from = calloc(p->nsources, sizeof(*r->from));
	if (r->inputs == NULL || r->sources == NULL || r->from == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	while (r->ninputs < p->nsources) {
		size_t i = r->ninputs;
		int rc = input_open(&r->inputs[i], &p->sources[i], &o, err);

		if (rc != 0 && p->nsources > 1)
			err_prefix(err, "input %s: ", p->sources[i].name);
		if (rc != 0)
			return rc;
		r->sources[i] = r->inputs[i].source;
		r->ninputs++;
	}
	return 0;
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
attach_inputs(struct run *r, struct err *err)
{
	struct sink **heard = calloc(r->sinks.n + 1, sizeof(struct sink *));
	int rc = 0;

	if (heard == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < r->ninputs; i++) {
		struct input *in = &r->inputs[i];
		size_t n =
		    sinks_heard_by(&r->sinks, r->plan, in->plan->name, heard);

		rc = input_attach(in, heard, n, err);
		r->from[i] = (struct sheet_from){
			.name = in->plan->name,
			.src = in->source,
			.fans = in->fans,
			.nfans = in->nworkers,
		};
	}
	free(heard);
	return rc;
}

static int
make_outputs(struct run *r, struct err *err)
{
	r->outputs = outputs_new(
	    &(struct outputs_opts){
		.sinks = &r->sinks,
		.from = &r->sinks_from,
		.inputs = r->inputs,
		.ninputs = r->ninputs,
		.figures = r->from,
		.loop = &r->loop,
		.drain_ns = r->plan->drain_ns,
	    },
	    err);
	return r->outputs != NULL ? 0 : -ENOMEM;
}

/* The log is written by it, so that no thread may run yet. */
static void
start_ticking(struct run *r)
{
	if (r->plan->watch != NULL)
		mainloop_tick(&r->loop, r->plan->watch_ms);
	if (!progress_wanted(r->plan))
		return;
	progress_start(&r->progress, r->sources[0], clock_mono_ns());
	mainloop_tick(&r->loop, PROGRESS_MS);
}

static int
limit_inputs(const struct run *r, struct err *err)
{
	uint64_t fit = sinks_sessions(
	    &r->sinks, descriptors_left(r->fds), descriptors_per_sink(r->fds));
	uint64_t *want = calloc(r->ninputs, sizeof(*want));
	size_t n = 0;

	if (want == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < r->ninputs; i++)
		if (sources_has_limit(r->inputs[i].plan))
			want[n++] = r->inputs[i].plan->max_concurrent;
	descriptors_share(fit, want, n);
	n = 0;
	for (size_t i = 0; i < r->ninputs; i++)
		if (sources_has_limit(r->inputs[i].plan))
			sources_limit(
			    r->sources[i], r->inputs[i].plan, want[n++]);
	free(want);
	return 0;
}

static int
start_workers(struct run *r, struct err *err)
{
	const struct service_opts so = {
		.loop = &r->loop,
		.inputs = r->inputs,
		.ninputs = r->ninputs,
		.take = give_sheet,
		.self = r,
	};
	int rc;

	start_ticking(r);
	rc = service_open(&r->service, &so, err);
	if (rc == 0)
		rc = limit_inputs(r, err);
	for (size_t i = 0; rc == 0 && i < r->ninputs; i++)
		rc = input_run(&r->inputs[i], err);
	return rc;
}

/* Those that read the command line give -EINVAL and -EEXIST: it is wrong. */
static int
open_all(struct run *r, int *code, struct err *err)
{
	int rc = open_inputs(r, err);

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
	r->sinks_from = (struct sinks_from){ r->plan, r->sources, &r->env };
	rc = sinks_make(&r->sinks, &r->sinks_from, err);
	if (rc == -EINVAL || rc == -EEXIST)
		*code = RUN_USAGE;
	if (rc == 0)
		rc = attach_inputs(r, err);
	if (rc == 0)
		rc = make_outputs(r, err);
	return rc;
}

/* --- ending ------------------------------------------------------------ */

static void
join_workers(struct run *r)
{
	if (r->outputs != NULL)
		outputs_release(r->outputs);
	for (size_t i = 0; i < r->ninputs; i++)
		input_end(&r->inputs[i], r->stop_ns, r->is_told);
	for (size_t i = 0; i < r->ninputs; i++)
		input_join(&r->inputs[i]);
	progress_hide(&r->progress);
}

/* Without outputs no sink was made, or none has ever heard anything. */
static void
drain_sinks(struct run *r)
{
	int rc;

	if (r->outputs != NULL) {
		outputs_stop(r->outputs);
		rc = outputs_drain(r->outputs, r->stop_ns, r->is_told);
	} else {
		rc = drain_all(r->sinks.v, r->sinks.n, r->stop_ns, r->is_told);
	}
	if (rc != 0)
		r->deaf = true;
}

static bool
has_failed_source(const struct run *r)
{
	for (size_t i = 0; i < r->ninputs; i++) {
		const struct source *src = r->sources[i];

		if (src->ops->failed != NULL && src->ops->failed(src))
			return true;
	}
	return false;
}

static int
close_books(struct run *r)
{
	const struct plan *p = r->plan;
	struct err err = { "" };
	struct sheet sh;
	int code = RUN_OK;

	if (take_sheet(r, &sh) != 0)
		return RUN_FAIL;
	if (p->stats != NULL && strcmp(p->stats, "-") != 0 &&
	    sheet_write(&sh, p->stats, &err) != 0) {
		log_error("%s", err.text);
		code = RUN_FAIL;
	}
	if (!p->quiet || (p->stats != NULL && strcmp(p->stats, "-") == 0))
		sheet_print(&sh);
	if (p->watch != NULL && p->watch(p, &sh) != 0)
		code = RUN_FAIL;
	if (r->is_unwell || sheet_has_failure(&sh) || has_failed_source(r))
		code = RUN_FAIL;
	if (code == RUN_OK && p->strict && sheet_has_loss(&sh))
		code = RUN_LOSS;
	sheet_done(&sh);
	return code;
}

static void
free_all(struct run *r)
{
	for (size_t i = 0; i < r->ninputs; i++)
		input_free(&r->inputs[i]);
	sinks_free(&r->sinks);
	free(r->from);
	free(r->sources);
	free(r->inputs);
}

/* Something failed before traffic came: undo what was done. */
static void
abandon(struct run *r)
{
	mainloop_end(&r->loop);
	r->stop_ns = clock_mono_ns() + r->plan->drain_ns;
	/* The listeners' handles belong to the workers while these run. */
	join_workers(r);
	for (size_t i = 0; i < r->ninputs; i++)
		input_close(&r->inputs[i]);
	r->is_told = true;
	drain_sinks(r);
}

static void
announce(const struct run *r)
{
	const struct plan *p = r->plan;
	struct addr addrs[MAX_ADDRS];
	size_t n = 0;

	if (p->ready == NULL && p->quiet)
		return;
	for (size_t i = 0; i < r->ninputs; i++) {
		if (p->ready == NULL)
			sources_announce(r->sources[i], &p->sources[i]);
		else
			n += sources_addrs(r->sources[i], &p->sources[i],
			    addrs + n, MAX_ADDRS - n);
	}
	if (p->ready != NULL)
		p->ready(p, addrs, n);
}

/* Whoever connects there would wait for ever. */
static void
warn_of_leftovers(void)
{
	const char *left = inherit_left();

	if (left != NULL)
		log_warn("nothing listens on the descriptor \"%s\" that was "
			 "handed over",
		    left);
}

static int
carry_traffic(struct run *r)
{
	announce(r);
	warn_of_leftovers();
	for (size_t i = 0; i < r->ninputs; i++)
		input_start(&r->inputs[i]);
	service_ready(&r->service);
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
		.stdout_gone.deliver = deliver_gone,
	};
	struct err err = { "" };
	int code;

	clock_init();
	(void)setlocale(LC_CTYPE, ""); /* "C" if there is no such locale */
	(void)signal(SIGPIPE, SIG_IGN);
	r.fds = descriptors_raise();
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
	service_close(&r.service);
	mainloop_close(&r.loop);
	outputs_free(r.outputs);
	free_all(&r);
	service_free(&r.service);
	return code;
}
