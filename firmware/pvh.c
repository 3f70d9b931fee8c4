/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pvh.c - what a kernel entered by its PVH note finds in rbx: the start info
 * of Xen's "x86/HVM direct boot ABI", version 1.
 */
#include <assert.h>
#include <stddef.h>

#include "firmware/e820.h"
#include "firmware/kernel.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"

#define START_MAGIC 0x336ec578

struct start_info {
	le32_t magic;
	le32_t version;
	le32_t flags;
	le32_t nr_modules;
	le64_t modules;
	le64_t cmdline;
	le64_t rsdp;
	le64_t memmap;
	le32_t memmap_entries;
	le32_t reserved;
};

struct module {
	le64_t address;
	le64_t size;
	le64_t cmdline;
	le64_t reserved;
};

struct memmap_entry {
	le64_t address;
	le64_t size;
	le32_t type;
	le32_t reserved;
};

/* All of it, as it lies at LAYOUT_START_INFO. */
struct start {
	struct start_info info;
	struct module module;
	struct memmap_entry memmap[E820_RANGES];
};

void pvh_write(const struct gmem *gm, const struct payload *p)
{
	struct e820 map;

	e820_build(gm, &map);
	struct start s = {
		.info = {
			.magic = le32_make(START_MAGIC),
			.version = le32_make(1),
			.nr_modules = le32_make(p->initrd_size > 0),
			.modules = le64_make(LAYOUT_START_INFO +
					     offsetof(struct start, module)),
			.cmdline = le64_make(LAYOUT_CMDLINE),
			.rsdp = le64_make(p->rsdp),
			.memmap = le64_make(LAYOUT_START_INFO +
					    offsetof(struct start, memmap)),
			.memmap_entries = le32_make(map.nr),
		},
		.module = {
			.address = le64_make(p->initrd),
			.size = le64_make(p->initrd_size),
		},
	};

	for (unsigned i = 0; i < map.nr; i++)
		s.memmap[i] = (struct memmap_entry){
			.address = le64_make(map.range[i].start),
			.size = le64_make(map.range[i].size),
			.type = le32_make(map.range[i].type),
		};

	/* Below 1 MiB there is always RAM: kernel_fits() saw to it. */
	int r = gmem_write(gm, LAYOUT_START_INFO, &s, sizeof(s));
	assert(r == 0);
}
