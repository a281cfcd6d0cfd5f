#ifndef CONFIG_SCHEMA_MANUAL_H
#define CONFIG_SCHEMA_MANUAL_H

#include "config/schema.h"

struct obuf;

/*
 * schema_manual.h - a table of keys as others read it.
 */

/**
 * schema_manual_put() - The keys as a list for a manual page, in mdoc(7)
 *
 * Each with what it may be, its range, what it does and its default.  Keys
 * without help are left out.
 */
void schema_manual_put(const struct schema_table *t, struct obuf *out);

/**
 * schema_manual_list() - The keys as lines with tabs, for tests
 * @place:	First field of each line; keys of objects within get
 *		"PLACE.KEY"
 *
 * PLACE KEY TYPE MIN MAX UNIT WORDS DEFAULT FLAGS; "-" where there is none.
 * MIN and MAX are written so that the key takes them; flags are "needed" and
 * "clamp".
 */
void schema_manual_list(
    const struct schema_table *t, const char *place, struct obuf *out);

#endif /* CONFIG_SCHEMA_MANUAL_H */
