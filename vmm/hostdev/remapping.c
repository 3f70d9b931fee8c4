/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remapping.c - are interrupts remapped?  Without it a device can forge any
 * interrupt by writing to memory, so VFIO refuses (Linux, vfio.rst).  The
 * kernel has no file that says so, but names its interrupt chips by it:
 * IR-IO-APIC and IR-PCI-MSI, or without the "IR-".
 */
#include <stdio.h>
#include <string.h>

#include "vmm/hostdev/hostdev_use.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/sysfs.h"

#define LINE_MAX_IRQ 16384 /* ten characters for each of many processors */

enum hostdev_remap hostdev_remapping(const struct hostdev_sys *sys)
{
	enum hostdev_remap found = HOSTDEV_REMAP_UNKNOWN;
	AUTO_FREE char *line = malloc(LINE_MAX_IRQ);
	char path[PATH_MAX];

	sysfs_path(sys->root, path, "/proc/interrupts");
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	while (line && f && fgets(line, LINE_MAX_IRQ, f)) {
		if (strstr(line, " IR-"))
			return HOSTDEV_REMAP_ON;
		if (strstr(line, " IO-APIC") || strstr(line, " PCI-MSI"))
			found = HOSTDEV_REMAP_OFF;
	}
	return found;
}

bool hostdev_unsafe_allowed(const struct hostdev_sys *sys)
{
	char text[8];

	return sysfs_text(sys->root, text, sizeof(text),
			  "/sys/module/vfio_iommu_type1/parameters/"
			  "allow_unsafe_interrupts") == 0 &&
	       text[0] == 'Y';
}
