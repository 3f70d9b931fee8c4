/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_cpus.c - processors of a group, by the controller cpuset of version 2,
 * which is turned on in the groups above when it is first needed.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/hostmem.h"
#include "vmm/manager/cgroup_priv.h"

#define CPUSET	  "cpuset"
#define LIST_SIZE 1100 /* of a file that says processors */

static bool has_cpuset(const char *dir)
{
	char list[256];

	cgroup_line(dir, "cgroup.controllers", list, sizeof(list));
	return cgroup_has_word(list, CPUSET);
}

/* In each group from the mount down to that above @leaf. */
static void enable_above(const struct cgroup *cg, const char *leaf)
{
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", leaf);
	for (char *p = dir + strlen(cg->mount); p && *p;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		(void)cgroup_write(dir, "cgroup.subtree_control", "+%s",
				   CPUSET);
		*p = '/';
	}
}

/*
 * A group may ask for any processors, and gets all that the one above has when
 * that has none of them.
 */
static bool took_effect(const char *dir, const char *cpus)
{
	char list[LIST_SIZE];
	struct host_set want, got;

	cgroup_line(dir, "cpuset.cpus.effective", list, sizeof(list));
	return host_set_parse(cpus, &want) == 0 &&
	       host_set_parse(list, &got) == 0 && host_set_meet(&want, &got);
}

int cgroup_set_cpus(const struct cgroup *cg, const char *cpus, struct err *err)
{
	char old[LIST_SIZE], above[LIST_SIZE];

	if (cg->version != 2 || !cg->mount || !cgroup_there(cg))
		return -ENOTSUP;
	const char *dir = cg->dirs.v[0];
	if (!has_cpuset(dir))
		enable_above(cg, dir);
	if (!has_cpuset(dir))
		return -ENOTSUP;
	cgroup_line(dir, "cpuset.cpus", old, sizeof(old));
	int r = cgroup_put(dir, "cpuset.cpus", cpus);
	if (r < 0)
		return err_set(err, -r, "--cpuset-cpus %.80s: write it to '%s'",
			       cpus, dir);
	if (took_effect(dir, cpus))
		return 0;
	/* Empty, which means all that there are, is a line end here. */
	(void)cgroup_put(dir, "cpuset.cpus", old[0] ? old : "\n");
	cgroup_line(dir, "cpuset.cpus.effective", above, sizeof(above));
	return err_say(err, EINVAL,
		       "--cpuset-cpus %.80s: none of these is for this VM: the "
		       "cgroup above its own has %.80s; choose among those",
		       cpus, above);
}
