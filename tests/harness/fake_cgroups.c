/* SPDX-License-Identifier: Apache-2.0 */
/* fake_cgroups.c - a host of files with control groups. */
#include "tests/harness/fake_cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/lib/io.h"

static const char *const files[][6] = {
	[1] = { "memory.limit_in_bytes", "cpu.cfs_quota_us",
		"cpu.cfs_period_us", "cpu.shares", "pids.max", "blkio.weight" },
	[2] = { "memory.max", "memory.oom.group", "cpu.max", "cpu.weight",
		"pids.max", "io.weight" },
};

void fake_cgroups_put(struct fake_cgroups *f, const char *dir, const char *file,
		      const char *text)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", dir + strlen(f->t.root),
		       file);
	hosttree_put(&f->t, path, text);
}

/* The group of a VM: ids are 12 digits. */
static bool is_leaf(const char *path)
{
	return strlen(strrchr(path, '/') + 1) == 12;
}

static int fake_mkdir(void *arg, const char *path)
{
	struct fake_cgroups *f = arg;

	if (f->refuse)
		return -f->refuse;
	if (f->vanish && is_leaf(path)) {
		f->vanish--;
		return -ENOENT;
	}
	if (mkdir(path, 0755) < 0)
		return -errno;
	int version = f->delegated ? 2 : 1;
	for (int i = 0; i < 6; i++)
		fake_cgroups_put(f, path, files[version][i], "max\n");
	fake_cgroups_put(f, path, "cgroup.procs", "");
	if (version == 1)
		return 0;
	fake_cgroups_put(f, path, "cgroup.controllers", f->delegated);
	fake_cgroups_put(f, path, "cgroup.subtree_control", "");
	fake_cgroups_put(f, path, "cgroup.kill", "");
	fake_cgroups_put(f, path, "cgroup.events", "populated 0\nfrozen 0\n");
	return 0;
}

static int fake_rmdir(void *arg, const char *path)
{
	struct fake_cgroups *f = arg;
	siginfo_t info = { 0 };

	if (access(path, F_OK) < 0)
		return -ENOENT;
	if (f->lives)
		(void)waitid(P_PID, (id_t)f->lives, &info,
			     WEXITED | WNOHANG | WNOWAIT);
	if (f->lives && info.si_pid == 0)
		return -EBUSY;
	if (f->busy) {
		f->busy--;
		return -EBUSY;
	}
	return io_remove_tree(path, NULL);
}

void fake_cgroups_init(struct fake_cgroups *f, const char *mounts,
		       const char *own)
{
	*f = (struct fake_cgroups){ .refuse = 0 };
	hosttree_init(&f->t);
	f->ops = (struct cgroup_ops){ fake_mkdir, fake_rmdir, f };
	f->sys = (struct cgroup_sys){ f->t.root, 0, &f->ops };
	hosttree_put(&f->t, "/proc/self/mountinfo", mounts);
	hosttree_put(&f->t, "/proc/self/cgroup", own);
}

void fake_cgroups_v2(struct fake_cgroups *f, const char *own)
{
	fake_cgroups_init(f,
			  "22 1 0:20 / /sys rw shared:1 - sysfs sysfs rw\n"
			  "25 22 0:26 / " CG
			  " rw,nosuid shared:4 master:2 - cgroup2 "
			  "cgroup2 rw,nsdelegate\n",
			  own);
	f->delegated = "cpu io memory pids\n";
	hosttree_put(&f->t, CG "/cgroup.controllers",
		     "cpuset cpu io memory hugetlb pids\n");
	hosttree_put(&f->t, CG "/cgroup.subtree_control", "\n");
}

void fake_cgroups_v1(struct fake_cgroups *f)
{
	fake_cgroups_init(
		f,
		"31 30 0:28 / " CG "/cpu,cpuacct rw - cgroup cgroup "
		"rw,cpu,cpuacct\n"
		"34 30 0:31 / " CG "/memory rw - cgroup cgroup rw,memory\n"
		"35 30 0:32 / " CG "/devices rw - cgroup cgroup rw,devices\n"
		"37 30 0:34 / " CG "/blkio rw - cgroup cgroup rw,blkio\n"
		"38 30 0:35 / " CG "/pids rw - cgroup cgroup rw,pids\n"
		"40 30 0:37 / " CG "/unified rw - cgroup2 cgroup2 rw\n",
		"8:pids:/\n4:memory:/user/me\n2:cpu,cpuacct:/\n0::/\n");
	hosttree_put(&f->t, CG "/unified/cgroup.controllers", "hugetlb\n");
	hosttree_put(&f->t, CG "/memory/user/me/cgroup.procs", "");
	hosttree_put(&f->t, CG "/cpu,cpuacct/cgroup.procs", "");
	hosttree_put(&f->t, CG "/blkio/cgroup.procs", "");
	hosttree_put(&f->t, CG "/pids/cgroup.procs", "");
}

void fake_cgroups_done(struct fake_cgroups *f)
{
	hosttree_done(&f->t);
}

void fake_cgroups_is(struct fake_cgroups *f, const char *path, const char *want)
{
	char full[512], text[64];

	(void)snprintf(full, sizeof(full), "%s%s", f->t.root, path);
	assert_int_equal(io_read_line(AT_FDCWD, full, text, sizeof(text)), 0);
	assert_string_equal(text, want);
}

bool fake_cgroups_there(struct fake_cgroups *f, const char *path)
{
	char full[512];

	(void)snprintf(full, sizeof(full), "%s%s", f->t.root, path);
	return access(full, F_OK) == 0;
}
