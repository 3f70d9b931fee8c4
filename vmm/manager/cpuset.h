/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpuset.h - which processors of the host a VM may run on (--cpuset-cpus):
 * its vCPUs, and the processes around it.
 *
 * Where the controller cpuset can be had (version 2), the VM's control group
 * says it, and the kernel keeps to it whatever a process asks; elsewhere each
 * thread is told, which is inherited, and the jail lets none change it.
 */
#ifndef VMM_MANAGER_CPUSET_H
#define VMM_MANAGER_CPUSET_H

#include <sys/types.h>

#include "vmm/lib/err.h"
#include "vmm/lib/hostmem.h"
#include "vmm/manager/cgroup.h"

#define CPUSET_TEXT_MAX 1024 /* bytes of a list */

/*
 * "0-3,5", as in cpuset(7), at least one and none above HOST_MAX_CPUS.
 * -EINVAL with a sentence.
 */
int cpuset_parse(const char *text, struct host_set *ret, struct err *err);

/*
 * -EINVAL with a sentence when one of them is not there, or not online, on the
 * host below @root ("": this one).
 */
int cpuset_check(const char *root, const char *text, struct err *err);
/* The same when none of them belongs to one of the @nr host nodes @node. */
int cpuset_check_nodes(const char *root, const char *text, const unsigned *node,
		       unsigned nr, struct err *err);

/*
 * Confine the group @cg, or, if that is not possible here, process @pid (0: us)
 * and all that descends from it.  -errno with a sentence.
 */
int cpuset_confine(const struct cgroup *cg, pid_t pid, const char *text,
		   struct err *err);

#endif
