#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "core/source.h"
#include "net/inherit.h"
#include "run/announce.h"
#include "run/become.h"
#include "run/control.h"
#include "run/descriptors.h"
#include "run/drain.h"
#include "run/input.h"
#include "run/limits.h"
#include "run/mainloop.h"
#include "run/outputs.h"
#include "run/progress.h"
#include "run/reload.h"
#include "run/run.h"
#include "run/sandbox.h"
#include "run/service.h"
#include "run/sheet.h"
#include "run/sinks.h"
#include "run/sources.h"
#include "run/terminal.h"

/*
 * How a run goes.  The order matters:
 *
 *	inputs		listeners, captures need privileges; no thread yet
 *	control		its listener likewise
 *	user		given up before any output is opened
 *	background	fork before any thread
 *	log file	from here on
 *	sandbox		for good: what is opened later lies within it
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

/**
 * struct run - All that is made for a plan
 * @inputs:	@ninputs opened ones, in the order of the plan, which has room
 *		for them
 * @sources:	Their sources
 * @from:	Where their figures are
 * @sinks_from:	What sinks are made from, with @env
 * @sandbox:	What is left to us
 * @outputs:	The sinks as they come and go; NULL: not that far yet
 * @reload:	What SIGHUP changes; NULL: there is no configuration
 * @control:	Who watches it, and may steer it
 * @fds:	Descriptors this process may have, and who gets them
 * @fit:	Sessions that fit into those left at start
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
	struct sandbox sandbox;
	struct outputs *outputs;
	struct reload *reload;
	struct limits_fds fds;
	uint64_t fit;
	struct mainloop loop;
	struct control control;
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

static void
on_tell(void *self, const struct news *n)
{
	const struct run *r = self;

	control_tell(&r->control, n);
}

static struct sink_env
sink_env(struct run *r)
{
	return (struct sink_env){
		.overwrite = r->plan->overwrite,
		.utf8 = terminal_has_utf8(),
		.color = terminal_wants_color(r->plan->color),
		.only = r->plan->only,
		.start_ns = clock_start_ns(),
		.notice = on_notice,
		.remark = on_remark,
		.stdout_gone = on_stdout_gone,
		.tell = control_wants_news(&r->control) ? on_tell : NULL,
		.tallies = control_wants_tallies(&r->control),
		.self = r,
		.max_open = r->fds.files,
		.max_linger = r->fds.lingering,
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
	control_stopping(&r->control);
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
	if (count_state(r, INPUT_OVER) != r->ninputs)
		return;
	control_close(&r->control);
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

/* What is about to go begins no file that would stay empty. */
static bool
reopens(const struct run *r, size_t i)
{
	const struct sink *sink = r->sinks.v[i];

	return sink->ops->reopen != NULL &&
	       outputs_state(r->outputs, i) == OUTPUTS_HERE &&
	       (r->reload == NULL || !reload_removes(r->reload, sink->name));
}

