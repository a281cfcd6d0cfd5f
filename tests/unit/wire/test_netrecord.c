#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#include "wire/netrecord.h"

static const struct {
	struct netrecord r;
	const char *text;
} row[] = {
	{ { NETRECORD_CLIENT, NETRECORD_CON, 0, 0 }, "c 0.000000 con\n" },
	{ { NETRECORD_CLIENT, NETRECORD_DATA, 1204518, 24 },
	    "c 1.204518 24\n" },
	/* A second's edge, where the original goes wrong. */
	{ { NETRECORD_SERVER, NETRECORD_DATA, 1999999, 1 }, "s 1.999999 1\n" },
	{ { NETRECORD_SERVER, NETRECORD_HUP, 2000000, 0 }, "s 2.000000 hup\n" },
	{ { NETRECORD_SERVER, NETRECORD_ERR, 2000001, 0 }, "s 2.000001 err\n" },
	{ { NETRECORD_CLIENT, NETRECORD_DATA, 100000000001000000, 262144 },
	    "c 100000000001.000000 262144\n" },
	{ { NETRECORD_CLIENT, NETRECORD_DATA, 0, UINT64_MAX },
	    "c 0.000000 18446744073709551615\n" },
};

static void
written_and_read(void **state)
{
	char text[NETRECORD_HEAD_MAX];
	struct netrecord r;
	size_t n, used;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		n = netrecord_encode(text, &row[i].r);
		assert_int_equal(n, strlen(row[i].text));
		assert_memory_equal(text, row[i].text, n);
		/* What follows the head is not looked at. */
		text[n < sizeof(text) ? n : n - 1] = '\n';
		assert_int_equal(netrecord_decode(&r, &used,
				     (const uint8_t *)text, sizeof(text)),
		    0);
		assert_int_equal(used, n);
		assert_int_equal(r.side, row[i].r.side);
		assert_int_equal(r.what, row[i].r.what);
		assert_true(r.time_us == row[i].r.time_us);
		assert_true(r.len == row[i].r.len);
	}
}

static void
longest_head_fits(void **state)
{
	const struct netrecord r = { NETRECORD_SERVER, NETRECORD_DATA,
		UINT64_MAX, UINT64_MAX };
	char text[NETRECORD_HEAD_MAX];

	(void)state;
	assert_int_equal(netrecord_encode(text, &r), NETRECORD_HEAD_MAX);
	assert_memory_equal(text,
	    "s 18446744073709.551615 18446744073709551615\n", sizeof(text));
}

/* Any cut asks for more; copies of the exact size let a sanitizer watch. */
static void
cut_anywhere(void **state)
{
	struct netrecord r = { .len = 77 };
	size_t used = 77;
	uint8_t *part;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		for (size_t n = 0; n < strlen(row[i].text); n++) {
			part = malloc(n + (n == 0));
			assert_non_null(part);
			memcpy(part, row[i].text, n);
			assert_int_equal(
			    netrecord_decode(&r, &used, part, n), -EAGAIN);
			free(part);
		}
	}
	assert_int_equal(r.len, 77);
	assert_int_equal(used, 77);
}

static void
short_fractions(void **state)
{
	const char *text = "s 7.5 hup\n";
	struct netrecord r;
	size_t used;

	(void)state;
	assert_int_equal(
	    netrecord_decode(&r, &used, (const uint8_t *)text, strlen(text)),
	    0);
	assert_int_equal(r.time_us, 7500000);
}

static void
what_is_no_record(void **state)
{
	static const char *const bad[] = {
		"\n",
		"x 1.000000 con\n",
		"c1.000000 con\n",
		"c  1.000000 con\n",
		"c 1 con\n",
		"c 1. con\n",
		"c .5 con\n",
		"c -1.000000 con\n",
		"c 1.-00001 con\n",
		"c 1.0000000 con\n",
		"c 1.000000\n",
		"c 1.000000 \n",
		"c 1.000000 conn\n",
		"c 1.000000 co\n",
		"c 1.000000 12x\n",
		"c 1.000000 -1\n",
		"c 1.000000 18446744073709551616\n",
		"c 18446744073710.000000 1\n",
		"c 99999999999999999999.000000 1\n",
		/* Longer than any head. */
		"c 1.000000 00000000000000000000000000000000000001\n",
		"cccccccccccccccccccccccccccccccccccccccccccccc",
	};
	struct netrecord r;
	size_t used;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(bad); i++) {
		if (netrecord_decode(&r, &used, (const uint8_t *)bad[i],
			strlen(bad[i])) != -EBADMSG)
			fail_msg("taken for a record: %s", bad[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(longest_head_fits),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(short_fractions),
		cmocka_unit_test(what_is_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
