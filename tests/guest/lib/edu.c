/* SPDX-License-Identifier: Apache-2.0 */
/* edu.c - QEMU's educational device, for payload guests. */
#include "tests/guest/lib/edu.h"

#include "tests/guest/lib/pci.h"

bool edu_find(struct edu *ret)
{
	unsigned slot = pci_find(EDU_VENDOR, EDU_DEVICE, 0);

	if (slot == PCI_NONE)
		return false;
	write16(ecam(slot, PCI_COMMAND),
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ret->slot = slot;
	ret->regs = pci_bar(slot, 0);
	return read32(ret->regs + EDU_REG_ID) == EDU_ID;
}

uint32_t edu_factorial(const struct edu *edu, uint32_t n)
{
	write32(edu->regs + EDU_REG_FACTORIAL, n);
	while (read32(edu->regs + EDU_REG_STATUS) & EDU_BUSY)
		;
	return read32(edu->regs + EDU_REG_FACTORIAL);
}

void edu_dma(const struct edu *edu, uint64_t addr, uint32_t len, uint32_t flags)
{
	uint64_t to = flags & EDU_FROM ? addr : EDU_BUFFER;
	uint64_t from = flags & EDU_FROM ? EDU_BUFFER : addr;

	barrier();
	write64(edu->regs + EDU_REG_SRC, from);
	write64(edu->regs + EDU_REG_DST, to);
	write64(edu->regs + EDU_REG_COUNT, len);
	write64(edu->regs + EDU_REG_DMA, EDU_BUSY | flags);
}

void edu_dma_wait(const struct edu *edu)
{
	while (read64(edu->regs + EDU_REG_DMA) & EDU_BUSY)
		;
	barrier();
}

void edu_put(const struct edu *edu, uint64_t addr, uint32_t len)
{
	edu_dma(edu, addr, len, 0);
	edu_dma_wait(edu);
}

void edu_get(const struct edu *edu, uint64_t addr, uint32_t len)
{
	edu_dma(edu, addr, len, EDU_FROM);
	edu_dma_wait(edu);
}
