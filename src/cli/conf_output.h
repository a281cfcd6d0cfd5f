#ifndef CLI_CONF_OUTPUT_H
#define CLI_CONF_OUTPUT_H

#include <stddef.h>

#include "config/plan.h"
#include "config/schema.h"

/*
 * conf_output.h - an element of "outputs".
 *
 * Either the text that -o takes, or an object: type is what stands before the
 * colon, to what stands behind it, and the other keys are the same.
 */

/**
 * struct conf_output_list - What is checked when all has been read
 * @places:	Where each sink of the plan stands, in its order; @n; owned
 * @refs:	Names of inputs that outputs want to hear; @nrefs; owned, the
 *		texts are the tree's or the plan's
 */
struct conf_output_list {
	struct jsonish_pos *places;
	size_t n;
	struct conf_output_ref *refs;
	size_t nrefs;
};

/**
 * conf_output_add() - Read one, and add it to the plan
 * @v:		Of a row of SCHEMA_LIST
 *
 * What is wrong is added to the findings, and then nothing to the plan.
 *
 * Return: 0 or -ENOMEM
 */
int conf_output_add(struct plan *p, struct conf_output_list *list,
    const struct schema_value *v);

/**
 * conf_output_finish() - Judge what needs all inputs and outputs
 *
 * @inputs_known: All inputs are in the plan, so that their names mean something
 *
 * Inputs that are heard exist; one output goes to standard output; arguments
 * and keys are such that the sinks can be made (nothing is opened).
 */
void conf_output_finish(const struct plan *p,
    const struct conf_output_list *list, bool inputs_known, struct findings *f);

/** conf_output_done() - Release the list. */
void conf_output_done(struct conf_output_list *list);

/**
 * struct conf_output_table - The keys of an output of some kind
 * @table:	Points to @rows
 */
struct conf_output_table {
	struct schema_table table;
	struct schema_row rows[SCHEMA_MAX_ROWS];
	char name[96];
};

/** conf_output_table() - Fill it in for this kind. */
void conf_output_table(
    struct conf_output_table *t, const struct sink_kind *kind);

#endif /* CLI_CONF_OUTPUT_H */
