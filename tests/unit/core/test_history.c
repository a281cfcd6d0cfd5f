#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/history.h"

/* What is asked for, and what is found, as text: "3:abc;10:xy;". */
static const char *
found(const struct history *h, uint64_t trail, uint64_t off, size_t len)
{
	static char text[65536];
	struct history_piece piece[HISTORY_STEPS];
	const struct history_range range = { off, len };
	size_t n = history_find(h, trail, &range, piece);
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "%ju:%.*s;", (uintmax_t)piece[i].off, (int)piece[i].len,
		    (const char *)piece[i].data);
	return text;
}

static uint64_t
add(struct history *h, uint64_t trail, uint64_t off, const char *text)
{
	return history_add(h, trail, off, (const uint8_t *)text, strlen(text));
}

static void
what_was_added_is_found(void **state)
{
	struct history h;
	uint64_t a = HISTORY_NOTHING;

	(void)state;
	history_init(&h, 4096);
	assert_string_equal(found(&h, a, 0, 100), "");
	a = add(&h, a, 10, "abcdef");
	assert_string_equal(found(&h, a, 0, 100), "10:abcdef;");
	assert_string_equal(found(&h, a, 12, 2), "12:cd;");
	assert_string_equal(found(&h, a, 14, 9), "14:ef;");
	assert_string_equal(found(&h, a, 5, 6), "10:a;");
	assert_string_equal(found(&h, a, 0, 10), "");
	assert_string_equal(found(&h, a, 16, 10), "");
	history_done(&h);
}

/* A gap between them: these cannot be one entry. */
static void
pieces_come_by_ascending_offset(void **state)
{
	struct history h;
	uint64_t a = HISTORY_NOTHING;

	(void)state;
	history_init(&h, 4096);
	a = add(&h, a, 0, "abc");
	a = add(&h, a, 5, "fgh");
	a = add(&h, a, 10, "klm");
	assert_string_equal(found(&h, a, 2, 9), "2:c;5:fgh;10:k;");
	history_done(&h);
}

static void
streams_do_not_see_each_other(void **state)
{
	struct history h;
	uint64_t a = HISTORY_NOTHING;
	uint64_t b = HISTORY_NOTHING;

	(void)state;
	history_init(&h, 4096);
	a = add(&h, a, 0, "aaa");
	b = add(&h, b, 0, "bbb");
	a = add(&h, a, 3, "AAA");
	b = add(&h, b, 3, "BBB");
	assert_string_equal(found(&h, a, 0, 6), "0:aaa;3:AAA;");
	assert_string_equal(found(&h, b, 0, 6), "0:bbb;3:BBB;");
	/* One that begins now knows nothing, whatever lies in the log. */
	assert_string_equal(found(&h, HISTORY_NOTHING, 0, 6), "");
	history_done(&h);
}

static void
a_stream_alone_makes_few_entries(void **state)
{
	struct history h;
	uint64_t a = HISTORY_NOTHING;
	char *all = malloc(4002);

	(void)state;
	assert_non_null(all);
	history_init(&h, (size_t)1 << 20);
	for (uint64_t i = 0; i < 1000; i++) {
		memset(all + 4 * i, (int)('a' + i % 26), 4);
		a = history_add(&h, a, 4 * i, (const uint8_t *)all + 4 * i, 4);
	}
	memcpy(all + 4000, ";", 2);
	/* Behind "0:". */
	assert_string_equal(found(&h, a, 0, 4000) + 2, all);
	history_done(&h);
	free(all);
}

static void
the_search_has_an_end(void **state)
{
	struct history h;
	uint64_t a = HISTORY_NOTHING;
	struct history_piece piece[HISTORY_STEPS];
	const struct history_range all = { 0, 1000 };

	(void)state;
	history_init(&h, (size_t)1 << 20);
	for (uint64_t i = 0; i < 100; i++)
		a = add(&h, a, 2 * i, "x");
	assert_int_equal(history_find(&h, a, &all, piece), HISTORY_STEPS);
	assert_int_equal(piece[0].off, 2 * (100 - HISTORY_STEPS));
	assert_string_equal(found(&h, a, 0, 10), "");
	history_done(&h);
}

/*
 * Whatever the log overwrites: what is found is what was added, and of a
 * stream that goes on, the last of it is there.
 */
