#ifndef CONFIG_SCHEMA_JUDGE_H
#define CONFIG_SCHEMA_JUDGE_H

#include "base/attr.h"
#include "config/schema.h"

struct err;

/**
 * schema_judge() - Is this a value for this key?
 * @v:		With row, node and reading filled in; text and number are set.
 *		A row of TEXTS wants one text.
 * @err:	What would be right, without the key
 *
 * For schema.c.  What is taken although it is not right (clamped, lenient)
 * becomes a warning.  Return: 0, -EINVAL or -ENOMEM
 */
int schema_judge(struct schema_value *v, struct err *err) ATTR_WUNRES;

#endif /* CONFIG_SCHEMA_JUDGE_H */
