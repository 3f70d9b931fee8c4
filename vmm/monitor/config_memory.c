/* SPDX-License-Identifier: Apache-2.0 */
/* config_memory.c - how much RAM, of which pages, on which NUMA nodes. */
#include <errno.h>
#include <inttypes.h>
#include <strings.h>

#include "vmm/lib/hostmem.h"
#include "vmm/lib/parse.h"
#include "vmm/monitor/config_priv.h"

#define MEMORY_MIN (UINT64_C(4) << 20)
#define MEMORY_MAX (UINT64_C(4) << 40)

int config_set_memory(struct config *c, const char *arg, struct err *err)
{
	uint64_t bytes;
	int r = parse_size(arg, "--memory", &bytes, err);

	if (r < 0)
		return r;
	if (bytes < MEMORY_MIN)
		return err_say(err, ERANGE,
			       "--memory: %s is too small; give 64m or more",
			       arg);
	if (bytes > MEMORY_MAX)
		return err_say(err, ERANGE,
			       "--memory: %s is too large; give 4t or less",
			       arg);
	c->memory = bytes & ~(GMEM_PAGE_4K - 1);
	return 0;
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
