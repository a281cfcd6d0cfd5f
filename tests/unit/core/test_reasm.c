#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/fanout.h"
#include "core/hold.h"
#include "core/reasm.h"
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

static void
write_down(const struct sink_lane *lane, const struct session *s, uint64_t off,
    const char *text, uint64_t len)
{
	struct scene *sc = ATTR_CONTAINER(lane->self, struct scene, fake);

	for (uint64_t i = 0; i < len && s->id == 1; i++) {
		if (off + i < sizeof(sc->stream) - 1)
			sc->stream[off + i] = text != NULL ? text[i] : '-';
	}
}

static void
say_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct fake *f = fake_of(lane, st, s);

	write_down(lane, s, c->off, (const char *)c->data, c->len);
	fake_say(f, "%s%ju:%.*s;", s->id == 2 ? "#2 " : "", (uintmax_t)c->off,
	    (int)c->len, (const char *)c->data);
}

static void
say_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	write_down(lane, s, g->off, NULL, g->len);
	fake_say(fake_of(lane, st, s), "%sgap %ju+%ju %s;",
	    s->id == 2 ? "#2 " : "", (uintmax_t)g->off, (uintmax_t)g->len,
	    event_gap_name(g->why));
}

static void
say_conflict(struct sink_lane *lane, void *st, const struct session *s,
    const struct conflict *c)
{
	assert_true(c->off + c->len <= s->off[c->dir]);
	fake_say(fake_of(lane, st, s), "conflict %ju %.*s/%.*s;",
	    (uintmax_t)c->off, (int)c->len, (const char *)c->kept, (int)c->len,
	    (const char *)c->other);
}

static struct reasm_opts
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

static void
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

static uint64_t
counted(const struct count *c)
{
	return count_get(c);
}

/* Decision 17: this holds at any time. */
static void
check_sum(const struct scene *sc)
{
	const struct payload_count *n =
	    &reasm_pool_payload(sc->pool)[DIR_CLIENT];

	assert_int_equal(counted(&n->received),
	    counted(&fanout_totals(sc->fan)->bytes[DIR_CLIENT]) +
		counted(&n->duplicate) + counted(&n->differing) +
		counted(&n->late) + counted(&n->strays) + counted(&n->held));
}

static void
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

static int
set_up(void **state)
{
	static struct scene sc;
	struct reasm_opts o = defaults();

	scene_init(&sc, &o, 1000);
	*state = &sc;
	return 0;
}

static int
tear_down(void **state)
{
	scene_done(*state);
	return 0;
}

/* A segment of session @i, of which only the first bytes were captured. */
static enum reasm_result
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

static enum reasm_result
cut(struct scene *sc, int64_t off, const char *text, uint32_t wire_len)
{
	return cut_of(sc, 0, off, text, wire_len);
}

static enum reasm_result
segment(struct scene *sc, int64_t off, const char *text)
{
	return cut(sc, off, text, (uint32_t)strlen(text));
}

static enum reasm_result
segment_of(struct scene *sc, unsigned i, int64_t off, const char *text)
{
	return cut_of(sc, i, off, text, (uint32_t)strlen(text));
}

static void
acked(struct scene *sc, uint64_t off)
{
	reasm_ack(sc->pool, &sc->r[0], sc->isn + (uint32_t)off, sc->now_ns);
}

static void
gave_up(void *self, struct reasm *r)
{
	struct scene *sc = self;

	assert_ptr_equal(r, &sc->r[0]);
	sc->told++;
}

static void
wait_ms(struct scene *sc, uint64_t ms)
{
	sc->now_ns += ms * MS;
	reasm_pool_tick(sc->pool, sc->now_ns, gave_up, sc);
	check_sum(sc);
}

static void
flush(struct scene *sc, uint64_t upto)
{
	reasm_flush(sc->pool, &sc->r[0], upto, sc->now_ns, GAP_LOST);
	check_sum(sc);
}

/* What the sink was told since the last time. */
static void
expect(struct scene *sc, const char *log)
{
	assert_string_equal(sc->fake.log, log);
	sc->fake.log[0] = '\0';
}

