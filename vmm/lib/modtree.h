/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modtree.h - a tree of kernel modules, laid out as /lib/modules/VERSION:
 * from what depmod(8) wrote about it to files in the order of loading.  The
 * manager asks it what a guest needs before its disks are there, and init
 * what a device needs.  Files are read line by line, nothing is kept.
 *
 * Names are those of modprobe: '-' and '_' are the same.
 */
#ifndef VMM_LIB_MODTREE_H
#define VMM_LIB_MODTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "vmm/lib/err.h"

#define MODTREE_NAME_MAX 128

/* Owned texts: paths relative to a tree in the order of loading, or names. */
struct modlist {
	char **v;
	size_t n;
};

void modlist_done(struct modlist *list);

/* Append a copy of @text.  0 or -ENOMEM. */
int modlist_add(struct modlist *list, const char *text);
bool modlist_has(const struct modlist *list, const char *text);

#define AUTO_MODLIST __attribute__((cleanup(modlist_done)))

/* "kernel/hw_random/virtio-rng.ko.xz" is "virtio_rng". */
void modtree_name(const char *path, char ret[MODTREE_NAME_MAX]);

/* How @path is compressed: ".xz", ".gz", ".zst" as its end, or NULL. */
const char *modtree_packed(const char *path);

/*
 * Append what must be loaded, in that order, so that @name, a module or an
 * alias of some, is there: what it depends on, its soft dependencies, itself.
 * What is built in adds nothing.  @tree is a descriptor of the tree.  0, or
 * -ENOENT with a sentence when the tree knows nothing of that name, or another
 * -errno with one.
 */
int modtree_resolve(int tree, const char *name, struct modlist *list,
		    struct err *err);

/*
 * The first module of modules.dep whose name begins and ends so, into @ret.
 * 0, or -ENOENT when there is none.
 */
int modtree_find(int tree, const char *begin, const char *end,
		 char ret[MODTREE_NAME_MAX]);

/*
 * Call @fn with each pattern of modules.alias and its module until it returns
 * other than 0, which is returned.  0 as well when there is no modules.alias.
 */
int modtree_aliases(int tree,
		    int (*fn)(void *arg, const char *pattern,
			      const char *module),
		    void *arg);

/* Make of '-' a '_', outside of [sets]: what both sides of a match need. */
void modtree_normalize(char *alias);

/* Does @alias, normalized, match @pattern of modtree_aliases? */
bool modtree_match(const char *pattern, const char *alias);

#endif
