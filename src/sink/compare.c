#include <string.h>

#include "sink/compare.h"

void
compare_init(struct compare *c, size_t limit)
{
	*c = (struct compare){ .limit = limit };
}

void
compare_done(struct compare *c)
{
	obuf_done(&c->ahead);
}

static size_t
kept(const struct compare *c)
{
	return c->ahead.len - c->from;
}

static bool
is_settled(const struct compare *c)
{
	return c->different || c->unknown;
}

/* Nothing more is to be compared: let go of the bytes. */
static void
settle(struct compare *c)
{
	obuf_done(&c->ahead);
	c->from = 0;
}

static void
keep(struct compare *c, enum compare_side side, const uint8_t *data, size_t len)
{
	if (kept(c) == 0) {
		obuf_clear(&c->ahead);
		c->from = 0;
		c->who = side;
	}
	if (kept(c) + len > c->limit) {
		compare_lost(c);
		return;
	}
	/* What was caught up with makes place before the buffer grows. */
	if (c->from > 0 && c->ahead.len + len > c->ahead.cap) {
		memmove(c->ahead.data, c->ahead.data + c->from,
		    c->ahead.len - c->from);
		c->ahead.len -= c->from;
		c->from = 0;
	}
	obuf_put(&c->ahead, data, len);
	if (c->ahead.failed)
		compare_lost(c);
}

void
compare_add(
    struct compare *c, enum compare_side side, const uint8_t *data, size_t len)
{
	size_t n;

	if (is_settled(c) || len == 0)
		return;
	if (kept(c) > 0 && c->who != side) {
		n = kept(c) < len ? kept(c) : len;
		if (memcmp(c->ahead.data + c->from, data, n) != 0) {
			c->different = true;
			settle(c);
			return;
		}
		c->equal += n;
		c->from += n;
		data += n;
		len -= n;
	}
	if (len > 0)
		keep(c, side, data, len);
}

void
compare_lost(struct compare *c)
{
	c->unknown = !c->different;
	settle(c);
}

enum compare_verdict
compare_verdict(const struct compare *c)
{
	if (c->different)
		return COMPARE_DIFFERENT;
	if (c->unknown)
		return COMPARE_UNKNOWN;
	return kept(c) > 0 ? COMPARE_DIFFERENT : COMPARE_EQUAL;
}
