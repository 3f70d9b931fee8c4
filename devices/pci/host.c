/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - the bus: which function answers where.
 *
 * The ECAM window as the guest sees it is 1 MiB of our address space, pieced
 * together from one memfd:
 *
 *   memfd  [ 8 pages of 0xff ][ page of slot 0 ][ page of slot 1 ] ...
 *              |                   |
 *   ECAM   [ f0 f1 ... f7 ][ f0 f1 ... f7 ] ...   32 KiB for each slot
 *
 * An absent slot maps the pages of 0xff; a present one has its own page as
 * function 0 and 0xff behind it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/pci/config.h"
#include "devices/pci/pci.h"
#include "vmm/core/kvm.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"

#define PAGE	      UINT64_C(4096)
#define FUNCTIONS     8U
#define SLOT_SIZE     (FUNCTIONS * PAGE)
#define CONFIG_PORT   0xcf8
#define CONFIG_PORTS  8
#define CONFIG_ENABLE UINT32_C(0x80000000)

_Static_assert(PCI_SLOTS *SLOT_SIZE == LAYOUT_ECAM_SIZE, "one bus");

/* NULL: nobody there.  Caller holds the lock. */
static struct pci_dev *function_at(struct pci_host *host, uint64_t off)
{
	uint64_t function = off / PAGE;

	if (function % FUNCTIONS != 0)
		return NULL;
	return host->dev[function / FUNCTIONS];
}

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

static void unmap_bar(struct pci_host *host, struct pci_bar *bar)
{
	struct pci_dev *dev = bar->dev;

	/* Waits for the handlers that run now. */
	(void)bus_remove(&host->bars, bar->addr);
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
	if (!inside(&host->window32, addr, bar->size) &&
	    !inside(&host->window64, addr, bar->size))
		return;
	if (bus_add(&host->bars, addr, bar->size, &bar_bus_ops, bar) < 0)
		return;
	bar->addr = addr;
	bar->mapped = true;
	if (dev->ops->bar_moved)
		dev->ops->bar_moved(dev, (unsigned)(bar - dev->bar), addr,
				    true);
}

static bool decodes(const struct pci_dev *dev)
{
	return pci_get16(dev, PCI_COMMAND) & PCI_COMMAND_MEMORY;
}

/* Make what is decoded agree with the registers of @dev. */
static void update_bars(struct pci_host *host, struct pci_dev *dev)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		struct pci_bar *bar = &dev->bar[i];

		if (bar->mapped &&
		    (!decodes(dev) || pci_bar_address(dev, i) != bar->addr))
			unmap_bar(host, bar);
	}

	/* Where one made room, another that was hidden may appear. */
	for (unsigned s = 0; s < PCI_SLOTS; s++) {
		struct pci_dev *d = host->dev[s];

		for (unsigned i = 0; d && decodes(d) && i < PCI_BARS; i++)
			if (d->bar[i].size && !d->bar[i].mapped)
				map_bar(host, &d->bar[i],
					pci_bar_address(d, i));
	}
}

static void config_read(struct pci_host *host, uint64_t off, void *data,
			unsigned len)
{
	(void)pthread_mutex_lock(&host->lock);
	memcpy(data, host->ecam + off, len);
	(void)pthread_mutex_unlock(&host->lock);
}

static void config_write(struct pci_host *host, uint64_t off, const void *data,
			 unsigned len)
{
	(void)pthread_mutex_lock(&host->lock);
	struct pci_dev *dev = function_at(host, off);
	if (dev && pci_config_write(dev, (unsigned)(off % PAGE), data, len)) {
		update_bars(host, dev);
		if (dev->ops->config_written)
			dev->ops->config_written(dev);
	}
	(void)pthread_mutex_unlock(&host->lock);
}

static void ecam_read(void *owner, uint64_t off, void *data, unsigned len)
{
	config_read(owner, off, data, len);
}

static void ecam_write(void *owner, uint64_t off, const void *data,
		       unsigned len)
{
	config_write(owner, off, data, len);
}

static const struct bus_ops ecam_ops = { ecam_read, ecam_write };

/*
 * Configuration mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2).  The ECAM offset
 * that port 0xcfc + @byte stands for, or false when nobody is addressed.
 */
