#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/fanout.h"
#include "fake_sink.h"

/* One session, one sink that hears everything. */
struct scene {
	struct fake fake;
	struct fanout *fan;
	void *slots;
	struct session s;
};

static int
set_up(void **state)
{
	static struct scene sc;
	struct sink *sink = &sc.fake.sink;

	fake_init(&sc.fake, NEED_MEMORY, ON_FULL_PAUSE);
	sc.fan = fanout_new(&sink, 1, NULL, NULL);
	assert_non_null(sc.fan);
	sc.slots = calloc(1, fanout_session_size(sc.fan));
	assert_non_null(sc.slots);
	session_init(&sc.s, sc.fan, sc.slots);
	sc.s.id = 7;
	sc.s.open_ns = 1000;
	session_open(&sc.s);
	*state = &sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	fanout_free(sc->fan);
	assert_int_equal(sc->fake.lanes, 0);
	free(sc->slots);
	return 0;
}

static void
feed(struct session *s, enum dir dir, size_t len, uint64_t ts_ns)
{
	static const uint8_t bytes[64];
	struct chunk c = {
		.dir = dir,
		.off = s->off[dir],
		.ts_ns = ts_ns,
		.data = bytes,
		.len = len,
	};

	session_data(s, &c);
}

static void
totals_follow_the_events(void **state)
{
	struct scene *sc = *state;
	struct gap g = { DIR_SERVER, 5, 1002, 10, GAP_LOST };

	assert_int_equal(sc->s.last_ns, 1000);
	feed(&sc->s, DIR_CLIENT, 3, 1001);
	feed(&sc->s, DIR_SERVER, 5, 1002);
	session_gap(&sc->s, &g);
	feed(&sc->s, DIR_SERVER, 2, 1003);

	assert_int_equal(sc->s.bytes[DIR_CLIENT], 3);
	assert_int_equal(sc->s.bytes[DIR_SERVER], 7);
	assert_int_equal(sc->s.off[DIR_SERVER], 17);
	assert_int_equal(session_gap_bytes(&sc->s, DIR_SERVER), 10);
	assert_int_equal(session_gap_bytes(&sc->s, DIR_CLIENT), 0);
	assert_int_equal(sc->s.last_ns, 1003);
	session_close(&sc->s, 1004, HOW_FIN, PARTY_US);
	assert_int_equal(sc->s.last_ns, 1004);
	assert_string_equal(sc->fake.log,
	    "open;c2s 0+3;s2c 0+5;gap s2c 5+10 lost @1002;s2c 15+2;"
	    "end c2s 3 fin by us;end s2c 17 fin by us;close fin;");
}

static void
end_is_idempotent(void **state)
{
	struct scene *sc = *state;

	session_end(&sc->s, DIR_SERVER, 1001, HOW_FIN, PARTY_SERVER);
	session_end(&sc->s, DIR_SERVER, 1002, HOW_RST, PARTY_CLIENT);
	assert_int_equal(sc->s.how[DIR_SERVER], HOW_FIN);
	assert_int_equal(sc->s.last_ns, 1001);
	assert_false(sc->s.ended[DIR_CLIENT]);
	feed(&sc->s, DIR_CLIENT, 1, 1003);
	session_close(&sc->s, 1004, HOW_FIN, PARTY_CLIENT);
	assert_string_equal(sc->fake.log,
	    "open;end s2c 0 fin by server;c2s 0+1;end c2s 1 fin by client;"
	    "close fin;");
}

static void
reason_is_the_worse_and_first_the_first(void **state)
{
	struct scene *sc = *state;

	session_end(&sc->s, DIR_CLIENT, 1, HOW_FIN, PARTY_CLIENT);
	assert_int_equal(sc->s.first, PARTY_CLIENT);
	session_end(&sc->s, DIR_SERVER, 2, HOW_RST, PARTY_SERVER);
	session_close(&sc->s, 3, HOW_STOP, PARTY_US);
	assert_int_equal(sc->s.first, PARTY_CLIENT);
	assert_int_equal(sc->s.reason, HOW_RST);
}

static void
close_may_be_the_worst(void **state)
{
	struct scene *sc = *state;

	session_end(&sc->s, DIR_CLIENT, 1, HOW_FIN, PARTY_CLIENT);
	session_end(&sc->s, DIR_SERVER, 2, HOW_FIN, PARTY_SERVER);
	session_close(&sc->s, 3, HOW_ERROR, PARTY_US);
	assert_int_equal(sc->s.reason, HOW_ERROR);
	assert_int_equal(sc->s.how[DIR_SERVER], HOW_FIN);
}

static void
every_pair_of_ends_has_its_reason(void **state)
{
	struct scene *sc = *state;

	for (unsigned a = HOW_FIN; a < HOW_REFUSED; a++) {
		for (unsigned b = HOW_FIN; b < HOW_REFUSED; b++) {
			session_end(
			    &sc->s, DIR_CLIENT, 1, (enum how)a, PARTY_US);
			session_end(
			    &sc->s, DIR_SERVER, 1, (enum how)b, PARTY_US);
			session_close(&sc->s, 1, HOW_FIN, PARTY_US);
			assert_int_equal(sc->s.reason, a > b ? a : b);

			memset(sc->slots, 0, fanout_session_size(sc->fan));
			session_init(&sc->s, sc->fan, sc->slots);
			session_open(&sc->s);
		}
	}
}

static void
refused_is_open_and_close(void **state)
{
	struct scene *sc = *state;

	session_close(&sc->s, 1001, HOW_REFUSED, PARTY_SERVER);
	assert_string_equal(sc->fake.log, "open;close refused;");
	assert_int_equal(sc->s.first, PARTY_SERVER);
	assert_true(sc->s.ended[DIR_CLIENT] && sc->s.ended[DIR_SERVER]);
	assert_int_equal(sc->s.last_ns, 1001);
}

static void
fresh_session_knows_no_addresses(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(sc->s.client.family, AF_UNSPEC);
	assert_int_equal(session_local(&sc->s)->family, AF_UNSPEC);
	assert_int_equal(sc->s.reason, HOW_FIN);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(totals_follow_the_events),
		SCENE(end_is_idempotent),
		SCENE(reason_is_the_worse_and_first_the_first),
		SCENE(close_may_be_the_worst),
		SCENE(every_pair_of_ends_has_its_reason),
		SCENE(refused_is_open_and_close),
		SCENE(fresh_session_knows_no_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
