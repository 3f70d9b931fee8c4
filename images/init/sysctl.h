/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl.h - the kernel's settings below /proc/sys. */
#ifndef IMAGES_INIT_SYSCTL_H
#define IMAGES_INIT_SYSCTL_H

#include <stdint.h>

/* What the kernel does not have is left out. */
void sysctl_set(const char *path, const char *value);

/*
 * KiB that a machine of @total bytes is to keep free: what Linux computes by
 * itself (mm/page_alloc.c, calculate_min_free_kbytes()), before it thinks of
 * huge pages.
 */
uint64_t sysctl_reserve_kib(uint64_t total);

/*
 * For huge pages Linux reserves up to a twentieth of a small machine, and lets
 * each processor's list of free pages, of which the host is not told, become
 * as long.  A VM gives both back.
 */
void sysctl_reserve_little(void);

#endif
