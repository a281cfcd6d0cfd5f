#ifndef REASM_PLAY_H
#define REASM_PLAY_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "core/fanout.h"
#include "core/reasm.h"
#include "reasm_model.h"

/*
 * What happens in a case of reasm_model.h: the test draws it from a seed, the
 * fuzzer (fuzz/fuzz_reasm.c) from its input.
 */

/* --- Operations --- */

/* The rules as written in reasm_overlap.c, of a byte that is held. */
static inline bool
keeps_new(const struct hold_edges *later, const struct hold_edges *held)
{
	bool before = later->off < held->off;

	switch (model.o.overlap) {
	case REASM_FIRST:
		break;
	case REASM_LAST:
		return true;
	case REASM_LINUX:
		return before ||
		       (later->off == held->off && later->end > held->end);
	case REASM_WINDOWS:
	case REASM_BSD:
		return before;
	}
	return false;
}

static inline void
model_byte(struct direction *d, size_t at, uint8_t value,
    const struct hold_edges *edges)
{
	struct byte *b = &d->byte[at];

	if (b->gone) {
		d->late++;
		return;
	}
	b->sent |= (uint8_t)(1 << value);
	if (b->here) {
		if (b->value == value)
			d->duplicate++;
		else
			d->differing++;
		if (at < d->next || !keeps_new(edges, &b->edges))
			return;
	}
	b->here = true;
	b->value = value;
	b->edges = *edges;
}

/* @at < 0: begins before the stream. */
static inline void
model_segment(struct direction *d, int at, const uint8_t *data,
    const struct reasm_piece *piece)
{
	int end = at + (int)piece->wire_len;
	struct hold_edges edges;

	d->received += piece->len;
	if (end <= 0) {
		d->strays += piece->len;
		return;
	}
	edges = (struct hold_edges){ at > 0 ? (uint64_t)at : 0, (uint64_t)end };
	for (int i = at; i < end; i++) {
		if (i < 0)
			d->strays += i < at + (int)piece->len;
		else if (i < at + (int)piece->len)
			model_byte(d, (size_t)i, data[i - at], &edges);
		else if ((size_t)i >= d->next)
			d->byte[i].cut = true;
	}
	if ((size_t)end > d->extent)
		d->extent = (size_t)end;
}

/*
 * Which value of a byte is the true one; others come now and then.  All that
 * matters is that equal bytes are common, and differing ones, too.
 */
static inline uint8_t
true_value(size_t at)
{
	return (uint8_t)(mix(model.seed ^ at) % VALUES);
}

static inline void
do_segment(enum dir dir)
{
	struct direction *d = &model.d[dir];
	size_t most = one_in(8) ? model.len : 24;
	int at = (int)draw(model.len);
	int len;
	bool altered = one_in(5);
	/* Of exactly its size, so that sanitizers see who reads beyond. */
	uint8_t *data;
	struct reasm_piece piece;

	if (one_in(3))
		at = (int)d->next;
	/* Where offsets begin in the middle, what is before is not stray. */
	if (one_in(4) && d->base == 0)
		at -= (int)draw(24);
	len = (int)draw(most) + 1;
	if (at + len > (int)model.len)
		len = (int)model.len - at;
	if (len <= 0)
		return;
	data = malloc((size_t)len);
	CHECK(data != NULL);
	for (int i = 0; i < len; i++) {
		data[i] = true_value((size_t)(at + i));
		if (altered && one_in(3))
			data[i] = (uint8_t)draw(VALUES);
	}
	model.event_ns = model.now_ns;
	/* Clocks of captures run backwards now and then. */
	if (one_in(16))
		model.event_ns -= draw(1000);
	piece = (struct reasm_piece){
		.ts_ns = model.event_ns,
		.seq = d->isn + (uint32_t)at,
		.data = data,
		.len =
		    one_in(6) ? (uint32_t)draw((uint64_t)len) : (uint32_t)len,
		.wire_len = (uint32_t)len,
	};
	model_segment(d, at, data, &piece);
	model.doing = SEGMENT;
	(void)reasm_segment(model.pool, &d->r, &piece); /* test_reasm.c does */
	free(data);
}

