/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.c - accesses of every size at every register and where there is none,
 * and BARs where they have no business, on every device.
 */
#include "tests/hostile/lib/target.h"

#define EDGES	 9
#define BAR_SIZE UINT64_C(0x4000)
#define REGISTER 0x20 /* one that a local APIC has, too */
#define SLOTS	 32
#define HEADER	 0x40 /* of configuration space, and what follows it */
#define MARK	 0x12345678

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
	write32(at, 0);
}

/* Around the borders of each region of the BAR, where bounds go wrong. */
static void bar_borders(void)
{
	uint64_t bar = pci_bar(dev.slot, 0);
	uint64_t size = pci_bar_size(dev.slot, 0);

	for (uint64_t edge = 0; edge <= size; edge += 0x1000)
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

static void all_registers(void)
{
	registers(dev.common);
	registers(dev.msix.table);
	registers(dev.msix.pba);
	registers(dev.notify);
	registers(dev.isr);
	if (dev.config)
		registers(dev.config);
}

/* Afterwards the device is where it was, and found as it was. */
static void configuration_space(void)
{
	uint64_t base = ecam(dev.slot, 0);
	uint64_t home = pci_bar(dev.slot, 0);
	uint32_t ids = read32(base);
	uint32_t class = read32(base + PCI_CLASS_REVISION);

	for (unsigned reg = 0; reg < 0x108; reg++)
		scribble(base + reg);
	for (unsigned reg = 0xff8; reg < 0x1000; reg++)
		scribble(base + reg);
	check(read32(base) == ids &&
	      read32(base + PCI_CLASS_REVISION) == class);
	pci_bar_set(dev.slot, 0, home);
	check(virtio_find(target->id, target->nth, &dev));
	check(pci_bar(dev.slot, 0) == home);
}

static void moved_to(uint64_t where)
{
	uint64_t home = pci_bar(dev.slot, 0);
	uint32_t before = read32(where + REGISTER);

	pci_bar_set(dev.slot, 0, where);
	/* What was there answers still, or nobody does. */
	check(read32(where + REGISTER) == before);
	pci_bar_set(dev.slot, 0, home);
}

static void bar_over_ram(void)
{
	*(volatile uint32_t *)SCRATCH = MARK;
	moved_to(SCRATCH);
	moved_to(LAYOUT_KERNEL); /* this program */
	moved_to(LAYOUT_LOW_RAM_END - BAR_SIZE);
	moved_to(0);
	check(*(volatile uint32_t *)SCRATCH == MARK);
}

static void bar_over_the_machine(void)
{
	moved_to(LAYOUT_ECAM);
	moved_to(LAYOUT_ECAM + LAYOUT_ECAM_BUS - BAR_SIZE);
	moved_to(LAYOUT_IOAPIC);
	moved_to(LAYOUT_LAPIC);
	moved_to(LAYOUT_TSS & ~(BAR_SIZE - 1));
}

static void bar_at_the_end(void)
{
	moved_to(LAYOUT_MMIO32 - BAR_SIZE);
	moved_to(LAYOUT_MMIO32_END);
	moved_to(UINT32_MAX & ~(BAR_SIZE - 1));
}

/* It has the place already; it is the other that goes away. */
static void bar_over_another(void)
{
	for (unsigned slot = 1; slot < SLOTS; slot++) {
		if (slot == dev.slot || read16(ecam(slot, 0)) == 0xffff)
			continue;
		write16(ecam(slot, PCI_COMMAND), PCI_COMMAND_MEMORY);
		moved_to(pci_bar(slot, 0));
	}
}

/* All on one spot, which then is free again. */
static void all_on_one_spot(void)
{
	uint64_t home[SLOTS];

	for (unsigned slot = 1; slot < SLOTS; slot++) {
		home[slot] = 0;
		if (read16(ecam(slot, 0)) == 0xffff)
			continue;
		home[slot] = pci_bar(slot, 0);
		write16(ecam(slot, PCI_COMMAND), PCI_COMMAND_MEMORY);
		pci_bar_set(slot, 0, LAYOUT_MMIO32);
		(void)read32(LAYOUT_MMIO32 + REGISTER);
	}
	for (unsigned slot = 1; slot < SLOTS; slot++)
		if (home[slot])
			pci_bar_set(slot, 0, home[slot]);
	check(virtio_find(target->id, target->nth, &dev));
}

/* While it decodes, and in bytes. */
static void sized_alive(void)
{
	uint64_t home = pci_bar(dev.slot, 0);
	uint64_t reg = ecam(dev.slot, PCI_BASE_ADDRESS_0);

	for (unsigned i = 0; i < 20; i++) {
		write32(reg, UINT32_MAX);
		check(read32(reg) == (uint32_t) ~(BAR_SIZE - 1));
		for (unsigned b = 0; b < 8; b++)
			write8(reg + b, (uint8_t)any());
		pci_bar_set(dev.slot, 0, home);
	}
}

static const struct attack attacks[] = {
	{ "borders of the BAR", bar_borders },
	{ "all registers", all_registers },
	{ "configuration space", configuration_space },
	{ "BAR over RAM", bar_over_ram },
	{ "BAR over the machine", bar_over_the_machine },
	{ "BAR at the end of addresses", bar_at_the_end },
	{ "BAR over another", bar_over_another },
	{ "all BARs on one spot", all_on_one_spot },
	{ "BAR sized while it decodes", sized_alive },
};

static void bridge(void)
{
	uint32_t ids = read32(ecam(0, 0));

	for (unsigned reg = 0; reg < 2 * HEADER; reg++)
		scribble(ecam(0, reg));
	check(read32(ecam(0, 0)) == ids);
}

/* Slots without a device, functions beside the first, the window's ends. */
static void absent_functions(void)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		for (unsigned f = 1; f < 8; f++) {
			uint64_t at = ecam(slot, f << 12);

			check(read32(at) == UINT32_MAX);
			write64(at + 0xffc, 0);
			write64(at + 0x10, 0);
			check(read32(at + 0x10) == UINT32_MAX);
		}
	scribble(LAYOUT_ECAM - 4);
	scribble(LAYOUT_ECAM + LAYOUT_ECAM_BUS - 4);
	scribble(LAYOUT_ECAM_END - 4);
}

