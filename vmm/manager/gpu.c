/* SPDX-License-Identifier: Apache-2.0 */
/* gpu.c - the state of a device of the host, for people. */
#include "vmm/manager/gpu.h"

#include <stdio.h>

#include "vmm/manager/vmdir.h"

void gpu_repair(const struct manager *mgr)
{
	struct err err;

	if (hostdev_repair(&mgr->sys, mgr->data, &err) < 0)
		(void)fprintf(stderr, "belljar: warning: %s\n", err.msg);
}

/* The VM by its name, as the user knows it. */
static void name_vm(const struct manager *mgr, const char *id, char *ret,
		    size_t size)
{
	struct vmdir vm = VMDIR_NONE;
	bool found = vmdir_find(mgr, id, &vm, NULL) == 0;

	(void)snprintf(ret, size, "%s", found ? vm.name : id);
}

enum gpu_state gpu_state(const struct manager *mgr,
			 const struct hostdev_list *all,
			 const struct hostdev *dev, char *why, size_t size)
{
	const struct hostdev_set alone = { .dev = { dev }, .nr = 1 };
	struct hostdev_set set = { .nr = 0 };
	const struct hostdev *other;
	struct hostdev_why use;
	char vm[64];

	why[0] = '\0';
	hostdev_owner(mgr->data, dev->bdf, vm, sizeof(vm));
	if (vm[0]) {
		name_vm(mgr, vm, why, size);
		return GPU_VM;
	}
	if (hostdev_in_use(&mgr->sys, dev, &use)) {
		(void)snprintf(why, size, "%s", use.fact);
		return GPU_HOST;
	}
	if (dev->group < 0) {
		(void)snprintf(why, size, "no IOMMU");
		return GPU_UNFIT;
	}
	if (hostdev_set_add(&set, all, dev, false, NULL) < 0)
		set = alone;
	if (hostdev_hinders(all, &set, dev, &other, 1)) {
		(void)snprintf(why, size, "%s (%s) is in its group", other->bdf,
			       other->driver);
		return GPU_UNFIT;
	}
	if (!hostdev_can_reset(&mgr->sys, all, &set, dev)) {
		(void)snprintf(why, size, "it cannot be reset");
		return GPU_UNFIT;
	}
	if (hostdev_remapping(&mgr->sys) == HOSTDEV_REMAP_OFF &&
	    !hostdev_unsafe_allowed(&mgr->sys)) {
		(void)snprintf(why, size, "interrupts are not remapped");
		return GPU_UNFIT;
	}
	if (dev->vfs > 0) {
		(void)snprintf(why, size, "%u SR-IOV functions are on",
			       dev->vfs);
		return GPU_UNFIT;
	}
	return GPU_FREE;
}
