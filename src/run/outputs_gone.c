#include <stdlib.h>
#include <string.h>

#include "run/outputs_gone.h"

/* Names are ours, but for that of the first line. */
static char *
name_of(const struct sheet_sink *line)
{
	union {
		const char *name;
		char *own;
	} u = { .name = line->name };

	return u.own;
}

static struct sheet_sink *
line_of_all(struct outputs_gone *g)
{
	if (g->n == 0) {
		g->line[0].name = "(removed)";
		g->line[0].kind = "removed";
		g->n = 1;
	}
	return &g->line[0];
}

static struct sheet_sink *
find(struct outputs_gone *g, const char *name)
{
	for (size_t i = 1; i < g->n; i++)
		if (strcmp(g->line[i].name, name) == 0)
			return &g->line[i];
	return NULL;
}

/* The second line is the oldest. */
static void
give_up_oldest(struct outputs_gone *g)
{
	sheet_add_sink(&g->line[0], &g->line[1]);
	free(name_of(&g->line[1]));
	g->n--;
	memmove(&g->line[1], &g->line[2], (g->n - 1) * sizeof(g->line[0]));
}

static struct sheet_sink *
new_line(struct outputs_gone *g, const struct sheet_sink *last)
{
	char *name = strdup(last->name);
	struct sheet_sink *line = line_of_all(g);

	if (name == NULL)
		return line;
	if (g->n == OUTPUTS_GONE_LINES)
		give_up_oldest(g);
	line = &g->line[g->n++];
	*line = (struct sheet_sink){ .name = name, .kind = last->kind };
	return line;
}

void
outputs_gone_add(struct outputs_gone *g, const struct sheet_sink *last)
{
	struct sheet_sink *line = find(g, last->name);

	if (line == NULL)
		line = new_line(g, last);
	sheet_add_sink(line, last);
}

/* The line of all is of interest once it stands for something. */
static bool
is_empty(const struct sheet_sink *line)
{
	uint64_t sum = line->offered + line->missed;

	return sum == 0;
}

int
outputs_gone_complete(const struct outputs_gone *g, struct sheet *sh)
{
	for (size_t i = 0; i < g->n; i++) {
		int rc = 0;

		if (i > 0 || !is_empty(&g->line[0]))
			rc = sheet_add_line(sh, &g->line[i]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void
outputs_gone_done(struct outputs_gone *g)
{
	for (size_t i = 1; i < g->n; i++)
		free(name_of(&g->line[i]));
	g->n = 0;
}
