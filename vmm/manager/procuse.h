/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procuse.h - what processes take at this moment, out of /proc (proc(5)): where
 * a VM has no control group that counts it.
 */
#ifndef VMM_MANAGER_PROCUSE_H
#define VMM_MANAGER_PROCUSE_H

#include <stdint.h>
#include <sys/types.h>

struct procuse {
	int64_t cpu_usec; /* since they began */
	int64_t memory; /* bytes that are resident; shared ones count twice */
	int64_t threads;
};

/*
 * Add what process @pid takes, of the host below @root ("": this one).  0, or
 * -errno: it is gone, and nothing was added.
 */
int procuse_add(const char *root, pid_t pid, struct procuse *sum);

#endif
