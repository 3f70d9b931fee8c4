/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.c - a function that fell off its bus.
 *
 * A GPU may stop to answer at any time.  The first reset after that tells the
 * host's kernel, which then refuses the pages of its BARs: the next access of
 * a vCPU ends KVM_RUN with EFAULT, without saying where.  Real hardware would
 * read as ones there, and so do we, for trapped accesses.
 */
#include <string.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/le.h"

#define PM_ASLEEP PCI_PM_CTRL_STATE_MASK /* D3 */

/* Configuration space is read without effects on the function. */
static bool answers(const struct vfio_pci *dev)
{
	const unsigned config = VFIO_PCI_CONFIG_REGION_INDEX;
	unsigned char state = 0;
	le32_t class;

	/* Not the ids: VFIO remembers those. */
	if (vfio_region_read(dev, config, PCI_CLASS_REVISION, &class,
			     sizeof(class)) < 0 ||
	    le32_get(class) == UINT32_MAX)
		return false;
	if (dev->cap_pm &&
	    vfio_region_read(dev, config, dev->cap_pm + PCI_PM_CTRL, &state,
			     sizeof(state)) < 0)
		return false;
	return (state & PCI_PM_CTRL_STATE_MASK) != PM_ASLEEP;
}

bool vfio_fault(struct vfio *vfio)
{
	bool again = false;

	(void)pthread_mutex_lock(&vfio->env.pci->lock);
	for (unsigned i = 0; i < vfio->nr_devs; i++) {
		struct vfio_pci *dev = vfio->dev[i];

		if (dev->pci.lost || answers(dev))
			continue;
		vfio_bars_hide(dev);
		vfio_warn_once(dev, VFIO_WARN_DEAD,
			       "the device does not answer any more; the guest "
			       "reads ones");
		again = true;
	}
	(void)pthread_mutex_unlock(&vfio->env.pci->lock);
	return again;
}
