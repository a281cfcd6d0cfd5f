#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/hexdump.h"
#include "base/obuf.h"

#define MAX_LEN 600

/* "hexdump -C", one printf at a time. */
static size_t
model(char *out, uint64_t off, const uint8_t *p, size_t n)
{
	char *w = out;

	for (size_t at = 0; at < n; at += 16) {
		size_t len = n - at < 16 ? n - at : 16;

		w += sprintf(w, "%08" PRIx64 "  ", off + at);
		for (size_t i = 0; i < 16; i++) {
			if (i < len)
				w += sprintf(w, "%02x ", p[at + i]);
			else
				w += sprintf(w, "   ");
			if (i % 8 == 7)
				w += sprintf(w, " ");
		}
		*w++ = '|';
		for (size_t i = 0; i < len; i++) {
			uint8_t b = p[at + i];

			*w++ = '.';
			if (b >= ' ' && b <= '~')
				w[-1] = (char)b;
		}
		w += sprintf(w, "|\n");
	}
	return (size_t)(w - out);
}

static void
check(enum hexdump_by by, uint64_t off, const uint8_t *p, size_t n)
{
	char want[HEXDUMP_ROOM(MAX_LEN)];
	size_t want_len = model(want, off, p, n);
	/* Exactly the room that is asked for, so that a sanitizer sees more. */
	uint8_t *out = malloc(HEXDUMP_ROOM(n));
	size_t len;

	assert_non_null(out);
	len = hexdump_write_by(by, out, off, p, n);
	assert_int_equal(len, want_len);
	assert_memory_equal(out, want, len);
	free(out);
}

static void
every_length_and_byte(enum hexdump_by by)
{
	uint8_t data[MAX_LEN];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (size_t n = 0; n <= sizeof(data); n++)
		check(by, n * 7, data, n);
	/* Every byte value at every place of a line. */
	for (size_t i = 0; i < 256; i++)
		check(by, i, data + i, 256);
}

static void
table_is_hexdump(void **state)
{
	(void)state;
	every_length_and_byte(HEXDUMP_BY_TABLE);
}

static void
vector_is_hexdump(void **state)
{
	(void)state;
	if (hexdump_has(HEXDUMP_BY_VECTOR))
		every_length_and_byte(HEXDUMP_BY_VECTOR);
	/* The machine decides: what is used everywhere is checked as well. */
	assert_true(hexdump_has(HEXDUMP_BY_TABLE));
}

static void
offsets_grow_and_carry(void **state)
{
	static const uint64_t off[] = { 0, 1, 0xfff0, 0xffff, 0x10000 - 3,
		0x123456789, 0xfffffff0, 0xfffffff8, 0xffffffff, 0x100000000,
		0xffffffff8, 0xfffffffffff8, 0x1000000000000,
		UINT64_MAX - MAX_LEN };
	uint8_t data[MAX_LEN] = { 0 };

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(off); i++) {
		for (size_t n = 1; n < 80; n++) {
			check(HEXDUMP_BY_TABLE, off[i], data, n);
			if (hexdump_has(HEXDUMP_BY_VECTOR))
				check(HEXDUMP_BY_VECTOR, off[i], data, n);
		}
	}
}

static void
appending_keeps_what_is_there(void **state)
{
	struct obuf o = { 0 };

	(void)state;
	obuf_puts(&o, "head\n");
	hexdump_put(&o, 0x10, (const uint8_t *)"220 ready\r\n", 11);
	obuf_putc(&o, '\0');
	assert_string_equal((char *)o.data,
	    "head\n"
	    "00000010  32 32 30 20 72 65 61 64  79 0d 0a"
	    "                 |220 ready..|\n");
	obuf_done(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_hexdump),
		cmocka_unit_test(vector_is_hexdump),
		cmocka_unit_test(offsets_grow_and_carry),
		cmocka_unit_test(appending_keeps_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
