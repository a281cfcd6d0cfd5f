#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "source/names.h"

/**
 * struct names - See names.h
 * @pending:	Look-ups under way
 * @orphan:	names_free() came first: the last answer releases
 */
struct names {
	uv_getnameinfo_t req[DIR_NDIRS];
	char *host[DIR_NDIRS];
	char *service[DIR_NDIRS];
	unsigned pending;
	bool orphan;
	names_done *done;
	void *self;
};

static void
destroy(struct names *n)
{
	for (int d = 0; d < DIR_NDIRS; d++) {
		free(n->host[d]);
		free(n->service[d]);
	}
	free(n);
}

static void
on_name(
    uv_getnameinfo_t *req, int status, const char *host, const char *service)
{
	struct names *n = req->data;
	int d = req == &n->req[DIR_CLIENT] ? DIR_CLIENT : DIR_SERVER;

	if (status == 0) {
		/* Without memory the number is shown. */
		n->host[d] = strdup(host);
		n->service[d] = strdup(service);
	}
	if (--n->pending > 0)
		return;
	if (n->orphan)
		destroy(n);
	else
		n->done(n->self);
}

static void
look_up(struct names *n, uv_loop_t *loop, enum dir d, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len;

	if (a->family == AF_UNIX || addr_to_sockaddr(a, &ss, &len) != 0)
		return;
	n->req[d].data = n;
	if (uv_getnameinfo(loop, &n->req[d], on_name,
		(const struct sockaddr *)&ss, 0) == 0)
		n->pending++;
}

struct names *
names_start(uv_loop_t *loop, const struct addr *client,
    const struct addr *server, names_done *done, void *self)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->done = done;
	n->self = self;
	look_up(n, loop, DIR_CLIENT, client);
	look_up(n, loop, DIR_SERVER, server);
	if (n->pending > 0)
		return n;
	free(n);
	return NULL;
}

void
names_get(const struct names *n, struct session_name out[DIR_NDIRS])
{
	for (int d = 0; d < DIR_NDIRS; d++)
		out[d] = (struct session_name){ n->host[d], n->service[d] };
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	if (n->pending == 0) {
		destroy(n);
		return;
	}
	n->orphan = true;
	for (int d = 0; d < DIR_NDIRS; d++)
		if (n->req[d].data != NULL)
			(void)uv_cancel((uv_req_t *)&n->req[d]);
}