static void
expect_count(const struct scene *sc, size_t member, uint64_t n)
{
	const char *all =
	    (const char *)&reasm_pool_payload(sc->pool)[DIR_CLIENT];

	assert_int_equal(
	    count_get((const struct count *)(const void *)(all + member)), n);
}

#define EXPECT_COUNT(sc, member, n)                                            \
	expect_count(sc, offsetof(struct payload_count, member), n)

/* --- Order --- */

static void
in_order_is_delivered_at_once(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(segment(sc, 0, "abc"), REASM_NEW);
	expect(sc, "0:abc;");
	assert_int_equal(segment(sc, 3, "de"), REASM_NEW);
	expect(sc, "3:de;");
	assert_int_equal(sc->s[0].off[DIR_SERVER], 0);
}

static void
out_of_order_waits_for_the_hole_to_be_filled(void **state)
{
	struct scene *sc = *state;

	segment(sc, 6, "ghi");
	segment(sc, 3, "def");
	segment(sc, 12, "mno");
	expect(sc, "");
	EXPECT_COUNT(sc, held, 9);
	segment(sc, 0, "abc");
	expect(sc, "0:abc;3:def;6:ghi;");
	EXPECT_COUNT(sc, held, 3);
	segment(sc, 9, "jkl");
	expect(sc, "9:jkl;12:mno;");
	assert_int_equal(sc->r[0].held_bytes, 0);
}

static void
one_segment_fills_several_holes(void **state)
{
	struct scene *sc = *state;

	segment(sc, 2, "c");
	segment(sc, 4, "e");
	segment(sc, 6, "g");
	assert_int_equal(segment(sc, 1, "bcdefgh"), REASM_NEW);
	expect(sc, "");
	EXPECT_COUNT(sc, duplicate, 3);
	segment(sc, 0, "a");
	expect(sc, "0:a;1:b;2:c;3:d;4:e;5:f;6:g;7:h;");
}

static void
a_repetition_is_a_duplicate(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abcdef");
	assert_int_equal(segment(sc, 0, "abc"), REASM_SEEN);
	assert_int_equal(segment(sc, 2, "cdef"), REASM_SEEN);
	EXPECT_COUNT(sc, duplicate, 7);
	assert_int_equal(segment(sc, 4, "efgh"), REASM_NEW);
	EXPECT_COUNT(sc, duplicate, 9);
	segment(sc, 10, "klm");
	assert_int_equal(segment(sc, 10, "klm"), REASM_SEEN);
	EXPECT_COUNT(sc, duplicate, 12);
	expect(sc, "0:abcdef;6:gh;");
}

static void
what_lies_before_the_stream_is_stray(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(segment(sc, -5, "xx"), REASM_SEEN);
	EXPECT_COUNT(sc, strays, 2);
	assert_int_equal(segment(sc, -2, "xxabc"), REASM_NEW);
	EXPECT_COUNT(sc, strays, 4);
	expect(sc, "0:abc;");
}

static void
nothing_in_a_segment_is_nothing(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(segment(sc, 0, ""), REASM_SEEN);
	assert_int_equal(segment(sc, 7, ""), REASM_SEEN);
	expect(sc, "");
	EXPECT_COUNT(sc, received, 0);
}

static void
what_comes_after_the_end_is_stray(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abc");
	session_end(&sc->s[0], DIR_CLIENT, 1, HOW_FIN, PARTY_CLIENT);
	expect(sc, "0:abc;end c2s 3 fin by client;");
	assert_int_equal(segment(sc, 3, "def"), REASM_SEEN);
	acked(sc, 10);
	wait_ms(sc, 1000);
	flush(sc, 20);
	expect(sc, "");
	EXPECT_COUNT(sc, strays, 3);
}

static void
offsets_go_on_where_sequence_numbers_wrap(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	scene_init(&sc, &o, UINT32_MAX - 2);
	segment(&sc, 5, "fgh");
	segment(&sc, 0, "abcde");
	expect(&sc, "0:abcde;5:fgh;");
	segment(&sc, 1, "bcdeX");
	expect(&sc, "conflict 5 f/X;");
	scene_done(&sc);
}

