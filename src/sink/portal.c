#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/attr.h"
#include "base/clock.h"
#include "net/own.h"
#include "net/socket.h"
#include "net/worker.h"

#include "sink/outq.h"
#include "sink/plug.h"
#include "sink/portal.h"

/* Connections that wait behind the one that is served. */
#define BACKLOG 8

/**
 * struct door - One listening socket of a portal
 * @own:	So that a capture leaves its connections out; while @entered
 */
struct door {
	struct plug *plug;
	struct own own;
	bool entered;
};

/**
 * struct portal - See portal.h
 * @port:	Lent by the range if @lent
 * @ending:	The owner has let go,
 * @how:	for this reason
 */
struct portal {
	struct list node;
	struct portal_lane *lane;
	struct feed feed;
	struct door door[SOCKET_MAX_ADDRS];
	size_t ndoors;
	uint16_t port;
	bool lent;
	bool ending;
	enum how how;
	struct deadline patience;
};

/* --- doors ------------------------------------------------------------- */

static void
close_doors(struct portal *p)
{
	for (size_t i = 0; i < p->ndoors; i++) {
		if (p->door[i].entered)
			own_leave(&p->door[i].own);
		plug_close(p->door[i].plug, false);
	}
	p->ndoors = 0;
}

/* Nobody is let in while somebody is served. */
static void
watch_doors(struct portal *p, bool open)
{
	for (size_t i = 0; i < p->ndoors; i++)
		plug_watch(p->door[i].plug, open ? UV_READABLE : 0);
}

static void
close_portal(struct portal *p)
{
	close_doors(p);
	deadline_cancel(&p->patience);
	if (p->ending)
		p->lane->npatient--;
	list_remove(&p->node);
	if (p->lent)
		port_range_give(p->lane->range, p->port);
	feed_done(&p->feed);
	free(p);
}

/* The session is over, and its last consumer has what it gets. */
static void
end_portal(struct portal *p)
{
	feed_end(&p->feed, p->how);
	close_portal(p);
}

/* --- consumers --------------------------------------------------------- */

static void
on_gone(void *self, int error)
{
	struct portal *p = self;

	(void)error;
	watch_doors(p, true);
}

static void
on_knock(void *self, struct plug *plug, int error, int events)
{
	struct portal *p = self;
	int fd;

	(void)plug;
	(void)events;
	if (error != 0 || outq_state(p->feed.q) != OUTQ_ABSENT)
		return;
	fd = plug_accept(plug);
	/* Whoever knocked may have gone; other failures will come again. */
	if (fd < 0)
		return;
	if (outq_attach(p->feed.q, fd) != 0)
		return;
	watch_doors(p, false);
	if (p->ending)
		end_portal(p);
}

/* --- opening ----------------------------------------------------------- */

static int
open_doors(struct portal *p, uint16_t port)
{
	static const struct socket_listen_opts o = { .backlog = BACKLOG };
	struct socket_listener found[SOCKET_MAX_ADDRS];
	struct portal_lane *l = p->lane;
	int rc = socket_listen_at(l->at, l->nat, port, &o, found);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < l->nat; i++) {
		struct door *d = &p->door[p->ndoors];

		d->plug =
		    plug_open(l->outq.worker, found[i].fd, false, on_knock, p);
		if (d->plug == NULL) {
			rc = -ENOMEM;
			continue; /* the others have to be closed as well */
		}
		d->entered = l->outq.own;
		d->own.local = found[i].addr;
		d->own.remote.family = AF_UNSPEC;
		if (d->entered)
			own_enter(&d->own);
		p->ndoors++;
	}
	if (rc != 0)
		close_doors(p);
	return rc;
}

/* Ports that others use stay lent until all were tried. */
static int
open_some_port(struct portal *p)
{
	uint32_t n = port_range_count(p->lane->range);
	int rc = -EADDRNOTAVAIL;

	while (n-- > 0) {
		uint16_t port = port_range_take(p->lane->range);

		if (port == 0)
			return -EADDRNOTAVAIL;
		rc = open_doors(p, port);
		if (rc == 0) {
			p->port = port;
			p->lent = true;
			return 0;
		}
		port_range_give(p->lane->range, port);
		if (rc != -EADDRINUSE && rc != -EACCES)
			return rc;
	}
	return rc;
}

struct portal *
portal_open(struct portal_lane *l, const struct feed_what *what, uint16_t port)
{
	struct portal *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return NULL;
	p->lane = l;
	list_init(&p->node);
	list_init(&p->patience.node);
	rc = port != 0 ? open_doors(p, port) : -EADDRINUSE;
	if (rc == 0)
		p->port = port;
	else
		rc = open_some_port(p);
	if (rc == 0)
		rc = feed_open(&p->feed, &l->outq, &l->feed, what);
	if (rc != 0) {
		close_portal(p);
		errno = -rc;
		return NULL;
	}
	feed_on_gone(&p->feed, on_gone, p);
	list_append(&l->portals, &p->node);
	watch_doors(p, true);
	return p;
}

uint16_t
portal_port(const struct portal *p)
{
	return p->port;
}

bool
portal_full(const struct portal *p)
{
	return outq_full(p->feed.q);
}

void
portal_missed(struct portal *p, uint64_t len)
{
	feed_missed(&p->feed, len);
}

void
portal_put(struct portal *p, const struct chunk *c)
{
	feed_put(&p->feed, c);
}

/* Descriptors are for sessions first: whoever waits longest waits no more. */
static void
end_longest(struct portal_lane *l)
{
	struct list *at = list_shift(&l->patience.waiting);
	struct deadline *d;

	if (at == NULL)
		return;
	d = LIST_ENTRY(at, struct deadline, node);
	end_portal(ATTR_CONTAINER(d, struct portal, patience));
}

void
portal_end(struct portal *p, enum how how)
{
	if (p == NULL)
		return;
	p->how = how;
	/* Somebody is there, or there is nothing to wait with. */
	if (outq_state(p->feed.q) == OUTQ_LIVE || outq_queued(p->feed.q) == 0) {
		end_portal(p);
		return;
	}
	p->ending = true;
	if (++p->lane->npatient > outq_lane_part(p->lane->outq.share))
		end_longest(p->lane);
	feed_let_go(&p->feed);
	deadline_arm(&p->lane->patience, &p->patience, clock_mono_ns());
	worker_touch(p->lane->outq.worker);
}

void
portal_cut(struct portal *p)
{
	if (p == NULL)
		return;
	feed_cut(&p->feed);
	close_portal(p);
}

/* --- lanes ------------------------------------------------------------- */

uint64_t
portal_lane_turn(struct portal_lane *l, uint64_t mono_ns)
{
	uint64_t due, first;
	struct deadline *d;
	struct list *at;

	/* Before the queues are cut off, which have no owner then. */
	while (mono_ns >= l->outq.finish_ns &&
	       (at = list_shift(&l->portals)) != NULL)
		end_portal(LIST_ENTRY(at, struct portal, node));
	while ((d = deadline_take(&l->patience, mono_ns)) != NULL)
		end_portal(ATTR_CONTAINER(d, struct portal, patience));
	first = deadline_next(&l->patience);
	due = outq_lane_turn(&l->outq, mono_ns);
	return due < first ? due : first;
}
