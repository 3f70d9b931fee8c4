/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list; the head is a node that points to itself. */
#ifndef VMM_LIB_LIST_H
#define VMM_LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define container_of(ptr, type, member)                                        \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Removing a node that is in no list (list_init) does nothing. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* pos is a name to declare: NOLINTBEGIN(bugprone-macro-parentheses) */
#define list_for_each(pos, head)                                               \
	for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