/* Wish 35: as many bytes as no 32-bit offset can count. */
static void
streams_go_beyond_4_gib(void **state)
{
	struct scene *sc = *state;
	const uint64_t step = UINT64_C(1) << 30;

	for (uint64_t off = 0; off < 5 * step; off += step) {
		struct reasm_piece piece = {
			.seq = sc->isn + (uint32_t)off,
			.data = (const uint8_t *)"a",
			.len = 1,
			.wire_len = (uint32_t)step,
		};

		reasm_segment(sc->pool, &sc->r[0], &piece);
		assert_int_equal(sc->s[0].off[DIR_CLIENT], off + step);
	}
	sc->fake.log[0] = '\0';
	segment(sc, (int64_t)(5 * step) + 1, "c");
	segment(sc, (int64_t)(5 * step), "b");
	expect(sc, "5368709120:b;5368709121:c;");
	assert_int_equal(
	    reasm_offset(&sc->r[0], sc->isn + (uint32_t)(5 * step)), 5 * step);
}

/* --- Holes --- */

static void
an_acknowledged_hole_is_given_up_in_time(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	wait_ms(sc, 1000);
	acked(sc, 6);
	wait_ms(sc, 99);
	expect(sc, "");
	assert_int_equal(sc->told, 0);
	wait_ms(sc, 1);
	expect(sc, "gap 0+3 lost;3:def;");
	assert_int_equal(sc->told, 1);
	assert_int_equal(segment(sc, 0, "abcd"), REASM_SEEN);
	EXPECT_COUNT(sc, late, 3);
	EXPECT_COUNT(sc, duplicate, 1);
	expect(sc, "");
}

/* Wish 17: taps show the acknowledgement before its data. */
static void
data_may_come_after_its_acknowledgement(void **state)
{
	struct scene *sc = *state;

	acked(sc, 6);
	wait_ms(sc, 99);
	segment(sc, 3, "def");
	segment(sc, 0, "abc");
	expect(sc, "0:abc;3:def;");
	wait_ms(sc, 1000);
	expect(sc, "");
	assert_int_equal(sc->told, 0);
}

static void
a_lost_tail_is_a_gap(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abc");
	acked(sc, 7);
	wait_ms(sc, 100);
	expect(sc, "0:abc;gap 3+4 lost;");
	segment(sc, 7, "hi");
	expect(sc, "7:hi;");
}

/* The acknowledgement says nothing about bytes behind it. */
static void
only_what_is_acknowledged_is_given_up(void **state)
{
	struct scene *sc = *state;

	segment(sc, 6, "ghi");
	acked(sc, 4);
	wait_ms(sc, 100);
	expect(sc, "gap 0+4 lost;");
	segment(sc, 4, "ef");
	expect(sc, "4:ef;6:ghi;");
}

/* Many holes acknowledged at once do not add up to many waits. */
static void
holes_acknowledged_together_go_together(void **state)
{
	struct scene *sc = *state;

	segment(sc, 1, "b");
	segment(sc, 3, "d");
	segment(sc, 5, "f");
	acked(sc, 6);
	wait_ms(sc, 100);
	expect(sc, "gap 0+1 lost;1:b;gap 2+1 lost;3:d;gap 4+1 lost;5:f;");
	assert_int_equal(sc->told, 1);
}

static void
a_hole_acknowledged_later_waits_its_own_time(void **state)
{
	struct scene *sc = *state;

	segment(sc, 1, "b");
	acked(sc, 2);
	wait_ms(sc, 60);
	segment(sc, 3, "d");
	acked(sc, 4);
	wait_ms(sc, 40);
	expect(sc, "gap 0+1 lost;1:b;");
	wait_ms(sc, 99);
	expect(sc, "");
	wait_ms(sc, 1);
	expect(sc, "gap 2+1 lost;3:d;");
}

static void
an_acknowledged_hole_that_is_filled_is_none(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	acked(sc, 6);
	wait_ms(sc, 50);
	segment(sc, 0, "abc");
	wait_ms(sc, 50);
	assert_int_equal(sc->told, 0);
	/* The next one gets its full time, too. */
	acked(sc, 8);
	wait_ms(sc, 99);
	expect(sc, "0:abc;3:def;");
	wait_ms(sc, 1);
	expect(sc, "gap 6+2 lost;");
}

