/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset.c - every function begins as after power-on: by its own reset, or by
 * its bus's when all that is on the bus is ours.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/auto.h"

#define ENTRIES_MAX 4096U /* functions behind one bridge, bus by bus */

bool vfio_reset_entry_is(const struct vfio_pci_dependent_device *entry,
			 const struct vfio_pci *dev)
{
	return bdf_key(dev->bdf) ==
	       ((int64_t)entry->segment << 16 | entry->bus << 8 | entry->devfn);
}

int vfio_reset_info(struct vfio *vfio, const struct vfio_pci *dev,
		    struct vfio_pci_hot_reset_info **ret)
{
	struct vfio_pci_hot_reset_info ask = { .argsz = sizeof(ask) };
	int r = vfio_ioctl(vfio, dev->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
			   &ask);

	/* -ENOSPC says how many there are. */
	if (r < 0 && r != -ENOSPC)
		return r;
	if (ask.count == 0 || ask.count > ENTRIES_MAX)
		return -ENODEV;

	size_t size = sizeof(ask) + ask.count * sizeof(ask.devices[0]);
	AUTO_FREE struct vfio_pci_hot_reset_info *info = calloc(1, size);
	if (!info)
		return -ENOMEM;
	info->argsz = (uint32_t)size;
	r = vfio_ioctl(vfio, dev->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
	if (r < 0)
		return r;
	if (info->count > ask.count)
		return -EAGAIN;
	*ret = TAKE_PTR(info);
	return 0;
}

static int reset_one(struct vfio *vfio, struct vfio_pci *dev, struct err *err)
{
	int r = -EOPNOTSUPP;

	if (dev->flags & VFIO_DEVICE_FLAGS_RESET)
		r = vfio_ioctl_val(vfio, dev->fd, VFIO_DEVICE_RESET, 0);
	if (r < 0)
		r = vfio->ops->hot_reset(vfio, dev);
	if (r >= 0 || dev->no_reset)
		return 0;
	if (r == -EPERM)
		return err_say(err, EPERM,
			       "%s can only be reset together with functions "
			       "that this VM does not have; give it all that "
			       "are on its bus, or take the risk of what a "
			       "former user left in it with reset=off",
			       dev->bdf);
	return err_say(err, -r,
		       "%s cannot be reset (%s); what a former user left in it "
		       "would stay: add reset=off to take that risk",
		       dev->bdf, strerrordesc_np(-r));
}

int vfio_reset_all(struct vfio *vfio, struct err *err)
{
	for (unsigned i = 0; i < vfio->nr_devs; i++) {
		int r = reset_one(vfio, vfio->dev[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}
