#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "core/fanout.h"
#include "net/mail.h"
#include "net/worker.h"
#include "run/drain.h"
#include "run/errand.h"
#include "run/mainloop.h"
#include "run/outputs.h"
#include "run/outputs_gone.h"
#include "run/outputs_request.h"
#include "run/sandbox.h"
#include "run/sheet.h"
#include "run/sinks.h"
#include "run/tour.h"
#include "run/written.h"

/**
 * enum step - What is under way
 *
 * IDLE	Nothing.  The next request leaves it for MAKE or REMOVE.
 * MAKE	The thread makes a sink and its lanes.  ADD, or IDLE if it failed.
 * ADD	Letters to the workers; IDLE when all are back.
 * REMOVE	Likewise; DRAIN.
 * DRAIN	The thread drains the sink.  IDLE.
 * STOPPED	Letters that are still delivered do nothing.
 */
enum step {
	STEP_IDLE,
	STEP_MAKE,
	STEP_ADD,
	STEP_REMOVE,
	STEP_DRAIN,
	STEP_STOPPED,
};

/**
 * struct outputs - See outputs.h
 * @tour:	To the workers
 * @errand:	What takes its time
 * @waiting:	Requests, @nwaiting of them
 * @now:	What is under way
 * @kick:	"Look at the requests"; in the box while @kicked
 * @made:	MAKE, ADD: what has become of the sink
 * @sink:	Of the change; REMOVE, DRAIN: still among those of the run
 * @rc, @err:	What has become of the change
 * @deadline_ns: For what is removed
 * @gone:	Figures of those that are no more
 * @written:	Their files
 */
struct outputs {
	struct outputs_opts o;
	struct tour tour;
	struct errand errand;
	struct list waiting;
	size_t nwaiting;
	struct outputs_request *now;
	enum step step;
	struct mail kick;
	bool kicked;
	struct sinks_made made;
	struct sink *sink;
	int rc;
	struct err err;
	uint64_t deadline_ns;
	struct outputs_gone gone;
	struct written written;
};

static void
set_step(struct outputs *o, enum step to)
{
	static const unsigned leads_to[] = {
		[STEP_IDLE] = 1U << STEP_MAKE | 1U << STEP_REMOVE,
		[STEP_MAKE] = 1U << STEP_ADD | 1U << STEP_IDLE,
		[STEP_ADD] = 1U << STEP_IDLE,
		[STEP_REMOVE] = 1U << STEP_DRAIN,
		[STEP_DRAIN] = 1U << STEP_IDLE,
		[STEP_STOPPED] = 0,
	};

	assert(to == STEP_STOPPED || (leads_to[o->step] & 1U << to) != 0);
	o->step = to;
}

/* --- requests ---------------------------------------------------------- */

static void
kick(struct outputs *o)
{
	if (o->kicked)
		return;
	o->kicked = true;
	mainloop_send(o->o.loop, &o->kick);
}

/* The change is over: tell, and on to the next. */
static void
conclude(struct outputs *o, int rc, const char *text)
{
	struct outputs_request *r = o->now;

	o->now = NULL;
	kick(o);
	r->done(r->self, rc, text);
	outputs_request_free(r);
}

/* NULL: nothing can be asked for now, for the reason @rc. */
static struct outputs_request *
ask(struct outputs *o, enum outputs_what what, outputs_done *done, void *self,
    int *rc)
{
	struct outputs_request *r = NULL;

	*rc = o->step == STEP_STOPPED ? -ESHUTDOWN : -EAGAIN;
	if (o->step == STEP_STOPPED || o->nwaiting == OUTPUTS_WAITING)
		return NULL;
	*rc = -ENOMEM;
	r = outputs_request_new(what, done, self);
	if (r == NULL)
		return NULL;
	*rc = 0;
	list_append(&o->waiting, &r->node);
	o->nwaiting++;
	kick(o);
	return r;
}

int
outputs_add(
    struct outputs *o, struct sink_spec *spec, outputs_done *done, void *self)
{
	int rc;
	struct outputs_request *r = ask(o, OUTPUTS_WHAT_ADD, done, self, &rc);

	if (r != NULL)
		r->spec = *spec;
	else
		sink_spec_done(spec);
	*spec = (struct sink_spec){ .kind = NULL };
	return rc;
}

