#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "net/socket.h"
#include "net/worker.h"

#include "sink/outcall.h"

/*
 * A call is in one place at a time: among those that pause, among the waiters
 * of the resolver, or in a dial.  What comes at once is a pause of no length,
 * so that every try is made from the turn and nobody is called back too
 * early.
 */

int
outcall_target_init(struct outcall_target *t, const struct outcall_opts *o,
    struct worker *w, struct err *err)
{
	int rc;

	assert(o->retry_ns > 0);
	*t = (struct outcall_target){ .o = *o, .worker = w };
	deadline_queue_init(&t->pauses, o->retry_ns);
	list_init(&t->calls);
	rc = resolve_init(&t->resolve, o->endpoint, worker_loop(w), err);
	return rc;
}

void
outcall_init(struct outcall *c, struct outcall_target *t)
{
	*c = (struct outcall){ .target = t };
	list_init(&c->node);
	list_init(&c->waiter.node);
	list_init(&c->pause.node);
}

bool
outcall_is_on(const struct outcall *c)
{
	return !list_is_empty(&c->node);
}

static void
leave(struct outcall *c)
{
	if (c->entered)
		own_leave(&c->own);
	c->entered = false;
}

/* Longest words about a target: its name, and the sink's. */
#define WORDS_MAX 512

static void
tell(struct outcall_target *t, int error)
{
	char text[ADDR_TEXT_MAX], words[WORDS_MAX];

	if (t->is_absent || t->o.tell == NULL)
		return;
	t->is_absent = true;
	(void)snprintf(words, sizeof(words), "%.64s: %s does not answer: %s",
	    t->o.name, endpoint_format(t->o.endpoint, text), strerror(-error));
	t->o.tell(t->o.tell_self, words);
}

/* The entry stays as long as the connection may live: until cancelled. */
static void
answered(struct outcall *c, int fd, const struct addr *to)
{
	socket_tune(fd, to);
	list_remove(&c->node);
	c->tried = 0;
	c->target->is_absent = false;
	c->answered(c->self, fd);
}

static void
failed(struct outcall *c, int error)
{
	const struct outcall_opts *o = &c->target->o;

	leave(c);
	tell(c->target, error);
	if (o->tries > 0 && ++c->tried >= o->tries) {
		c->tried = 0;
		list_remove(&c->node);
		c->failed(c->self, error);
		return;
	}
	deadline_arm(&c->target->pauses, &c->pause, clock_mono_ns());
	worker_touch(c->target->worker);
}

static void
on_bound(void *self, const struct addr *local, const struct addr *remote)
{
	struct outcall *c = self;

	leave(c);
	if (local->family == AF_UNIX)
		return;
	c->own.local = *local;
	c->own.remote = *remote;
	own_enter(&c->own);
	c->entered = true;
}

static void
on_dialled(void *self, int fd, const struct addr *to)
{
	struct outcall *c = self;

	c->dial = NULL;
	if (fd >= 0)
		answered(c, fd, to);
	else
		failed(c, fd);
}

static void
dial(struct outcall *c)
{
	struct outcall_target *t = c->target;
	struct dial_opts o = {
		.addrs = t->resolve.addrs,
		.naddrs = t->resolve.naddrs,
		.timeout_ns = t->o.timeout_ns,
		.bound = t->o.own ? on_bound : NULL,
		.bound_self = c,
	};
	struct addr to;
	int fd = dial_start(&c->dial, worker_loop(t->worker), &o, &to);

	if (fd == -EINPROGRESS)
		dial_on_done(c->dial, on_dialled, c);
	else
		on_dialled(c, fd, &to);
}

static void
on_resolved(struct resolve_waiter *w, int rc)
{
	struct outcall *c = ATTR_CONTAINER(w, struct outcall, waiter);

	/* A name that was there at start and is gone now may come back. */
	if (rc != 0)
		failed(c, -EHOSTUNREACH);
	else
		dial(c);
}

static void
try_now(struct outcall *c)
{
	struct resolve *r = &c->target->resolve;
	int rc;

	if (resolve_now(r)) {
		dial(c);
		return;
	}
	c->waiter.done = on_resolved;
	rc = resolve_wait(r, &c->waiter);
	if (rc != 0)
		failed(c, rc);
}

void
outcall_start(struct outcall *c, bool at_once)
{
	struct outcall_target *t = c->target;

	assert(!outcall_is_on(c));
	if (t->stopped)
		return;
	list_append(&t->calls, &c->node);
	deadline_arm(&t->pauses, &c->pause, clock_mono_ns());
	if (at_once) { /* to the head: all the others wait longer */
		list_remove(&c->pause.node);
		c->pause.at_ns = 0;
		list_append(t->pauses.waiting.next, &c->pause.node);
	}
	worker_touch(t->worker);
}

void
outcall_cancel(struct outcall *c)
{
	deadline_cancel(&c->pause);
	resolve_cancel(&c->waiter);
	if (c->dial != NULL)
		dial_cancel(c->dial);
	c->dial = NULL;
	c->tried = 0;
	list_remove(&c->node);
	leave(c);
}

void
outcall_target_stop(struct outcall_target *t)
{
	t->stopped = true;
	while (!list_is_empty(&t->calls))
		outcall_cancel(LIST_ENTRY(t->calls.next, struct outcall, node));
	resolve_stop(&t->resolve);
}

bool
outcall_target_is_idle(const struct outcall_target *t)
{
	return t->stopped && resolve_is_idle(&t->resolve);
}

uint64_t
outcall_target_turn(struct outcall_target *t, uint64_t mono_ns)
{
	struct deadline *d;

	while ((d = deadline_take(&t->pauses, mono_ns)) != NULL)
		try_now(ATTR_CONTAINER(d, struct outcall, pause));
	return deadline_next(&t->pauses);
}
