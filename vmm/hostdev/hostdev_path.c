/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostdev_path.c - where a function hangs: sysfs nests the directories as the
 * hardware is wired.
 *
 *   /sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:04.0/0000:03:00.0
 *                root bus   root port    switch up    switch down  the function
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/hostdev/hostdev.h"
#include "vmm/lib/sysfs.h"

int hostdev_path(const struct hostdev_sys *sys, const struct hostdev *dev,
		 struct hostdev_path *ret, struct err *err)
{
	char path[PATH_MAX], whole[PATH_MAX], bdf[BDF_MAX];
	struct hostdev_path p = { .nr = 0 };
	char *next = whole;

	sysfs_path(sys->root, path, SYSFS_PCI "%s", dev->bdf);
	if (!realpath(path, whole))
		return err_set(err, errno, "find where %s hangs", dev->bdf);
	for (const char *part; (part = strsep(&next, "/")) != NULL;) {
		/* A host bridge; a second one below it (VMD) begins anew. */
		if (strncmp(part, "pci", 3) == 0 && strchr(part, ':')) {
			p.nr = 0;
			(void)snprintf(p.root, sizeof(p.root), "%.*s",
				       (int)sizeof(p.root) - 1, part + 3);
			continue;
		}
		if (!p.root[0] || strcmp(part, dev->bdf) == 0 ||
		    bdf_parse(part, bdf, NULL) < 0)
			continue;
		if (p.nr == HOSTDEV_DEPTH_MAX)
			return err_say(err, E2BIG,
				       "%s is below more than %d bridges",
				       dev->bdf, HOSTDEV_DEPTH_MAX);
		memcpy(p.bridge[p.nr++], bdf, sizeof(bdf));
	}
	*ret = p;
	return 0;
}

int hostdev_ports(const struct hostdev_sys *sys,
		  const struct hostdev *const *dev, size_t nr, int *ret_port,
		  struct err *err)
{
	char port[HOSTDEV_TAKE_MAX][BDF_MAX];
	int found = 0;

	if (nr > HOSTDEV_TAKE_MAX)
		return err_say(err, E2BIG, "a VM can have %d devices",
			       HOSTDEV_TAKE_MAX);
	for (size_t i = 0; i < nr; i++) {
		struct hostdev_path p = { .nr = 0 };
		int r = hostdev_path(sys, dev[i], &p, err);

		if (r < 0)
			return r;
		ret_port[i] = -1;
		if (p.nr == 0)
			continue;
		int k = 0;
		while (k < found && strcmp(port[k], p.bridge[0]) != 0)
			k++;
		if (k == found)
			memcpy(port[found++], p.bridge[0], sizeof(port[0]));
		ret_port[i] = k;
	}
	return 0;
}
