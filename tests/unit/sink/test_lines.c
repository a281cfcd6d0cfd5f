#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/obuf.h"
#include "core/session.h"
#include "sink/format.h"
#include "sink/lines.h"

/*
 * What the golden cases cannot show: that how a stream is cut into chunks
 * makes no difference, and what is allocated when.
 */

static const struct format_opts opts;

/* Bytes as they are, so that the text can be read back. */
static size_t
render(const struct format_opts *o, uint8_t *out, const uint8_t *p, size_t n)
{
	(void)o;
	memcpy(out, p, n);
	return n;
}

static void
feed(struct lines *l, const struct session *s, const void *data, size_t n,
    struct obuf *out)
{
	struct chunk c = {
		.dir = DIR_CLIENT,
		.ts_ns = 1,
		.len = n,
	};
	/* Exactly as long, so that a sanitizer sees who reads beyond. */
	uint8_t *copy = malloc(n);

	assert_non_null(copy);
	memcpy(copy, data, n);
	c.data = copy;
	(void)lines_data(&opts, l, s, &c, out);
	free(copy);
}

static void
chunks_make_no_difference(void **state)
{
	static const char piece[] = "ab\nc\xe2\x82\xac\r\n\n x\x1b[m\n";
	struct session s = { .id = 1 };
	uint8_t text[40000];
	struct obuf whole = { 0 };
	struct lines l = { .render = render };

	(void)state;
	/* Short lines, then lines of up to 15,000 bytes. */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)piece[i % (sizeof(piece) - 1)];
	memset(text + 5000, 'x', 4096);
	memset(text + 12000, 'y', 15000);
	feed(&l, &s, text, sizeof(text), &whole);
	lines_close(&opts, &l, &s, &whole);

	srandom(1);
	for (unsigned round = 0; round < 50; round++) {
		size_t most = round < 10 ? 3 : 1 + (size_t)random() % 9000;
		struct lines cut = { .render = render };
		struct obuf out = { 0 };

		for (size_t at = 0; at < sizeof(text);) {
			size_t n = 1 + (size_t)random() % most;

			if (n > sizeof(text) - at)
				n = sizeof(text) - at;
			feed(&cut, &s, text + at, n, &out);
			at += n;
		}
		lines_close(&opts, &cut, &s, &out);
		assert_int_equal(out.len, whole.len);
		assert_memory_equal(out.data, whole.data, whole.len);
		obuf_done(&out);
	}
	obuf_done(&whole);
}

static void
memory_is_held_only_while_a_line_waits(void **state)
{
	struct session s = { .id = 1 };
	struct lines l = { .render = render };
	struct obuf out = { 0 };

	(void)state;
	feed(&l, &s, "whole\n", 6, &out);
	assert_null(l.half[DIR_CLIENT].held);
	feed(&l, &s, "part", 4, &out);
	assert_non_null(l.half[DIR_CLIENT].held);
	assert_true(l.half[DIR_CLIENT].cap <= 256);
	for (unsigned i = 0; i < 5000; i++)
		feed(&l, &s, "more", 4, &out);
	assert_true(l.half[DIR_CLIENT].cap <= LINES_MAX);
	lines_idle(&opts, &l, &s, &out);
	assert_null(l.half[DIR_CLIENT].held);
	feed(&l, &s, "again", 5, &out);
	lines_close(&opts, &l, &s, &out);
	assert_null(l.half[DIR_CLIENT].held);
	obuf_done(&out);
}

static void
only_a_waiting_line_asks_for_a_call(void **state)
{
	struct session s = { .id = 1 };
	struct lines l = { .render = render };
	struct obuf out = { 0 };
	struct chunk c = { .dir = DIR_SERVER, .ts_ns = 1 };

	(void)state;
	c.data = (const uint8_t *)"login: ";
	c.len = 7;
	assert_int_equal(lines_data(&opts, &l, &s, &c, &out), LINES_SILENCE_NS);
	c.data = (const uint8_t *)"\n";
	c.len = 1;
	assert_int_equal(lines_data(&opts, &l, &s, &c, &out), 0);
	lines_close(&opts, &l, &s, &out);
	obuf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_make_no_difference),
		cmocka_unit_test(memory_is_held_only_while_a_line_waits),
		cmocka_unit_test(only_a_waiting_line_asks_for_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
