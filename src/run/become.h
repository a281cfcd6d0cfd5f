#ifndef RUN_BECOME_H
#define RUN_BECOME_H

#include "base/attr.h"

/*
 * become.h - what the process becomes once its listeners are open, and before
 * there is a thread.
 */

struct err;
struct plan;

/**
 * become_run() - The user that it is to be, in the background if wanted, with
 * its log file
 *
 * Return: 0 or -errno with @err
 */
int become_run(const struct plan *p, struct err *err) ATTR_WUNRES;

#endif /* RUN_BECOME_H */
