#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sink/hub_ifaces.h"

/* Room of the first part, most captures know one; each has twice as much. */
#define FIRST UINT32_C(4)

/* The part that holds @number, and the number of its first. */
static unsigned
part_of(uint32_t number, uint32_t *first)
{
	uint32_t size = FIRST;
	unsigned part = 0;

	*first = 0;
	while (part < HUB_IFACES_PARTS && number - *first >= size) {
		*first += size;
		size *= 2;
		part++;
	}
	return part;
}

uint32_t
hub_ifaces_count(const struct hub_ifaces *t)
{
	return atomic_load_explicit(&t->n, memory_order_acquire);
}

const struct packet_iface *
hub_ifaces_at(const struct hub_ifaces *t, uint32_t number)
{
	uint32_t first;
	unsigned part = part_of(number, &first);

	return &t->part[part][number - first];
}

/* Under the lock. */
static int
enter(struct hub_ifaces *t, const struct packet_iface *iface)
{
	uint32_t n = hub_ifaces_count(t), first;
	unsigned part = part_of(n, &first);

	if (part == HUB_IFACES_PARTS)
		return -ENOMEM;
	if (t->part[part] == NULL) {
		t->part[part] = calloc((size_t)FIRST << part, sizeof(*iface));
		if (t->part[part] == NULL)
			return -ENOMEM;
	}
	t->part[part][n - first] = *iface;
	atomic_store_explicit(&t->n, n + 1, memory_order_release);
	return 0;
}

/* Is it one of those from @from on?  @from becomes its number, or the count. */
static bool
find(const struct hub_ifaces *t, uint32_t id, uint32_t *from)
{
	uint32_t n = hub_ifaces_count(t);

	for (; *from < n; ++*from)
		if (hub_ifaces_at(t, *from)->id == id)
			return true;
	return false;
}

int
hub_ifaces_init(
    struct hub_ifaces *t, const struct packet_iface *known, size_t n)
{
	int rc = 0;

	*t = (struct hub_ifaces){ .n = 0 };
	/* A default mutex cannot fail on the systems this runs on. */
	(void)pthread_mutex_init(&t->lock, NULL);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = enter(t, &known[i]);
	return rc;
}

void
hub_ifaces_done(struct hub_ifaces *t)
{
	for (unsigned i = 0; i < HUB_IFACES_PARTS; i++)
		free(t->part[i]);
	(void)pthread_mutex_destroy(&t->lock); /* nobody holds it */
}

int
hub_ifaces_number(
    struct hub_ifaces *t, const struct packet_iface *iface, uint32_t *number)
{
	uint32_t at = *number;
	int rc = 0;

	if (at < hub_ifaces_count(t) && hub_ifaces_at(t, at)->id == iface->id)
		return 0;
	at = 0;
	if (!find(t, iface->id, &at)) {
		(void)pthread_mutex_lock(&t->lock);
		/* Another worker may have entered it meanwhile. */
		if (!find(t, iface->id, &at))
			rc = enter(t, iface);
		(void)pthread_mutex_unlock(&t->lock);
	}
	if (rc == 0)
		*number = at;
	return rc;
}
