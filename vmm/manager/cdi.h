/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdi.h - the Container Device Interface: a name such as nvidia.com/gpu=0
 * stands for what a vendor's tool has written into a file below /etc/cdi.
 *
 * Such a file says how a container gets a device of the host: device nodes,
 * variables, mounts, hooks.  A VM gets the function behind the nodes, and the
 * variables; mounts and hooks are about the host's driver, which the guest
 * does not have.  Only the containers of `belljar compare` get all of it.
 * (github.com/cncf-tags/container-device-interface, SPEC.md)
 */
#ifndef VMM_MANAGER_CDI_H
#define VMM_MANAGER_CDI_H

#include <json-c/json.h>

#include "vmm/hostdev/hostdev.h"
#include "vmm/manager/strv.h"

#define CDI_DIRS "/etc/cdi", "/var/run/cdi", "/run/cdi"

/* What one name stands for. */
struct cdi_device {
	/* Functions, in the order of the nodes, each once; into the list. */
	const struct hostdev *dev[HOSTDEV_TAKE_MAX];
	size_t nr;
	struct strv env; /* NAME=VALUE */
	bool left_out; /* mounts or hooks, which are not applied */
};

/*
 * Look @name up in the directories @dirs, or with none in those of CDI_DIRS,
 * where a later directory wins.  @ret ends with cdi_device_done() in every
 * case.  -ENOENT with a sentence when no file has the name, which then says
 * which file could not be read, or names what there is.
 */
int cdi_find(const struct hostdev_sys *sys, const struct strv *dirs,
	     const struct hostdev_list *all, const char *name,
	     struct cdi_device *ret, struct err *err);
void cdi_device_done(struct cdi_device *dev);

/*
 * The other way: the first name whose nodes lead to @function and to no other,
 * and what a container has to be given for it: the file's "containerEdits" and
 * then the device's, an array of objects as they are in the file, unchecked.
 * The caller owns *@ret.  -ENOENT with a sentence when there is none.
 */
int cdi_edits(const struct hostdev_sys *sys, const struct strv *dirs,
	      const struct hostdev_list *all, const struct hostdev *function,
	      struct json_object **ret, struct err *err);

#define AUTO_CDI_DEVICE __attribute__((cleanup(cdi_device_done)))

/*
 * The function behind the host's device file @path: a VFIO group or device,
 * an NVIDIA GPU, or one of /dev/dri.  A group has several: @ret takes up to
 * @max.  Returns how many; 0: none of those files, or none behind it.
 */
size_t cdi_node_functions(const struct hostdev_sys *sys,
			  const struct hostdev_list *all, const char *path,
			  const struct hostdev **ret, size_t max);

#endif
