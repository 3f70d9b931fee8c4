/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - the host bridge: what is on its bus, from the first to the last. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "devices/pci/config.h"
#include "vmm/core/layout.h"

#define IO_SPACE (UINT64_C(1) << 63) /* of ports, among the BARs */

static const struct pci_ops bridge_ops = { 0 };

static void set_windows(struct pci_host *host)
{
	struct pci_window *w = host->window;

	w[PCI_IO] = (struct pci_window){
		.space = IO_SPACE,
		.base = LAYOUT_PCI_IO,
		.size = LAYOUT_PCI_IO_END - LAYOUT_PCI_IO,
	};
	w[PCI_LOW] = (struct pci_window){
		.base = LAYOUT_MMIO32,
		.size = LAYOUT_MMIO32_END - LAYOUT_MMIO32,
	};
	w[PCI_HIGH] = (struct pci_window){
		.base = host->cfg.mmio64,
		.size = host->cfg.mmio64_size,
	};
	for (unsigned k = 0; k < PCI_KINDS; k++) {
		w[k].bars = &host->bars;
		w[k].next = w[k].base;
	}
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

	*host = (struct pci_host){ .cfg = *cfg, .memfd = -1 };
	(void)pthread_mutex_init(&host->lock, NULL);
	bus_init(&host->bars);
	set_windows(host);

	int r = pci_ecam_init(host, err);
	if (r == 0) {
		pci_dev_init(&host->bridge, &bridge_ops, &ids);
		r = pci_add(host, &host->bridge, err);
	}
	if (r < 0)
		pci_host_done(host);
	return r;
}

void pci_host_done(struct pci_host *host)
{
	for (unsigned s = 0; s < PCI_SLOTS; s++)
		if (host->dev[s])
			pci_remove(host->dev[s]);
	for (unsigned k = 0; k < PCI_KINDS; k++)
		pci_window_close(&host->window[k]);
	pci_ecam_done(host);
	bus_done(&host->bars);
	(void)pthread_mutex_destroy(&host->lock);
	*host = (struct pci_host){ .memfd = -1 };
}

int pci_add(struct pci_host *host, struct pci_dev *dev, struct err *err)
{
	unsigned slot = 0;

	while (slot < PCI_SLOTS && host->dev[slot])
		slot++;
	if (slot == PCI_SLOTS)
		return err_say(err, ENOSPC,
			       "more than %d devices: the PCI bus is full",
			       PCI_SLOTS - 1);

	dev->slot = slot;
	int r = pci_ecam_show(host, dev);
	if (r < 0)
		return err_set(err, -r, "map PCI configuration space");
	memset(dev->config, 0, PCI_PAGE);
	memcpy(dev->config, dev->initial, sizeof(dev->initial));

	(void)pthread_mutex_lock(&host->lock);
	dev->host = host;
	host->dev[slot] = dev;
	(void)pthread_mutex_unlock(&host->lock);
	return 0;
}

void pci_remove(struct pci_dev *dev)
{
	struct pci_host *host = dev->host;

	if (!host)
		return;
	(void)pthread_mutex_lock(&host->lock);
	pci_undecode(dev);
	host->dev[dev->slot] = NULL;
	pci_ecam_hide(host, dev);
	dev->host = NULL;
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

unsigned pci_intx_gsi(const struct pci_dev *dev, unsigned pin)
{
	return LAYOUT_PCI_GSI(dev->slot, pin);
}

static int place(struct pci_host *host, struct pci_dev *dev, unsigned nr,
		 struct err *err)
{
	const struct pci_bar *bar = &dev->bar[nr];
	bool io = pci_bar_is_io(bar);
	bool high = bar->is64 && host->window[PCI_HIGH].size;
	struct pci_window *w =
		&host->window[io ? PCI_IO : (high ? PCI_HIGH : PCI_LOW)];
	uint64_t align = io || bar->size > PCI_PAGE ? bar->size : PCI_PAGE;
	uint64_t addr = (w->next + (align - 1)) & ~(align - 1);

	if (addr - w->base > w->size || bar->size > w->size - (addr - w->base))
		return err_say(err, ENOSPC,
			       "no room for a PCI BAR of %" PRIu64 " KiB",
			       bar->size / 1024);
	pci_bar_set_address(dev, nr, addr);
	w->next = addr + bar->size;
	return 0;
}

static int open_windows(struct pci_host *host, struct err *err)
{
	const struct pci_window *w = host->window;
	int r = pci_window_open(&host->window[PCI_LOW], host->cfg.mmio);

	if (r == 0 && w[PCI_HIGH].size)
		r = pci_window_open(&host->window[PCI_HIGH], host->cfg.mmio);
	/* Only for those that use it: most machines have no I/O BAR. */
	if (r == 0 && host->cfg.pio && w[PCI_IO].next != w[PCI_IO].base)
		r = pci_window_open(&host->window[PCI_IO], host->cfg.pio);
	return r < 0 ? err_set(err, -r, "open the PCI windows") : 0;
}

int pci_host_start(struct pci_host *host, struct err *err)
{
	int r = 0;

	for (unsigned s = 0; s < PCI_SLOTS; s++)
		for (unsigned i = 0; host->dev[s] && i < PCI_REGIONS; i++)
			if (host->dev[s]->bar[i].size) {
				r = place(host, host->dev[s], i, err);
				if (r < 0)
					return r;
			}

	r = open_windows(host, err);
	if (r == 0)
		r = pci_ecam_map(host, err);
	for (unsigned s = 0; s < PCI_SLOTS && r == 0; s++) {
		struct pci_dev *dev = host->dev[s];

		if (dev && !dev->lost && dev->ops->start)
			r = dev->ops->start(dev, err);
	}
	return r;
}