static void
an_old_acknowledgement_changes_nothing(void **state)
{
	struct scene *sc = *state;

	segment(sc, 0, "abc");
	acked(sc, 3);
	acked(sc, 1);
	acked(sc, (uint64_t)-4);
	wait_ms(sc, 1000);
	expect(sc, "0:abc;");
	assert_int_equal(sc->told, 0);
}

static void
a_flush_gives_up_every_hole(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "d");
	segment(sc, 6, "g");
	flush(sc, 0);
	expect(sc, "gap 0+3 lost;3:d;gap 4+2 lost;6:g;");
	flush(sc, 5);
	flush(sc, 7);
	expect(sc, "");
	flush(sc, 9);
	expect(sc, "gap 7+2 lost;");
}

static void
what_is_discarded_is_stray(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	cut(sc, 9, "j", 5);
	acked(sc, 6);
	reasm_discard(sc->pool, &sc->r[0]);
	check_sum(sc);
	EXPECT_COUNT(sc, strays, 4);
	EXPECT_COUNT(sc, held, 0);
	assert_int_equal(sc->r[0].held_bytes, 0);
	wait_ms(sc, 1000);
	expect(sc, "gap 0+6 lost;");
}

/* More holes than are remembered: the oldest one's bytes are duplicates. */
static void
a_bounded_number_of_holes_is_remembered(void **state)
{
	struct scene *sc = *state;

	for (int64_t off = 1; off < 2 * 17; off += 2)
		segment(sc, off, "x");
	flush(sc, 0);
	segment(sc, 2, "a");
	EXPECT_COUNT(sc, late, 1);
	segment(sc, 0, "a");
	EXPECT_COUNT(sc, late, 1);
	EXPECT_COUNT(sc, duplicate, 1);
}

/* --- Snapshot length --- */

static void
cut_bytes_are_a_gap_at_once(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(cut(sc, 0, "abc", 10), REASM_NEW);
	expect(sc, "0:abc;gap 3+7 snaplen;");
	assert_int_equal(cut(sc, 10, "", 5), REASM_NEW);
	expect(sc, "gap 10+5 snaplen;");
	assert_int_equal(cut(sc, 0, "abc", 10), REASM_SEEN);
	expect(sc, "");
	EXPECT_COUNT(sc, duplicate, 3);
	assert_int_equal(sc->r[0].held_bytes, 0);
}

static void
cut_bytes_behind_a_hole_wait_with_it(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(cut(sc, 5, "fg", 5), REASM_NEW);
	assert_int_equal(cut(sc, 5, "fg", 5), REASM_SEEN);
	assert_int_equal(cut(sc, 10, "k", 3), REASM_NEW);
	expect(sc, "");
	segment(sc, 0, "abcde");
	expect(sc, "0:abcde;5:fg;gap 7+3 snaplen;10:k;gap 11+2 snaplen;");
	assert_int_equal(sc->r[0].held_bytes, 0);
}

static void
another_copy_fills_what_was_cut(void **state)
{
	struct scene *sc = *state;

	cut(sc, 5, "fg", 10);
	segment(sc, 9, "jkl");
	segment(sc, 0, "abcde");
	expect(sc, "0:abcde;5:fg;gap 7+2 snaplen;9:jkl;gap 12+3 snaplen;");
	segment(sc, 15, "p");
	expect(sc, "15:p;");
	segment(sc, 7, "hi");
	EXPECT_COUNT(sc, late, 2);
}

static void
the_full_copy_may_come_first(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "defgh");
	cut(sc, 3, "d", 5);
	segment(sc, 0, "abc");
	expect(sc, "0:abc;3:defgh;");
	assert_int_equal(sc->r[0].held_bytes, 0);
}

static void
a_hole_with_a_cut_part_is_given_up_in_parts(void **state)
{
	struct scene *sc = *state;

	cut(sc, 3, "", 2);
	segment(sc, 8, "ij");
	flush(sc, 0);
	expect(sc, "gap 0+3 lost;gap 3+2 snaplen;gap 5+3 lost;8:ij;");
}

static void
cut_bytes_before_the_stream_are_none(void **state)
{
	struct scene *sc = *state;

	cut(sc, -6, "abc", 4);
	expect(sc, "");
	EXPECT_COUNT(sc, strays, 3);
	cut(sc, -6, "abc", 8);
	expect(sc, "gap 0+2 snaplen;");
	EXPECT_COUNT(sc, strays, 6);
}