int
outputs_add_text(
    struct outputs *o, const char *text, outputs_done *done, void *self)
{
	int rc;
	struct outputs_request *r = ask(o, OUTPUTS_WHAT_ADD, done, self, &rc);

	if (r != NULL)
		outputs_request_read(r, text);
	return rc;
}

/* A change to the output @name. */
static int
ask_about(struct outputs *o, enum outputs_what what, const char *name,
    outputs_done *done, void *self)
{
	int rc;
	struct outputs_request *r = ask(o, what, done, self, &rc);

	if (r != NULL)
		outputs_request_name(r, name);
	return rc;
}

int
outputs_remove(
    struct outputs *o, const char *name, outputs_done *done, void *self)
{
	return ask_about(o, OUTPUTS_WHAT_REMOVE, name, done, self);
}

int
outputs_rotate(
    struct outputs *o, const char *name, outputs_done *done, void *self)
{
	return ask_about(o, OUTPUTS_WHAT_ROTATE, name, done, self);
}

/* --- adding ------------------------------------------------------------ */

/* The lanes that have been made, and the sink. */
static void
unmake(struct outputs *o)
{
	for (size_t i = 0; i < o->tour.n; i++) {
		struct tour_stop *stop = &o->tour.stop[i];

		if (stop->prepared)
			fanout_forget(stop->fan, o->made.sink);
		stop->prepared = false;
	}
	sinks_made_done(&o->made);
}

static void
prepare(struct outputs *o, struct tour_stop *stop)
{
	o->rc = fanout_prepare(stop->fan, o->made.sink, stop->worker, &o->err);
	stop->prepared = o->rc == 0;
	if (o->rc != 0)
		err_prefix(&o->err, "%s: ", o->now->name);
}

/* On a thread of its own. */
static void
make(void *self)
{
	struct outputs *o = self;
	struct outputs_request *r = o->now;

	o->rc = sinks_make_one(&o->made, r->name, o->o.from, &r->spec, &o->err);
	for (size_t i = 0; i < o->tour.n && o->rc == 0; i++)
		if (o->tour.stop[i].takes_part)
			prepare(o, &o->tour.stop[i]);
	if (o->rc != 0)
		unmake(o);
}

static bool
has_stdout(const struct outputs *o)
{
	for (size_t i = 0; i < o->o.sinks->n; i++)
		if (o->o.sinks->made[i].is_stdout)
			return true;
	return false;
}

/* What one that lives is writing is not to be touched by another. */
static enum sink_past
past_of(const struct outputs *o, const struct sink_spec *spec)
{
	for (size_t i = 0; i < o->o.sinks->n; i++)
		if (strcmp(o->o.sinks->made[i].arg, spec->arg) == 0)
			return SINK_PAST_NONE;
	return written_past(&o->written, spec);
}

static int
check_addition(struct outputs *o, struct outputs_request *r)
{
	int rc;

	if (sinks_is_stdout(&r->spec) && has_stdout(o))
		return err_set(&r->err, -EBUSY,
		    "another output goes to standard output already");
	rc = sandbox_check(o->o.sandbox, &r->spec, &r->err);
	if (rc != 0)
		return rc;
	rc = sinks_reserve(o->o.sinks);
	if (rc != 0)
		return err_set(&r->err, rc, "out of memory");
	return sinks_choose_name(o->o.sinks, &r->spec, &r->name, &r->err);
}

/* On the worker's thread, as all visits. */
static bool
visit_to_add(void *self, struct tour_stop *stop)
{
	struct outputs *o = self;

	fanout_add(stop->fan, o->sink);
	return true;
}

static void
end_adding(void *self)
{
	struct outputs *o = self;

	sinks_append(o->o.sinks, &o->made);
	set_step(o, STEP_IDLE);
	conclude(o, 0, o->sink->name);
}

static void
end_making(void *self)
{
	struct outputs *o = self;

	if (o->rc != 0) {
		set_step(o, STEP_IDLE);
		conclude(o, o->rc, o->err.text);
		return;
	}
	o->sink = o->made.sink;
	set_step(o, STEP_ADD);
	tour_start(&o->tour, visit_to_add, end_adding, o);
}

