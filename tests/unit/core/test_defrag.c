#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#include "core/defrag.h"

#define SECOND UINT64_C(1000000000)

static const uint8_t src[16] = { 10, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1 };
static const uint8_t dst[16] = { 10, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2 };

static struct defrag *
make(uint32_t blocks, uint32_t datagrams)
{
	const struct defrag_opts o = {
		.blocks = blocks, .datagrams = datagrams, .age_ns = 30 * SECOND
	};
	struct err err;
	struct defrag *d = defrag_new(&o, &err);

	assert_non_null(d);
	return d;
}

static struct defrag_piece
piece(uint32_t off, bool more, const char *text)
{
	return (struct defrag_piece){ .version = 4,
		.protocol = 6,
		.more = more,
		.id = 1,
		.src = src,
		.dst = dst,
		.off = off,
		.data = (const uint8_t *)text,
		.len = (uint32_t)strlen(text),
		.wire_len = (uint32_t)strlen(text),
		.depth = 4,
		.packets = 1,
		.ts_ns = SECOND };
}

static bool
give(struct defrag *d, struct defrag_piece p, struct defrag_whole *w)
{
	return defrag_add(d, &p, w);
}

static void
check(const struct defrag_whole *w, const char *text, uint32_t packets)
{
	assert_int_equal(w->wire_len, strlen(text));
	assert_int_equal(w->len, strlen(text));
	assert_memory_equal(w->data, text, w->len);
	assert_int_equal(w->packets, packets);
	assert_int_equal(w->protocol, 6);
	assert_memory_equal(w->src, src, w->version == 4 ? 4 : 16);
	assert_memory_equal(w->dst, dst, w->version == 4 ? 4 : 16);
}

static void
in_any_order(void **state)
{
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 },
		{ 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	const struct defrag_piece parts[3] = { piece(0, true, "01234567"),
		piece(8, true, "89abcdefghijklmn"), piece(24, false, "opq") };
	struct defrag *d = make(128, 8);
	struct defrag_whole w;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_false(give(d, parts[orders[i][0]], &w));
		assert_false(give(d, parts[orders[i][1]], &w));
		assert_int_equal(defrag_waiting(d), 1);
		assert_true(give(d, parts[orders[i][2]], &w));
		check(&w, "0123456789abcdefghijklmnopq", 3);
		assert_int_equal(w.depth, 4);
		assert_int_equal(defrag_waiting(d), 0);
	}
	defrag_free(d);
}

/* By an hour; the rest comes after one second of thirty. */
static void
a_clock_that_is_set_makes_nothing_old(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_piece last = piece(8, false, "x");
	struct defrag_whole w;

	(void)state;
	assert_false(give(d, piece(0, true, "01234567"), &w));
	defrag_jump(d, 3600 * (int64_t)SECOND);
	last.ts_ns += 3601 * SECOND;
	assert_true(give(d, last, &w));
	check(&w, "01234567x", 2);
	defrag_free(d);
}

/* Each part of the name counts; the protocol only in IPv4. */
static void
others_do_not_mix(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_piece first = piece(0, true, "01234567");
	struct defrag_piece other = piece(8, false, "x");
	struct defrag_whole w;

	(void)state;
	assert_false(give(d, first, &w));
	other.id = 2;
	assert_false(give(d, other, &w));
	other = piece(8, false, "x");
	other.src = dst;
	assert_false(give(d, other, &w));
	other = piece(8, false, "x");
	other.dst = src;
	assert_false(give(d, other, &w));
	other = piece(8, false, "x");
	other.protocol = 17;
	assert_false(give(d, other, &w));
	other = piece(8, false, "x");
	other.version = 6;
	assert_false(give(d, other, &w));
	assert_int_equal(defrag_waiting(d), 6);
	assert_true(give(d, piece(8, false, "x"), &w));
	check(&w, "01234567x", 2);
	defrag_free(d);
}

static void
the_first_fragment_names_the_protocol_of_ipv6(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_piece p = piece(8, false, "x");
	struct defrag_whole w;

	(void)state;
	p.version = 6;
	p.protocol = 99;
	assert_false(give(d, p, &w));
	p = piece(0, true, "01234567");
	p.version = 6;
	assert_true(give(d, p, &w));
	check(&w, "01234567x", 2);
	assert_int_equal(w.version, 6);
	defrag_free(d);
}

static void
repetitions_change_nothing(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_whole w;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct defrag_piece first = piece(0, true, "01234567");
		struct defrag_piece last = piece(8, false, "last");

		first.version = last.version = version;
		assert_false(give(d, last, &w));
		assert_false(give(d, last, &w));
		assert_true(give(d, first, &w));
		check(&w, "01234567last", 3);
	}
	defrag_free(d);
}

static void
what_came_first_stays(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_whole w;

	(void)state;
	assert_false(give(d, piece(8, true, "bbbbbbbb"), &w));
	assert_false(give(d, piece(0, true, "AAAAAAAABBBBBBBBCCCCCCCC"), &w));
	assert_false(give(d, piece(8, true, "xxxxxxxx"), &w));
	assert_true(give(d, piece(24, false, "d"), &w));
	check(&w, "AAAAAAAAbbbbbbbbCCCCCCCCd", 4);
	defrag_free(d);
}

