/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bar.c - a function's BARs.  What may be mapped becomes a memory slot for
 * each piece, so that the guest reaches the device without us; the pages with
 * the MSI-X table and the pending bits, BARs below a page and I/O BARs exit
 * and are carried out here:
 *
 *   BAR   [ piece: slot ][ table page: trapped ][ piece: slot          ]
 *                          table -> msix.c, the rest -> the device
 *
 * Our own threads never touch the mapping: a device that is disabled, asleep
 * or gone would answer with SIGBUS there, and with an error here.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/log.h"

#define PAGE UINT64_C(4096)
#define GIB  (UINT64_C(1) << 30)

static bool in_page_of(uint64_t page, uint64_t off, uint64_t size)
{
	return size > 0 && page + PAGE > off && page < off + size;
}

/* The page at @off of BAR @nr holds something of MSI-X. */
static bool must_trap(const struct vfio_pci *dev, unsigned nr, uint64_t page)
{
	if (dev->msix.nr == 0)
		return false;
	return (nr == dev->table_bar &&
		in_page_of(page, dev->table_off,
			   (uint64_t)dev->msix.nr * MSIX_ENTRY_SIZE)) ||
	       (nr == dev->pba_bar &&
		in_page_of(page, dev->pba_off, msix_pba_size(dev->msix.nr)));
}

static void add_piece(struct vfio_bar *bar, uint64_t off, uint64_t end)
{
	if (off < end && bar->nr_pieces < VFIO_AREAS_MAX)
		bar->piece[bar->nr_pieces++] =
			(struct vfio_piece){ .off = off, .size = end - off };
}

/*
 * The first page of MSI-X in [@from, @end), or @end.  Table and pending bits
 * are at most 32 KiB and 256 bytes long: no need to walk a BAR of 256 GiB.
 */
static uint64_t next_trapped(const struct vfio_pci *dev, unsigned nr,
			     uint64_t from, uint64_t end)
{
	const uint64_t start[] = { dev->table_off & ~(PAGE - 1),
				   dev->pba_off & ~(PAGE - 1) };
	uint64_t first = end;

	if (from < end && must_trap(dev, nr, from))
		return from;
	for (unsigned i = 0; i < 2; i++)
		if (start[i] >= from && start[i] < first &&
		    must_trap(dev, nr, start[i]))
			first = start[i];
	return first;
}

static void cut(struct vfio_pci *dev, unsigned nr)
{
	const struct vfio_region *region = &dev->region[nr];

	for (unsigned i = 0; i < region->nr_areas; i++) {
		uint64_t at = region->area[i].first;
		uint64_t end = region->area[i].last + 1;

		while (at < end) {
			uint64_t stop = next_trapped(dev, nr, at, end);

			add_piece(&dev->bar[nr], at, stop);
			at = stop;
			while (at < end && must_trap(dev, nr, at))
				at += PAGE;
		}
	}
}

/*
 * Addresses of ours for the whole BAR, congruent to the guest's modulo 1 GiB
 * (a BAR is aligned to its size): the kernel can then use huge pages in both
 * page tables.
 */
