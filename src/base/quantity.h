#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include <stdint.h>

#include "base/attr.h"

/*
 * quantity.h - numbers with units, as people write them.
 *
 *	COUNT	1000
 *	SIZE	65536, 64KiB, 64Ki (2^10, 2^20, ...), 64K, 64kB (10^3, 10^6,
 *		...), 1M, 2GiB, 1T
 *	TIME	1.5 (seconds), 500ms, 10s, 2m, 1h, 1d, 250us; at most nine
 *		decimals count
 *
 * Units are not told apart by case, save that "m" is minutes in times and 10^6
 * in sizes.
 */

struct err;

/** enum quantity_kind - What is counted. */
enum quantity_kind {
	QUANTITY_COUNT, /* things */
	QUANTITY_SIZE,  /* bytes */
	QUANTITY_TIME,  /* nanoseconds */
};

/** struct quantity_range - Both bounds are allowed. */
struct quantity_range {
	uint64_t min;
	uint64_t max;
};

/**
 * quantity_parse() - Read a number and judge it
 * @value:	Set on success
 * @err:	What is wrong, with the text and what would be right:
 *		"\"12x\" is no size: use bytes or a unit, as in 64KiB or 1M";
 *		"0 is out of range: 1 to 65535"
 *
 * Return: 0; -EINVAL; -ERANGE for a number outside @range, as one with a "-"
 *	   always is
 */
int quantity_parse(enum quantity_kind kind, const char *text,
    const struct quantity_range *range, uint64_t *value,
    struct err *err) ATTR_WUNRES;

#define QUANTITY_TEXT_MAX 32

/**
 * quantity_format() - The shortest exact text that quantity_parse() reads
 *
 * "1 KiB" is "1KiB", 90 s is "90s", an hour "1h".  Return: @buf
 */
const char *quantity_format(
    enum quantity_kind kind, uint64_t value, char buf[QUANTITY_TEXT_MAX]);

#endif /* BASE_QUANTITY_H */
