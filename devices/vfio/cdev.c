/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdev.c - the newer way: each function's own device node, and an I/O address
 * space of iommufd's.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "devices/vfio/abi.h"
#include "devices/vfio/priv.h"
#include "vmm/lib/auto.h"

static int cdev_check(struct vfio *vfio, struct err *err)
{
	struct abi_ioas_alloc alloc = { .size = sizeof(alloc) };
	int r = vfio_ioctl(vfio, vfio->fd, ABI_IOAS_ALLOC, &alloc);

	if (r < 0)
		return err_say(err, -r,
			       "--iommufd: no address space of it to be had; "
			       "load the module iommufd and give /dev/iommu");
	vfio->ioas = alloc.ioas;
	vfio->ready = true;
	return 0;
}

static int refuse_bind(const char *bdf, int r, struct err *err)
{
	switch (-r) {
	case EBUSY:
		return err_say(err, EBUSY,
			       "%s is in use by another VM or process; stop "
			       "that one first",
			       bdf);
	case EPERM:
		return err_say(err, EPERM,
			       "%s: the host's IOMMU does not remap "
			       "interrupts, so the guest could forge them; "
			       "switch interrupt remapping on in the firmware, "
			       "or accept the risk with "
			       "allow_unsafe_interrupts=1 of iommufd",
			       bdf);
	case ENOTTY:
	case EINVAL:
		return err_say(err, -r,
			       "%s: cdev= is not a device node of VFIO; give "
			       "the /dev/vfio/devices/vfioN that belongs to it "
			       "(Linux 6.6 and newer)",
			       bdf);
	default:
		return err_set(err, -r, "%s: VFIO_DEVICE_BIND_IOMMUFD", bdf);
	}
}

static int refuse_attach(const char *bdf, int r, struct err *err)
{
	if (r == -EBUSY || r == -EINVAL)
		return err_say(err, -r,
			       "%s: another function of its IOMMU group is in "
			       "use by the host or another VM; bind all of "
			       "them to vfio-pci ('belljar gpu ls' shows them)",
			       bdf);
	return err_set(err, -r, "%s: VFIO_DEVICE_ATTACH_IOMMUFD_PT", bdf);
}

static int cdev_attach(struct vfio *vfio, const char *bdf, int fd,
		       int *ret_device, struct err *err)
{
	struct abi_device_bind bind = {
		.size = sizeof(bind),
		.iommufd = vfio->fd,
	};
	struct abi_device_attach attach = {
		.size = sizeof(attach),
		.ioas = vfio->ioas,
	};

	/* KVM first: some drivers look for their VM when they are bound. */
	vfio_kvm_add(vfio, fd);
	int r = vfio_ioctl(vfio, fd, ABI_DEVICE_BIND, &bind);
	if (r < 0) {
		r = refuse_bind(bdf, r, err);
	} else {
		r = vfio_ioctl(vfio, fd, ABI_DEVICE_ATTACH, &attach);
		if (r < 0)
			r = refuse_attach(bdf, r, err);
	}
	if (r < 0) {
		/* What was bound is so until it is closed. */
		vfio_kvm_remove(vfio, fd);
		(void)close(fd);
		return r;
	}
	*ret_device = fd;
	return 0;
}

static void cdev_detach(struct vfio *vfio, int fd, int device)
{
	(void)device; /* the same */
	vfio_kvm_remove(vfio, fd);
	(void)close(fd);
}

static int cdev_map(struct vfio *vfio, uint64_t iova, uint64_t size,
		    const void *host)
{
	struct abi_ioas_map map = {
		.size = sizeof(map),
		.flags = ABI_MAP_FIXED | ABI_MAP_WRITEABLE | ABI_MAP_READABLE,
		.ioas = vfio->ioas,
		.host = (uintptr_t)host,
		.length = size,
		.iova = iova,
	};

	return vfio_ioctl(vfio, vfio->fd, ABI_IOAS_MAP, &map);
}

static int cdev_unmap(struct vfio *vfio, uint64_t iova, uint64_t size)
{
	struct abi_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas = vfio->ioas,
		.iova = iova,
		.length = size,
	};

	return vfio_ioctl(vfio, vfio->fd, ABI_IOAS_UNMAP, &unmap);
}

static int cdev_ranges(struct vfio *vfio, struct vfio_range *ret)
{
	struct abi_iova_range range[VFIO_RANGES_MAX];
	struct abi_ioas_ranges ask = {
		.size = sizeof(ask),
		.ioas = vfio->ioas,
		.nr = VFIO_RANGES_MAX,
		.ranges = (uintptr_t)range,
	};
	int r = vfio_ioctl(vfio, vfio->fd, ABI_IOAS_RANGES, &ask);

	/* There are more: what fits has been written. */
	if (r < 0 && r != -EMSGSIZE)
		return r;
	for (unsigned i = 0; i < ask.nr && i < VFIO_RANGES_MAX; i++)
		ret[i] = (struct vfio_range){ range[i].first, range[i].last };
	return (int)ask.nr;
}

static int cdev_hot_reset(struct vfio *vfio, struct vfio_pci *dev)
{
	AUTO_FREE struct vfio_pci_hot_reset_info *info = NULL;
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };
	int r = vfio_reset_info(vfio, dev, &info);

	if (r < 0)
		return r;
	if (!(info->flags & ABI_HOT_RESET_OWNED))
		return -EPERM;
	return vfio_ioctl(vfio, dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset);
}

const struct vfio_backend_ops vfio_cdev_ops = {
	.check = cdev_check,
	.attach = cdev_attach,
	.detach = cdev_detach,
	.map = cdev_map,
	.unmap = cdev_unmap,
	.ranges = cdev_ranges,
	.hot_reset = cdev_hot_reset,
};
