#ifndef RUN_ANNOUNCE_H
#define RUN_ANNOUNCE_H

/*
 * announce.h - a run says that it hears, and where.
 */

struct plan;
struct source;

/**
 * announce_run() - All listeners are open
 * @sources:	Those of the plan's inputs, in their order
 *
 * To plan.ready() if there is one; else on standard error, unless the run is to
 * be quiet.
 */
void announce_run(const struct plan *p, struct source *const *sources);

#endif /* RUN_ANNOUNCE_H */
