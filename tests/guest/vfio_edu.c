/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_edu.c - a device of the host, all of it: registers, DMA both ways, and
 * interrupts by message and by line, each counted.
 */
#include "tests/guest/lib/edu.h"
#include "tests/guest/lib/irq.h"
#include "tests/guest/lib/pci.h"

#define MSI_VECTOR 40
#define INT_VECTOR 41
#define TIMES	   50
#define LEVEL_LOW  0xa000 /* of an IOAPIC entry: what PCI's lines are */

static unsigned char here[EDU_SIZE], there[EDU_SIZE];
static struct edu edu;

static void registers(void)
{
	for (uint32_t v = 1; v; v <<= 5) {
		write32(edu.regs + EDU_REG_INVERT, v);
		check(read32(edu.regs + EDU_REG_INVERT) == ~v);
	}
	check(edu_factorial(&edu, 5) == 120);
	say("10!", edu_factorial(&edu, 10));
	check(pci_bar_size(edu.slot, 0) == 0x100000);
	check(edu_factorial(&edu, 12) == 479001600);
}

static void dma(void)
{
	for (unsigned i = 0; i < EDU_SIZE; i++)
		here[i] = (unsigned char)(i * 7 + (i >> 8) + 1);
	edu_put(&edu, (uintptr_t)here, EDU_SIZE);
	edu_get(&edu, (uintptr_t)there, EDU_SIZE);
	check(checksum(there, EDU_SIZE) == checksum(here, EDU_SIZE));
	check(memcmp(here, there, EDU_SIZE) == 0);
	/* Only as much as was said, at an odd address. */
	memset(there, 0x55, EDU_SIZE);
	edu_get(&edu, (uintptr_t)there + 1001, 501);
	check(memcmp(there + 1001, here, 501) == 0);
	check(there[1000] == 0x55 && there[1502] == 0x55);
}

/* At the level's handler the device is asked to lower it. */
void irq_came(unsigned vector)
{
	if (vector == INT_VECTOR)
		write32(edu.regs + EDU_REG_ACK, UINT32_MAX);
}

static void raise_and_wait(unsigned vector)
{
	unsigned before = irq_count(vector);

	for (unsigned i = 1; i <= TIMES; i++) {
		write32(edu.regs + EDU_REG_RAISE, i);
		irq_wait(vector, before + i);
		write32(edu.regs + EDU_REG_ACK, UINT32_MAX);
		check(read32(edu.regs + EDU_REG_IRQ) == 0);
	}
	irq_window();
	check(irq_count(vector) == before + TIMES);
}

static void messages(void)
{
	unsigned cap = pci_cap(edu.slot, PCI_CAP_ID_MSI, 0);

	check(cap);
	uint16_t flags = read16(ecam(edu.slot, cap + PCI_MSI_FLAGS));
	check(flags & PCI_MSI_FLAGS_64BIT);
	write32(ecam(edu.slot, cap + PCI_MSI_ADDRESS_LO),
		(uint32_t)msi_address());
	write32(ecam(edu.slot, cap + PCI_MSI_ADDRESS_HI), 0);
	write16(ecam(edu.slot, cap + PCI_MSI_DATA_64), MSI_VECTOR);
	write16(ecam(edu.slot, cap + PCI_MSI_FLAGS), PCI_MSI_FLAGS_ENABLE);
	raise_and_wait(MSI_VECTOR);

	/* The DMA engine's own. */
	unsigned before = irq_count(MSI_VECTOR);
	edu_dma(&edu, (uintptr_t)here, EDU_SIZE, EDU_DMA_IRQ);
	irq_wait(MSI_VECTOR, before + 1);
	check(!(read64(edu.regs + EDU_REG_DMA) & EDU_BUSY));
	write32(edu.regs + EDU_REG_ACK, UINT32_MAX);
	write16(ecam(edu.slot, cap + PCI_MSI_FLAGS), 0);
	say("messages", irq_count(MSI_VECTOR));
}

static void line(void)
{
	unsigned pin = read8(ecam(edu.slot, PCI_INTERRUPT_PIN));

	check(pin == 1);
	unsigned gsi = LAYOUT_PCI_GSI(0, edu.slot, pin);
	ioapic_route(gsi, INT_VECTOR | LEVEL_LOW);
	raise_and_wait(INT_VECTOR);
	say("levels", irq_count(INT_VECTOR));

	/* Disabled in the function: it waits, and the status says so. */
	uint64_t command = ecam(edu.slot, PCI_COMMAND);
	unsigned before = irq_count(INT_VECTOR);
	uint16_t old = read16(command);
	write16(command, (uint16_t)(old | PCI_COMMAND_INTX_DISABLE));
	write32(edu.regs + EDU_REG_RAISE, 1);
	while (!(read16(ecam(edu.slot, PCI_STATUS)) & PCI_STATUS_INTERRUPT))
		;
	irq_window();
	check(irq_count(INT_VECTOR) == before);
	write16(command, old);
	irq_wait(INT_VECTOR, before + 1);
}

void guest_main(const struct start_info *si)
{
	(void)si;
	lapic_enable();
	check(edu_find(&edu));
	registers();
	put("registers\n");
	dma();
	put("DMA\n");
	messages();
	line();
	/* The one way and the other once more: switching left nothing behind.
	 */
	messages();
	line();
	dma();
	put("pass\n");
}
