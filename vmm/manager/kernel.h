/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.h - the guest kernels that `make kernel` and `make stock-kernel`
 * leave in LIBDIR/kernels, and how to choose one.
 */
#ifndef VMM_MANAGER_KERNEL_H
#define VMM_MANAGER_KERNEL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"

/*
 * What every guest gets: end at once when the kernel gives up, and do not go
 * over the bus once more, by ports, for chipsets that are not there.
 */
#define KERNEL_CMDLINE "reboot=t panic=-1 pci=noearly"

/*
 * Our own kernel: keep its code as it was loaded for one processor too (the
 * patching touches 1.8 MB), and make no /sys/kernel/slab.  docs/boot.md.
 */
#define KERNEL_CMDLINE_MINIMAL                                                 \
	" noreplace-smp initcall_blacklist=slab_sysfs_init"

/*
 * With --memory-max: what is plugged in is used at once, most of it for what
 * can be moved, so that it can be plugged out again.
 */
#define KERNEL_CMDLINE_PLUG                                                    \
	" memhp_default_state=online memory_hotplug.online_policy=auto-movable"

struct kernel {
	const char *flavour; /* "minimal", "stock" or "file" */
	char image[PATH_MAX];
	char modules[PATH_MAX]; /* a cpio, or "" */
	char version[64]; /* "" when unknown */
	uint64_t min_memory; /* bytes it needs to boot */
};

/* Is flavour "minimal" or "stock" in @libdir?  Fills *@ret when it is. */
bool kernel_installed(const char *libdir, const char *flavour,
		      struct kernel *ret);

/*
 * The kernel of --kernel: a flavour, a path, or NULL for the minimal one when
 * it is there, else the stock one.  A path is taken as it is: whoever opens it
 * says what is wrong with it.  0 or -ENOENT with a sentence.
 */
int kernel_find(const char *libdir, const char *choice, struct kernel *ret,
		struct err *err);

#endif