/* SIGHUP: what the configuration says now, and all files by their names. */
static void
reopen_all(void *self)
{
	struct run *r = self;
	bool rereads = r->reload != NULL && !r->stopping;
	struct err err = { "" };

	service_reloading(&r->service);
	if (log_reopen_file(&err) != 0)
		log_error("%s", err.text);
	if (rereads)
		reload_now(r->reload);
	for (size_t i = 0; i < r->sinks.n; i++)
		if (reopens(r, i))
			r->sinks.v[i]->ops->reopen(r->sinks.v[i]);
	if (!rereads)
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

static int
on_sheet(void *self, struct sheet *sh)
{
	return take_sheet(self, sh);
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
	.reopen = reopen_all,
	.show = show_sheet,
	.tick = on_tick,
};

/* --- making ------------------------------------------------------------ */

static int
open_inputs(struct run *r, struct err *err)
{
	const struct plan *p = r->plan;
	const struct input_opts o = {
		.pipes = r->fds.pipes,
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

static int
attach_inputs(struct run *r, struct err *err)
{
	struct sink **heard = calloc(r->sinks.n + 2, sizeof(struct sink *));
	struct sink *watch = control_sink(&r->control);
	int rc = 0;

	if (heard == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < r->ninputs; i++) {
		struct input *in = &r->inputs[i];
		size_t n =
		    sinks_heard_by(&r->sinks, r->plan, in->plan->name, heard);

		if (watch != NULL)
			heard[n++] = watch;
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
		.sandbox = &r->sandbox,
	    },
	    err);
	return r->outputs != NULL ? 0 : -ENOMEM;
}

static void
on_control_drain(void *self)
{
	begin_stop(self, true);
}

static int
start_control(struct run *r, struct err *err)
{
	return control_start(&r->control, &r->loop,
	    &(struct manage_run){
		.plan = r->plan,
		.inputs = r->inputs,
		.ninputs = r->ninputs,
		.sinks = &r->sinks,
		.outputs = r->outputs,
		.take_sheet = on_sheet,
		.drain = on_control_drain,
		.self = r,
	    },
	    err);
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

static void
limit_again(void *self, const struct plan *fresh)
{
	const struct run *r = self;

	if (limits_change(r->inputs, r->ninputs, r->fit, fresh) != 0)
		log_error("no memory: limits stay as they are");
}

static void
on_reloaded(void *self)
{
	struct run *r = self;

	service_ready(&r->service);
}

static int
make_reload(struct run *r, struct err *err)
{
	if (r->plan->reread == NULL)
		return 0;
	r->reload = reload_new(
	    &(struct reload_opts){
		.plan = r->plan,
		.outputs = r->outputs,
		.sinks = &r->sinks,
		.limit = limit_again,
		.done = on_reloaded,
		.self = r,
	    },
	    err);
	return r->reload != NULL ? 0 : -ENOMEM;
}

static int
start_workers(struct run *r, struct err *err)
{
	const struct service_opts so = {
		.loop = &r->loop,
		.inputs = r->inputs,
		.ninputs = r->ninputs,
		.take = on_sheet,
		.self = r,
	};
	size_t left = descriptors_left(r->fds.all);
	size_t other = control_descriptors(&r->control) + r->fds.for_pipes;
	int rc = service_open(&r->service, &so, err);

	if (rc != 0)
		return rc;
	start_ticking(r);
	r->fit =
	    sinks_sessions(&r->sinks, left > other ? left - other : 0, &r->fds);
	rc = limits_set(r->inputs, r->ninputs, r->fit, err);
	for (size_t i = 0; rc == 0 && i < r->ninputs; i++)
		rc = input_run(&r->inputs[i], err);
	return rc;
}

/* Those that read the command line give -EINVAL and -EEXIST: it is wrong. */
static int
open_all(struct run *r, int *code, struct err *err)
{
	int rc = open_inputs(r, err);

	if (rc == 0)
		rc = control_open(&r->control, r->plan, err);
	*code = rc == -EINVAL ? RUN_USAGE : RUN_FAIL;
	if (rc == 0)
		rc = become_run(r->plan, err);
	if (rc == 0)
		rc = sandbox_enter(&r->sandbox, r->plan, err);
	if (rc == 0)
		rc = mainloop_open(&r->loop, &loop_ops, r, err);
	if (rc == 0)
		rc = control_make(&r->control, &r->loop, err);
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
	if (rc == 0)
		rc = make_reload(r, err);
	if (rc == 0)
		rc = start_control(r, err);
	return rc;
}

/* --- ending ------------------------------------------------------------ */

static void
join_workers(struct run *r)
{
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
	control_close(&r->control);
	mainloop_end(&r->loop);
	/* Nothing was heard: no sink has anything to send, or to wait for. */
	r->is_told = true;
	r->stop_ns = clock_mono_ns();
	/* The listeners' handles belong to the workers while these run. */
	join_workers(r);
	for (size_t i = 0; i < r->ninputs; i++)
		input_close(&r->inputs[i]);
	/* Files have their heads. */
	r->stop_ns += r->plan->drain_ns;
	drain_sinks(r);
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
	announce_run(r->plan, r->sources);
	warn_of_leftovers();
	control_announce(&r->control);
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
		.sandbox.self = -1,
	};
	struct err err = { "" };
	int code;

	clock_init();
	(void)setlocale(LC_CTYPE, ""); /* "C" if there is no such locale */
	(void)signal(SIGPIPE, SIG_IGN);
	limits_share(&r.fds, p, descriptors_raise());
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
	reload_free(r.reload);
	outputs_free(r.outputs);
	free_all(&r);
	control_free(&r.control);
	sandbox_done(&r.sandbox);
	service_free(&r.service);
	return code;
}