static void
start_adding(struct outputs *o, struct outputs_request *r)
{
	int rc = check_addition(o, r);

	if (rc != 0) {
		conclude(o, rc, r->err.text);
		return;
	}
	for (size_t i = 0; i < o->tour.n; i++) {
		struct tour_stop *stop = &o->tour.stop[i];

		stop->takes_part = sink_spec_hears(&r->spec, stop->input);
		stop->prepared = false;
	}
	r->spec.past = past_of(o, &r->spec);
	o->err.text[0] = '\0';
	o->rc = 0;
	set_step(o, STEP_MAKE);
	errand_start(&o->errand, o->o.loop, make, end_making, o);
}

/* --- removing ---------------------------------------------------------- */

/* What is kept of the output @name; NULL: there is none. */
static struct sinks_made *
find(const struct outputs *o, const char *name)
{
	const struct sinks *sinks = o->o.sinks;

	for (size_t i = 0; i < sinks->n; i++)
		if (strcmp(sinks->v[i]->name, name) == 0)
			return &sinks->made[i];
	return NULL;
}

static void
conclude_unknown(struct outputs *o, struct outputs_request *r)
{
	int rc =
	    err_set(&r->err, -ENOENT, "there is no output \"%.64s\"", r->name);

	conclude(o, rc, r->err.text);
}

static void
conclude_stuck(struct outputs *o)
{
	struct outputs_request *r = o->now;

	(void)err_set(&r->err, -EBUSY,
	    "%.64s hangs in the system: it stays until the program ends",
	    r->name);
	conclude(o, -EBUSY, r->err.text);
}

/* Its figures are final: keep them, and what it has written to. */
static void
forget(struct outputs *o)
{
	const struct sinks_made *m = find(o, o->sink->name);
	struct sheet sh;

	assert(m != NULL);
	written_add(&o->written, m->kind, m->arg);

	if (sheet_take(&sh, o->o.figures, o->o.ninputs, &o->sink, 1) == 0) {
		outputs_gone_add(&o->gone, &sh.sinks[0]);
		sheet_done(&sh);
	}
	for (size_t i = 0; i < o->tour.n; i++)
		if (o->tour.stop[i].takes_part)
			fanout_forget(o->tour.stop[i].fan, o->sink);
	sinks_take_out(o->o.sinks, o->sink);
	o->sink = NULL;
}

/* Drained; or a thread was left behind, and nothing of it may be freed. */
static void
settle_drained(struct outputs *o)
{
	struct sinks_made *m = find(o, o->sink->name);

	assert(m != NULL);
	if (o->rc == 0)
		forget(o);
	else
		m->is_stuck = true;
}

static void
end_draining(void *self)
{
	struct outputs *o = self;

	settle_drained(o);
	set_step(o, STEP_IDLE);
	if (o->rc == 0)
		conclude(o, 0, o->now->name);
	else
		conclude_stuck(o);
}

static void
drain(void *self)
{
	struct outputs *o = self;

	if (o->sink->ops->drain != NULL)
		o->rc = o->sink->ops->drain(o->sink, o->deadline_ns);
}

static void
end_removing(void *self)
{
	struct outputs *o = self;

	o->rc = 0;
	set_step(o, STEP_DRAIN);
	errand_start(&o->errand, o->o.loop, drain, end_draining, o);
}

static void
on_left(void *self)
{
	tour_back(self);
}

static bool
visit_to_remove(void *self, struct tour_stop *stop)
{
	struct outputs *o = self;

	fanout_remove(stop->fan, o->sink, o->deadline_ns, on_left, stop);
	/* Who waited for room in it waits for nothing now. */
	worker_room(stop->worker);
	worker_touch(stop->worker);
	return false;
}

static void
start_removing(struct outputs *o, struct outputs_request *r)
{
	const struct sinks_made *m = find(o, r->name);

	if (m == NULL) {
		conclude_unknown(o, r);
		return;
	}
	if (m->is_stuck) {
		conclude_stuck(o);
		return;
	}
	o->sink = m->sink;
	for (size_t i = 0; i < o->tour.n; i++) {
		struct tour_stop *stop = &o->tour.stop[i];

		stop->takes_part = fanout_lane_of(stop->fan, o->sink) != NULL;
	}
	o->deadline_ns = clock_mono_ns() + o->o.drain_ns;
	set_step(o, STEP_REMOVE);
	tour_start(&o->tour, visit_to_remove, end_removing, o);
}

/* --- what comes next --------------------------------------------------- */

