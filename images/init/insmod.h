/* SPDX-License-Identifier: Apache-2.0 */
/* insmod.h - put modules of a tree (vmm/lib/modtree.h) into the kernel. */
#ifndef IMAGES_INIT_INSMOD_H
#define IMAGES_INIT_INSMOD_H

#include <stdbool.h>

#include "vmm/lib/err.h"
#include "vmm/lib/modtree.h"

/* Is the module @name in the kernel, loaded or built in? */
bool insmod_loaded(const char *name);

/*
 * Load the files of @list, in order, as they come from modtree_resolve(@name).
 * @params is for @name itself, "" for none.  What is loaded already counts as
 * loaded now.  0 when @name (or, if that is an alias, any module) is loaded;
 * else -errno, and a sentence with the kernel's reason.  When this returns,
 * drivers have tried all devices that they know, asynchronous ones included.
 */
int insmod_list(int tree, const struct modlist *list, const char *name,
		const char *params, struct err *err);

/* The same for a name that nobody has resolved yet. */
int insmod(int tree, const char *name, const char *params, struct err *err);

#endif
