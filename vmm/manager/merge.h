/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - the layers of an image become one squashfs.
 *
 * First all layers are read for their headers and verified; that gives the
 * tree of names.  Then they are read again, and what is left in the tree
 * streams, as one tar archive, to tar2sqfs.  Memory grows with the number of
 * names, never with the size of files.
 */
#ifndef VMM_MANAGER_MERGE_H
#define VMM_MANAGER_MERGE_H

#include "vmm/lib/err.h"
#include "vmm/manager/bundle.h"
#include "vmm/manager/oci.h"
#include "vmm/manager/progress.h"

/*
 * Write the file @squashfs, which must not exist.  On failure there may be a
 * part of it; -ENOSPC when the disk is full.
 */
int merge_layers(struct bundle *bundle, const struct oci_image *image,
		 const char *squashfs, struct progress *progress,
		 struct err *err);

#endif
