/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_memory.c - another memory limit for a group whose processes run.
 *
 * Version 1 refuses a limit that it cannot reach.  Version 2 sets it, and then
 * kills for it: so what cannot be taken back is looked at first.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "vmm/manager/cgroup_priv.h"

#define MIB ((uint64_t)1 << 20)

static bool has_file(const char *dir, const char *file)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	return access(path, F_OK) == 0;
}

static int say_busy(const char *dir, uint64_t bytes, struct err *err)
{
	return err_say(err, EBUSY,
		       "the VM's processes have more in use than the %llu MiB "
		       "that would be their limit now; that of '%s' stays",
		       (unsigned long long)(bytes / MIB), dir);
}

/* Without files that the kernel would drop: guest memory is shmem. */
static int64_t in_use(const char *dir)
{
	int64_t all = cgroup_number(dir, "memory.current");
	int64_t file = cgroup_keyed(dir, "memory.stat", "file");
	int64_t shmem = cgroup_keyed(dir, "memory.stat", "shmem");

	return file > shmem && shmem >= 0 ? all - (file - shmem) : all;
}

static int set_v2(const char *dir, uint64_t bytes, struct err *err)
{
	if (in_use(dir) > (int64_t)bytes)
		return say_busy(dir, bytes, err);
	int r = cgroup_write(dir, "memory.max", "%llu",
			     (unsigned long long)bytes);
	return r < 0 ? err_set(err, -r, "limit the memory of '%s'", dir) : 0;
}

static int set_v1(const char *dir, uint64_t bytes, struct err *err)
{
	int r = cgroup_write(dir, "memory.limit_in_bytes", "%llu",
			     (unsigned long long)bytes);

	if (r == -EBUSY)
		return say_busy(dir, bytes, err);
	return r < 0 ? err_set(err, -r, "limit the memory of '%s'", dir) : 0;
}

int cgroup_set_memory(const struct cgroup *cg, uint64_t bytes, struct err *err)
{
	for (size_t i = 0; i < cg->dirs.n; i++) {
		const char *dir = cg->dirs.v[i];

		if (cg->version == 2 && has_file(dir, "memory.max"))
			return set_v2(dir, bytes, err);
		if (cg->version == 1 && has_file(dir, "memory.limit_in_bytes"))
			return set_v1(dir, bytes, err);
	}
	return -ENOTSUP;
}
