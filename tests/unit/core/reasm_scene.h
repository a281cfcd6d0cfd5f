#ifndef REASM_SCENE_H
#define REASM_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/fanout.h"
#include "core/hold.h"
#include "core/reasm.h"
#include "core/reasm_backlog.h"
#include "fake_sink.h"

#define MS UINT64_C(1000000)

/*
 * Two sessions on one pool, and a sink that writes down what it is told with
 * the bytes: "0:abc;" for data, "gap 3+4 lost;", "conflict 0 abc/axc;".  Those
 * of the second session are marked: "#2 0:abc;".
 */
struct scene {
	struct fake fake;
	struct fanout *fan;
	struct reasm_pool *pool;
	struct session s[2];
	void *slots[2];
	struct reasm r[2];
	uint32_t isn;
	uint64_t now_ns;
	unsigned told;
	char stream[256]; /* the first session's beginning; '-': missing */
};

static inline void
write_down(const struct sink_lane *lane, const struct session *s, uint64_t off,
    const char *text, uint64_t len)
{
	struct scene *sc = ATTR_CONTAINER(lane->self, struct scene, fake);

	for (uint64_t i = 0; i < len && s->id == 1; i++) {
		if (off + i < sizeof(sc->stream) - 1)
			sc->stream[off + i] = text != NULL ? text[i] : '-';
	}
}

static inline void
say_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct fake *f = fake_of(lane, st, s);

	write_down(lane, s, c->off, (const char *)c->data, c->len);
	fake_say(f, "%s%ju:%.*s;", s->id == 2 ? "#2 " : "", (uintmax_t)c->off,
	    (int)c->len, (const char *)c->data);
}

static inline void
say_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	write_down(lane, s, g->off, NULL, g->len);
	fake_say(fake_of(lane, st, s), "%sgap %ju+%ju %s;",
	    s->id == 2 ? "#2 " : "", (uintmax_t)g->off, (uintmax_t)g->len,
	    event_gap_name(g->why));
}

static inline void
say_conflict(struct sink_lane *lane, void *st, const struct session *s,
    const struct conflict *c)
{
	assert_true(c->off + c->len <= s->off[c->dir]);
	fake_say(fake_of(lane, st, s), "conflict %ju %.*s/%.*s;",
	    (uintmax_t)c->off, (int)c->len, (const char *)c->kept, (int)c->len,
	    (const char *)c->other);
}

static inline struct reasm_opts
defaults(void)
{
	return (struct reasm_opts){
		.hold = REASM_HOLD_DEFAULT,
		.hold_total = REASM_HOLD_TOTAL_DEFAULT,
		.hold_ns = 100 * MS,
		.history = 4096,
		.overlap = REASM_FIRST,
	};
}

static inline void
scene_init(struct scene *sc, const struct reasm_opts *o, uint32_t isn)
{
	struct sink *sink = &sc->fake.sink;

	memset(sc, 0, sizeof(*sc));
	fake_init(&sc->fake, NEED_MEMORY, ON_FULL_PAUSE);
	sc->fake.ops.data = say_data;
	sc->fake.ops.gap = say_gap;
	sc->fake.ops.conflict = say_conflict;
	sc->fan = fanout_new(&sink, 1, NULL, NULL);
	assert_non_null(sc->fan);
	sc->pool = reasm_pool_new(o);
	assert_non_null(sc->pool);
	sc->isn = isn;
	sc->now_ns = 1000 * MS;
	for (unsigned i = 0; i < 2; i++) {
		sc->slots[i] = calloc(1, fanout_session_size(sc->fan));
		assert_non_null(sc->slots[i]);
		session_init(&sc->s[i], sc->fan, sc->slots[i]);
		sc->s[i].id = i + 1;
		session_open(&sc->s[i]);
		reasm_init(&sc->r[i], &sc->s[i], DIR_CLIENT);
		reasm_start(&sc->r[i], isn);
	}
	sc->fake.log[0] = '\0';
}

static inline uint64_t
counted(const struct count *c)
{
	return count_get(c);
}

