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
