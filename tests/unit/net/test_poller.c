#include "loopback.h"

#include "base/attr.h"
#include "net/poller.h"

/*
 * The set alone, with socket pairs: what is told, when, and to whom.
 */

struct end {
	struct poller_fd f;
	struct scene *sc;
	unsigned told;
	unsigned last;
	unsigned closed;
	struct poller_fd *victim;
};

struct scene {
	struct poller *p;
	int also[2];
	int fd[4];
	struct end end[4];
};

static void
on_closed(struct poller_fd *f)
{
	ATTR_CONTAINER(f, struct end, f)->closed++;
}

static void
on_ready(struct poller_fd *f, unsigned events)
{
	struct end *e = ATTR_CONTAINER(f, struct end, f);

	e->told++;
	e->last = events;
	if (e->victim != NULL) {
		poller_close(e->sc->p, e->victim, on_closed);
		e->victim = NULL;
	}
}

static int
setup(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	*state = sc;
	assert_non_null(sc);
	assert_int_equal(pipe(sc->also), 0);
	sc->p = poller_new(sc->also[0]);
	assert_non_null(sc->p);
	for (int i = 0; i < 4; i += 2)
		assert_int_equal(
		    socketpair(
			AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sc->fd + i),
		    0);
	for (int i = 0; i < 4; i++) {
		sc->end[i].sc = sc;
		sc->end[i].f.ready = on_ready;
	}
	return 0;
}

static size_t
look(struct scene *sc)
{
	size_t n = poller_wait(sc->p, 0);

	assert_false(poller_tell(sc->p));
	return n;
}

static void
leave(struct scene *sc, int i)
{
	poller_close(sc->p, &sc->end[i].f, on_closed);
	(void)look(sc);
	assert_int_equal(sc->end[i].closed, 1);
}

static int
teardown(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(poller_count(sc->p), 0);
	poller_free(sc->p);
	for (int i = 0; i < 4; i++)
		close(sc->fd[i]);
	close(sc->also[0]);
	close(sc->also[1]);
	free(sc);
	return 0;
}

static void
enter(struct scene *sc, int i, unsigned interest)
{
	assert_int_equal(
	    poller_open(sc->p, &sc->end[i].f, sc->fd[i], interest), 0);
}

static void
tells_what_is_wanted(void **state)
{
	struct scene *sc = *state;

	enter(sc, 0, POLLER_IN);
	assert_int_equal(look(sc), 0);
	assert_int_equal(write(sc->fd[1], "x", 1), 1);
	assert_int_equal(look(sc), 1);
	assert_int_equal(look(sc), 1); /* as long as it is so */
	assert_int_equal(sc->end[0].told, 2);
	assert_int_equal(sc->end[0].last, POLLER_IN);
	poller_set(sc->p, &sc->end[0].f, POLLER_OUT);
	assert_int_equal(look(sc), 1);
	assert_int_equal(sc->end[0].last, POLLER_OUT);
	poller_set(sc->p, &sc->end[0].f, POLLER_IN | POLLER_OUT);
	assert_int_equal(look(sc), 1);
	assert_int_equal(sc->end[0].last, POLLER_IN | POLLER_OUT);
	leave(sc, 0);
}

/* The condition stays; whoever wants nothing is not woken by it for ever. */
static void
without_interest_a_hang_up_does_not_spin(void **state)
{
	struct scene *sc = *state;

	enter(sc, 0, POLLER_IN);
	assert_int_equal(write(sc->fd[1], "x", 1), 1);
	poller_set(sc->p, &sc->end[0].f, 0);
	(void)look(sc);
	close(sc->fd[1]);
	sc->fd[1] = dup(sc->fd[2]);
	(void)look(sc);
	assert_int_equal(sc->end[0].told, 0);
	assert_int_equal(look(sc), 0);
	assert_int_equal(look(sc), 0);
	/* ... and is told of it when something is wanted again. */
	poller_set(sc->p, &sc->end[0].f, POLLER_IN);
	assert_int_equal(look(sc), 1);
	assert_int_equal(sc->end[0].told, 1);
	leave(sc, 0);
}

static void
a_hang_up_alone_counts_as_what_is_wanted(void **state)
{
	struct scene *sc = *state;

	enter(sc, 0, POLLER_PRI);
	assert_int_equal(look(sc), 0);
	close(sc->fd[1]);
	sc->fd[1] = dup(sc->fd[2]);
	assert_int_equal(look(sc), 1);
	assert_int_equal(sc->end[0].last & POLLER_PRI, POLLER_PRI);
	leave(sc, 0);
}

