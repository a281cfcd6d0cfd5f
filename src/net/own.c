#include <pthread.h>
#include <stdatomic.h>

#include "base/attr.h"
#include "net/own.h"

/*
 * Hashed by our port, which no peer chooses.  256 lists: a few thousand
 * connections of a sink are a dozen steps for each new session heard.
 */
#define NBUCKETS 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list buckets[NBUCKETS]; /* .next == NULL: never used */
static _Atomic unsigned entered;

static struct list *
bucket_of(const struct addr *local)
{
	return &buckets[local->port % NBUCKETS];
}

void
own_enter(struct own *o)
{
	struct list *bucket = bucket_of(&o->local);

	pthread_mutex_lock(&lock);
	if (bucket->next == NULL)
		list_init(bucket);
	list_init(&o->node);
	list_append(bucket, &o->node);
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&entered, 1);
}

void
own_leave(struct own *o)
{
	pthread_mutex_lock(&lock);
	list_remove(&o->node);
	pthread_mutex_unlock(&lock);
	atomic_fetch_sub(&entered, 1);
}

/* @own may be a wildcard; a socket of [::] has IPv4 peers too. */
static bool
same_end(const struct addr *own, const struct addr *b)
{
	return own->port == b->port &&
	       (addr_is_any(own) || addr_same_ip(own, b));
}

/* Is @local our end of one whose other end is @remote?  Locked. */
static bool
has(const struct addr *local, const struct addr *remote)
{
	struct list *bucket = bucket_of(local), *node;

	if (bucket->next == NULL)
		return false;
	for (node = bucket->next; node != bucket; node = node->next) {
		const struct own *o = LIST_ENTRY(node, struct own, node);

		if (same_end(&o->local, local) &&
		    (o->remote.family == AF_UNSPEC ||
			same_end(&o->remote, remote)))
			return true;
	}
	return false;
}

bool
own_has(const struct addr *a, const struct addr *b)
{
	bool found;

	if (atomic_load(&entered) == 0)
		return false;
	pthread_mutex_lock(&lock);
	found = has(a, b) || has(b, a);
	pthread_mutex_unlock(&lock);
	return found;
}
