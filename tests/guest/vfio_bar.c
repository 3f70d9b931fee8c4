/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_bar.c - a BAR of 1 GiB with RAM behind it (ivshmem): words at both ends
 * of each 64 MiB of it, written, read back, and summed for the host to compare.
 */
#include "tests/guest/lib/pci.h"

#define VENDOR 0x1af4
#define DEVICE 0x1110
#define BAR    2
#define SIZE   (UINT64_C(1) << 30)
#define STEP   (UINT64_C(64) << 20)

static uint64_t word(uint64_t off)
{
	return (off + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

void guest_main(const struct start_info *si)
{
	unsigned slot = pci_find(VENDOR, DEVICE, 0);
	uint64_t sum = 0;

	(void)si;
	check(slot != PCI_NONE);
	check(pci_bar_size(slot, BAR) == SIZE);
	uint64_t bar = pci_bar(slot, BAR);
	say("at", bar);
	check(bar % SIZE == 0);
	write16(ecam(slot, PCI_COMMAND), PCI_COMMAND_MEMORY);

	for (uint64_t off = 0; off < SIZE; off += STEP) {
		write64(bar + off, word(off));
		write64(bar + off + STEP - 8, word(off + STEP));
	}
	for (uint64_t off = 0; off < SIZE; off += STEP) {
		check(read64(bar + off) == word(off));
		check(read64(bar + off + STEP - 8) == word(off + STEP));
		sum = sum * 31 + word(off);
		sum = sum * 31 + word(off + STEP);
	}
	/* A byte, a word, at the very end. */
	write8(bar + SIZE - 1, (uint8_t)(word(SIZE) >> 56));
	check(read16(bar + SIZE - 2) == (uint16_t)(word(SIZE) >> 48));
	say("sum", sum);
	put("pass\n");
}
