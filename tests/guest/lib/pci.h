/* SPDX-License-Identifier: Apache-2.0 */
/* pci.h - configuration space through ECAM, and MSI-X, for payload guests. */
#ifndef TESTS_GUEST_LIB_PCI_H
#define TESTS_GUEST_LIB_PCI_H

#include <linux/pci_regs.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/guest/lib/guest.h"
#include "vmm/core/layout.h"

#define PCI_NONE ~0u

static inline uint64_t ecam(unsigned slot, unsigned reg)
{
	return LAYOUT_ECAM | slot << 15 | reg;
}

/* The slot of the @nth function with these ids, or PCI_NONE. */
unsigned pci_find(uint16_t vendor, uint16_t device, unsigned nth);
/* The capability @id behind @after (0: the first); 0 when there is none. */
unsigned pci_cap(unsigned slot, uint8_t id, unsigned after);
/* Where BAR @bar is decoded. */
uint64_t pci_bar(unsigned slot, unsigned bar);
/* Its size, found as a kernel does: write ones, read back, restore. */
uint64_t pci_bar_size(unsigned slot, unsigned bar);
void pci_bar_set(unsigned slot, unsigned bar, uint64_t addr);

struct msix {
	unsigned slot, cap, vectors;
	uint64_t table, pba;
};

bool msix_find(unsigned slot, struct msix *ret);
/* MSI-X Enable and Function Mask. */
void msix_control(const struct msix *m, bool enable, bool mask_all);
void msix_set(const struct msix *m, unsigned nr, uint64_t addr, uint32_t data,
	      bool masked);
bool msix_pending(const struct msix *m, unsigned nr);

#endif
