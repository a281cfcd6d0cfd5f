#ifndef CLI_OPTIONAL_H
#define CLI_OPTIONAL_H

struct plan;

/**
 * optional_settle() - Do without outputs whose folder cannot be written to
 *
 * Of those that say so (sink_spec.optional).  A folder that is missing is made,
 * with those above it; for each output that goes a warning is logged.
 */
void optional_settle(struct plan *p);

#endif /* CLI_OPTIONAL_H */
