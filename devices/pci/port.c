/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.c - PCI Express ports: root ports, and the upstream and downstream
 * ports of switches (PCI Express base specification, 7.5.1.3 and 7.5.3).
 *
 * They are what drivers look for above their device, and no more: decode.c
 * passes on everything, bus numbers are fixed, there is no hotplug, no error
 * reporting, and a secondary bus reset resets nothing.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/pci/config.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"

#define EXP_SIZE      0x3c /* the capability, version 2 */
#define LINK_SPEED    3U /* 8 GT/s */
#define LINK_WIDTH    16U
#define LINK_SPEEDS   0x0eU /* 2.5, 5 and 8 GT/s */
#define PAYLOAD_256   1U
#define WINDOW_FLAG64 1U

static const struct pci_ops port_ops = { 0 };

static const struct {
	struct pci_ids ids;
	unsigned type; /* of the capability */
	bool link_below, slot;
} kinds[] = {
	[PCI_ROOT_PORT] = {
		.ids = { .vendor = 0x1b36, .device = 0x000c },
		.type = PCI_EXP_TYPE_ROOT_PORT,
		.link_below = true,
		.slot = true,
	},
	[PCI_UPSTREAM_PORT] = {
		.ids = { .vendor = 0x104c, .device = 0x8232 },
		.type = PCI_EXP_TYPE_UPSTREAM,
	},
	[PCI_DOWNSTREAM_PORT] = {
		.ids = { .vendor = 0x104c, .device = 0x8233 },
		.type = PCI_EXP_TYPE_DOWNSTREAM,
		.link_below = true,
		.slot = true,
	},
};

static void set16(unsigned char *at, unsigned reg, unsigned value)
{
	le16_t v = le16_make((uint16_t)value);

	memcpy(at + reg, &v, sizeof(v));
}

static void set32(unsigned char *at, unsigned reg, uint32_t value)
{
	le32_t v = le32_make(value);

	memcpy(at + reg, &v, sizeof(v));
}

