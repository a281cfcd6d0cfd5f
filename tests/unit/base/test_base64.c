#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/base64.h"
#include "base/obuf.h"

/* RFC 4648, section 10, and the two characters that are no letters. */
static void
vectors_of_the_rfc(void **state)
{
	static const struct {
		const char *data;
		const char *text;
	} row[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xef\xff", "++//" },
	};
	struct obuf o = { 0 };
	uint8_t back[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		obuf_clear(&o);
		obuf_puts(&o, ">");
		base64_put(&o, row[i].data, strlen(row[i].data));
		obuf_putc(&o, '\0');
		assert_string_equal((char *)o.data + 1, row[i].text);
		assert_int_equal(
		    base64_decode(back, &n, row[i].text, strlen(row[i].text)),
		    0);
		assert_int_equal(n, strlen(row[i].data));
		assert_memory_equal(back, row[i].data, n);
	}
	obuf_done(&o);
}

/* The definition, a bit at a time. */
static char
letter(const uint8_t *p, size_t len, size_t index)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned v = 0;

	if (index * 6 >= len * 8)
		return '=';
	for (size_t bit = index * 6; bit < index * 6 + 6; bit++) {
		v <<= 1;
		if (bit < len * 8)
			v |= (unsigned)p[bit / 8] >> (7 - bit % 8) & 1;
	}
	return alphabet[v];
}

/* All pairs of the table are met, and no byte behind the room is touched. */
static void
as_defined(void **state)
{
	enum {
		SIZE = 3 * 4096
	};
	static uint8_t data[SIZE], back[SIZE];
	static char text[SIZE / 3 * 4 + 1];
	size_t n;

	(void)state;
	for (size_t i = 0; i < 4096; i++) {
		data[3 * i] = (uint8_t)(i >> 4);
		data[3 * i + 1] = (uint8_t)(i << 4 | (4095 - i) >> 8);
		data[3 * i + 2] = (uint8_t)(4095 - i);
	}
	for (size_t len = SIZE - 4; len <= SIZE; len++) {
		text[base64_len(len)] = '!';
		base64_encode(text, data, len);
		for (size_t i = 0; i < base64_len(len); i++)
			assert_int_equal(text[i], letter(data, len, i));
		assert_int_equal(text[base64_len(len)], '!');
		assert_int_equal(
		    base64_decode(back, &n, text, base64_len(len)), 0);
		assert_int_equal(n, len);
		assert_memory_equal(back, data, len);
	}
}

static void
what_is_not_base64(void **state)
{
	static const char *const bad[] = { "Zg=", "Zg", "Z",
		"Zg==Zg==", "Z===", "====", "Zm9=Zm9v", "Zm9 ", "Zm9\n", "Zm9-",
		"Zm9_", "Zh==", "Zm9=", "=Zm9", "Zm\x80v" };
	uint8_t back[16];
	size_t n = 99;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(bad); i++) {
		assert_int_not_equal(
		    base64_decode(back, &n, bad[i], strlen(bad[i])), 0);
		assert_int_equal(n, 99);
	}
	/* A NUL in the text is no end of it. */
	assert_int_not_equal(base64_decode(back, &n, "Zm9v\0m9v", 8), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_the_rfc),
		cmocka_unit_test(as_defined),
		cmocka_unit_test(what_is_not_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
