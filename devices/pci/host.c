/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - the host bridges, their buses and what is on them, from the first
 * to the last.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/pci/config.h"
#include "vmm/core/layout.h"
#include "vmm/lib/auto.h"

#define IO_SPACE (UINT64_C(1) << 63) /* of ports, among the BARs */

static const struct pci_ops bridge_ops = { 0 };

static void set_windows(struct pci_host *host, struct pci_bus *bus)
{
	for (unsigned k = 0; k < PCI_KINDS; k++)
		bus->window[k] = (struct pci_window){
			.bars = &host->bars,
			.space = k == PCI_IO ? IO_SPACE : 0,
		};
}

int pci_bus_new(struct pci_host *host, struct pci_dev *port, unsigned *ret_bus,
		struct err *err)
{
	if (host->nr_buses == PCI_BUSES)
		return err_say(err, ENOSPC,
			       "more than %d PCI buses: give the devices fewer "
			       "ports of their own",
			       PCI_BUSES);
	struct pci_bus *bus = calloc(1, sizeof(*bus));
	if (!bus)
		return err_set(err, ENOMEM, "allocate a PCI bus");

	bus->host = host;
	bus->port = port;
	bus->root = port ? port->bus->root : bus;
	bus->node = -1;
	bus->slots = PCI_SLOTS;
	set_windows(host, bus);
	*ret_bus = host->nr_buses;
	host->bus[host->nr_buses++] = bus;
	return 0;
}

int pci_root_bus(struct pci_host *host, int node, unsigned *ret_bus,
		 struct err *err)
{
	for (unsigned b = 0; b < host->nr_buses; b++)
		if (!host->bus[b]->port && host->bus[b]->node == node) {
			*ret_bus = b;
			return 0;
		}

	int r = pci_bus_new(host, NULL, ret_bus, err);
	if (r == 0)
		host->bus[*ret_bus]->node = node;
	return r;
}

static bool has_room(const struct pci_bus *bus)
{
	for (unsigned s = 0; s < bus->slots; s++)
		if (!bus->dev[s])
			return true;
	return false;
}

int pci_roomy_bus(struct pci_host *host, unsigned *ret_bus, struct err *err)
{
	for (unsigned b = 0; b < host->nr_buses; b++) {
		const struct pci_bus *bus = host->bus[b];

		if (!bus->port && bus->node < 0 && has_room(bus)) {
			*ret_bus = b;
			return 0;
		}
	}
	if (host->cfg.ports)
		return err_say(err, ENOSPC,
			       "more than %d devices: the PCI bus is full, and "
			       "more buses need --hw acpi",
			       PCI_SLOTS - 1);
	return pci_bus_new(host, NULL, ret_bus, err);
}

int pci_host_init(struct pci_host *host, const struct pci_host_config *cfg,
		  struct err *err)
{
	/* "QEMU PCIe host bridge": any driver's match is by class. */
	static const struct pci_ids ids = {
		.vendor = 0x1b36,
		.device = 0x0008,
		.class_code = 0x060000,
	};
	unsigned bus0;

	*host = (struct pci_host){ .cfg = *cfg, .memfd = -1 };
	(void)pthread_mutex_init(&host->lock, NULL);
	bus_init(&host->bars);

	int r = pci_ecam_init(host, err);
	if (r == 0)
		r = pci_bus_new(host, NULL, &bus0, err);
	if (r == 0) {
		pci_dev_init(&host->bridge, &bridge_ops, &ids);
		r = pci_add(host, &host->bridge, err);
	}
	if (r < 0)
		pci_host_done(host);
	return r;
}

/* Children come after what they hang from: go backwards. */
static void free_buses(struct pci_host *host)
{
	while (host->nr_buses > 0) {
		struct pci_bus *bus = host->bus[host->nr_buses - 1];

		for (unsigned s = 0; s < bus->slots; s++) {
			struct pci_dev *dev = bus->dev[s];

			if (!dev)
				continue;
			pci_remove(dev);
			if (dev->secondary)
				pci_port_free(dev);
		}
		for (unsigned k = 0; k < PCI_KINDS; k++)
			pci_window_close(&bus->window[k]);
		host->nr_buses--;
		free(bus);
	}
}

void pci_host_done(struct pci_host *host)
{
	free_buses(host);
	pci_ecam_done(host);
	bus_done(&host->bars);
	(void)pthread_mutex_destroy(&host->lock);
	*host = (struct pci_host){ .memfd = -1 };
}

