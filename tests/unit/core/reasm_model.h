#ifndef REASM_MODEL_H
#define REASM_MODEL_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/fanout.h"
#include "core/hold.h"
#include "core/late.h"
#include "core/reasm.h"
#include "core/reasm_backlog.h"
#include "fake_sink.h"

/*
 * Reassembly against a model that knows each byte by itself.
 *
 * A case is two streams of one pool and some dozens of operations: segments
 * in any order, more than once, overlapping, with other bytes, cut, missing;
 * acknowledgements, time, flushes.  The model notes per byte of a stream
 * whether it has come, whose copy must win, and what became of it.  Every
 * event is checked against it as it comes, and the counters after each
 * operation.  All of a case follows from its seed:
 *
 *	MODEL_SEED=N	begin with this case: what a failure prints
 *	MODEL_SECONDS=N	for how long (30)
 *
 * With budgets that are never reached the outcome is known to the byte, by
 * every rule for overlaps.  With small budgets, or memory that fails, it is
 * not known when a hole is given up; what must hold nevertheless is checked.
 */

#define SPAN   2048 /* bytes of a stream */
#define VALUES 8    /* values that a byte takes */
#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond))                                                   \
			fail_msg(                                              \
			    "MODEL_SEED=%" PRIu64 ": %s", model.seed, #cond);  \
	} while (0)

/* A byte of a stream, as the model sees it. */
struct byte {
	bool here;     /* has come, and waits or was delivered */
	bool cut;      /* was sent, and not captured */
	bool gone;     /* in a gap */
	uint8_t value; /* of the copy that wins */
	uint8_t sent;  /* values that came while it could be delivered */
	uint8_t told;  /* values that conflicts told of as lost */
	struct hold_edges edges;
	uint64_t acked_ns; /* CLOCK_NEVER: not */
};

struct direction {
	struct session s;
	struct reasm r;
	void *slots;
	uint64_t base; /* offset of byte[0] */
	uint32_t isn;  /* sequence number of byte[0] */
	size_t next;
	size_t held;
	size_t extent; /* behind the last byte known to have been sent */
	unsigned gaps; /* those that touch are one */
	bool gap_is_last;
	uint64_t received, delivered, duplicate, differing, late, strays;
	struct byte byte[SPAN + 1]; /* one more, that never comes */
};

/* What is going on; what may happen depends on it. */
enum doing {
	SEGMENT,
	TICK,
	FLUSH,
};

static struct {
	uint64_t seed;
	uint64_t random;
	const uint8_t *source; /* instead of @random: @left bytes, then 0 */
	size_t left;
	bool is_short; /* other allocations fail than those that we let fail */
	unsigned fail_one_in; /* allocations; 0: none */
	bool exact;           /* budgets that are never reached, and memory */
	struct reasm_opts o;
	struct fake fake;
	struct fanout *fan;
	struct reasm_pool *pool;
	struct direction d[DIR_NDIRS];
	size_t len; /* of the streams */
	uint64_t now_ns;
	uint64_t event_ns;
	uint64_t tick_ns;
	uint64_t lag_ns; /* longest time between two ticks */
	enum doing doing;
	uint64_t bytes_before[DIR_NDIRS];
} model;

static inline uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* As few bytes as that takes. */
static inline uint64_t
draw_from_source(uint64_t below)
{
	uint64_t value = 0;

	for (uint64_t most = below - 1; most > 0; most >>= 8) {
		value <<= 8;
		if (model.left > 0) {
			value |= *model.source++;
			model.left--;
		}
	}
	return value % below;
}

static inline uint64_t
draw(uint64_t below)
{
	if (model.source != NULL)
		return draw_from_source(below);
	model.random += UINT64_C(0x9e3779b97f4a7c15);
	return mix(model.random) % below;
}

static inline bool
one_in(unsigned n)
{
	return draw(n) == 0;
}

/* --- Events --- */

static inline struct direction *
heard(const struct session *s, enum dir dir, uint64_t off, uint64_t ts_ns)
{
	struct direction *d = &model.d[dir];

	CHECK(s == &d->s);
	CHECK(ts_ns == model.event_ns);
	CHECK(off >= d->base && off - d->base <= SPAN);
	return d;
}

static inline void
on_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct direction *d = heard(s, c->dir, c->off, c->ts_ns);

	(void)lane;
	(void)st;
	CHECK(c->off == d->base + d->next && c->len > 0);
	for (size_t i = 0; i < c->len; i++) {
		struct byte *b = &d->byte[d->next + i];

		CHECK(b->here && !b->gone);
		if (model.exact || model.o.overlap == REASM_FIRST)
			CHECK(c->data[i] == b->value);
		else
			CHECK((b->sent & 1 << c->data[i]) != 0);
		b->value = c->data[i];
	}
	d->next += c->len;
	d->delivered += c->len;
	d->gap_is_last = false;
}

