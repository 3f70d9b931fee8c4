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

/*
 * Whether the host uses @dev: a mounted disk, a network interface that is up,
 * a device node that a process has open, the console.  Says what, as in
 * "disk nvme0n1 is mounted on '/data'".  A function of vfio-pci is in use when
 * a process has its group open.
 */
bool hostdev_in_use(const struct hostdev_sys *sys, const struct hostdev *dev,
		    char *why, size_t size);

/* Members of @dev's group that keep it from being viable: how many, and which.
 */
size_t hostdev_hinders(const struct hostdev_list *all,
		       const struct hostdev_set *set, const struct hostdev *dev,
		       const struct hostdev **ret, size_t max);

/* Whether @driver lets a VM have the group: vfio-pci, pci-stub, or none. */
bool hostdev_driver_is_neutral(const char *driver);

enum hostdev_remap {
	HOSTDEV_REMAP_ON,
	HOSTDEV_REMAP_OFF,
	HOSTDEV_REMAP_UNKNOWN
};

/* Interrupt remapping, by the names of the interrupt chips in use. */
enum hostdev_remap hostdev_remapping(const struct hostdev_sys *sys);

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

/*
 * /dev/vfio/devices/vfioN, the way of iommufd (Linux 6.6).  -ENOENT when this
 * kernel has none: take the group.
 */
int hostdev_open_cdev(const struct hostdev_sys *sys, const struct hostdev *dev,
		      struct err *err);

#endif
