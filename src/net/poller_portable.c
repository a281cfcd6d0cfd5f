#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "net/poller_body.h"

/**
 * struct poller - See poller.h
 * @set:	[0] is the descriptor beside the set, [i] that of @fds[i]
 * @fds:	NULL: it has been closed, its place is free
 * @n:		Places in use, [0] with them
 * @room:	Places that there are
 * @polled:	Places that the kernel was asked about, and not told of yet
 */
struct poller {
	struct pollfd *set;
	struct poller_fd **fds;
	size_t n;
	size_t room;
	size_t polled;
	size_t count;
	struct list closing;
};

static int
grow(struct poller *p)
{
	size_t room = p->room == 0 ? 16 : 2 * p->room;
	struct pollfd *set = realloc(p->set, room * sizeof(*set));
	struct poller_fd **fds;

	if (set != NULL)
		p->set = set;
	fds = realloc(p->fds, room * sizeof(struct poller_fd *));
	if (fds != NULL)
		p->fds = fds;
	if (set == NULL || fds == NULL)
		return -1;
	p->room = room;
	return 0;
}

struct poller *
poller_new(int also)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	list_init(&p->closing);
	if (grow(p) != 0) {
		poller_free(p);
		return NULL;
	}
	p->set[0] = (struct pollfd){ .fd = also, .events = POLLIN };
	p->fds[0] = NULL;
	p->n = 1;
	return p;
}

void
poller_free(struct poller *p)
{
	if (p == NULL)
		return;
	assert(p->count == 0);
	free(p->set);
	free(p->fds);
	free(p);
}

/* A negative descriptor is passed over, errors and all. */
static void
put(struct poller *p, const struct poller_fd *f)
{
	struct pollfd *at = &p->set[f->at];

	at->fd = f->interest != 0 ? f->fd : -1;
	at->events = 0;
	if (f->interest & POLLER_IN)
		at->events |= POLLIN;
	if (f->interest & POLLER_OUT)
		at->events |= POLLOUT;
	if (f->interest & POLLER_PRI)
		at->events |= POLLPRI;
}

int
poller_open(struct poller *p, struct poller_fd *f, int fd, unsigned interest)
{
	if (p->n == p->room && grow(p) != 0)
		return -ENOMEM;
	list_init(&f->node);
	f->fd = fd;
	f->interest = (uint8_t)interest;
	f->at = p->n++;
	p->fds[f->at] = f;
	p->set[f->at].revents = 0;
	put(p, f);
	p->count++;
	return 0;
}

void
poller_set(struct poller *p, struct poller_fd *f, unsigned interest)
{
	f->interest = (uint8_t)interest;
	put(p, f);
}

void
poller_close(
    struct poller *p, struct poller_fd *f, void (*closed)(struct poller_fd *f))
{
	f->interest = 0;
	put(p, f);
	p->set[f->at].revents = 0;
	p->fds[f->at] = NULL;
	f->closed = closed;
	list_append(&p->closing, &f->node);
}

size_t
poller_count(const struct poller *p)
{
	return p->count;
}

static void
tell(struct poller_fd *f, int told)
{
	unsigned events = 0;

	if (told & POLLIN)
		events |= POLLER_IN;
	if (told & POLLOUT)
		events |= POLLER_OUT;
	if (told & POLLPRI)
		events |= POLLER_PRI;
	if (told & POLLERR)
		events |= POLLER_ERR;
	poller_body_tell(f, events, (told & (POLLERR | POLLHUP)) != 0);
}

/* Places of the closed are taken by the last; nobody is being told now. */
static void
fill_places(struct poller *p)
{
	for (size_t i = 1; i < p->n;) {
		if (p->fds[i] != NULL) {
			i++;
			continue;
		}
		p->n--;
		p->set[i] = p->set[p->n];
		p->fds[i] = p->fds[p->n];
		if (p->fds[i] != NULL)
			p->fds[i]->at = i;
	}
}

size_t
poller_wait(struct poller *p, int timeout_ms)
{
	bool closes = !list_is_empty(&p->closing);
	int rc = poll(p->set, (nfds_t)p->n, closes ? 0 : timeout_ms);

	p->polled = rc > 0 ? p->n : 0; /* EINTR: nothing */
	return rc > 0 ? (size_t)rc : 0;
}

bool
poller_tell(struct poller *p)
{
	bool also = p->polled > 0 && p->set[0].revents != 0;

	for (size_t i = 1; i < p->polled; i++) {
		if (p->fds[i] == NULL || p->set[i].revents == 0)
			continue;
		tell(p->fds[i], p->set[i].revents);
	}
	p->polled = 0;
	if (!list_is_empty(&p->closing)) {
		fill_places(p);
		p->count -= poller_body_let_go(&p->closing);
	}
	return also;
}
