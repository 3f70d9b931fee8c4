/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.c - the legacy way: IOMMU groups in one container, type 1 v2.
 *
 * The container has an IOMMU from its first group on; the kernel checks each
 * group that joins, and each refusal has its sentence here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/auto.h"

#define INFO_MAX 65536U /* of VFIO_IOMMU_GET_INFO, as far as we believe it */

static int group_check(struct vfio *vfio, struct err *err)
{
	int version = vfio_ioctl_val(vfio, vfio->fd, VFIO_GET_API_VERSION, 0);

	if (version < 0)
		return err_say(err, ENOTTY,
			       "--vfio-container: not a VFIO container; load "
			       "the module vfio and give /dev/vfio/vfio");
	if (version != VFIO_API_VERSION)
		return err_say(err, ENOTSUP,
			       "VFIO speaks API version %d, belljar needs %d; "
			       "use another kernel",
			       version, VFIO_API_VERSION);
	if (vfio_ioctl_val(vfio, vfio->fd, VFIO_CHECK_EXTENSION,
			   VFIO_TYPE1v2_IOMMU) <= 0)
		return err_say(err, ENOTSUP,
			       "VFIO on this host has no type 1 IOMMU; load "
			       "the module vfio_iommu_type1, and switch the "
			       "IOMMU on in the firmware and on the kernel's "
			       "command line (intel_iommu=on)");
	return 0;
}

static int refuse_remapping(const char *bdf, struct err *err)
{
	return err_say(err, EPERM,
		       "%s: the host's IOMMU does not remap interrupts, so "
		       "the guest could forge them; switch interrupt "
		       "remapping on in the firmware, or accept the risk with "
		       "allow_unsafe_interrupts=1 of vfio_iommu_type1",
		       bdf);
}

static int refuse_viable(const char *bdf, struct err *err)
{
	return err_say(err, EPERM,
		       "%s: its IOMMU group is not viable: a driver of the "
		       "host has another function of the group; bind all of "
		       "them to vfio-pci ('belljar gpu ls' shows them)",
		       bdf);
}

static int refuse_busy(const char *bdf, struct err *err)
{
	return err_say(err, EBUSY,
		       "%s is in use by another VM or process; stop that one "
		       "first",
		       bdf);
}

static int refuse_join(const struct vfio *vfio, const char *bdf, int r,
		       struct err *err)
{
	switch (-r) {
	case EBUSY:
		return refuse_busy(bdf, err);
	case EPERM:
		/* Once there is an IOMMU, joining is what it refuses. */
		return vfio->ready ? refuse_remapping(bdf, err)
				   : refuse_viable(bdf, err);
	default:
		return err_set(err, -r, "%s: VFIO_GROUP_SET_CONTAINER", bdf);
	}
}

static int set_iommu(struct vfio *vfio, const char *bdf, struct err *err)
{
	int r = vfio_ioctl_val(vfio, vfio->fd, VFIO_SET_IOMMU,
			       VFIO_TYPE1v2_IOMMU);

	if (r >= 0) {
		vfio->ready = true;
		return 0;
	}
	switch (-r) {
	case EPERM:
		return refuse_remapping(bdf, err);
	case ENODEV:
		return err_say(err, ENODEV,
			       "%s is behind no IOMMU that VFIO can use; "
			       "switch the IOMMU on in the firmware and on "
			       "the kernel's command line",
			       bdf);
	case EBUSY:
		return refuse_busy(bdf, err);
	default:
		return err_set(err, -r, "%s: VFIO_SET_IOMMU", bdf);
	}
}

static int check_status(const struct vfio *vfio, const char *bdf, int fd,
			struct err *err)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int r = vfio_ioctl(vfio, fd, VFIO_GROUP_GET_STATUS, &status);

	if (r < 0)
		return err_say(err, -r,
			       "%s: group= is not an IOMMU group of VFIO; give "
			       "the /dev/vfio/N that belongs to it",
			       bdf);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return refuse_viable(bdf, err);
	if (status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET)
		return refuse_busy(bdf, err);
	return 0;
}

static int join(struct vfio *vfio, const char *bdf, int fd, struct err *err)
{
	int r = check_status(vfio, bdf, fd, err);
	if (r < 0)
		return r;

	r = vfio_ioctl(vfio, fd, VFIO_GROUP_SET_CONTAINER, &vfio->fd);
	if (r < 0)
		return refuse_join(vfio, bdf, r, err);
	if (!vfio->ready) {
		r = set_iommu(vfio, bdf, err);
		if (r < 0) {
			(void)vfio_ioctl_val(vfio, fd,
					     VFIO_GROUP_UNSET_CONTAINER, 0);
			return r;
		}
	}
	vfio_kvm_add(vfio, fd);
	return 0;
}

/* @fd is in the table no longer, or not yet; the container's IOMMU goes with
 * the last. */
static void leave(struct vfio *vfio, int fd)
{
	vfio_kvm_remove(vfio, fd);
	(void)vfio_ioctl_val(vfio, fd, VFIO_GROUP_UNSET_CONTAINER, 0);
	(void)close(fd);
	vfio->ready = vfio->nr_groups > 0;
}

static struct vfio_group *find(struct vfio *vfio, int fd)
{
	for (unsigned i = 0; i < vfio->nr_groups; i++)
		if (vfio->group[i].fd == fd)
			return &vfio->group[i];
	return NULL;
}

static int open_device(const struct vfio *vfio, const char *bdf, int fd,
		       struct err *err)
{
	int r = vfio_ioctl(vfio, fd, VFIO_GROUP_GET_DEVICE_FD, bdf);

