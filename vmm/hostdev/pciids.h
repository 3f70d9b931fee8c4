/* SPDX-License-Identifier: Apache-2.0 */
/* pciids.h - names of PCI functions, by the database of the package pci.ids. */
#ifndef VMM_HOSTDEV_PCIIDS_H
#define VMM_HOSTDEV_PCIIDS_H

#include <stddef.h>

#include "vmm/hostdev/hostdev.h"

/*
 * Fill the names of @nr functions in one pass over the file.  What it does
 * not know, or all when there is no file, is called by its numbers.
 */
void pciids_names(const struct hostdev_sys *sys, struct hostdev *dev,
		  size_t nr);

#endif
