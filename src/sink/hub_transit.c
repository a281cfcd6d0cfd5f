#include "sink/hub_transit.h"

void
hub_transit_enter(struct hub_transit *t, size_t len)
{
	(void)atomic_fetch_add(&t->len, len);
}

bool
hub_transit_leave(struct hub_transit *t, size_t len)
{
	size_t left = atomic_fetch_sub(&t->len, len) - len;

	return left < HUB_TRANSIT_MAX / 2 &&
	       atomic_exchange(&t->crowded, false);
}

bool
hub_transit_is_full(const struct hub_transit *t)
{
	return atomic_load(&t->len) >= HUB_TRANSIT_MAX;
}

bool
hub_transit_wait(struct hub_transit *t)
{
	if (!hub_transit_is_full(t))
		return false;
	/* In this order: whoever makes room looks at it afterwards. */
	atomic_store(&t->crowded, true);
	return hub_transit_is_full(t);
}
