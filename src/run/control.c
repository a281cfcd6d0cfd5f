#include <errno.h>

#include "base/err.h"
#include "config/plan.h"
#include "control/ports.h"
#include "control/roster.h"
#include "control/watch.h"
#include "run/control.h"
#include "run/mainloop.h"

int
control_open(struct control *c, const struct plan *p, struct err *err)
{
	int rc = manage_open(&c->manage, p, err);

	c->plan = p;
	return rc == 0 ? steer_open(&c->steer, p, err) : rc;
}

/* Nobody asks the lines' server for what was said before. */
static int
make_watch(struct control *c, struct mainloop *loop, struct err *err)
{
	const struct plan_control *pc = &c->plan->control;

	c->roster = roster_new();
	if (c->roster == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	c->watch = watch_new(
	    &(struct watch_opts){
		.history = pc->listen != NULL ? pc->history : 0,
		.history_total = pc->history_total,
		.box = &loop->box,
		.notes = roster_notes(c->roster),
	    },
	    err);
	return c->watch != NULL ? 0 : -ENOMEM;
}

int
control_make(struct control *c, struct mainloop *loop, struct err *err)
{
	int rc;

	if (!manage_is_wanted(&c->manage) && !steer_is_wanted(&c->steer))
		return 0;
	rc = make_watch(c, loop, err);
	if (rc == 0 && manage_is_wanted(&c->manage)) {
		c->ports = ports_new();
		if (c->ports == NULL)
			rc = err_set(err, -ENOMEM, "out of memory");
	}
	if (rc != 0 || !steer_is_wanted(&c->steer))
		return rc;
	return steer_make(&c->steer, loop, c->watch, c->roster, err);
}

struct sink *
control_sink(const struct control *c)
{
	return c->watch != NULL ? watch_sink(c->watch) : NULL;
}

size_t
control_descriptors(const struct control *c)
{
	return manage_descriptors(&c->manage) + steer_descriptors(&c->steer);
}

bool
control_wants_news(const struct control *c)
{
	return c->ports != NULL || steer_wants_news(&c->steer);
}

/* The HTTP API shows ports, but no figures of outputs by session. */
bool
control_wants_tallies(const struct control *c)
{
	return steer_wants_news(&c->steer);
}

void
control_tell(const struct control *c, const struct news *n)
{
	ports_tell(c->ports, n);
	steer_tell(&c->steer, n);
}

int
control_start(struct control *c, struct mainloop *loop,
    const struct manage_run *run, struct err *err)
{
	steer_serve(&c->steer, run->take_sheet, run->self);
	return manage_start(&c->manage, loop,
	    &(struct manage_parts){ run, c->watch, c->roster, c->ports }, err);
}

void
control_announce(struct control *c)
{
	manage_announce(&c->manage, c->plan->quiet);
	steer_started(&c->steer);
}

void
control_stopping(struct control *c)
{
	manage_stopping(&c->manage);
	steer_stopping(&c->steer);
}

void
control_close(struct control *c)
{
	manage_close(&c->manage);
	steer_close(&c->steer);
}

void
control_free(struct control *c)
{
	manage_free(&c->manage);
	steer_free(&c->steer);
	watch_free(c->watch);
	ports_free(c->ports);
	roster_free(c->roster);
	*c = (struct control){ .watch = NULL };
}
