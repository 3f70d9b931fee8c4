/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_hostile.c - a guest that breaks its device (edu) in every way it can:
 * all of configuration space, its BAR where it has no business, its command
 * register amid DMA, interrupts to anywhere.  The device works afterwards.
 */
#include "tests/guest/lib/edu.h"
#include "tests/guest/lib/irq.h"
#include "tests/guest/lib/pci.h"

#define VECTOR	 40
#define NOBODY	 (LAYOUT_LAPIC | 0xe000) /* a processor that is not there */
#define REGISTER 0x20 /* one that a local APIC has, too */
#define MARK	 0x12345678

static unsigned char here[EDU_SIZE], there[EDU_SIZE];
static struct edu edu;
static uint64_t home;

static void works(void)
{
	pci_bar_set(edu.slot, 0, home);
	write16(ecam(edu.slot, PCI_COMMAND),
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	edu_dma_wait(&edu);
	check(edu_factorial(&edu, 7) == 5040);
	memset(there, 0, EDU_SIZE);
	edu_put(&edu, (uintptr_t)here, EDU_SIZE);
	edu_get(&edu, (uintptr_t)there, EDU_SIZE);
	check(memcmp(here, there, EDU_SIZE) == 0);
}

static void scribble(uint64_t at)
{
	(void)read8(at);
	(void)read16(at);
	(void)read32(at);
	(void)read64(at);
	write8(at, 0xff);
	write16(at, 0xffff);
	write32(at, UINT32_MAX);
	write64(at, UINT64_MAX);
	write8(at, 0);
	write16(at, 0);
	write32(at, 0);
	write64(at, 0);
}

/* Aligned and not, across registers, across the end of the function's page. */
static void config_space(void)
{
	uint64_t base = ecam(edu.slot, 0);

	for (unsigned reg = 0; reg < 0x110; reg++)
		scribble(base + reg);
	for (unsigned reg = 0xff4; reg < 0x1000; reg++)
		scribble(base + reg);
}

static void moved_to(uint64_t where)
{
	uint32_t before = read32(where + REGISTER);

	pci_bar_set(edu.slot, 0, where);
	/* What was there answers still, or nobody does. */
	check(read32(where + REGISTER) == before);
	pci_bar_set(edu.slot, 0, home);
	check(edu_factorial(&edu, 3) == 6);
}

/* Where it may be, and is. */
static void moved_within_the_window(void)
{
	edu.regs = LAYOUT_MMIO32_END - 0x100000;
	pci_bar_set(edu.slot, 0, edu.regs);
	check(edu_factorial(&edu, 4) == 24);
	check(read32(home) == UINT32_MAX);
	edu.regs = home;
	pci_bar_set(edu.slot, 0, home);
}

static void bar_elsewhere(void)
{
	static uint32_t mark __attribute__((aligned(4096)));
	volatile uint32_t *p = (volatile uint32_t *)UINT64_C(0x2000000);

	mark = MARK;
	*p = MARK;
	moved_to((uintptr_t)p);
	moved_to(0x100000); /* this program */
	moved_to(LAYOUT_ECAM);
	moved_to(LAYOUT_IOAPIC);
	moved_to(LAYOUT_LAPIC);
	moved_to(0xfff00000);
	moved_to(0);
	check(*p == MARK && mark == MARK);
	moved_within_the_window();
}

static void command_amid_dma(void)
{
	uint64_t command = ecam(edu.slot, PCI_COMMAND);

	for (unsigned i = 0; i < 6; i++) {
		edu_dma(&edu, (uintptr_t)here, EDU_SIZE, 0);
		for (unsigned j = 0; j < 200; j++)
			write16(command, (uint16_t)(j * 0x9e36));
		works();
	}
}

static void bar_amid_dma(void)
{
	for (unsigned i = 0; i < 4; i++) {
		edu_dma(&edu, (uintptr_t)there, EDU_SIZE, EDU_FROM);
		for (unsigned j = 0; j < 50; j++) {
			pci_bar_set(edu.slot, 0, home + (j % 3) * 0x100000);
			(void)read32(home);
		}
		works();
	}
}

/*
 * To a processor that is not there with all kinds of data; elsewhere only with
 * data that this one survives, should it be its message after all.
 */
static void wild_messages(void)
{
	static const uint64_t wild[] = { 0,	 0x2000,     0xfed00000,
					 NOBODY, 0xfef00000, UINT64_MAX << 2 };
	unsigned cap = pci_cap(edu.slot, PCI_CAP_ID_MSI, 0);
	uint64_t flags = ecam(edu.slot, cap + PCI_MSI_FLAGS);

	check(cap);
	for (unsigned i = 0; i < sizeof(wild) / sizeof(*wild); i++)
		for (unsigned j = 0; j < 8; j++) {
			write32(ecam(edu.slot, cap + PCI_MSI_ADDRESS_LO),
				(uint32_t)wild[i]);
			write32(ecam(edu.slot, cap + PCI_MSI_ADDRESS_HI),
				(uint32_t)(wild[i] >> 32));
			write16(ecam(edu.slot, cap + PCI_MSI_DATA_64),
				wild[i] == NOBODY ? (uint16_t)(0xffff >> j)
						  : (uint16_t)(VECTOR + j % 4));
			/* All the vectors it does not have as well. */
			write16(flags,
				(uint16_t)(PCI_MSI_FLAGS_ENABLE | j << 4));
			write32(edu.regs + EDU_REG_RAISE, 1);
			irq_window();
			write16(flags, 0);
			write32(edu.regs + EDU_REG_ACK, UINT32_MAX);
		}
	write32(ecam(edu.slot, cap + PCI_MSI_ADDRESS_LO),
		(uint32_t)msi_address());
	write32(ecam(edu.slot, cap + PCI_MSI_ADDRESS_HI), 0);
	write16(ecam(edu.slot, cap + PCI_MSI_DATA_64), VECTOR);
	write16(flags, PCI_MSI_FLAGS_ENABLE);
	irq_window();
	unsigned before = irq_count(VECTOR);
	write32(edu.regs + EDU_REG_RAISE, 1);
	irq_wait(VECTOR, before + 1);
	write16(flags, 0);
	write32(edu.regs + EDU_REG_ACK, UINT32_MAX);
}

void guest_main(const struct start_info *si)
{
	(void)si;
	lapic_enable();
	check(edu_find(&edu));
	home = edu.regs;
	for (unsigned i = 0; i < EDU_SIZE; i++)
		here[i] = (unsigned char)(i * 11 + (i >> 8));
	works();
	config_space();
	works();
	put("configuration space: survived\n");
	bar_elsewhere();
	works();
	put("BAR elsewhere: survived\n");
	command_amid_dma();
	put("command amid DMA: survived\n");
	bar_amid_dma();
	put("BAR amid DMA: survived\n");
	wild_messages();
	works();
	put("wild messages: survived\n");
	put("pass\n");
}
