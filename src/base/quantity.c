#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/quantity.h"

struct unit {
	const char *name;
	uint64_t size;
};

#define KI 1024ULL
#define KB 1000ULL

/*
 * Of several names for a unit the first is how we write it.  Largest first,
 * so that the first one that divides a value exactly is the shortest.
 */
static const struct unit size_units[] = {
	{ "TiB", KI *KI *KI *KI },
	{ "GiB", KI *KI *KI },
	{ "MiB", KI *KI },
	{ "KiB", KI },
	{ "T", KB *KB *KB *KB },
	{ "G", KB *KB *KB },
	{ "M", KB *KB },
	{ "k", KB },
	{ "", 1 },
	{ "Ti", KI *KI *KI *KI },
	{ "Gi", KI *KI *KI },
	{ "Mi", KI *KI },
	{ "Ki", KI },
	{ "TB", KB *KB *KB *KB },
	{ "GB", KB *KB *KB },
	{ "MB", KB *KB },
	{ "kB", KB },
	{ "B", 1 },
};

static const struct unit time_units[] = {
	{ "d", 86400 * CLOCK_NS_PER_S },
	{ "h", 3600 * CLOCK_NS_PER_S },
	{ "m", 60 * CLOCK_NS_PER_S },
	{ "s", CLOCK_NS_PER_S },
	{ "ms", CLOCK_NS_PER_MS },
	{ "us", CLOCK_NS_PER_US },
	{ "ns", 1 },
	{ "min", 60 * CLOCK_NS_PER_S },
	{ "", CLOCK_NS_PER_S },
};

static const struct unit count_units[] = {
	{ "", 1 },
};

struct unit_table {
	const struct unit *units;
	size_t n;
};

static struct unit_table
units_of(enum quantity_kind kind)
{
	switch (kind) {
	case QUANTITY_SIZE:
		return (
		    struct unit_table){ size_units, ATTR_COUNT(size_units) };
	case QUANTITY_TIME:
		return (
		    struct unit_table){ time_units, ATTR_COUNT(time_units) };
	case QUANTITY_COUNT:
		break;
	}
	return (struct unit_table){ count_units, ATTR_COUNT(count_units) };
}

static uint64_t
unit_size(struct unit_table t, const char *name)
{
	for (size_t i = 0; i < t.n; i++)
		if (strcasecmp(t.units[i].name, name) == 0)
			return t.units[i].size;
	return 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Scales "1.5" by a power-of-ten multiple unit; false when it does not fit.
 * Decimals below one nanosecond are not worth an error.
 */
static bool
scale(const char *text, uint64_t unit, uint64_t *value)
{
	uint64_t v = 0;

	for (; is_digit(*text); text++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return false;
	if (__builtin_mul_overflow(v, unit, &v))
		return false;
	if (*text == '.')
		text++;
	/* Minutes, hours and days end in zeros enough for nine decimals. */
	for (uint64_t part = unit / 10; is_digit(*text) && part > 0;
	     text++, part /= 10)
		if (__builtin_add_overflow(
			v, (uint64_t)(*text - '0') * part, &v))
			return false;
	*value = v;
	return true;
}

static int
refuse(enum quantity_kind kind, const char *text, struct err *err)
{
	switch (kind) {
	case QUANTITY_SIZE:
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no size: bytes are meant, or a whole number "
		    "with a unit, as in 64KiB or 1M",
		    text);
	case QUANTITY_TIME:
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no time: seconds are meant, or a number "
		    "with a unit, as in 1.5, 500ms or 2m",
		    text);
	case QUANTITY_COUNT:
		break;
	}
	return err_set(err, -EINVAL, "\"%.64s\" is no whole number", text);
}

static int
out_of_range(enum quantity_kind kind, const char *text,
    const struct quantity_range *range, struct err *err)
{
	char min[QUANTITY_TEXT_MAX];
	char max[QUANTITY_TEXT_MAX];

	quantity_format(kind, range->min, min);
	if (range->max == UINT64_MAX)
		return err_set(err, -ERANGE,
		    "%.64s is out of range: %s or more", text, min);
	return err_set(err, -ERANGE, "%.64s is out of range: %s to %s", text,
	    min, quantity_format(kind, range->max, max));
}

int
quantity_parse(enum quantity_kind kind, const char *text,
    const struct quantity_range *range, uint64_t *value, struct err *err)
{
	bool below = text[0] == '-';
	const char *digits = text + (below ? 1 : 0);
	size_t whole = strspn(digits, "0123456789");
	size_t decimals = 0;
	const char *rest = digits + whole;
	uint64_t unit;
	uint64_t v;

	if (kind == QUANTITY_TIME && *rest == '.') {
		decimals = strspn(rest + 1, "0123456789");
		rest += 1 + decimals;
	}
	unit = unit_size(units_of(kind), rest);
	if (whole + decimals == 0 || unit == 0)
		return refuse(kind, text, err);
	if (below || !scale(text, unit, &v) || v < range->min || v > range->max)
		return out_of_range(kind, text, range, err);
	*value = v;
	return 0;
}

const char *
quantity_format(
    enum quantity_kind kind, uint64_t value, char buf[QUANTITY_TEXT_MAX])
{
	struct unit_table t = units_of(kind);
	const struct unit *u = t.units;

	/* Every table has a unit of 1; none is needed for nothing. */
	while (value % u->size != 0)
		u++;
	(void)snprintf(buf, QUANTITY_TEXT_MAX, "%" PRIu64 "%s", value / u->size,
	    value == 0 ? "" : u->name);
	return buf;
}
