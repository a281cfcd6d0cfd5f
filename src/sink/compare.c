#include <string.h>

#include "sink/compare.h"

/* Memory that a comparison holds on to although it keeps nothing. */
#define MEMORY_KEPT 4096

void
compare_init(struct compare *c, size_t limit, struct compare_pool *pool)
{
	*c = (struct compare){ .limit = limit, .pool = pool };
}

/* Memory counts as long as it is held, whatever is in it. */
static void
count_memory(struct compare *c)
{
	c->pool->kept = c->pool->kept - c->counted + c->ahead.cap;
	c->counted = c->ahead.cap;
}

static void
let_go(struct compare *c)
{
	obuf_done(&c->ahead);
	count_memory(c);
}

void
compare_done(struct compare *c)
{
	let_go(c);
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
	let_go(c);
	c->from = 0;
}

/* All comparisons together have a bound, too. */
static bool
is_too_much(const struct compare *c, size_t len)
{
	return c->pool->kept + len > c->pool->most;
}

static void
keep(struct compare *c, enum compare_side side, const uint8_t *data, size_t len)
{
	if (kept(c) == 0) {
		obuf_clear(&c->ahead);
		c->from = 0;
		c->who = side;
	}
	if (kept(c) + len > c->limit || is_too_much(c, len)) {
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
	count_memory(c);
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
		if (kept(c) == 0 && c->ahead.cap > MEMORY_KEPT)
			settle(c);
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
