/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - the names of an image, layer laid upon layer, in memory. */
#include "vmm/manager/tree_priv.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/archive.h"

int tree_compare(const void *a, const void *b)
{
	const struct tree_node *x = a, *y = b;

	if (x->parent != y->parent)
		return (uintptr_t)x->parent < (uintptr_t)y->parent ? -1 : 1;
	return strcmp(x->name, y->name);
}

static struct tree_node *node_new(struct tree_node *parent, const char *name,
				  size_t len)
{
	struct tree_node *n = calloc(1, sizeof(*n) + len + 1);

	if (!n)
		return NULL;
	memcpy(n->name, name, len);
	n->parent = parent;
	n->depth = parent ? parent->depth + 1 : 0;
	list_init(&n->sibling);
	list_init(&n->children);
	list_init(&n->same);
	return n;
}

/* Let go of @n's inode, which goes with its last name. */
static void drop_inode(struct tree *t, struct tree_node *n)
{
	struct tree_inode *i = n->inode;

	n->inode = NULL;
	list_remove(&n->same);
	if (!i || !list_empty(&i->names))
		return;
	if (i->entry != NO_ENTRY)
		t->inodes[i->entry] = NULL;
	t->name_bytes -= strlen(i->target);
	free(i);
}

static void set_inode(struct tree *t, struct tree_node *n,
		      struct tree_inode *inode)
{
	drop_inode(t, n);
	n->inode = inode;
	list_append(&inode->names, &n->same);
}

static struct tree_inode *inode_new(struct tree *t, uint32_t entry,
				    enum tree_kind kind, const char *target)
{
	size_t len = strlen(target);

	struct tree_inode *i = calloc(1, sizeof(*i) + len + 1);
	if (!i)
		return NULL;
	t->name_bytes += len;
	list_init(&i->names);
	i->entry = entry;
	i->kind = kind;
	memcpy(i->target, target, len + 1);
	return i;
}

/* A leaf goes. */
static void node_free(struct tree *t, struct tree_node *n)
{
	drop_inode(t, n);
	list_remove(&n->sibling);
	if (n->parent)
		(void)tdelete(n, &t->index, tree_compare);
	t->nr_nodes--;
	t->name_bytes -= strlen(n->name);
	free(n);
}

static struct tree_node *first_child(struct tree_node *n)
{
	return container_of(n->children.next, struct tree_node, sibling);
}

/* What is below @n goes, deepest first; no recursion to exhaust the stack. */
static void clear_children(struct tree *t, struct tree_node *n)
{
	struct tree_node *at = n;

	for (;;) {
		while (!list_empty(&at->children))
			at = first_child(at);
		if (at == n)
			return;
		struct tree_node *up = at->parent;
		node_free(t, at);
		at = up;
	}
}

/*
 * What the lower layers put below @n goes; directories stay when they hold
 * something of this layer.  Recursion is bounded by TREE_DEPTH_MAX.
 */
static void clear_lower(struct tree *t, struct tree_node *n)
{
	struct list *next;

	for (struct list *l = n->children.next; l != &n->children; l = next) {
		struct tree_node *c =
			container_of(l, struct tree_node, sibling);

		next = l->next;
		clear_lower(t, c);
		if (c->layer < t->layer && list_empty(&c->children))
			node_free(t, c);
	}
}

int tree_new(struct tree **ret, struct err *err)
{
	AUTO_TREE struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(err, ENOMEM, "merge the layers");
	t->root = node_new(NULL, "", 0);
	if (!t->root)
		return err_set(err, ENOMEM, "merge the layers");
	t->nr_nodes = 1;
	struct tree_inode *i = inode_new(t, NO_ENTRY, TREE_DIR, "");
	if (!i)
		return err_set(err, ENOMEM, "merge the layers");
	set_inode(t, t->root, i);
	*ret = TAKE_PTR(t);
	return 0;
}

static void keep(void *node)
{
	(void)node;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	/* The index first: tearing it down at once beats node by node. */
	if (t->root) {
		tdestroy(t->index, keep);
		t->index = NULL;
		clear_children(t, t->root);
		node_free(t, t->root);
	}
	free(t->inodes);
	free(t);
}

void tree_next_layer(struct tree *t)
{
	t->layer++;
}

static int too_much(struct err *err)
{
	return err_say(err, E2BIG,
		       "the image has over %u files, or over %u MiB of names; "
		       "that is more than belljar takes",
		       TREE_ENTRIES_MAX, TREE_NAMES_MAX >> 20);
}

static int add_child(struct tree *t, struct tree_node *parent, const char *name,
		     size_t len, struct tree_node **ret, struct err *err)
{
	if (t->nr_nodes >= TREE_ENTRIES_MAX ||
	    len > TREE_NAMES_MAX - t->name_bytes)
		return too_much(err);
	if (parent->depth >= TREE_DEPTH_MAX)
		return err_say(err, E2BIG,
			       "directories are nested more than %d deep",
			       TREE_DEPTH_MAX);
	struct tree_node *n = node_new(parent, name, len);
	if (!n || !tsearch(n, &t->index, tree_compare)) {
		free(n);
		return err_set(err, ENOMEM, "merge the layers");
	}
	list_append(&parent->children, &n->sibling);
	n->layer = t->layer;
	t->nr_nodes++;
	t->name_bytes += len;
	*ret = n;
	return 0;
}

int tree_add_implicit(struct tree *t, struct tree_node *parent,
		      const char *name, size_t len, struct tree_node **ret,
		      struct err *err)
{
	struct tree_inode *i = inode_new(t, NO_ENTRY, TREE_DIR, "");

