#ifndef RUN_RELOAD_FIXED_H
#define RUN_RELOAD_FIXED_H

struct plan;

/**
 * reload_fixed_warn() - What a fresh plan wants and a run cannot have
 * @now:	What the run was started with
 *
 * A warning is logged for each key of @fresh that says something else and
 * needs another start: inputs that come and go, all of their keys but the
 * limits, control, and runtime.
 */
void reload_fixed_warn(const struct plan *now, const struct plan *fresh);

#endif /* RUN_RELOAD_FIXED_H */
