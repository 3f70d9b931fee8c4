/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_cgroups.h - a host of files with control groups, of version 1 or 2, and
 * what its kernel does when a group is made or removed.
 */
#ifndef TESTS_HARNESS_FAKE_CGROUPS_H
#define TESTS_HARNESS_FAKE_CGROUPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/harness/hosttree.h"
#include "vmm/manager/cgroup.h"

#define CG "/sys/fs/cgroup"

struct fake_cgroups {
	struct hosttree t;
	struct cgroup_ops ops;
	struct cgroup_sys sys;
	const char *delegated; /* to groups that are made, v2 */
	int refuse; /* errno of each mkdir, 0: none */
	int vanish; /* that many mkdirs find no parent */
	int busy; /* that many rmdirs are too early */
	pid_t lives; /* rmdir is too early until this child has ended */
};

/* Those two files of /proc/self, and no groups yet. */
void fake_cgroups_init(struct fake_cgroups *f, const char *mounts,
		       const char *own);
/* systemd's: everything in one hierarchy, @own as in /proc/self/cgroup. */
void fake_cgroups_v2(struct fake_cgroups *f, const char *own);
/*
 * A hierarchy for each controller but "cpu,cpuacct", we in /user/me of that of
 * memory; and version 2 without any that matters.
 */
void fake_cgroups_v1(struct fake_cgroups *f);
void fake_cgroups_done(struct fake_cgroups *f);

/* The file @file of the group @dir, a path of the real host, says @text. */
void fake_cgroups_put(struct fake_cgroups *f, const char *dir, const char *file,
		      const char *text);
/* The first line of @path, from the made-up root on, is @want. */
void fake_cgroups_is(struct fake_cgroups *f, const char *path,
		     const char *want);
bool fake_cgroups_there(struct fake_cgroups *f, const char *path);

#endif
