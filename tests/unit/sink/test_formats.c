#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/obuf.h"
#include "core/session.h"
#include "sink/formats.h"

#define CHUNK 5000

static void
every_format_is_found_by_its_name(void **state)
{
	size_t n = 0;

	(void)state;
	for (; formats_at(n) != NULL; n++) {
		const struct format *f = formats_at(n);

		assert_ptr_equal(formats_find(f->name), f);
		/* A format that is given no bytes must not look at any. */
		assert_true(f->need == NEED_NOTHING || f->data != NULL);
	}
	assert_true(n >= 9);
	assert_null(formats_find("none"));
	assert_null(formats_find(""));
}

static void
write_chunk(const struct format *f, uint64_t off, const uint8_t *p, size_t n,
    struct obuf *out)
{
	const struct format_opts opts = { .utf8 = false };
	struct session s = { .id = 1 };
	struct chunk c = { .dir = DIR_SERVER, .off = off, .len = n };
	uint8_t *copy = malloc(n);

	assert_non_null(copy);
	memcpy(copy, p, n);
	c.data = copy;
	assert_int_equal(f->data(&opts, NULL, &s, &c, out), 0);
	free(copy);
}

/* The value of one character or escape of a C literal; octal has 3 digits. */
static uint8_t
unescape(const uint8_t **p)
{
	static const char letter[] = "abtnvfr\"\\?";
	static const char value[] = "\a\b\t\n\v\f\r\"\\?";
	const char *at;

	if (**p != '\\')
		return *(*p)++;
	(*p)++;
	at = strchr(letter, **p);
	if (at != NULL) {
		(*p)++;
		return (uint8_t)value[at - letter];
	}
	*p += 3;
	return (uint8_t)(((*p)[-3] - '0') << 6 | ((*p)[-2] - '0') << 3 |
			 ((*p)[-1] - '0'));
}

static void
c_strings_mean_the_bytes(void **state)
{
	uint8_t data[CHUNK];
	struct obuf out = { 0 };
	const uint8_t *p;
	const uint8_t *end;
	size_t n = 0;

	(void)state;
	srandom(1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = random() % 4 ? (uint8_t)random() : '?';
	write_chunk(&format_c, 0, data, sizeof(data), &out);
	end = out.data + out.len;
	assert_null(memmem(out.data, out.len, "??", 2));
	for (p = memchr(out.data, '"', out.len); p != NULL;
	     p = memchr(p, '"', (size_t)(end - p))) {
		for (p++; *p != '"'; n++) {
			assert_true(*p >= ' ' && *p <= '~');
			assert_true(n < sizeof(data));
			assert_int_equal(unescape(&p), data[n]);
		}
		p++;
	}
	assert_int_equal(n, sizeof(data));
	obuf_done(&out);
}

static void
json_carries_the_bytes(void **state)
{
	static const char before[] =
	    "{\"v\":1,\"ts\":\"1970-01-01T00:00:00.000000000Z\","
	    "\"event\":\"data\",\"session\":1,\"dir\":\"s2c\","
	    "\"offset\":18446744073709546615,\"len\":5000,\"data\":\"";
	uint8_t data[CHUNK];
	uint8_t back[CHUNK + 3];
	struct obuf out = { 0 };
	size_t head = sizeof(before) - 1;
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	write_chunk(
	    &format_jsonl, UINT64_MAX - CHUNK, data, sizeof(data), &out);
	assert_memory_equal(out.data, before, head);
	assert_int_equal(base64_decode(back, &len,
			     (const char *)out.data + head, base64_len(CHUNK)),
	    0);
	assert_int_equal(len, CHUNK);
	assert_memory_equal(back, data, CHUNK);
	assert_int_equal(out.len, head + base64_len(CHUNK) + 3);
	assert_memory_equal(out.data + out.len - 3, "\"}\n", 3);
	obuf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_is_found_by_its_name),
		cmocka_unit_test(c_strings_mean_the_bytes),
		cmocka_unit_test(json_carries_the_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
