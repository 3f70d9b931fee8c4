/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - which BARs answer where: the host bridges' windows, and behind
 * them the BARs that their functions' registers switch on.  Ports pass on
 * everything, whatever their registers say: what a guest does to them changes
 * nothing here.
 */
#include "devices/pci/config.h"

static void bar_read(void *owner, uint64_t off, void *data, unsigned len)
{
	struct pci_bar *bar = owner;
	struct pci_dev *dev = bar->dev;

	dev->ops->bar_read(dev, (unsigned)(bar - dev->bar), off, data, len);
}

static void bar_write(void *owner, uint64_t off, const void *data, unsigned len)
{
	struct pci_bar *bar = owner;
	struct pci_dev *dev = bar->dev;

	dev->ops->bar_write(dev, (unsigned)(bar - dev->bar), off, data, len);
}

static const struct bus_ops bar_bus_ops = { bar_read, bar_write };

static bool inside(const struct pci_window *w, uint64_t addr, uint64_t size)
{
	return addr >= w->base && size <= w->size &&
	       addr - w->base <= w->size - size;
}

static bool has_window(const struct pci_bar *bar, uint64_t addr)
{
	const struct pci_window *w = bar->dev->bus->root->window;

	if (pci_bar_is_io(bar))
		return inside(&w[PCI_IO], addr, bar->size);
	return inside(&w[PCI_LOW], addr, bar->size) ||
	       inside(&w[PCI_HIGH], addr, bar->size);
}

/* Where among all BARs one at @addr is. */
static uint64_t in_bars(const struct pci_bar *bar, uint64_t addr)
{
	const struct pci_window *w = bar->dev->bus->root->window;

	return w[pci_bar_is_io(bar) ? PCI_IO : PCI_LOW].space + addr;
}

static void unmap_bar(struct pci_host *host, struct pci_bar *bar)
{
	struct pci_dev *dev = bar->dev;

	/* Waits for the handlers that run now. */
	(void)bus_remove(&host->bars, in_bars(bar, bar->addr));
	bar->mapped = false;
	if (dev->ops->bar_moved)
		dev->ops->bar_moved(dev, (unsigned)(bar - dev->bar), bar->addr,
				    false);
}

static void map_bar(struct pci_host *host, struct pci_bar *bar, uint64_t addr)
{
	struct pci_dev *dev = bar->dev;

	/*
	 * Outside our windows, or over another BAR (-EEXIST): the guest's
	 * mistake, and nobody answers there.
	 */
	if (!has_window(bar, addr))
		return;
	if (bus_add(&host->bars, in_bars(bar, addr), bar->size, &bar_bus_ops,
		    bar) < 0)
		return;
	bar->addr = addr;
	bar->mapped = true;
	if (dev->ops->bar_moved)
		dev->ops->bar_moved(dev, (unsigned)(bar - dev->bar), addr,
				    true);
}

static bool decodes(const struct pci_dev *dev, unsigned nr)
{
	uint16_t command = pci_get16(dev, PCI_COMMAND);

	if (dev->bar[nr].size == 0 || dev->asleep || dev->lost)
		return false;
	if (pci_bar_is_io(&dev->bar[nr]))
		return command & PCI_COMMAND_IO;
	if (nr == PCI_ROM &&
	    !(pci_get32(dev, PCI_ROM_ADDRESS) & PCI_ROM_ADDRESS_ENABLE))
		return false;
	return command & PCI_COMMAND_MEMORY;
}

void pci_undecode(struct pci_dev *dev)
{
	for (unsigned i = 0; i < PCI_REGIONS; i++)
		if (dev->bar[i].mapped)
			unmap_bar(dev->host, &dev->bar[i]);
}

static void map_bars(struct pci_dev *dev)
{
	for (unsigned i = 0; i < PCI_REGIONS; i++)
		if (!dev->bar[i].mapped && decodes(dev, i))
			map_bar(dev->host, &dev->bar[i],
				pci_bar_address(dev, i));
}

void pci_decode(struct pci_dev *dev)
{
	struct pci_host *host = dev->host;

	for (unsigned i = 0; i < PCI_REGIONS; i++) {
		struct pci_bar *bar = &dev->bar[i];

		if (bar->mapped &&
		    (!decodes(dev, i) || pci_bar_address(dev, i) != bar->addr))
			unmap_bar(host, bar);
	}

	/* Where one made room, another that was hidden may appear. */
	for (unsigned b = 0; b < host->nr_buses; b++)
		for (unsigned s = 0; s < host->bus[b]->slots; s++)
			if (host->bus[b]->dev[s])
				map_bars(host->bus[b]->dev[s]);
}

static void window_read(void *owner, uint64_t off, void *data, unsigned len)
{
	struct pci_window *w = owner;

	(void)bus_read(w->bars, w->space + w->base + off, data, len);
}

static void window_write(void *owner, uint64_t off, const void *data,
			 unsigned len)
{
	struct pci_window *w = owner;

	(void)bus_write(w->bars, w->space + w->base + off, data, len);
}

static const struct bus_ops window_ops = { window_read, window_write };

int pci_window_open(struct pci_window *w, struct bus *outer)
{
	int r = bus_add(outer, w->base, w->size, &window_ops, w);

	if (r == 0)
		w->outer = outer;
	return r;
}

void pci_window_close(struct pci_window *w)
{
	if (w->outer)
		(void)bus_remove(w->outer, w->base);
	w->outer = NULL;
}
