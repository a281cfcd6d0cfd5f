#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture_rig.h"

#include "../../../fuzz/memory.h"

/*
 * A file per session while an allocation fails, each in turn (the Makefile
 * links what ends in _memory so): what is lost is counted, and what is there
 * can be read.
 */

/* Interfaces are described before they are named, and by their number. */
static void
check_file(void)
{
	uint32_t described = 0, packets = 0, type;
	size_t len = 0, block;
	char *file = rig_read(&rig, "000001.pcapng", &len);

	for (size_t i = 0; i < len; i += block) {
		const uint8_t *p = (const uint8_t *)file + i;

		type = bytes_get_le32(p);
		block = bytes_get_le32(p + 4);
		assert_true(block >= 12 && block <= len - i);
		described += type == 1;
		packets += type == 6;
		if (type == 5 || type == 6)
			assert_true(bytes_get_le32(p + 8) < described);
	}
	free(file);
	assert_int_equal(packets * 3, count_get(&rig.count.written));
}

/* Three packets on two interfaces; how many allocations failed. */
static uint64_t
record(uint64_t nth, bool all)
{
	struct session *s;
	uint64_t failed;

	rig_make(&rig, capture_pcapng_kind.make, "pcapng", "{id}.pcapng");
	s = begin(1, false);
	memory_fail(nth, all);
	pass(s, &eth0, 1, "one");
	failed = memory_has_failed();
	memory_fail(0, false);
	pass(s, &eth0, 2, "two");
	pass(s, &any, 3, "six");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	return failed;
}

static void
interfaces_are_described(void **state)
{
	uint64_t lost = 0;
	uint64_t failed;
	uint64_t nth = 1;

	do {
		for (int all = 0; all < 2; all++) {
			set_up(state);
			failed = record(nth, all != 0);
			check_file();
			assert_int_equal(count_get(&rig.count.offered), 9);
			assert_int_equal(
			    count_get(&rig.count.written) +
				count_get(
				    &rig.count.drop_bytes[DROP_WRITE_ERROR]),
			    9);
			lost += 9 - count_get(&rig.count.written);
			tear_down(state);
		}
		nth++;
	} while (failed > 0);
	assert_true(nth > 3 && lost > 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces_are_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