/* --- Overlaps --- */

static void
delivered_bytes_win(void **state)
{
	static const enum reasm_overlap rule[] = { REASM_FIRST, REASM_LAST,
		REASM_LINUX, REASM_WINDOWS, REASM_BSD };

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rule); i++) {
		struct reasm_opts o = defaults();
		struct scene sc;

		o.overlap = rule[i];
		scene_init(&sc, &o, 7);
		segment(&sc, 0, "abcdef");
		segment(&sc, 0, "aXcdYf");
		EXPECT_COUNT(&sc, differing, 2);
		EXPECT_COUNT(&sc, duplicate, 4);
		segment(&sc, 4, "eZgh");
		expect(
		    &sc, "0:abcdef;conflict 1 bcde/XcdY;conflict 5 f/Z;6:gh;");
		scene_done(&sc);
	}
}

static void
forgotten_bytes_count_as_duplicates(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.history = 0;
	scene_init(&sc, &o, 7);
	segment(&sc, 0, "abc");
	segment(&sc, 0, "xyz");
	expect(&sc, "0:abc;");
	EXPECT_COUNT(&sc, duplicate, 3);
	scene_done(&sc);
}

/* Wish 31; when both copies are held, it is told when one is delivered. */
static void
a_conflict_of_held_copies_is_told_with_the_data(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	segment(sc, 3, "dXf");
	segment(sc, 3, "dYZ");
	expect(sc, "");
	EXPECT_COUNT(sc, differing, 3);
	EXPECT_COUNT(sc, duplicate, 3);
	EXPECT_COUNT(sc, held, 3);
	segment(sc, 0, "abc");
	expect(sc, "0:abc;3:def;conflict 4 e/X;conflict 4 ef/YZ;");
	assert_int_equal(sc->r[0].other_bytes, 0);
}

static void
the_filling_segment_may_differ_from_what_is_held(void **state)
{
	struct scene *sc = *state;

	segment(sc, 3, "def");
	segment(sc, 1, "bcdeXgh");
	segment(sc, 0, "aBcdefg");
	expect(sc, "0:a;1:bc;conflict 1 b/B;3:def;conflict 5 f/X;6:gh;");
	EXPECT_COUNT(sc, differing, 2);
}

static void
long_conflicts_come_in_several_events(void **state)
{
	struct scene *sc = *state;
	char *a = malloc(10001);
	char *b = malloc(10001);

	assert_non_null(a);
	assert_non_null(b);
	memset(a, 'a', 10000);
	memset(b, 'b', 10000);
	a[10000] = b[10000] = '\0';
	segment(sc, 1, a);
	segment(sc, 1, b);
	EXPECT_COUNT(sc, differing, 10000);
	segment(sc, 0, "a");
	assert_int_equal(count_get(&fanout_totals(sc->fan)->conflicts), 3);
	free(a);
	free(b);
}

/* Conflicts that are kept count against the budget, and have their own. */
static void
kept_conflicts_are_bounded(void **state)
{
	struct scene *sc = *state;
	char *text = malloc(60001);

	assert_non_null(text);
	memset(text, 'a', 60000);
	text[60000] = '\0';
	segment(sc, 1, text);
	for (char c = 'b'; c < 'z'; c++) {
		memset(text, c, 60000);
		segment(sc, 1, text);
	}
	assert_true(sc->r[0].other_bytes > 200000);
	assert_true(sc->r[0].held_bytes < 60000 + 300000);
	EXPECT_COUNT(sc, differing, 24 * 60000);
	free(text);
}

/* A second segment over one held at 4..10, and what each rule makes of them. */
struct overlap_case {
	int64_t off;
	const char *text;
	const char *stream[REASM_NOVERLAPS];
};

#define FIRST_LAST_LINUX_WINDOWS_BSD(f, la, li, w, b)                          \
	{                                                                      \
		[REASM_FIRST] = (f), [REASM_LAST] = (la),                      \
		[REASM_LINUX] = (li), [REASM_WINDOWS] = (w), [REASM_BSD] = (b) \
	}