static bool selected(struct pci_host *host, uint64_t byte, uint64_t *ret)
{
	(void)pthread_mutex_lock(&host->lock);
	uint32_t a = host->address;
	(void)pthread_mutex_unlock(&host->lock);

	if (!(a & CONFIG_ENABLE) || (a >> 16 & 0xff) != 0)
		return false;
	*ret = (uint64_t)(a >> 8 & 0xff) * PAGE + (a & 0xfc) + byte;
	return true;
}

static void port_read(void *owner, uint64_t off, void *data, unsigned len)
{
	struct pci_host *host = owner;
	uint64_t at;

	memset(data, 0xff, len);
	if (off == 0 && len == 4) {
		(void)pthread_mutex_lock(&host->lock);
		le32_t v = le32_make(host->address);
		(void)pthread_mutex_unlock(&host->lock);
		memcpy(data, &v, sizeof(v));
	} else if (off >= 4 && selected(host, off - 4, &at)) {
		config_read(host, at, data, len);
	}
}

static void port_write(void *owner, uint64_t off, const void *data,
		       unsigned len)
{
	struct pci_host *host = owner;
	uint64_t at;

	if (off == 0 && len == 4) {
		le32_t v;

		memcpy(&v, data, sizeof(v));
		(void)pthread_mutex_lock(&host->lock);
		host->address = le32_get(v);
		(void)pthread_mutex_unlock(&host->lock);
	} else if (off >= 4 && selected(host, off - 4, &at)) {
		config_write(host, at, data, len);
	}
}

static const struct bus_ops port_ops = { port_read, port_write };

static void window_read(void *owner, uint64_t off, void *data, unsigned len)
{
	struct pci_window *w = owner;

	(void)bus_read(w->bars, w->base + off, data, len);
}

static void window_write(void *owner, uint64_t off, const void *data,
			 unsigned len)
{
	struct pci_window *w = owner;

	(void)bus_write(w->bars, w->base + off, data, len);
}

static const struct bus_ops window_ops = { window_read, window_write };

/* Let slot @slot show @pages of the memfd from page @first on. */
static int show(struct pci_host *host, unsigned slot, unsigned first,
		unsigned pages, int prot)
{
	void *at = host->ecam + (size_t)slot * SLOT_SIZE;
	void *p = mmap(at, (size_t)pages * PAGE, prot, MAP_SHARED | MAP_FIXED,
		       host->memfd, (off_t)(first * PAGE));

	return p == MAP_FAILED ? -errno : 0;
}

static int make_ecam(struct pci_host *host, struct err *err)
{
	unsigned char ones[PAGE];

	host->memfd = memfd_create("pci-config", MFD_CLOEXEC);
	if (host->memfd < 0)
		return err_set(err, errno, "create PCI configuration space");
	if (ftruncate(host->memfd, (FUNCTIONS + PCI_SLOTS) * PAGE) < 0)
		return err_set(err, errno, "size PCI configuration space");

	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < FUNCTIONS; i++)
		if (pwrite(host->memfd, ones, PAGE, (off_t)(i * PAGE)) != PAGE)
			return err_set(err, EIO,
				       "fill PCI configuration space");

	void *p = mmap(NULL, LAYOUT_ECAM_SIZE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return err_set(err, errno, "map PCI configuration space");
	host->ecam = p;
	for (unsigned s = 0; s < PCI_SLOTS; s++) {
		int r = show(host, s, 0, FUNCTIONS, PROT_READ);

		if (r < 0)
			return err_set(err, -r, "map PCI configuration space");
	}
	return 0;
}

static int make_ranges(struct pci_host *host, struct err *err)
{
	const struct pci_host_config *cfg = &host->cfg;
	int r = bus_add(cfg->mmio, LAYOUT_ECAM, LAYOUT_ECAM_SIZE, &ecam_ops,
			host);

	if (r == 0) {
		host->on_ecam = true;
		if (cfg->pio)
			r = bus_add(cfg->pio, CONFIG_PORT, CONFIG_PORTS,
				    &port_ops, host);
	}
	if (r == 0) {
		host->on_ports = cfg->pio != NULL;
		r = bus_add(cfg->mmio, host->window32.base, host->window32.size,
			    &window_ops, &host->window32);
	}
	if (r == 0) {
		host->window32.on = true;
		if (host->window64.size)
			r = bus_add(cfg->mmio, host->window64.base,
				    host->window64.size, &window_ops,
				    &host->window64);
		host->window64.on = r == 0 && host->window64.size;
	}
	return r < 0 ? err_set(err, -r, "place the PCI host bridge") : 0;
}

