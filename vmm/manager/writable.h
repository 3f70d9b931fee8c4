/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writable.h - the writable layer of a VM: a sparse ext4 file of its own,
 * copied from a template that mke2fs made once.
 */
#ifndef VMM_MANAGER_WRITABLE_H
#define VMM_MANAGER_WRITABLE_H

#include "vmm/lib/err.h"

/*
 * Make @path, which must not exist.  @data is the store: it holds the
 * template (DATA/layers/), made now when it is missing.  The file is 10 GiB
 * for the guest and takes a few hundred KiB of disk.  On failure nothing is
 * left at @path.
 */
int writable_create(const char *data, const char *path, struct err *err);

#endif
