#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http/http_clients.h"
#include "net/socket.h"

void
http_clients_init(struct http_clients *cs)
{
	list_init(&cs->all);
	cs->n = 0;
}

static struct http_client *
client_of(struct list *node)
{
	return LIST_ENTRY(node, struct http_client, node);
}

void
http_clients_set(struct http_clients *cs, struct http_client *c,
    enum http_client_state state, uint64_t mono_ns)
{
	if (c->state == HTTP_CLIENT_SHUT)
		return;
	if (state == HTTP_CLIENT_SHUT)
		cs->n--;
	c->state = state;
	c->since_ns = mono_ns;
}

static void
shut(struct http_clients *cs, struct http_client *c)
{
	/* Fails if the peer has done it; either way a read finds the end. */
	(void)shutdown(c->fd, SHUT_RDWR);
	http_clients_set(cs, c, HTTP_CLIENT_SHUT, c->since_ns);
}

/* The one that has said nothing for longest; NULL: all are being served. */
static struct http_client *
find_silent(struct http_clients *cs)
{
	struct http_client *best = NULL;

	for (struct list *l = cs->all.next; l != &cs->all; l = l->next) {
		struct http_client *c = client_of(l);

		if (c->state == HTTP_CLIENT_ASKS &&
		    (best == NULL || c->since_ns < best->since_ns))
			best = c;
	}
	return best;
}

struct http_client *
http_clients_add(struct http_clients *cs, int fd, uint64_t mono_ns)
{
	struct http_client *silent, *c;

	if (cs->n >= HTTP_CLIENTS_MAX) {
		silent = find_silent(cs);
		if (silent == NULL)
			return NULL;
		shut(cs, silent);
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->fd = fd;
	c->since_ns = mono_ns;
	socket_local(fd, &c->local);
	list_append(&cs->all, &c->node);
	cs->n++;
	return c;
}

struct http_client *
http_clients_find(const struct http_clients *cs, int fd)
{
	for (struct list *l = cs->all.next; l != &cs->all; l = l->next)
		if (client_of(l)->fd == fd)
			return client_of(l);
	return NULL;
}

void
http_clients_remove(struct http_clients *cs, struct http_client *c)
{
	if (c->state != HTTP_CLIENT_SHUT)
		cs->n--;
	list_remove(&c->node);
	free(c);
}

/* How long it may stay in its state; UINT64_MAX: for ever. */
static uint64_t
patience(const struct http_client *c)
{
	switch (c->state) {
	case HTTP_CLIENT_ASKS:
		return HTTP_REQUEST_NS;
	case HTTP_CLIENT_HEARS:
		return HTTP_ANSWER_NS;
	case HTTP_CLIENT_FOLLOWS:
	case HTTP_CLIENT_SHUT:
		break;
	}
	return UINT64_MAX;
}

void
http_clients_expire(struct http_clients *cs, uint64_t mono_ns)
{
	for (struct list *l = cs->all.next; l != &cs->all; l = l->next) {
		struct http_client *c = client_of(l);

		/* Half a request and a FIN: the library may miss the FIN. */
		if (mono_ns - c->since_ns > patience(c) ||
		    (c->state == HTTP_CLIENT_ASKS && http_clients_look_gone(c)))
			shut(cs, c);
	}
}

bool
http_clients_look_gone(const struct http_client *c)
{
	char byte;

	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}