static void
check_overlap(const struct overlap_case *c, enum reasm_overlap rule)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	o.overlap = rule;
	scene_init(&sc, &o, 7);
	segment(&sc, 4, "222222");
	segment(&sc, c->off, c->text);
	flush(&sc, 0);
	if (strcmp(sc.stream, c->stream[rule]) != 0)
		fail_msg("%s at %d, rule %d: %s instead of %s", c->text,
		    (int)c->off, (int)rule, sc.stream, c->stream[rule]);
	scene_done(&sc);
}

static void
the_rule_decides_between_held_copies(void **state)
{
	static const struct overlap_case c[] = {
		/* begins before, ends within */
		{ 2, "11111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("--11222222", "--11111222",
			"--11111222", "--11111222", "--11111222") },
		/* begins before, ends with it */
		{ 2, "11111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("--11222222", "--11111111",
			"--11111111", "--11111111", "--11111111") },
		/* begins before, ends behind */
		{ 2, "1111111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("--1122222211", "--1111111111",
			"--1111111111", "--1111111111", "--1111111111") },
		/* begins with it, ends within */
		{ 4, "111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----222222", "----111222",
			"----222222", "----222222", "----222222") },
		/* the same range */
		{ 4, "111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----222222", "----111111",
			"----222222", "----222222", "----222222") },
		/* begins with it, ends behind */
		{ 4, "11111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----22222211", "----11111111",
			"----11111111", "----22222211", "----22222211") },
		/* within */
		{ 6, "11",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----222222", "----221122",
			"----222222", "----222222", "----222222") },
		/* begins within, ends behind */
		{ 6, "111111",
		    FIRST_LAST_LINUX_WINDOWS_BSD("----22222211", "----22111111",
			"----22222211", "----22222211", "----22222211") },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(c); i++) {
		for (unsigned rule = 0; rule < REASM_NOVERLAPS; rule++)
			check_overlap(&c[i], (enum reasm_overlap)rule);
	}
}

/* Of a piece that a second segment won in part, each byte keeps its segment. */
static void
the_rule_knows_each_byte_s_segment(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.overlap = REASM_BSD;
	scene_init(&sc, &o, 7);
	segment(&sc, 4, "222222");
	segment(&sc, 2, "11111");
	segment(&sc, 3, "3333333");
	flush(&sc, 0);
	assert_string_equal(sc.stream, "--11111333");
	scene_done(&sc);
}

/* What is told in the end is what was delivered, whoever lost to whom. */
static void
conflicts_follow_a_piece_that_is_divided(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.overlap = REASM_BSD;
	scene_init(&sc, &o, 7);
	segment(&sc, 4, "222222");
	segment(&sc, 5, "xxxx");
	segment(&sc, 2, "11111");
	flush(&sc, 0);
	expect(&sc, "gap 0+2 lost;2:11;4:111;conflict 5 11/xx;"
		    "conflict 4 111/222;7:222;conflict 7 22/xx;");
	assert_int_equal(sc.r[0].other_bytes, 0);
	scene_done(&sc);
}

static void
a_copy_that_wins_in_the_end_is_no_conflict(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.overlap = REASM_LAST;
	scene_init(&sc, &o, 7);
	segment(&sc, 1, "a");
	segment(&sc, 1, "b");
	segment(&sc, 1, "a");
	flush(&sc, 0);
	expect(&sc, "gap 0+1 lost;1:a;conflict 1 a/b;");
	EXPECT_COUNT(&sc, differing, 2);
	scene_done(&sc);
}

static void
rules_have_names(void **state)
{
	enum reasm_overlap o = REASM_FIRST;

	(void)state;
	assert_int_equal(reasm_overlap_parse("bsd", &o), 0);
	assert_int_equal(o, REASM_BSD);
	assert_int_equal(reasm_overlap_parse("last", &o), 0);
	assert_int_equal(o, REASM_LAST);
	assert_int_equal(reasm_overlap_parse("vista", &o), -EINVAL);
	assert_int_equal(reasm_overlap_parse("", &o), -EINVAL);
	assert_int_equal(o, REASM_LAST);
}

/* --- Budgets --- */

