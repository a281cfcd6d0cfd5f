#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/poller_body.h"

/* Taken from the kernel at once; more come with the next turn. */
#define BATCH 256

/**
 * struct poller - See poller.h
 * @batch:	What the kernel told last; @nbatch of it, told before @at
 * @also:	Stands for the descriptor beside the set
 */
struct poller {
	int epoll;
	size_t count;
	struct list closing;
	struct epoll_event batch[BATCH];
	int nbatch;
	int at;
	char also;
};

struct poller *
poller_new(int also)
{
	struct poller *p = calloc(1, sizeof(*p));
	struct epoll_event ev = { .events = EPOLLIN };

	if (p == NULL)
		return NULL;
	list_init(&p->closing);
	ev.data.ptr = &p->also;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll >= 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, also, &ev) == 0)
		return p;
	if (p->epoll >= 0)
		(void)close(p->epoll); /* holds nothing */
	free(p);
	return NULL;
}

void
poller_free(struct poller *p)
{
	if (p == NULL)
		return;
	assert(p->count == 0);
	(void)close(p->epoll); /* holds nothing */
	free(p);
}

/*
 * Errors and hang-ups are told whether they are wanted or not, and a level
 * stays: without interest it must not be told again and again.
 */
static uint32_t
bits(unsigned interest)
{
	uint32_t events = 0;

	if (interest == 0)
		return EPOLLET;
	if (interest & POLLER_IN)
		events |= EPOLLIN;
	if (interest & POLLER_OUT)
		events |= EPOLLOUT;
	if (interest & POLLER_PRI)
		events |= EPOLLPRI;
	return events;
}

static int
control(struct poller *p, int op, struct poller_fd *f)
{
	struct epoll_event ev = { .events = bits(f->interest) };

	ev.data.ptr = f;
	return epoll_ctl(p->epoll, op, f->fd, &ev) == 0 ? 0 : -errno;
}

int
poller_open(struct poller *p, struct poller_fd *f, int fd, unsigned interest)
{
	int rc;

	list_init(&f->node);
	f->fd = fd;
	f->interest = (uint8_t)interest;
	rc = control(p, EPOLL_CTL_ADD, f);
	if (rc == 0)
		p->count++;
	return rc;
}

void
poller_set(struct poller *p, struct poller_fd *f, unsigned interest)
{
	if (f->interest == interest)
		return;
	f->interest = (uint8_t)interest;
	/* Fails only for descriptors that are not in it: needs no memory. */
	(void)control(p, EPOLL_CTL_MOD, f);
}

void
poller_close(
    struct poller *p, struct poller_fd *f, void (*closed)(struct poller_fd *f))
{
	for (int i = p->at; i < p->nbatch; i++)
		if (p->batch[i].data.ptr == f)
			p->batch[i].data.ptr = NULL;
	/* It is in the set, and leaving that needs nothing. */
	(void)control(p, EPOLL_CTL_DEL, f);
	f->interest = 0;
	f->closed = closed;
	list_append(&p->closing, &f->node);
}

size_t
poller_count(const struct poller *p)
{
	return p->count;
}

static void
tell(struct poller_fd *f, uint32_t bits_told)
{
	unsigned events = 0;

	if (bits_told & EPOLLIN)
		events |= POLLER_IN;
	if (bits_told & EPOLLOUT)
		events |= POLLER_OUT;
	if (bits_told & EPOLLPRI)
		events |= POLLER_PRI;
	if (bits_told & EPOLLERR)
		events |= POLLER_ERR;
	poller_body_tell(f, events, (bits_told & (EPOLLERR | EPOLLHUP)) != 0);
}

size_t
poller_wait(struct poller *p, int timeout_ms)
{
	int n;

	if (!list_is_empty(&p->closing))
		timeout_ms = 0;
	n = epoll_wait(p->epoll, p->batch, BATCH, timeout_ms);
	p->nbatch = n < 0 ? 0 : n; /* EINTR */
	return (size_t)p->nbatch;
}

bool
poller_tell(struct poller *p)
{
	bool also = false;

	for (; p->at < p->nbatch; p->at++) {
		struct epoll_event ev = p->batch[p->at];

		if (ev.data.ptr == &p->also)
			also = true;
		else if (ev.data.ptr != NULL)
			tell(ev.data.ptr, ev.events);
	}
	p->at = p->nbatch = 0;
	p->count -= poller_body_let_go(&p->closing);
	return also;
}