static void
what_is_found_was_added(void **state)
{
	struct history h;
	uint64_t trail[3] = { HISTORY_NOTHING, HISTORY_NOTHING,
		HISTORY_NOTHING };
	uint64_t end[3] = { 0, 0, 0 };
	unsigned random = 1;

	(void)state;
	history_init(&h, 1000);
	for (int i = 0; i < 100000; i++) {
		struct history_piece piece[HISTORY_STEPS];
		struct history_range range = { 0, 0 };
		uint8_t data[300];
		unsigned who, len;
		size_t n;

		random = random * 1103515245 + 12345;
		who = (random >> 16) % 3;
		len = 1 + (random >> 18) % sizeof(data);
		end[who] += (random >> 28) % 2;
		for (unsigned k = 0; k < len; k++)
			data[k] = (uint8_t)((end[who] + k) * (who + 7));
		trail[who] = history_add(&h, trail[who], end[who], data, len);
		end[who] += len;

		range.off = end[who] > 700 ? end[who] - 700 : 0;
		range.len = (size_t)(end[who] - range.off);
		n = history_find(&h, trail[who], &range, piece);
		assert_true(n > 0);
		assert_int_equal(piece[n - 1].off + piece[n - 1].len, end[who]);
		for (size_t j = 0; j < n; j++) {
			assert_true(
			    j == 0 || piece[j].off >=
					  piece[j - 1].off + piece[j - 1].len);
			for (size_t k = 0; k < piece[j].len; k++)
				assert_int_equal(piece[j].data[k],
				    (uint8_t)((piece[j].off + k) * (who + 7)));
		}
	}
	history_done(&h);
}

/* The others' entries survive; of the large one its end is known. */
static void
a_large_chunk_does_not_drive_out_the_others(void **state)
{
	struct history h;
	uint64_t a = HISTORY_NOTHING;
	uint64_t b = HISTORY_NOTHING;
	uint8_t *large = calloc(1, 100000);
	struct history_piece piece[HISTORY_STEPS];
	const struct history_range all = { 0, 100000 };

	(void)state;
	assert_non_null(large);
	history_init(&h, 4096);
	a = add(&h, a, 0, "abc");
	b = history_add(&h, b, 0, large, 100000);
	assert_string_equal(found(&h, a, 0, 3), "0:abc;");
	assert_int_equal(history_find(&h, b, &all, piece), 1);
	assert_int_equal(piece[0].off + piece[0].len, 100000);
	assert_true(piece[0].len >= 900);
	history_done(&h);
	free(large);
}

/* An entry is overwritten as a whole: it must be small beside the log. */
static void
most_of_the_log_is_of_use(void **state)
{
	const size_t size = (size_t)1 << 20;
	static const uint8_t data[1000];
	struct history_piece piece[HISTORY_STEPS];
	struct history h;
	uint64_t a = HISTORY_NOTHING;

	(void)state;
	history_init(&h, size);
	for (uint64_t off = 0; off < 3 * size; off += sizeof(data)) {
		const struct history_range all = { 0, off };

		a = history_add(&h, a, off, data, sizeof(data));
		if (off < size)
			continue;
		assert_true(history_find(&h, a, &all, piece) > 0);
		assert_true(off - piece[0].off > size - size / 8);
	}
	history_done(&h);
}

static void
too_small_a_log_remembers_nothing(void **state)
{
	static const size_t size[] = { 0, 7, 100 };

	(void)state;
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct history h;
		uint64_t a = HISTORY_NOTHING;

		history_init(&h, size[i]);
		a = add(&h, a, 0, "abc");
		assert_string_equal(found(&h, a, 0, 3), "");
		history_done(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found),
		cmocka_unit_test(pieces_come_by_ascending_offset),
		cmocka_unit_test(streams_do_not_see_each_other),
		cmocka_unit_test(a_stream_alone_makes_few_entries),
		cmocka_unit_test(the_search_has_an_end),
		cmocka_unit_test(what_is_found_was_added),
		cmocka_unit_test(a_large_chunk_does_not_drive_out_the_others),
		cmocka_unit_test(most_of_the_log_is_of_use),
		cmocka_unit_test(too_small_a_log_remembers_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