static void
a_full_direction_gives_up_its_first_hole(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold = 2 * hold_cost_new(1);
	scene_init(&sc, &o, 7);
	segment(&sc, 2, "c");
	segment(&sc, 4, "e");
	expect(&sc, "");
	assert_int_equal(sc.r[0].held_bytes, o.hold);
	segment(&sc, 6, "g");
	expect(&sc, "gap 0+2 budget;2:c;");
	/* It is before what is held: then it is the first. */
	segment(&sc, 3, "d");
	expect(&sc, "3:d;4:e;");
	segment(&sc, 9, "j");
	segment(&sc, 5, "f");
	expect(&sc, "5:f;6:g;");
	assert_true(sc.r[0].held_bytes <= o.hold);
	scene_done(&sc);
}

static void
the_first_hole_may_be_before_what_comes(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold = hold_cost_new(1);
	scene_init(&sc, &o, 7);
	segment(&sc, 9, "j");
	segment(&sc, 4, "efg");
	expect(&sc, "gap 0+4 budget;4:efg;");
	EXPECT_COUNT(&sc, held, 1);
	/* More than the whole budget, so it is not held at all. */
	segment(&sc, 12, "mnopqrstuvwxyzabcdef");
	expect(
	    &sc, "gap 7+2 budget;9:j;gap 10+2 budget;12:mnopqrstuvwxyzabcdef;");
	scene_done(&sc);
}

static void
without_a_budget_nothing_is_held(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold = 0;
	scene_init(&sc, &o, 7);
	segment(&sc, 2, "cd");
	expect(&sc, "gap 0+2 budget;2:cd;");
	cut(&sc, 6, "g", 2);
	expect(&sc, "gap 4+2 budget;6:g;gap 7+1 snaplen;");
	scene_done(&sc);
}

/* Wish 27: far ahead costs as much as near. */
static void
a_byte_far_ahead_costs_one_piece(void **state)
{
	struct scene *sc = *state;

	segment(sc, INT32_MAX - 1, "x");
	assert_int_equal(sc->r[0].held_bytes, hold_cost_new(1));
}

static void
pieces_of_one_byte_do_not_cheat_the_budget(void **state)
{
	struct scene *sc = *state;

	for (int64_t i = 0; i < 1000; i++)
		segment(sc, 2 * i + 1, "x");
	assert_true(
	    sc->r[0].held_bytes >= 1000 * (sizeof(struct hold_piece) + 1));
}

static void
all_together_have_a_budget_and_the_richest_pays(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold_total = 4 * hold_cost_new(1);
	scene_init(&sc, &o, 7);
	segment(&sc, 1, "b");
	segment(&sc, 3, "d");
	segment(&sc, 5, "f");
	segment_of(&sc, 1, 1, "b");
	expect(&sc, "");
	segment_of(&sc, 1, 3, "d");
	expect(&sc, "gap 0+1 budget;1:b;");
	/* Its connection hears of it, although nothing of its own came. */
	assert_int_equal(sc.told, 0);
	wait_ms(&sc, 0);
	assert_int_equal(sc.told, 1);
	wait_ms(&sc, 1000);
	assert_int_equal(sc.told, 1);
	expect(&sc, "");
	scene_done(&sc);
}

/* ... and what it had been waiting for is still given up in time. */
static void
who_paid_still_waits_for_its_holes(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold_total = 2 * hold_cost_new(1);
	scene_init(&sc, &o, 7);
	segment(&sc, 1, "b");
	segment(&sc, 3, "d");
	acked(&sc, 4);
	segment_of(&sc, 1, 1, "b");
	expect(&sc, "gap 0+1 budget;1:b;");
	wait_ms(&sc, 0);
	wait_ms(&sc, 99);
	expect(&sc, "");
	wait_ms(&sc, 1);
	expect(&sc, "gap 2+1 lost;3:d;");
	assert_int_equal(sc.told, 2);
	scene_done(&sc);
}

static void
marks_are_charged_too(void **state)
{
	struct reasm_opts o = defaults();
	struct scene sc;

	(void)state;
	o.hold = 3 * hold_cost_new(0);
	scene_init(&sc, &o, 7);
	for (int64_t i = 0; i < 100; i++) {
		cut(&sc, 10 * i + 5, "", 2);
		assert_true(sc.r[0].held_bytes <= o.hold);
	}
	flush(&sc, 0);
	assert_int_equal(sc.r[0].held_bytes, 0);
	assert_int_equal(sc.s[0].off[DIR_CLIENT], 997);
	scene_done(&sc);
}

