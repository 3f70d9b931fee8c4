/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - the limits of a VM, computed and as JSON. */
#include "vmm/manager/limits.h"

#include "vmm/lib/json.h"
#include "vmm/manager/devices.h"

#define NODE_THREADS 16 /* that populate the memory of one host node */

uint64_t limits_allowance(uint64_t memory, unsigned cpus)
{
	return LIMITS_MEMORY_FIXED + cpus * LIMITS_MEMORY_VCPU +
	       memory / LIMITS_MEMORY_SHARE;
}

static unsigned threads(const struct spec *spec)
{
	unsigned nodes = spec->devices ? spec->devices->nr_numa : 0;
	unsigned teams = NODE_THREADS * (nodes ? nodes : 1);

	return LIMITS_PIDS_MARGIN + LIMITS_DISKS_MAX * LIMITS_DISK_THREADS +
	       (spec->cpus > teams ? spec->cpus : teams);
}

void limits_of(const struct spec *spec, struct cgroup_limits *ret)
{
	const struct limit_options *o = &spec->options->limits;
	unsigned images = shares_images(&spec->options->shares);
	unsigned shares = spec->options->shares.n - images;
	uint64_t most = spec->memory_max ? spec->memory_max : spec->memory;
	/* Page tables have images in memory too. */
	uint64_t mapped = most + shares_in_memory(&spec->options->shares);
	uint64_t beside = limits_allowance(mapped, spec->cpus) +
			  shares * LIMITS_MEMORY_SERVER;
	bool huge = spec->options->hugepages != 0;

	*ret = (struct cgroup_limits){
		.memory = beside + (huge ? 0 : spec->memory),
		.huge = huge ? spec->memory : 0,
		.cpu = o->cpu,
		.shares = o->cpu_shares,
		.pids = threads(spec) + shares * LIMITS_PIDS_SERVER +
			images * LIMITS_DISK_THREADS,
		.io_weight = o->blkio_weight,
	};
}

uint64_t limits_share(uint64_t rate, unsigned nr)
{
	uint64_t share = nr ? rate / nr : rate;

	return rate && share == 0 ? 1 : share;
}

static void put(struct json_object *o, const char *key, uint64_t v)
{
	if (v)
		json_put_u64(o, key, v);
}

struct json_object *limits_to_json(const struct spec *spec)
{
	const struct limit_options *l = &spec->options->limits;
	struct json_object *o = json_object_new_object();
	struct cgroup_limits cg;

	limits_of(spec, &cg);
	put(o, "memory", cg.memory);
	put(o, "pids", cg.pids);
	if (cg.cpu)
		(void)json_object_object_add(
			o, "cpus", json_object_new_double(cg.cpu / 1000.0));
	put(o, "cpu_shares", cg.shares);
	if (l->cpuset_cpus)
		json_put_str(o, "cpuset_cpus", l->cpuset_cpus);
	put(o, "blkio_weight", cg.io_weight);
	if (l->cgroup_parent)
		json_put_str(o, "cgroup_parent", l->cgroup_parent);
	put(o, "disk_bps", l->disk_bps);
	put(o, "disk_iops", l->disk_iops);
	put(o, "net_bps", l->net_bps);
	put(o, "net_pps", l->net_pps);
	put(o, "console_bps", l->console_bps);
	if (l->required)
		json_put_bool(o, "required", true);
	return o;
}
