/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - RAM is where the map says, as much as was asked for, and clean;
 * the hole above low RAM reads as ones.
 */
#include "tests/guest/lib/guest.h"
#include "vmm/core/layout.h"

#define PAGE 4096

static void probe(uint64_t addr)
{
	check(read64(addr) == 0);
	write64(addr, ~addr);
	check(read64(addr) == ~addr);
}

void guest_main(const struct start_info *si)
{
	const struct start_range *map = (const void *)si->memmap;
	uint64_t total = 0;
	uint64_t low_end = 0;

	check(si->magic == START_MAGIC && si->version >= 1);
	for (unsigned i = 0; i < si->nr_memmap; i++) {
		uint64_t end = map[i].addr + map[i].size;

		if (map[i].type != START_RAM)
			continue;
		total += map[i].size;
		if (end <= LAYOUT_LOW_RAM_END && end > low_end)
			low_end = end;
		if (end > LAYOUT_KERNEL)
			probe(end - PAGE);
		if (map[i].addr >= LAYOUT_HIGH_RAM)
			probe(map[i].addr);
	}
	check(low_end > LAYOUT_KERNEL);
	check(read64(low_end) == ~UINT64_C(0));
	check(read8(LAYOUT_MMIO32 - 1) == 0xff);
	write64(low_end, 0);
	check(read64(low_end) == ~UINT64_C(0));

	/* What is missing was kept back below 1 MiB. */
	put("MiB: ");
	put_dec((total + (1 << 20) - 1) >> 20);
	put("\npass\n");
}
