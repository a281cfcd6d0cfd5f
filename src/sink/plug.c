#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "net/own.h"
#include "net/socket.h"
#include "net/worker.h"

#include "sink/plug.h"

/* Never waits, and a consumer that has gone is an error like others. */
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)

/**
 * struct plug - See plug.h
 * @interest:	What the handle is started for
 * @own:	Its ends, while @entered
 * @closed:	Only waits for the loop to let go of the handle
 */
struct plug {
	uv_poll_t poll;
	int fd;
	int interest;
	struct own own;
	bool entered;
	bool closed;
	plug_event *event;
	void *self;
};

/* So that a capture does not hear what it has caused. */
static void
enter(struct plug *p)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	socket_local(p->fd, &p->own.local);
	if (p->own.local.family != AF_INET && p->own.local.family != AF_INET6)
		return;
	if (getpeername(p->fd, (struct sockaddr *)&ss, &len) != 0)
		return;
	addr_from_sockaddr(&p->own.remote, (struct sockaddr *)&ss, "");
	own_enter(&p->own);
	p->entered = true;
}

struct plug *
plug_open(struct worker *w, int fd, bool own, plug_event *event, void *self)
{
	struct plug *p = calloc(1, sizeof(*p));

	if (p == NULL || uv_poll_init(worker_loop(w), &p->poll, fd) != 0) {
		free(p);
		socket_reset(fd);
		return NULL;
	}
	p->poll.data = p;
	p->fd = fd;
	p->event = event;
	p->self = self;
	if (own)
		enter(p);
	return p;
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct plug *p = poll->data;
	int rc = 0;

	if (p->closed)
		return;
	events &= UV_READABLE | UV_WRITABLE;
	/* A hang-up, or an urgent byte: that would be told for ever. */
	if (status >= 0 && events == 0) {
		(void)uv_poll_stop(poll); /* fails for bad descriptors */
		return;
	}
	if (status < 0) { /* libuv has stopped the handle */
		rc = socket_error(p->fd);
		if (rc == 0)
			rc = -ECONNRESET;
		p->interest = 0;
	}
	p->event(p->self, p, rc, events);
}

void
plug_watch(struct plug *p, int events)
{
	/* With no interest at all an error would never show. */
	if (events == 0)
		events = UV_PRIORITIZED;
	if (events == p->interest)
		return;
	p->interest = events;
	(void)uv_poll_start(&p->poll, events, on_poll); /* fails for bad fds */
}

/* What a sending call has returned, as plug_send() does. */
static ssize_t
sent_or_full(ssize_t sent)
{
	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

ssize_t
plug_send(struct plug *p, struct iovec *iov, size_t n)
{
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t sent;

	do {
		sent = sendmsg(p->fd, &msg, SEND_FLAGS);
	} while (sent < 0 && errno == EINTR);
	return sent_or_full(sent);
}

ssize_t
plug_send_bytes(struct plug *p, const void *data, size_t len)
{
	ssize_t sent;

	do {
		sent = send(p->fd, data, len, SEND_FLAGS);
	} while (sent < 0 && errno == EINTR);
	return sent_or_full(sent);
}

ssize_t
plug_receive(struct plug *p, void *buf, size_t len)
{
	ssize_t n;

	do {
		n = recv(p->fd, buf, len, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

int
plug_accept(struct plug *p)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr peer;
	int fd = accept4(
	    p->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	addr_from_sockaddr(&peer, (struct sockaddr *)&ss, "");
	socket_tune_accepted(fd, &peer);
	return fd;
}

size_t
plug_unsent(const struct plug *p)
{
	return socket_unsent(p->fd);
}

void
plug_shutdown(struct plug *p)
{
	/* Fails only when the connection is gone: receiving tells then. */
	(void)shutdown(p->fd, SHUT_WR);
}

static void
free_plug(uv_handle_t *handle)
{
	free(handle->data);
}

void
plug_close(struct plug *p, bool reset)
{
	p->closed = true;
	if (p->entered)
		own_leave(&p->own);
	uv_close((uv_handle_t *)&p->poll, free_plug);
	if (reset)
		socket_reset(p->fd);
	else
		(void)close(p->fd); /* nothing is left in it to fail for */
}
