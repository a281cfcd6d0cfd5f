#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "source/caller.h"

static void on_timer(uv_timer_t *timer);

static void
later(struct caller *c, uint64_t ms)
{
	if (!c->closed)
		(void)uv_timer_start(&c->timer, on_timer, ms, 0);
}

static void
answered(struct caller *c, int fd, const struct addr *peer)
{
	char text[ADDR_TEXT_MAX];

	if (fd >= 0) {
		c->done(c->self, fd, peer);
		return;
	}
	log_debug("caller: %s: %s", addr_format(peer, text), strerror(-fd));
	later(c, CALLER_RETRY_MS);
}

static void
on_dialled(void *self, int fd, const struct addr *to)
{
	struct caller *c = self;

	c->dial = NULL;
	answered(c, fd, to);
}

static void
call(struct caller *c)
{
	struct dial_opts o = {
		.addrs = c->resolve.addrs,
		.naddrs = c->resolve.naddrs,
		.timeout_ns = c->timeout_ns,
	};
	struct addr to;
	int fd;

	c->called_ms = uv_now(c->loop);
	fd = dial_start(&c->dial, c->loop, &o, &to);

	if (fd == -EINPROGRESS)
		dial_on_done(c->dial, on_dialled, c);
	else
		answered(c, fd, &to);
}

static void
on_resolved(struct resolve_waiter *w, int rc)
{
	struct caller *c = ATTR_CONTAINER(w, struct caller, waiter);

	if (rc != 0)
		later(c, CALLER_RETRY_MS);
	else
		call(c);
}

static void
on_timer(uv_timer_t *timer)
{
	struct caller *c = timer->data;

	if (resolve_now(&c->resolve))
		call(c);
	else if (resolve_wait(&c->resolve, &c->waiter) != 0)
		later(c, CALLER_RETRY_MS);
}

int
caller_init(struct caller *c, const struct endpoint *e, uv_loop_t *loop,
    uint64_t timeout_ns, struct err *err)
{
	int rc;

	memset(c, 0, sizeof(*c));
	rc = resolve_init(&c->resolve, e, loop, err);
	if (rc != 0)
		return rc;
	c->loop = loop;
	c->timeout_ns = timeout_ns;
	c->waiter.done = on_resolved;
	list_init(&c->waiter.node);
	(void)uv_timer_init(loop, &c->timer); /* always 0 */
	c->timer.data = c;
	return 0;
}

void
caller_on_done(struct caller *c, caller_done *done, void *self)
{
	c->done = done;
	c->self = self;
}

void
caller_next(struct caller *c)
{
	uint64_t since_ms = uv_now(c->loop) - c->called_ms;

	/* A server that refuses must not make us call in a frenzy. */
	later(c, since_ms < CALLER_PACE_MS ? CALLER_PACE_MS - since_ms : 0);
}

void
caller_close(struct caller *c)
{
	if (c->closed)
		return;
	c->closed = true;
	resolve_cancel(&c->waiter);
	resolve_stop(&c->resolve);
	if (c->dial != NULL)
		dial_cancel(c->dial);
	c->dial = NULL;
	uv_close((uv_handle_t *)&c->timer, NULL);
}
