#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire/netrecord.h"

#define US_PER_S 1000000

static const char *const word[] = {
	[NETRECORD_CON] = "con",
	[NETRECORD_DATA] = NULL,
	[NETRECORD_HUP] = "hup",
	[NETRECORD_ERR] = "err",
};
static_assert(ATTR_COUNT(word) == NETRECORD_NWHATS, "a word per what");

/* At least @width digits of @v at @to; the number of digits. */
static size_t
put_digits(char *to, uint64_t v, size_t width)
{
	char digit[20];
	size_t n = 0;

	for (; v > 0 || n < width; v /= 10)
		digit[n++] = (char)('0' + v % 10);
	for (size_t i = 0; i < n; i++)
		to[i] = digit[n - 1 - i];
	return n;
}

size_t
netrecord_encode(char *to, const struct netrecord *r)
{
	size_t n = 0;

	assert(r->what < NETRECORD_NWHATS);
	to[n++] = r->side == NETRECORD_CLIENT ? 'c' : 's';
	to[n++] = ' ';
	n += put_digits(to + n, r->time_us / US_PER_S, 1);
	to[n++] = '.';
	n += put_digits(to + n, r->time_us % US_PER_S, 6);
	to[n++] = ' ';
	if (r->what == NETRECORD_DATA) {
		n += put_digits(to + n, r->len, 1);
	} else {
		memcpy(to + n, word[r->what], 3);
		n += 3;
	}
	to[n++] = '\n';
	assert(n <= NETRECORD_HEAD_MAX);
	return n;
}

/* A line that is being read; @at never passes @end. */
struct line {
	const uint8_t *at;
	const uint8_t *end;
};

static bool
take(struct line *l, char c)
{
	if (l->at == l->end || *l->at != (uint8_t)c)
		return false;
	l->at++;
	return true;
}

/*
 * Digits up to something else, as a number of at most @max; @digits is how
 * many, since a fraction needs to know.
 */
static bool
take_number(struct line *l, uint64_t max, uint64_t *v, size_t *digits)
{
	const uint8_t *start = l->at;
	unsigned digit;

	*v = 0;
	for (; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++) {
		digit = (unsigned)(*l->at - '0');
		if (*v > (max - digit) / 10)
			return false;
		*v = *v * 10 + digit;
	}
	*digits = (size_t)(l->at - start);
	return *digits > 0;
}

static bool
take_time(struct line *l, uint64_t *us)
{
	uint64_t seconds, fraction;
	size_t digits;

	if (!take_number(l, UINT64_MAX / US_PER_S - 1, &seconds, &digits) ||
	    !take(l, '.') ||
	    !take_number(l, US_PER_S - 1, &fraction, &digits) || digits > 6)
		return false;
	for (; digits < 6; digits++)
		fraction *= 10;
	*us = seconds * US_PER_S + fraction;
	return true;
}

static bool
take_what(struct line *l, struct netrecord *r)
{
	size_t n = (size_t)(l->end - l->at);

	for (unsigned i = 0; i < NETRECORD_NWHATS; i++) {
		if (word[i] == NULL || n != strlen(word[i]) ||
		    memcmp(l->at, word[i], n) != 0)
			continue;
		r->what = (enum netrecord_what)i;
		l->at = l->end;
		return true;
	}
	r->what = NETRECORD_DATA;
	return take_number(l, UINT64_MAX, &r->len, &n);
}

int
netrecord_decode(
    struct netrecord *r, size_t *used, const uint8_t *data, size_t len)
{
	size_t most = len < NETRECORD_HEAD_MAX ? len : NETRECORD_HEAD_MAX;
	const uint8_t *end = most > 0 ? memchr(data, '\n', most) : NULL;
	struct line l = { .at = data, .end = end };
	struct netrecord out = { 0 };

	if (end == NULL)
		return len < NETRECORD_HEAD_MAX ? -EAGAIN : -EBADMSG;
	if (take(&l, 's'))
		out.side = NETRECORD_SERVER;
	else if (!take(&l, 'c'))
		return -EBADMSG;
	if (!take(&l, ' ') || !take_time(&l, &out.time_us) || !take(&l, ' ') ||
	    !take_what(&l, &out) || l.at != l.end)
		return -EBADMSG;
	*r = out;
	*used = (size_t)(end - data) + 1;
	return 0;
}
