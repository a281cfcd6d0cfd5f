#include <netdb.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "core/session.h"
#include "source/name_cache.h"

/*
 * One balanced tree of all that was asked for (tsearch(3)), so that nobody's
 * choice of addresses makes it slow.  A host is an address without port; a
 * service is a port without address.
 */

/**
 * struct name_cache_entry - A host or a service
 * @key:	Scope 0
 * @text:	NULL: it has no name
 */
struct name_cache_entry {
	struct addr key;
	char *text;
};

/**
 * struct name_cache - See name_cache.h
 * @root:	Of struct name_cache_entry
 * @hosts:	Among them
 */
struct name_cache {
	void *root;
	size_t hosts;
};

static int
compare(const void *left, const void *right)
{
	const struct addr *a = &((const struct name_cache_entry *)left)->key;
	const struct addr *b = &((const struct name_cache_entry *)right)->key;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return memcmp(a->ip, b->ip, sizeof(a->ip));
}

static const char *
known(const struct name_cache_entry *e)
{
	return e != NULL ? e->text : NULL;
}

/* The entry of @key, made if there is none: then @*is_new. */
static struct name_cache_entry *
find(struct name_cache *c, const struct addr *key, bool *is_new)
{
	struct name_cache_entry probe = { .key = *key };
	struct name_cache_entry *const *found =
	    tfind(&probe, &c->root, compare);
	struct name_cache_entry *e;

	*is_new = false;
	if (found != NULL)
		return *found;
	if (key->family != AF_UNSPEC && c->hosts == NAME_CACHE_HOSTS)
		return NULL;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->key = *key;
	if (tsearch(e, &c->root, compare) == NULL) {
		free(e);
		return NULL;
	}
	c->hosts += key->family != AF_UNSPEC;
	*is_new = true;
	return e;
}

static const char *
host_of(struct name_cache *c, const struct addr *a)
{
	struct addr key = *a;
	struct sockaddr_storage ss;
	char text[NI_MAXHOST];
	socklen_t len;
	struct name_cache_entry *e;
	bool is_new;

	key.port = 0;
	key.scope = 0;
	if (addr_is_any(&key) || addr_to_sockaddr(&key, &ss, &len) != 0)
		return NULL;
	e = find(c, &key, &is_new);
	/* Without memory, as without a name, the number is shown. */
	if (e != NULL && is_new &&
	    getnameinfo((const struct sockaddr *)&ss, len, text, sizeof(text),
		NULL, 0, NI_NAMEREQD) == 0)
		e->text = strdup(text);
	return known(e);
}

static const char *
service_of(struct name_cache *c, uint16_t port)
{
	struct addr key = { .family = AF_UNSPEC, .port = port };
	const struct addr any = { .family = AF_INET, .port = port };
	struct sockaddr_storage ss;
	char text[NI_MAXSERV];
	socklen_t len;
	struct name_cache_entry *e;
	bool is_new;

	if (port == 0 || addr_to_sockaddr(&any, &ss, &len) != 0)
		return NULL;
	e = find(c, &key, &is_new);
	/* A port without a name comes back as its number. */
	if (e != NULL && is_new &&
	    getnameinfo((const struct sockaddr *)&ss, len, NULL, 0, text,
		sizeof(text), 0) == 0)
		e->text = strdup(text);
	return known(e);
}

void
name_cache_fill(struct name_cache *c, struct session *s)
{
	s->more->name[DIR_CLIENT].host = host_of(c, &s->client);
	s->more->name[DIR_CLIENT].service = service_of(c, s->client.port);
	s->more->name[DIR_SERVER].host = host_of(c, &s->server);
	s->more->name[DIR_SERVER].service = service_of(c, s->server.port);
}

struct name_cache *
name_cache_new(void)
{
	return calloc(1, sizeof(struct name_cache));
}

void
name_cache_free(struct name_cache *c)
{
	if (c == NULL)
		return;
	/* The root is a node, and a node begins with what was put in. */
	while (c->root != NULL) {
		struct name_cache_entry *e =
		    *(struct name_cache_entry **)c->root;

		(void)tdelete(e, &c->root, compare); /* it is there */
		free(e->text);
		free(e);
	}
	free(c);
}
