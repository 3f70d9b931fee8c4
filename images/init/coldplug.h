/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coldplug.h - load the modules that the machine's devices ask for by their
 * modalias, as udev would, before the container starts.
 *
 * Modules that lie outside of kernel/ in their tree (updates/, extra/: a
 * vendor's) are preferred: where one of those matches a device, the kernel's
 * own are left alone, so that nouveau does not take what nvidia is meant for.
 * Frame buffer drivers are the last resort, as distributions have it.
 */
#ifndef IMAGES_INIT_COLDPLUG_H
#define IMAGES_INIT_COLDPLUG_H

#include "images/init/warn.h"
#include "vmm/lib/err.h"
#include "vmm/lib/modtree.h"

#define COLDPLUG_SYS "/sys"

/* A device without a driver. */
struct coldplug_device {
	struct coldplug_device *next;
	struct modlist modules; /* names of those that match */
	char name[96]; /* "pci/0000:00:05.0": of its bus */
	char alias[]; /* normalized */
};

/*
 * The devices below @sys/bus that have a modalias and no driver, those named
 * in @known left out and the others added to it, with the modules of @tree that
 * match.  The caller ends *@ret with coldplug_free().  0 or -errno.
 */
int coldplug_find(const char *sys, int tree, struct modlist *known,
		  struct coldplug_device **ret, struct err *err);
void coldplug_free(struct coldplug_device *list);

/*
 * In which turn a module of that path gets a device: 0 a vendor's, 1 the
 * kernel's, 2 a frame buffer driver.
 */
unsigned coldplug_rank(const char *path);

/*
 * Load what the devices ask for, and then what the devices ask for that came
 * by that; wait for the disks of NVMe controllers.  What does not load, or a
 * PCI device that none of its modules took, is a warning.
 */
int coldplug(int tree, struct warn *warn, struct err *err);

#endif
