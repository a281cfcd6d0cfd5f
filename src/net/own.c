#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

/* What was entered at a wildcard is known only by its port. */
enum match {
	MATCH_NONE,
	MATCH_PORT,
	MATCH_ENDS,
};

static enum match
match(const struct own *o, const struct addr *local, const struct addr *remote)
{
	if (!same_end(&o->local, local) ||
	    (o->remote.family != AF_UNSPEC && !same_end(&o->remote, remote)))
		return MATCH_NONE;
	return addr_is_any(&o->local) ? MATCH_PORT : MATCH_ENDS;
}

static enum match
better(enum match a, enum match b)
{
	return a > b ? a : b;
}

/* Is @local our end of one whose other end is @remote?  Locked. */
static enum match
has(const struct addr *local, const struct addr *remote, uint64_t ts_ns)
{
	const struct place *p = place_of(local);
	enum match m = MATCH_NONE;
	struct list *at;

	for (at = p->now.next; at != &p->now; at = at->next)
		m = better(
		    m, match(LIST_ENTRY(at, struct own, node), local, remote));
	for (at = p->before.next; at != &p->before; at = at->next) {
		const struct past *was = LIST_ENTRY(at, struct past, own.node);

		if (ts_ns <= was->left_ns)
			m = better(m, match(&was->own, local, remote));
	}
	return m;
}

/*
 * Others have the same port, too, and a capture hears them.  An address that
 * can be bound is one of this machine; where nothing can be told it may be.
 */
static bool
is_here(const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = 0;
	struct addr some = *a;
	int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool here = true;

	some.port = 0;
	if (fd < 0)
		return true;
	if (addr_to_sockaddr(&some, &ss, &len) == 0 &&
	    bind(fd, (struct sockaddr *)&ss, len) != 0)
		here = errno != EADDRNOTAVAIL;
	(void)close(fd); /* nothing was done with it */
	return here;
}

bool
own_has(const struct addr *a, const struct addr *b, uint64_t ts_ns)
{
	enum match as_a, as_b;

	if (!atomic_load(&used))
		return false;
	pthread_mutex_lock(&lock);
	as_a = has(a, b, ts_ns);
	as_b = has(b, a, ts_ns);
	pthread_mutex_unlock(&lock);
	return as_a == MATCH_ENDS || as_b == MATCH_ENDS ||
	       (as_a == MATCH_PORT && is_here(a)) ||
	       (as_b == MATCH_PORT && is_here(b));
}
