/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecam.c - configuration space as the guest reaches it: the ECAM window and
 * ports 0xcf8/0xcfc.
 *
 * The window's first bus as the guest sees it is 1 MiB of our address space,
 * pieced together from one memfd:
 *
 *   memfd  [ 8 pages of 0xff ][ page of slot 0 ][ page of slot 1 ] ...
 *              |                   |
 *   ECAM   [ f0 f1 ... f7 ][ f0 f1 ... f7 ] ...   32 KiB for each slot
 *
 * An absent slot maps the pages of 0xff; a present one has its own page as
 * function 0 and 0xff behind it.  KVM gets it as one read-only memory slot, or
 * as several that leave out the pages of live functions.  Of other buses, few
 * and small, each function has a page somewhere and each access is an exit.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/pci/config.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"

#define PAGE	      ((uint64_t)PCI_PAGE)
#define FUNCTIONS     8U
#define SLOT_SIZE     (FUNCTIONS * PAGE)
#define CONFIG_PORT   0xcf8
#define CONFIG_PORTS  8
#define CONFIG_ENABLE UINT32_C(0x80000000)

_Static_assert(PCI_SLOTS *SLOT_SIZE == LAYOUT_ECAM_BUS, "one bus");
_Static_assert(PCI_BUSES *LAYOUT_ECAM_BUS <= LAYOUT_ECAM_END - LAYOUT_ECAM,
	       "all buses");

static bool is_live(const struct pci_dev *dev)
{
	return dev && dev->ops->config_read;
}

/*
 * Who has all @len bytes at @off; NULL: nobody.  A processor's access does not
 * go beyond a function's page, a hostile guest's finds nobody then.  Caller
 * holds the lock.
 */
static struct pci_dev *function_at(struct pci_host *host, uint64_t off,
				   unsigned len)
{
	uint64_t bus = off / LAYOUT_ECAM_BUS;
	uint64_t function = off % LAYOUT_ECAM_BUS / PAGE;

	if (bus >= host->nr_buses || function % FUNCTIONS != 0 ||
	    len > PAGE - off % PAGE)
		return NULL;
	struct pci_dev *dev = host->numbered[bus]->dev[function / FUNCTIONS];
	if (!dev || dev->lost)
		return NULL;
	/* What KVM made of an access across pages of its own. */
	if (is_live(dev) && (len & (len - 1)) != 0)
		return NULL;
	return dev;
}

static void config_read(struct pci_host *host, uint64_t off, void *data,
			unsigned len)
{
	unsigned reg = (unsigned)(off % PAGE);

	(void)pthread_mutex_lock(&host->lock);
	struct pci_dev *dev = function_at(host, off, len);
	if (!dev)
		memset(data, 0xff, len);
	else if (is_live(dev))
		dev->ops->config_read(dev, reg, data, len);
	else
		memcpy(data, dev->config + reg, len);
	(void)pthread_mutex_unlock(&host->lock);
}

static void function_write(struct pci_dev *dev, unsigned reg, const void *data,
			   unsigned len)
{
	if (is_live(dev)) {
		if (dev->ops->config_write(dev, reg, data, len))
			pci_decode(dev);
	} else if (pci_config_write(dev, reg, data, len)) {
		pci_decode(dev);
		if (dev->ops->config_written)
			dev->ops->config_written(dev);
	}
}

static void config_write(struct pci_host *host, uint64_t off, const void *data,
			 unsigned len)
{
	(void)pthread_mutex_lock(&host->lock);
	struct pci_dev *dev = function_at(host, off, len);
	if (dev)
		function_write(dev, (unsigned)(off % PAGE), data, len);
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

	if (!(a & CONFIG_ENABLE))
		return false;
	*ret = (uint64_t)(a >> 8 & 0xffff) * PAGE + (a & 0xfc) + byte;
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

/* Let slot @slot show @pages of the memfd from page @first on. */
static int show(struct pci_host *host, unsigned slot, unsigned first,
		unsigned pages, int prot)
{
	void *at = host->ecam + (size_t)slot * SLOT_SIZE;
	void *p = mmap(at, (size_t)pages * PAGE, prot, MAP_SHARED | MAP_FIXED,
		       host->memfd, (off_t)(first * PAGE));

	return p == MAP_FAILED ? -errno : 0;
}

int pci_ecam_show(struct pci_host *host, struct pci_dev *dev)
{
	int r = show(host, dev->slot, FUNCTIONS + dev->slot, 1,
		     PROT_READ | PROT_WRITE);

	if (r == 0)
		dev->config = host->ecam + (size_t)dev->slot * SLOT_SIZE;
	return r;
}

void pci_ecam_hide(struct pci_host *host, const struct pci_dev *dev)
{
	/* Replaces a mapping by a like one: it needs no new memory. */
	(void)show(host, dev->slot, 0, FUNCTIONS, PROT_READ);
}

int pci_ecam_init(struct pci_host *host, struct err *err)
{
	unsigned char ones[PCI_PAGE];

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

	void *p = mmap(NULL, LAYOUT_ECAM_BUS, PROT_NONE,
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

static int open_ranges(struct pci_host *host, struct err *err)
{
	const struct pci_host_config *cfg = &host->cfg;
	int r = bus_add(cfg->mmio, LAYOUT_ECAM,
			host->nr_buses * LAYOUT_ECAM_BUS, &ecam_ops, host);

	host->on_ecam = r == 0;
	if (r == 0 && cfg->ports) {
		r = bus_add(cfg->pio, CONFIG_PORT, CONFIG_PORTS, &port_ops,
			    host);
		host->on_ports = r == 0;
	}
	return r < 0 ? err_set(err, -r, "place the PCI host bridge") : 0;
}

/* KVM reads [@from, @to) of the window from memory. */
static int map_part(struct pci_host *host, uint64_t from, uint64_t to,
		    struct err *err)
{
	if (from == to)
		return 0;
	int r = slots_add(host->cfg.slots, LAYOUT_ECAM + from, to - from,
			  host->ecam + from, KVM_MEM_READONLY,
			  &host->ecam_slot[host->nr_ecam_slots], err);
	if (r < 0)
		return err_wrap(err, "map PCI configuration space");
	host->nr_ecam_slots++;
	return 0;
}

int pci_ecam_map(struct pci_host *host, struct err *err)
{
	uint64_t from = 0;
	int r = open_ranges(host, err);

	if (r < 0 || !host->cfg.slots)
		return r;
	for (unsigned s = 0; r == 0 && s < PCI_SLOTS; s++)
		if (is_live(host->bus[0]->dev[s])) {
			r = map_part(host, from, s * SLOT_SIZE, err);
			from = s * SLOT_SIZE + PAGE;
		}
	return r < 0 ? r : map_part(host, from, LAYOUT_ECAM_BUS, err);
}

void pci_ecam_done(struct pci_host *host)
{
	const struct pci_host_config *cfg = &host->cfg;

	for (unsigned i = 0; i < host->nr_ecam_slots; i++)
		(void)slots_remove(cfg->slots, host->ecam_slot[i]);
	if (host->on_ports)
		(void)bus_remove(cfg->pio, CONFIG_PORT);
	if (host->on_ecam)
		(void)bus_remove(cfg->mmio, LAYOUT_ECAM);
	if (host->ecam)
		(void)munmap(host->ecam, LAYOUT_ECAM_BUS);
	if (host->memfd >= 0)
		(void)close(host->memfd);
}
