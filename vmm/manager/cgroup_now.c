/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_now.c - what a control group takes at this moment.  A group that was
 * read back from its record knows its directories, not what is in which: the
 * first that has a file is it.
 */
#include <stdint.h>

#include "vmm/manager/cgroup_priv.h"

/* The kernel's "max" of version 1: no limit, in whole pages. */
#define V1_UNLIMITED (INT64_MAX / 2)

static int64_t number(const struct cgroup *cg, const char *file)
{
	int64_t v = -1;

	for (size_t i = 0; v < 0 && i < cg->dirs.n; i++)
		v = cgroup_number(cg->dirs.v[i], file);
	return v;
}

static int64_t keyed(const struct cgroup *cg, const char *file, const char *key)
{
	int64_t v = -1;

	for (size_t i = 0; v < 0 && i < cg->dirs.n; i++)
		v = cgroup_keyed(cg->dirs.v[i], file, key);
	return v;
}

/* Files that were read and are not in use go as soon as somebody needs room. */
static int64_t less(int64_t all, int64_t cache)
{
	if (all < 0 || cache < 0)
		return all;
	return cache < all ? all - cache : 0;
}

void cgroup_now(const struct cgroup *cg, struct cgroup_now *ret)
{
	int64_t ns;

	*ret = (struct cgroup_now){ -1, -1, -1, -1 };
	if (cg->version == 2) {
		ret->cpu_usec = keyed(cg, "cpu.stat", "usage_usec");
		ret->memory = less(number(cg, "memory.current"),
				   keyed(cg, "memory.stat", "inactive_file"));
		ret->memory_max = number(cg, "memory.max");
		ret->pids = number(cg, "pids.current");
		return;
	}
	ns = number(cg, "cpuacct.usage");
	ret->cpu_usec = ns < 0 ? -1 : ns / 1000;
	ret->memory = less(number(cg, "memory.usage_in_bytes"),
			   keyed(cg, "memory.stat", "total_inactive_file"));
	ret->memory_max = number(cg, "memory.limit_in_bytes");
	if (ret->memory_max >= V1_UNLIMITED)
		ret->memory_max = -1;
	ret->pids = number(cg, "pids.current");
}