static void
a_reset_is_an_error(void **state)
{
	struct scene *sc = *state;
	int fd[2];

	loopback_pair(fd);
	assert_int_equal(
	    poller_open(sc->p, &sc->end[0].f, fd[0], POLLER_IN), 0);
	loopback_rst(fd[1]);
	(void)loopback_wait(fd[0], POLLIN);
	assert_int_equal(look(sc), 1);
	assert_int_equal(sc->end[0].last & POLLER_ERR, POLLER_ERR);
	leave(sc, 0);
	close(fd[0]);
}

/* Both are ready in one turn, and the first closes the second. */
static void
the_closed_hear_nothing_more(void **state)
{
	struct scene *sc = *state;

	enter(sc, 0, POLLER_OUT);
	enter(sc, 2, POLLER_OUT);
	sc->end[0].victim = &sc->end[2].f;
	sc->end[2].victim = &sc->end[0].f;
	assert_int_equal(look(sc), 2);
	assert_int_equal(sc->end[0].told + sc->end[2].told, 1);
	assert_int_equal(sc->end[0].closed + sc->end[2].closed, 1);
	assert_int_equal(poller_count(sc->p), 1);
	sc->end[0].victim = sc->end[2].victim = NULL;
	leave(sc, sc->end[0].closed ? 2 : 0);
}

/* Memory may go in closed(): never before the call that closes has returned. */
static void
closing_is_told_with_the_next_turn(void **state)
{
	struct scene *sc = *state;
	int other = dup(sc->fd[0]);

	enter(sc, 0, POLLER_IN);
	assert_int_equal(write(sc->fd[1], "x", 1), 1);
	poller_close(sc->p, &sc->end[0].f, on_closed);
	close(sc->fd[0]);
	sc->fd[0] = dup(sc->fd[2]);
	assert_int_equal(sc->end[0].closed, 0);
	assert_int_equal(poller_count(sc->p), 1);
	/* For ever, if it were waited for. */
	(void)poller_wait(sc->p, -1);
	(void)poller_tell(sc->p);
	assert_int_equal(sc->end[0].closed, 1);
	/* Somebody else has it open, and it is ready there. */
	assert_int_equal(look(sc), 0);
	assert_int_equal(sc->end[0].told, 0);
	close(other);
}

static void
tells_of_the_descriptor_beside_it(void **state)
{
	struct scene *sc = *state;

	assert_int_equal(poller_wait(sc->p, 0), 0);
	assert_false(poller_tell(sc->p));
	assert_int_equal(write(sc->also[1], "x", 1), 1);
	assert_int_equal(poller_wait(sc->p, -1), 1);
	assert_true(poller_tell(sc->p));
	assert_false(poller_tell(sc->p));
}

/* Whoever looks again and again tells once, and only those still there. */
static void
waits_twice_and_tells_once(void **state)
{
	struct scene *sc = *state;

	enter(sc, 0, POLLER_OUT);
	enter(sc, 2, POLLER_OUT);
	assert_int_equal(poller_wait(sc->p, 0), 2);
	assert_int_equal(poller_wait(sc->p, 0), 2);
	assert_int_equal(sc->end[0].told + sc->end[2].told, 0);
	poller_close(sc->p, &sc->end[2].f, on_closed);
	assert_false(poller_tell(sc->p));
	assert_int_equal(sc->end[0].told, 1);
	assert_int_equal(sc->end[2].told, 0);
	assert_int_equal(sc->end[2].closed, 1);
	(void)poller_tell(sc->p);
	assert_int_equal(sc->end[0].told, 1);
	leave(sc, 0);
}

/* More than one batch, and more than the first room. */
static void
many(void **state)
{
	struct scene *sc = *state;
	struct end *ends = calloc(600, sizeof(*ends));
	int fds[600];

	assert_non_null(ends);
	for (int i = 0; i < 600; i++) {
		fds[i] = dup(sc->fd[0]);
		ends[i].f.ready = on_ready;
		assert_int_equal(
		    poller_open(sc->p, &ends[i].f, fds[i], POLLER_OUT), 0);
	}
	for (int i = 0; i < 6; i++)
		(void)look(sc);
	for (int i = 0; i < 600; i++) {
		assert_true(ends[i].told > 0);
		poller_close(sc->p, &ends[i].f, on_closed);
		close(fds[i]);
	}
	(void)look(sc);
	for (int i = 0; i < 600; i++)
		assert_int_equal(ends[i].closed, 1);
	free(ends);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(tells_what_is_wanted),
		TEST(without_interest_a_hang_up_does_not_spin),
		TEST(a_hang_up_alone_counts_as_what_is_wanted),
		TEST(a_reset_is_an_error),
		TEST(the_closed_hear_nothing_more),
		TEST(closing_is_told_with_the_next_turn),
		TEST(tells_of_the_descriptor_beside_it),
		TEST(waits_twice_and_tells_once),
		TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
