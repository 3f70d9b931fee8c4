/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci_rig.h - a PCI host bridge without KVM, functions that say which they are
 * and remember what they were told, and the guest's accesses to them.
 */
#ifndef TESTS_HARNESS_PCI_RIG_H
#define TESTS_HARNESS_PCI_RIG_H

#include "devices/bus.h"
#include "devices/pci/pci.h"

#define PCI_RIG_IDS 0x56781234 /* vendor and device of a toy */

struct pci_toy {
	struct pci_dev pci;
	uint8_t mark; /* what reading BAR n gives: mark + n */
	unsigned moves, reads, writes, config_writes, starts;
	uint64_t at[PCI_REGIONS]; /* where it was told it is, or 0 */
	uint64_t written_off, written;
	unsigned written_bar;
	/* Of a live one: the last access to configuration space. */
	unsigned config_reads, config_reg, config_len;
};

struct pci_rig {
	struct bus mmio, pio;
	struct irqchip chip;
	struct slots slots; /* only the books */
	struct pci_host host;
	struct pci_toy toy[PCI_SLOTS];
	unsigned nr;
};

/* The default machine: @cfg may change what matters, NULL: nothing. */
void pci_rig_open(struct pci_rig *rig, const struct pci_host_config *cfg);
/* Asserts that nothing is left on the buses, and no memory slot. */
void pci_rig_close(struct pci_rig *rig);

/* A toy without BARs, to be given some and added. */
struct pci_toy *pci_rig_toy(struct pci_rig *rig);
/* The same, live. */
struct pci_toy *pci_rig_live_toy(struct pci_rig *rig);

/* Accesses of the guest: memory, ports, configuration space by ECAM. */
uint64_t pci_rig_read(struct pci_rig *rig, uint64_t addr, unsigned len);
void pci_rig_write(struct pci_rig *rig, uint64_t addr, uint64_t value,
		   unsigned len);
uint32_t pci_rig_in(struct pci_rig *rig, unsigned port, unsigned len);
void pci_rig_out(struct pci_rig *rig, unsigned port, uint32_t value,
		 unsigned len);
uint64_t pci_rig_ecam(unsigned bus, unsigned slot, unsigned reg);
uint32_t pci_rig_get(struct pci_rig *rig, unsigned bus, unsigned slot,
		     unsigned reg, unsigned len);
void pci_rig_put(struct pci_rig *rig, unsigned bus, unsigned slot, unsigned reg,
		 uint64_t value, unsigned len);

#endif