static void
touching_marks_become_one(void **state)
{
	struct scene *sc = *state;

	cut(sc, 10, "", 5);
	cut(sc, 20, "", 5);
	cut(sc, 15, "", 5);
	assert_int_equal(sc->r[0].held_bytes, hold_cost_new(0));
	flush(sc, 0);
	expect(sc, "gap 0+10 lost;gap 10+15 snaplen;");
}

/* As it can come with large receive offload: more than sinks want at once. */
static void
large_segments_are_held_in_pieces(void **state)
{
	struct scene *sc = *state;
	size_t len = 150000;
	uint8_t *data = calloc(1, len);
	struct reasm_piece piece = {
		.seq = sc->isn + 1,
		.data = data,
		.len = (uint32_t)len,
		.wire_len = (uint32_t)len,
	};

	assert_non_null(data);
	sc->fake.ops.data = fake_data;
	reasm_segment(sc->pool, &sc->r[0], &piece);
	segment(sc, 0, "a");
	expect(sc, "c2s 0+1;c2s 1+65536;c2s 65537+65536;c2s 131073+18928;");
	free(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order_is_delivered_at_once),
		TEST(out_of_order_waits_for_the_hole_to_be_filled),
		TEST(one_segment_fills_several_holes),
		TEST(a_repetition_is_a_duplicate),
		TEST(what_lies_before_the_stream_is_stray),
		TEST(nothing_in_a_segment_is_nothing),
		TEST(what_comes_after_the_end_is_stray),
		cmocka_unit_test(offsets_go_on_where_sequence_numbers_wrap),
		TEST(streams_go_beyond_4_gib),
		TEST(an_acknowledged_hole_is_given_up_in_time),
		TEST(data_may_come_after_its_acknowledgement),
		TEST(a_lost_tail_is_a_gap),
		TEST(only_what_is_acknowledged_is_given_up),
		TEST(holes_acknowledged_together_go_together),
		TEST(a_hole_acknowledged_later_waits_its_own_time),
		TEST(an_acknowledged_hole_that_is_filled_is_none),
		TEST(an_old_acknowledgement_changes_nothing),
		TEST(a_flush_gives_up_every_hole),
		TEST(what_is_discarded_is_stray),
		TEST(a_bounded_number_of_holes_is_remembered),
		TEST(cut_bytes_are_a_gap_at_once),
		TEST(cut_bytes_behind_a_hole_wait_with_it),
		TEST(another_copy_fills_what_was_cut),
		TEST(the_full_copy_may_come_first),
		TEST(a_hole_with_a_cut_part_is_given_up_in_parts),
		TEST(cut_bytes_before_the_stream_are_none),
		cmocka_unit_test(delivered_bytes_win),
		cmocka_unit_test(forgotten_bytes_count_as_duplicates),
		TEST(a_conflict_of_held_copies_is_told_with_the_data),
		TEST(the_filling_segment_may_differ_from_what_is_held),
		TEST(long_conflicts_come_in_several_events),
		TEST(kept_conflicts_are_bounded),
		cmocka_unit_test(the_rule_decides_between_held_copies),
		cmocka_unit_test(the_rule_knows_each_byte_s_segment),
		cmocka_unit_test(conflicts_follow_a_piece_that_is_divided),
		cmocka_unit_test(a_copy_that_wins_in_the_end_is_no_conflict),
		cmocka_unit_test(rules_have_names),
		cmocka_unit_test(a_full_direction_gives_up_its_first_hole),
		cmocka_unit_test(the_first_hole_may_be_before_what_comes),
		cmocka_unit_test(without_a_budget_nothing_is_held),
		TEST(a_byte_far_ahead_costs_one_piece),
		TEST(pieces_of_one_byte_do_not_cheat_the_budget),
		cmocka_unit_test(
		    all_together_have_a_budget_and_the_richest_pays),
		cmocka_unit_test(who_paid_still_waits_for_its_holes),
		cmocka_unit_test(marks_are_charged_too),
		TEST(touching_marks_become_one),
		TEST(large_segments_are_held_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
