/* SPDX-License-Identifier: Apache-2.0 */
/* pci.c - configuration space and MSI-X, for payload guests. */
#include "tests/guest/lib/pci.h"

#define SLOTS	   32
#define ENTRY_SIZE 16

unsigned pci_find(uint16_t vendor, uint16_t device, unsigned nth)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		if (read32(ecam(slot, PCI_VENDOR_ID)) ==
			    ((uint32_t)device << 16 | vendor) &&
		    nth-- == 0)
			return slot;
	return PCI_NONE;
}

unsigned pci_cap(unsigned slot, uint8_t id, unsigned after)
{
	unsigned cap = read8(ecam(slot, after ? after + PCI_CAP_LIST_NEXT
					      : PCI_CAPABILITY_LIST));

	while (cap && read8(ecam(slot, cap)) != id)
		cap = read8(ecam(slot, cap + PCI_CAP_LIST_NEXT));
	return cap;
}

static bool is_64(unsigned slot, unsigned bar)
{
	return read32(ecam(slot, PCI_BASE_ADDRESS_0 + 4 * bar)) &
	       PCI_BASE_ADDRESS_MEM_TYPE_64;
}

uint64_t pci_bar(unsigned slot, unsigned bar)
{
	uint64_t reg = ecam(slot, PCI_BASE_ADDRESS_0 + 4 * bar);
	uint64_t addr = read32(reg) & 0xfffffff0;

	return is_64(slot, bar) ? addr | (uint64_t)read32(reg + 4) << 32 : addr;
}

void pci_bar_set(unsigned slot, unsigned bar, uint64_t addr)
{
	uint64_t reg = ecam(slot, PCI_BASE_ADDRESS_0 + 4 * bar);

	write32(reg, (uint32_t)addr);
	if (is_64(slot, bar))
		write32(reg + 4, (uint32_t)(addr >> 32));
}

uint64_t pci_bar_size(unsigned slot, unsigned bar)
{
	uint64_t command = ecam(slot, PCI_COMMAND);
	uint64_t where = pci_bar(slot, bar);
	uint16_t old = read16(command);

	write16(command, (uint16_t)(old & ~PCI_COMMAND_MEMORY));
	pci_bar_set(slot, bar, ~UINT64_C(0));
	uint64_t mask = pci_bar(slot, bar);
	if (!is_64(slot, bar))
		mask |= UINT64_C(0xffffffff) << 32;
	pci_bar_set(slot, bar, where);
	write16(command, old);
	return -mask;
}

bool msix_find(unsigned slot, struct msix *ret)
{
	unsigned cap = pci_cap(slot, PCI_CAP_ID_MSIX, 0);

	if (!cap)
		return false;
	uint32_t table = read32(ecam(slot, cap + PCI_MSIX_TABLE));
	uint32_t pba = read32(ecam(slot, cap + PCI_MSIX_PBA));

	ret->slot = slot;
	ret->cap = cap;
	ret->vectors = (read16(ecam(slot, cap + PCI_MSIX_FLAGS)) &
			PCI_MSIX_FLAGS_QSIZE) +
		       1u;
	ret->table = pci_bar(slot, table & 7) + (table & ~7u);
	ret->pba = pci_bar(slot, pba & 7) + (pba & ~7u);
	return true;
}

void msix_control(const struct msix *m, bool enable, bool mask_all)
{
	write16(ecam(m->slot, m->cap + PCI_MSIX_FLAGS),
		(uint16_t)((enable ? PCI_MSIX_FLAGS_ENABLE : 0) |
			   (mask_all ? PCI_MSIX_FLAGS_MASKALL : 0)));
}

void msix_set(const struct msix *m, unsigned nr, uint64_t addr, uint32_t data,
	      bool masked)
{
	uint64_t entry = m->table + ENTRY_SIZE * nr;

	write32(entry, (uint32_t)addr);
	write32(entry + 4, (uint32_t)(addr >> 32));
	write32(entry + 8, data);
	write32(entry + 12, masked);
}

bool msix_pending(const struct msix *m, unsigned nr)
{
	return read32(m->pba + nr / 32 * 4) >> nr % 32 & 1;
}
