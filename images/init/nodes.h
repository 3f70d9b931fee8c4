/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes.h - what devtmpfs does not do: the device nodes of NVIDIA's driver,
 * which only tells its numbers in /proc, and the permissions that udev's rules
 * give to nodes every user may open.
 */
#ifndef IMAGES_INIT_NODES_H
#define IMAGES_INIT_NODES_H

#include <sys/types.h>

#include "vmm/lib/err.h"

/* A character device: @path is relative to /dev. */
typedef int nodes_fn(void *arg, const char *path, unsigned major,
		     unsigned minor, mode_t mode);

/*
 * Call @fn for each node that NVIDIA's modules, as @proc (a path: "/proc")
 * tells of them, need; until it returns other than 0, which is returned.
 */
int nodes_nvidia(const char *proc, nodes_fn *fn, void *arg);

/*
 * Make those nodes below @dev ("/dev"), replacing what is there with other
 * numbers, and let every user open render nodes: drm's, kfd.
 */
int nodes_make(const char *proc, const char *dev, struct err *err);

#endif
