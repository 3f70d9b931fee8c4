/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e820.h - what each range of guest-physical memory is: one map, which the
 * PVH start info and the zero page both carry.
 */
#ifndef FIRMWARE_E820_H
#define FIRMWARE_E820_H

#include <stdint.h>

#include "vmm/core/gmem.h"

/* The numbers of ACPI 6.4 table 15.374; PVH uses the same. */
enum e820_type { E820_RAM = 1, E820_RESERVED = 2 };

struct e820_range {
	gpa_t start;
	uint64_t size;
	enum e820_type type;
};

#define E820_RANGES 8

struct e820 {
	unsigned nr;
	struct e820_range range[E820_RANGES];
};

/*
 * The map of a machine with the RAM of @gm, in ascending order.  A range that
 * is in none of them does not exist; the tables below 1 MiB and the ECAM
 * window are reserved.
 */
void e820_build(const struct gmem *gm, struct e820 *ret);

#endif
