#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/obuf.h"
#include "http/http_door.h"

/* Clients that may wait to be accepted; a flood shall cost nobody a second. */
#define BACKLOG 1024

/* What none but its owner may do with a socket of ours. */
#define OTHERS (S_IRWXG | S_IRWXO)

static int
parse(struct endpoint *e, const char *text, struct err *err)
{
	int rc = endpoint_parse(e, ENDPOINT_LISTEN, text, err);

	if (rc != 0 || e->how == ENDPOINT_LISTEN)
		return rc;
	endpoint_done(e);
	return err_set(err, -EINVAL,
	    "\"%.64s\": the control plane waits for clients, it calls none",
	    text);
}

int
http_door_check(const char *text, struct err *err)
{
	struct endpoint e;
	int rc = parse(&e, text, err);

	if (rc == 0)
		endpoint_done(&e);
	return rc;
}

/* An abstract one has no mode: whoever is in its namespace may connect. */
static bool
is_private(const struct addr *a)
{
	struct stat st;

	return a->family == AF_UNIX && a->path[0] != '\0' &&
	       stat(a->path, &st) == 0 && (st.st_mode & OTHERS) == 0;
}

static bool
are_private(const struct gate *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!is_private(&g->post[i].listener.addr))
			return false;
	return true;
}

int
http_door_open(struct http_door *d, const char *text, struct err *err)
{
	const struct socket_listen_opts o = { .backlog = BACKLOG };
	mode_t mask;
	int rc = parse(&d->endpoint, text, err);

	if (rc != 0)
		return rc;
	/* Not chmod afterwards: somebody could be quicker. */
	mask = umask(S_IXUSR | OTHERS);
	rc = gate_open(&d->gate, &d->endpoint, &o, err);
	(void)umask(mask);
	if (rc != 0) {
		endpoint_done(&d->endpoint);
		return rc;
	}
	d->is_private = are_private(&d->gate);
	return 0;
}

void
http_door_close(struct http_door *d)
{
	gate_close(&d->gate);
}

void
http_door_done(struct http_door *d)
{
	/* The path of a UNIX socket is the endpoint's. */
	endpoint_done(&d->endpoint);
}

const char *
http_door_host(const struct http_door *d)
{
	bool named = d->endpoint.family != ENDPOINT_UNIX &&
		     d->endpoint.family != ENDPOINT_FD;

	return named ? d->endpoint.host : NULL;
}

static bool
is_any(const struct addr *a)
{
	return a->family != AF_UNIX && addr_is_any(a);
}

bool
http_door_is_any(const struct http_door *d)
{
	for (size_t i = 0; i < d->gate.n; i++)
		if (is_any(&d->gate.post[i].listener.addr))
			return true;
	return false;
}

static bool
is_local(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == AF_INET)
		return a->ip[0] == 127;
	return a->family == AF_UNIX || memcmp(a->ip, one, sizeof(one)) == 0;
}

bool
http_door_is_remote(const struct http_door *d)
{
	for (size_t i = 0; i < d->gate.n; i++)
		if (!is_local(&d->gate.post[i].listener.addr))
			return true;
	return false;
}

void
http_door_put(const struct http_door *d, struct obuf *o)
{
	const struct addr *first = &d->gate.post[0].listener.addr;
	char text[ADDR_TEXT_MAX];

	if (first->family == AF_UNIX)
		obuf_puts(o, addr_format(first, text));
	else if (addr_is_any(first))
		obuf_printf(o, "http://localhost:%u/", (unsigned)first->port);
	else
		obuf_printf(o, "http://%s/", addr_format(first, text));
}
