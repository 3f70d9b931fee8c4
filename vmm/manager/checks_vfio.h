/* SPDX-License-Identifier: Apache-2.0 */
/* checks_vfio.h - the questions of `belljar doctor` about devices in VMs. */
#ifndef VMM_MANAGER_CHECKS_VFIO_H
#define VMM_MANAGER_CHECKS_VFIO_H

#include "vmm/manager/checks.h"

void ask_iommu(const struct manager *mgr, struct check *ret);
void ask_remapping(const struct manager *mgr, struct check *ret);
void ask_groups(const struct manager *mgr, struct check *ret);
void ask_acs(const struct manager *mgr, struct check *ret);
void ask_vfio(const struct manager *mgr, struct check *ret);
void ask_memlock(const struct manager *mgr, struct check *ret);
void ask_reserved(const struct manager *mgr, struct check *ret);
void ask_gpus(const struct manager *mgr, struct check *ret);

#endif