static inline void
check_gap_byte(
    const struct direction *d, const struct byte *b, const struct gap *g)
{
	bool forgetful = model.fail_one_in != 0;

	(void)d;
	CHECK(!b->gone);
	switch (g->why) {
	case GAP_SNAPLEN:
		CHECK(b->cut);
		/* It may come in the very segment that room is made for. */
		CHECK(!b->here || !model.exact);
		break;
	case GAP_LOST:
		CHECK(!b->here && (!b->cut || forgetful));
		CHECK(model.doing != SEGMENT);
		if (model.doing == TICK)
			CHECK(b->acked_ns != CLOCK_NEVER &&
			      b->acked_ns + model.o.hold_ns <= model.now_ns);
		break;
	case GAP_BUDGET:
		CHECK(!b->here && (!b->cut || forgetful));
		CHECK(model.doing == SEGMENT && !model.exact);
		break;
	case GAP_QUEUE:
		CHECK(g->why != GAP_QUEUE);
	}
}

static inline void
on_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	struct direction *d = heard(s, g->dir, g->off, g->ts_ns);

	(void)lane;
	(void)st;
	CHECK(g->off == d->base + d->next && g->len > 0);
	CHECK(g->len <= SPAN - d->next);
	for (size_t i = 0; i < g->len; i++) {
		struct byte *b = &d->byte[d->next + i];

		check_gap_byte(d, b, g);
		b->gone = true;
		b->here = false;
	}
	d->next += g->len;
	d->gaps += !d->gap_is_last;
	d->gap_is_last = true;
}

static inline void
on_conflict(struct sink_lane *lane, void *st, const struct session *s,
    const struct conflict *c)
{
	struct direction *d = heard(s, c->dir, c->off, c->ts_ns);

	(void)lane;
	(void)st;
	CHECK(c->len > 0 && c->off + c->len <= d->base + d->next);
	CHECK(c->kept[0] != c->other[0]);
	CHECK(c->kept[c->len - 1] != c->other[c->len - 1]);
	for (size_t i = 0; i < c->len; i++) {
		struct byte *b = &d->byte[c->off - d->base + i];

		CHECK(b->here && c->kept[i] == b->value);
		CHECK((b->sent & 1 << c->other[i]) != 0);
		if (c->other[i] != c->kept[i])
			b->told |= (uint8_t)(1 << c->other[i]);
	}
}

static inline void
ignore_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	(void)lane;
	(void)st;
	(void)s;
	(void)e;
}

static inline void
ignore(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
}

/* --- What must hold at any time --- */

static inline void
check_counters(enum dir dir)
{
	const struct direction *d = &model.d[dir];
	const struct payload_count *n = &reasm_pool_payload(model.pool)[dir];
	uint64_t bytes = count_get(&fanout_totals(model.fan)->bytes[dir]) -
			 model.bytes_before[dir];

	CHECK(count_get(&n->received) == d->received);
	CHECK(bytes == d->delivered);
	CHECK(d->received == bytes + count_get(&n->duplicate) +
				 count_get(&n->differing) +
				 count_get(&n->late) + count_get(&n->strays) +
				 count_get(&n->held));
	CHECK(count_get(&n->strays) == d->strays);
	if (!model.exact)
		return;
	CHECK(count_get(&n->held) == d->held);
	CHECK(count_get(&n->differing) == d->differing);
	/* Beyond that, holes are forgotten, and late is duplicate. */
	if (d->gaps <= LATE_MAX) {
		CHECK(count_get(&n->late) == d->late);
		CHECK(count_get(&n->duplicate) == d->duplicate);
	}
}

static inline void
check_all(void)
{
	size_t held = 0;

	for (unsigned i = 0; i < DIR_NDIRS; i++) {
		struct direction *d = &model.d[i];
		const struct byte *b = &d->byte[d->next];

		CHECK(d->s.off[i] == d->base + d->next);
		/* Nothing that could be delivered is held back. */
		CHECK(!b->here);
		CHECK(!b->cut || model.fail_one_in != 0);
		CHECK(reasm_backlog_bytes(&d->r) <= model.o.hold);
		held += reasm_backlog_bytes(&d->r);
		d->held = 0;
		for (size_t at = d->next; at < d->extent; at++)
			d->held += d->byte[at].here;
		CHECK(d->held == 0 || reasm_backlog_bytes(&d->r) > d->held);
		check_counters((enum dir)i);
	}
	CHECK(held <= model.o.hold_total);
}

#endif /* REASM_MODEL_H */
