/* SPDX-License-Identifier: Apache-2.0 */
/* tree_priv.h - what tree.c and tree_walk.c share. */
#ifndef VMM_MANAGER_TREE_PRIV_H
#define VMM_MANAGER_TREE_PRIV_H

#include "vmm/manager/archive.h"
#include "vmm/manager/tree.h"

struct tree_inode {
	struct list names; /* of tree_node.same */
	uint32_t entry; /* NO_ENTRY: a directory nobody described */
	enum tree_kind kind;
	char target[]; /* of a symlink, else "" */
};

struct tree_node {
	struct tree_node *parent; /* NULL: the root */
	struct list sibling, children;
	struct list same; /* names of the same inode */
	struct tree_inode *inode;
	uint32_t layer; /* that set it last */
	uint32_t depth;
	char name[];
};

#define NO_ENTRY UINT32_MAX

/* A walk along a path whose rest changes when a symlink is met. */
struct tree_walk {
	struct tree_node *at;
	const char *rest;
	char text[2][2 * ARCHIVE_PATH_MAX]; /* rest lies in one of them */
	unsigned links;
	bool make; /* missing directories */
};

struct tree {
	struct tree_node *root;
	void *index; /* tsearch: all nodes by parent and name */
	struct tree_inode **inodes; /* by entry; NULL: no name left */
	uint32_t nr_inodes, room;
	uint32_t nr_nodes;
	uint32_t layer;
	size_t name_bytes;
	struct tree_walk walk; /* one at a time; too large for the stack */
};

/* Order of the index. */
int tree_compare(const void *a, const void *b);

/* Add the directory @name, that no entry describes, to @parent. */
int tree_add_implicit(struct tree *t, struct tree_node *parent,
		      const char *name, size_t len, struct tree_node **ret,
		      struct err *err);

/*
 * The directory in which the last part of @path lies, symlinks followed, and
 * that part.  A missing directory is made if @make, else the answer is 1.
 */
int tree_find_parent(struct tree *t, const char *path, bool make,
		     struct tree_node **ret, const char **ret_name,
		     struct err *err);

/* The child @name of @parent, or NULL; the root when @name is "". */
struct tree_node *tree_find(struct tree *t, struct tree_node *parent,
			    const char *name);

#endif
