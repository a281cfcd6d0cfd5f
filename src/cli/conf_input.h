#ifndef CLI_CONF_INPUT_H
#define CLI_CONF_INPUT_H

#include "config/plan.h"
#include "config/schema.h"

/*
 * conf_input.h - an element of "inputs".
 *
 * Its type says which keys it may have: name, what the operands of that
 * command say, and the options of that command that are about an input.
 */

/**
 * conf_input_add() - Read one, and add it to the plan
 * @v:		Of a row of SCHEMA_LIST
 *
 * What is wrong is added to the findings, and then nothing to the plan.
 *
 * Return: 0 or -ENOMEM
 */
int conf_input_add(struct plan *p, const struct schema_value *v);

/** conf_input_table() - The keys of an input of this kind. */
const struct schema_table *conf_input_table(enum plan_input input);

#endif /* CLI_CONF_INPUT_H */
