/* SPDX-License-Identifier: Apache-2.0 */
/* qemu_root.h - the machine that the command of the peer QEMU finds. */
#ifndef IMAGES_COMPARE_QEMU_ROOT_H
#define IMAGES_COMPARE_QEMU_ROOT_H

#include "vmm/lib/err.h"

/*
 * Mount image and layer on ROOTFS_ROOT (images/init/rootfs.h) and below it
 * what belljar's own guest has; the network runs.  0 or -errno.
 */
int qemu_root_make(struct err *err);

#endif
