#include "loopback.h"

#include "net/pipe.h"

static int
set_up(void **state)
{
	*state = pipe_pool_new();
	return *state == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	pipe_pool_free(*state);
	return 0;
}

#ifndef TEELINE_PORTABLE

static void
a_lent_pipe_carries_bytes_and_does_not_block(void **state)
{
	struct pipe *p = pipe_lend(*state);
	char buf[4];

	assert_non_null(p);
	assert_true(p->size >= 64 * 1024);
	assert_int_equal(p->fill, 0);
	assert_int_equal(read(p->rd, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(p->wr, "abcd", 4), 4);
	assert_int_equal(read(p->rd, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "abcd", 4);
	assert_true(fcntl(p->rd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(p->wr, F_GETFD) & FD_CLOEXEC);
	pipe_return(p);
}

static void
an_empty_pipe_is_lent_again(void **state)
{
	struct pipe *p = pipe_lend(*state);
	int wr = p->wr;
	unsigned fds;

	pipe_return(p);
	fds = loopback_fds();
	p = pipe_lend(*state);
	assert_int_equal(p->wr, wr);
	assert_int_equal(loopback_fds(), fds);
	pipe_return(p);
}

/* Bytes of one session must never be read by the next. */
static void
a_pipe_with_bytes_is_not_lent_again(void **state)
{
	struct pipe *p = pipe_lend(*state);
	char c;

	assert_int_equal(write(p->wr, "x", 1), 1);
	p->fill = 1;
	pipe_return(p);
	p = pipe_lend(*state);
	assert_int_equal(read(p->rd, &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	pipe_return(p);
}

static void
returning_closes_what_is_too_many(void **state)
{
	struct pipe *p[48];
	unsigned before = loopback_fds(), n = 0;

	while (n < 48 && (p[n] = pipe_lend(*state)) != NULL)
		n++;
	assert_true(n > 32);
	assert_int_equal(loopback_fds(), before + 2 * n);
	while (n > 0)
		pipe_return(p[--n]);
	assert_int_equal(loopback_fds(), before + 2 * 32);
}

/* What they take is counted: descriptors are there for sessions. */
static void
no_more_are_lent_than_the_limit(void **state)
{
	unsigned before = loopback_fds();
	struct pipe *one, *two;

	pipe_pool_limit(*state, 2);
	one = pipe_lend(*state);
	two = pipe_lend(*state);
	assert_non_null(one);
	assert_non_null(two);
	assert_null(pipe_lend(*state));
	pipe_return(one);
	one = pipe_lend(*state);
	assert_non_null(one);
	assert_null(pipe_lend(*state));
	pipe_return(two);
	pipe_return(one);
	assert_int_equal(loopback_fds(), before + 2 * 2);
}

static void
the_last_pipe_returned_takes_its_pool_along(void **state)
{
	unsigned before = loopback_fds();
	struct pipe *one = pipe_lend(*state), *two = pipe_lend(*state);

	pipe_return(pipe_lend(*state)); /* one that is at home */
	pipe_pool_free(*state);
	*state = NULL;
	pipe_return(one);
	assert_int_equal(loopback_fds(), before + 2);
	pipe_return(two); /* the leak checker looks after the memory */
	assert_int_equal(loopback_fds(), before);
}

static void
without_descriptors_there_is_none(void **state)
{
	struct loopback_famine f;

	loopback_starve(&f, 1);
	assert_null(pipe_lend(*state));
	loopback_feed(&f);
	pipe_return(pipe_lend(*state));
}

#else

static void
portable_builds_have_none(void **state)
{
	assert_null(pipe_lend(*state));
}

#endif

static void
freeing_nothing_is_fine(void **state)
{
	(void)state;
	pipe_pool_free(NULL);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#ifndef TEELINE_PORTABLE
		SCENE(a_lent_pipe_carries_bytes_and_does_not_block),
		SCENE(an_empty_pipe_is_lent_again),
		SCENE(a_pipe_with_bytes_is_not_lent_again),
		SCENE(returning_closes_what_is_too_many),
		SCENE(no_more_are_lent_than_the_limit),
		SCENE(the_last_pipe_returned_takes_its_pool_along),
		SCENE(without_descriptors_there_is_none),
#else
		SCENE(portable_builds_have_none),
#endif
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
