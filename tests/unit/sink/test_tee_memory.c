#include "live_rig.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "sink/tee_copy.h"

#include "../../../fuzz/memory.h"

/* A copy with a hole is none: without memory it ends, and is counted. */

/** struct scene - A copy of a worker's, and where it goes */
struct scene {
	struct live live;
	struct tee_copy_lane lane;
	struct endpoint endpoint;
	struct tee_copy *copy;
	int listener;
};

static void
begin(struct scene *sc)
{
	struct addr at = loopback_addr(AF_INET);
	char text[ADDR_TEXT_MAX];
	struct err err;

	live_init(&sc->live);
	list_init(&sc->lane.copies);
	deadline_queue_init(&sc->lane.patience, 1);
	outq_lane_init(&sc->lane.outq, sc->live.w, &sc->live.count, 0);
	sc->listener = loopback_listen(&at, 1);
	assert_int_equal(endpoint_parse(&sc->endpoint, ENDPOINT_DIAL,
			     addr_format(&at, text), &err),
	    0);
	assert_int_equal(outcall_target_init(&sc->lane.target,
			     &(struct outcall_opts){
				 .endpoint = &sc->endpoint,
				 .timeout_ns = LOOPBACK_DEADLINE_NS,
				 .retry_ns = LOOPBACK_DEADLINE_NS,
			     },
			     sc->live.w, &err),
	    0);
	sc->lane.outq.targets[sc->lane.outq.ntargets++] = &sc->lane.target;
	sc->copy = tee_copy_new(&sc->lane);
	assert_non_null(sc->copy);
}

static void
end(struct scene *sc)
{
	tee_copy_release(sc->copy);
	outq_lane_finish(&sc->lane.outq, 0);
	(void)outq_lane_turn(&sc->lane.outq, clock_mono_ns());
	LOOPBACK_STEP_UNTIL(sc->live.w, outq_lane_finished(&sc->lane.outq));
	endpoint_done(&sc->endpoint);
	close(sc->listener);
	live_done(&sc->live);
}

static void
put(struct scene *sc, const char *text)
{
	tee_copy_put(sc->copy, (const uint8_t *)text, strlen(text));
}

static void
test_copy_ends_at_a_hole(void **state)
{
	struct scene sc = { .lane.limit = 1000 };

	(void)state;
	begin(&sc);
	memory_fail(1, true);
	put(&sc, "hole");
	memory_fail(0, false);
	put(&sc, "behind");
	assert_int_equal(live_dropped(&sc.live, DROP_QUEUE_FULL), 4);
	assert_int_equal(live_dropped(&sc.live, DROP_GONE), 6);
	end(&sc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_ends_at_a_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
