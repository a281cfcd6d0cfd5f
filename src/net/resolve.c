#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "net/resolve.h"

static struct addrinfo
hints_of(const struct endpoint *e)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};

	if (e->family == ENDPOINT_TCP4)
		hints.ai_family = AF_INET;
	else if (e->family == ENDPOINT_TCP6)
		hints.ai_family = AF_INET6;
	return hints;
}

static void
take_answer(struct resolve *r, const struct addrinfo *ai)
{
	size_t n = 0;

	for (; ai != NULL && n < SOCKET_MAX_ADDRS; ai = ai->ai_next) {
		addr_from_sockaddr(&r->addrs[n], ai->ai_addr, "");
		r->addrs[n].port = r->endpoint->port;
		if (r->addrs[n].family != AF_UNSPEC)
			n++;
	}
	r->naddrs = n;
	r->asked_ns = clock_mono_ns();
}

static bool
take_literal(struct resolve *r)
{
	const struct endpoint *e = r->endpoint;
	struct addr *a = &r->addrs[0];

	if (e->family == ENDPOINT_UNIX) {
		*a = (struct addr){ .family = AF_UNIX, .path = e->host };
	} else {
		if (addr_parse_ip(a, e->host) != 0)
			return false;
		a->port = e->port;
	}
	r->naddrs = 1;
	return true;
}

int
resolve_init(struct resolve *r, const struct endpoint *e, uv_loop_t *loop,
    struct err *err)
{
	struct addrinfo hints = hints_of(e), *list;
	int rc;

	memset(r, 0, sizeof(*r));
	r->endpoint = e;
	r->loop = loop;
	list_init(&r->waiters);
	r->numeric = take_literal(r);
	if (r->numeric)
		return 0;
	rc = getaddrinfo(e->host, NULL, &hints, &list);
	if (rc != 0)
		return err_set(err, -EADDRNOTAVAIL,
		    "the name %s does not resolve: %s", e->host,
		    gai_strerror(rc));
	take_answer(r, list);
	freeaddrinfo(list);
	return 0;
}

bool
resolve_now(const struct resolve *r)
{
	return r->numeric || (r->naddrs > 0 && clock_mono_ns() - r->asked_ns <
						   RESOLVE_AGE_NS);
}

static void
answer_all(struct resolve *r, int rc)
{
	struct list batch, *node;

	list_init(&batch);
	while ((node = list_shift(&r->waiters)) != NULL)
		list_append(&batch, node);
	while ((node = list_shift(&batch)) != NULL) {
		struct resolve_waiter *w =
		    LIST_ENTRY(node, struct resolve_waiter, node);

		w->done(w, rc);
	}
}

static void
on_answer(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct resolve *r = req->data;

	r->busy = false;
	if (status == 0)
		take_answer(r, list);
	uv_freeaddrinfo(list);
	answer_all(r, status == 0 && r->naddrs == 0 ? UV_EAI_NODATA : status);
}

int
resolve_wait(struct resolve *r, struct resolve_waiter *w)
{
	struct addrinfo hints = hints_of(r->endpoint);
	int rc;

	if (!r->busy) {
		r->req.data = r;
		rc = uv_getaddrinfo(r->loop, &r->req, on_answer,
		    r->endpoint->host, NULL, &hints);
		if (rc != 0)
			return rc;
		r->busy = true;
	}
	list_append(&r->waiters, &w->node);
	return 0;
}

void
resolve_cancel(struct resolve_waiter *w)
{
	list_remove(&w->node);
}

bool
resolve_is_idle(const struct resolve *r)
{
	return !r->busy;
}

void
resolve_stop(struct resolve *r)
{
	/* One that is already running ends by itself; its answer is unused. */
	if (r->busy)
		(void)uv_cancel((uv_req_t *)&r->req);
}
