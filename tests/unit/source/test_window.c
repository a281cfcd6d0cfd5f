#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/window.h"

/*
 * A stream of items, each begun by its own length in two bytes (high one
 * first) and filled with its number; every seventh is to be passed over after
 * its head.
 */
#define ITEMS 400

static size_t
item_len(unsigned i)
{
	return 2 + i * 37 % 300;
}

static size_t
make_stream(uint8_t *to)
{
	size_t n = 0;

	for (unsigned i = 0; i < ITEMS; i++) {
		size_t len = item_len(i);

		to[n] = (uint8_t)(len >> 8);
		to[n + 1] = (uint8_t)len;
		memset(to + n + 2, (int)(i & 0xff), len - 2);
		n += len;
	}
	return n;
}

/* One item, if it is all there; else how many bytes it needs. */
static size_t
take(struct window *w, unsigned *i, const uint8_t *data, size_t have)
{
	size_t len;

	if (have < 2)
		return 2;
	len = (size_t)data[0] << 8 | data[1];
	assert_int_equal(len, item_len(*i));
	if (*i % 7 != 0) {
		if (have < len)
			return len;
		for (size_t at = 2; at < len; at++)
			assert_int_equal(data[at], *i & 0xff);
	}
	window_used(w, len);
	(*i)++;
	return 0;
}

/* In pieces of @size bytes, each in memory of its own that goes away. */
static void
run(struct window *w, const uint8_t *stream, size_t len, size_t size)
{
	unsigned i = 0;

	for (size_t at = 0; at < len; at += size) {
		size_t n = len - at < size ? len - at : size;
		uint8_t *piece = malloc(n);
		int rc = 0;

		assert_non_null(piece);
		memcpy(piece, stream + at, n);
		window_push(w, piece, n);
		while (rc == 0) {
			const uint8_t *data;
			size_t have = window_view(w, &data);
			size_t need = take(w, &i, data, have);

			if (need > 0)
				rc = window_need(w, need);
		}
		assert_int_equal(rc, -EAGAIN);
		free(piece);
	}
	assert_int_equal(i, ITEMS);
	assert_int_equal(window_left(w), 0);
	assert_int_equal(window_unseen(w), 0);
}

static void
pieces_of_any_size(void **state)
{
	static uint8_t stream[ITEMS * 302];
	size_t len = make_stream(stream);
	struct window w;

	(void)state;
	window_init(&w);
	for (size_t size = 1; size < 700; size++)
		run(&w, stream, len, size);
	run(&w, stream, len, len);
	window_done(&w);
}

/* What lies in one piece is seen where it lies. */
static void
nothing_is_copied(void **state)
{
	static const uint8_t piece[] = "abcdefgh";
	const uint8_t *data;
	struct window w;

	(void)state;
	window_init(&w);
	window_push(&w, piece, 8);
	window_used(&w, 3);
	assert_int_equal(window_view(&w, &data), 5);
	assert_ptr_equal(data, piece + 3);
	assert_int_equal(window_need(&w, 9), -EAGAIN);
	assert_int_equal(window_left(&w), 5);
	/* And what was carried ends where the item does. */
	window_push(&w, piece, 8);
	assert_int_equal(window_view(&w, &data), 5);
	assert_int_equal(window_need(&w, 9), 0);
	assert_int_equal(window_view(&w, &data), 9);
	assert_memory_equal(data, "defghabcd", 9);
	window_used(&w, 9);
	assert_int_equal(window_view(&w, &data), 4);
	assert_ptr_equal(data, piece + 4);
	window_done(&w);
}

/* More was asked for than belonged to the item. */
static void
carried_too_much(void **state)
{
	static const uint8_t piece[] = "abcdefgh";
	const uint8_t *data;
	struct window w;

	(void)state;
	window_init(&w);
	window_push(&w, piece, 2);
	assert_int_equal(window_need(&w, 6), -EAGAIN);
	window_push(&w, piece + 2, 6);
	assert_int_equal(window_need(&w, 6), 0);
	window_used(&w, 3);
	assert_int_equal(window_view(&w, &data), 3);
	assert_memory_equal(data, "def", 3);
	window_used(&w, 3);
	assert_int_equal(window_view(&w, &data), 2);
	assert_memory_equal(data, "gh", 2);
	window_done(&w);
}

static void
passing_over_several_pieces(void **state)
{
	static const uint8_t piece[] = "abcdefgh";
	const uint8_t *data;
	struct window w;

	(void)state;
	window_init(&w);
	window_push(&w, piece, 8);
	window_used(&w, 20);
	assert_int_equal(window_unseen(&w), 12);
	assert_int_equal(window_need(&w, 1), -EAGAIN);
	window_push(&w, piece, 8);
	assert_int_equal(window_unseen(&w), 4);
	assert_int_equal(window_need(&w, 1), -EAGAIN);
	window_push(&w, piece, 8);
	assert_int_equal(window_view(&w, &data), 4);
	assert_memory_equal(data, "efgh", 4);
	/* Another file begins: nothing of this one is left. */
	window_used(&w, 10);
	window_clear(&w);
	assert_int_equal(window_unseen(&w), 0);
	window_push(&w, piece, 8);
	assert_int_equal(window_view(&w, &data), 8);
	window_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_any_size),
		cmocka_unit_test(nothing_is_copied),
		cmocka_unit_test(carried_too_much),
		cmocka_unit_test(passing_over_several_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
