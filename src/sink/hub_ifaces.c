#include <errno.h>
#include <stdlib.h>

#include "sink/hub_ifaces.h"

/* Most captures know one. */
#define FIRST 4

static int
enter(struct hub_ifaces *t, const struct packet_iface *iface)
{
	uint32_t cap = t->cap == 0 ? FIRST : t->cap * 2;
	struct packet_iface *v;

	if (t->n == t->cap) {
		v = realloc(t->v, cap * sizeof(*v));
		if (v == NULL)
			return -ENOMEM;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = *iface;
	return 0;
}

int
hub_ifaces_init(
    struct hub_ifaces *t, const struct packet_iface *known, size_t n)
{
	int rc = 0;

	*t = (struct hub_ifaces){ .n = 0 };
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = enter(t, &known[i]);
	return rc;
}

void
hub_ifaces_done(struct hub_ifaces *t)
{
	free(t->v);
	*t = (struct hub_ifaces){ .n = 0 };
}

int
hub_ifaces_number(
    struct hub_ifaces *t, const struct packet_iface *iface, uint32_t *number)
{
	uint32_t at = *number;
	int rc;

	if (at < t->n && t->v[at].id == iface->id)
		return 0;
	for (at = 0; at < t->n && t->v[at].id != iface->id; at++)
		;
	if (at == t->n) {
		rc = enter(t, iface);
		if (rc != 0)
			return rc;
	}
	*number = at;
	return 0;
}
