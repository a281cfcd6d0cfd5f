#include "outq_scene.h"

#include "../../../fuzz/memory.h"

#include "sink/hub_batch.h"
#include "sink/hub_client.h"
#include "sink/hub_ifaces.h"

/* More than sockets take here. */
#define LONG_LEN ((size_t)1 << 20)

/* It has got the beginning of a block, and would take the next for the rest. */
static void
test_client_of_a_torn_block_is_told(void **state)
{
	struct scene *sc = *state;
	struct obuf scratch = { .data = NULL };
	struct hub_batch b = { .len = LONG_LEN, .payload = 9, .chunks = 1 };
	uint8_t *data = calloc(1, LONG_LEN);
	struct hub_ifaces ifaces;
	struct hub_client *c;

	assert_non_null(data);
	b.data = data;
	assert_int_equal(hub_ifaces_init(&ifaces, NULL, 0), 0);
	c = hub_client_new(&ifaces, &scratch, true, 0);
	assert_non_null(c);
	scene_make(sc, 2 * LONG_LEN, 0, OUTQ_DROP);
	scene_attach(sc, "");
	c->q = sc->q;
	sc->put = 2 * b.payload;
	memory_fail(1, true);
	assert_int_equal(hub_client_give(c, &b), -EPIPE);
	memory_fail(0, false);
	assert_int_equal(scene_dropped(sc, DROP_QUEUE_FULL), b.payload);
	/* Whatever comes next is no better. */
	b.len = b.payload + 1;
	assert_int_equal(hub_client_give(c, &b), -EPIPE);
	hub_client_free(c);
	hub_ifaces_done(&ifaces);
	obuf_done(&scratch);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_client_of_a_torn_block_is_told, scene_set_up,
		    scene_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
