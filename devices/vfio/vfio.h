/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio.h - PCI functions of the host in the guest, through Linux's VFIO
 * (Documentation/driver-api/vfio.rst).
 *
 * A `struct vfio` is one I/O address space: guest RAM at the guest's own
 * addresses, which every function added to it may reach by DMA.  The kernel
 * has two ways to make one, behind struct vfio_backend_ops: a container with
 * IOMMU groups (group.c), and an iommufd with device nodes (cdev.c).
 *
 * Order: vfio_open(), vfio_pci_open() for each function, pci_host_place(),
 * which may refuse a BAR and costs nothing, vfio_start(), which costs minutes,
 * pci_host_start(), the vCPUs.  After that no path is opened; what still
 * runs, from vCPU threads and the loop, is ioctl(), pread() and pwrite() on
 * device descriptors, ioctl() on the container or iommufd and on KVM's, and
 * eventfd2(), epoll_ctl(), munmap() and close().
 */
#ifndef DEVICES_VFIO_VFIO_H
#define DEVICES_VFIO_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "devices/pci/pci.h"
#include "vmm/core/gmem.h"
#include "vmm/core/irq.h"
#include "vmm/core/loop.h"
#include "vmm/core/slots.h"
#include "vmm/lib/err.h"

#define VFIO_DEVICES_MAX 16

struct vfio;
struct vfio_pci;

/*
 * The system calls on VFIO's descriptors: the kernel's (vfio_sys_kernel), or
 * a made-up kernel of the tests.  As the libc's, but they return -errno.
 */
struct vfio_sys {
	int (*ioctl)(void *arg, int fd, unsigned long request, uintptr_t data);
	ssize_t (*pread)(void *arg, int fd, void *buf, size_t len,
			 uint64_t off);
	ssize_t (*pwrite)(void *arg, int fd, const void *buf, size_t len,
			  uint64_t off);
	void *arg;
};

extern const struct vfio_sys vfio_sys_kernel;

/* What the machine gives to VFIO; all of it outlives the struct vfio. */
struct vfio_env {
	const struct gmem *gm;
	struct irqchip *chip;
	struct slots *slots;
	struct pci_host *pci;
	struct loop *loop; /* where unplug requests and errors are served */
	int vm_fd; /* -1: no KVM */
	const struct vfio_sys *sys;
	/* A function went away (@why: "unplug" or "error"); loop's thread. */
	void (*lost)(void *arg, const char *bdf, const char *why);
	void *arg;
};

enum vfio_api { VFIO_API_GROUP, VFIO_API_CDEV };

/*
 * @fd is an open container or iommufd, which passes to it on success.  -errno
 * with a sentence.
 */
int vfio_open(const struct vfio_env *env, enum vfio_api api, int fd,
	      struct vfio **ret, struct err *err);
/* After its functions are closed and no vCPU runs.  Accepts NULL. */
void vfio_close(struct vfio *vfio);

struct vfio_pci_config {
	const char *bdf; /* "0000:01:00.0" */
	int fd; /* its group, or its device node */
	unsigned bus; /* of the guest, see pci_add_to() */
	bool below_port; /* that bus has a link above it */
	bool rom; /* show the expansion ROM */
	bool no_reset; /* go on when it cannot be reset */
};

/*
 * Put a function on the guest's bus.  Its descriptor passes to @vfio, also when
 * this fails; functions of one group give the same number, and it passes once.
 * -errno with a sentence that names the function.
 */
int vfio_pci_open(struct vfio *vfio, const struct vfio_pci_config *cfg,
		  struct err *err);

/* What vfio_start() took. */
struct vfio_times {
	uint64_t map_ns; /* pinning and mapping guest RAM for DMA */
	uint64_t bytes;
};

/*
 * All functions are open: reset them and map guest RAM for them.  -errno with
 * a sentence.
 */
int vfio_start(struct vfio *vfio, struct vfio_times *ret, struct err *err);

/*
 * KVM_RUN failed with EFAULT, on the calling thread: take the BARs of functions
 * that do not answer any more from the guest.  True when there is one, so that
 * the vCPU may try again; the caller bounds how often.
 */
bool vfio_fault(struct vfio *vfio);

#endif
