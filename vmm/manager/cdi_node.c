/* SPDX-License-Identifier: Apache-2.0 */
/* cdi_node.c - which PCI function is behind a device file of the host. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/cdi.h"

#define INFORMATION_MAX 4096

/* The number that is all of @path behind @prefix. */
static bool number_behind(const char *path, const char *prefix, uint64_t *ret)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 &&
	       parse_u64(path + len, "", 0, INT_MAX, ret, NULL) == 0;
}

static size_t group_functions(const struct hostdev_list *all, uint64_t group,
			      const struct hostdev **ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < all->nr && n < max; i++)
		if (all->dev[i].group == (int)group && !all->dev[i].bridge)
			ret[n++] = &all->dev[i];
	return n;
}

/* The function that the link @path of sysfs leads to. */
static const struct hostdev *linked(const struct hostdev_list *all,
				    const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	const char *slash = strrchr(target, '/');
	return hostdev_find(all, slash ? slash + 1 : target, NULL);
}

/* A line "Device Minor: 	 0" of the driver's file. */
static bool has_minor(const char *path, uint64_t minor)
{
	static const char key[] = "Device Minor:";
	AUTO_FREE char *text = NULL;
	uint64_t n;

	if (io_read_file(path, INFORMATION_MAX, &text, NULL) < 0)
		return false;
	char *line = strstr(text, key);
	if (!line)
		return false;
	line += sizeof(key) - 1;
	line += strspn(line, " \t");
	line[strcspn(line, " \t\n")] = '\0';
	return parse_u64(line, "", 0, INT_MAX, &n, NULL) == 0 && n == minor;
}

static const struct hostdev *nvidia(const struct hostdev_sys *sys,
				    const struct hostdev_list *all,
				    uint64_t minor)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < all->nr; i++) {
		(void)snprintf(path, sizeof(path),
			       "%s/proc/driver/nvidia/gpus/%s/information",
			       sys->root ? sys->root : "", all->dev[i].bdf);
		if (has_minor(path, minor))
			return &all->dev[i];
	}
	return NULL;
}

/* NULL: @path is none of the files that have one function. */
static const struct hostdev *one_function(const struct hostdev_sys *sys,
					  const struct hostdev_list *all,
					  const char *path)
{
	const char *root = sys->root ? sys->root : "";
	char link[PATH_MAX];
	uint64_t n;

	if (number_behind(path, "/dev/nvidia", &n))
		return nvidia(sys, all, n);
	if (number_behind(path, "/dev/vfio/devices/vfio", &n))
		(void)snprintf(link, sizeof(link),
			       "%s/sys/class/vfio-dev/vfio%llu/device", root,
			       (unsigned long long)n);
	else if (number_behind(path, "/dev/dri/card", &n) ||
		 number_behind(path, "/dev/dri/renderD", &n))
		(void)snprintf(link, sizeof(link), "%s/sys/class/drm/%s/device",
			       root, path + strlen("/dev/dri/"));
	else
		return NULL;
	return linked(all, link);
}

size_t cdi_node_functions(const struct hostdev_sys *sys,
			  const struct hostdev_list *all, const char *path,
			  const struct hostdev **ret, size_t max)
{
	uint64_t group;

	if (number_behind(path, "/dev/vfio/", &group))
		return group_functions(all, group, ret, max);
	const struct hostdev *dev = one_function(sys, all, path);
	if (!dev || max == 0)
		return 0;
	ret[0] = dev;
	return 1;
}
