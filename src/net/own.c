#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/attr.h"
#include "base/clock.h"
#include "net/own.h"

/*
 * Hashed by our port, which no peer chooses.  1024 lists: a few thousand
 * connections of a sink are a dozen steps for each new session heard.
 */
#define NBUCKETS 1024

/**
 * struct place - What is known of one bucket's ports; both unset: never used
 * @now:	Those that are entered
 * @before:	Those that have left
 */
struct place {
	struct list now;
	struct list before;
};

/**
 * struct past - One that has left
 * @own:	Its ends
 * @left_ns:	When, by the clock that packets are stamped with
 */
struct past {
	struct own own;
	uint64_t left_ns;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place places[NBUCKETS];
static struct past past[OWN_REMEMBERED]; /* a ring: the oldest makes room */
static size_t next_past;
static _Atomic bool used;

static struct place *
place_of(const struct addr *local)
{
	struct place *p = &places[local->port % NBUCKETS];

	if (p->now.next == NULL) {
		list_init(&p->now);
		list_init(&p->before);
	}
	return p;
}

/* Not event time, which an adjusted clock leaves behind: it is compared with
 * what the kernel has written into packets. */
static uint64_t
system_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

void
own_enter(struct own *o)
{
	pthread_mutex_lock(&lock);
	list_init(&o->node);
	list_append(&place_of(&o->local)->now, &o->node);
	pthread_mutex_unlock(&lock);
	atomic_store(&used, true);
}

void
own_leave(struct own *o)
{
	struct past *p;

	pthread_mutex_lock(&lock);
	list_remove(&o->node);
	p = &past[next_past++ % OWN_REMEMBERED];
	if (p->own.node.next != NULL)
		list_remove(&p->own.node);
	p->own = *o;
	p->left_ns = system_ns();
	list_init(&p->own.node);
	list_append(&place_of(&o->local)->before, &p->own.node);
	pthread_mutex_unlock(&lock);
}

/* @own may be a wildcard; a socket of [::] has IPv4 peers too. */
static bool
same_end(const struct addr *own, const struct addr *b)
{
	return own->port == b->port &&
	       (addr_is_any(own) || addr_same_ip(own, b));
}

static bool
is_it(const struct own *o, const struct addr *local, const struct addr *remote)
{
	return same_end(&o->local, local) &&
	       (o->remote.family == AF_UNSPEC || same_end(&o->remote, remote));
}

/* Is @local our end of one whose other end is @remote?  Locked. */
static bool
has(const struct addr *local, const struct addr *remote, uint64_t ts_ns)
{
	const struct place *p = place_of(local);
	struct list *at;

	for (at = p->now.next; at != &p->now; at = at->next)
		if (is_it(LIST_ENTRY(at, struct own, node), local, remote))
			return true;
	for (at = p->before.next; at != &p->before; at = at->next) {
		const struct past *was = LIST_ENTRY(at, struct past, own.node);

		if (ts_ns <= was->left_ns && is_it(&was->own, local, remote))
			return true;
	}
	return false;
}

bool
own_has(const struct addr *a, const struct addr *b, uint64_t ts_ns)
{
	bool found;

	if (!atomic_load(&used))
		return false;
	pthread_mutex_lock(&lock);
	found = has(a, b, ts_ns) || has(b, a, ts_ns);
	pthread_mutex_unlock(&lock);
	return found;
}
