#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/dial.h"
#include "net/socket.h"

/**
 * struct dial - See dial.h
 * @fd:		The address being tried; -1 between tries
 * @next:	Index of the next address to try
 * @closing:	Handles that have yet to be closed before this can be freed
 */
struct dial {
	uv_poll_t poll;
	uv_timer_t timer;
	uv_loop_t *loop;
	struct dial_opts o;
	dial_done *done;
	void *self;
	int fd;
	size_t next;
	unsigned closing;
	bool polling;
	struct addr addrs[SOCKET_MAX_ADDRS];
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_timeout(uv_timer_t *timer);

static void
free_when_closed(uv_handle_t *handle)
{
	struct dial *d = handle->data;

	if (--d->closing == 0)
		free(d);
}

static void
close_handle(struct dial *d, uv_handle_t *handle)
{
	d->closing++;
	handle->data = d;
	uv_close(handle, free_when_closed);
}

/* Ends the dial; memory goes when the loop has let go of the handles. */
static void
let_go(struct dial *d)
{
	if (d->polling)
		close_handle(d, (uv_handle_t *)&d->poll);
	close_handle(d, (uv_handle_t *)&d->timer);
	d->polling = false;
}

/*
 * A port is chosen here where it has to be known beforehand.  The kernel would
 * look for one that nobody uses, nor has used for a minute: with 15,000 at
 * rest, after as many short connections, that takes it 2 ms.  A port at rest
 * serves as well, unless it was used for a connection to the same place; then
 * another is tried, so often that one call in a thousand fails with nine of ten
 * ports at rest.  They are those from which Linux takes its own.
 */
#define PORTS_FIRST 32768
#define PORTS_LAST  60999
#define PORTS_TRIED 64

static uint16_t
any_port(void)
{
	static _Atomic uint32_t last;
	/* A prime step meets all of them; another process begins elsewhere. */
	uint32_t n = atomic_fetch_add(&last, 7919) + (uint32_t)getpid() * 257U;

	return (uint16_t)(PORTS_FIRST + n % (PORTS_LAST - PORTS_FIRST + 1));
}

static struct addr
source_of(const struct dial_opts *o, const struct addr *to, bool any)
{
	struct addr a = o->source;

	if (a.family != to->family)
		a = (struct addr){ .family = to->family };
	if (to->family != AF_UNIX && a.port == 0 && !any)
		a.port = any_port();
	return a;
}

/* One port of ours, told before it calls; with @any the kernel's choice. */
static int
try_port(const struct dial_opts *o, const struct addr *to, bool any, int *fd)
{
	struct addr local, source = source_of(o, to, any);
	int s, rc;

	rc = socket_bind_towards(to, &source, &local, &s);
	if (rc != 0)
		return rc;
	o->bound(o->bound_self, &local, to);
	rc = socket_connect_bound(s, to);
	if (rc == 0 || rc == -EINPROGRESS)
		*fd = s;
	else
		close(s);
	return rc;
}

/* As socket_connect(), telling our end first where that is asked for. */
static int
try_one(const struct dial_opts *o, const struct addr *to, int *fd)
{
	if (o->bound == NULL)
		return socket_connect(to, &o->source, fd);
	for (int i = 0; i < PORTS_TRIED; i++) {
		int rc = try_port(o, to, false, fd);

		if (rc != -EADDRINUSE && rc != -EADDRNOTAVAIL)
			return rc;
	}
	return try_port(o, to, true, fd);
}

/*
 * Try addresses from *next on until one is connected or under way.
 * Return: 0 connected; -EINPROGRESS; else the error of the last one.
 */
static int
try_from(const struct dial_opts *o, size_t *next, int *fd)
{
	int rc = -EADDRNOTAVAIL;

	while (*next < o->naddrs) {
		rc = try_one(o, &o->addrs[(*next)++], fd);
		if (rc == 0 || rc == -EINPROGRESS)
			break;
	}
	return rc;
}

/* One uv_poll_t serves one descriptor; a further try needs a fresh handle. */
static int
watch(struct dial *d)
{
	int rc = uv_poll_init(d->loop, &d->poll, d->fd);

	if (rc != 0)
		return rc;
	d->poll.data = d;
	d->polling = true;
	rc = uv_poll_start(&d->poll, UV_WRITABLE, on_poll);
	if (rc != 0)
		return rc;
	/* The loop's own time may be a turn old; the timer counts from it. */
	uv_update_time(d->loop);
	return uv_timer_start(
	    &d->timer, on_timeout, d->o.timeout_ns / CLOCK_NS_PER_MS, 0);
}

static void
finish(struct dial *d, int rc)
{
	struct addr to = d->addrs[d->next > 0 ? d->next - 1 : 0];
	dial_done *done = d->done;
	void *self = d->self;
	int fd = d->fd;

	let_go(d);
	if (rc != 0 && fd >= 0)
		close(fd);
	done(self, rc == 0 ? fd : rc, &to);
}

static void
go_on(uv_handle_t *handle)
{
	struct dial *d = handle->data;
	int rc;

	if (--d->closing > 0)
		return;
	if (d->done == NULL) { /* cancelled meanwhile */
		free(d);
		return;
	}
	rc = try_from(&d->o, &d->next, &d->fd);
	if (rc == -EINPROGRESS)
		rc = watch(d);
	else if (rc == 0) {
		finish(d, 0);
		return;
	}
	if (rc != 0)
		finish(d, rc);
}

/* This address failed: on to the next one once the handle is free again. */
static void
failed(struct dial *d, int rc)
{
	if (d->next >= d->o.naddrs) {
		finish(d, rc);
		return;
	}
	(void)uv_timer_stop(&d->timer);
	d->closing++;
	d->polling = false;
	uv_close((uv_handle_t *)&d->poll, go_on);
	close(d->fd);
	d->fd = -1;
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct dial *d = poll->data;
	int rc = socket_connected(d->fd, &d->addrs[d->next - 1]);

	(void)status; /* what matters is SO_ERROR */
	(void)events;
	if (rc != 0)
		failed(d, rc);
	else
		finish(d, 0);
}

static void
on_timeout(uv_timer_t *timer)
{
	struct dial *d = timer->data;

	failed(d, -ETIMEDOUT);
}

static int
begin_waiting(struct dial **out, uv_loop_t *loop, const struct dial_opts *o,
    size_t next, int fd)
{
	struct dial *d = calloc(1, sizeof(*d));
	int rc;

	if (d == NULL) {
		close(fd);
		return -ENOMEM;
	}
	d->loop = loop;
	d->o = *o;
	d->o.addrs = d->addrs;
	d->fd = fd;
	d->next = next;
	memcpy(d->addrs, o->addrs, o->naddrs * sizeof(*o->addrs));
	(void)uv_timer_init(loop, &d->timer); /* always 0 */
	d->timer.data = d;
	rc = watch(d);
	if (rc != 0) {
		let_go(d);
		close(fd);
		return rc;
	}
	*out = d;
	return -EINPROGRESS;
}

int
dial_start(struct dial **out, uv_loop_t *loop, const struct dial_opts *o,
    struct addr *to)
{
	size_t next = 0;
	int fd = -1, rc;

	assert(o->naddrs > 0 && o->naddrs <= SOCKET_MAX_ADDRS);
	rc = try_from(o, &next, &fd);
	*to = o->addrs[next - 1];
	if (rc == 0)
		return fd;
	if (rc == -EINPROGRESS)
		return begin_waiting(out, loop, o, next, fd);
	return rc;
}

void
dial_on_done(struct dial *d, dial_done *done, void *self)
{
	d->done = done;
	d->self = self;
}

void
dial_cancel(struct dial *d)
{
	int fd = d->fd;

	d->done = NULL;
	if (d->closing > 0) {
		/* Between two tries: go_on() frees, once the timer is gone. */
		close_handle(d, (uv_handle_t *)&d->timer);
		return;
	}
	let_go(d);
	close(fd);
}
