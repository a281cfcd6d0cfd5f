#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/*
 * list.h - a doubly linked ring whose nodes live inside the objects.
 *
 * An empty list is a node that points to itself; a node that is on no list
 * points to itself too, so that list_remove() is idempotent and a node must
 * be initialized before its first use.
 */

/** struct list - A list head, or a node embedded in an object. */
struct list {
	struct list *next;
	struct list *prev;
};

/** LIST_ENTRY() - The object of @type around its @member @node. */
#define LIST_ENTRY(node, type, member) ATTR_CONTAINER(node, type, member)

/** list_init() - Make an empty list, or a node that is on no list. */
static inline void
list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

/** list_is_empty() - True for an empty list, and a node on no list. */
static inline bool
list_is_empty(const struct list *l)
{
	return l->next == l;
}

/** list_append() - Put @node, which is on no list, at the end of @l. */
static inline void
list_append(struct list *l, struct list *node)
{
	node->next = l;
	node->prev = l->prev;
	l->prev->next = node;
	l->prev = node;
}

/** list_remove() - Take @node off its list, if it is on one. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/** list_shift() - Take off and return the first node; NULL when empty. */
static inline struct list *
list_shift(struct list *l)
{
	struct list *node = l->next;

	if (node == l)
		return NULL;
	/* Not list_remove(), so that an analyser sees the head move on. */
	l->next = node->next;
	l->next->prev = l;
	list_init(node);
	return node;
}

/** list_pop() - Take off and return the last node; NULL when empty. */
static inline struct list *
list_pop(struct list *l)
{
	struct list *node = l->prev;

	if (node == l)
		return NULL;
	l->prev = node->prev;
	l->prev->next = l;
	list_init(node);
	return node;
}

#endif /* BASE_LIST_H */
