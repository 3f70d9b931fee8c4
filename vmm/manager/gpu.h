/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpu.h - what the verbs of belljar have in common about the host's devices.
 */
#ifndef VMM_MANAGER_GPU_H
#define VMM_MANAGER_GPU_H

#include "vmm/hostdev/hostdev_bind.h"
#include "vmm/manager/cmd.h"

/*
 * Give back what dead VMs left (hostdev_repair()), called where vmdir_repair()
 * is.  A failure is printed as a warning: it is no reason not to go on.
 */
void gpu_repair(const struct manager *mgr);

enum gpu_state { GPU_FREE, GPU_VM, GPU_HOST, GPU_UNFIT };

/*
 * May a VM have @dev now?  @why says who has it, or what keeps it from being
 * given: "" when it is free.  Changes nothing.
 */
enum gpu_state gpu_state(const struct manager *mgr,
			 const struct hostdev_list *all,
			 const struct hostdev *dev, char *why, size_t size);

#endif
