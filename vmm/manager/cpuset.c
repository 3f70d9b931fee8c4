/* SPDX-License-Identifier: Apache-2.0 */
/* cpuset.c - processors by list, and processes confined to them. */
#include "vmm/manager/cpuset.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/procstat.h"
#include "vmm/lib/sysfs.h"

#define ONLINE	 "/sys/devices/system/cpu/online"
#define TREE_MAX 64 /* processes of a VM, far more than it has */
#define PASSES	 2 /* a thread may be born beside the first */

int cpuset_parse(const char *text, struct host_set *ret, struct err *err)
{
	struct host_set set = { 0 };
	size_t len = strlen(text);

	/* What files of the kernel may have, and nobody writes. */
	if (len == 0 || len > CPUSET_TEXT_MAX || strchr(text, '\n') ||
	    text[len - 1] == ',' || host_set_parse(text, &set) < 0)
		return err_say(err, EINVAL,
			       "--cpuset-cpus: '%.40s' is not a list of "
			       "processors such as 0-3,5",
			       text);
	*ret = set;
	return 0;
}

int cpuset_check(const char *root, const char *text, struct err *err)
{
	AUTO_FREE char *online = NULL;
	struct host_set want, have;
	int r = cpuset_parse(text, &want, err);

	if (r == 0)
		r = sysfs_read(root, &online, err, ONLINE);
	if (online)
		online[strcspn(online, "\n")] = '\0';
	if (r == 0 && host_set_parse(online, &have) < 0)
		r = err_say(err, EIO, "'" ONLINE "' is no list: '%.40s'",
			    online);
	for (unsigned n = 0; r == 0 && n < HOST_MAX_CPUS; n++)
		if (host_set_has(&want, n) && !host_set_has(&have, n))
			r = err_say(err, EINVAL,
				    "--cpuset-cpus %.80s: this host has no "
				    "processor %u that is online; it has %.80s",
				    text, n, online);
	return r;
}

int cpuset_check_nodes(const char *root, const char *text, const unsigned *node,
		       unsigned nr, struct err *err)
{
	struct host_set want, cpus;
	char list[80];
	int r = cpuset_parse(text, &want, err);

	for (unsigned i = 0; r == 0 && i < nr; i++) {
		r = host_node_cpus(root, node[i], &cpus, err);
		/* A node that is memory alone leaves vCPUs free. */
		if (r < 0 || cpus.nr == 0 || host_set_meet(&cpus, &want))
			continue;
		host_set_format(&cpus, list, sizeof(list));
		r = err_say(err, EINVAL,
			    "--cpuset-cpus %.80s: none of these is on node %u "
			    "of --numa, which has %s; give some of each node",
			    text, node[i], list);
	}
	return r;
}

/* The number that @text begins with; 0 when it is a word. */
static pid_t number(const char *text)
{
	return (pid_t)strtol(text, NULL, 10);
}

/* The parent of process @pid by proc(5); -1 when it is gone. */
static pid_t parent_of(pid_t pid)
{
	struct procstat p;

	if (procstat_read("", pid, &p) < 0)
		return -1;
	return (pid_t)procstat_get(&p, PROCSTAT_PPID);
}

struct tree {
	pid_t pid[TREE_MAX];
	unsigned nr;
};

static bool in_tree(const struct tree *t, pid_t pid)
{
	for (unsigned i = 0; i < t->nr; i++)
		if (t->pid[i] == pid)
			return true;
	return false;
}

/* Add children of those that are in it; how many were new. */
static unsigned grow(struct tree *t)
{
	AUTO_DIR DIR *dir = opendir("/proc");
	unsigned before = t->nr;

	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
		pid_t pid = number(e->d_name);

		if (pid > 0 && t->nr < TREE_MAX && !in_tree(t, pid) &&
		    in_tree(t, parent_of(pid)))
			t->pid[t->nr++] = pid;
	}
	return t->nr - before;
}

/* All threads of @pid; those that end meanwhile need nothing. */
static int bind_threads(pid_t pid, const struct host_set *set)
{
	char path[64];
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	AUTO_DIR DIR *dir = opendir(path);
	for (struct dirent *e; r == 0 && dir && (e = readdir(dir)) != NULL;) {
		pid_t tid = number(e->d_name);

		if (tid > 0 &&
		    sched_setaffinity(tid, sizeof(set->set), set->set) < 0 &&
		    errno != ESRCH)
			r = -errno;
	}
	return r;
}

static int bind_tree(pid_t pid, const struct host_set *set)
{
	struct tree t = { .pid = { pid }, .nr = 1 };
	int r = 0;

	if (pid == 0)
		return sched_setaffinity(0, sizeof(set->set), set->set) < 0
			       ? -errno
			       : 0;
	while (grow(&t) > 0)
		;
	for (int pass = 0; pass < PASSES; pass++)
		for (unsigned i = 0; r == 0 && i < t.nr; i++)
			r = bind_threads(t.pid[i], set);
	return r;
}

int cpuset_confine(const struct cgroup *cg, pid_t pid, const char *text,
		   struct err *err)
{
	struct host_set set;
	int r = cpuset_parse(text, &set, err);

	if (r < 0)
		return r;
	r = cgroup_set_cpus(cg, text, err);
	if (r != -ENOTSUP)
		return r;
	r = bind_tree(pid, &set);
	if (r == -EINVAL)
		return err_say(err, EINVAL,
			       "--cpuset-cpus %.80s: none of these is for us: "
			       "the cgroup that belljar is in has others; "
			       "'taskset -p $$' shows which",
			       text);
	return r < 0 ? err_set(err, -r,
			       "--cpuset-cpus %.80s: bind the VM's "
			       "threads",
			       text)
		     : 0;
}
