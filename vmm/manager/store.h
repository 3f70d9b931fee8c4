/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the directory where images live: who may change it when, and what
 * is swept away after a crash.
 *
 *   lock                    flock: shared to read, exclusive to change names
 *   convert.lock            flock: one conversion at a time
 *   repositories.json       name -> id, replaced as a whole
 *   images/<id>/            complete images only: they arrive by rename
 *     rootfs.squashfs  config.json  image.json
 *   tmp/<random>/lock ...   work in progress, locked by its owner
 *
 * A directory below tmp/ whose lock nobody holds was left by a process that
 * died; the next store_tmp_new() removes it.
 */
#ifndef VMM_MANAGER_STORE_H
#define VMM_MANAGER_STORE_H

#include <stdbool.h>

#include "vmm/lib/err.h"

struct store;

/*
 * Open, and make when absent, the store below @root.  @root NULL is the
 * default: /var/lib/belljar for root, else $XDG_DATA_HOME/belljar or
 * ~/.local/share/belljar.  The caller closes *@ret.
 */
int store_open(const char *root, struct store **ret, struct err *err);

/* Accepts NULL. */
void store_close(struct store *store);

static inline void store_auto_close(struct store **store)
{
	store_close(*store);
}

#define AUTO_STORE __attribute__((cleanup(store_auto_close)))

/* The store's directory; owned by the store. */
const char *store_path(const struct store *store);

#endif
