/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.c - what the kernel says of a function: its regions, which parts of
 * them may be mapped, its interrupts.  The kernel is believed, but not so far
 * that a broken one makes us read out of bounds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/auto.h"

#define INFO_MAX 65536U /* of a region, as far as we believe it */
#define PAGE	 UINT64_C(4096)

/* Whole pages of [@off, @off + @size), as far as they are in the region. */
static void add_area(struct vfio_region *region, uint64_t off, uint64_t size)
{
	if (off >= region->size || region->nr_areas == VFIO_AREAS_MAX)
		return;
	if (size > region->size - off)
		size = region->size - off;

	uint64_t first = (off + PAGE - 1) & ~(PAGE - 1);
	uint64_t end = (off + size) & ~(PAGE - 1);
	if (first >= end)
		return;
	region->area[region->nr_areas++] =
		(struct vfio_range){ first, end - 1 };
}

static void add_sparse(struct vfio_region *region, const unsigned char *info,
		       uint32_t size, uint32_t off)
{
	struct vfio_region_info_cap_sparse_mmap cap;
	struct vfio_region_sparse_mmap_area area;

	if (size - off < sizeof(cap))
		return;
	memcpy(&cap, info + off, sizeof(cap));
	size -= off + (uint32_t)sizeof(cap);
	info += off + sizeof(cap);
	for (uint32_t i = 0; i < cap.nr_areas && size >= sizeof(area); i++) {
		memcpy(&area, info, sizeof(area));
		add_area(region, area.offset, area.size);
		info += sizeof(area);
		size -= (uint32_t)sizeof(area);
	}
}

/* True when the region says which parts of it may be mapped. */
static bool read_caps(struct vfio_region *region, const unsigned char *info,
		      uint32_t size, uint32_t off)
{
	struct vfio_info_cap_header head;
	bool sparse = false;

	/* Every capability moves forward, or it is a loop. */
	while (off >= sizeof(struct vfio_region_info) && off < size &&
	       size - off >= sizeof(head)) {
		memcpy(&head, info + off, sizeof(head));
		if (head.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			sparse = true;
			add_sparse(region, info, size, off);
		}
		if (head.next <= off)
			break;
		off = head.next;
	}
	return sparse;
}

static int probe_region(struct vfio_pci *dev, unsigned index)
{
	struct vfio_region *region = &dev->region[index];
	struct vfio_region_info ask = {
		.argsz = sizeof(ask),
		.index = index,
	};
	int r = vfio_ioctl(dev->vfio, dev->fd, VFIO_DEVICE_GET_REGION_INFO,
			   &ask);
	if (r < 0)
		return r;
	*region = (struct vfio_region){
		.size = ask.size,
		.offset = ask.offset,
		.flags = ask.flags,
	};
	if (!(ask.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;

	bool sparse = false;
	if ((ask.flags & VFIO_REGION_INFO_FLAG_CAPS) &&
	    ask.argsz > sizeof(ask) && ask.argsz <= INFO_MAX) {
		uint32_t size = ask.argsz;
		AUTO_FREE unsigned char *info = calloc(1, size);

		if (!info)
			return -ENOMEM;
		memcpy(info,
		       &(struct vfio_region_info){ .argsz = size,
						   .index = index },
		       sizeof(ask));
		r = vfio_ioctl(dev->vfio, dev->fd, VFIO_DEVICE_GET_REGION_INFO,
			       info);
		if (r < 0)
			return r;
		memcpy(&ask, info, sizeof(ask));
		sparse = read_caps(region, info, size, ask.cap_offset);
	}
	if (!sparse)
		add_area(region, 0, region->size);
	return 0;
}

static int probe_irq(struct vfio_pci *dev, unsigned index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };
	int r = vfio_ioctl(dev->vfio, dev->fd, VFIO_DEVICE_GET_IRQ_INFO, &info);

	/* Errors and requests came later; some functions have none. */
	if (r < 0)
		return index <= VFIO_PCI_MSIX_IRQ_INDEX ? r : 0;
	if (info.flags & VFIO_IRQ_INFO_EVENTFD)
		dev->irqs[index] =
			(struct vfio_irq_info_kept){ info.flags, info.count };
	return 0;
}

int vfio_device_probe(struct vfio_pci *dev, struct err *err)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int r = vfio_ioctl(dev->vfio, dev->fd, VFIO_DEVICE_GET_INFO, &info);

	if (r < 0)
		return err_set(err, -r, "%s: VFIO_DEVICE_GET_INFO", dev->bdf);
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) ||
	    info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX ||
	    info.num_irqs <= VFIO_PCI_MSIX_IRQ_INDEX)
		return err_say(err, ENOTSUP,
			       "%s is not a PCI function to VFIO; bind it to "
			       "vfio-pci",
			       dev->bdf);
	dev->flags = info.flags;

	for (unsigned i = 0; i <= VFIO_PCI_CONFIG_REGION_INDEX; i++) {
		r = probe_region(dev, i);
		/* A ROM that is broken on the host is simply not there. */
		if (r < 0 && i != VFIO_PCI_ROM_REGION_INDEX)
			return err_set(err, -r,
				       "%s: VFIO_DEVICE_GET_REGION_INFO %u",
				       dev->bdf, i);
	}
	for (unsigned i = 0; i < VFIO_PCI_NUM_IRQS && i < info.num_irqs; i++) {
		r = probe_irq(dev, i);
		if (r < 0)
			return err_set(err, -r,
				       "%s: VFIO_DEVICE_GET_IRQ_INFO %u",
				       dev->bdf, i);
	}
	return 0;
}