/* RFC 5722: with all that still comes for it. */
static void
ipv6_drops_what_overlaps(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_piece p = piece(0, true, "AAAAAAAABBBBBBBB");
	struct defrag_whole w;

	(void)state;
	p.version = 6;
	assert_false(give(d, p, &w));
	p = piece(8, false, "XXXX");
	p.version = 6;
	assert_false(give(d, p, &w));
	p = piece(16, false, "c");
	p.version = 6;
	assert_false(give(d, p, &w));
	/* A long while later it is another datagram of the same name. */
	p = piece(0, true, "AAAAAAAA");
	p.version = 6;
	p.ts_ns = 40 * SECOND;
	assert_false(give(d, p, &w));
	p = piece(8, false, "B");
	p.version = 6;
	p.ts_ns = 40 * SECOND;
	assert_true(give(d, p, &w));
	check(&w, "AAAAAAAAB", 2);
	defrag_free(d);
}

static void
ends_that_contradict_each_other(void **state)
{
	static const struct {
		uint32_t off;
		bool more;
		const char *text;
	} second[] = {
		{ 0, false, "short" }, /* ends before what has come */
		{ 24, true, "beyondbeyond...." }, /* goes on behind the end */
		{ 24, false, "another" },         /* another end */
	};
	struct defrag_whole w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct defrag *d = make(128, 8);

		assert_false(give(d, piece(16, false, "end"), &w));
		assert_false(give(d,
		    piece(second[i].off, second[i].more, second[i].text), &w));
		assert_false(give(d, piece(0, true, "0123456701234567"), &w));
		assert_int_equal(defrag_waiting(d), 1);
		defrag_free(d);
	}
}

/* A snapshot length cut a fragment: the datagram is good up to there. */
static void
cut_fragments(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_piece p = piece(8, true, "89abcdef");
	struct defrag_whole w;

	(void)state;
	p.len = 3;
	assert_false(give(d, p, &w));
	assert_false(give(d, piece(0, true, "01234567"), &w));
	assert_true(give(d, piece(16, false, "tail"), &w));
	assert_int_equal(w.wire_len, 20);
	assert_int_equal(w.len, 11);
	assert_memory_equal(w.data, "0123456789a", 11);
	/* The last one, of which nothing is there. */
	p = piece(8, false, "gone");
	p.len = 0;
	assert_false(give(d, p, &w));
	assert_true(give(d, piece(0, true, "01234567"), &w));
	assert_int_equal(w.wire_len, 12);
	assert_int_equal(w.len, 8);
	defrag_free(d);
}

static void
too_old(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_piece last = piece(8, false, "x");
	struct defrag_whole w;

	(void)state;
	assert_false(give(d, piece(0, true, "01234567"), &w));
	last.ts_ns = 32 * SECOND;
	assert_false(give(d, last, &w));
	assert_int_equal(defrag_waiting(d), 1);
	/* Time that goes back makes nothing old. */
	assert_true(give(d, piece(0, true, "01234567"), &w));
	check(&w, "01234567x", 2);
	defrag_free(d);
}

static void
the_oldest_gives_way(void **state)
{
	struct defrag *d = make(128, 2);
	struct defrag_piece p = piece(0, true, "01234567");
	struct defrag_whole w;

	(void)state;
	for (uint32_t id = 1; id <= 3; id++) {
		p.id = id;
		assert_false(give(d, p, &w));
		assert_int_equal(defrag_waiting(d), id < 2 ? id : 2);
	}
	p = piece(8, false, "x");
	p.id = 3;
	assert_true(give(d, p, &w));
	p.id = 2;
	assert_true(give(d, p, &w));
	p.id = 1;
	assert_false(give(d, p, &w));
	defrag_free(d);
}

/* 65 blocks: one datagram of 64 leaves one for all the others. */
static void
blocks_are_taken_from_the_oldest(void **state)
{
	static char text[1024];
	struct defrag *d = make(65, 8);
	struct defrag_piece p;
	struct defrag_whole w;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (uint32_t id = 2; id <= 3; id++) {
		p = piece(0, true, "01234567");
		p.id = id;
		assert_false(give(d, p, &w));
	}
	for (uint32_t off = 0; off < 63; off++) {
		p = piece(off * 1024, true, text);
		p.len = 1016;
		p.wire_len = 1024;
		assert_false(give(d, p, &w));
	}
	/* One of the two has given way; the large one never does. */
	assert_int_equal(defrag_waiting(d), 3);
	p = piece(63 * 1024, true, "01234567");
	assert_false(give(d, p, &w));
	assert_int_equal(defrag_waiting(d), 2);
	p = piece(63 * 1024 + 8, false, "!");
	assert_true(give(d, p, &w));
	assert_int_equal(w.wire_len, 63 * 1024 + 9);
	assert_int_equal(w.len, 1016);
	p = piece(8, false, "x");
	p.id = 3;
	assert_true(give(d, p, &w));
	defrag_free(d);
}

