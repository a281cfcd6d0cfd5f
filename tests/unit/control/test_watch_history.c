#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "control/watch.h"
#include "control/watch_history.h"

#define MANY ((size_t)64 * WATCH_PAGE)

/**
 * struct scene - A history, where its streams stand, and what was kept
 * @spare:	A history that may be given up
 * @asked:	How often room was asked for
 */
struct scene {
	struct watch_pages pages;
	struct watch_history h;
	struct watch_history *spare;
	unsigned asked;
	uint64_t off[DIR_NDIRS];
	uint64_t ts_ns;
};

static bool
make_room(void *self)
{
	struct scene *sc = self;

	sc->asked++;
	if (sc->spare == NULL || watch_history_is_empty(sc->spare))
		return false;
	watch_history_clear(sc->spare);
	return true;
}

/* @pool bytes in all, of which one history may have @bytes. */
static void
start(struct scene *sc, size_t pool, size_t bytes)
{
	memset(sc, 0, sizeof(*sc));
	watch_pages_init(&sc->pages, pool, make_room, sc);
	watch_history_init(&sc->h, &sc->pages, bytes);
}

/* Every place of every stream has a byte of its own, nearly. */
static uint8_t
byte_at(enum dir dir, uint64_t off)
{
	return (uint8_t)(off * 31 + (off >> 8) * 7 + (uint64_t)dir * 128);
}

static void
feed(struct scene *sc, struct watch_history *h, enum dir dir, size_t len)
{
	uint8_t *bytes = malloc(len);
	struct chunk c = {
		.dir = dir,
		.off = sc->off[dir],
		.ts_ns = ++sc->ts_ns,
		.data = bytes,
		.len = len,
	};

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(dir, c.off + i);
	watch_history_data(h, &c);
	sc->off[dir] += len;
	free(bytes);
}

static void
lose(struct scene *sc, enum dir dir, uint64_t len)
{
	const struct gap g = { dir, sc->off[dir], ++sc->ts_ns, len, GAP_LOST };

	watch_history_gap(&sc->h, &g);
	sc->off[dir] += len;
}

/**
 * struct kept - What a history tells when it is read
 * @from, @to:	What is there without a hole, per direction
 */
struct kept {
	uint64_t from[DIR_NDIRS];
	uint64_t to[DIR_NDIRS];
	uint64_t bytes;
	size_t records;
};

static void
check_record(struct kept *k, const struct watch_record *rec, const uint8_t *p)
{
	enum dir dir = (enum dir)rec->dir;

	if (k->to[dir] == 0)
		k->from[dir] = k->to[dir] = rec->off;
	if (rec->type == WATCH_CONFLICT)
		return;
	assert_int_equal(rec->off, k->to[dir]);
	k->to[dir] += rec->len;
	if (rec->type == WATCH_GAP)
		return;
	assert_int_equal(rec->size, rec->len);
	for (size_t i = 0; i < rec->size; i++)
		assert_int_equal(p[i], byte_at(dir, rec->off + i));
	k->bytes += rec->size;
}

/* In the order it happened, and without a hole in what is left. */
static struct kept
read_all(const struct scene *sc)
{
	struct kept k = { .records = 0 };
	struct watch_reader r;
	struct watch_record rec;
	const uint8_t *data;
	uint64_t seq = 0, ts_ns = 0;

	watch_history_seek(&sc->h, 0, &r);
	while (watch_history_next(&r, &rec, &data)) {
		assert_true(rec.seq > seq);
		assert_true(rec.ts_ns >= ts_ns);
		seq = rec.seq;
		ts_ns = rec.ts_ns;
		check_record(&k, &rec, data);
		k.records++;
	}
	for (int d = 0; d < DIR_NDIRS; d++) {
		if (sc->h.n[d] == 0)
			continue;
		assert_int_equal(k.to[d], sc->off[d]);
		assert_int_equal(
		    watch_history_from(&sc->h, (enum dir)d, 0), k.from[d]);
	}
	return k;
}

