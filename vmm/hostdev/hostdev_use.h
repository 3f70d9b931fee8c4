/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostdev_use.h - may a VM have this function?  Each refusal is one sentence:
 * the thing, the reason, the remedy.
 */
#ifndef VMM_HOSTDEV_HOSTDEV_USE_H
#define VMM_HOSTDEV_HOSTDEV_USE_H

#include <sys/types.h>

#include "vmm/hostdev/hostdev.h"

/* Functions that go to vfio-pci together, for one VM. */
struct hostdev_set {
	const struct hostdev *dev[HOSTDEV_TAKE_MAX]; /* into the list */
	bool companion[HOSTDEV_TAKE_MAX]; /* taken along, not asked for */
	bool no_reset[HOSTDEV_TAKE_MAX]; /* accepted without a reset method */
	size_t nr;
};

/*
 * Add @dev, and with it the functions of its slot that share its IOMMU group:
 * they can't stay with the host.  A function that is in the set already is
 * no longer a companion then.  -E2BIG with a sentence.
 */
int hostdev_set_add(struct hostdev_set *set, const struct hostdev_list *all,
		    const struct hostdev *dev, bool no_reset, struct err *err);

/*
 * May the functions of @set be taken, now and all together?  Asks in this
 * order: it is an endpoint, has an IOMMU group, interrupts are remapped, the
 * group is viable, it can be reset, no SR-IOV functions hang on it, vfio-pci
 * is there (loading it), the host does not use it, we have the rights.
 * Changes nothing but that module.  What another VM of ours holds is
 * hostdev_take()'s to say.
 */
int hostdev_check(const struct hostdev_sys *sys, const struct hostdev_list *all,
		  const struct hostdev_set *set, struct err *err);

struct hostdev_why {
	char fact[256]; /* "disk nvme0n1 is mounted on '/data'" */
	char remedy[96]; /* "unmount it" */
};

/*
 * Whether the host uses @dev: a mounted disk, a network interface that is up,
 * a device node that a process has open, the console.  A function of vfio-pci
 * is in use when a process has its group open.  Without root, other users'
 * processes can't be seen.
 */
bool hostdev_in_use(const struct hostdev_sys *sys, const struct hostdev *dev,
		    struct hostdev_why *ret);

/*
 * Bytes of memory that a VM with such functions keeps in place: may we lock
 * that much?  -EPERM with a sentence that says how to be allowed.
 */
int hostdev_check_memlock(const struct hostdev_sys *sys, uint64_t bytes,
			  struct err *err);

/* Members of @dev's group that keep it from being viable: how many, and which.
 */
size_t hostdev_hinders(const struct hostdev_list *all,
		       const struct hostdev_set *set, const struct hostdev *dev,
		       const struct hostdev **ret, size_t max);

/*
 * By a method of the kernel's, or with the whole bus, when @set has all that
 * is on it.
 */
bool hostdev_can_reset(const struct hostdev_sys *sys,
		       const struct hostdev_list *all,
		       const struct hostdev_set *set,
		       const struct hostdev *dev);

/* vfio-pci, or a relative of it that knows the device (nvgrace-gpu-vfio-pci).
 */
bool hostdev_with_vfio(const struct hostdev *dev);

/* Half a sentence: how to switch the IOMMU on here.  Returns -ENOTSUP. */
int hostdev_say_iommu(const struct hostdev_sys *sys, struct err *err);

enum hostdev_remap {
	HOSTDEV_REMAP_ON,
	HOSTDEV_REMAP_OFF,
	HOSTDEV_REMAP_UNKNOWN
};

/* Interrupt remapping, by the names of the interrupt chips in use. */
enum hostdev_remap hostdev_remapping(const struct hostdev_sys *sys);

/* modprobe would find @module; it is not loaded by this. */
bool hostdev_can_load(const struct hostdev_sys *sys, const char *module);

/* vfio_iommu_type1's allow_unsafe_interrupts is on. */
bool hostdev_unsafe_allowed(const struct hostdev_sys *sys);

/*
 * /dev/vfio/GROUP of a function bound to vfio-pci, for reading and writing,
 * O_CLOEXEC.  Open it once for all functions of a group: the kernel refuses
 * a second time.  -errno with a sentence that names who has it, or the udev
 * rule that is missing.
 */
int hostdev_open_group(const struct hostdev_sys *sys, const struct hostdev *dev,
		       struct err *err);

/* The sentence for a group that could not be opened.  Returns -@errnum. */
int hostdev_say_group(const struct hostdev *dev, int errnum, struct err *err);

/*
 * /dev/vfio/devices/vfioN, the way of iommufd (Linux 6.6).  -ENOENT when this
 * kernel has none: take the group.
 */
int hostdev_open_cdev(const struct hostdev_sys *sys, const struct hostdev *dev,
		      struct err *err);

#endif