/* Decision 17: this holds at any time. */
static inline void
check_sum(const struct scene *sc)
{
	const struct payload_count *n =
	    &reasm_pool_payload(sc->pool)[DIR_CLIENT];

	assert_int_equal(counted(&n->received),
	    counted(&fanout_totals(sc->fan)->bytes[DIR_CLIENT]) +
		counted(&n->duplicate) + counted(&n->differing) +
		counted(&n->late) + counted(&n->strays) + counted(&n->held));
}

static inline void
scene_done(struct scene *sc)
{
	for (unsigned i = 0; i < 2; i++) {
		reasm_done(sc->pool, &sc->r[i]);
		check_sum(sc);
		session_close(&sc->s[i], 0, HOW_STOP, PARTY_US);
		free(sc->slots[i]);
	}
	assert_int_equal(
	    counted(&reasm_pool_payload(sc->pool)[DIR_CLIENT].held), 0);
	reasm_pool_free(sc->pool);
	fanout_free(sc->fan);
}

static inline int
set_up(void **state)
{
	static struct scene sc;
	struct reasm_opts o = defaults();

	scene_init(&sc, &o, 1000);
	*state = &sc;
	return 0;
}

static inline int
tear_down(void **state)
{
	scene_done(*state);
	return 0;
}

/* A segment of session @i, of which only the first bytes were captured. */
static inline enum reasm_result
cut_of(struct scene *sc, unsigned i, int64_t off, const char *text,
    uint32_t wire_len)
{
	size_t len = strlen(text);
	/* Of exactly this size: sanitizers see who reads beyond. */
	uint8_t *copy = malloc(len + 1);
	struct reasm_piece piece = {
		.ts_ns = sc->now_ns,
		.seq = sc->isn + (uint32_t)off,
		.len = (uint32_t)len,
		.wire_len = wire_len,
	};
	enum reasm_result result;

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	piece.data = copy + 1;
	result = reasm_segment(sc->pool, &sc->r[i], &piece);
	free(copy);
	check_sum(sc);
	return result;
}

static inline enum reasm_result
cut(struct scene *sc, int64_t off, const char *text, uint32_t wire_len)
{
	return cut_of(sc, 0, off, text, wire_len);
}

static inline enum reasm_result
segment(struct scene *sc, int64_t off, const char *text)
{
	return cut(sc, off, text, (uint32_t)strlen(text));
}

static inline enum reasm_result
segment_of(struct scene *sc, unsigned i, int64_t off, const char *text)
{
	return cut_of(sc, i, off, text, (uint32_t)strlen(text));
}

static inline void
acked(struct scene *sc, uint64_t off)
{
	reasm_ack(sc->pool, &sc->r[0], sc->isn + (uint32_t)off, sc->now_ns);
}

static inline void
gave_up(void *self, struct reasm *r)
{
	struct scene *sc = self;

	assert_ptr_equal(r, &sc->r[0]);
	sc->told++;
}

static inline void
wait_ms(struct scene *sc, uint64_t ms)
{
	sc->now_ns += ms * MS;
	reasm_pool_tick(sc->pool, sc->now_ns, gave_up, sc);
	check_sum(sc);
}

static inline void
flush(struct scene *sc, uint64_t upto)
{
	reasm_flush(sc->pool, &sc->r[0], upto, sc->now_ns, GAP_LOST);
	check_sum(sc);
}

/* What the sink was told since the last time. */
static inline void
expect(struct scene *sc, const char *log)
{
	assert_string_equal(sc->fake.log, log);
	sc->fake.log[0] = '\0';
}

static inline void
expect_count(const struct scene *sc, size_t member, uint64_t n)
{
	const char *all =
	    (const char *)&reasm_pool_payload(sc->pool)[DIR_CLIENT];

	assert_int_equal(
	    count_get((const struct count *)(const void *)(all + member)), n);
}

#define EXPECT_COUNT(sc, member, n)                                            \
	expect_count(sc, offsetof(struct payload_count, member), n)

/* A test with a scene of default options. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* REASM_SCENE_H */
