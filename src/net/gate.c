#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/gate.h"

static void on_poll(uv_poll_t *handle, int status, int events);

int
gate_open(struct gate *g, const struct endpoint *e,
    const struct socket_listen_opts *o, struct err *err)
{
	struct socket_listener listener[SOCKET_MAX_ADDRS];
	size_t n = 0;
	int rc;

	memset(g, 0, sizeof(*g));
	rc = socket_listen(e, o, listener, &n, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		g->post[i].listener = listener[i];
		g->post[i].gate = g;
	}
	g->n = n;
	g->shut = true;
	return 0;
}

/* Derive what is polled from the three reasons not to. */
static void
update(struct gate *g)
{
	bool open = g->started && !g->shut && !g->starved && !g->closed;

	if (!g->started || g->closed)
		return;
	for (size_t i = 0; i < g->n; i++) {
		/* Neither fails on a handle that is not closing. */
		if (open)
			(void)uv_poll_start(
			    &g->post[i].poll, UV_READABLE, on_poll);
		else
			(void)uv_poll_stop(&g->post[i].poll);
	}
}

static void
on_retry(uv_timer_t *timer)
{
	struct gate *g = timer->data;

	g->starved = false;
	update(g);
}

static void
starve(struct gate *g)
{
	g->starved = true;
	update(g);
	(void)uv_timer_start(&g->retry, on_retry, GATE_RETRY_MS, 0);
}

static int
accept_one(int fd, struct sockaddr_storage *ss)
{
	socklen_t len = sizeof(*ss);
	int s;

	do {
		memset(ss, 0, sizeof(struct sockaddr));
		s = accept4(fd, (struct sockaddr *)ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (s < 0 && (errno == EINTR || errno == ECONNABORTED));
	return s < 0 ? -errno : s;
}

/*
 * Linux makes the new socket before it looks whether anybody is there: an
 * accept4() in vain costs ten times what asking does.
 */
static bool
has_more(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static void
on_poll(uv_poll_t *handle, int status, int events)
{
	struct gate_post *post = ATTR_CONTAINER(handle, struct gate_post, poll);
	struct gate *g = post->gate;
	struct sockaddr_storage ss;
	struct addr peer;

	(void)status; /* accept4() says what is wrong */
	(void)events;
	for (int i = 0; i < GATE_BATCH && !g->shut && !g->closed; i++) {
		int fd;

		if (i > 0 && !has_more(post->listener.fd))
			return;
		fd = accept_one(post->listener.fd, &ss);
		if (fd == -EAGAIN || fd == -EWOULDBLOCK)
			return;
		if (fd < 0) {
			starve(g);
			return;
		}
		addr_from_sockaddr(&peer, (const struct sockaddr *)&ss, "");
		g->accept(g->self, fd, &peer, &post->listener.addr);
	}
}

int
gate_start(struct gate *g, uv_loop_t *loop, gate_accept *accept, void *self)
{
	int rc;

	g->accept = accept;
	g->self = self;
	for (size_t i = 0; i < g->n; i++) {
		rc = uv_poll_init(
		    loop, &g->post[i].poll, g->post[i].listener.fd);
		if (rc != 0) {
			/* Those before it are closed with the loop. */
			while (i > 0)
				uv_close(
				    (uv_handle_t *)&g->post[--i].poll, NULL);
			return rc;
		}
	}
	(void)uv_timer_init(loop, &g->retry); /* always 0 */
	g->retry.data = g;
	g->started = true;
	return 0;
}

void
gate_lift(struct gate *g)
{
	if (!g->shut)
		return;
	g->shut = false;
	update(g);
}

void
gate_shut(struct gate *g)
{
	if (g->shut)
		return;
	g->shut = true;
	update(g);
}

void
gate_close(struct gate *g)
{
	if (g->closed)
		return;
	g->closed = true;
	if (g->started)
		uv_close((uv_handle_t *)&g->retry, NULL);
	for (size_t i = 0; i < g->n; i++) {
		if (g->started)
			uv_close((uv_handle_t *)&g->post[i].poll, NULL);
		socket_unlisten(&g->post[i].listener);
	}
}
