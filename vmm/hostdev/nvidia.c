/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia.c - GPUs by the UUID that NVIDIA's driver gives them. */
#include "vmm/hostdev/nvidia.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/sysfs.h"

int nvidia_field(const struct hostdev_sys *sys, const char *bdf,
		 const char *key, char *ret, size_t size)
{
	char path[PATH_MAX], line[256];
	size_t len = strlen(key);

	sysfs_path(sys->root, path, "/proc/driver/nvidia/gpus/%s/information",
		   bdf);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, len) != 0 || line[len] != ':')
			continue;
		const char *v = line + len + 1 + strspn(line + len + 1, " \t");
		(void)snprintf(ret, size, "%.*s", (int)strcspn(v, " \t\n"), v);
		return 0;
	}
	return -ENOENT;
}

int hostdev_uuid(const struct hostdev_sys *sys, const struct hostdev *dev,
		 char ret[64])
{
	return nvidia_field(sys, dev->bdf, "GPU UUID", ret, 64);
}

const struct hostdev *hostdev_by_uuid(const struct hostdev_sys *sys,
				      const struct hostdev_list *list,
				      const char *uuid, struct err *err)
{
	const struct hostdev *found = NULL;

	for (size_t i = 0; i < list->nr; i++) {
		char text[64];

		if (hostdev_uuid(sys, &list->dev[i], text) < 0 ||
		    strncmp(text, uuid, strlen(uuid)) != 0)
			continue;
		if (found) {
			(void)err_say(err, EINVAL,
				      "several GPUs have a UUID that begins "
				      "with '%.64s'; give more of it",
				      uuid);
			return NULL;
		}
		found = &list->dev[i];
	}
	if (!found)
		(void)err_say(
			err, ENODEV,
			"no GPU has the UUID '%.64s'; only one that is "
			"bound to the NVIDIA driver has a UUID, others go "
			"by address: 'belljar gpu ls' lists them",
			uuid);
	return found;
}
