#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/obuf.h"
#include "core/packet.h"
#include "sink/hub_batch.h"
#include "sink/hub_client.h"
#include "sink/hub_ifaces.h"

static const struct packet_iface eth0 = { 7, 1, 96, "eth0", NULL };

/* What could not be said for want of memory is not known to the client. */
static void
what_was_not_described_is_not_known(void **state)
{
	struct obuf scratch = { .failed = true };
	struct hub_ifaces ifaces;
	const struct hub_batch nothing = { .len = 0 };
	struct hub_client *c;

	(void)state;
	assert_int_equal(hub_ifaces_init(&ifaces, &eth0, 1), 0);
	c = hub_client_new(&ifaces, &scratch, true, 0);
	assert_non_null(c);
	hub_client_miss(c, &nothing);
	assert_int_equal(c->ntold, 0);
	assert_false(scratch.failed);
	hub_client_free(c);
	hub_ifaces_done(&ifaces);
	obuf_done(&scratch);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_described_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
