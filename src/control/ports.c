#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonout.h"
#include "base/list.h"
#include "base/obuf.h"
#include "control/ports.h"
#include "core/news.h"

/* Sessions have consecutive numbers: chains stay as short as can be. */
#define BUCKETS 1024

/**
 * struct ports_entry - What a sink has told of a session
 * @node:	In its bucket
 * @port:	[stream]
 * @output:	The sink's name
 */
struct ports_entry {
	struct list node;
	uint64_t session;
	uint16_t port[NEWS_NSTREAMS];
	char output[];
};

/**
 * struct ports - All of them
 * @lock:	Of all that follows; held for a few steps only
 */
struct ports {
	pthread_mutex_t lock;
	struct list buckets[BUCKETS];
};

struct ports *
ports_new(void)
{
	struct ports *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	if (pthread_mutex_init(&p->lock, NULL) != 0) {
		free(p);
		return NULL;
	}
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&p->buckets[i]);
	return p;
}

void
ports_free(struct ports *p)
{
	struct list *node;

	if (p == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while ((node = list_shift(&p->buckets[i])) != NULL)
			free(LIST_ENTRY(node, struct ports_entry, node));
	(void)pthread_mutex_destroy(&p->lock); /* nobody holds it */
	free(p);
}

static void
add(struct ports *p, const struct news *n)
{
	size_t len = strlen(n->output) + 1;
	struct ports_entry *e = malloc(sizeof(*e) + len);

	if (e == NULL)
		return;
	list_init(&e->node);
	e->session = n->session;
	memcpy(e->port, n->port, sizeof(e->port));
	memcpy(e->output, n->output, len);
	pthread_mutex_lock(&p->lock);
	list_append(&p->buckets[n->session % BUCKETS], &e->node);
	pthread_mutex_unlock(&p->lock);
}

/* Takes it out; NULL: it is not there.  The lock is held. */
static struct ports_entry *
take(struct ports *p, const struct news *n)
{
	struct list *head = &p->buckets[n->session % BUCKETS];

	for (struct list *at = head->next; at != head; at = at->next) {
		struct ports_entry *e =
		    LIST_ENTRY(at, struct ports_entry, node);

		if (e->session == n->session &&
		    strcmp(e->output, n->output) == 0) {
			list_remove(&e->node);
			return e;
		}
	}
	return NULL;
}

void
ports_tell(struct ports *p, const struct news *n)
{
	struct ports_entry *e;

	/* Sinks that call their consumers have no ports. */
	if (p == NULL || n->output == NULL)
		return;
	if (n->type == NEWS_OPENED && n->port[NEWS_REQUESTS] != 0)
		add(p, n);
	if (n->type != NEWS_LEFT)
		return;
	pthread_mutex_lock(&p->lock);
	e = take(p, n);
	pthread_mutex_unlock(&p->lock);
	free(e);
}

static void
entry_put(struct obuf *o, const struct ports_entry *e)
{
	jsonout_open(o, NULL, '{');
	jsonout_text(o, "output", e->output);
	for (int i = 0; i < NEWS_NSTREAMS; i++)
		jsonout_number(
		    o, news_stream_name((enum news_stream)i), e->port[i]);
	jsonout_close(o, '}');
}

static void
entries_put(struct ports *p, struct obuf *o, uint64_t id)
{
	const struct list *head = &p->buckets[id % BUCKETS];

	pthread_mutex_lock(&p->lock);
	for (struct list *at = head->next; at != head; at = at->next) {
		const struct ports_entry *e =
		    LIST_ENTRY(at, struct ports_entry, node);

		if (e->session == id)
			entry_put(o, e);
	}
	pthread_mutex_unlock(&p->lock);
}

void
ports_put(struct ports *p, struct obuf *o, uint64_t id)
{
	jsonout_open(o, "ports", '[');
	if (p != NULL)
		entries_put(p, o, id);
	jsonout_close(o, ']');
}
