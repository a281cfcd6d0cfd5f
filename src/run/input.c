#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "core/fanout.h"
#include "net/worker.h"
#include "run/input.h"
#include "run/mainloop.h"
#include "run/sources.h"

static void
set_state(struct input *in, enum input_state to)
{
	assert(to == in->state + 1);
	log_debug(
	    "input %s: %d to %d", in->plan->name, (int)in->state, (int)to);
	in->state = to;
}

/* --- what the source tells, on its own threads ------------------------- */

static void
on_finished(void *self)
{
	struct input *in = self;

	mainloop_send(in->opts.loop, &in->finished);
}

static void
on_stopped(void *self)
{
	struct input *in = self;

	mainloop_send(in->opts.loop, &in->stopped);
}

static void
on_trouble(void *self, const char *text)
{
	(void)self;
	log_error("%s", text);
}

/* --- and what comes of it on the main thread --------------------------- */

static void
deliver_finished(struct mail *m)
{
	struct input *in = ATTR_CONTAINER(m, struct input, finished);

	/* It may have been told to stop while the letter was under way. */
	if (in->state == INPUT_HEARS)
		in->opts.finished(in->opts.self, in);
}

static void
deliver_stopped(struct mail *m)
{
	struct input *in = ATTR_CONTAINER(m, struct input, stopped);

	/* Whoever is told at the end of a turn gets it before this is over. */
	in->turning = in->nworkers;
	for (size_t i = 0; i < in->nworkers; i++)
		worker_post(in->workers[i], &in->lives[i].turn);
}

/* On the worker's thread. */
static void
deliver_turn(struct mail *m)
{
	struct input_life *e = ATTR_CONTAINER(m, struct input_life, turn);

	/* When it wants the next one the worker asks for itself. */
	(void)fanout_turn(e->fan, clock_mono_ns());
	mainloop_send(e->input->opts.loop, &e->turned);
}

static void
deliver_turned(struct mail *m)
{
	struct input_life *e = ATTR_CONTAINER(m, struct input_life, turned);
	struct input *in = e->input;

	if (--in->turning > 0)
		return;
	set_state(in, INPUT_OVER);
	in->opts.over(in->opts.self, in);
}

/* --- making ------------------------------------------------------------ */

int
input_open(struct input *in, const struct plan_source *plan,
    const struct input_opts *o, struct err *err)
{
	const struct sources_opts so = {
		.pipes = o->pipes,
		.names = o->names,
		.numbers = o->numbers,
		.events = {
			.finished = on_finished,
			.stopped = on_stopped,
			.trouble = on_trouble,
			.self = in,
		},
	};
	int code = 0;

	*in = (struct input){
		.plan = plan,
		.state = INPUT_NEW,
		.opts = *o,
		.finished.deliver = deliver_finished,
		.stopped.deliver = deliver_stopped,
	};
	in->source = sources_open(plan, &so, &code, err);
	return in->source != NULL ? 0 : code;
}

static void
on_worker_begins(void *self)
{
	const struct input_life *e = self;

	fanout_start(e->fan);
}

/* No session is left on this worker: its sinks send what they have. */
static void
on_worker_ends(void *self)
{
	const struct input_life *e = self;

	fanout_finish(e->fan, e->input->deadline_ns, e->input->is_told);
}

/* Somebody wants it ended: control. */
static void
on_end_session(void *self, struct session *s)
{
	struct source *src = self;

	src->ops->end_session(src, s);
}

static int
make_worker(
    struct input *in, struct sink *const *sinks, size_t n, struct err *err)
{
	size_t i = in->nworkers;

	in->workers[i] = worker_new((unsigned)i, err);
	if (in->workers[i] == NULL)
		return -EIO;
	in->nworkers++;
	in->fans[i] = fanout_new(sinks, n, in->workers[i], err);
	if (in->fans[i] == NULL)
		return -EIO;
	fanout_set_end(in->fans[i], on_end_session, in->source);
	in->lives[i] = (struct input_life){
		.input = in,
		.fan = in->fans[i],
		.turn.deliver = deliver_turn,
		.turned.deliver = deliver_turned,
	};
	worker_set_begin(in->workers[i], on_worker_begins, &in->lives[i]);
	worker_set_finish(in->workers[i], on_worker_ends, &in->lives[i]);
	return 0;
}

int
input_attach(
    struct input *in, struct sink *const *sinks, size_t n, struct err *err)
{
	size_t nworkers = sources_workers(in->plan);
	int rc = 0;

	in->workers = calloc(nworkers, sizeof(struct worker *));
	in->fans = calloc(nworkers, sizeof(struct fanout *));
	in->lives = calloc(nworkers, sizeof(struct input_life));
	if (in->workers == NULL || in->fans == NULL || in->lives == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	while (rc == 0 && in->nworkers < nworkers)
		rc = make_worker(in, sinks, n, err);
	if (rc != 0)
		return rc;
	return in->source->ops->attach(
	    in->source, in->workers, in->fans, nworkers, err);
}

int
input_run(struct input *in, struct err *err)
{
	for (size_t i = 0; i < in->nworkers; i++) {
		int rc = worker_start(in->workers[i], err);

		if (rc != 0)
			return rc;
		in->nstarted++;
	}
	return 0;
}

void
input_start(struct input *in)
{
	set_state(in, INPUT_HEARS);
	in->source->ops->start(in->source);
}

/* --- ending ------------------------------------------------------------ */

void
input_stop(struct input *in, uint64_t linger_ns)
{
	if (in->state != INPUT_HEARS)
		return;
	set_state(in, INPUT_STOPS);
	in->source->ops->stop(in->source, linger_ns);
}

void
input_end(struct input *in, uint64_t deadline_ns, bool is_told)
{
	assert(in->state == INPUT_NEW || in->state == INPUT_OVER);
	in->deadline_ns = deadline_ns;
	in->is_told = is_told;
	for (size_t i = 0; i < in->nstarted; i++)
		worker_stop(in->workers[i]);
}

void
input_join(struct input *in)
{
	for (size_t i = 0; i < in->nstarted; i++)
		worker_join(in->workers[i]);
}

void
input_close(struct input *in)
{
	assert(in->state == INPUT_NEW);
	if (in->source != NULL)
		in->source->ops->close(in->source);
}

void
input_free(struct input *in)
{
	for (size_t i = 0; i < in->nworkers; i++)
		worker_free(in->workers[i]);
	if (in->source != NULL)
		in->source->ops->free(in->source);
	for (size_t i = 0; i < in->nworkers; i++)
		fanout_free(in->fans[i]);
	free(in->lives);
	free(in->fans);
	free(in->workers);
	*in = (struct input){ .state = INPUT_NEW };
}
