/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modules.h - the user's kernel modules (--kernel-modules DIR), made into what
 * a guest takes, once, and kept in the store:
 *
 *   DATA/modules/<key>/
 *     disk.squashfs   all modules and firmware; flock'd, shared, by VMs
 *     early.cpio      what is loaded before there are disks
 *     version         the kernel they are for
 *
 * The key is a sum over names, sizes, times and inode numbers of all files.
 * MODULES_KEPT of them stay; making one more removes the least recently used
 * that no running VM has.
 */
#ifndef VMM_MANAGER_MODULES_H
#define VMM_MANAGER_MODULES_H

#include <stdbool.h>

#include "vmm/lib/err.h"
#include "vmm/manager/kernel.h"
#include "vmm/manager/store.h"

#define MODULES_KEPT 4

/* What --kernel-modules says instead of a directory. */
#define MODULES_IMAGE "image"

/*
 * Is @dir what --kernel-modules takes, and for @kernel, whose .version is
 * filled when it is empty?  Makes nothing.  0 or -errno with a sentence.
 */
int modules_check(const char *dir, const char *firmware, struct kernel *kernel,
		  struct err *err);

/*
 * Find or make the modules of @dir for @kernel, whose .modules and .version
 * are filled when they are empty: a kernel that the user brought needs modules
 * before it has disks.  @firmware may be NULL.  Returns the disk's descriptor,
 * which holds a shared lock, or -errno with a sentence; @quiet: no word on
 * stderr about it taking some seconds.
 */
int modules_prepare(struct store *store, const char *dir, const char *firmware,
		    bool quiet, struct kernel *kernel, struct err *err);

#endif
