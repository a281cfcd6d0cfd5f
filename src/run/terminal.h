#ifndef RUN_TERMINAL_H
#define RUN_TERMINAL_H

#include <stdbool.h>

#include "config/plan.h"

/*
 * terminal.h - what standard output can show.
 */

/** terminal_wants_color() - As --color, NO_COLOR and TERM have it. */
bool terminal_wants_color(enum plan_color color);

/** terminal_has_utf8() - It is one, and shows UTF-8; after setlocale(3). */
bool terminal_has_utf8(void);

#endif /* RUN_TERMINAL_H */
