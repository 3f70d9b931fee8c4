/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit_options.h - the options of `belljar run` that say how much a VM may
 * take: docker's for cgroups, ours for the rates of devices.
 */
#ifndef VMM_MANAGER_LIMIT_OPTIONS_H
#define VMM_MANAGER_LIMIT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"

/* Keys for argp, apart from those of run_options.c. */
enum limit_key {
	LIMIT_KEY_CPU_SHARES = 'c',
	LIMIT_KEY_BLKIO_WEIGHT = 0x200,
	LIMIT_KEY_CGROUP_PARENT,
	LIMIT_KEY_DISK_BPS,
	LIMIT_KEY_DISK_IOPS,
	LIMIT_KEY_NET_BPS,
	LIMIT_KEY_NET_PPS,
	LIMIT_KEY_CONSOLE_BPS,
	LIMIT_KEY_CPUSET_CPUS,
};

/* 0: not given.  The rates are for all devices of the kind together. */
struct limit_options {
	unsigned cpu; /* --cpus, in thousandths of a processor */
	unsigned cpu_shares;
	unsigned blkio_weight;
	const char *cgroup_parent; /* no slash in front; belongs to argv */
	const char *cpuset_cpus; /* a list of cpuset.h; belongs to argv */
	uint64_t disk_bps, disk_iops; /* bytes, operations a second */
	uint64_t net_bps, net_pps; /* bytes, packets a second each way */
	uint64_t console_bps; /* bytes a second of the serial port */
	bool required; /* no VM when the host cannot set a limit */
};

/* 0, -ENOSYS: not one of them, or -errno with a sentence. */
int limit_option(int key, const char *arg, struct limit_options *ret,
		 struct err *err);

/*
 * A rate for a device that the VM has not is a mistake: -EINVAL with a
 * sentence.
 */
int limit_options_check(const struct limit_options *o, bool serial,
			bool network, struct err *err);

#endif
