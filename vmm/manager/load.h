/* SPDX-License-Identifier: Apache-2.0 */
/* What `load` and `pull` have in common: a bundle becomes images. */
#ifndef VMM_MANAGER_LOAD_H
#define VMM_MANAGER_LOAD_H

#include <stdio.h>

#include "vmm/lib/err.h"
#include "vmm/manager/bundle.h"
#include "vmm/manager/progress.h"
#include "vmm/manager/reference.h"
#include "vmm/manager/store.h"

/*
 * Put the images of @bundle into the store, each complete or not at all, and
 * report each on @out as docker does.  @name, unless NULL, is what they are
 * called, whatever the bundle says.  @dir is a scratch directory on the
 * store's file system.  On failure the images before the bad one stay.
 */
int load_bundle(struct store *store, struct bundle *bundle, const char *dir,
		const struct reference *name, struct progress *progress,
		FILE *out, struct err *err);

#endif