static void
little_is_kept_whole(void **state)
{
	struct scene sc;
	struct kept k;

	(void)state;
	start(&sc, MANY, MANY);
	assert_true(watch_history_is_empty(&sc.h));
	assert_int_equal(watch_history_from(&sc.h, DIR_CLIENT, 77), 77);
	feed(&sc, &sc.h, DIR_CLIENT, 20);
	feed(&sc, &sc.h, DIR_SERVER, 1500);
	lose(&sc, DIR_SERVER, 1000000);
	feed(&sc, &sc.h, DIR_SERVER, 1);
	feed(&sc, &sc.h, DIR_CLIENT, 5000);
	k = read_all(&sc);
	assert_int_equal(k.bytes, 20 + 1500 + 1 + 5000);
	assert_int_equal(k.from[DIR_SERVER], 0);
	assert_int_equal(k.to[DIR_SERVER], 1501 + 1000000);
	watch_history_clear(&sc.h);
	assert_true(watch_history_is_empty(&sc.h));
	watch_pages_done(&sc.pages);
}

/* An answer of any length leaves the question where it is. */
static void
a_long_answer_does_not_push_out_the_question(void **state)
{
	struct scene sc;
	struct kept k;

	(void)state;
	start(&sc, MANY, 16 * WATCH_PAGE);
	feed(&sc, &sc.h, DIR_CLIENT, 200);
	for (int i = 0; i < 100; i++)
		feed(&sc, &sc.h, DIR_SERVER, 1448);
	k = read_all(&sc);
	assert_int_equal(k.from[DIR_CLIENT], 0);
	assert_true(k.from[DIR_SERVER] > 0);
	/* All but the memory for the question and the records' own. */
	assert_true(k.bytes >= 13 * WATCH_PAGE);
	assert_int_equal(sc.h.n[DIR_CLIENT] + sc.h.n[DIR_SERVER], 16);
	watch_pages_done(&sc.pages);
}

static void
both_directions_share_in_halves_when_both_want_all(void **state)
{
	struct scene sc;

	(void)state;
	start(&sc, MANY, 16 * WATCH_PAGE);
	feed(&sc, &sc.h, DIR_SERVER, 100 * WATCH_PAGE);
	assert_int_equal(sc.h.n[DIR_SERVER], 16);
	feed(&sc, &sc.h, DIR_CLIENT, 100 * WATCH_PAGE);
	assert_int_equal(sc.h.n[DIR_SERVER], 8);
	assert_int_equal(sc.h.n[DIR_CLIENT], 8);
	(void)read_all(&sc); /* checks */
	watch_pages_done(&sc.pages);
}

/* Of a read larger than the history only its end is copied. */
static void
of_much_the_last_is_kept(void **state)
{
	struct scene sc;
	struct kept k;

	(void)state;
	start(&sc, MANY, 4 * WATCH_PAGE);
	feed(&sc, &sc.h, DIR_CLIENT, 1000 * WATCH_PAGE);
	k = read_all(&sc);
	assert_int_equal(k.to[DIR_CLIENT], 1000 * WATCH_PAGE);
	assert_true(k.bytes > 3 * WATCH_PAGE);
	assert_int_equal(k.records, 4);
	watch_pages_done(&sc.pages);
}

static void
small_pieces_fill_pages(void **state)
{
	struct scene sc;
	struct kept k;
	size_t record = sizeof(struct watch_record) + 8;

	(void)state;
	start(&sc, MANY, 8 * WATCH_PAGE);
	for (int i = 0; i < 5000; i++)
		feed(&sc, &sc.h, i % 3 == 0 ? DIR_CLIENT : DIR_SERVER, 1);
	k = read_all(&sc);
	assert_true(k.bytes >= 6 * (WATCH_PAGE_ROOM / record));
	watch_pages_done(&sc.pages);
}

static void
conflicts_keep_both_versions(void **state)
{
	uint8_t kept[3000], other[3000];
	const struct conflict c = {
		.dir = DIR_SERVER,
		.off = 10,
		.kept = kept,
		.other = other,
		.len = sizeof(kept),
	};
	struct scene sc;
	struct watch_reader r;
	struct watch_record rec;
	const uint8_t *data;
	uint64_t at = 10;

	(void)state;
	for (size_t i = 0; i < sizeof(kept); i++) {
		kept[i] = (uint8_t)i;
		other[i] = (uint8_t)~i;
	}
	start(&sc, MANY, MANY);
	watch_history_conflict(&sc.h, &c, 5000);
	assert_int_equal(watch_history_from(&sc.h, DIR_SERVER, 0), 5000);
	watch_history_seek(&sc.h, 0, &r);
	while (watch_history_next(&r, &rec, &data)) {
		assert_int_equal(rec.type, WATCH_CONFLICT);
		assert_int_equal(rec.off, at);
		assert_int_equal(rec.size, 2 * rec.len);
		assert_memory_equal(data, kept + at - 10, rec.len);
		assert_memory_equal(data + rec.len, other + at - 10, rec.len);
		at += rec.len;
	}
	assert_int_equal(at, 10 + sizeof(kept));
	watch_pages_done(&sc.pages);
}