	switch (r < 0 ? -r : 0) {
	case 0:
		return r;
	case EBUSY:
		return refuse_busy(bdf, err);
	case ENODEV:
	case EINVAL:
		return err_say(err, ENODEV,
			       "%s is not bound to vfio-pci, or not of the "
			       "group that was given; 'belljar gpu ls' shows "
			       "both",
			       bdf);
	default:
		return err_set(err, -r, "%s: VFIO_GROUP_GET_DEVICE_FD", bdf);
	}
}

static int group_attach(struct vfio *vfio, const char *bdf, int fd,
			int *ret_device, struct err *err)
{
	struct vfio_group *group = find(vfio, fd);
	bool joined = !group;

	if (joined) {
		int r = join(vfio, bdf, fd, err);

		if (r < 0) {
			(void)close(fd);
			return r;
		}
	}
	int device = open_device(vfio, bdf, fd, err);
	if (device < 0) {
		if (joined)
			leave(vfio, fd);
		return device;
	}
	if (joined) {
		/* One for each function at most: there is room. */
		group = &vfio->group[vfio->nr_groups++];
		*group = (struct vfio_group){ .fd = fd };
	}
	group->users++;
	*ret_device = device;
	return 0;
}

static void group_detach(struct vfio *vfio, int fd, int device)
{
	struct vfio_group *group = find(vfio, fd);

	(void)close(device);
	if (!group || --group->users > 0)
		return;
	*group = vfio->group[--vfio->nr_groups];
	leave(vfio, fd);
}

static int group_map(struct vfio *vfio, uint64_t iova, uint64_t size,
		     const void *host)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)host,
		.iova = iova,
		.size = size,
	};

	return vfio_ioctl(vfio, vfio->fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int group_unmap(struct vfio *vfio, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return vfio_ioctl(vfio, vfio->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

/* The ranges in the capability at @off of @info; 0: none. */
static int read_ranges(const unsigned char *info, uint32_t size, uint32_t off,
		       struct vfio_range *ret)
{
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct vfio_iova_range r;

	if (size - off < sizeof(cap))
		return 0;
	memcpy(&cap, info + off, sizeof(cap));
	if (cap.nr_iovas > (size - off - sizeof(cap)) / sizeof(r))
		return 0;
	for (unsigned i = 0; i < cap.nr_iovas && i < VFIO_RANGES_MAX; i++) {
		memcpy(&r, info + off + sizeof(cap) + i * sizeof(r), sizeof(r));
		ret[i] = (struct vfio_range){ r.start, r.end };
	}
	return (int)cap.nr_iovas;
}

static int find_ranges(const unsigned char *info, uint32_t size, uint32_t off,
		       struct vfio_range *ret)
{
	struct vfio_info_cap_header head;

	/* Every capability moves forward, or it is a loop. */
	while (off >= sizeof(struct vfio_iommu_type1_info) && off < size &&
	       size - off >= sizeof(head)) {
		memcpy(&head, info + off, sizeof(head));
		if (head.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			return read_ranges(info, size, off, ret);
		if (head.next <= off)
			break;
		off = head.next;
	}
	return 0;
}

static int group_ranges(struct vfio *vfio, struct vfio_range *ret)
{
	struct vfio_iommu_type1_info ask = { .argsz = sizeof(ask) };
	int r = vfio_ioctl(vfio, vfio->fd, VFIO_IOMMU_GET_INFO, &ask);

	if (r < 0)
		return r;
	if (!(ask.flags & VFIO_IOMMU_INFO_CAPS) || ask.argsz <= sizeof(ask) ||
	    ask.argsz > INFO_MAX)
		return 0;

	AUTO_FREE unsigned char *info = calloc(1, ask.argsz);
	if (!info)
		return -ENOMEM;
	uint32_t size = ask.argsz;
	memcpy(info, &size, sizeof(size));
	r = vfio_ioctl(vfio, vfio->fd, VFIO_IOMMU_GET_INFO, info);
	if (r < 0)
		return r;
	memcpy(&ask, info, sizeof(ask));
	return find_ranges(info, size, ask.cap_offset, ret);
}

/* The entries' group of which one is ours. */
static bool group_is_ours(const struct vfio *vfio,
			  const struct vfio_pci_hot_reset_info *info,
			  uint32_t group)
{
	for (uint32_t i = 0; i < info->count; i++)
		for (unsigned d = 0; d < vfio->nr_devs; d++)
			if (info->devices[i].group_id == group &&
			    vfio_reset_entry_is(&info->devices[i],
						vfio->dev[d]))
				return true;
	return false;
}

static int group_hot_reset(struct vfio *vfio, struct vfio_pci *dev)
{
	AUTO_FREE struct vfio_pci_hot_reset_info *info = NULL;
	int r = vfio_reset_info(vfio, dev, &info);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < info->count; i++)
		if (!group_is_ours(vfio, info, info->devices[i].group_id))
			return -EPERM;

	AUTO_FREE struct vfio_pci_hot_reset *reset =
		calloc(1, sizeof(*reset) + vfio->nr_groups * sizeof(int32_t));
	if (!reset)
		return -ENOMEM;
	reset->argsz =
		(uint32_t)(sizeof(*reset) + vfio->nr_groups * sizeof(int32_t));
	reset->count = vfio->nr_groups;
	for (unsigned i = 0; i < vfio->nr_groups; i++)
		reset->group_fds[i] = vfio->group[i].fd;
	return vfio_ioctl(vfio, dev->fd, VFIO_DEVICE_PCI_HOT_RESET, reset);
}

const struct vfio_backend_ops vfio_group_ops = {
	.check = group_check,
	.attach = group_attach,
	.detach = group_detach,
	.map = group_map,
	.unmap = group_unmap,
	.ranges = group_ranges,
	.hot_reset = group_hot_reset,
};
