/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdt.h - the machine as a flattened device tree: the other writer of the
 * description in machine.h, for kernels without ACPI.
 */
#ifndef FIRMWARE_FDT_H
#define FIRMWARE_FDT_H

#include <stddef.h>

#include "firmware/machine.h"

#define FDT_SIZE_MAX 16384

/* Write the tree into @buf; only @m's contents decide it.  Its length. */
size_t fdt_build(const struct machine *m, unsigned char buf[FDT_SIZE_MAX]);

#endif
