#include "loopback.h"

#include "base/err.h"
#include "net/resolve.h"

/** struct scene - A target and two who wait for it. */
struct scene {
	uv_loop_t loop;
	struct resolve r;
	struct resolve_waiter waiter[2];
	unsigned told;
	int rc;
	char host[64];
	struct endpoint e;
	struct err err;
};

static struct scene *the_scene;

static void
on_resolved(struct resolve_waiter *w, int rc)
{
	assert_true(list_is_empty(&w->node));
	the_scene->told++;
	the_scene->rc = rc;
}

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	assert_int_equal(uv_loop_init(&sc->loop), 0);
	for (int i = 0; i < 2; i++) {
		list_init(&sc->waiter[i].node);
		sc->waiter[i].done = on_resolved;
	}
	the_scene = sc;
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&sc->loop), 0);
	free(sc);
	return 0;
}

static int
prepare(struct scene *sc, enum endpoint_family family, const char *host)
{
	(void)snprintf(sc->host, sizeof(sc->host), "%s", host);
	sc->e = (struct endpoint){
		.how = ENDPOINT_DIAL,
		.family = family,
		.host = sc->host,
		.port = 21,
	};
	return resolve_init(&sc->r, &sc->e, &sc->loop, &sc->err);
}

static void
numbers_and_paths_are_their_own_address(void **state)
{
	static const struct {
		enum endpoint_family family;
		const char *host;
		const char *is;
	} row[] = {
		{ ENDPOINT_ANY, "192.0.2.7", "192.0.2.7:21" },
		{ ENDPOINT_ANY, "2001:db8::1", "[2001:db8::1]:21" },
		{ ENDPOINT_UNIX, "/run/x", "unix:/run/x" },
	};
	struct scene *sc = *state;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		assert_int_equal(prepare(sc, row[i].family, row[i].host), 0);
		assert_true(resolve_now(&sc->r));
		assert_int_equal(sc->r.naddrs, 1);
		assert_string_equal(
		    addr_format(&sc->r.addrs[0], text), row[i].is);
	}
}

static void
a_name_is_looked_up_at_the_start(void **state)
{
	struct scene *sc = *state;
	char text[ADDR_TEXT_MAX];

	assert_int_equal(prepare(sc, ENDPOINT_TCP4, "localhost"), 0);
	assert_true(resolve_now(&sc->r));
	assert_true(sc->r.naddrs >= 1);
	for (size_t i = 0; i < sc->r.naddrs; i++) {
		assert_int_equal(sc->r.addrs[i].family, AF_INET);
		assert_int_equal(sc->r.addrs[i].port, 21);
	}
	assert_string_equal(addr_format(&sc->r.addrs[0], text), "127.0.0.1:21");
}

static void
a_name_without_address_has_its_sentence(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(
	    prepare(sc, ENDPOINT_ANY, "no-such-name.invalid"), -EADDRNOTAVAIL);
	assert_non_null(strstr(sc->err.text, "no-such-name.invalid"));
	assert_non_null(strstr(sc->err.text, "does not resolve"));
}

static void
an_aged_answer_is_asked_for_once(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(prepare(sc, ENDPOINT_TCP4, "localhost"), 0);
	sc->r.asked_ns -= RESOLVE_AGE_NS;
	assert_false(resolve_now(&sc->r));
	assert_int_equal(resolve_wait(&sc->r, &sc->waiter[0]), 0);
	assert_int_equal(resolve_wait(&sc->r, &sc->waiter[1]), 0);
	assert_int_equal(sc->told, 0);
	LOOPBACK_UNTIL(&sc->loop, sc->told == 2);
	assert_int_equal(sc->rc, 0);
	assert_true(resolve_now(&sc->r));
	assert_true(sc->r.naddrs >= 1);
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	assert_int_equal(sc->told, 2);
}

static void
a_name_that_is_gone_is_a_failure(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(prepare(sc, ENDPOINT_TCP4, "localhost"), 0);
	sc->r.asked_ns -= RESOLVE_AGE_NS;
	strcpy(sc->host, "no-such-name.invalid");
	assert_int_equal(resolve_wait(&sc->r, &sc->waiter[0]), 0);
	LOOPBACK_UNTIL(&sc->loop, sc->told == 1);
	assert_true(sc->rc < 0);
	assert_false(resolve_now(&sc->r));
	/* And asked for again by the next. */
	strcpy(sc->host, "localhost");
	assert_int_equal(resolve_wait(&sc->r, &sc->waiter[0]), 0);
	LOOPBACK_UNTIL(&sc->loop, sc->told == 2);
	assert_int_equal(sc->rc, 0);
}

static void
who_stops_waiting_is_not_called(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(prepare(sc, ENDPOINT_TCP4, "localhost"), 0);
	assert_int_equal(resolve_wait(&sc->r, &sc->waiter[0]), 0);
	assert_int_equal(resolve_wait(&sc->r, &sc->waiter[1]), 0);
	resolve_cancel(&sc->waiter[0]);
	resolve_cancel(&sc->waiter[0]);
	LOOPBACK_UNTIL(&sc->loop, sc->told == 1);
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	assert_int_equal(sc->told, 1);
}

static void
stopping_lets_the_loop_end(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(prepare(sc, ENDPOINT_TCP4, "localhost"), 0);
	resolve_stop(&sc->r); /* nothing under way */
	assert_int_equal(resolve_wait(&sc->r, &sc->waiter[0]), 0);
	resolve_cancel(&sc->waiter[0]);
	resolve_stop(&sc->r);
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	assert_false(sc->r.busy);
	assert_int_equal(sc->told, 0);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(numbers_and_paths_are_their_own_address),
		SCENE(a_name_is_looked_up_at_the_start),
		SCENE(a_name_without_address_has_its_sentence),
		SCENE(an_aged_answer_is_asked_for_once),
		SCENE(a_name_that_is_gone_is_a_failure),
		SCENE(who_stops_waiting_is_not_called),
		SCENE(stopping_lets_the_loop_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