/* A fragment may itself lie in a datagram that was just put together. */
static void
nested(void **state)
{
	struct defrag *d = make(128, 8);
	struct defrag_piece inner = piece(0, true, "");
	struct defrag_whole w;

	(void)state;
	assert_false(give(d, piece(0, true, "01234567"), &w));
	assert_true(give(d, piece(8, false, "89abcdef"), &w));
	inner.src = w.data; /* addresses within the payload */
	inner.dst = w.data + 4;
	inner.data = w.data + 8;
	inner.len = inner.wire_len = 8;
	inner.packets = w.packets;
	inner.depth = 3;
	assert_false(give(d, inner, &w));
	inner.src = (const uint8_t *)"0123";
	inner.dst = (const uint8_t *)"4567";
	inner.off = 8;
	inner.more = false;
	inner.data = (const uint8_t *)"ghi";
	inner.len = inner.wire_len = 3;
	inner.packets = 1;
	inner.depth = 4;
	assert_true(give(d, inner, &w));
	assert_int_equal(w.packets, 3);
	assert_int_equal(w.depth, 3);
	assert_int_equal(w.len, 11);
	assert_memory_equal(w.data, "89abcdefghi", 11);
	assert_memory_equal(w.src, "0123", 4);
	defrag_free(d);
}

#define MODEL_MAX 9000

/* Any cut, order and repetition gives the same bytes. */
static void
random_cuts(void **state)
{
	static uint8_t bytes[MODEL_MAX];
	struct defrag *d = make(DEFRAG_BLOCKS_DEFAULT, 16);
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	for (uint32_t round = 0; round < 500; round++) {
		uint32_t total, units, left;
		bool whole = false;
		struct defrag_whole w;

		random = random * 1664525 + 1013904223;
		total = 9 + (random >> 8) % (MODEL_MAX - 9);
		units = (total + 7) / 8;
		/* Units come in random order, each at least once. */
		left = units;
		for (uint32_t unit = random % units; left > 0; left--) {
			struct defrag_piece p = piece(unit * 8, true, "");

			p.id = round;
			p.data = bytes + p.off;
			p.more = p.off + 8 < total;
			p.len = p.more ? 8 : total - p.off;
			p.wire_len = p.len;
			assert_false(whole);
			whole = defrag_add(d, &p, &w);
			if (!whole && left % 3 == 0)
				whole = defrag_add(d, &p, &w);
			/* 4099 is a prime: it visits all of them. */
			unit = (unit + 4099) % units;
		}
		assert_true(whole);
		assert_int_equal(w.len, total);
		assert_memory_equal(w.data, bytes, total);
	}
	assert_int_equal(defrag_waiting(d), 0);
	defrag_free(d);
}

/* Whatever comes: bounds hold, and what comes out is within them. */
static void
random_pieces(void **state)
{
	static uint8_t bytes[2048];
	struct defrag *d = make(70, 8);
	uint32_t random = 7;
	uint32_t wholes = 0;

	(void)state;
	for (uint32_t i = 0; i < 50000; i++) {
		struct defrag_piece p = piece(0, true, "");
		struct defrag_whole w;

		random = random * 1664525 + 1013904223;
		p.id = (random >> 8) % 12;
		p.version = (random >> 12) % 2 == 0 ? 4 : 6;
		p.more = (random >> 13) % 4 != 0;
		p.off = (random >> 16) % 24 * 8;
		if (random >> 29 == 7)
			p.off += 60000;
		p.wire_len = ((random >> 20) % 128 + 1) * 8;
		p.len = p.wire_len - (random >> 27) % 2 * 3;
		p.data = bytes;
		p.ts_ns = i * (SECOND / 10);
		if (defrag_add(d, &p, &w)) {
			wholes++;
			assert_true(w.len <= w.wire_len);
			assert_true(w.wire_len < DEFRAG_DATAGRAM_MAX);
		}
		assert_true(defrag_waiting(d) <= 8);
	}
	assert_true(wholes > 100);
	defrag_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_any_order),
		cmocka_unit_test(others_do_not_mix),
		cmocka_unit_test(a_clock_that_is_set_makes_nothing_old),
		cmocka_unit_test(the_first_fragment_names_the_protocol_of_ipv6),
		cmocka_unit_test(repetitions_change_nothing),
		cmocka_unit_test(what_came_first_stays),
		cmocka_unit_test(ipv6_drops_what_overlaps),
		cmocka_unit_test(ends_that_contradict_each_other),
		cmocka_unit_test(cut_fragments),
		cmocka_unit_test(too_old),
		cmocka_unit_test(the_oldest_gives_way),
		cmocka_unit_test(blocks_are_taken_from_the_oldest),
		cmocka_unit_test(nested),
		cmocka_unit_test(random_cuts),
		cmocka_unit_test(random_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
