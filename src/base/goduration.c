#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#include "base/goduration.h"

/*
 * A unit, and what is left as its decimal fraction, without zeros at its end.
 * Returns what was written; @size is enough.
 */
static size_t
put_decimal(char *out, size_t size, uint64_t ns, uint64_t unit)
{
	int digits = 0, n;
	uint64_t rest = ns % unit;

	for (uint64_t u = unit; u > 1; u /= 10)
		digits++;
	n = snprintf(out, size, "%ju", (uintmax_t)(ns / unit));
	if (rest == 0)
		return (size_t)n;
	n += snprintf(
	    out + n, size - (size_t)n, ".%0*ju", digits, (uintmax_t)rest);
	while (out[n - 1] == '0')
		n--;
	return (size_t)n;
}

static void
format_short(uint64_t ns, char buf[GODURATION_MAX])
{
	static const struct {
		uint64_t ns;
		const char *name;
	} unit[] = {
		{ CLOCK_NS_PER_MS, "ms" },
		{ CLOCK_NS_PER_US, "\xc2\xb5s" },
		{ 1, "ns" },
	};
	size_t i = 0, n;

	while (ns < unit[i].ns)
		i++;
	n = put_decimal(buf, GODURATION_MAX, ns, unit[i].ns);
	(void)snprintf(buf + n, GODURATION_MAX - n, "%s", unit[i].name);
}

const char *
goduration_format(uint64_t ns, char buf[GODURATION_MAX])
{
	uint64_t minutes = ns / (60 * CLOCK_NS_PER_S);
	size_t n = 0;

	if (ns == 0) {
		(void)snprintf(buf, GODURATION_MAX, "0s");
		return buf;
	}
	if (ns < CLOCK_NS_PER_S) {
		format_short(ns, buf);
		return buf;
	}
	if (minutes >= 60)
		n = (size_t)snprintf(
		    buf, GODURATION_MAX, "%juh", (uintmax_t)(minutes / 60));
	if (minutes > 0)
		n += (size_t)snprintf(buf + n, GODURATION_MAX - n, "%um",
		    (unsigned)(minutes % 60));
	n += put_decimal(buf + n, GODURATION_MAX - n,
	    ns % (60 * CLOCK_NS_PER_S), CLOCK_NS_PER_S);
	memcpy(buf + n, "s", 2);
	return buf;
}
