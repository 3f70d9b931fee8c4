/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs.h - the container's root: the image, read-only, under a writable
 * layer, joined by overlayfs.
 *
 *   disk "image"  squashfs (or erofs, ext4)   -> BASE/image   lowerdir
 *   disk "layer"  ext4: upper/ and work/      -> BASE/layer   upperdir
 *                                                BASE/root    the overlay
 *
 * Without a layer disk, and for a read-only root, a tmpfs takes its place: a
 * read-only root too needs /etc/hosts and mount points that the image may
 * lack.  It becomes read-only when they are there: rootfs_seal.
 */
#ifndef IMAGES_INIT_ROOTFS_H
#define IMAGES_INIT_ROOTFS_H

#include <stdbool.h>

#include "vmm/lib/err.h"

#define ROOTFS_BASE "/mnt"
#define ROOTFS_ROOT ROOTFS_BASE "/root"

/* Find the disks, mount everything, leave the root on ROOTFS_ROOT. */
int rootfs_mount(bool readonly, struct err *err);

/*
 * The last step of it: overlay BASE/image and BASE/layer (both mounted, the
 * latter writable) on BASE/root.
 */
int rootfs_overlay(const char *base, struct err *err);

/* Make the root's mount, but nothing that is mounted below it, read-only. */
int rootfs_seal(const char *root, struct err *err);

/* Unmount root and layer; everything is on the disk when this returns. */
void rootfs_unmount(void);

#endif
