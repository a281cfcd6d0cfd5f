#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "run/progress.h"
#include "source/savefile.h"

static void
test_line(void **state)
{
	static const struct {
		struct savefile_progress at;
		const char *line;
	} rows[] = {
		{ { "net.pcapng", 1204999999, 2800000000, 3456789 },
		    "net.pcapng   43 %   1,204 of 2,800 MB   3,456,789 "
		    "packets" },
		{ { "a", 0, 5000000, 0 }, "a   0 %   0 of 5 MB   0 packets" },
		/* Not even a file that grows is read to more than its end. */
		{ { "a", 12000000, 5000000, 1 },
		    "a   100 %   5 of 5 MB   1 packet" },
		{ { "-", 7000000, 0, 12 },
		    "standard input   7 MB   12 packets" },
		{ { NULL, 0, 0, 0 }, "   0 MB   0 packets" },
		{ { "evil\x1b[2J\n", 0, 0, 0 },
		    "evil\\x1b[2J\\n   0 MB   0 packets" },
		{ { "/a/folder/with/a/long/name/and/more/of/it/net.pcap", 0, 0,
		      0 },
		    "...ong/name/and/more/of/it/net.pcap   0 MB   0 packets" },
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		progress_line(line, sizeof(line), &rows[i].at);
		assert_string_equal(line, rows[i].line);
	}
}

/* It must not wrap, or it could not be erased. */
static void
test_line_is_cut(void **state)
{
	const struct savefile_progress at = { "net.pcap", 1, 2, 3 };
	char line[16];

	(void)state;
	memset(line, 'x', sizeof(line));
	progress_line(line, 10, &at);
	assert_string_equal(line, "net.pcap ");
	assert_int_equal(line[10], 'x');
	progress_line(line, 1, &at);
	assert_string_equal(line, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