static inline void
do_ack(enum dir dir)
{
	struct direction *d = &model.d[dir];
	size_t upto = draw(model.len + 1);

	model.doing = SEGMENT;
	reasm_ack(model.pool, &d->r, d->isn + (uint32_t)upto, model.now_ns);
	for (size_t i = 0; i < upto; i++) {
		if (d->byte[i].acked_ns == CLOCK_NEVER)
			d->byte[i].acked_ns = model.now_ns;
	}
	if (upto > d->extent)
		d->extent = upto;
}

static inline void
gave_up(void *self, struct reasm *r)
{
	const struct direction *d = ATTR_CONTAINER(r, struct direction, r);

	(void)self;
	CHECK(d == &model.d[0] || d == &model.d[1]);
}

static inline void
do_tick(void)
{
	model.now_ns += draw(model.o.hold_ns);
	if (model.now_ns - model.tick_ns > model.lag_ns)
		model.lag_ns = model.now_ns - model.tick_ns;
	model.tick_ns = model.now_ns;
	model.event_ns = model.now_ns;
	model.doing = TICK;
	reasm_pool_tick(model.pool, model.now_ns, gave_up, NULL);
	for (unsigned i = 0; i < DIR_NDIRS && model.exact; i++) {
		const struct direction *d = &model.d[i];
		const struct byte *b = &d->byte[d->next];

		/* Twice at most is it waited for, and then for a tick. */
		CHECK(b->acked_ns == CLOCK_NEVER ||
		      model.now_ns - b->acked_ns <
			  2 * (model.o.hold_ns + model.lag_ns));
	}
}

static inline void
do_flush(enum dir dir)
{
	struct direction *d = &model.d[dir];
	size_t upto = one_in(2) ? 0 : draw(model.len + 1);
	size_t last = d->next;

	for (size_t i = d->next; i < d->extent; i++) {
		if (d->byte[i].here || d->byte[i].cut)
			last = i + 1;
	}
	if (upto > last)
		last = upto;
	model.event_ns = model.now_ns;
	model.doing = FLUSH;
	reasm_flush(model.pool, &d->r, d->base + upto, model.now_ns, GAP_LOST);
	CHECK(d->next == last || model.fail_one_in != 0);
	CHECK(reasm_backlog_bytes(&d->r) == 0);
}

static inline void
do_discard(enum dir dir)
{
	struct direction *d = &model.d[dir];
	const struct payload_count *n = &reasm_pool_payload(model.pool)[dir];
	uint64_t held = count_get(&n->held);

	reasm_discard(model.pool, &d->r);
	d->strays += held;
	for (size_t i = d->next; i < SPAN; i++) {
		struct byte *b = &d->byte[i];

		*b = (struct byte){ .acked_ns = b->acked_ns };
	}
	CHECK(reasm_backlog_bytes(&d->r) == 0);
}

static inline void
do_something(void)
{
	enum dir dir = one_in(3) ? DIR_SERVER : DIR_CLIENT;

	switch (draw(24)) {
	case 0:
	case 1:
		do_ack(dir);
		break;
	case 2:
	case 3:
		do_tick();
		break;
	case 4:
		if (one_in(3))
			do_flush(dir);
		break;
	case 5:
		if (one_in(8))
			do_discard(dir);
		break;
	default:
		do_segment(dir);
	}
	check_all();
}

/* --- A case --- */

/* Every copy that differed from what was delivered was told of. */
static inline void
check_conflicts(const struct direction *d)
{
	for (size_t i = 0; i < d->next; i++) {
		const struct byte *b = &d->byte[i];

		if (b->here)
			CHECK(b->told == (b->sent & ~(1 << b->value)));
	}
}

