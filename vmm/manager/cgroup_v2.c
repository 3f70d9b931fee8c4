/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v2.c - one group in the one hierarchy of version 2.
 *
 * A controller is in a group when the group above names it in its
 * cgroup.subtree_control, which needs the same of the one above that.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/cgroup_priv.h"

/* The group above ours, from the mount on. */
static int choose_parent(const struct cgroup *cg, const char *own,
			 const char *given, char ret[PATH_MAX])
{
	const char *slash = strrchr(own, '/');
	int n;

	if (given)
		n = snprintf(ret, PATH_MAX, "/%s", given);
	else if (cg->sys.uid == 0 || !slash || own[1] == '\0')
		n = snprintf(ret, PATH_MAX, "/%s", CGROUP_PARENT);
	else
		n = snprintf(ret, PATH_MAX, "%.*s", (int)(slash - own), own);
	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int cgroup_v2_place(const struct cgroup_trees *t, const char *parent,
		    const char *id, struct cgroup *cg)
{
	char above[PATH_MAX];
	int r = choose_parent(cg, t->v2.own, parent, above);

	if (r < 0)
		return r;
	cg->mount = strdup(t->v2.mount);
	cg->huge_charged = t->huge_charged;
	return cg->mount ? strv_add(&cg->dirs, "%s%s/%s", cg->mount, above, id)
			 : -ENOMEM;
}

/* Which controllers the file @name of @dir names, a bit for each. */
static unsigned controllers(const char *dir, const char *name)
{
	char list[256];
	unsigned found = 0;

	cgroup_line(dir, name, list, sizeof(list));
	for (enum cgroup_kind k = 0; k < NR_CGROUP_LIMITS; k++)
		if (cgroup_has_word(list, cgroup_name(2, k)))
			found |= 1U << k;
	return found;
}

/* What has been refused shows in what is missing at the end. */
static void enable(const char *dir)
{
	unsigned on = controllers(dir, "cgroup.subtree_control");

	if (on == (1U << NR_CGROUP_LIMITS) - 1)
		return;
	unsigned can = controllers(dir, "cgroup.controllers");
	for (enum cgroup_kind k = 0; k < NR_CGROUP_LIMITS; k++)
		if (can & ~on & (1U << k))
			(void)cgroup_write(dir, "cgroup.subtree_control", "+%s",
					   cgroup_name(2, k));
}

/*
 * Make the groups from the mount down to @leaf, and enable controllers in all
 * but that.  -ENOENT: one vanished, try again.
 */
static int make_path(const struct cgroup *cg, const char *leaf)
{
	char dir[PATH_MAX];
	size_t at = strlen(cg->mount);
	int r = 0;

	(void)snprintf(dir, sizeof(dir), "%s", leaf);
	while (r == 0 && dir[at]) {
		size_t next = at + 1 + strcspn(dir + at + 1, "/");
		char rest = dir[next];

		dir[at] = '\0';
		enable(dir);
		dir[at] = '/';
		dir[next] = '\0';
		r = cgroup_mkdir(cg, dir);
		dir[next] = rest;
		at = next;
	}
	return r;
}

static int write_cpu(const struct cgroup_limits *l, const char *dir)
{
	unsigned quota = l->cpu * (CGROUP_PERIOD / 1000);
	int r = 0;

	if (l->cpu)
		r = cgroup_write(dir, "cpu.max", "%u %u",
				 quota < 1000 ? 1000 : quota, CGROUP_PERIOD);
	/* 2..262144 onto 1..10000, as runc and crun convert it. */
	if (r == 0 && l->shares)
		r = cgroup_write(dir, "cpu.weight", "%u",
				 1 + (l->shares - 2) * 9999U / 262142U);
	return r;
}

static int write_memory(const struct cgroup *cg, const struct cgroup_limits *l,
			const char *dir)
{
	uint64_t max = l->memory + (cg->huge_charged ? l->huge : 0);

	/* The network without the monitor, or the reverse, is no VM. */
	(void)cgroup_write(dir, "memory.oom.group", "1");
	return cgroup_write(dir, "memory.max", "%llu", (unsigned long long)max);
}

/* BFQ has docker's scale; the other one goes from 1 to 10000. */
static int write_io(const struct cgroup_limits *l, const char *dir)
{
	int r = cgroup_write(dir, "io.bfq.weight", "%u", l->io_weight);

	if (r == -ENOENT)
		r = cgroup_write(dir, "io.weight", "%u",
				 1 + (l->io_weight - 10) * 9999 / 990);
	return r;
}

static void set_limits(struct cgroup *cg, const struct cgroup_limits *l)
{
	const char *dir = cg->dirs.v[0];
	unsigned in = controllers(dir, "cgroup.controllers");
	unsigned kernel = controllers(cg->mount, "cgroup.controllers");

	for (enum cgroup_kind k = 0; k < NR_CGROUP_LIMITS; k++) {
		cg->of[k] = in & (1U << k) ? 0 : -1;
		if (cg->of[k] < 0)
			cgroup_lack(cg, l, k,
				    kernel & (1U << k) ? CGROUP_NOT_DELEGATED
						       : CGROUP_NO_CONTROLLER,
				    0);
	}
	int r[NR_CGROUP_LIMITS] = { 0 };

	if (cg->of[CGROUP_MEMORY] == 0 && l->memory)
		r[CGROUP_MEMORY] = write_memory(cg, l, dir);
	if (cg->of[CGROUP_CPU] == 0)
		r[CGROUP_CPU] = write_cpu(l, dir);
	if (cg->of[CGROUP_PIDS] == 0 && l->pids)
		r[CGROUP_PIDS] = cgroup_write(dir, "pids.max", "%u", l->pids);
	if (cg->of[CGROUP_IO] == 0 && l->io_weight)
		r[CGROUP_IO] = write_io(l, dir);
	for (enum cgroup_kind k = 0; k < NR_CGROUP_LIMITS; k++)
		if (r[k] < 0)
			cgroup_lack(cg, l, k, CGROUP_REFUSED, -r[k]);
}

void cgroup_v2_make(struct cgroup *cg, const struct cgroup_limits *limits)
{
	int r = -ENOENT;

	for (int i = 0; r == -ENOENT && i < CGROUP_TRIES; i++)
		r = make_path(cg, cg->dirs.v[0]);
	if (r == 0) {
		cg->fd = open(cg->dirs.v[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = cg->fd < 0 ? -errno : 0;
	}
	if (r < 0)
		cgroup_lack_all(cg, limits, CGROUP_NOT_WRITABLE, -r);
	else
		set_limits(cg, limits);
}

/* "8:0 rbytes=1 wbytes=2 ..." for each device: the sums. */
static void read_io(const char *dir, struct cgroup_usage *u)
{
	char path[PATH_MAX];
	AUTO_FREE char *line = NULL;
	size_t size = 0;

	(void)snprintf(path, sizeof(path), "%s/io.stat", dir);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	if (!f)
		return;
	u->io_read = u->io_written = 0;
	while (getline(&line, &size, f) > 0) {
		const char *rd = strstr(line, "rbytes=");
		const char *wr = strstr(line, "wbytes=");

		if (rd && wr) {
			u->io_read += cgroup_leading(rd + 7);
			u->io_written += cgroup_leading(wr + 7);
		}
	}
}

void cgroup_v2_usage(const struct cgroup *cg, struct cgroup_usage *u)
{
	const char *dir = cg->dirs.v[0];

	/* Counted even without the controller cpu. */
	u->cpu_usec = cgroup_keyed(dir, "cpu.stat", "usage_usec");
	u->memory_peak = cgroup_number(dir, "memory.peak");
	u->oom_kills = cgroup_keyed(dir, "memory.events", "oom_kill");
	u->limit_hits = cgroup_keyed(dir, "memory.events", "oom");
	read_io(dir, u);
}
