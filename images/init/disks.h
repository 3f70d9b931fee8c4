/* SPDX-License-Identifier: Apache-2.0 */
/* disks.h - block devices by the serial number the monitor gave them. */
#ifndef IMAGES_INIT_DISKS_H
#define IMAGES_INIT_DISKS_H

#include <stddef.h>

#include "vmm/lib/err.h"

/*
 * The device with @serial: its name below /dev into @ret.  -ENOENT when no
 * disk has it.  @sys_block is "/sys/block".
 */
int disks_find(const char *sys_block, const char *serial, char *ret,
	       size_t size);

/* The same; waits for the kernel to announce it, at most @timeout_ms. */
int disks_wait(const char *sys_block, const char *serial, int timeout_ms,
	       char *ret, size_t size, struct err *err);

#endif
