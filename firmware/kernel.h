/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.h - a kernel in guest RAM, and the ways to tell it about its
 * machine.  Shared by the loaders (elf.c, bzimage.c) and those who write what
 * the entry point finds (pvh.c, zeropage.c); load.c calls them in turn.
 */
#ifndef FIRMWARE_KERNEL_H
#define FIRMWARE_KERNEL_H

#include <asm/bootparam.h>
#include <stdint.h>

#include "firmware/image.h"
#include "firmware/machine.h"

struct kernel {
	uint64_t pvh_entry; /* 0: none */
	uint64_t long_entry; /* 64-bit boot protocol; 0: none */
	gpa_t end; /* after all it needs before it manages memory */
	gpa_t initrd_end; /* the initramfs must end here or below */
	uint64_t cmdline_max; /* characters it accepts */
	struct setup_header hdr; /* for the zero page */
};

/* What the loader put into RAM beside the kernel. */
struct payload {
	gpa_t initrd; /* 0: none */
	uint64_t initrd_size;
	gpa_t rsdp; /* 0: no ACPI */
	gpa_t setup_data; /* 0: none */
};

/*
 * -ENOSPC with the numbers unless the low RAM of @gm reaches @end, the first
 * address after what @img occupies.
 */
int kernel_fits(const struct image *img, const struct gmem *gm, gpa_t end,
		struct err *err);

/*
 * Check the whole file, then copy it.  Errors as firmware_load(); nothing has
 * been written to RAM unless reading failed half-way.
 */
int elf_load(const struct image *img, const struct gmem *gm, struct kernel *ret,
	     struct err *err);
int bzimage_load(const struct image *img, const struct gmem *gm,
		 struct kernel *ret, struct err *err);

/* Whether the file begins like one.  -errno when it cannot be read. */
int elf_probe(const struct image *img, struct err *err);
int bzimage_probe(const struct image *img, struct err *err);

/* The start info of the PVH boot ABI at LAYOUT_START_INFO. */
void pvh_write(const struct gmem *gm, const struct payload *p);

/*
 * The zero page of the 64-bit boot protocol at LAYOUT_ZERO_PAGE, and page
 * tables at LAYOUT_PAGE_TABLES that map the first GiB to itself.
 */
void zeropage_write(const struct gmem *gm, const struct kernel *k,
		    const struct payload *p);

#define ZEROPAGE_MAPPED (UINT64_C(1) << 30)

#endif
