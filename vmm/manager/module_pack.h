/* SPDX-License-Identifier: Apache-2.0 */
/*
 * module_pack.h - kernel modules on their way into a guest: a cpio with those
 * that it needs before it has disks, a squashfs with all.  Compressed files
 * are unpacked: not every kernel can, and the squashfs compresses again.
 */
#ifndef VMM_MANAGER_MODULE_PACK_H
#define VMM_MANAGER_MODULE_PACK_H

#include <stddef.h>

#include "vmm/lib/err.h"

/*
 * The file @path, unpacked when its name says that it is compressed; the
 * caller frees *@ret.  -EFBIG above 1 GiB, -EBADMSG when it is damaged.
 */
int module_pack_read(const char *path, char **ret, size_t *ret_len,
		     struct err *err);

/*
 * Write the initramfs @cpio with what Linux needs to reach belljar's disks
 * and the keeper, and is not built into it, in the order of loading, as init
 * expects it (images/init/modules.h).  @tree is a directory with indexes.
 */
int module_pack_early(const char *tree, const char *cpio, struct err *err);

/*
 * Write the squashfs @path: lib/modules/@version out of the module files of
 * @files and the indexes of @indexes (directories, which may be the same), and
 * lib/firmware out of @firmware unless that is "".
 */
int module_pack_disk(const char *files, const char *indexes,
		     const char *firmware, const char *version,
		     const char *path, struct err *err);

#endif
