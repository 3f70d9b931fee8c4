/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the names of an image, layer laid upon layer, in memory: what
 * each name means when all layers have been unpacked one after the other
 * into an empty directory (OCI image-spec, layer.md).  Nothing touches the
 * host's file system; links are followed inside the tree only.
 *
 * Entries are numbered through all layers, from 0.  A name points to an
 * inode, an inode to the entry that holds its data; hard links share it.
 */
#ifndef VMM_MANAGER_TREE_H
#define VMM_MANAGER_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/lib/list.h"

#define TREE_ENTRIES_MAX (4u << 20) /* and so many names */
#define TREE_NAMES_MAX	 (256u << 20) /* bytes of names and link targets */
#define TREE_DEPTH_MAX	 512 /* directories in each other */

struct tree;
struct tree_inode;

enum tree_kind { TREE_DIR, TREE_SYMLINK, TREE_OTHER };

int tree_new(struct tree **ret, struct err *err);
void tree_free(struct tree *tree); /* accepts NULL */

/* What follows belongs to the next layer. */
void tree_next_layer(struct tree *tree);

/*
 * Entry @entry is the thing at @path, replacing what was there, except that
 * a directory keeps its children.  Entries must come in order, though some
 * may be left out.  @target is that of a symlink.  @path, here and below, is
 * clean (archive_clean_path); "" is the root.
 */
int tree_add(struct tree *tree, const char *path, uint32_t entry,
	     enum tree_kind kind, const char *target, struct err *err);

/* @path is another name of what @target names now. */
int tree_link(struct tree *tree, const char *path, const char *target,
	      struct err *err);

/* What the lower layers have at @path, and below it, is gone. */
int tree_hide(struct tree *tree, const char *path, struct err *err);

/* What they have beside @path, in the same directory, is gone. */
int tree_hide_siblings(struct tree *tree, const char *path, struct err *err);

/* The inode of @entry, or NULL when no name is left of it. */
struct tree_inode *tree_inode(const struct tree *tree, uint32_t entry);

/* One past the last entry. */
uint32_t tree_nr_entries(const struct tree *tree);

/*
 * Call @fn with the first name of @inode, then its others; stop when it
 * returns other than 0.  The path is written like "usr/bin/env".
 */
int tree_names(struct tree_inode *inode,
	       int (*fn)(void *arg, const char *first, const char *path),
	       void *arg);

static inline void tree_auto_free(struct tree **t)
{
	tree_free(*t);
}

#define AUTO_TREE __attribute__((cleanup(tree_auto_free)))

#endif
