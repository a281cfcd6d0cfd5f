#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/plan.h"
#include "net/worker.h"
#include "run/input.h"
#include "run/mainloop.h"
#include "run/tour.h"

void
tour_back(struct tour_stop *stop)
{
	mainloop_send(stop->tour->loop, &stop->back);
}

/* On the worker's thread. */
static void
deliver_go(struct mail *m)
{
	struct tour_stop *stop = ATTR_CONTAINER(m, struct tour_stop, go);
	struct tour *t = stop->tour;

	if (t->visit(t->self, stop))
		tour_back(stop);
}

static void
deliver_back(struct mail *m)
{
	struct tour *t = ATTR_CONTAINER(m, struct tour_stop, back)->tour;

	if (!t->ended && --t->away == 0)
		t->over(t->self);
}

static void
add_stops(struct tour *t, const struct input *in)
{
	for (size_t i = 0; i < in->nworkers; i++)
		t->stop[t->n++] = (struct tour_stop){
			.tour = t,
			.input = in->plan->name,
			.worker = in->workers[i],
			.fan = in->fans[i],
			.go.deliver = deliver_go,
			.back.deliver = deliver_back,
		};
}

int
tour_init(struct tour *t, const struct input *inputs, size_t n,
    struct mainloop *loop, struct err *err)
{
	size_t stops = 0;

	*t = (struct tour){ .loop = loop };
	for (size_t i = 0; i < n; i++)
		stops += inputs[i].nworkers;
	t->stop = calloc(stops + 1, sizeof(*t->stop));
	if (t->stop == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		add_stops(t, &inputs[i]);
	return 0;
}

void
tour_done(struct tour *t)
{
	free(t->stop);
	*t = (struct tour){ .stop = NULL };
}

void
tour_start(
    struct tour *t, tour_visit *visit, void (*over)(void *self), void *self)
{
	assert(t->away == 0 && !t->ended);
	t->visit = visit;
	t->over = over;
	t->self = self;
	for (size_t i = 0; i < t->n; i++)
		t->away += t->stop[i].takes_part;
	assert(t->away > 0);
	for (size_t i = 0; i < t->n; i++)
		if (t->stop[i].takes_part)
			worker_post(t->stop[i].worker, &t->stop[i].go);
}

void
tour_end(struct tour *t)
{
	t->ended = true;
}