	if (!i)
		return err_set(err, ENOMEM, "merge the layers");
	int r = add_child(t, parent, name, len, ret, err);
	if (r < 0) {
		free(i);
		return r;
	}
	set_inode(t, *ret, i);
	return 0;
}

/* Give the name @path to @inode. */
static int put(struct tree *t, const char *path, struct tree_inode *inode,
	       struct err *err)
{
	struct tree_node *parent = t->root;
	const char *name = "";
	int r = tree_find_parent(t, path, true, &parent, &name, err);

	if (r < 0)
		return r;
	struct tree_node *n = tree_find(t, parent, name);
	if (!n)
		r = add_child(t, parent, name, strlen(name), &n, err);
	if (r < 0 || !n)
		return r;
	if (!n->parent && inode->kind != TREE_DIR)
		return err_say(err, EINVAL, "the entry '/' is not a directory");
	if (n->inode == inode)
		return 0;
	if (inode->kind != TREE_DIR)
		clear_children(t, n);
	n->layer = t->layer;
	set_inode(t, n, inode);
	return 0;
}

static int grow(struct tree *t, uint32_t entry, struct err *err)
{
	if (entry >= TREE_ENTRIES_MAX)
		return too_much(err);
	if (entry >= t->room) {
		uint32_t room = t->room ? t->room * 2 : 1024;

		while (room <= entry)
			room *= 2;
		struct tree_inode **more = reallocarray(
			t->inodes, room, sizeof(struct tree_inode *));
		if (!more)
			return err_set(err, ENOMEM, "merge the layers");
		t->inodes = more;
		t->room = room;
	}
	while (t->nr_inodes <= entry)
		t->inodes[t->nr_inodes++] = NULL;
	return 0;
}

int tree_add(struct tree *t, const char *path, uint32_t entry,
	     enum tree_kind kind, const char *target, struct err *err)
{
	assert(entry >= t->nr_inodes);
	int r = grow(t, entry, err);
	if (r < 0)
		return r;
	if (target && strlen(target) > TREE_NAMES_MAX - t->name_bytes)
		return too_much(err);
	struct tree_inode *inode =
		inode_new(t, entry, kind, target ? target : "");
	if (!inode)
		return err_set(err, ENOMEM, "merge the layers");
	t->inodes[entry] = inode;
	r = put(t, path, inode, err);
	if (r < 0) {
		t->inodes[entry] = NULL;
		t->name_bytes -= strlen(inode->target);
		free(inode);
	}
	return r;
}

int tree_link(struct tree *t, const char *path, const char *target,
	      struct err *err)
{
	struct tree_node *parent = t->root, *to = NULL;
	const char *name = "";
	char shown[160];
	int r = tree_find_parent(t, target, false, &parent, &name, err);

	if (r < 0)
		return r;
	if (r == 0)
		to = tree_find(t, parent, name);
	if (!to || to->inode->kind == TREE_DIR)
		return err_say(err, EINVAL,
			       "the hard link '%.150s' points to '%s', which "
			       "%s",
			       path,
			       archive_printable(target, shown, sizeof(shown)),
			       to ? "is a directory" : "isn't there");

	/* Held for the time being: @path may replace a parent of @target. */
	struct tree_inode *inode = to->inode;
	struct list hold;
	list_append(&inode->names, &hold);
	r = put(t, path, inode, err);
	list_remove(&hold);
	return r;
}

int tree_hide(struct tree *t, const char *path, struct err *err)
{
	struct tree_node *parent = t->root;
	const char *name = "";
	int r = tree_find_parent(t, path, false, &parent, &name, err);

	if (r != 0)
		return r < 0 ? r : 0;
	struct tree_node *n = tree_find(t, parent, name);
	if (!n || !n->parent)
		return 0;
	clear_lower(t, n);
	if (n->layer < t->layer && list_empty(&n->children))
		node_free(t, n);
	return 0;
}

int tree_hide_siblings(struct tree *t, const char *path, struct err *err)
{
	struct tree_node *parent = t->root;
	const char *name = "";
	int r = tree_find_parent(t, path, false, &parent, &name, err);

	if (r == 0)
		clear_lower(t, parent);
	return r < 0 ? r : 0;
}

struct tree_inode *tree_inode(const struct tree *t, uint32_t entry)
{
	return entry < t->nr_inodes ? t->inodes[entry] : NULL;
}

uint32_t tree_nr_entries(const struct tree *t)
{
	return t->nr_inodes;
}

/* Longest way a name can be written: symlinks may have made it longer. */
static int path_of(const struct tree_node *n, char buf[ARCHIVE_PATH_MAX])
{
	size_t at = ARCHIVE_PATH_MAX - 1;

	buf[at] = '\0';
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		if (at < len + 1)
			return -ENAMETOOLONG;
		if (buf[at] != '\0')
			buf[--at] = '/';
		at -= len;
		memcpy(buf + at, n->name, len);
	}
	memmove(buf, buf + at, ARCHIVE_PATH_MAX - at);
	return 0;
}

int tree_names(struct tree_inode *inode,
	       int (*fn)(void *arg, const char *first, const char *path),
	       void *arg)
{
	char first[ARCHIVE_PATH_MAX] = "", path[ARCHIVE_PATH_MAX];
	struct list *head = &inode->names;
	bool have_first = false;

	for (struct list *l = head->next; l != head; l = l->next) {
		const struct tree_node *n =
			container_of(l, struct tree_node, same);
		int r = path_of(n, path);

		if (r == 0)
			r = fn(arg, have_first ? first : path, path);
		if (r != 0)
			return r;
		if (!have_first)
			memcpy(first, path, strlen(path) + 1);
		have_first = true;
	}
	return 0;
}