/* Of bus 0 they are memory of the guest's, elsewhere just ours. */
static int give_registers(struct pci_host *host, struct pci_dev *dev,
			  struct err *err)
{
	if (dev->bus == host->bus[0]) {
		int r = pci_ecam_show(host, dev);

		if (r < 0)
			return err_set(err, -r, "map PCI configuration space");
		memset(dev->config, 0, PCI_PAGE);
	} else {
		unsigned char *page = calloc(1, PCI_PAGE);

		if (!page)
			return err_set(err, ENOMEM,
				       "allocate PCI configuration space");
		dev->config = page;
	}
	memcpy(dev->config, dev->initial, sizeof(dev->initial));
	return 0;
}

int pci_add_to(struct pci_host *host, unsigned nr, struct pci_dev *dev,
	       struct err *err)
{
	assert(nr < host->nr_buses);
	struct pci_bus *bus = host->bus[nr];
	unsigned slot = 0;

	while (slot < bus->slots && bus->dev[slot])
		slot++;
	if (slot == 1 && bus->slots == 1)
		return err_say(err, ENOSPC,
			       "a PCI Express port has room for one device");
	if (slot == bus->slots)
		return err_say(err, ENOSPC,
			       "more than %u devices: the PCI bus is full",
			       nr == 0 ? slot - 1 : slot);

	dev->bus = bus;
	dev->slot = slot;
	int r = give_registers(host, dev, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&host->lock);
	dev->host = host;
	bus->dev[slot] = dev;
	(void)pthread_mutex_unlock(&host->lock);
	return 0;
}

int pci_add(struct pci_host *host, struct pci_dev *dev, struct err *err)
{
	return pci_add_to(host, 0, dev, err);
}

void pci_remove(struct pci_dev *dev)
{
	struct pci_host *host = dev->host;

	if (!host)
		return;
	(void)pthread_mutex_lock(&host->lock);
	pci_undecode(dev);
	dev->bus->dev[dev->slot] = NULL;
	if (dev->bus == host->bus[0])
		pci_ecam_hide(host, dev);
	else
		free(dev->config);
	dev->host = NULL;
	dev->bus = NULL;
	dev->config = dev->initial;
	(void)pthread_mutex_unlock(&host->lock);
}

void pci_dev_lost(struct pci_dev *dev)
{
	struct pci_host *host = dev->host;

	if (!host)
		return;
	(void)pthread_mutex_lock(&host->lock);
	pci_undecode(dev);
	dev->lost = true;
	/* Where the guest reads without us. */
	if (!dev->ops->config_read)
		for (unsigned reg = 0; reg < PCI_PAGE; reg += 4)
			pci_put32(dev, reg, UINT32_MAX);
	/* Whom it hid may appear. */
	pci_decode(dev);
	(void)pthread_mutex_unlock(&host->lock);
}

static int open_windows(struct pci_host *host, struct err *err)
{
	const struct pci_host_config *cfg = &host->cfg;
	int r = 0;

	for (unsigned b = 0; b < host->nr_buses; b++)
		for (unsigned k = 0; r == 0 && k < PCI_KINDS; k++) {
			struct pci_window *w = &host->bus[b]->window[k];

			if (host->bus[b]->port || w->size == 0)
				continue;
			r = pci_window_open(w,
					    k == PCI_IO ? cfg->pio : cfg->mmio);
		}
	return r < 0 ? err_set(err, -r, "open the PCI windows") : 0;
}

static int start_functions(const struct pci_bus *bus, struct err *err)
{
	int r = 0;

	for (unsigned s = 0; r == 0 && s < bus->slots; s++) {
		struct pci_dev *dev = bus->dev[s];

		if (dev && !dev->lost && dev->ops->start)
			r = dev->ops->start(dev, err);
	}
	return r;
}

int pci_host_place(struct pci_host *host, struct err *err)
{
	int r = pci_place(host, err);

	host->placed = r == 0;
	return r;
}

int pci_host_start(struct pci_host *host, struct err *err)
{
	int r = host->placed ? 0 : pci_host_place(host, err);

	if (r == 0)
		r = open_windows(host, err);
	if (r == 0)
		r = pci_ecam_map(host, err);
	for (unsigned b = 0; r == 0 && b < host->nr_buses; b++)
		r = start_functions(host->bus[b], err);
	return r;
}
