/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_nvme.c - a controller of the host identifies itself by DMA, with MSI-X
 * interrupts; then the guest misbehaves, and it has to work again each time:
 * interrupts to wild addresses, sleep with accesses, a reset amid DMA.
 */
#include "tests/guest/lib/irq.h"
#include "tests/guest/lib/nvme.h"

#define VECTOR	 40
#define TIMES	 20
#define STATE_D3 3
#define NOBODY	 (LAYOUT_LAPIC | 0xe000) /* a processor that is not there */

static char page[NVME_IDENTIFY] __attribute__((aligned(4096)));
static char serial[21];
static struct nvme nvme;

static void msix_on(void)
{
	msix_control(&nvme.msix, true, false);
	msix_set(&nvme.msix, 0, msi_address(), VECTOR, false);
}

/* Its answer came by DMA, and so did an interrupt for it. */
static void identify(void)
{
	unsigned before = irq_count(VECTOR);

	memset(page, 0, sizeof(page));
	nvme_identify(&nvme, page);
	irq_wait(VECTOR, before + 1);
	check(nvme_complete(&nvme) == 0);
	check(memcmp(page + NVME_SERIAL, serial, 20) == 0);
}

static void works(void)
{
	write16(ecam(nvme.slot, PCI_COMMAND),
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	msix_on();
	nvme_start(&nvme);
	for (unsigned i = 0; i < TIMES; i++)
		identify();
}

static void first(void)
{
	nvme_start(&nvme);
	nvme_identify(&nvme, page);
	check(nvme_complete(&nvme) == 0);
	memcpy(serial, page + NVME_SERIAL, 20);
	put("serial: ");
	put(serial);
	put("\n");
}

static void mask(void)
{
	unsigned before = irq_count(VECTOR);

	msix_set(&nvme.msix, 0, msi_address(), VECTOR, true);
	nvme_identify(&nvme, page);
	check(nvme_complete(&nvme) == 0);
	irq_window();
	check(irq_count(VECTOR) == before);
	msix_set(&nvme.msix, 0, msi_address(), VECTOR, false);
	irq_window();
	/* Pending or dropped with the completion; now it arrives for sure. */
	before = irq_count(VECTOR);
	nvme_identify(&nvme, page);
	irq_wait(VECTOR, before + 1);
	check(nvme_complete(&nvme) == 0);
}

static void wild_interrupts(void)
{
	static const uint64_t wild[] = { 0,	 0x2000,     0xfed00000,
					 NOBODY, 0xfef00000, UINT64_MAX << 2 };

	for (unsigned i = 0; i < sizeof(wild) / sizeof(*wild); i++)
		for (unsigned j = 0; j < 3; j++) {
			msix_set(&nvme.msix, 0, wild[i],
				 wild[i] == NOBODY ? ~0u >> j : VECTOR, false);
			nvme_identify(&nvme, page);
			check(nvme_complete(&nvme) == 0);
			/* No processor takes any of these. */
			irq_window();
		}
	msix_set(&nvme.msix, 0, msi_address(), VECTOR, false);
}

static void sleep_with_accesses(void)
{
	unsigned cap = pci_cap(nvme.slot, PCI_CAP_ID_PM, 0);
	uint64_t ctrl = ecam(nvme.slot, cap + PCI_PM_CTRL);

	if (!cap) {
		put("no power management\n");
		return;
	}
	for (unsigned i = 0; i < TIMES; i++) {
		nvme_identify(&nvme, page);
		write16(ctrl, STATE_D3);
		for (unsigned reg = 0; reg < 64; reg += 4) {
			(void)read32(nvme.regs + reg);
			write32(nvme.regs + 0x1000, reg);
		}
		write16(ctrl, 0);
		check((read16(ctrl) & PCI_PM_CTRL_STATE_MASK) == 0);
		works();
	}
	put("sleep\n");
}

static void reset_amid_dma(void)
{
	unsigned cap = pci_cap(nvme.slot, PCI_CAP_ID_EXP, 0);

	check(cap);
	check(read32(ecam(nvme.slot, cap + PCI_EXP_DEVCAP)) &
	      PCI_EXP_DEVCAP_FLR);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t ctl = ecam(nvme.slot, cap + PCI_EXP_DEVCTL);
		uint16_t old = read16(ctl);

		nvme_identify(&nvme, page);
		nvme_identify(&nvme, page);
		write16(ctl, (uint16_t)(old | PCI_EXP_DEVCTL_BCR_FLR));
		(void)read32(nvme.regs);
		works();
	}
}

static void bus_master_off(void)
{
	for (unsigned i = 0; i < TIMES; i++) {
		nvme_identify(&nvme, page);
		write16(ecam(nvme.slot, PCI_COMMAND), 0);
		(void)read32(nvme.regs);
		write32(nvme.regs + 0x1000, 0);
		write16(ecam(nvme.slot, PCI_COMMAND), PCI_COMMAND_MEMORY);
		write16(ecam(nvme.slot, PCI_COMMAND),
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	}
	works();
}

void guest_main(const struct start_info *si)
{
	(void)si;
	lapic_enable();
	check(nvme_find(&nvme));
	say("vectors", nvme.msix.vectors);
	first();
	works();
	put("identify\n");
	mask();
	works();
	put("mask\n");
	wild_interrupts();
	works();
	put("wild interrupts\n");
	bus_master_off();
	put("bus master\n");
	sleep_with_accesses();
	reset_amid_dma();
	put("reset\n");
	put("pass\n");
}
