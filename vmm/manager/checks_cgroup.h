/* SPDX-License-Identifier: Apache-2.0 */
/* checks_cgroup.h - can VMs be limited here? */
#ifndef VMM_MANAGER_CHECKS_CGROUP_H
#define VMM_MANAGER_CHECKS_CGROUP_H

#include "vmm/manager/checks.h"

/* Makes a group as a VM would have it, with all limits, and removes it. */
void ask_cgroup(const struct manager *mgr, struct check *c);

#endif
