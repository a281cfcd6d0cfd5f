#ifndef CONFIG_STETHOSCOPE_CHECK_H
#define CONFIG_STETHOSCOPE_CHECK_H

#include <stdbool.h>

#include "config/findings.h"
#include "config/stethoscope.h"

/**
 * stethoscope_check() - What no key alone can know
 * @s:		As it was read from @root
 * @is_whole:	Every key was right, so that a filter can be made
 * @f:		Gets outputs that lack what they need, ports in the wrong order,
 *		variables that there are not, what is open to everybody
 *
 * For stethoscope.c.
 */
void stethoscope_check(const struct stethoscope *s, const struct jsonish *root,
    bool is_whole, struct findings *f);

#endif /* CONFIG_STETHOSCOPE_CHECK_H */
