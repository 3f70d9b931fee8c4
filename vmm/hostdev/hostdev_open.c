/* SPDX-License-Identifier: Apache-2.0 */
/* hostdev_open.c - the device files through which VFIO gives a function. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "vmm/hostdev/hostdev_use.h"
#include "vmm/lib/sysfs.h"

int hostdev_say_group(const struct hostdev *dev, int errnum, struct err *err)
{
	if (errnum == EACCES || errnum == EPERM)
		return err_say(err, errnum,
			       "'/dev/vfio/%d', the IOMMU group of %s, is not "
			       "ours to open; a udev rule gives it to a group "
			       "of users: SUBSYSTEM==\"vfio\", GROUP=\"kvm\", "
			       "MODE=\"0660\"",
			       dev->group, dev->bdf);
	return err_set(err, errnum,
		       "open '/dev/vfio/%d', the IOMMU group of %s", dev->group,
		       dev->bdf);
}

int hostdev_open_group(const struct hostdev_sys *sys, const struct hostdev *dev,
		       struct err *err)
{
	struct hostdev_why why;
	char path[PATH_MAX];

	sysfs_path(sys->root, path, "/dev/vfio/%d", dev->group);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int errnum = errno;
	if (errnum == EBUSY && hostdev_in_use(sys, dev, &why))
		return err_say(err, EBUSY, "%s (%.80s) is in use: %s; %s",
			       dev->bdf, dev->name, why.fact, why.remedy);
	return hostdev_say_group(dev, errnum, err);
}

int hostdev_open_cdev(const struct hostdev_sys *sys, const struct hostdev *dev,
		      struct err *err)
{
	char path[PATH_MAX], name[64] = "";

	sysfs_path(sys->root, path, SYSFS_PCI "%s/vfio-dev", dev->bdf);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
		if (strncmp(e->d_name, "vfio", 4) == 0)
			(void)snprintf(name, sizeof(name), "%.60s", e->d_name);
	if (dir)
		(void)closedir(dir);

	sysfs_path(sys->root, path, "/dev/vfio/devices/%s", name);
	int fd = name[0] ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return err_set(err, name[0] ? errno : ENOENT,
			       "open the VFIO device of %s", dev->bdf);
	return fd;
}
