/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm.c - KVM's own VFIO device (Documentation/virt/kvm/devices/vfio.rst): it
 * tells KVM of DMA that bypasses caches, and drivers which VM they serve.
 * Host kernels without it lose that and nothing else.
 */
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "devices/vfio/priv.h"

static int create(const struct vfio *vfio)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_VFIO };

	if (vfio->env.vm_fd < 0 ||
	    ioctl(vfio->env.vm_fd, KVM_CREATE_DEVICE, &dev) < 0)
		return -1;
	return (int)dev.fd;
}

/* A device node takes the same numbers as a group, since Linux 6.6. */
static void tell(const struct vfio *vfio, int fd, uint64_t what)
{
	int32_t arg = fd;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = what,
		.addr = (uintptr_t)&arg,
	};

	if (vfio->kvm_fd >= 0)
		(void)ioctl(vfio->kvm_fd, KVM_SET_DEVICE_ATTR, &attr);
}

void vfio_kvm_add(struct vfio *vfio, int fd)
{
	/* KVM allows one such device, which lives as long as the VM. */
	if (vfio->kvm_fd < 0)
		vfio->kvm_fd = create(vfio);
	tell(vfio, fd, KVM_DEV_VFIO_GROUP_ADD);
}

void vfio_kvm_remove(struct vfio *vfio, int fd)
{
	tell(vfio, fd, KVM_DEV_VFIO_GROUP_DEL);
}
