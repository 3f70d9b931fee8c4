/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers.h - the user's kernel modules, from the disk "modules" or from the
 * container's image, loaded before the container starts.
 *
 *   disk "modules"  squashfs: lib/modules/VERSION, lib/firmware
 *                     -> BASE/modules; bound on the container's /lib/modules
 *   image           its own /lib/modules/VERSION, /lib/firmware
 *
 * Init's own /lib/modules/VERSION and /lib/firmware are links there: that is
 * where the kernel looks for firmware, in init's root and not the container's,
 * and where init finds modules when the kernel calls it as its modprobe.
 */
#ifndef IMAGES_INIT_DRIVERS_H
#define IMAGES_INIT_DRIVERS_H

#include "images/init/session.h"
#include "vmm/lib/err.h"

/*
 * Do what the settings say about modules; nothing when they say nothing.  The
 * container's root is mounted.  Warnings go to the wire.  -errno when a module
 * that the user named does not load.
 */
int drivers_load(struct session *s, struct err *err);

/*
 * Be the kernel's modprobe: the last of @argv is a module or an alias.
 * Returns the exit status.
 */
int drivers_modprobe(int argc, char **argv);

#endif
