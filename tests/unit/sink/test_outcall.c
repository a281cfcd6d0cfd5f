#include "live_rig.h"

#include "base/err.h"
#include "net/own.h"
#include "sink/outcall.h"

#define MS CLOCK_NS_PER_MS

/* Longer than any test takes. */
#define LONG_NS (3600 * CLOCK_NS_PER_S)

/**
 * struct scene - Calls to one place
 * @at:		Where; nobody listens until somebody does
 * @bound:	Holds the port meanwhile
 * @queued:	See deafen()
 * @told:	So often; the last words are @words
 */
struct scene {
	struct live live;
	struct addr at;
	int bound;
	int queued;
	struct endpoint endpoint;
	struct outcall_target target;
	struct outcall call[2];
	int fd;
	unsigned answered;
	unsigned failed;
	int error;
	unsigned told;
	char words[256];
};

static void
on_answered(void *self, int fd)
{
	struct scene *sc = self;

	assert_int_equal(sc->fd, -1);
	sc->answered++;
	sc->fd = fd;
}

static void
on_failed(void *self, int error)
{
	struct scene *sc = self;

	sc->failed++;
	sc->error = error;
}

static void
on_tell(void *self, const char *text)
{
	struct scene *sc = self;

	sc->told++;
	(void)snprintf(sc->words, sizeof(sc->words), "%s", text);
}

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	struct scene *sc = self;

	return outcall_target_turn(&sc->target, mono_ns);
}

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	live_init(&sc->live);
	worker_set_turn(sc->live.w, on_turn, sc);
	sc->at = loopback_addr(AF_INET);
	sc->bound = loopback_bind(&sc->at);
	sc->queued = -1;
	sc->fd = -1;
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	outcall_target_stop(&sc->target);
	if (sc->fd >= 0)
		close(sc->fd);
	if (sc->queued >= 0)
		close(sc->queued);
	close(sc->bound);
	live_done(&sc->live);
	endpoint_done(&sc->endpoint);
	free(sc);
	return 0;
}

/* The place, and two calls to it that have not begun. */
static void
make(struct scene *sc, uint64_t retry_ns, unsigned tries, bool own)
{
	char text[ADDR_TEXT_MAX];
	struct err err = { "" };

	assert_int_equal(endpoint_parse(&sc->endpoint, ENDPOINT_DIAL,
			     addr_format(&sc->at, text), &err),
	    0);
	assert_int_equal(outcall_target_init(&sc->target,
			     &(struct outcall_opts){
				 .endpoint = &sc->endpoint,
				 .timeout_ns = LONG_NS,
				 .retry_ns = retry_ns,
				 .tries = tries,
				 .own = own,
				 .name = "shadow",
				 .tell = on_tell,
				 .tell_self = sc,
			     },
			     sc->live.w, &err),
	    0);
	for (size_t i = 0; i < 2; i++) {
		outcall_init(&sc->call[i], &sc->target);
		sc->call[i].answered = on_answered;
		sc->call[i].failed = on_failed;
		sc->call[i].self = sc;
	}
}

/* From now on connecting neither succeeds nor fails: the queue is full. */
static void
deafen(struct scene *sc)
{
	assert_int_equal(listen(sc->bound, 0), 0);
	sc->queued = loopback_connect(&sc->at);
}

static void
test_is_answered(void **state)
{
	struct scene *sc = *state;
	int there;

	make(sc, LONG_NS, 1, false);
	assert_int_equal(listen(sc->bound, 4), 0);
	outcall_start(&sc->call[0], true);
	/* Never from within the call that starts it. */
	assert_int_equal(sc->answered, 0);
	assert_true(outcall_is_on(&sc->call[0]));
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 1);
	assert_false(outcall_is_on(&sc->call[0]));
	there = loopback_accept(sc->bound);
	assert_int_equal(send(sc->fd, "x", 1, 0), 1);
	loopback_wait(there, POLLIN);
	assert_int_equal(fcntl(sc->fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	close(there);
	assert_int_equal(sc->failed, 0);
}

static void
test_fails_after_so_many_tries(void **state)
{
	struct scene *sc = *state;
	uint64_t began = clock_mono_ns();

	make(sc, 10 * MS, 3, false);
	outcall_start(&sc->call[0], true);
	assert_int_equal(sc->failed, 0);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->failed == 1);
	assert_int_equal(sc->error, -ECONNREFUSED);
	/* Three tries have two pauses between them. */
	assert_true(clock_mono_ns() - began >= 20 * MS);
	assert_false(outcall_is_on(&sc->call[0]));
	assert_int_equal(sc->answered, 0);

	/* The next call has all its tries again. */
	began = clock_mono_ns();
	outcall_start(&sc->call[0], true);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->failed == 2);
	assert_true(clock_mono_ns() - began >= 20 * MS);
}

static void
test_waits_for_an_answer_so_long(void **state)
{
	struct scene *sc = *state;

	make(sc, 1 * MS, 2, false);
	sc->target.o.timeout_ns = 20 * MS;
	deafen(sc);
	outcall_start(&sc->call[0], true);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->failed == 1);
	assert_int_equal(sc->error, -ETIMEDOUT);
	assert_int_equal(sc->answered, 0);
}

