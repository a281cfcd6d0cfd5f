#ifndef RUN_RUN_H
#define RUN_RUN_H

struct plan;

/* Exit codes; the same for every command and personality. */
#define RUN_OK    0 /* done */
#define RUN_FAIL  1 /* a failure while running, or of the surroundings */
#define RUN_USAGE 2 /* the command line or the configuration is wrong */
#define RUN_LOSS  3 /* --strict, and something was lost */

/**
 * run_plan() - Open everything, carry traffic until told to stop, drain
 *
 * Prints what went wrong.  Return: an exit code
 */
int run_plan(const struct plan *p);

#endif /* RUN_RUN_H */
