#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "http/http_clients.h"

#define S UINT64_C(1000000000)

/** struct pair - A client and the end that we have of it. */
struct pair {
	int ours;
	int theirs;
};

static struct pair
pair_new(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	return (struct pair){ fd[0], fd[1] };
}

static void
pair_close(struct http_clients *cs, struct pair *p)
{
	http_clients_remove(cs, http_clients_find(cs, p->ours));
	close(p->ours);
	close(p->theirs);
}

static bool
is_shut(const struct pair *p)
{
	char byte;

	return recv(p->theirs, &byte, 1, MSG_DONTWAIT) == 0;
}

static void
test_the_most_silent_makes_place(void **state)
{
	struct pair pairs[HTTP_CLIENTS_MAX + 1];
	struct http_clients cs;

	(void)state;
	http_clients_init(&cs);
	for (size_t i = 0; i <= HTTP_CLIENTS_MAX; i++)
		pairs[i] = pair_new();
	for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
		assert_non_null(http_clients_add(&cs, pairs[i].ours, i));
	/* The oldest is served, the next has just asked something. */
	http_clients_set(
	    &cs, http_clients_find(&cs, pairs[0].ours), HTTP_CLIENT_HEARS, 1);
	http_clients_set(
	    &cs, http_clients_find(&cs, pairs[1].ours), HTTP_CLIENT_ASKS, 100);
	assert_non_null(
	    http_clients_add(&cs, pairs[HTTP_CLIENTS_MAX].ours, 101));
	for (size_t i = 0; i <= HTTP_CLIENTS_MAX; i++)
		assert_int_equal(is_shut(&pairs[i]), i == 2);
	assert_int_equal(cs.n, HTTP_CLIENTS_MAX);
	for (size_t i = 0; i <= HTTP_CLIENTS_MAX; i++)
		pair_close(&cs, &pairs[i]);
	assert_int_equal(cs.n, 0);
}

static void
test_nobody_is_thrown_out_who_is_served(void **state)
{
	struct pair pairs[HTTP_CLIENTS_MAX + 1];
	struct http_clients cs;

	(void)state;
	http_clients_init(&cs);
	for (size_t i = 0; i <= HTTP_CLIENTS_MAX; i++)
		pairs[i] = pair_new();
	for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
		http_clients_set(&cs, http_clients_add(&cs, pairs[i].ours, i),
		    i % 2 == 0 ? HTTP_CLIENT_HEARS : HTTP_CLIENT_FOLLOWS, i);
	assert_null(http_clients_add(&cs, pairs[HTTP_CLIENTS_MAX].ours, 101));
	for (size_t i = 0; i <= HTTP_CLIENTS_MAX; i++)
		assert_false(is_shut(&pairs[i]));
	for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
		pair_close(&cs, &pairs[i]);
	close(pairs[HTTP_CLIENTS_MAX].ours);
	close(pairs[HTTP_CLIENTS_MAX].theirs);
}

static void
test_patience(void **state)
{
	struct pair asks = pair_new(), hears = pair_new(), follows = pair_new();
	struct http_clients cs;

	(void)state;
	http_clients_init(&cs);
	assert_non_null(http_clients_add(&cs, asks.ours, S));
	http_clients_set(
	    &cs, http_clients_add(&cs, hears.ours, S), HTTP_CLIENT_HEARS, S);
	http_clients_set(&cs, http_clients_add(&cs, follows.ours, S),
	    HTTP_CLIENT_FOLLOWS, S);
	http_clients_expire(&cs, S + HTTP_REQUEST_NS);
	assert_false(is_shut(&asks));
	http_clients_expire(&cs, S + HTTP_REQUEST_NS + 1);
	assert_true(is_shut(&asks));
	assert_false(is_shut(&hears));
	assert_int_equal(cs.n, 2);
	http_clients_expire(&cs, S + HTTP_ANSWER_NS + 1);
	assert_true(is_shut(&hears));
	http_clients_expire(&cs, UINT64_MAX - 1);
	assert_false(is_shut(&follows));
	assert_int_equal(cs.n, 1);
	pair_close(&cs, &asks);
	pair_close(&cs, &hears);
	pair_close(&cs, &follows);
	assert_int_equal(cs.n, 0);
}

/* Whoever has stopped sending will not complete a request. */
static void
test_half_a_request_and_a_fin(void **state)
{
	struct pair asks = pair_new(), follows = pair_new();
	struct http_clients cs;
	struct http_client *c;

	(void)state;
	http_clients_init(&cs);
	c = http_clients_add(&cs, asks.ours, S);
	assert_non_null(c);
	http_clients_set(&cs, http_clients_add(&cs, follows.ours, S),
	    HTTP_CLIENT_FOLLOWS, S);
	assert_false(http_clients_look_gone(c));
	assert_int_equal(write(asks.theirs, "GET", 3), 3);
	assert_int_equal(shutdown(asks.theirs, SHUT_WR), 0);
	assert_int_equal(shutdown(follows.theirs, SHUT_WR), 0);
	/* There is something to be read before. */
	http_clients_expire(&cs, S);
	assert_false(is_shut(&asks));
	assert_int_equal(read(asks.ours, (char[8]){ 0 }, 8), 3);
	assert_true(http_clients_look_gone(c));
	http_clients_expire(&cs, S);
	assert_true(is_shut(&asks));
	assert_false(is_shut(&follows));
	pair_close(&cs, &asks);
	pair_close(&cs, &follows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_most_silent_makes_place),
		cmocka_unit_test(test_nobody_is_thrown_out_who_is_served),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_half_a_request_and_a_fin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
