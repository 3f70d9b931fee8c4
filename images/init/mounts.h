/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts.h - init's own /dev, /proc and /sys, and those of the container.
 *
 * The container's root holds whatever its image says, symlinks included, so
 * every path below it is opened by openat2(RESOLVE_IN_ROOT) and mounted on
 * through /proc/self/fd: nothing lands outside the root.
 */
#ifndef IMAGES_INIT_MOUNTS_H
#define IMAGES_INIT_MOUNTS_H

#include <stdint.h>
#include <sys/types.h>

#include "vmm/lib/err.h"

/* /dev, /proc and /sys of init itself; descriptors 0, 1 and 2 taken. */
int mounts_early(struct err *err);

/* What to mount where, below a root. */
struct mount_spec {
	const char *source, *type;
	const char *path; /* relative to the root */
	unsigned long flags; /* MS_* */
	const char *data; /* NULL for none */
};

/* Mount @spec below @root (a descriptor), making the directory if absent. */
int mounts_at(int root, const struct mount_spec *spec, struct err *err);

/* Open the directory @path below @root for its name only, or -errno. */
int mounts_open(int root, const char *path);

/* Make the directory @path below @root when it is absent. */
int mounts_dir(int root, const char *path, struct err *err);

/* Bind the file @source over @path below @root, making it if absent. */
int mounts_file(int root, const char *source, const char *path,
		struct err *err);

/*
 * /dev and what is in it, /sys and cgroup2 below @root.  @dev_type is
 * "devtmpfs", or "tmpfs" where that would be the host's.  @shm_size is in
 * bytes, 0 for half of memory.  /proc is for the container's process to
 * mount, in its own PID namespace: mounts_proc.
 */
int mounts_container(int root, const char *dev_type, uint64_t shm_size,
		     struct err *err);
int mounts_proc(int root, struct err *err);

#endif
