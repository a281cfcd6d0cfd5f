#include <stdlib.h>
#include <string.h>

#include "run/written.h"

static void
forget(struct written *w, size_t i)
{
	free(w->v[i].kind);
	free(w->v[i].arg);
	w->n--;
	memmove(&w->v[i], &w->v[i + 1], (w->n - i) * sizeof(w->v[0]));
}

/* WRITTEN_MAX: there is none. */
static size_t
find(const struct written *w, const char *arg)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i].arg, arg) == 0)
			return i;
	return WRITTEN_MAX;
}

/* What was there before is in the file as well: only the same may go on. */
static const char *
kind_of_all(const struct written *w, size_t i, const char *kind)
{
	bool same = i == WRITTEN_MAX || strcmp(w->v[i].kind, kind) == 0;

	return same ? kind : "";
}

void
written_add(struct written *w, const char *kind, const char *arg)
{
	size_t i = find(w, arg);
	struct written_file f = {
		.kind = strdup(kind_of_all(w, i, kind)),
		.arg = strdup(arg),
	};

	if (f.kind == NULL || f.arg == NULL) {
		free(f.kind);
		free(f.arg);
		return;
	}
	if (i < WRITTEN_MAX)
		forget(w, i);
	else if (w->n == WRITTEN_MAX)
		forget(w, 0);
	w->v[w->n++] = f;
}

enum sink_past
written_past(const struct written *w, const struct sink_spec *spec)
{
	size_t i = find(w, spec->arg);

	if (i == WRITTEN_MAX)
		return SINK_PAST_NONE;
	return strcmp(w->v[i].kind, spec->kind) == 0 ? SINK_PAST_SAME
						     : SINK_PAST_OTHER;
}

void
written_done(struct written *w)
{
	while (w->n > 0)
		forget(w, w->n - 1);
}