static void configuration_ports(void)
{
	for (uint16_t port = 0xcf6; port < 0xd02; port++) {
		out8(port, 0xff);
		out16(port, 0xffff);
		out32(port, UINT32_MAX);
		(void)in8(port);
		(void)in16(port);
		(void)in32(port);
	}
	for (unsigned i = 0; i < 200; i++) {
		out32(0xcf8, any());
		out32((uint16_t)(0xcfc + any() % 4), 0);
		(void)in32((uint16_t)(0xcfc + any() % 4));
	}
	out32(0xcf8, 0);
	/* It may have hit any register. */
	for (unsigned t = 0; t < nr_devices; t++) {
		target_use(&targets[t]);
		target_works();
	}
}

static bool ends_the_vm(unsigned port)
{
	return port >= LAYOUT_POWER - 4 &&
	       port < LAYOUT_POWER + LAYOUT_POWER_PORTS;
}

/* Every one below 0x1000, then a sample. */
static void all_ports(void)
{
	for (unsigned port = 0; port < 0x10000;
	     port += port < 0x1000 ? 3 : 97) {
		if (ends_the_vm(port))
			continue;
		(void)in8((uint16_t)port);
		(void)in16((uint16_t)port);
		(void)in32((uint16_t)port);
		out8((uint16_t)port, 0);
		out16((uint16_t)port, 0xffff);
		out32((uint16_t)port, 0x5a5a5a5a);
	}
}

static void strings_of_ports(void)
{
	static const uint16_t ports[] = { LAYOUT_COM1, 0xcf8, 0xcfc, 0x80,
					  LAYOUT_SLEEP_STATUS };

	for (unsigned i = 0; i < ELEMENTS(ports); i++) {
		uint64_t from = SCRATCH, to = SCRATCH + 4096;
		uint64_t n = 64, m = 64;

		memset((void *)SCRATCH, 0, 8192);
		__asm__ volatile("rep outsl"
				 : "+S"(from), "+c"(n)
				 : "d"(ports[i])
				 : "memory");
		__asm__ volatile("rep insb"
				 : "+D"(to), "+c"(m)
				 : "d"(ports[i])
				 : "memory");
	}
}

static void hole(uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to; at += UINT64_C(8) << 20) {
		check(read32(at) == UINT32_MAX);
		write64(at + 4093, UINT64_MAX); /* across pages */
	}
}

#define BEHIND (UINT64_C(512) << 20) /* RAM, and files after it */

static void holes(void)
{
	hole(LAYOUT_LOW_RAM_END, LAYOUT_MMIO32);
	hole(LAYOUT_ECAM + LAYOUT_ECAM_BUS, LAYOUT_IOAPIC - 0x800000);
	/* In front of it lies the file of --pmem. */
	hole(ram_end() + BEHIND, ram_end() + BEHIND + (UINT64_C(1) << 30));
	scribble(LAYOUT_LOW_RAM_END - 4);
	scribble(ram_end() - 4);
	scribble(UINT64_C(0x400000000) - 8); /* all this guest maps */
}

static const struct attack machine[] = {
	{ "host bridge", bridge },
	{ "absent functions", absent_functions },
	{ "configuration ports", configuration_ports },
	{ "all ports", all_ports },
	{ "strings of ports", strings_of_ports },
	{ "holes", holes },
};

void guest_main(const struct start_info *si)
{
	attack_begin(si);
	for (unsigned t = 0; t < nr_devices; t++) {
		target_use(&targets[t]);
		for (unsigned i = 0; i < ELEMENTS(attacks); i++) {
			target_works();
			attacks[i].run();
			target_works();
			attack_done(target->name, attacks[i].name);
		}
	}
	attack_all("machine", machine, ELEMENTS(machine));
	for (unsigned t = 0; t < nr_devices; t++) {
		target_use(&targets[t]);
		target_works();
	}
	attack_end();
}
