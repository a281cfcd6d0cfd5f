#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/siphash.h"
#include "core/session.h"
#include "source/capture_names.h"
#include "source/names.h"

/* Look-ups at a time: libuv's pool has four threads, the rest queue up. */
#define PENDING_MAX 64

#define NPORTS 65536

/* One list for every 16 hosts, when it is full. */
#define NBUCKETS 4096

/** struct host - A name that is known; "" if there is none. */
struct host {
	struct host *next;
	struct addr addr;
	char name[];
};

/** struct asked - A look-up under way; @node is in struct capture_names. */
struct asked {
	struct list node;
	struct capture_names *owner;
	struct names *names;
	struct addr ends[DIR_NDIRS];
};

/**
 * struct capture_names - See capture_names.h
 * @service:	By port; NULL: not known
 */
struct capture_names {
	uv_loop_t *loop;
	struct siphash_key key;
	struct list asked;
	unsigned nasked;
	size_t nhosts;
	struct host *buckets[NBUCKETS];
	char *service[NPORTS];
};

struct capture_names *
capture_names_new(uv_loop_t *loop)
{
	struct capture_names *n = calloc(1, sizeof(*n));

	if (n == NULL || siphash_key_make(&n->key) != 0) {
		free(n);
		return NULL;
	}
	n->loop = loop;
	list_init(&n->asked);
	return n;
}

/* Keyed: the addresses are others' to choose. */
static struct host **
bucket_of(struct capture_names *n, const struct addr *a)
{
	size_t len = a->family == AF_INET ? 4 : sizeof(a->ip);

	return &n->buckets[siphash(&n->key, a->ip, len) % NBUCKETS];
}

static const struct host *
find(struct capture_names *n, const struct addr *a)
{
	const struct host *h = *bucket_of(n, a);

	while (h != NULL && !addr_same_ip(&h->addr, a))
		h = h->next;
	return h;
}

/* Without memory it stays unknown. */
static void
keep(struct capture_names *n, const struct addr *a,
    const struct session_name *name)
{
	struct host **bucket = bucket_of(n, a), *h;
	const char *text = name->host != NULL ? name->host : "";
	char number[ADDR_TEXT_MAX];
	size_t size;

	/* The resolver gives the number back when there is no name. */
	if (strcmp(text, addr_format_ip(a, number)) == 0)
		text = "";
	if (n->service[a->port] == NULL && name->service != NULL)
		n->service[a->port] = strdup(name->service);
	if (n->nhosts >= CAPTURE_NAMES_HOSTS || find(n, a) != NULL)
		return;
	size = strlen(text) + 1;
	h = malloc(sizeof(*h) + size);
	if (h == NULL)
		return;
	h->addr = *a;
	memcpy(h->name, text, size);
	h->next = *bucket;
	*bucket = h;
	n->nhosts++;
}

static void
forget(struct asked *q)
{
	list_remove(&q->node);
	q->owner->nasked--;
	names_free(q->names);
	free(q);
}

static void
on_names(void *self)
{
	struct asked *q = self;
	struct session_name name[DIR_NDIRS];

	names_get(q->names, name);
	for (int d = 0; d < DIR_NDIRS; d++)
		keep(q->owner, &q->ends[d], &name[d]);
	forget(q);
}

static void
ask(struct capture_names *n, const struct session *s)
{
	struct asked *q;

	if (n->nasked >= PENDING_MAX || n->nhosts >= CAPTURE_NAMES_HOSTS)
		return;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return;
	q->owner = n;
	q->ends[DIR_CLIENT] = s->client;
	q->ends[DIR_SERVER] = s->server;
	q->names = names_start(n->loop, &s->client, &s->server, on_names, q);
	if (q->names == NULL) {
		free(q);
		return;
	}
	list_append(&n->asked, &q->node);
	n->nasked++;
}

void
capture_names_fill(struct capture_names *n, struct session *s)
{
	const struct addr *ends[DIR_NDIRS] = { &s->client, &s->server };
	bool known = true;

	for (int d = 0; d < DIR_NDIRS; d++) {
		const struct host *h = find(n, ends[d]);

		known = known && h != NULL;
		if (h == NULL || h->name[0] == '\0')
			continue;
		s->more->name[d].host = h->name;
		s->more->name[d].service = n->service[ends[d]->port];
	}
	if (!known)
		ask(n, s);
}

void
capture_names_stop(struct capture_names *n)
{
	struct list *node;

	while ((node = list_shift(&n->asked)) != NULL)
		forget(LIST_ENTRY(node, struct asked, node));
}

void
capture_names_free(struct capture_names *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < NBUCKETS; i++) {
		while (n->buckets[i] != NULL) {
			struct host *h = n->buckets[i];

			n->buckets[i] = h->next;
			free(h);
		}
	}
	for (size_t i = 0; i < NPORTS; i++)
		free(n->service[i]);
	free(n);
}