static void
rotate(struct outputs *o, struct outputs_request *r)
{
	const struct sinks_made *m = find(o, r->name);

	if (m == NULL) {
		conclude_unknown(o, r);
	} else if (m->sink->ops->reopen == NULL) {
		(void)err_set(&r->err, -ENOTSUP,
		    "%.64s writes no files that could be begun anew", r->name);
		conclude(o, -ENOTSUP, r->err.text);
	} else {
		m->sink->ops->reopen(m->sink);
		conclude(o, 0, r->name);
	}
}

static void
deliver_kick(struct mail *m)
{
	struct outputs *o = ATTR_CONTAINER(m, struct outputs, kick);
	struct list *node;
	struct outputs_request *r;

	o->kicked = false;
	if (o->step == STEP_STOPPED || o->now != NULL)
		return;
	node = list_shift(&o->waiting);
	if (node == NULL)
		return;
	o->nwaiting--;
	r = LIST_ENTRY(node, struct outputs_request, node);
	o->now = r;
	switch (r->what) {
	case OUTPUTS_WHAT_FAILED:
		conclude(o, r->rc, r->err.text);
		break;
	case OUTPUTS_WHAT_ADD:
		start_adding(o, r);
		break;
	case OUTPUTS_WHAT_REMOVE:
		start_removing(o, r);
		break;
	case OUTPUTS_WHAT_ROTATE:
		rotate(o, r);
		break;
	}
}

/* --- life -------------------------------------------------------------- */

struct outputs *
outputs_new(const struct outputs_opts *opts, struct err *err)
{
	struct outputs *o = calloc(1, sizeof(*o));

	if (o == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (tour_init(&o->tour, opts->inputs, opts->ninputs, opts->loop, err) !=
	    0) {
		free(o);
		return NULL;
	}
	o->o = *opts;
	o->kick.deliver = deliver_kick;
	list_init(&o->waiting);
	return o;
}

enum outputs_state
outputs_state(const struct outputs *o, size_t i)
{
	const struct sinks_made *m = &o->o.sinks->made[i];
	bool removing = o->step == STEP_REMOVE || o->step == STEP_DRAIN;

	if (m->is_stuck)
		return OUTPUTS_STUCK;
	return removing && o->sink == m->sink ? OUTPUTS_LEAVING : OUTPUTS_HERE;
}

int
outputs_complete(const struct outputs *o, struct sheet *sh)
{
	return outputs_gone_complete(&o->gone, sh);
}

/* Whatever is half done becomes one of the two: a sink of the run, or none. */
void
outputs_stop(struct outputs *o)
{
	struct list *node;

	errand_wait(&o->errand);
	tour_end(&o->tour);
	switch (o->step) {
	case STEP_MAKE:
		if (o->rc == 0)
			sinks_append(o->o.sinks, &o->made);
		break;
	case STEP_ADD:
		sinks_append(o->o.sinks, &o->made);
		break;
	case STEP_DRAIN:
		settle_drained(o);
		break;
	case STEP_REMOVE: /* drained with all the others */
	case STEP_IDLE:
	case STEP_STOPPED:
		break;
	}
	set_step(o, STEP_STOPPED);
	while ((node = list_shift(&o->waiting)) != NULL)
		outputs_request_free(
		    LIST_ENTRY(node, struct outputs_request, node));
	if (o->now != NULL)
		outputs_request_free(o->now);
	o->now = NULL;
}

int
outputs_drain(struct outputs *o, uint64_t deadline_ns, bool is_told)
{
	const struct sinks *sinks = o->o.sinks;
	struct sink **v = calloc(sinks->n + 1, sizeof(struct sink *));
	size_t n = 0;
	int rc;

	assert(o->step == STEP_STOPPED);
	for (size_t i = 0; v != NULL && i < sinks->n; i++)
		if (!sinks->made[i].is_stuck)
			v[n++] = sinks->v[i];
	/* Without memory: as if all of them hung. */
	rc = v != NULL ? drain_all(v, n, deadline_ns, is_told) : -ETIMEDOUT;
	free(v);
	for (size_t i = 0; i < sinks->n; i++)
		if (sinks->made[i].is_stuck)
			rc = -ETIMEDOUT;
	return rc;
}

void
outputs_free(struct outputs *o)
{
	if (o == NULL)
		return;
	outputs_gone_done(&o->gone);
	written_done(&o->written);
	tour_done(&o->tour);
	free(o);
}
