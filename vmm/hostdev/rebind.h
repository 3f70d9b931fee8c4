/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebind.h - one function from one driver to another.  Each can be cut off
 * anywhere and simply done again.
 */
#ifndef VMM_HOSTDEV_REBIND_H
#define VMM_HOSTDEV_REBIND_H

#include "vmm/hostdev/hostdev.h"
#include "vmm/hostdev/journal.h"

/* Verified by what sysfs says afterwards.  -errno with a sentence. */
int rebind_to_vfio(const struct hostdev_sys *sys, const struct hostdev *dev,
		   struct err *err);

/*
 * As the journal says it was.  -EBUSY or -EPERM with a sentence: it can't be
 * done now.  -ENODEV with a sentence: it has been freed, but the former
 * driver did not take it.
 */
int rebind_back(const struct hostdev_sys *sys, const char *bdf,
		const struct journal *j, struct err *err);

#endif
