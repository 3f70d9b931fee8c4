/* SPDX-License-Identifier: Apache-2.0 */
/* config_memory.c - how much RAM, of which pages, on which NUMA nodes. */
#include <errno.h>
#include <inttypes.h>
#include <strings.h>

#include "devices/virtio/mem.h"
#include "vmm/lib/hostmem.h"
#include "vmm/lib/parse.h"
#include "vmm/monitor/config_priv.h"

#define MEMORY_MIN (UINT64_C(4) << 20)
#define MEMORY_MAX (UINT64_C(4) << 40)

static int set_size(const char *option, const char *arg, uint64_t *ret,
		    struct err *err)
{
	uint64_t bytes;
	int r = parse_size(arg, option, &bytes, err);

	if (r < 0)
		return r;
	if (bytes < MEMORY_MIN)
		return err_say(err, ERANGE,
			       "%s: %s is too small; give 64m or more", option,
			       arg);
	if (bytes > MEMORY_MAX)
		return err_say(err, ERANGE,
			       "%s: %s is too large; give 4t or less", option,
			       arg);
	*ret = bytes & ~(GMEM_PAGE_4K - 1);
	return 0;
}

int config_set_memory(struct config *c, const char *arg, struct err *err)
{
	return set_size("--memory", arg, &c->memory, err);
}

int config_set_memory_max(struct config *c, const char *arg, struct err *err)
{
	return set_size("--memory-max", arg, &c->memory_max, err);
}

int config_set_hugepages(struct config *c, const char *arg, struct err *err)
{
	if (strcasecmp(arg, "2m") == 0)
		c->page = GMEM_PAGE_2M;
	else if (strcasecmp(arg, "1g") == 0)
		c->page = GMEM_PAGE_1G;
	else
		return err_say(err, EINVAL,
			       "--hugepages: '%s' is not a size of huge pages; "
			       "give 2m or 1g",
			       arg);
	return 0;
}

int config_add_node(struct config *c, const char *arg, struct err *err)
{
	uint64_t node;

	if (c->nr_nodes == GMEM_MAX_NODES)
		return err_say(err, E2BIG, "--numa: more than %d of them",
			       GMEM_MAX_NODES);
	int r = parse_u64(arg, "--numa", 0, HOST_MAX_NODES - 1, &node, err);
	if (r == 0)
		c->node[c->nr_nodes++] = (unsigned)node;
	return r;
}

int config_check_nodes(const struct config *c, struct err *err)
{
	if (c->nr_nodes > 0 && c->hw == MACHINE_FDT)
		return err_say(err, EINVAL,
			       "--numa: Linux on x86 takes no nodes from a "
			       "device tree; use --hw acpi");
	if (c->cpus < c->nr_nodes)
		return err_say(err, EINVAL,
			       "--numa: %u nodes for %u vCPU%s; give --cpus "
			       "%u or more, or fewer nodes",
			       c->nr_nodes, c->cpus, c->cpus == 1 ? "" : "s",
			       c->nr_nodes);
	for (unsigned i = 0; i < c->nr_vfio; i++)
		if (c->vfio[i].node >= (int)c->nr_nodes)
			return err_say(err, EINVAL,
				       "--vfio: node=%d of %s is none of the "
				       "guest's %u NUMA nodes; give --numa "
				       "for each of them",
				       c->vfio[i].node, c->vfio[i].bdf,
				       c->nr_nodes);
	return 0;
}

int config_check_memory(const struct config *c, struct err *err)
{
	bool fixed = c->page || c->nr_vfio;
	const char *why = c->page ? "huge pages are not divided"
				  : "all of RAM is pinned for --vfio";

	if (c->balloon && fixed)
		return err_say(err, EINVAL,
			       "--balloon can give nothing back: %s; leave it "
			       "out",
			       why);
	if (c->memory_max && fixed)
		return err_say(err, EINVAL,
			       "--memory-max: nothing can be plugged in: %s; "
			       "leave it out",
			       why);
	if (c->memory_max && c->nr_nodes)
		return err_say(err, EINVAL,
			       "--memory-max: what is plugged in is of no "
			       "node; leave out --numa or that");
	if (c->memory_max && c->memory_max < c->memory + MEM_BLOCK)
		return err_say(err, ERANGE,
			       "--memory-max: %" PRIu64 " MiB are not more "
			       "than the %" PRIu64 " MiB of --memory; give "
			       "%" PRIu64 "m or more, or leave it out",
			       c->memory_max >> 20, c->memory >> 20,
			       (c->memory + 2 * MEM_BLOCK - 1) / MEM_BLOCK *
				       (MEM_BLOCK >> 20));
	return 0;
}
