/* SPDX-License-Identifier: Apache-2.0 */
/* sys.c - system calls on VFIO's descriptors. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/vfio/priv.h"

static int sys_ioctl(void *arg, int fd, unsigned long request, uintptr_t data)
{
	int r = ioctl(fd, request, data);

	(void)arg;
	return r < 0 ? -errno : r;
}

static ssize_t sys_pread(void *arg, int fd, void *buf, size_t len, uint64_t off)
{
	/* As disks are read: the jail knows one call for both. */
	const struct iovec iov = { buf, len };
	ssize_t n = preadv2(fd, &iov, 1, (off_t)off, 0);

	(void)arg;
	return n < 0 ? -errno : n;
}

static ssize_t sys_pwrite(void *arg, int fd, const void *buf, size_t len,
			  uint64_t off)
{
	const struct iovec iov = { (void *)(uintptr_t)buf, len };
	ssize_t n = pwritev(fd, &iov, 1, (off_t)off);

	(void)arg;
	return n < 0 ? -errno : n;
}

const struct vfio_sys vfio_sys_kernel = {
	.ioctl = sys_ioctl,
	.pread = sys_pread,
	.pwrite = sys_pwrite,
};

int vfio_ioctl(const struct vfio *vfio, int fd, unsigned long request,
	       const void *data)
{
	return vfio_ioctl_val(vfio, fd, request, (uintptr_t)data);
}

int vfio_ioctl_val(const struct vfio *vfio, int fd, unsigned long request,
		   uintptr_t val)
{
	const struct vfio_sys *sys = vfio->env.sys;

	return sys->ioctl(sys->arg, fd, request, val);
}

int vfio_region_read(const struct vfio_pci *dev, unsigned region, uint64_t off,
		     void *buf, unsigned len)
{
	const struct vfio_sys *sys = dev->vfio->env.sys;
	ssize_t n = sys->pread(sys->arg, dev->fd, buf, len,
			       dev->region[region].offset + off);

	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EIO;
}

int vfio_region_write(const struct vfio_pci *dev, unsigned region, uint64_t off,
		      const void *buf, unsigned len)
{
	const struct vfio_sys *sys = dev->vfio->env.sys;
	ssize_t n = sys->pwrite(sys->arg, dev->fd, buf, len,
				dev->region[region].offset + off);

	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EIO;
}
