/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_access.c - accesses of every size at every place of a BAR and of
 * configuration space, and BARs moved where they have no business.
 */
#include "tests/guest/lib/virtio.h"

#define EDGES	 12
#define BAR_SIZE 0x4000
#define REGISTER 0x20 /* one that a local APIC has, too */

static struct vdev dev;
static struct queue q;

static void works(void)
{
	static uint64_t bytes[8];

	virtio_begin(&dev, 0, 1, &q);
	queue_desc(&q, 0, bytes, sizeof(bytes), VRING_DESC_F_WRITE, 0);
	queue_offer(&q, 0);
	queue_kick(&q);
	check(queue_wait(&q) == sizeof(bytes));
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

/* Around the borders of each region of the BAR, where bounds go wrong. */
static void bar_borders(uint64_t bar, uint64_t size)
{
	for (uint64_t edge = 0; edge <= size; edge += 0x400)
		for (uint64_t at = edge; at < edge + EDGES; at++) {
			scribble(bar + at);
			if (at >= EDGES)
				scribble(bar + at - EDGES);
		}
}

static void registers(uint64_t base)
{
	for (uint64_t at = 0; at < 64; at++)
		scribble(base + at);
}

/* Everything but the BAR itself and the command. */
static void config_space(void)
{
	uint64_t base = ecam(dev.slot, 0);

	for (unsigned reg = PCI_CARDBUS_CIS; reg < 0x100; reg++)
		scribble(base + reg);
	for (unsigned reg = 0xff4; reg < 0x1004; reg++)
		scribble(base + reg);
	scribble(LAYOUT_ECAM + LAYOUT_ECAM_BUS - 4);
	scribble(ecam(31, 0xffc));
	for (uint16_t port = 0xcf8; port < 0xd00; port++) {
		out8(port, 0xff);
		out16(port, 0xffff);
		out32(port, UINT32_MAX);
		(void)in32(port);
	}
}

static void moved_to(uint64_t where)
{
	uint64_t home = pci_bar(dev.slot, 0);
	uint32_t before = read32(where + REGISTER);

	pci_bar_set(dev.slot, 0, where);
	/* What was there answers still, or nobody does. */
	check(read32(where + REGISTER) == before);
	pci_bar_set(dev.slot, 0, home);
	works();
}

static void bar_elsewhere(void)
{
	unsigned other = pci_find(0x1af4, 0x1040 + VIRTIO_ID_BLOCK, 0);

	*(volatile uint32_t *)0x800000 = 0x12345678;
	moved_to(0x800000); /* RAM */
	moved_to(0x100000); /* this program */
	moved_to(LAYOUT_LOW_RAM_END - BAR_SIZE);
	moved_to(LAYOUT_ECAM);
	moved_to(LAYOUT_IOAPIC);
	moved_to(LAYOUT_LAPIC);
	moved_to(0xffffc000);
	moved_to(LAYOUT_MMIO32_END);
	moved_to(0);
	check(other != PCI_NONE);
	write16(ecam(other, PCI_COMMAND), PCI_COMMAND_MEMORY);
	moved_to(pci_bar(other, 0));
	check(*(volatile uint32_t *)0x800000 == 0x12345678);
}

void guest_main(const struct start_info *si)
{
	(void)si;
	check(virtio_find(VIRTIO_ID_RNG, 0, &dev));
	works();
	bar_borders(pci_bar(dev.slot, 0), pci_bar_size(dev.slot, 0));
	works();
	put("BAR: survived\n");
	registers(dev.common);
	registers(dev.msix.table);
	registers(dev.msix.pba);
	registers(dev.notify);
	registers(dev.isr);
	works();
	put("registers: survived\n");
	config_space();
	check(virtio_find(VIRTIO_ID_RNG, 0, &dev));
	works();
	put("configuration space: survived\n");
	bar_elsewhere();
	put("BAR elsewhere: survived\n");
	put("pass\n");
}
