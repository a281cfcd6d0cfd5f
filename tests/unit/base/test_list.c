#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

#define NODES 3

/* A list of NODES nodes, and the nodes. */
struct ring {
	struct list head;
	struct list node[NODES];
};

static void
fill(struct ring *r)
{
	list_init(&r->head);
	for (int i = 0; i < NODES; i++) {
		list_init(&r->node[i]);
		list_append(&r->head, &r->node[i]);
	}
}

/* Both ways round, and nobody else is on it. */
static void
check(const struct ring *r, size_t n, const struct list *const *want)
{
	const struct list *at = &r->head;

	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(at->next, want[i]);
		assert_ptr_equal(want[i]->prev, at);
		at = want[i];
	}
	assert_ptr_equal(at->next, &r->head);
	assert_ptr_equal(r->head.prev, at);
}

static void
test_shift_takes_the_first(void **state)
{
	struct ring r;

	(void)state;
	fill(&r);
	for (int i = 0; i < NODES; i++) {
		const struct list *rest[] = { &r.node[i < 1 ? 1 : 2],
			&r.node[2] };

		assert_ptr_equal(list_shift(&r.head), &r.node[i]);
		assert_true(list_is_empty(&r.node[i]));
		check(&r, (size_t)(NODES - 1 - i), rest);
	}
	assert_null(list_shift(&r.head));
}

static void
test_pop_takes_the_last(void **state)
{
	const struct list *rest[NODES];
	struct ring r;

	(void)state;
	fill(&r);
	for (int i = 0; i < NODES; i++)
		rest[i] = &r.node[i];
	for (int i = NODES - 1; i >= 0; i--) {
		assert_ptr_equal(list_pop(&r.head), &r.node[i]);
		assert_true(list_is_empty(&r.node[i]));
		check(&r, (size_t)i, rest);
	}
	assert_null(list_pop(&r.head));
}

/* Whoever is on no list may be taken off it. */
static void
test_remove_is_idempotent(void **state)
{
	struct ring r;
	const struct list *const rest[] = { &r.node[0], &r.node[2] };

	(void)state;
	fill(&r);
	list_remove(&r.node[1]);
	check(&r, 2, rest);
	list_remove(&r.node[1]);
	check(&r, 2, rest);
	assert_true(list_is_empty(&r.node[1]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shift_takes_the_first),
		cmocka_unit_test(test_pop_takes_the_last),
		cmocka_unit_test(test_remove_is_idempotent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
