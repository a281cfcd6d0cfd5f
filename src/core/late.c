#include <stdlib.h>

#include "core/late.h"

/* The @i-th of the ring, from the oldest on. */
static unsigned
place(const struct late *late, unsigned i)
{
	return (late->first + i) % LATE_MAX;
}

void
late_add(struct late **late, uint64_t off, uint64_t end)
{
	struct late *l = *late;

	if (l == NULL) {
		l = calloc(1, sizeof(*l));
		if (l == NULL)
			return;
		*late = l;
	}
	if (l->n > 0) {
		struct late_range *last = &l->range[place(l, l->n - 1)];

		if (last->end == off) {
			last->end = end;
			return;
		}
	}
	if (l->n == LATE_MAX) {
		l->first = place(l, 1);
		l->n--;
	}
	l->range[place(l, l->n)] = (struct late_range){ off, end };
	l->n++;
}

const struct late_range *
late_next(const struct late *late, uint64_t off)
{
	if (late == NULL)
		return NULL;
	for (unsigned i = 0; i < late->n; i++) {
		const struct late_range *range = &late->range[place(late, i)];

		if (range->end > off)
			return range;
	}
	return NULL;
}