/* @number: unlike any other port's of this machine. */
static void add_express(struct pci_dev *dev, enum pci_port_kind kind,
			unsigned number)
{
	unsigned char cap[EXP_SIZE] = { 0 };
	unsigned char writable[EXP_SIZE] = { 0 };
	uint32_t link = LINK_SPEED | LINK_WIDTH << 4 | number << 24;
	unsigned status = LINK_SPEED | LINK_WIDTH << 4 | PCI_EXP_LNKSTA_SLC;

	if (kinds[kind].link_below) {
		link |= PCI_EXP_LNKCAP_DLLLARC;
		status |= PCI_EXP_LNKSTA_DLLLA;
	}
	set16(cap, PCI_EXP_FLAGS,
	      2 | kinds[kind].type << 4 |
		      (kinds[kind].slot ? PCI_EXP_FLAGS_SLOT : 0));
	set32(cap, PCI_EXP_DEVCAP, PAYLOAD_256 | PCI_EXP_DEVCAP_RBER);
	set32(cap, PCI_EXP_LNKCAP, link);
	set16(cap, PCI_EXP_LNKSTA, status);
	set32(cap, PCI_EXP_LNKCAP2, LINK_SPEEDS);
	set16(cap, PCI_EXP_LNKCTL2, LINK_SPEED);
	if (kinds[kind].slot) {
		set32(cap, PCI_EXP_SLTCAP, (uint32_t)number << 19);
		set16(cap, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS);
	}

	set16(writable, PCI_EXP_DEVCTL, 0x7fff);
	/* ASPM is not offered; Retrain Link reads 0, the link is up. */
	set16(writable, PCI_EXP_LNKCTL,
	      PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
	set16(writable, PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS);
	(void)pci_dev_cap(dev, PCI_CAP_ID_EXP, cap, sizeof(cap), writable);
}

static void add_header(struct pci_dev *dev)
{
	unsigned char *w = dev->writable;

	dev->initial[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	dev->initial[PCI_PREF_MEMORY_BASE] = WINDOW_FLAG64;
	dev->initial[PCI_PREF_MEMORY_LIMIT] = WINDOW_FLAG64;

	w[PCI_COMMAND] |= PCI_COMMAND_IO;
	w[PCI_IO_BASE] = w[PCI_IO_LIMIT] = 0xf0;
	set16(w, PCI_MEMORY_BASE, 0xfff0);
	set16(w, PCI_MEMORY_LIMIT, 0xfff0);
	set16(w, PCI_PREF_MEMORY_BASE, 0xfff0);
	set16(w, PCI_PREF_MEMORY_LIMIT, 0xfff0);
	set32(w, PCI_PREF_BASE_UPPER32, UINT32_MAX);
	set32(w, PCI_PREF_LIMIT_UPPER32, UINT32_MAX);
	set16(w, PCI_BRIDGE_CONTROL,
	      PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR | PCI_BRIDGE_CTL_ISA |
		      PCI_BRIDGE_CTL_MASTER_ABORT);
}

static bool fits(const struct pci_bus *bus, enum pci_port_kind kind)
{
	switch (kind) {
	case PCI_ROOT_PORT:
		return !bus->port;
	case PCI_UPSTREAM_PORT:
		return bus->port && bus->slots == 1;
	case PCI_DOWNSTREAM_PORT:
		return bus->port && bus->slots > 1;
	}
	return false;
}

int pci_port(struct pci_host *host, unsigned nr, enum pci_port_kind kind,
	     unsigned *ret_bus, struct err *err)
{
	assert(nr < host->nr_buses && fits(host->bus[nr], kind));
	struct pci_ids ids = kinds[kind].ids;
	struct pci_dev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return err_set(err, ENOMEM, "allocate a PCI port");
	ids.class_code = 0x060400;
	pci_dev_init(dev, &port_ops, &ids);
	add_header(dev);
	add_express(dev, kind, host->nr_buses);

	int r = pci_add_to(host, nr, dev, err);
	if (r == 0)
		r = pci_bus_new(host, dev, ret_bus, err);
	if (r < 0) {
		pci_remove(dev);
		free(dev);
		return r;
	}
	dev->secondary = host->bus[*ret_bus];
	if (kinds[kind].link_below)
		dev->secondary->slots = 1;
	return 0;
}

void pci_port_free(struct pci_dev *port)
{
	free(port);
}

void pci_port_set_buses(struct pci_dev *port, unsigned primary,
			unsigned secondary, unsigned last)
{
	pci_put8(port, PCI_PRIMARY_BUS, (uint8_t)primary);
	pci_put8(port, PCI_SECONDARY_BUS, (uint8_t)secondary);
	pci_put8(port, PCI_SUBORDINATE_BUS, (uint8_t)last);
}

void pci_port_set_window(struct pci_dev *port, enum pci_kind kind,
			 uint64_t base, uint64_t size)
{
	/* Closed is a limit below the base. */
	uint64_t first = size ? base : UINT64_C(0xfff0f000);
	uint64_t last = size ? base + size - 1 : 0;

	switch (kind) {
	case PCI_IO:
		pci_put8(port, PCI_IO_BASE, (uint8_t)(first >> 8 & 0xf0));
		pci_put8(port, PCI_IO_LIMIT, (uint8_t)(last >> 8 & 0xf0));
		break;
	case PCI_LOW:
		pci_put16(port, PCI_MEMORY_BASE,
			  (uint16_t)(first >> 16 & 0xfff0));
		pci_put16(port, PCI_MEMORY_LIMIT,
			  (uint16_t)(last >> 16 & 0xfff0));
		break;
	default:
		pci_put16(port, PCI_PREF_MEMORY_BASE,
			  (uint16_t)((first >> 16 & 0xfff0) | WINDOW_FLAG64));
		pci_put16(port, PCI_PREF_MEMORY_LIMIT,
			  (uint16_t)((last >> 16 & 0xfff0) | WINDOW_FLAG64));
		pci_put32(port, PCI_PREF_BASE_UPPER32, (uint32_t)(first >> 32));
		pci_put32(port, PCI_PREF_LIMIT_UPPER32, (uint32_t)(last >> 32));
		break;
	}
}

/* As bridges swizzle: PCI-to-PCI Bridge Architecture 1.2, table 9-1. */
static const struct pci_dev *at_root(const struct pci_dev *dev, unsigned *pin)
{
	while (dev->bus->port) {
		*pin = (*pin - 1 + dev->slot) % 4 + 1;
		dev = dev->bus->port;
	}
	return dev;
}

/* Root buses are numbered by their order here: 0, 1, .. */
static unsigned root_index(const struct pci_bus *root)
{
	const struct pci_host *host = root->host;
	unsigned nr = 0;

	for (unsigned b = 0; host->bus[b] != root; b++)
		nr += !host->bus[b]->port;
	return nr;
}

unsigned pci_intx_gsi(const struct pci_dev *dev, unsigned pin)
{
	const struct pci_dev *top = at_root(dev, &pin);

	return LAYOUT_PCI_GSI(root_index(top->bus), top->slot, pin);
}

uint32_t pci_intx_slots(const struct pci_bus *root)
{
	const struct pci_host *host = root->host;
	uint32_t slots = 0;

	for (unsigned b = 0; b < host->nr_buses; b++)
		for (unsigned s = 0; s < host->bus[b]->slots; s++) {
			const struct pci_dev *dev = host->bus[b]->dev[s];
			unsigned pin = 1;

			if (dev && dev->bus->root == root &&
			    dev->config[PCI_INTERRUPT_PIN])
				slots |= UINT32_C(1)
					 << at_root(dev, &pin)->slot;
		}
	return slots;
}
