#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/hold.h"

/*
 * The tree below @piece is in order, its links fit, and it is balanced.
 * Return: its height.
 */
static int
check_tree(const struct hold_piece *piece, const struct hold_piece *parent)
{
	int a, b;

	if (piece == NULL)
		return 0;
	assert_ptr_equal(piece->parent, parent);
	for (int i = 0; i < 2; i++) {
		const struct hold_piece *child = piece->child[i];

		if (child != NULL)
			assert_true((child->off > piece->off) == (i == 1));
	}
	a = check_tree(piece->child[0], piece);
	b = check_tree(piece->child[1], piece);
	assert_in_range(a - b + 1, 0, 2);
	assert_int_equal(piece->height, (a > b ? a : b) + 1);
	return piece->height;
}

static struct hold_piece *
put(struct hold_piece **root, uint64_t off, const char *text)
{
	struct hold_piece *piece =
	    hold_piece_new(off, (const uint8_t *)text, (uint32_t)strlen(text));

	assert_non_null(piece);
	hold_insert(root, piece);
	return piece;
}

static void
clear(struct hold_piece **root)
{
	struct hold_piece *piece;

	while ((piece = hold_first(*root)) != NULL) {
		hold_remove(root, piece);
		hold_piece_free(piece);
	}
}

/* As text: "10:a;11:bc;", the first that lost first. */
static void
expect_others(const struct hold_piece *piece, const char *expected)
{
	const struct hold_other *o = piece->others;
	char text[100] = "";
	size_t at = 0;

	do {
		o = o->next;
		at +=
		    (size_t)snprintf(text + at, sizeof(text) - at, "%ju:%.*s;",
			(uintmax_t)o->off, (int)o->len, (const char *)o->data);
	} while (o != piece->others);
	assert_string_equal(text, expected);
}

static void
pieces_are_found_by_offset(void **state)
{
	struct hold_piece *root = NULL;
	struct hold_piece *a, *b;

	(void)state;
	assert_null(hold_first(root));
	assert_null(hold_find(root, 0));
	b = put(&root, 20, "bbb");
	a = put(&root, 10, "aaa");
	assert_ptr_equal(hold_first(root), a);
	assert_ptr_equal(hold_find(root, 0), a);
	assert_ptr_equal(hold_find(root, 10), a);
	assert_ptr_equal(hold_find(root, 12), a);
	assert_ptr_equal(hold_find(root, 13), b);
	assert_ptr_equal(hold_find(root, 22), b);
	assert_null(hold_find(root, 23));
	clear(&root);
}

/* In the orders that unbalance a naive tree: up, down, and at random. */
static void
the_tree_stays_balanced(void **state)
{
	enum {
		N = 2000
	};

	(void)state;
	for (int order = 0; order < 3; order++) {
		struct hold_piece *root = NULL;
		bool in[N] = { false };
		uint32_t random = 1;
		size_t n = 0;

		for (uint32_t i = 0; i < 4 * N; i++) {
			uint32_t at = order == 0 ? i % N : N - 1 - i % N;
			struct hold_piece *piece;

			random = random * 1103515245 + 12345;
			if (order == 2)
				at = (random >> 8) % N;
			if (in[at]) {
				piece = hold_find(root, 2 * at);
				assert_int_equal(piece->off, 2 * at);
				hold_remove(&root, piece);
				hold_piece_free(piece);
				n--;
			} else {
				put(&root, 2 * at, "x");
				n++;
			}
			in[at] = !in[at];
			if (i % 64 == 0)
				(void)check_tree(root, NULL); /* it asserts */
		}
		/* What is in comes out, lowest first. */
		for (uint32_t at = 0; at < N; at++) {
			struct hold_piece *piece = hold_first(root);

			if (!in[at])
				continue;
			assert_int_equal(piece->off, 2 * at);
			hold_remove(&root, piece);
			hold_piece_free(piece);
			n--;
		}
		assert_int_equal(n, 0);
		assert_null(root);
	}
}

