#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sink/payload_tell.h"

static void
a_payload_is_hex_and_text(void **state)
{
	static const struct {
		const char *payload;
		const char *line;
	} cases[] = {
		{ "GET /\r\n", "queued 474554202f0d0a GET /" },
		{ " \t a  b\v\f", "queued 20092061202062"
				  "0b0c a  b" },
		{ "\r\n", "queued 0d0a " },
		/* It must not drive a terminal, or look like another line. */
		{ "a\x1b[2J\nsent \\", "queued 611b5b324a0a73656e74205c "
				       "a\\x1b[2J\\nsent \\\\" },
		{ "\xc3\xa4\xff", "queued c3a4ff \xc3\xa4\\xff" },
	};
	char buf[PAYLOAD_TELL_MAX];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++)
		assert_string_equal(
		    payload_tell_heard(buf, (const uint8_t *)cases[i].payload,
			strlen(cases[i].payload), true),
		    cases[i].line);
}

static void
a_long_payload_is_cut_with_a_mark(void **state)
{
	static uint8_t payload[65535];
	char buf[PAYLOAD_TELL_MAX];
	size_t len;

	(void)state;
	/* The longest text there is: four characters for each byte. */
	memset(payload, 0xff, sizeof(payload));
	(void)payload_tell_heard(buf, payload, PAYLOAD_TELL_SHOWN, false);
	len = strlen("dropped ") + 6 * PAYLOAD_TELL_SHOWN + 1;
	assert_int_equal(strlen(buf), len);
	(void)payload_tell_heard(buf, payload, sizeof(payload), false);
	assert_int_equal(strlen(buf), len + 4);
	assert_string_equal(buf + len, " ...");
	assert_memory_equal(buf, "dropped ff", strlen("dropped ff"));
}

static void
what_was_sent_is_told_with_the_target(void **state)
{
	struct addr a;
	char buf[PAYLOAD_TELL_MAX];

	(void)state;
	assert_int_equal(addr_parse_ip(&a, "127.0.0.1"), 0);
	a.port = 80;
	assert_string_equal(
	    payload_tell_sent(buf, 51, &a), "sent 51 bytes to 127.0.0.1:80");
	assert_int_equal(addr_parse_ip(&a, "::1"), 0);
	a.port = 8080;
	assert_string_equal(
	    payload_tell_sent(buf, 1, &a), "sent 1 bytes to [::1]:8080");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_payload_is_hex_and_text),
		cmocka_unit_test(a_long_payload_is_cut_with_a_mark),
		cmocka_unit_test(what_was_sent_is_told_with_the_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
