#include "run/announce.h"
#include "base/addr.h"
#include "config/plan.h"
#include "run/sources.h"

/* Listeners that plan.ready() is told of. */
#define MAX_ADDRS 256

void
announce_run(const struct plan *p, struct source *const *sources)
{
	struct addr addrs[MAX_ADDRS];
	size_t n = 0;

	if (p->ready == NULL && p->quiet)
		return;
	for (size_t i = 0; i < p->nsources; i++) {
		if (p->ready == NULL)
			sources_announce(sources[i], &p->sources[i]);
		else
			n += sources_addrs(sources[i], &p->sources[i],
			    addrs + n, MAX_ADDRS - n);
	}
	if (p->ready != NULL)
		p->ready(p, addrs, n);
}