static int reserve(struct vfio_pci *dev, unsigned nr)
{
	struct vfio_bar *bar = &dev->bar[nr];
	uint64_t size = dev->region[nr].size;
	uint64_t align = size < GIB ? size : GIB;

	bar->reserved_size = size + align;
	void *p = mmap(NULL, bar->reserved_size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	bar->reserved = p;
	return 0;
}

static int map_pieces(struct vfio_pci *dev, unsigned nr)
{
	const struct vfio_region *region = &dev->region[nr];
	struct vfio_bar *bar = &dev->bar[nr];
	uint64_t align = bar->reserved_size - region->size;
	char *base = bar->reserved;
	int prot =
		(region->flags & VFIO_REGION_INFO_FLAG_READ ? PROT_READ : 0) |
		(region->flags & VFIO_REGION_INFO_FLAG_WRITE ? PROT_WRITE : 0);

	base += -(uintptr_t)base & (align - 1);
	for (unsigned i = 0; i < bar->nr_pieces; i++) {
		struct vfio_piece *piece = &bar->piece[i];
		void *p = mmap(base + piece->off, piece->size, prot,
			       MAP_SHARED | MAP_FIXED, dev->fd,
			       (off_t)(region->offset + piece->off));

		if (p == MAP_FAILED)
			return -errno;
		piece->host = p;
	}
	return 0;
}

int vfio_bars_init(struct vfio_pci *dev, struct err *err)
{
	for (unsigned nr = 0; nr < PCI_BARS; nr++) {
		const struct vfio_region *region = &dev->region[nr];

		if (!dev->pci.bar[nr].size || region->nr_areas == 0)
			continue;
		cut(dev, nr);
		if (dev->bar[nr].nr_pieces == 0)
			continue;
		int r = reserve(dev, nr);
		if (r == 0)
			r = map_pieces(dev, nr);
		if (r < 0)
			return err_set(err, -r,
				       "%s: map BAR %u of %" PRIu64 " KiB",
				       dev->bdf, nr, region->size / 1024);
	}
	return 0;
}

static void hide_piece(struct vfio_pci *dev, struct vfio_piece *piece)
{
	vfio_dma_unmap_piece(dev->vfio, piece);
	if (!piece->in_guest)
		return;
	int r = slots_remove(dev->vfio->env.slots, piece->slot);
	if (r == 0)
		piece->in_guest = false;
	else
		vfio_warn_once(dev, VFIO_WARN_SLOT,
			       "KVM keeps a BAR where it was: %s",
			       strerrordesc_np(-r));
}

static void hide_bar(struct vfio_pci *dev, struct vfio_bar *bar)
{
	for (unsigned i = 0; i < bar->nr_pieces; i++)
		hide_piece(dev, &bar->piece[i]);
}

void vfio_bars_hide(struct vfio_pci *dev)
{
	for (unsigned nr = 0; nr < PCI_BARS; nr++)
		hide_bar(dev, &dev->bar[nr]);
}

static void show_bar(struct vfio_pci *dev, struct vfio_bar *bar, uint64_t addr)
{
	for (unsigned i = 0; i < bar->nr_pieces; i++) {
		struct vfio_piece *piece = &bar->piece[i];
		struct err err;

		if (piece->in_guest) /* where KVM kept it */
			continue;
		piece->gpa = addr + piece->off;
		int r = slots_add(dev->vfio->env.slots, piece->gpa, piece->size,
				  piece->host, 0, &piece->slot, &err);
		if (r < 0) {
			/* Slower, not wrong: every access comes to us. */
			vfio_warn_once(dev, VFIO_WARN_SLOT,
				       "a BAR is not mapped: %s", err.msg);
			continue;
		}
		piece->in_guest = true;
		vfio_dma_map_piece(dev->vfio, piece);
	}
}

void vfio_bar_moved(struct pci_dev *pci, unsigned nr, uint64_t addr, bool on)
{
	struct vfio_pci *dev = vfio_pci_of(pci);

	if (nr >= PCI_BARS)
		return;
	if (on)
		show_bar(dev, &dev->bar[nr], addr);
	else
		hide_bar(dev, &dev->bar[nr]);
}

/*
 * Addresses that KVM keeps stay until the VM is gone.  The device does not:
 * the host waits for the last mapping of it.
 */
static void let_go(struct vfio_bar *bar, bool kept)
{
	if (!kept)
		(void)munmap(bar->reserved, bar->reserved_size);
	else
		(void)mmap(bar->reserved, bar->reserved_size, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				   MAP_FIXED,
			   -1, 0);
}

void vfio_bars_done(struct vfio_pci *dev)
{
	vfio_bars_hide(dev);
	for (unsigned nr = 0; nr < PCI_BARS; nr++) {
		struct vfio_bar *bar = &dev->bar[nr];
		bool kept = false;

		for (unsigned i = 0; i < bar->nr_pieces; i++)
			kept |= bar->piece[i].in_guest;
		if (bar->reserved)
			let_go(bar, kept);
		bar->reserved = NULL;
		bar->nr_pieces = 0;
	}
}

/* [@off, @off + @len) touches [@at, @at + @size). */
static bool touches(uint64_t off, unsigned len, uint64_t at, uint64_t size)
{
	return off < at + size && at < off + len;
}

static bool on_table(const struct vfio_pci *dev, unsigned nr, uint64_t off,
		     unsigned len)
{
	return dev->msix.nr && nr == dev->table_bar &&
	       touches(off, len, dev->table_off,
		       (uint64_t)dev->msix.nr * MSIX_ENTRY_SIZE);
}

static bool on_pba(const struct vfio_pci *dev, unsigned nr, uint64_t off,
		   unsigned len)
{
	return dev->msix.nr && nr == dev->pba_bar &&
	       touches(off, len, dev->pba_off, msix_pba_size(dev->msix.nr));
}

/* A BAR is a power of two; the device may have less behind it. */
static bool inside(const struct vfio_region *region, uint64_t off, unsigned len)
{
	return off < region->size && len <= region->size - off;
}

void vfio_bar_read(struct pci_dev *pci, unsigned nr, uint64_t off, void *data,
		   unsigned len)
{
	struct vfio_pci *dev = vfio_pci_of(pci);
	const struct vfio_region *region = &dev->region[nr];

	if (nr == PCI_ROM) {
		memcpy(data, dev->rom + off, len);
		return;
	}
	/*
	 * An access that begins before the table or the pending bits wraps
	 * to a huge offset there, which reads 0.
	 */
	if (on_table(dev, nr, off, len))
		msix_table_read(&dev->msix, off - dev->table_off, data, len);
	else if (on_pba(dev, nr, off, len))
		msix_pba_read(&dev->msix, off - dev->pba_off, data, len);
	else if (!inside(region, off, len) ||
		 !(region->flags & VFIO_REGION_INFO_FLAG_READ) ||
		 vfio_region_read(dev, nr, off, data, len) < 0)
		memset(data, 0xff, len);
}

void vfio_bar_write(struct pci_dev *pci, unsigned nr, uint64_t off,
		    const void *data, unsigned len)
{
	struct vfio_pci *dev = vfio_pci_of(pci);
	const struct vfio_region *region = &dev->region[nr];

	if (nr == PCI_ROM)
		return;
	if (on_table(dev, nr, off, len))
		msix_table_write(&dev->msix, off - dev->table_off, data, len);
	else if (!on_pba(dev, nr, off, len) && inside(region, off, len) &&
		 (region->flags & VFIO_REGION_INFO_FLAG_WRITE))
		(void)vfio_region_write(dev, nr, off, data, len);
}