static void
test_calls_for_ever_until_somebody_is_there(void **state)
{
	struct scene *sc = *state;
	uint64_t until = clock_mono_ns() + 30 * MS;

	make(sc, 1 * MS, 0, false);
	outcall_start(&sc->call[0], true);
	LOOPBACK_STEP_UNTIL(sc->live.w, clock_mono_ns() > until);
	assert_int_equal(sc->failed, 0);
	assert_true(outcall_is_on(&sc->call[0]));
	assert_int_equal(listen(sc->bound, 4), 0);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 1);
}

/* Once, however often it fails; and again when it was there and has gone. */
static void
test_who_does_not_answer_is_told(void **state)
{
	struct scene *sc = *state;
	char text[ADDR_TEXT_MAX], want[256];

	make(sc, 1 * MS, 3, false);
	(void)snprintf(want, sizeof(want),
	    "shadow: %s does not answer: Connection refused",
	    endpoint_format(&sc->endpoint, text));
	outcall_start(&sc->call[0], true);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->failed == 1);
	assert_int_equal(sc->told, 1);
	assert_string_equal(sc->words, want);
	assert_int_equal(listen(sc->bound, 4), 0);
	outcall_start(&sc->call[0], true);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 1);
	close(sc->bound);
	sc->bound = loopback_bind(&(struct addr){ .family = AF_INET });
	outcall_start(&sc->call[0], true);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->failed == 2);
	assert_int_equal(sc->told, 2);
}

/* A consumer that comes and goes costs a connection per pause. */
static void
test_begins_with_a_pause(void **state)
{
	struct scene *sc = *state;
	uint64_t now;

	make(sc, LONG_NS, 1, false);
	assert_int_equal(listen(sc->bound, 4), 0);
	now = clock_mono_ns();
	outcall_start(&sc->call[0], false);
	assert_true(outcall_target_turn(&sc->target, now + LONG_NS / 2) >=
		    now + LONG_NS);
	assert_null(sc->call[0].dial);
	/* Who need not wait passes those who do. */
	outcall_start(&sc->call[1], true);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 1);
	assert_false(outcall_is_on(&sc->call[1]));
	assert_true(outcall_is_on(&sc->call[0]));
	close(sc->fd);
	sc->fd = -1;
	(void)outcall_target_turn(&sc->target, clock_mono_ns() + LONG_NS);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 2);
}

static void
test_cancelled_calls_tell_nobody(void **state)
{
	struct scene *sc = *state;

	make(sc, 1 * MS, 0, false);
	/* Before it was made, */
	outcall_start(&sc->call[0], true);
	outcall_cancel(&sc->call[0]);
	assert_false(outcall_is_on(&sc->call[0]));
	/* under way, */
	deafen(sc);
	outcall_start(&sc->call[0], true);
	(void)outcall_target_turn(&sc->target, clock_mono_ns());
	assert_non_null(sc->call[0].dial);
	outcall_cancel(&sc->call[0]);
	outcall_cancel(&sc->call[0]);
	/* and in a pause. */
	outcall_start(&sc->call[0], false);
	outcall_cancel(&sc->call[0]);
	assert_int_equal(
	    outcall_target_turn(&sc->target, clock_mono_ns()), CLOCK_NEVER);
	for (int i = 0; i < 5; i++)
		loopback_step(sc->live.w);
	assert_int_equal(sc->answered + sc->failed, 0);
}

static void
test_a_target_that_stopped_calls_nobody(void **state)
{
	struct scene *sc = *state;

	make(sc, 1 * MS, 1, false);
	outcall_start(&sc->call[0], false);
	outcall_target_stop(&sc->target);
	assert_false(outcall_is_on(&sc->call[0]));
	outcall_start(&sc->call[1], true);
	assert_false(outcall_is_on(&sc->call[1]));
	for (int i = 0; i < 5; i++)
		loopback_step(sc->live.w);
	assert_int_equal(sc->answered + sc->failed, 0);
}

/* What a capture must not hear is known as long as it lasts. */
static void
test_own_connections_are_entered_until_cancelled(void **state)
{
	struct scene *sc = *state;
	struct addr local;

	make(sc, LONG_NS, 1, true);
	assert_int_equal(listen(sc->bound, 4), 0);
	outcall_start(&sc->call[0], true);
	(void)outcall_target_turn(&sc->target, clock_mono_ns());
	/* Already when the first packet goes out. */
	assert_true(sc->call[0].entered);
	local = sc->call[0].own.local;
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->answered == 1);
	assert_int_equal(loopback_name(sc->fd, false).port, local.port);
	local = loopback_name(sc->fd, false);
	assert_true(own_has(&local, &sc->at, UINT64_MAX));
	assert_true(own_has(&sc->at, &local, UINT64_MAX));
	outcall_cancel(&sc->call[0]);
	assert_false(own_has(&local, &sc->at, UINT64_MAX));
}

static void
test_own_connections_that_fail_are_left(void **state)
{
	struct scene *sc = *state;

	make(sc, LONG_NS, 1, true);
	outcall_start(&sc->call[0], true);
	LOOPBACK_STEP_UNTIL(sc->live.w, sc->failed == 1);
	assert_false(sc->call[0].entered);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_is_answered),
		TEST(test_fails_after_so_many_tries),
		TEST(test_waits_for_an_answer_so_long),
		TEST(test_calls_for_ever_until_somebody_is_there),
		TEST(test_who_does_not_answer_is_told),
		TEST(test_begins_with_a_pause),
		TEST(test_cancelled_calls_tell_nobody),
		TEST(test_a_target_that_stopped_calls_nobody),
		TEST(test_own_connections_are_entered_until_cancelled),
		TEST(test_own_connections_that_fail_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
