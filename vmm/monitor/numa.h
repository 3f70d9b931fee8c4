/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numa.h - the guest's NUMA nodes (--numa): vCPUs in blocks of equal size,
 * each on the processors of the host node that its RAM comes from.
 */
#ifndef VMM_MONITOR_NUMA_H
#define VMM_MONITOR_NUMA_H

#include "vmm/monitor/vm.h"

/*
 * Which vCPUs each node has and how far they are apart, and, for later, the
 * processors of the host nodes.  Without --numa: 0.
 */
int numa_describe(struct vm *vm, struct machine *m, struct err *err);

/*
 * The vCPUs' threads may from now on run on any processor of their host node
 * that this process may run on, and on no other.  A host node without such
 * processors (memory alone) leaves them free; a cpuset that forbids it is
 * warned of.
 */
void numa_bind_vcpus(struct vm *vm);

#endif
