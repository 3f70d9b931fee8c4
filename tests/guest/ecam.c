/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecam.c - configuration space: absent functions read as ones, BARs have a
 * size and move, and where there is no ACPI to name the ECAM window, the ports
 * give the same.  The runner watches the count of exits between "reading" and
 * "read": a read costs none.
 */
#include "tests/guest/lib/virtio.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000
#define SLOTS	       32
#define FUNCTIONS      256
#define PAGE	       4096
#define BRIDGE	       0x06 /* base class */
#define VENDOR	       0x1af4
#define RNG	       (0x1040 + VIRTIO_ID_RNG)

static unsigned count_functions(void)
{
	unsigned nr = 0;

	for (unsigned f = 0; f < FUNCTIONS; f++) {
		uint64_t at = LAYOUT_ECAM + f * UINT64_C(PAGE);

		if (read32(at) != UINT32_MAX) {
			nr++;
			check(f % 8 == 0);
		} else {
			check(read32(at + PCI_BASE_ADDRESS_0) == UINT32_MAX);
			check(read32(at + PAGE - 4) == UINT32_MAX);
		}
	}
	return nr;
}

static void ports_agree(unsigned slot)
{
	for (unsigned reg = 0; reg < 256; reg += 4) {
		out32(CONFIG_ADDRESS, CONFIG_ENABLE | slot << 11 | reg);
		uint32_t v = in32(CONFIG_DATA);

		check(v == read32(ecam(slot, reg)));
		check(in16(CONFIG_DATA + 2) == v >> 16);
		check(in8(CONFIG_DATA + 3) == v >> 24);
	}
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | slot << 11 | PCI_INTERRUPT_LINE);
	out8(CONFIG_DATA, 0x77);
	check(slot == SLOTS - 1 ||
	      read8(ecam(slot, PCI_INTERRUPT_LINE)) == 0x77);
	out32(CONFIG_ADDRESS, slot << 11);
	check(in32(CONFIG_DATA) == UINT32_MAX);
}

static void no_ports(void)
{
	out32(CONFIG_ADDRESS, CONFIG_ENABLE);
	check(in32(CONFIG_ADDRESS) == UINT32_MAX);
	check(in32(CONFIG_DATA) == UINT32_MAX);
}

/* A write is in the page before the guest goes on. */
static void writes_stick(unsigned slot)
{
	uint64_t line = ecam(slot, PCI_INTERRUPT_LINE);
	uint32_t id = read32(ecam(slot, 0));

	for (unsigned v = 0; v < 4; v++) {
		write8(line, (uint8_t)v);
		check(read8(line) == v);
	}
	write32(ecam(slot, 0), 0);
	check(read32(ecam(slot, 0)) == id);
}

static void bar_moves(unsigned slot)
{
	uint64_t old = pci_bar(slot, 0);
	uint64_t size = pci_bar_size(slot, 0);
	uint64_t new = LAYOUT_MMIO32_END - size;

	write16(ecam(slot, PCI_COMMAND), PCI_COMMAND_MEMORY);
	check(size >= PAGE && (size & (size - 1)) == 0 && old % size == 0);
	check(read16(old + COMMON_NR_QUEUES) == 1);
	pci_bar_set(slot, 0, new);
	check(pci_bar(slot, 0) == new);
	check(read16(new + COMMON_NR_QUEUES) == 1);
	check(read16(old + COMMON_NR_QUEUES) == UINT16_MAX);
	write16(ecam(slot, PCI_COMMAND), 0);
	check(read16(new + COMMON_NR_QUEUES) == UINT16_MAX);
	pci_bar_set(slot, 0, old);
	write16(ecam(slot, PCI_COMMAND), PCI_COMMAND_MEMORY);
	check(read16(old + COMMON_NR_QUEUES) == 1);
}

void guest_main(const struct start_info *si)
{
	unsigned rng = pci_find(VENDOR, RNG, 0);

	put("reading\n");
	(void)get();
	unsigned nr = count_functions();
	put("read\n");
	(void)get();
	say("functions", nr);

	check(rng != PCI_NONE);
	check(read8(ecam(0, PCI_CLASS_DEVICE + 1)) == BRIDGE);
	if (si->rsdp) {
		no_ports();
	} else {
		ports_agree(0);
		ports_agree(rng);
		ports_agree(SLOTS - 1);
	}
	writes_stick(rng);
	bar_moves(rng);
	put("pass\n");
}
