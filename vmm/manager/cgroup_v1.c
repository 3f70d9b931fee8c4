/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v1.c - a group in each of the hierarchies of version 1.  Controllers
 * may share one ("cpu,cpuacct"): then they share the group.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/cgroup_priv.h"

static int find_dir(const struct strv *dirs, const char *path)
{
	for (size_t i = 0; i < dirs->n; i++)
		if (strcmp(dirs->v[i], path) == 0)
			return (int)i;
	return -1;
}

static int place_one(const struct cgroup_tree *t, const char *parent,
		     const char *id, struct cgroup *cg, enum cgroup_kind kind)
{
	const char *own = strcmp(t->own, "/") == 0 ? "" : t->own;
	char path[PATH_MAX];
	int n = parent ? snprintf(path, sizeof(path), "%s/%s/%s", t->mount,
				  parent, id)
		       : snprintf(path, sizeof(path), "%s%s/%s/%s", t->mount,
				  own, CGROUP_PARENT, id);

	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	cg->of[kind] = find_dir(&cg->dirs, path);
	if (cg->of[kind] >= 0)
		return 0;
	cg->of[kind] = (int)cg->dirs.n;
	return strv_add(&cg->dirs, "%s", path);
}

int cgroup_v1_place(const struct cgroup_trees *t, const char *parent,
		    const char *id, struct cgroup *cg)
{
	int r = 0;

	for (enum cgroup_kind k = 0; r == 0 && k < NR_CGROUP_KINDS; k++)
		if (t->v1[k].mount)
			r = place_one(&t->v1[k], parent, id, cg, k);
	return r;
}

/* Parents too.  Those that are there are passed over. */
static int make_path(const struct cgroup *cg, char *path)
{
	int r = cgroup_mkdir(cg, path);

	if (r != -ENOENT)
		return r;
	for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		r = cgroup_mkdir(cg, path);
		*p = '/';
		/* "/" and what is no cgroup may refuse and be there. */
		if (r == -ENOENT)
			return r;
	}
	return cgroup_mkdir(cg, path);
}

static int make_dir(const struct cgroup *cg, char *path)
{
	int r = -ENOENT;

	for (int i = 0; r == -ENOENT && i < CGROUP_TRIES; i++)
		r = make_path(cg, path);
	return r;
}

static int write_cpu(const struct cgroup_limits *l, const char *dir)
{
	unsigned quota = l->cpu * (CGROUP_PERIOD / 1000);
	int r = 0;

	if (l->cpu)
		r = cgroup_write(dir, "cpu.cfs_period_us", "%u", CGROUP_PERIOD);
	if (l->cpu && r == 0)
		r = cgroup_write(dir, "cpu.cfs_quota_us", "%u",
				 quota < 1000 ? 1000 : quota);
	if (r == 0 && l->shares)
		r = cgroup_write(dir, "cpu.shares", "%u", l->shares);
	return r;
}

static int write_io(const struct cgroup_limits *l, const char *dir)
{
	int r = cgroup_write(dir, "blkio.bfq.weight", "%u", l->io_weight);

	return r == -ENOENT
		       ? cgroup_write(dir, "blkio.weight", "%u", l->io_weight)
		       : r;
}

static int write_limit(const struct cgroup_limits *l, enum cgroup_kind kind,
		       const char *dir)
{
	switch (kind) {
	case CGROUP_MEMORY:
		return l->memory ? cgroup_write(dir, "memory.limit_in_bytes",
						"%llu",
						(unsigned long long)l->memory)
				 : 0;
	case CGROUP_CPU:
		return write_cpu(l, dir);
	case CGROUP_PIDS:
		return l->pids ? cgroup_write(dir, "pids.max", "%u", l->pids)
			       : 0;
	case CGROUP_IO:
		return l->io_weight ? write_io(l, dir) : 0;
	default:
		return 0;
	}
}

void cgroup_v1_make(struct cgroup *cg, const struct cgroup_limits *limits)
{
	int made[NR_CGROUP_KINDS] = { 0 };

	for (size_t i = 0; i < cg->dirs.n; i++)
		made[i] = make_dir(cg, cg->dirs.v[i]);
	for (enum cgroup_kind k = 0; k < NR_CGROUP_LIMITS; k++) {
		const char *dir = cgroup_dir(cg, k);

		if (!dir) {
			cgroup_lack(cg, limits, k, CGROUP_NO_CONTROLLER, 0);
			continue;
		}
		int r = made[cg->of[k]];
		enum cgroup_why why =
			r < 0 ? CGROUP_NOT_WRITABLE : CGROUP_REFUSED;
		if (r == 0)
			r = write_limit(limits, k, dir);
		if (r < 0)
			cgroup_lack(cg, limits, k, why, -r);
	}
}

/* "8:0 Read 4096" for each device, and "Total"s: the sum of those of @op. */
static int64_t sum_io(const char *dir, const char *op)
{
	char path[PATH_MAX];
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int64_t sum = 0;

	(void)snprintf(path, sizeof(path), "%s/blkio.throttle.io_service_bytes",
		       dir);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	while (getline(&line, &size, f) > 0) {
		const char *p = strstr(line, op);

		if (p)
			sum += cgroup_leading(p + strlen(op));
	}
	return sum;
}

void cgroup_v1_usage(const struct cgroup *cg, struct cgroup_usage *u)
{
	const char *cpu = cgroup_dir(cg, CGROUP_CPUACCT);
	const char *memory = cgroup_dir(cg, CGROUP_MEMORY);
	const char *io = cgroup_dir(cg, CGROUP_IO);

	if (cpu) {
		u->cpu_usec = cgroup_number(cpu, "cpuacct.usage");
		if (u->cpu_usec > 0)
			u->cpu_usec /= 1000;
	}
	if (memory) {
		u->memory_peak =
			cgroup_number(memory, "memory.max_usage_in_bytes");
		u->oom_kills =
			cgroup_keyed(memory, "memory.oom_control", "oom_kill");
		u->limit_hits = cgroup_number(memory, "memory.failcnt");
	}
	if (io) {
		u->io_read = sum_io(io, " Read ");
		u->io_written = sum_io(io, " Write ");
	}
}