static inline void
draw_opts(void)
{
	static const size_t log[] = { 0, 300, 4096 };

	model.exact = one_in(2);
	model.fail_one_in =
	    !model.exact && one_in(2) ? 1 + (unsigned)draw(8) : 0;
	if (model.is_short) {
		model.exact = false;
		model.fail_one_in = UINT_MAX;
	}
	model.o = (struct reasm_opts){
		.hold = REASM_HOLD_DEFAULT,
		.hold_total = REASM_HOLD_TOTAL_DEFAULT,
		.hold_ns = 1000 + draw(1000000),
		.history = (size_t)64 << 10,
		.overlap = (enum reasm_overlap)draw(REASM_NOVERLAPS),
	};
	if (model.exact)
		return;
	if (!one_in(3))
		model.o.hold = draw(2000);
	if (!one_in(3))
		model.o.hold_total = draw(3000);
	model.o.history = log[draw(ATTR_COUNT(log))];
}

static inline void
start(enum dir dir)
{
	struct direction *d = &model.d[dir];

	d->base = one_in(4) ? draw(UINT64_C(1) << 40) : 0;
	d->isn = one_in(2) ? (uint32_t)draw(UINT64_C(1) << 32)
			   : UINT32_MAX - (uint32_t)draw(model.len);
	d->next = d->held = d->extent = 0;
	d->gaps = 0;
	d->gap_is_last = false;
	d->received = d->delivered = d->duplicate = d->differing = 0;
	d->late = d->strays = 0;
	for (size_t i = 0; i <= SPAN; i++)
		d->byte[i] = (struct byte){ .acked_ns = CLOCK_NEVER };
	memset(d->slots, 0, fanout_session_size(model.fan));
	session_init(&d->s, model.fan, d->slots);
	session_open(&d->s);
	d->s.off[dir] = d->base;
	reasm_init(&d->r, &d->s, dir);
	reasm_start(&d->r, d->isn - (uint32_t)d->base);
	model.bytes_before[dir] =
	    count_get(&fanout_totals(model.fan)->bytes[dir]);
}

static inline void
finish(enum dir dir)
{
	struct direction *d = &model.d[dir];

	do_flush(dir);
	check_all();
	CHECK(d->held == 0);
	if (model.exact)
		check_conflicts(d);
	session_end(&d->s, dir, model.now_ns, HOW_FIN, PARTY_CLIENT);
	reasm_done(model.pool, &d->r);
	session_close(&d->s, model.now_ns, HOW_FIN, PARTY_CLIENT);
}

/* Of model.seed and model.random, or of the bytes of model.source. */
static inline void
run_case(void)
{
	size_t n;

	model.fail_one_in = 0;
	model.now_ns = UINT64_C(1) << 40;
	model.tick_ns = model.now_ns;
	model.lag_ns = 0;
	model.len = one_in(16) ? SPAN : 32 + draw(160);
	n = 4 + draw(60);
	draw_opts();
	model.pool = reasm_pool_new(&model.o);
	CHECK(model.pool != NULL || model.is_short);
	if (model.pool == NULL)
		return;
	for (unsigned i = 0; i < DIR_NDIRS; i++)
		start((enum dir)i);
	for (size_t i = 0; i < n; i++) {
		model.now_ns += draw(500);
		do_something();
	}
	for (unsigned i = 0; i < DIR_NDIRS; i++)
		finish((enum dir)i);
	reasm_pool_free(model.pool);
	model.fake.log[0] = '\0';
}

/* --- What all cases share --- */

/* The fan-out with the one sink, and slots for both sessions. */
static inline void
model_set_up(void)
{
	struct sink *sink = &model.fake.sink;

	fake_init(&model.fake, NEED_MEMORY, ON_FULL_PAUSE);
	model.fake.ops.data = on_data;
	model.fake.ops.gap = on_gap;
	model.fake.ops.conflict = on_conflict;
	model.fake.ops.end = ignore_end;
	model.fake.ops.close = ignore;
	model.fan = fanout_new(&sink, 1, NULL, NULL);
	CHECK(model.fan != NULL);
	for (unsigned i = 0; i < DIR_NDIRS; i++) {
		model.d[i].slots = malloc(fanout_session_size(model.fan));
		CHECK(model.d[i].slots != NULL);
	}
}

static inline void
model_tear_down(void)
{
	for (unsigned i = 0; i < DIR_NDIRS; i++)
		free(model.d[i].slots);
	fanout_free(model.fan);
}

#endif /* REASM_PLAY_H */
