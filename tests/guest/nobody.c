/* SPDX-License-Identifier: Apache-2.0 */
/* nobody.c - ports and memory without a device read as ones, swallow writes. */
#include "tests/guest/lib/guest.h"
#include "vmm/core/layout.h"

#define PORT 0x5000

static void ones(uint64_t addr)
{
	write64(addr, 0);
	write8(addr + 3, 0);
	check(read8(addr) == UINT8_MAX);
	check(read16(addr + 2) == UINT16_MAX);
	check(read32(addr + 4) == UINT32_MAX);
	check(read64(addr) == UINT64_MAX);
	check(read32(addr + 1) == UINT32_MAX);
}

void guest_main(const struct start_info *si)
{
	(void)si;
	out8(PORT, 0);
	out16(PORT, 0);
	out32(PORT, 0);
	check(in8(PORT) == UINT8_MAX);
	check(in16(PORT) == UINT16_MAX);
	check(in32(PORT) == UINT32_MAX);

	/* Half on a device, half beside it. */
	check(in32(LAYOUT_POWER + 2) == UINT32_MAX);
	check(in16(LAYOUT_COM1 + 7) == UINT16_MAX);

	ones(LAYOUT_MMIO32 - 4096);
	ones(LAYOUT_MMIO32_END - 4096);
	ones(LAYOUT_ECAM + LAYOUT_ECAM_BUS);
	ones(0xfed00000); /* no HPET */
	ones(0xfffffff0); /* no firmware */
	put("pass\n");
}