static void
a_piece_costs_more_than_its_bytes(void **state)
{
	struct hold_piece *root = NULL;
	struct hold_piece *piece = put(&root, 0, "abc");

	(void)state;
	assert_true(hold_cost(piece) >= sizeof(struct hold_piece) + 3 + 8);
	assert_int_equal(hold_cost(piece), hold_cost_new(3));
	assert_int_equal(hold_add_other(piece, 1, (const uint8_t *)"x", 1), 0);
	assert_int_equal(
	    hold_cost(piece), hold_cost_new(3) + hold_cost_other(1));
	clear(&root);
}

static void
a_piece_is_split_with_its_others(void **state)
{
	struct hold_piece *root = NULL;
	struct hold_piece *a = put(&root, 10, "abcdef");
	struct hold_piece *b;

	(void)state;
	a->edges = (struct hold_edges){ 8, 20 };
	assert_int_equal(hold_add_other(a, 10, (const uint8_t *)"1", 1), 0);
	assert_int_equal(hold_add_other(a, 11, (const uint8_t *)"2222", 4), 0);
	assert_int_equal(hold_add_other(a, 14, (const uint8_t *)"3", 1), 0);
	b = hold_split(&root, a, 13);
	assert_non_null(b);
	assert_int_equal(check_tree(root, NULL), 2);
	assert_int_equal(hold_end(a), 13);
	assert_int_equal(b->off, 13);
	assert_int_equal(hold_end(b), 16);
	assert_memory_equal(b->data, "def", 3);
	assert_memory_equal(&b->edges, &a->edges, sizeof(a->edges));
	/* The first that lost comes first, as before. */
	expect_others(a, "10:1;11:22;");
	expect_others(b, "13:22;14:3;");
	assert_int_equal(a->other_cost,
	    hold_cost_other(1) + hold_cost_other(4)); /* not shortened */
	assert_int_equal(
	    b->other_cost, hold_cost_other(2) + hold_cost_other(1));
	clear(&root);
}

static void
pieces_are_joined_with_their_others(void **state)
{
	struct hold_piece *root = NULL;
	struct hold_piece *first = put(&root, 10, "ab");
	struct hold_piece *second = put(&root, 12, "c");
	struct hold_piece *third = put(&root, 13, "def");
	struct hold_piece *end = put(&root, 16, "g");
	struct hold_piece *all;

	(void)state;
	assert_int_equal(hold_add_other(first, 10, (const uint8_t *)"1", 1), 0);
	assert_int_equal(hold_add_other(first, 11, (const uint8_t *)"2", 1), 0);
	assert_int_equal(
	    hold_add_other(third, 13, (const uint8_t *)"333", 3), 0);
	assert_ptr_equal(hold_next(first), second);
	assert_ptr_equal(hold_next(second), third);
	assert_ptr_equal(hold_next(third), end);
	assert_null(hold_next(end));
	all = hold_join(&root, first, end, 6);
	assert_non_null(all);
	assert_int_equal(check_tree(root, NULL), 2);
	assert_ptr_equal(hold_first(root), all);
	assert_ptr_equal(hold_next(all), end);
	assert_int_equal(all->len, 6);
	assert_memory_equal(all->data, "abcdef", 6);
	expect_others(all, "10:1;11:2;13:333;");
	assert_int_equal(hold_cost(all),
	    hold_cost_new(6) + 2 * hold_cost_other(1) + hold_cost_other(3));
	/* To the end of the tree. */
	all = hold_join(&root, all, NULL, 7);
	assert_non_null(all);
	assert_memory_equal(all->data, "abcdefg", 7);
	clear(&root);
}

static void
a_mark_has_no_bytes(void **state)
{
	struct hold_piece *root = NULL;
	struct hold_piece *mark = hold_piece_new(5, NULL, 1000000);

	(void)state;
	assert_non_null(mark);
	assert_int_equal(hold_cost(mark), hold_cost_new(0));
	hold_insert(&root, mark);
	assert_ptr_equal(hold_find(root, 1000004), mark);
	assert_null(hold_find(root, 1000005));
	clear(&root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_found_by_offset),
		cmocka_unit_test(the_tree_stays_balanced),
		cmocka_unit_test(a_piece_costs_more_than_its_bytes),
		cmocka_unit_test(a_piece_is_split_with_its_others),
		cmocka_unit_test(pieces_are_joined_with_their_others),
		cmocka_unit_test(a_mark_has_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