static const struct pci_ops bridge_ops = { 0 };

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
	host->window32 = (struct pci_window){
		.bars = &host->bars,
		.base = LAYOUT_MMIO32,
		.size = LAYOUT_MMIO32_END - LAYOUT_MMIO32,
		.next = LAYOUT_MMIO32,
	};
	host->window64 = (struct pci_window){
		.bars = &host->bars,
		.base = cfg->mmio64,
		.size = cfg->mmio64_size,
		.next = cfg->mmio64,
	};

	int r = make_ecam(host, err);
	if (r == 0)
		r = make_ranges(host, err);
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
	const struct pci_host_config *cfg = &host->cfg;

	for (unsigned s = 0; s < PCI_SLOTS; s++)
		if (host->dev[s])
			pci_remove(host->dev[s]);
	if (host->slot_mapped)
		(void)slots_remove(cfg->slots, host->ecam_slot);
	if (host->window64.on)
		(void)bus_remove(cfg->mmio, host->window64.base);
	if (host->window32.on)
		(void)bus_remove(cfg->mmio, host->window32.base);
	if (host->on_ports)
		(void)bus_remove(cfg->pio, CONFIG_PORT);
	if (host->on_ecam)
		(void)bus_remove(cfg->mmio, LAYOUT_ECAM);
	if (host->ecam)
		(void)munmap(host->ecam, LAYOUT_ECAM_SIZE);
	if (host->memfd >= 0)
		(void)close(host->memfd);
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

	int r = show(host, slot, FUNCTIONS + slot, 1, PROT_READ | PROT_WRITE);
	if (r < 0)
		return err_set(err, -r, "map PCI configuration space");
	dev->config = host->ecam + (size_t)slot * SLOT_SIZE;
	memset(dev->config, 0, PAGE);
	memcpy(dev->config, dev->initial, sizeof(dev->initial));

	(void)pthread_mutex_lock(&host->lock);
	dev->host = host;
	dev->slot = slot;
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
	for (unsigned i = 0; i < PCI_BARS; i++)
		if (dev->bar[i].mapped)
			unmap_bar(host, &dev->bar[i]);
	host->dev[dev->slot] = NULL;
	/* Replaces a mapping by a like one: it needs no new memory. */
	(void)show(host, dev->slot, 0, FUNCTIONS, PROT_READ);
	dev->host = NULL;
	dev->config = dev->initial;
	(void)pthread_mutex_unlock(&host->lock);
}

static int place(struct pci_host *host, struct pci_dev *dev, unsigned nr,
		 struct err *err)
{
	uint64_t size = dev->bar[nr].size;
	bool high = dev->bar[nr].is64 && host->window64.size;
	struct pci_window *w = high ? &host->window64 : &host->window32;
	uint64_t addr = (w->next + (size - 1)) & ~(size - 1);

	if (!inside(w, addr, size))
		return err_say(err, ENOSPC,
			       "no room for a PCI BAR of %" PRIu64 " KiB",
			       size / 1024);
	pci_bar_set_address(dev, nr, addr);
	w->next = addr + size;
	return 0;
}

int pci_host_start(struct pci_host *host, struct err *err)
{
	const struct pci_host_config *cfg = &host->cfg;
	int r = 0;

	for (unsigned s = 0; s < PCI_SLOTS; s++)
		for (unsigned i = 0; host->dev[s] && i < PCI_BARS; i++)
			if (host->dev[s]->bar[i].size) {
				r = place(host, host->dev[s], i, err);
				if (r < 0)
					return r;
			}

	if (cfg->slots) {
		r = slots_add(cfg->slots, LAYOUT_ECAM, LAYOUT_ECAM_SIZE,
			      host->ecam, KVM_MEM_READONLY, &host->ecam_slot,
			      err);
		if (r < 0)
			return err_wrap(err, "map PCI configuration space");
		host->slot_mapped = true;
	}

	for (unsigned s = 0; s < PCI_SLOTS && r == 0; s++)
		if (host->dev[s] && host->dev[s]->ops->start)
			r = host->dev[s]->ops->start(host->dev[s], err);
	return r;
}
