#ifndef BASE_GODURATION_H
#define BASE_GODURATION_H

#include <stdint.h>

/*
 * goduration.h - durations as Go's time.Duration prints them.
 *
 *	16.5769481s	1m2.5s	2h0m0s	250ms	12.3µs	7ns	0s
 *
 * For records whose readers parse them with Go.
 */

/* "5124095h34m33.709551615s" and a NUL. */
#define GODURATION_MAX 28

/** goduration_format() - The text of @ns.  Return: @buf */
const char *goduration_format(uint64_t ns, char buf[GODURATION_MAX]);

#endif /* BASE_GODURATION_H */
