#include <stdio.h>

#include "app/conf_manual.h"
#include "base/obuf.h"
#include "cli/conf.h"
#include "cli/conf_input.h"
#include "cli/conf_output.h"
#include "config/schema_manual.h"
#include "config/stethoscope.h"
#include "run/kinds.h"

typedef void each_table(
    struct obuf *out, const char *place, const struct schema_table *t);

/* Every table there is; @place is how it is called in pages and tests. */
static void
for_tables(struct obuf *out, each_table *each)
{
	static struct conf_output_table output;
	const struct schema_table *file = conf_table();
	const struct sink_kind *const *kinds;
	char place[128];
	size_t n;

	each(out, "file", file);
	each(out, "stethoscope", stethoscope_table());
	for (unsigned i = 0; i < PLAN_NINPUTS; i++) {
		(void)snprintf(place, sizeof(place), "input.%s",
		    plan_input_name((enum plan_input)i));
		each(out, place, conf_input_table((enum plan_input)i));
	}
	kinds = kinds_all(&n);
	for (size_t i = 0; i < n; i++) {
		if (kinds[i]->help == NULL)
			continue;
		(void)snprintf(
		    place, sizeof(place), "output.%s", kinds[i]->name);
		conf_output_table(&output, kinds[i]);
		each(out, place, &output.table);
	}
}

static void
write_within(struct obuf *out, const char *place, const struct schema_table *t)
{
	char within[128];

	obuf_printf(out, ".\\\" KEYS %s\n", place);
	schema_manual_put(t, out);
	obuf_puts(out, ".\\\" END\n");
	for (size_t i = 0; i < t->nrows; i++) {
		if (t->rows[i].type != SCHEMA_OBJECT)
			continue;
		(void)snprintf(
		    within, sizeof(within), "%s.%s", place, t->rows[i].key);
		write_within(out, within, t->rows[i].table);
	}
}

void
conf_manual_write(struct obuf *out)
{
	for_tables(out, write_within);
}

static void
list(struct obuf *out, const char *place, const struct schema_table *t)
{
	schema_manual_list(t, place, out);
}

void
conf_manual_list(struct obuf *out)
{
	for_tables(out, list);
}
