#include "outq_scene.h"

#include "../../../fuzz/memory.h"

/* More than sockets take here, so that some of it has to wait. */
#define LONG_LEN ((size_t)1 << 20)

/* A record of zeroes while there is no memory; what outq_put() says. */
static bool
put_without_memory(struct scene *sc, size_t len, size_t payload)
{
	uint8_t *data = calloc(1, len);
	bool whole;

	assert_non_null(data);
	memory_fail(1, true);
	whole = outq_put(sc->q, data, len, payload);
	memory_fail(0, false);
	sc->put += payload;
	free(data);
	return whole;
}

/* Whoever goes on would be understood as something else. */
static void
test_torn_record_is_told(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 2 * LONG_LEN, 0, OUTQ_DROP);
	scene_attach(sc, "");
	assert_false(put_without_memory(sc, LONG_LEN, LONG_LEN - 1));
	assert_int_equal(scene_dropped(sc, DROP_QUEUE_FULL), LONG_LEN - 1);
	assert_int_equal(outq_queued(sc->q), 0);
}

static void
test_record_that_is_missing_whole_is_counted(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 2 * LONG_LEN, 0, OUTQ_DROP);
	scene_attach(sc, "");
	assert_true(put_without_memory(sc, 10, 9));
	assert_int_equal(scene_dropped(sc, DROP_QUEUE_FULL), 9);
	scene_put_framed(sc, "next;", 4);
	scene_hear_text(sc, "next;");
}

static void
test_hole_in_a_stream_is_told(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, 2 * LONG_LEN, 0, OUTQ_DROP);
	scene_attach(sc, "");
	assert_false(put_without_memory(sc, 10, 10));
	assert_false(put_without_memory(sc, LONG_LEN, LONG_LEN));
	assert_true(count_get(&sc->live.count.written) > 0);
	assert_true(scene_dropped(sc, DROP_QUEUE_FULL) > 10);
}

/* What comes after a hole is not the head. */
static void
test_head_ends_at_a_hole(void **state)
{
	struct scene *sc = *state;

	scene_make(sc, LONG_LEN, LONG_LEN, OUTQ_KEEP_HEAD);
	assert_false(put_without_memory(sc, 10, 10));
	assert_int_equal(scene_dropped(sc, DROP_QUEUE_FULL), 10);
	scene_put(sc, "later", 5);
	assert_int_equal(scene_dropped(sc, DROP_STARTUP_FULL), 5);
	scene_attach(sc, "head;");
	scene_put(sc, "live", 4);
	scene_hear_text(sc, "head;live");
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_torn_record_is_told),
		TEST(test_record_that_is_missing_whole_is_counted),
		TEST(test_hole_in_a_stream_is_told),
		TEST(test_head_ends_at_a_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
