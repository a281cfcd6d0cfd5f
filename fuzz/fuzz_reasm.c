#include <stdlib.h>

#include "fuzz.h"

/*
 * Reassembly against the model of tests/unit/core/reasm_model.h: the input is
 * what the decisions of a case are drawn from.  The model knows each byte by
 * itself; what the session hears and what is counted must be as it says.
 */

/* What the model itself needs is always there. */
#define malloc(size) memory_own(size)
#include "../tests/unit/core/reasm_play.h"
#undef malloc

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_set_up;

	if (!is_set_up) {
		/* cmocka's checks are to end the program. */
		(void)setenv("CMOCKA_TEST_ABORT", "1", 1);
		memory_pause(true);
		model_set_up();
		memory_pause(false);
		is_set_up = true;
	}
	if (size == 0)
		return 0;
	model.seed = data[0];
	model.source = data + 1;
	model.left = size - 1;
	model.is_short = memory_is_short();
	run_case();
	return 0;
}