/* From any record on, both directions go on from there. */
static void
seek_finds_every_record(void **state)
{
	struct scene sc;
	struct watch_reader r;
	struct watch_record rec;
	const uint8_t *data;

	(void)state;
	start(&sc, MANY, MANY);
	for (unsigned i = 0; i < 200; i++)
		feed(&sc, &sc.h, i % 7 < 3 ? DIR_CLIENT : DIR_SERVER,
		    1 + i * 13 % 900);
	assert_true(sc.h.seq >= 200);
	for (uint64_t seq = 1; seq <= sc.h.seq; seq++) {
		watch_history_seek(&sc.h, seq, &r);
		assert_true(watch_history_next(&r, &rec, &data));
		assert_int_equal(rec.seq, seq);
	}
	watch_history_seek(&sc.h, sc.h.seq + 1, &r);
	assert_false(watch_history_next(&r, &rec, &data));
	watch_pages_done(&sc.pages);
}

static void
no_memory_means_no_history(void **state)
{
	struct scene sc;

	(void)state;
	start(&sc, WATCH_PAGE - 1, MANY);
	feed(&sc, &sc.h, DIR_CLIENT, 10);
	lose(&sc, DIR_CLIENT, 10);
	assert_true(watch_history_is_empty(&sc.h));
	assert_int_equal(sc.asked, 2);
	watch_pages_done(&sc.pages);
	start(&sc, MANY, 0);
	feed(&sc, &sc.h, DIR_CLIENT, 10);
	lose(&sc, DIR_CLIENT, 10);
	assert_true(watch_history_is_empty(&sc.h));
	assert_int_equal(sc.pages.n, 0);
	watch_pages_done(&sc.pages);
}

static void
others_make_room_first_then_its_own_oldest(void **state)
{
	struct scene sc;
	struct watch_history spare;
	struct kept k;

	(void)state;
	start(&sc, 8 * WATCH_PAGE, MANY);
	watch_history_init(&spare, &sc.pages, MANY);
	sc.spare = &spare;
	feed(&sc, &spare, DIR_CLIENT, 5 * WATCH_PAGE);
	sc.off[DIR_CLIENT] = 0;
	feed(&sc, &sc.h, DIR_CLIENT, 2 * WATCH_PAGE);
	assert_false(watch_history_is_empty(&sc.h));
	feed(&sc, &sc.h, DIR_CLIENT, 20 * WATCH_PAGE);
	assert_true(watch_history_is_empty(&spare));
	assert_int_equal(sc.h.n[DIR_CLIENT], 8);
	assert_int_equal(sc.pages.n, 8);
	k = read_all(&sc);
	assert_int_equal(k.to[DIR_CLIENT], 22 * WATCH_PAGE);
	watch_pages_done(&sc.pages);
}

static void
memory_grows_as_it_is_needed(void **state)
{
	struct scene sc;

	(void)state;
	start(&sc, (size_t)1 << 40, MANY);
	assert_int_equal(sc.pages.n, 0);
	feed(&sc, &sc.h, DIR_CLIENT, 10);
	assert_true(sc.pages.n <= 32);
	for (int i = 0; i < 1000; i++)
		feed(&sc, &sc.h, DIR_SERVER, 5000);
	assert_true(sc.pages.n <= 64);
	assert_int_equal(sc.asked, 0);
	watch_pages_done(&sc.pages);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(little_is_kept_whole),
		cmocka_unit_test(a_long_answer_does_not_push_out_the_question),
		cmocka_unit_test(
		    both_directions_share_in_halves_when_both_want_all),
		cmocka_unit_test(of_much_the_last_is_kept),
		cmocka_unit_test(small_pieces_fill_pages),
		cmocka_unit_test(conflicts_keep_both_versions),
		cmocka_unit_test(seek_finds_every_record),
		cmocka_unit_test(no_memory_means_no_history),
		cmocka_unit_test(others_make_room_first_then_its_own_oldest),
		cmocka_unit_test(memory_grows_as_it_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
